//! The members of a chat that OpenAI does not document, and those that other APIs have in another form.

use crate::api::Text;
use crate::api::tool::Json;
use crate::error::{ApiError, Kind};
use crate::json::{self, reads};
use crate::turn::{self, Part};

reads! {
    #[derive(Debug)]
    pub(super) struct Extensions<'a> {
        "messages" messages: Vec<Message<'a>>,
        "tools" tools: Vec<Tool<'a>>,
        "tool_choice" tool_choice: Json<'a>,
        "thinking" thinking: Thinking<'a>,
        "top_k" top_k: u64,
        "modalities" modalities: Vec<Text<'a>>,
        "user" user: Text<'a>,
        "safety_identifier" safety_identifier: Text<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Message<'a> {
        "content" content: Json<'a>,
        "reasoning_content" reasoning_content: Text<'a>,
        "thinking_blocks" thinking_blocks: Vec<Block<'a>>,
        "tool_calls" tool_calls: Vec<Call<'a>>,
        "cache_control" cache_control: CacheControl<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Call<'a> {
        "function" function: Called<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Called<'a> {
        // A string; some clients send the object itself.
        "arguments" arguments: Json<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Block<'a> {
        "type" kind: Text<'a>,
        "thinking" thinking: Text<'a>,
        "signature" signature: Text<'a>,
        "data" data: Text<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct PartOf<'a> {
        "type" kind: Text<'a>,
        "cache_control" cache_control: CacheControl<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Tool<'a> {
        "type" kind: Text<'a>,
        "function" function: Function<'a>,
        "custom" custom: Function<'a>,
        "cache_control" cache_control: CacheControl<'a>,
        // Of the tools of Responses and Messages, which some clients send to Chat Completions.
        "name" name: Text<'a>,
        "description" description: Text<'a>,
        "parameters" parameters: Json<'a>,
        "input_schema" input_schema: Json<'a>,
        "strict" strict: bool,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Function<'a> {
        "cache_control" cache_control: CacheControl<'a>,
    }
}

reads! {
    /// `tool_choice` as Messages or Responses have it.
    #[derive(Debug)]
    pub(super) struct Choice<'a> {
        "type" kind: Text<'a>,
        "name" name: Text<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct CacheControl<'a> {
        "ttl" ttl: Text<'a>,
    }
}

reads! {
    #[derive(Debug)]
    pub(super) struct Thinking<'a> {
        "type" kind: Text<'a>,
        "budget_tokens" budget_tokens: u64,
        "display" display: Json<'a>,
    }
}

impl<'a> Extensions<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        json::lossy_from_slice(body).map_err(|_| {
            let message = "A member that the upstream's API has, such as 'thinking', 'thinking_blocks', 'reasoning_content', \
                           'cache_control' or 'top_k', has an invalid type.";
            ApiError::new(Kind::InvalidType, message)
        })
    }
}

impl Tool<'_> {
    /// The tool as Responses or Messages have it.
    pub(super) fn flat(&self) -> Option<turn::Tool<'_>> {
        Some(turn::Tool {
            name: self.name.as_deref()?,
            description: self.description.as_deref(),
            parameters: self.parameters.or(self.input_schema),
            strict: self.strict,
            ..turn::Tool::default()
        })
    }
}

impl Thinking<'_> {
    pub(super) fn is_known(&self) -> bool {
        matches!(self.kind.as_deref(), Some("enabled" | "adaptive" | "disabled"))
    }
}

impl CacheControl<'_> {
    /// The time to live, if it is one of the two that are documented.
    pub(super) fn documented_ttl(&self) -> Option<&'static str> {
        match self.ttl.as_deref()? {
            "5m" => Some("5m"),
            "1h" => Some("1h"),
            _ => None,
        }
    }
}

impl Block<'_> {
    pub(super) fn part(&self) -> Part<'_> {
        match &self.data {
            Some(data) => Part::RedactedThinking { data: (&**data).into() },
            None => Part::Thinking {
                text: self.thinking.as_deref().unwrap_or_default().into(),
                signature: self.signature.as_deref().map(Into::into),
            },
        }
    }
}
