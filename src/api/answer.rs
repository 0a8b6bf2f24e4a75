//! What answers, the engine's and errors, look like on the wire. The order of the members is the order they are sent in.

use crate::json::{Write, push_members, writes};
use std::borrow::Cow;

writes! {
    /// A chat completion: `POST /v1/chat/completions` without `stream`.
    #[derive(Debug)]
    pub struct ChatCompletion<'a> {
        /// `chatcmpl-…`
        "id" = id: &'a str,
        /// `chat.completion`
        "object" = object: &'static str,
        /// Unix seconds.
        "created" = created: u64,
        /// The requested model.
        "model" = model: &'a str,
        /// Names the configuration that answered; absent where the backend has none.
        "system_fingerprint" ? system_fingerprint: Option<&'static str>,
        /// The choices, by index.
        "choices" = choices: Vec<ChatChoice<'a>>,
        /// Token counts.
        "usage" = usage: Usage,
        /// The tier that served the request, where the backend has tiers.
        "service_tier" ? service_tier: Option<&'static str>,
    }
}

writes! {
    /// One of `n` answers.
    #[derive(Debug)]
    pub struct ChatChoice<'a> {
        /// Its place among the `n`.
        "index" = index: u32,
        /// The message.
        "message" = message: ChatMessage<'a>,
        /// The log probabilities of its tokens, if requested.
        "logprobs" = logprobs: Option<Logprobs<'a>>,
        /// Why it ended.
        "finish_reason" = finish_reason: &'static str,
    }
}

writes! {
    /// How likely the tokens of an answer were.
    #[derive(Debug)]
    pub struct Logprobs<'a> {
        /// Those of the text.
        "content" = content: Option<Vec<TokenLogprob<'a>>>,
        /// Those of the refusal.
        "refusal" = refusal: Option<Vec<TokenLogprob<'a>>>,
    }
}

/// A token, and its alternatives.
#[derive(Debug)]
pub struct TokenLogprob<'a> {
    /// The token.
    pub token: LikelyToken<'a>,
    /// The likeliest tokens, the likeliest first.
    pub top_logprobs: Vec<LikelyToken<'a>>,
}

impl Write for TokenLogprob<'_> {
    fn write(&self, out: &mut String) {
        let Self { token, top_logprobs } = self;
        writes!(
            out; "token" = token.token, "logprob" = token.logprob, "bytes" = token.bytes,
            "top_logprobs" = top_logprobs,
        );
    }
}

writes! {
    /// A token and how likely it was.
    #[derive(Debug)]
    pub struct LikelyToken<'a> {
        /// Its text; where its bytes are no text, they are written out: `\\xf0\\x9f`.
        "token" = token: Cow<'a, str>,
        /// The logarithm of its probability.
        "logprob" = logprob: f32,
        /// Its bytes.
        "bytes" = bytes: Cow<'a, [u8]>,
    }
}

writes! {
    /// An assistant's message.
    #[derive(Debug)]
    pub struct ChatMessage<'a> {
        /// `assistant`
        "role" = role: &'static str,
        /// The text.
        "content" = content: Option<Cow<'a, str>>,
        /// The refusal.
        "refusal" = refusal: Option<Cow<'a, str>>,
        /// The reasoning's text, where the answer shows it. OpenAI's own API has no such member.
        "reasoning_content" ? reasoning_content: Option<Cow<'a, str>>,
        /// The reasoning with its signatures, to be returned in the next request.
        "thinking_blocks" ? thinking_blocks: Option<Vec<ThinkingBlock<'a>>>,
        /// URL citations; none are made here.
        "annotations" = annotations: [(); 0],
        /// The tool calls. `Some(None)` is `null`.
        "tool_calls" ? tool_calls: Option<Option<Vec<ToolCall<'a>>>>,
        /// The older form of a tool call. `Some(None)` is `null`.
        "function_call" ? function_call: Option<Option<FunctionCall<'a>>>,
    }
}

/// Reasoning, in the form that gateways use in front of Anthropic's models.
#[derive(Debug)]
pub enum ThinkingBlock<'a> {
    /// Text, its signature, or both; a stream has them one after the other.
    Thinking {
        /// The text.
        thinking: Cow<'a, str>,
        /// Opaque.
        signature: Option<Cow<'a, str>>,
    },
    /// Reasoning in encrypted form.
    Redacted {
        /// Opaque.
        data: Cow<'a, str>,
    },
}

impl ThinkingBlock<'_> {
    fn write_at(&self, index: Option<u32>, out: &mut String) {
        match self {
            Self::Thinking { thinking, signature } => {
                writes!(
                    out; "index" ? index, "type" = "thinking", "thinking" = thinking, "signature" ? signature,
                );
            }
            Self::Redacted { data } => {
                writes!(out; "index" ? index, "type" = "redacted_thinking", "data" = data);
            }
        }
    }
}

impl Write for ThinkingBlock<'_> {
    fn write(&self, out: &mut String) {
        self.write_at(None, out);
    }
}

/// A piece of reasoning in a stream.
#[derive(Debug)]
pub struct ThinkingDelta<'a> {
    /// The block that it is a piece of. The accumulators of OpenAI's SDKs need it in every list of objects.
    pub index: u32,
    /// The piece.
    pub block: ThinkingBlock<'a>,
}

impl Write for ThinkingDelta<'_> {
    fn write(&self, out: &mut String) {
        self.block.write_at(Some(self.index), out);
    }
}

/// A call of one of the caller's tools, whole or a piece of one.
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// Its place among the calls; in streams only.
    pub index: Option<u32>,
    /// What the caller's result refers to; sent once.
    pub id: Option<&'a str>,
    /// `function` or `custom`; sent once.
    pub kind: Option<&'static str>,
    /// What is called.
    pub called: Called<'a>,
}

impl Write for ToolCall<'_> {
    fn write(&self, out: &mut String) {
        let (function, custom) = match &self.called {
            Called::Function(call) => (Some(call), None),
            Called::Custom(call) => (None, Some(call)),
        };
        writes!(
            out; "index" ? self.index, "id" ? self.id, "type" ? self.kind, "function" ? function,
            "custom" ? custom,
        );
    }
}

/// What is called, under the name of its kind.
#[derive(Debug)]
pub enum Called<'a> {
    /// A function.
    Function(FunctionCall<'a>),
    /// A tool that takes any text.
    Custom(CustomCall<'a>),
}

writes! {
    /// A function and its arguments, or a piece of them.
    #[derive(Debug)]
    pub struct FunctionCall<'a> {
        /// The function; in a stream sent once.
        "name" ? name: Option<&'a str>,
        /// JSON, or a piece of it.
        "arguments" = arguments: &'a str,
    }
}

writes! {
    /// A custom tool and its input, or a piece of it.
    #[derive(Debug)]
    pub struct CustomCall<'a> {
        /// The tool; in a stream sent once.
        "name" ? name: Option<&'a str>,
        /// Any text, or a piece of it.
        "input" = input: &'a str,
    }
}

writes! {
    /// One event of a streamed chat completion.
    #[derive(Debug)]
    pub struct ChatChunk<'a> {
        /// The same in every chunk.
        "id" = id: &'a str,
        /// `chat.completion.chunk`
        "object" = object: &'static str,
        /// The same in every chunk; Unix seconds.
        "created" = created: u64,
        /// The requested model.
        "model" = model: &'a str,
        /// As in a [`ChatCompletion`].
        "service_tier" ? service_tier: Option<&'static str>,
        /// As in a [`ChatCompletion`].
        "system_fingerprint" ? system_fingerprint: Option<&'static str>,
        /// One choice, or none in the chunk that carries the totals.
        "choices" = choices: &'a [ChatChunkChoice<'a>],
        /// Absent unless requested; then `null` but in the last chunk.
        "usage" ? usage: Option<Option<Usage>>,
        /// Letters without meaning that hide the chunk's length; absent unless requested.
        "obfuscation" ? obfuscation: Option<&'a str>,
    }
}

writes! {
    /// A piece of one of the answers.
    #[derive(Debug)]
    pub struct ChatChunkChoice<'a> {
        /// Which answer it belongs to.
        "index" = index: u32,
        /// What is new.
        "delta" = delta: Delta<'a>,
        /// The log probabilities of the new tokens, if requested.
        "logprobs" = logprobs: Option<Logprobs<'a>>,
        /// Why the answer ended, in its last chunk.
        "finish_reason" = finish_reason: Option<&'static str>,
    }
}

/// What a chunk adds to an answer.
#[derive(Debug)]
pub enum Delta<'a> {
    /// The answer begins.
    First {
        /// `assistant`
        role: &'static str,
        /// Empty as yet, or null where no text follows.
        content: Option<&'static str>,
        /// The beginning of a tool call, where the answer begins with one.
        tool_calls: Option<[ToolCall<'a>; 1]>,
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
    /// Reasoning goes on.
    Thinking {
        /// The new text.
        reasoning_content: Option<&'a str>,
        /// The same, or what else belongs to the reasoning.
        thinking_blocks: [ThinkingDelta<'a>; 1],
    },
    /// Nothing is new but the end.
    Last {},
}

impl Write for Delta<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::First { role, content, tool_calls, refusal } => {
                writes!(
                    out; "role" = role, "content" = content, "tool_calls" ? tool_calls, "refusal" = refusal,
                );
            }
            Self::Content { content } => writes!(out; "content" = content),
            Self::Refusal { refusal } => writes!(out; "refusal" = refusal),
            Self::ToolCalls { tool_calls } => writes!(out; "tool_calls" = tool_calls),
            Self::FunctionCall { function_call } => writes!(out; "function_call" = function_call),
            Self::Thinking { reasoning_content, thinking_blocks } => {
                writes!(out; "reasoning_content" ? reasoning_content, "thinking_blocks" = thinking_blocks);
            }
            Self::Last {} => out.push_str("{}"),
        }
    }
}

writes! {
    /// A text completion: `POST /v1/completions`; also one event of its stream.
    #[derive(Debug)]
    pub struct TextCompletion<'a> {
        /// `cmpl-…`
        "id" = id: &'a str,
        /// `text_completion`
        "object" = object: &'static str,
        /// Unix seconds.
        "created" = created: u64,
        /// The requested model.
        "model" = model: &'a str,
        /// The answers; in a stream one of them, or none in the chunk that carries the totals.
        "choices" = choices: &'a [TextChoice<'a>],
        /// Absent from a stream unless requested; then `null` but in the last chunk.
        "usage" ? usage: Option<Option<Usage>>,
    }
}

writes! {
    /// One answer, or a piece of one.
    #[derive(Debug)]
    pub struct TextChoice<'a> {
        /// The text, or what is new of it.
        "text" = text: Cow<'a, str>,
        /// Which prompt and which of its `n` answers, counted through.
        "index" = index: u32,
        /// The log probabilities of its tokens, if requested.
        "logprobs" = logprobs: Option<TextLogprobs<'a>>,
        /// Why it ended; in a stream only in the last chunk.
        "finish_reason" = finish_reason: Option<&'static str>,
    }
}

writes! {
    /// How likely the tokens of a text completion were: lists that run side by side.
    #[derive(Debug, Default)]
    pub struct TextLogprobs<'a> {
        /// The tokens' texts; where the bytes are no text, they are written out: `bytes:\\xf0\\x9f`.
        "tokens" = tokens: Vec<Cow<'a, str>>,
        /// The logarithms of their probabilities; none for the first of a prompt.
        "token_logprobs" = token_logprobs: Vec<Option<f32>>,
        /// The likeliest tokens at each place, and the one that is there.
        "top_logprobs" = top_logprobs: Vec<Option<ByToken<'a>>>,
        /// Where each token begins, in characters from the beginning of the prompt.
        "text_offset" = text_offset: Vec<usize>,
    }
}

/// Logarithms of probabilities by token: an object of the wire.
#[derive(Debug)]
pub struct ByToken<'a>(pub Vec<(Cow<'a, str>, f32)>);

impl Write for ByToken<'_> {
    fn write(&self, out: &mut String) {
        push_members(self.0.iter().map(|(token, logprob)| (&**token, logprob)), out);
    }
}

writes! {
    /// Token counts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Usage {
        /// Tokens of the request.
        "prompt_tokens" = prompt_tokens: u64,
        /// Tokens of all answers.
        "completion_tokens" = completion_tokens: u64,
        /// Both.
        "total_tokens" = total_tokens: u64,
        /// What kinds the request's tokens are of.
        "prompt_tokens_details" = prompt_tokens_details: PromptTokensDetails,
        /// What kinds the answers' tokens are of.
        "completion_tokens_details" = completion_tokens_details: CompletionTokensDetails,
    }
}

writes! {
    /// The kinds of a prompt's tokens.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct PromptTokensDetails {
        /// Read from a cache, which the engine has not.
        "cached_tokens" = cached_tokens: u64,
        /// Of audio.
        "audio_tokens" = audio_tokens: u64,
        /// Of text; absent but from models with audio.
        "text_tokens" ? text_tokens: Option<u64>,
        /// Of images; absent but from models with audio.
        "image_tokens" ? image_tokens: Option<u64>,
        /// Written to a cache; absent where the model does not report it.
        "cache_write_tokens" ? cache_write_tokens: Option<u64>,
    }
}

writes! {
    /// The kinds of the answers' tokens.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct CompletionTokensDetails {
        /// Reasoning.
        "reasoning_tokens" = reasoning_tokens: u64,
        /// Of audio.
        "audio_tokens" = audio_tokens: u64,
        /// Of a `prediction` that came true.
        "accepted_prediction_tokens" = accepted_prediction_tokens: u64,
        /// Of a `prediction` that did not.
        "rejected_prediction_tokens" = rejected_prediction_tokens: u64,
        /// Of text; absent but from models with audio.
        "text_tokens" ? text_tokens: Option<u64>,
    }
}

writes! {
    /// The body of an error.
    #[derive(Debug)]
    pub struct ErrorBody<'a> {
        /// The error.
        "error" = error: ErrorObject<'a>,
    }
}

writes! {
    /// An error; all four members are always there.
    #[derive(Debug)]
    pub struct ErrorObject<'a> {
        /// What was wrong, in words.
        "message" = message: &'a str,
        /// The family of errors it is of.
        "type" = r#type: &'a str,
        /// The parameter that was wrong, as a path.
        "param" = param: Option<&'a str>,
        /// The error's own name.
        "code" = code: Option<&'a str>,
    }
}
