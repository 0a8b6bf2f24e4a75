//! What is answered where no rule has its own answer.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fmt;

/// What is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reply {
    /// `"echo"`: the last user message's text.
    #[default]
    Echo,
    /// `"words"` or `{"words": 40}`: prose of so many tokens, 64 if nothing else is said.
    Words(Length),
    /// `{"text": "…"}`: this text.
    Text(String),
}

// By hand: serde would have `words` as an object alone.
impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Reply;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`echo`, `words`, or an object with `words` or `text`")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Reply, E> {
                match name {
                    "echo" => Ok(Reply::Echo),
                    "words" => Ok(Reply::Words(Length(64))),
                    _ => Err(E::unknown_variant(name, &["echo", "words"])),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Reply, A::Error> {
                let reply = match map.next_key::<String>()?.as_deref() {
                    Some("words") => Reply::Words(map.next_value()?),
                    Some("text") => Reply::Text(map.next_value()?),
                    Some(name) => return Err(A::Error::unknown_field(name, &["words", "text"])),
                    None => return Err(A::Error::invalid_length(0, &self)),
                };
                match map.next_key::<String>()? {
                    None => Ok(reply),
                    Some(_) => Err(A::Error::custom("a reply is either `words` or `text`")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A length in tokens, at the most 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub u32);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            length @ 0..=100_000 => Ok(Self(length)),
            _ => Err(D::Error::custom("a length goes up to 100000 tokens")),
        }
    }
}
