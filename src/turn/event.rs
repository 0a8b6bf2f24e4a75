//! [`Event`]: one step of an answer.

use std::borrow::Cow;

/// One step of an answer. Steps that belong to one of several choices carry its index.
///
/// The order of one choice: `Text`, `Thinking`, `Refusal` and tool calls in any order, then `Finish`. The deltas of
/// parallel tool calls may interleave, as they do in Chat Completions; an encoder whose API forbids that keeps the
/// later ones until the earlier are complete. A turn begins with `Start` and ends with `End` or `Error`; `Usage` may
/// come more than once, each with all counts so far.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The turn has begun.
    Start {
        /// What the backend calls the answer, if it names it.
        id: Option<Cow<'a, str>>,
        /// The model that answers, by the backend's name.
        model: Option<Cow<'a, str>>,
    },
    /// More of the answer's text.
    Text {
        /// Which choice.
        choice: u32,
        /// What is new.
        text: Cow<'a, str>,
        /// Its tokens, where they were requested.
        logprobs: Option<Vec<TokenLogprob<'a>>>,
    },
    /// More of the reasoning's text.
    Thinking {
        /// Which choice.
        choice: u32,
        /// What is new.
        text: Cow<'a, str>,
    },
    /// The signature of the reasoning before it, which ends there.
    ThinkingSignature {
        /// Which choice.
        choice: u32,
        /// Opaque.
        signature: Cow<'a, str>,
    },
    /// Reasoning in encrypted form.
    RedactedThinking {
        /// Which choice.
        choice: u32,
        /// Opaque.
        data: Cow<'a, str>,
    },
    /// A tool call begins.
    ToolCall {
        /// Which choice.
        choice: u32,
        /// Which of the choice's calls, from 0.
        index: u32,
        /// What the result refers to.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// What the tool takes.
        kind: super::ToolKind,
    },
    /// More of a tool call's input.
    ToolInput {
        /// Which choice.
        choice: u32,
        /// Which of the choice's calls.
        index: u32,
        /// What is new.
        input: Cow<'a, str>,
    },
    /// More of a refusal.
    Refusal {
        /// Which choice.
        choice: u32,
        /// What is new.
        text: Cow<'a, str>,
        /// Its tokens, where they were requested.
        logprobs: Option<Vec<TokenLogprob<'a>>>,
    },
    /// A choice is complete.
    Finish {
        /// Which choice.
        choice: u32,
        /// Why it ended.
        reason: FinishReason,
        /// The stop sequence that ended it, where the backend names it.
        stop_sequence: Option<Cow<'a, str>>,
    },
    /// What was counted so far.
    Usage(Usage),
    /// The backend is alive and has nothing new.
    Ping,
    /// The turn is complete: every choice has finished.
    End,
    /// The turn failed after it had begun. Nothing follows.
    Error {
        /// The status an answer would have had.
        status: u16,
        /// The backend's type of the error, in its own API's words.
        kind: Cow<'a, str>,
        /// Its code, if it has one.
        code: Option<Cow<'a, str>>,
        /// For the caller.
        message: Cow<'a, str>,
    },
}

/// A token and its log probability.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob<'a> {
    /// The bytes of the token.
    pub bytes: Cow<'a, [u8]>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens in its place, the likeliest first.
    pub top: Vec<(Cow<'a, [u8]>, f32)>,
}

/// Why a choice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was complete, or met a stop sequence.
    Stop,
    /// It reached the most tokens it may have.
    Length,
    /// It calls tools.
    ToolCalls,
    /// It was withheld.
    ContentFilter,
    /// The model declined to answer.
    Refusal,
    /// A long turn was paused and may be continued.
    Pause,
}

/// Tokens, by what they were used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All of the request's, cached ones included.
    pub input: u64,
    /// Those of `input` that were read from a cache.
    pub cached_input: u64,
    /// Those of `input` that were written to a cache.
    pub cache_write: u64,
    /// Those of `cache_write` that the cache keeps for an hour.
    pub cache_write_hour: u64,
    /// Those of `input` that are audio.
    pub input_audio: u64,
    /// All of the answer's, reasoning included.
    pub output: u64,
    /// Those of `output` that are audio.
    pub output_audio: u64,
    /// Those of `output` that are reasoning.
    pub reasoning: u64,
    /// Those of the prediction that appear in the answer.
    pub accepted_prediction: u64,
    /// Those of the prediction that do not, which count as output.
    pub rejected_prediction: u64,
}

impl TokenLogprob<'_> {
    fn bytes(&self) -> usize {
        let top = self.top.iter().map(|(bytes, _)| bytes.len() + size_of::<f32>());
        self.bytes.len() + size_of::<f32>() + top.sum::<usize>()
    }
}

impl Event<'_> {
    /// How many bytes of an answer it has, about.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text { text, logprobs, .. } | Self::Refusal { text, logprobs, .. } => {
                text.len() + logprobs.iter().flatten().map(TokenLogprob::bytes).sum::<usize>()
            }
            Self::Thinking { text, .. } => text.len(),
            Self::ThinkingSignature { signature, .. } => signature.len(),
            Self::RedactedThinking { data, .. } => data.len(),
            Self::ToolCall { id, name, .. } => id.len() + name.len(),
            Self::ToolInput { input, .. } => input.len(),
            _ => 0,
        }
    }

    /// The same event, independent of what it was read from.
    pub fn into_owned(self) -> Event<'static> {
        fn owned<T: ToOwned + ?Sized + 'static>(value: Cow<'_, T>) -> Cow<'static, T> {
            Cow::Owned(value.into_owned())
        }
        fn logprobs(all: Option<Vec<TokenLogprob<'_>>>) -> Option<Vec<TokenLogprob<'static>>> {
            all.map(|all| {
                all.into_iter()
                    .map(|one| TokenLogprob {
                        bytes: owned(one.bytes),
                        logprob: one.logprob,
                        top: one.top.into_iter().map(|(bytes, logprob)| (owned(bytes), logprob)).collect(),
                    })
                    .collect()
            })
        }
        match self {
            Self::Start { id, model } => Event::Start { id: id.map(owned), model: model.map(owned) },
            Self::Text { choice, text, logprobs: all } => {
                Event::Text { choice, text: owned(text), logprobs: logprobs(all) }
            }
            Self::Thinking { choice, text } => Event::Thinking { choice, text: owned(text) },
            Self::ThinkingSignature { choice, signature } => {
                Event::ThinkingSignature { choice, signature: owned(signature) }
            }
            Self::RedactedThinking { choice, data } => Event::RedactedThinking { choice, data: owned(data) },
            Self::ToolCall { choice, index, id, name, kind } => {
                Event::ToolCall { choice, index, id: owned(id), name: owned(name), kind }
            }
            Self::ToolInput { choice, index, input } => {
                Event::ToolInput { choice, index, input: owned(input) }
            }
            Self::Refusal { choice, text, logprobs: all } => {
                Event::Refusal { choice, text: owned(text), logprobs: logprobs(all) }
            }
            Self::Finish { choice, reason, stop_sequence } => {
                Event::Finish { choice, reason, stop_sequence: stop_sequence.map(owned) }
            }
            Self::Usage(usage) => Event::Usage(usage),
            Self::Ping => Event::Ping,
            Self::End => Event::End,
            Self::Error { status, kind, code, message } => {
                Event::Error { status, kind: owned(kind), code: code.map(owned), message: owned(message) }
            }
        }
    }
}
