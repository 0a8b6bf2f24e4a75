//! What `encrypted_content` of a reasoning item holds when an upstream of another API has reasoned.
//!
//! Its callers return the item unchanged. Anthropic's API accepts thinking back only as it was: the text with its
//! signature, or the data of redacted thinking. A signature alone stands for an item whose summary is the text; the other
//! forms begin with their name and a colon, which no signature has.

use std::borrow::Cow;

const THINKING: &str = "thinking:";
const REDACTED: &str = "redacted_thinking:";

/// How the encrypted reasoning of OpenAI's own models begins (Fernet, version 128). No other API can read it.
const OF_OPENAI: &str = "gAAAA";

/// The reasoning in an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed<'a> {
    /// A signature, with the text where the item's summary does not have it.
    Thinking {
        /// The text; `None` if it is the item's summary.
        text: Option<Cow<'a, str>>,
        /// Its signature.
        signature: Cow<'a, str>,
    },
    /// The data of redacted thinking.
    Redacted(Cow<'a, str>),
}

impl<'a> Sealed<'a> {
    /// The value of `encrypted_content`.
    pub fn to_content(&self) -> String {
        match self {
            Self::Thinking { text: None, signature } => signature.to_string(),
            Self::Thinking { text: Some(text), signature } => format!("{THINKING}{signature}:{text}"),
            Self::Redacted(data) => format!("{REDACTED}{data}"),
        }
    }

    /// Reads a value of `encrypted_content`; `None` if it means nothing to another API.
    pub fn of_content(content: &'a str) -> Option<Self> {
        if content.is_empty() || content.starts_with(OF_OPENAI) {
            return None;
        }
        if let Some(data) = content.strip_prefix(REDACTED) {
            return Some(Self::Redacted(data.into()));
        }
        let (signature, text) = match content.strip_prefix(THINKING).and_then(|rest| rest.split_once(':')) {
            Some((signature, text)) => (signature, Some(text.into())),
            None => (content, None),
        };
        Some(Self::Thinking { text, signature: signature.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_read_back() {
        let thinking = |text: Option<&'static str>| Sealed::Thinking {
            text: text.map(Cow::Borrowed),
            signature: "EqQBCkgIAR/+==".into(),
        };
        for sealed in
            [thinking(None), thinking(Some("a: b")), thinking(Some("")), Sealed::Redacted("EmwK".into())]
        {
            assert_eq!(Sealed::of_content(&sealed.to_content()), Some(sealed.clone()), "{sealed:?}");
        }
        assert_eq!(Sealed::of_content("gAAAAABqYUYA"), None);
        assert_eq!(Sealed::of_content(""), None);
    }
}
