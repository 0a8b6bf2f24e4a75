//! Which model has which encoding.

use super::Encoding;

pub(super) fn encoding(name: &str) -> Encoding {
    let base = name.strip_prefix("ft:").and_then(|tuned| tuned.split(':').next()).unwrap_or(name);
    let old = ["gpt-4", "gpt-3.5", "davinci-002", "babbage-002"].contains(&base)
        || ["gpt-4-", "gpt-3.5-", "gpt-35-turbo", "text-embedding-"]
            .iter()
            .any(|start| base.starts_with(start));
    if old { Encoding::Cl100kBase } else { Encoding::O200kBase }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_encoding() {
        for (name, want) in [
            ("gpt-4o", Encoding::O200kBase),
            ("gpt-4o-mini-2024-07-18", Encoding::O200kBase),
            ("chatgpt-4o-latest", Encoding::O200kBase),
            ("gpt-4.1-nano", Encoding::O200kBase),
            ("gpt-4.5-preview", Encoding::O200kBase),
            ("gpt-5", Encoding::O200kBase),
            ("o1", Encoding::O200kBase),
            ("o3-mini", Encoding::O200kBase),
            ("o4-mini", Encoding::O200kBase),
            ("gpt-4", Encoding::Cl100kBase),
            ("gpt-4-0613", Encoding::Cl100kBase),
            ("gpt-4-turbo", Encoding::Cl100kBase),
            ("gpt-4-32k", Encoding::Cl100kBase),
            ("gpt-3.5-turbo", Encoding::Cl100kBase),
            ("gpt-3.5-turbo-instruct", Encoding::Cl100kBase),
            ("gpt-35-turbo", Encoding::Cl100kBase), // Azure's spelling
            ("text-embedding-3-small", Encoding::Cl100kBase),
            ("text-embedding-ada-002", Encoding::Cl100kBase),
            ("babbage-002", Encoding::Cl100kBase),
            ("davinci-002", Encoding::Cl100kBase),
            ("ft:gpt-3.5-turbo-0125:org::id", Encoding::Cl100kBase),
            ("ft:gpt-4o-2024-08-06:org::id", Encoding::O200kBase),
            ("ft:gpt-4", Encoding::Cl100kBase),
            ("my-model", Encoding::O200kBase),
            ("", Encoding::O200kBase),
        ] {
            assert_eq!(encoding(name), want, "{name:?}");
        }
    }
}
