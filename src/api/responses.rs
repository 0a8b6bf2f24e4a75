//! `POST /v1/responses` and the two paths below it: the request.

use super::tool::Json;
use super::{Int, Number, Text};
use crate::json::{ParseError, Read, Reader};

object! {
    /// The body of `POST /v1/responses`. Members that an answer repeats are kept as they were written.
    pub struct Request<'a> {
        /// The id of the model.
        "model" model: Text<'a>,
        /// What the model reads: a text, or items.
        "input" input: Input<'a>,
        /// Instructions that go before the input.
        "instructions" instructions: Json<'a>,
        /// Whether to answer as server-sent events.
        "stream" stream: bool,
        /// How to stream.
        "stream_options" stream_options: StreamOptions<'a>,
        /// The tools the model may call.
        "tools" tools: Vec<Verbatim<'a, Tool<'a>>>,
        /// Which tool it may or must call.
        "tool_choice" tool_choice: Verbatim<'a, ToolChoice<'a>>,
        /// Whether it may call several at once.
        "parallel_tool_calls" parallel_tool_calls: bool,
        /// The most calls of tools the API runs itself.
        "max_tool_calls" max_tool_calls: Int,
        /// What an answer contains besides the usual.
        "include" include: Vec<Text<'a>>,
        /// Whether the answer is kept.
        "store" store: bool,
        /// The form of the answer's text.
        "text" text: TextConfig<'a>,
        /// How much the model reasons.
        "reasoning" reasoning: Reasoning<'a>,
        /// The most tokens to generate, reasoning included.
        "max_output_tokens" max_output_tokens: Int,
        /// 0 to 2.
        "temperature" temperature: Number,
        /// 0 to 1.
        "top_p" top_p: Number,
        /// How many alternatives come with each token, 0 to 20.
        "top_logprobs" top_logprobs: Int,
        /// The service tier.
        "service_tier" service_tier: Text<'a>,
        /// A stored response to go on from.
        "previous_response_id" previous_response_id: Text<'a>,
        /// A stored conversation to go on from.
        "conversation" conversation: Json<'a>,
        /// Whether to answer at once and generate later.
        "background" background: bool,
        /// What happens to input that is too long: `auto` or `disabled`.
        "truncation" truncation: Text<'a>,
        /// Labels of the caller's, up to 16.
        "metadata" metadata: Json<'a>,
        /// The end user.
        "user" user: Text<'a>,
        /// The end user, to whom abuse is traced.
        "safety_identifier" safety_identifier: Text<'a>,
        /// Requests with one key share a cache.
        "prompt_cache_key" prompt_cache_key: Text<'a>,
        /// How long prompts stay in the cache.
        "prompt_cache_retention" prompt_cache_retention: Text<'a>,
        /// How the prompt is cached.
        "prompt_cache_options" prompt_cache_options: Json<'a>,
        /// A stored prompt.
        "prompt" prompt: Json<'a>,
        /// What the API removes from a long conversation.
        "context_management" context_management: Json<'a>,
        /// How input and output are moderated.
        "moderation" moderation: Json<'a>,
        /// Labels of the caller's software, which Codex sends.
        "client_metadata" client_metadata: Json<'a>,
    }
}

impl Request<'_> {
    /// Whether the answer goes out as server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether an answer contains what `include` names so.
    pub fn includes(&self, name: &str) -> bool {
        self.include.iter().flatten().any(|one| *one == name)
    }
}

/// A value, and the JSON it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Verbatim<'a, T> {
    /// As it was written.
    pub json: Json<'a>,
    /// The value.
    pub value: T,
}

/// What an answer repeats.
pub trait Repeated {
    /// The most bytes that defaults add to it.
    fn defaults(&self) -> usize {
        0
    }
}

impl Repeated for ToolChoice<'_> {}
impl Repeated for Format<'_> {}
impl Repeated for Tool<'_> {
    fn defaults(&self) -> usize {
        match self.kind.as_deref() {
            Some("function" | "custom" | "namespace") => 0,
            _ => 256,
        }
    }
}

impl<'a, T: Read<'a> + Repeated> Read<'a> for Verbatim<'a, T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let before = json.clone();
        let value = T::read(json)?;
        let mut again = before;
        let text = again.raw()?;
        // The answer repeats it, and a stream does so more than once.
        json.charge(3 * (text.len() + value.defaults()))?;
        Ok(Self { json: Json(text), value })
    }
}

object! {
    /// How to stream.
    pub struct StreamOptions<'a> {
        /// Whether deltas are padded so that their sizes reveal nothing; true unless set.
        "include_obfuscation" include_obfuscation: bool,
    }
}

/// What the model reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A user's message.
    Text(Text<'a>),
    /// Items: messages, calls, results, reasoning.
    Items(Vec<Item<'a>>),
}

string_or! { Input, |text| Some(Input::Text(text)), Input::Items }

object! {
    /// One item of the input. Its `type` determines which members it has; one without is a message.
    pub struct Item<'a> then ItemOfTools {
        /// The type.
        "type" kind: Text<'a>,
        /// Who wrote a message.
        "role" role: Text<'a>,
        /// The content of a message.
        "content" content: Content<'a>,
    }
}

rest! {
    /// The members of an item that calls a tool or has the result, and of reasoning.
    pub struct ItemOfTools<'a> then RareItem {
        /// What a call's result refers to.
        "call_id" call_id: Text<'a>,
        /// The tool that is called.
        "name" name: Text<'a>,
        /// What a function is called with: JSON in a string; `tool_search_call` has an object.
        "arguments" arguments: Json<'a>,
        /// What a custom tool is called with.
        "input" input: Text<'a>,
        /// The result of a call.
        "output" output: Output<'a>,
        /// The summary of reasoning.
        "summary" summary: Vec<Part<'a>>,
        /// Reasoning, or a compacted conversation, in encrypted form.
        "encrypted_content" encrypted_content: Text<'a>,
    }
}

rest! {
    /// The members of an item that the gateway has no use for, and those that few items have.
    pub struct RareItem<'a> {
        /// The item's id.
        "id" id: Text<'a>,
        /// How far the item has come.
        "status" status: Text<'a>,
        /// The namespace of the tool.
        "namespace" namespace: Text<'a>,
        /// The tools that an item adds.
        "tools" tools: Vec<Tool<'a>>,
        /// `commentary` or `final_answer`.
        "phase" phase: Text<'a>,
    }
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// Plain text.
    Text(Text<'a>),
    /// Typed parts.
    Parts(Vec<Part<'a>>),
}

string_or! { Content, |text| Some(Content::Text(text)), Content::Parts }

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Output<'a> {
    /// Plain text.
    Text(Text<'a>),
    /// Typed parts.
    Parts(Vec<Part<'a>>),
    /// What results of other tools than the caller's may be.
    Other(Json<'a>),
}

impl<'a> Read<'a> for Output<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        match json.peek() {
            b'"' => Ok(Self::Text(Text(json.string()?))),
            b'[' => Read::read(json).map(Self::Parts),
            _ => json.raw().map(|raw| Self::Other(Json(raw))),
        }
    }
}

object! {
    /// One part of a message, a result or a summary.
    pub struct Part<'a> then RarePart {
        /// `input_text`, `output_text`, `input_image`, `input_file`, `input_audio`, `refusal`, `summary_text`, …
        "type" kind: Text<'a>,
        /// The text.
        "text" text: Text<'a>,
        /// A URL, or the image itself as a `data:` URL.
        "image_url" image_url: Text<'a>,
    }
}

rest! {
    /// The members that few parts have.
    pub struct RarePart<'a> {
        /// The refusal.
        "refusal" refusal: Text<'a>,
        /// How closely the model looks.
        "detail" detail: Text<'a>,
        /// An uploaded file.
        "file_id" file_id: Text<'a>,
        /// A file's name.
        "filename" filename: Text<'a>,
        /// A file, as a `data:` URL.
        "file_data" file_data: Text<'a>,
        /// Where a file is.
        "file_url" file_url: Text<'a>,
    }
}

object! {
    /// A tool the model may call. Types other than `function`, `custom` and `namespace` are run by the API's servers, or by
    /// the caller in a way of their own.
    pub struct Tool<'a> then RareTool {
        /// The type.
        "type" kind: Text<'a>,
        /// The name it is called by.
        "name" name: Text<'a>,
        /// What it is for.
        "description" description: Text<'a>,
        /// The JSON Schema of a function's arguments.
        "parameters" parameters: Json<'a>,
        /// Whether arguments must be valid under the schema; true unless set.
        "strict" strict: bool,
    }
}

rest! {
    /// The members that few tools have.
    pub struct RareTool<'a> {
        /// What a custom tool's input looks like.
        "format" format: ToolFormat<'a>,
        /// The tools of a namespace.
        "tools" tools: Vec<Tool<'a>>,
        /// Whether the model finds it by a search only.
        "defer_loading" defer_loading: Json<'a>,
        /// Who may call it: the model, or a program that it writes.
        "allowed_callers" allowed_callers: Json<'a>,
        /// The JSON Schema of a function's results.
        "output_schema" output_schema: Json<'a>,
    }
}

object! {
    /// A tool that is a namespace, its tools kept as they were written.
    pub struct Namespace<'a> {
        /// The name.
        "name" name: Text<'a>,
        /// What its tools are for.
        "description" description: Text<'a>,
        /// Its tools.
        "tools" tools: Vec<Verbatim<'a, Tool<'a>>>,
    }
}

object! {
    /// What a custom tool's input looks like.
    pub struct ToolFormat<'a> {
        /// `text` or `grammar`.
        "type" kind: Text<'a>,
        /// `lark` or `regex`.
        "syntax" syntax: Text<'a>,
        /// The grammar.
        "definition" definition: Text<'a>,
    }
}

/// Which tool the model may or must call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// `none`, `auto` or `required`.
    Mode(Text<'a>),
    /// One tool, or a choice of them.
    Tool(Box<ChosenTool<'a>>),
}

string_or! { ToolChoice, |text| Some(ToolChoice::Mode(text)), |tool| ToolChoice::Tool(Box::new(tool)) }

object! {
    /// A tool choice that is an object.
    pub struct ChosenTool<'a> {
        /// `function`, `custom`, `allowed_tools`, or the type of a tool that the API runs.
        "type" kind: Text<'a>,
        /// The tool.
        "name" name: Text<'a>,
        /// `auto` or `required`.
        "mode" mode: Text<'a>,
        /// The tools that are allowed.
        "tools" tools: Vec<ChosenTool<'a>>,
    }
}

object! {
    /// The form of the answer's text.
    pub struct TextConfig<'a> {
        /// The form.
        "format" format: Verbatim<'a, Format<'a>>,
        /// `low`, `medium` or `high`.
        "verbosity" verbosity: Text<'a>,
    }
}

object! {
    /// Text, a JSON object, or JSON that is valid under a schema.
    pub struct Format<'a> {
        /// `text`, `json_object` or `json_schema`.
        "type" kind: Text<'a>,
        /// The schema's name.
        "name" name: Text<'a>,
        /// What it is for.
        "description" description: Text<'a>,
        /// JSON Schema.
        "schema" schema: Json<'a>,
        /// Whether the answer must be valid under it.
        "strict" strict: bool,
    }
}

object! {
    /// How much the model reasons.
    pub struct Reasoning<'a> {
        /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.
        "effort" effort: Text<'a>,
        /// `auto`, `concise` or `detailed`.
        "summary" summary: Text<'a>,
        /// The older name of `summary`.
        "generate_summary" generate_summary: Text<'a>,
        /// `auto`, `current_turn` or `all_turns`.
        "context" context: Text<'a>,
        /// `standard` or `pro`.
        "mode" mode: Text<'a>,
    }
}
