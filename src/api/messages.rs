//! `POST /v1/messages` and `POST /v1/messages/count_tokens`: the request, of Anthropic's Messages API
//! (<https://docs.anthropic.com/en/api/messages>).

use super::tool::Json;
use super::{Int, Number, Text};
use crate::json::{ParseError, Read, Reader};

/// The fewest tokens of a thinking budget.
pub const MIN_THINKING_BUDGET: u64 = 1024;

object! {
    /// The body of `POST /v1/messages`.
    pub struct Request<'a> {
        /// The id of the model. Required.
        "model" model: Text<'a>,
        /// The most tokens to generate. Required, but to count tokens.
        "max_tokens" max_tokens: Int,
        /// The conversation so far. Required.
        "messages" messages: Vec<Message<'a>>,
        /// Instructions.
        "system" system: Content<'a>,
        /// Whether to answer as server-sent events.
        "stream" stream: bool,
        /// 0 to 1.
        "temperature" temperature: Number,
        /// 0 to 1.
        "top_p" top_p: Number,
        /// Only the k likeliest tokens.
        "top_k" top_k: Int,
        /// Where to stop.
        "stop_sequences" stop_sequences: Vec<Text<'a>>,
        /// The tools the model may call.
        "tools" tools: Vec<Tool<'a>>,
        /// Which tool it may or must call.
        "tool_choice" tool_choice: ToolChoice<'a>,
        /// Whether and how much it reasons.
        "thinking" thinking: Thinking<'a>,
        /// The form of the answer, and the effort.
        "output_config" output_config: OutputConfig<'a>,
        /// The form of the answer, as betas before `output_config` had it.
        "output_format" output_format: Format<'a>,
        /// The end user.
        "metadata" metadata: Metadata<'a>,
        /// Where a cached prefix ends: at the last block that may be cached.
        "cache_control" cache_control: Json<'a>,
        /// What the API removes from a long conversation.
        "context_management" context_management: Json<'a>,
        /// Servers of the Model Context Protocol.
        "mcp_servers" mcp_servers: Json<'a>,
        /// A container for code.
        "container" container: Json<'a>,
        /// The service tier.
        "service_tier" service_tier: Json<'a>,
        /// Where inference runs.
        "inference_geo" inference_geo: Json<'a>,
        /// A conversation that the API's servers keep between turns (beta `message-threads-2026-08-12`).
        "thread" thread: Json<'a>,
    }
}

impl Request<'_> {
    /// Whether the answer goes out as server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

object! {
    /// One message.
    pub struct Message<'a> {
        /// `user`, `assistant`, or `system` in mid-conversation.
        "role" role: Text<'a>,
        /// A text or blocks.
        "content" content: Content<'a>,
        /// Claude Code sets the effort of single turns with it.
        "output_config" output_config: Json<'a>,
    }
}

/// The content of a message, of a tool result, or the system prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// Plain text.
    Text(Text<'a>),
    /// Typed blocks.
    Blocks(Vec<Block<'a>>),
    /// What the results of servers' tools may be.
    Other(Json<'a>),
}

impl<'a> Read<'a> for Content<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        match json.peek() {
            b'"' => Ok(Self::Text(Text(json.string()?))),
            b'[' => Read::read(json).map(Self::Blocks),
            b'{' => json.raw().map(|raw| Self::Other(Json(raw))),
            _ => Err(ParseError),
        }
    }
}

object! {
    /// One block of content; its `type` determines which members it has.
    pub struct Block<'a> then BlockOfTools {
        /// `text`, `image`, `document`, `search_result`, `tool_use`, `tool_result`, `thinking`, `redacted_thinking`, or a type of a server's
        /// tool.
        "type" kind: Text<'a>,
        /// The text.
        "text" text: Text<'a>,
        /// Where an image or a document is, or a search result is from.
        "source" source: Box<Place<'a>>,
    }
}

rest! {
    /// The members of a block that calls a tool, or has the result.
    pub struct BlockOfTools<'a> then RareBlock {
        /// The id of a tool call.
        "id" id: Text<'a>,
        /// The tool.
        "name" name: Text<'a>,
        /// What it is called with.
        "input" input: Json<'a>,
        /// The call that a result belongs to.
        "tool_use_id" tool_use_id: Text<'a>,
        /// The content of a result.
        "content" content: Content<'a>,
        /// Whether the tool failed.
        "is_error" is_error: bool,
    }
}

rest! {
    /// The members that few blocks have.
    pub struct RareBlock<'a> {
        /// A document's title.
        "title" title: Text<'a>,
        /// What is known of a document.
        "context" context: Text<'a>,
        /// A document's or a text's citations.
        "citations" citations: Json<'a>,
        /// Who called a tool.
        "caller" caller: Json<'a>,
        /// The reasoning.
        "thinking" thinking: Text<'a>,
        /// Its signature.
        "signature" signature: Text<'a>,
        /// Reasoning in encrypted form.
        "data" data: Text<'a>,
        /// Where a cached prefix ends.
        "cache_control" cache_control: Json<'a>,
    }
}

/// The `source` of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Place<'a> {
    /// Of an image or a document.
    Source(Source<'a>),
    /// Of a search result, such as its URL.
    Name(Text<'a>),
}

impl<'a> Read<'a> for Place<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        match json.peek() {
            b'"' => Ok(Self::Name(Text(json.string()?))),
            _ => Read::read(json).map(Self::Source),
        }
    }
}

object! {
    /// Where an image or a document is.
    pub struct Source<'a> {
        /// `base64`, `url`, `text`, `content` or `file`.
        "type" kind: Text<'a>,
        /// Such as `image/png`.
        "media_type" media_type: Text<'a>,
        /// Base64, or plain text.
        "data" data: Text<'a>,
        /// Where it is.
        "url" url: Text<'a>,
        /// Which uploaded file it is.
        "file_id" file_id: Text<'a>,
        /// Blocks of text.
        "content" content: Content<'a>,
    }
}

object! {
    /// A tool the model may call. Those with a `type` other than `custom` are run by the API's servers or known to the model.
    pub struct Tool<'a> {
        /// The type.
        "type" kind: Text<'a>,
        /// The name it is called by.
        "name" name: Text<'a>,
        /// What it is for.
        "description" description: Text<'a>,
        /// The JSON Schema of its input.
        "input_schema" input_schema: Json<'a>,
        /// Whether the input must be valid under the schema.
        "strict" strict: bool,
        /// Where a cached prefix ends.
        "cache_control" cache_control: Json<'a>,
        /// Whether the model finds it by search only.
        "defer_loading" defer_loading: bool,
    }
}

impl Tool<'_> {
    /// Whether the caller runs it.
    pub fn is_custom(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "custom")
    }
}

object! {
    /// Which tool the model may or must call.
    pub struct ToolChoice<'a> {
        /// `auto`, `any`, `tool` or `none`.
        "type" kind: Text<'a>,
        /// The tool, where `type` is `tool`.
        "name" name: Text<'a>,
        /// Whether it may call one tool at most.
        "disable_parallel_tool_use" disable_parallel_tool_use: bool,
    }
}

object! {
    /// Whether and how much the model reasons.
    pub struct Thinking<'a> {
        /// `enabled`, `adaptive` or `disabled`.
        "type" kind: Text<'a>,
        /// The most tokens of reasoning, at least 1,024.
        "budget_tokens" budget_tokens: Int,
        /// `omitted` leaves the text out of the answer.
        "display" display: Text<'a>,
    }
}

object! {
    /// The form of the answer, and the effort.
    pub struct OutputConfig<'a> {
        /// `low`, `medium`, `high`, `xhigh` or `max`.
        "effort" effort: Text<'a>,
        /// The form of the answer.
        "format" format: Format<'a>,
        /// The most tokens of a whole task.
        "task_budget" task_budget: Json<'a>,
    }
}

object! {
    /// A schema the answer is valid under.
    pub struct Format<'a> {
        /// `json_schema`.
        "type" kind: Text<'a>,
        /// JSON Schema.
        "schema" schema: Json<'a>,
    }
}

object! {
    /// The end user.
    pub struct Metadata<'a> {
        /// An opaque id.
        "user_id" user_id: Text<'a>,
    }
}
