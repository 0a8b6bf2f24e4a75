//! What the engine's answers look like on the wire. The order of the members is the order they are sent in.

use serde::Serialize;

/// A chat completion: `POST /v1/chat/completions` without `stream`.
#[derive(Debug, Serialize)]
pub struct ChatCompletion<'a> {
    /// `chatcmpl-…`
    pub id: &'a str,
    /// `chat.completion`
    pub object: &'static str,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: &'a str,
    /// Names the engine's state; the same for every answer of a build.
    pub system_fingerprint: &'static str,
    /// The answers, by index.
    pub choices: Vec<ChatChoice<'a>>,
    /// Token counts.
    pub usage: Usage,
    /// The tier that served the request.
    pub service_tier: &'static str,
}

/// One of `n` answers.
#[derive(Debug, Serialize)]
pub struct ChatChoice<'a> {
    /// Its place among the `n`.
    pub index: u32,
    /// What was said.
    pub message: ChatMessage<'a>,
    /// Always absent as yet: the engine makes none.
    pub logprobs: Option<()>,
    /// Why it ended.
    pub finish_reason: &'static str,
}

/// An assistant's message.
#[derive(Debug, Serialize)]
pub struct ChatMessage<'a> {
    /// `assistant`
    pub role: &'static str,
    /// The text.
    pub content: Option<&'a str>,
    /// Why the model would not answer.
    pub refusal: Option<&'a str>,
    /// URL citations; the engine searches nothing.
    pub annotations: [(); 0],
    /// Calls of the caller's tools.
    pub tool_calls: Option<()>,
    /// The older form of a tool call.
    pub function_call: Option<()>,
}

/// One event of a streamed chat completion.
#[derive(Debug, Serialize)]
pub struct ChatChunk<'a> {
    /// The same in every chunk.
    pub id: &'a str,
    /// `chat.completion.chunk`
    pub object: &'static str,
    /// The same in every chunk; Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: &'a str,
    /// The tier that serves the request.
    pub service_tier: &'static str,
    /// As in a [`ChatCompletion`].
    pub system_fingerprint: &'static str,
    /// One choice, or none in the chunk that carries the totals.
    pub choices: &'a [ChatChunkChoice<'a>],
    /// Absent unless asked for; then `null` but in the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<Usage>>,
}

/// A piece of one of the answers.
#[derive(Debug, Serialize)]
pub struct ChatChunkChoice<'a> {
    /// Which answer it belongs to.
    pub index: u32,
    /// What is new.
    pub delta: Delta<'a>,
    /// Always absent as yet.
    pub logprobs: Option<()>,
    /// Why the answer ended, in its last chunk.
    pub finish_reason: Option<&'static str>,
}

/// What a chunk adds to an answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Delta<'a> {
    /// The answer begins.
    First {
        /// `assistant`
        role: &'static str,
        /// Empty as yet.
        content: &'static str,
        /// None as yet.
        refusal: Option<()>,
    },
    /// Text goes on.
    Content {
        /// The new text.
        content: &'a str,
    },
    /// Nothing is new but the end.
    Last {},
}

/// A text completion: `POST /v1/completions`; also one event of its stream.
#[derive(Debug, Serialize)]
pub struct TextCompletion<'a> {
    /// `cmpl-…`
    pub id: &'a str,
    /// `text_completion`
    pub object: &'static str,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: &'a str,
    /// The answers; in a stream one of them, or none in the chunk that carries the totals.
    pub choices: &'a [TextChoice<'a>],
    /// Absent from a stream unless asked for; then `null` but in the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<Usage>>,
}

/// One answer, or a piece of one.
#[derive(Debug, Serialize)]
pub struct TextChoice<'a> {
    /// The text, or what is new of it.
    pub text: &'a str,
    /// Which prompt and which of its `n` answers, counted through.
    pub index: u32,
    /// Always absent as yet.
    pub logprobs: Option<()>,
    /// Why it ended; in a stream only in the last chunk.
    pub finish_reason: Option<&'static str>,
}

/// Token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u64,
    /// Tokens of all answers.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// What kinds the request's tokens are of.
    pub prompt_tokens_details: PromptTokensDetails,
    /// What kinds the answers' tokens are of.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// Kinds of prompt tokens the engine has none of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// Read from a cache.
    pub cached_tokens: u64,
    /// Of audio.
    pub audio_tokens: u64,
}

/// Kinds of completion tokens the engine has none of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CompletionTokensDetails {
    /// Thought, not said.
    pub reasoning_tokens: u64,
    /// Of audio.
    pub audio_tokens: u64,
    /// Of a `prediction` that came true.
    pub accepted_prediction_tokens: u64,
    /// Of a `prediction` that did not.
    pub rejected_prediction_tokens: u64,
}

/// `GET /v1/models`
#[derive(Debug, Serialize)]
pub struct ModelList<'a> {
    /// `list`
    pub object: &'static str,
    /// The models, in the order they are served.
    pub data: Vec<Model<'a>>,
}

/// A model that is served.
#[derive(Debug, Serialize)]
pub struct Model<'a> {
    /// What requests call it.
    pub id: &'a str,
    /// `model`
    pub object: &'static str,
    /// When it was made; Unix seconds.
    pub created: u64,
    /// Whose it is.
    pub owned_by: &'static str,
}
