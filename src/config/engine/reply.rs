//! What is answered where no rule has its own answer.

use crate::config::ConfigError;
use crate::config::node::{Node, Setting};
use crate::json::Value;

/// What is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reply {
    /// `"echo"`: the last user message's text.
    #[default]
    Echo,
    /// `"words"` or `{"words": 40}`: prose of so many tokens, 64 by default.
    Words(Length),
    /// `{"text": "…"}`: this text.
    Text(String),
}

impl Setting for Reply {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        if let Value::String(_) = at.value {
            let words = at.choice(&[("echo", false), ("words", true)])?;
            return Ok(if words { Self::Words(Length(64)) } else { Self::Echo });
        }
        let fields = at.fields(&["words", "text"])?;
        match (fields.maybe("words")?, fields.maybe("text")?) {
            (Some(length), None) => Ok(Self::Words(length)),
            (None, Some(text)) => Ok(Self::Text(text)),
            _ => Err(at.wrong("a reply is `echo`, `words`, or an object with either `words` or `text`")),
        }
    }
}

/// A length in tokens, at the most 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub u32);

impl Setting for Length {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.count(100_000).map(Self)
    }
}
