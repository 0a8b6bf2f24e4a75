//! What answers, the engine's and errors, look like on the wire. The order of the members is the order they are sent in.

use serde::{Serialize, Serializer};
use std::borrow::Cow;

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
    /// How likely its tokens were, if that was asked for.
    pub logprobs: Option<Logprobs<'a>>,
    /// Why it ended.
    pub finish_reason: &'static str,
}

/// How likely the tokens of an answer were.
#[derive(Debug, Serialize)]
pub struct Logprobs<'a> {
    /// Those of the text.
    pub content: Option<Vec<TokenLogprob<'a>>>,
    /// Those of the refusal.
    pub refusal: Option<Vec<TokenLogprob<'a>>>,
}

/// A token that was said, and what might have been said instead.
#[derive(Debug, Serialize)]
pub struct TokenLogprob<'a> {
    /// The token that was said.
    #[serde(flatten)]
    pub said: LikelyToken<'a>,
    /// The likeliest tokens, the likeliest first.
    pub top_logprobs: Vec<LikelyToken<'a>>,
}

/// A token and how likely it was.
#[derive(Debug, Serialize)]
pub struct LikelyToken<'a> {
    /// Its text; where its bytes are no text, they are written out: `\\xf0\\x9f`.
    pub token: Cow<'a, str>,
    /// The logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Cow<'a, [u8]>,
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
    pub tool_calls: Option<Vec<ToolCall<'a>>>,
    /// The older form of a tool call.
    pub function_call: Option<FunctionCall<'a>>,
}

/// A call of one of the caller's tools, whole or a piece of one.
#[derive(Debug, Serialize)]
pub struct ToolCall<'a> {
    /// Its place among the calls; told in pieces only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What the caller's result is to name it by; told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function` or `custom`; told once.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What is called.
    #[serde(flatten)]
    pub called: Called<'a>,
}

/// What is called, under the name of its kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Called<'a> {
    /// A function.
    Function(FunctionCall<'a>),
    /// A tool that takes any text.
    Custom(CustomCall<'a>),
}

/// A function and its arguments, or a piece of them.
#[derive(Debug, Serialize)]
pub struct FunctionCall<'a> {
    /// The function; in a stream told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// JSON, or a piece of it.
    pub arguments: &'a str,
}

/// A custom tool and its input, or a piece of it.
#[derive(Debug, Serialize)]
pub struct CustomCall<'a> {
    /// The tool; in a stream told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Any text, or a piece of it.
    pub input: &'a str,
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
    /// Letters without meaning that hide the chunk's length; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obfuscation: Option<&'a str>,
}

/// A piece of one of the answers.
#[derive(Debug, Serialize)]
pub struct ChatChunkChoice<'a> {
    /// Which answer it belongs to.
    pub index: u32,
    /// What is new.
    pub delta: Delta<'a>,
    /// How likely the new tokens were, if that was asked for.
    pub logprobs: Option<Logprobs<'a>>,
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
        /// Empty as yet, or absent where no text follows.
        content: Option<&'static str>,
        /// None as yet.
        refusal: Option<()>,
    },
    /// Text goes on.
    Content {
        /// The new text.
        content: &'a str,
    },
    /// A refusal goes on.
    Refusal {
        /// The new text.
        refusal: &'a str,
    },
    /// A call of a tool begins or goes on.
    ToolCalls {
        /// The one call.
        tool_calls: [ToolCall<'a>; 1],
    },
    /// The call of a function begins or goes on, in the legacy form.
    FunctionCall {
        /// The call.
        function_call: FunctionCall<'a>,
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
    pub text: Cow<'a, str>,
    /// Which prompt and which of its `n` answers, counted through.
    pub index: u32,
    /// How likely its tokens were, if that was asked for.
    pub logprobs: Option<TextLogprobs<'a>>,
    /// Why it ended; in a stream only in the last chunk.
    pub finish_reason: Option<&'static str>,
}

/// How likely the tokens of a text completion were: lists that run side by side.
#[derive(Debug, Default, Serialize)]
pub struct TextLogprobs<'a> {
    /// The tokens' texts; where the bytes are no text, they are written out: `bytes:\\xf0\\x9f`.
    pub tokens: Vec<Cow<'a, str>>,
    /// The logarithms of their probabilities; none for the first of a prompt.
    pub token_logprobs: Vec<Option<f32>>,
    /// The likeliest tokens at each place, and the one that is there.
    pub top_logprobs: Vec<Option<ByToken<'a>>>,
    /// Where each token begins, in characters from the beginning of the prompt.
    pub text_offset: Vec<usize>,
}

/// Logarithms of probabilities by token: an object of the wire.
#[derive(Debug)]
pub struct ByToken<'a>(pub Vec<(Cow<'a, str>, f32)>);

impl Serialize for ByToken<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(token, logprob)| (token, logprob)))
    }
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

/// The kinds of a prompt's tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// Read from a cache, which the engine has not.
    pub cached_tokens: u64,
    /// Of audio.
    pub audio_tokens: u64,
}

/// The kinds of the answers' tokens.
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

/// The body of an error.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    /// The error.
    pub error: ErrorObject<'a>,
}

/// An error; all four members are always there.
#[derive(Debug, Serialize)]
pub struct ErrorObject<'a> {
    /// What was wrong, in words.
    pub message: &'a str,
    /// The family of errors it is of.
    pub r#type: &'a str,
    /// The parameter that was wrong, as a path.
    pub param: Option<&'a str>,
    /// The error's own name.
    pub code: Option<&'a str>,
}
