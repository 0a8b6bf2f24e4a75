//! The forms in which clients write the API's paths: bases, deployments, doubled slashes, percent-encoding.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The bases of the API's paths: OpenAI's, and Azure's with the API's version in the path or in the query.
const BASES: [&str; 3] = ["/v1/", "/openai/v1/", "/openai/"];

/// The operations that Azure serves below `deployments/{model}/`. The longest that fits comes first.
const DEPLOYMENT_OPERATIONS: [&str; 3] = ["chat/completions", "completions", "embeddings"];

/// A folded path below its base: `chat/completions`.
pub(super) fn below_base(path: &str) -> Option<&str> {
    BASES.iter().find_map(|base| path.strip_prefix(base))
}

/// Splits `deployments/{model}/{operation}`. Azure's SDKs do not encode the slashes of a model's name.
pub(super) fn split_deployment(below: &str) -> Option<(&str, &'static str)> {
    let rest = below.strip_prefix("deployments/")?;
    let split =
        |operation: &&'static str| Some((rest.strip_suffix(operation)?.strip_suffix('/')?, *operation));
    DEPLOYMENT_OPERATIONS.iter().find_map(split).filter(|(model, _)| !model.is_empty())
}

/// The model that a path of Azure's form names (`/openai/deployments/{model}/…`), decoded.
pub fn deployment(path: &str) -> Option<String> {
    let path = folded(path);
    split_deployment(below_base(&path)?).map(|(model, _)| decode(model))
}

/// The query for an upstream. The `api-version` of Azure's clients is for the gateway: what an upstream needs
/// there is its own setting.
pub fn upstream_query<'a>(path: &str, query: Option<&'a str>) -> Option<Cow<'a, str>> {
    let query = query?;
    let path = folded(path);
    let is_azure = path.starts_with("/openai/") || below_base(&path).is_some_and(is_below_deployments);
    let is_version = |pair: &str| pair.split('=').next().is_some_and(|name| decode(name) == "api-version");
    if !is_azure || !query.split('&').any(is_version) {
        return Some(Cow::Borrowed(query));
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_version(pair)).collect();
    (!rest.is_empty()).then(|| Cow::Owned(rest.join("&")))
}

pub(super) fn is_below_deployments(below: &str) -> bool {
    below.starts_with("deployments/")
}

/// A path without doubled slashes and without a trailing one.
pub(super) fn folded(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        let trimmed = path.strip_suffix('/').filter(|rest| !rest.is_empty());
        return Cow::Borrowed(trimmed.unwrap_or(path));
    }
    let mut out = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    Cow::Owned(out)
}

/// Decodes `%41` (RFC 3986, section 2.1). What is no UTF-8 once decoded stays as it is.
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_the_model() {
        for (path, want) in [
            ("/openai/deployments/gpt-4o/chat/completions", Some("gpt-4o")),
            ("/openai/deployments/meta%2Fllama/completions/", Some("meta/llama")),
            ("/openai//deployments/meta/llama/embeddings", Some("meta/llama")),
            ("/v1/deployments/claude/chat/completions", Some("claude")),
            ("/openai/v1/chat/completions", None),
            ("/v1/chat/completions", None),
        ] {
            assert_eq!(deployment(path).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn the_version_of_an_azure_client_stays_here() {
        let azure = "/openai/deployments/gpt-4o/chat/completions";
        for (path, query, want) in [
            (azure, Some("api-version=2024-10-21"), None),
            (azure, Some("a=1&api%2Dversion=2024-10-21&b"), Some("a=1&b")),
            ("/openai/v1/models", Some("api-version=preview&limit=2"), Some("limit=2")),
            ("/v1/deployments/m/completions", Some("api-version=1"), None),
            ("/v1/chat/completions", Some("api-version=1"), Some("api-version=1")),
            (azure, None, None),
        ] {
            assert_eq!(upstream_query(path, query).as_deref(), want, "{path} {query:?}");
        }
    }
}
