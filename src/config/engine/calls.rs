//! The tool calls of rules.

use crate::config::ConfigError;
use crate::config::node::{Node, Setting, settings};
use crate::json::Value;

/// The tool calls of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum ScriptedCalls {
    /// `"auto"`: a call of whichever tool the request offers.
    Auto,
    /// These, of which those are made whose tools the request offers; never empty.
    List(Vec<ScriptedCall>),
}

impl Setting for ScriptedCalls {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        match at.value {
            Value::String(_) => at.choice(&[("auto", ())]).map(|()| Self::Auto),
            Value::Array(calls) if calls.is_empty() => {
                Err(at.wrong("it needs at least one call; `auto` calls whichever tool is offered"))
            }
            Value::Array(_) => Vec::read(at).map(Self::List),
            _ => Err(at.expected("an array of calls, or `auto`")),
        }
    }
}

settings! {
    /// A tool call of a rule.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ScriptedCall {
        /// The tool's name.
        pub name: String = needed,
        /// The arguments; if absent, they are generated from the tool's schema.
        pub arguments: Option<Arguments> = maybe,
    }
}

/// The arguments of a call as the text that is sent: a string as it is, any other value as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments(pub String);

impl Setting for Arguments {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        Ok(Self(at.value.as_str().map_or_else(|| at.value.to_json(), str::to_owned)))
    }
}
