//! [`Request`]: what a model is to do.

use crate::api::tool::Json;
use std::borrow::Cow;

/// One conversation, or one prompt, and how to go on from there.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The caller's name of the model.
    pub model: &'a str,
    /// What the model reads.
    pub input: Input<'a>,
    /// How many choices to generate, at least 1.
    pub choices: u32,
    /// The most tokens of each choice, reasoning included.
    pub max_tokens: Option<u64>,
    /// How tokens are chosen.
    pub sampling: Sampling<'a>,
    /// Where generation stops. The stop sequence is not part of the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// Whether each token comes with its log probability, and with how many alternatives.
    pub logprobs: Option<u32>,
    /// The form of the answer's text.
    pub format: Format<'a>,
    /// The tools the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Which tool it may or must call.
    pub tool_choice: ToolChoice<'a>,
    /// The only tools that may be called, by name; `None` for all.
    pub allowed_tools: Option<Vec<&'a str>>,
    /// Whether it may call several tools in one turn.
    pub parallel_tool_calls: bool,
    /// How much it reasons before it answers.
    pub reasoning: Reasoning,
    /// How long the answer is.
    pub verbosity: Option<Verbosity>,
    /// Text the answer is expected to repeat.
    pub prediction: Option<Prediction<'a>>,
    /// Whether the answer is delivered as it is generated.
    pub stream: bool,
    /// The caller's opaque id of its end user.
    pub end_user: Option<Cow<'a, str>>,
    /// True for Chat Completions' older `functions`, whose answers have the form of `function_call`.
    pub legacy_functions: bool,
}

/// What a model reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A conversation, oldest message first.
    Messages(Vec<Message<'a>>),
    /// A text to complete.
    Prompt(Prompt<'a>),
}

/// A text to complete (`POST /v1/completions`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prompt<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Its tokens, where the caller sent tokens.
    pub tokens: Option<Vec<u32>>,
    /// What follows the completion.
    pub suffix: Option<&'a str>,
    /// Whether the answer begins with the prompt.
    pub echo: bool,
    /// How many completions to generate and choose the best of.
    pub best_of: u32,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// Who wrote it.
    pub role: Role,
    /// The author's name, where several share a role.
    pub name: Option<&'a str>,
    /// Its content, in order.
    pub content: Content<'a>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator, with instructions.
    System,
    /// The same, as newer OpenAI models name it.
    Developer,
    /// The end user.
    User,
    /// The model.
    Assistant,
    /// A tool: every part is a [`ToolResult`].
    Tool,
}

/// The content of a message. One text needs no list, and most messages are one.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// One text.
    Text(&'a str),
    /// Parts.
    Parts(Vec<Part<'a>>),
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// An image, a document or a sound.
    Media(Media<'a>),
    /// The assistant's refusal.
    Refusal(Cow<'a, str>),
    /// The assistant's reasoning, and the signature that proves its origin.
    Thinking {
        /// The text, which may be empty.
        text: Cow<'a, str>,
        /// Opaque.
        signature: Option<Cow<'a, str>>,
    },
    /// Reasoning that is returned in encrypted form only.
    RedactedThinking {
        /// Opaque.
        data: Cow<'a, str>,
    },
    /// The assistant's call of a tool.
    ToolCall {
        /// What the result refers to.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// A JSON object of a function, any text of a custom tool.
        input: Cow<'a, str>,
        /// Which of the two.
        kind: ToolKind,
    },
    /// The result of a tool call.
    ToolResult(ToolResult<'a>),
    /// Where a reusable prefix of the prompt ends: the part before it is its last.
    CachePoint {
        /// How long it is worth keeping: `5m` or `1h`.
        ttl: Option<&'a str>,
    },
}

/// The result of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// The id of the call.
    pub id: Cow<'a, str>,
    /// The tool, where the caller names it.
    pub name: Option<&'a str>,
    /// Text and media.
    pub content: Vec<Part<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// An image, a document or a sound.
#[derive(Debug, Clone, PartialEq)]
pub enum Media<'a> {
    /// An image; `detail` as OpenAI names it: `low`, `high`, `auto`, `original`.
    Image {
        /// Where it is.
        source: Source<'a>,
        /// How closely the model looks.
        detail: Option<&'a str>,
    },
    /// A document.
    Document {
        /// Where it is.
        source: Source<'a>,
        /// Its file name or title.
        title: Option<Cow<'a, str>>,
    },
    /// A sound; `format` is `wav` or `mp3`.
    Audio {
        /// Base64.
        data: Cow<'a, str>,
        /// The encoding of the sound.
        format: &'a str,
    },
}

/// Where an image or a document is.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// In the request, as base64.
    Base64 {
        /// Such as `image/png`.
        media_type: Cow<'a, str>,
        /// Base64.
        data: Cow<'a, str>,
    },
    /// In the request, as plain text.
    Text(Cow<'a, str>),
    /// At a URL.
    Url(Cow<'a, str>),
    /// A file that was uploaded before.
    File(Cow<'a, str>),
}

/// How tokens are chosen. `None` is the model's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling<'a> {
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// Only the k likeliest tokens.
    pub top_k: Option<u64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// Token id as the caller wrote it, and its bias from -100 to 100.
    pub logit_bias: Vec<(&'a str, f64)>,
    /// For a repeatable answer.
    pub seed: Option<i64>,
}

/// The form of the answer's text.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Format<'a> {
    /// Any text.
    #[default]
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that is valid under a schema.
    JsonSchema(JsonSchema<'a>),
}

/// A schema the answer is valid under.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonSchema<'a> {
    /// Its name; Anthropic's have none.
    pub name: Option<&'a str>,
    /// What it is for.
    pub description: Option<&'a str>,
    /// JSON Schema.
    pub schema: Option<Json<'a>>,
    /// Whether the answer must be valid under it, as the caller wrote it.
    pub strict: Option<bool>,
}

/// A tool the model may call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tool<'a> {
    /// The name it is called by.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// What it takes.
    pub kind: ToolKind,
    /// The JSON Schema of a function's arguments.
    pub parameters: Option<Json<'a>>,
    /// Whether arguments must be valid under the schema, as the caller wrote it.
    pub strict: Option<bool>,
    /// The grammar of a custom tool's input: its language (`lark`, `regex`) and itself.
    pub grammar: Option<(&'a str, &'a str)>,
    /// Whether a reusable prefix of the prompt ends with it, and for how long that is worth keeping, as in
    /// [`Part::CachePoint`].
    pub cache_point: Option<Option<&'a str>>,
}

/// What a tool takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolKind {
    /// A JSON object.
    #[default]
    Function,
    /// Any text.
    Custom,
}

/// Which tool the model may or must call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// None.
    None,
    /// Any or none.
    #[default]
    Auto,
    /// Any, at least one.
    Required,
    /// This one.
    Named(&'a str),
}

/// How much the model reasons before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How hard.
    pub effort: Option<Effort>,
    /// The most tokens of reasoning.
    pub budget: Option<u64>,
    /// Whether the caller turned reasoning on or off; `None` leaves it to the model.
    pub enabled: Option<bool>,
    /// Whether the answer has the reasoning in it: its text, and a signature.
    pub visible: bool,
}

/// How hard a model reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the APIs' own names")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// How long an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the API's own names")]
pub enum Verbosity {
    Low,
    Medium,
    High,
}

/// Text the answer is expected to repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction<'a>(pub Cow<'a, str>);

impl Default for Request<'_> {
    /// An empty conversation for an unnamed model, and every default of the APIs.
    fn default() -> Self {
        Self {
            model: "",
            input: Input::Messages(Vec::new()),
            choices: 1,
            max_tokens: None,
            sampling: Sampling::default(),
            stop: Vec::new(),
            logprobs: None,
            format: Format::Text,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            allowed_tools: None,
            parallel_tool_calls: true,
            reasoning: Reasoning::default(),
            verbosity: None,
            prediction: None,
            stream: false,
            end_user: None,
            legacy_functions: false,
        }
    }
}

impl<'a> Request<'a> {
    /// The conversation; empty where the input is a prompt.
    pub fn messages(&self) -> &[Message<'a>] {
        match &self.input {
            Input::Messages(messages) => messages,
            Input::Prompt(_) => &[],
        }
    }

    /// The tools that may be called, each with its place among all tools.
    pub fn allowed_tools(&self) -> impl Iterator<Item = (usize, &Tool<'a>)> {
        let allowed = self.allowed_tools.as_ref();
        let is_allowed = move |tool: &Tool<'_>| allowed.is_none_or(|allowed| allowed.contains(&tool.name));
        self.tools.iter().enumerate().filter(move |(_, tool)| is_allowed(tool))
    }
}

impl<'a> Source<'a> {
    /// What a URL refers to: the data itself where it is a `data:` URL in base64 (RFC 2397).
    pub fn from_url(url: &'a str) -> Self {
        match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
            Some((media_type, data)) => Self::Base64 { media_type: media_type.into(), data: data.into() },
            None => Self::Url(url.into()),
        }
    }
}

impl<'a> Content<'a> {
    /// The texts of the content, in order; other parts are passed over.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (text, parts): (_, &[Part<'_>]) = match self {
            Self::Text(text) => (Some(*text), &[]),
            Self::Parts(parts) => (None, parts),
        };
        text.into_iter().chain(texts(parts))
    }

    /// The parts; none where the content is one text.
    pub fn parts(&self) -> &[Part<'a>] {
        match self {
            Self::Text(_) => &[],
            Self::Parts(parts) => parts,
        }
    }
}

/// The texts of some parts, in order; other parts are passed over.
pub fn texts<'p>(parts: &'p [Part<'_>]) -> impl Iterator<Item = &'p str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&**text),
        _ => None,
    })
}
