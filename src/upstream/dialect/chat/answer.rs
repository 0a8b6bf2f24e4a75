//! A chat completion as an answer; what it has in common with chunks.

use crate::api::Text;
use crate::api::tool::Json;
use crate::json::{self, Fragment, Joint, reads};
use crate::turn::{self, Answer, Block, FinishReason, TokenLogprob, ToolKind};
use std::borrow::Cow;

reads! {
    /// A completion, or a chunk of one.
    pub(super) struct Completion<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "choices" choices: Vec<Choice<'a>>,
        "usage" usage: Usage,
    }
}

reads! {
    pub(super) struct Choice<'a> {
        "index" index: u64,
        "message" message: Message<'a>,
        "delta" delta: Message<'a>,
        "finish_reason" finish_reason: Text<'a>,
        "logprobs" logprobs: Logprobs<'a>,
    }
}

reads! {
    /// A message, or what is new of one.
    pub(super) struct Message<'a> {
        "content" content: Json<'a>,
        "refusal" refusal: Fragment<'a>,
        "reasoning_content" reasoning_content: Fragment<'a>,
        // OpenRouter's, Groq's and newer vLLM's name.
        "reasoning" reasoning: Json<'a>,
        "thinking_blocks" thinking_blocks: Vec<ThinkingBlock<'a>>,
        "tool_calls" tool_calls: Vec<ToolCall<'a>>,
        "function_call" function_call: Called<'a>,
    }
}

reads! {
    pub(super) struct ThinkingBlock<'a> {
        "type" kind: Text<'a>,
        "thinking" thinking: Fragment<'a>,
        "signature" signature: Text<'a>,
        "data" data: Text<'a>,
    }
}

reads! {
    pub(super) struct ToolCall<'a> {
        "index" index: u64,
        "id" id: Text<'a>,
        "function" function: Called<'a>,
        "custom" custom: Called<'a>,
    }
}

reads! {
    pub(super) struct Called<'a> {
        "name" name: Text<'a>,
        // Some servers send an object in place of its text.
        "arguments" arguments: Json<'a>,
        "input" input: Json<'a>,
    }
}

reads! {
    pub(super) struct Logprobs<'a> {
        "content" content: Vec<Token<'a>>,
        "refusal" refusal: Vec<Token<'a>>,
    }
}

reads! {
    pub(super) struct Token<'a> {
        "token" token: Text<'a>,
        "bytes" bytes: Vec<u64>,
        "logprob" logprob: Json<'a>,
        "top_logprobs" top_logprobs: Vec<Token<'a>>,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Usage {
        "prompt_tokens" prompt_tokens: u64,
        "completion_tokens" completion_tokens: u64,
        "prompt_tokens_details" input: InputDetails,
        "completion_tokens_details" output: OutputDetails,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct InputDetails {
        "cached_tokens" cached_tokens: u64,
        "cache_write_tokens" cache_write_tokens: u64,
        "audio_tokens" audio_tokens: u64,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct OutputDetails {
        "reasoning_tokens" reasoning_tokens: u64,
        "audio_tokens" audio_tokens: u64,
        "accepted_prediction_tokens" accepted: u64,
        "rejected_prediction_tokens" rejected: u64,
    }
}

impl Usage {
    /// The same as a turn counts it.
    pub(super) fn of_turn(self) -> turn::Usage {
        let (input, output) = (self.input.unwrap_or_default(), self.output.unwrap_or_default());
        turn::Usage {
            input: self.prompt_tokens.unwrap_or(0),
            cached_input: input.cached_tokens.unwrap_or(0),
            cache_write: input.cache_write_tokens.unwrap_or(0),
            input_audio: input.audio_tokens.unwrap_or(0),
            cache_write_hour: 0,
            output: self.completion_tokens.unwrap_or(0),
            output_audio: output.audio_tokens.unwrap_or(0),
            reasoning: output.reasoning_tokens.unwrap_or(0),
            accepted_prediction: output.accepted.unwrap_or(0),
            rejected_prediction: output.rejected.unwrap_or(0),
        }
    }
}

impl<'a> Message<'a> {
    /// The texts of the content, which some servers send as parts.
    pub(super) fn content(&self) -> Vec<Fragment<'a>> {
        reads! {
            struct Part<'a> {
                "text" text: Fragment<'a>,
            }
        }
        let Some(Json(content)) = self.content else { return Vec::new() };
        match content.starts_with('"') {
            true => json::lossy_from_str(content).into_iter().collect(),
            false => {
                let parts = json::lossy_from_str::<Vec<Part<'a>>>(content).unwrap_or_default();
                parts.into_iter().filter_map(|part| part.text).collect()
            }
        }
    }

    /// The text of the reasoning, under either of its names.
    pub(super) fn reasoning(&mut self) -> Option<Fragment<'a>> {
        let other = || json::lossy_from_str(self.reasoning?.0).ok();
        self.reasoning_content.take().filter(|text| *text != Fragment::default()).or_else(other)
    }
}

impl<'a> Called<'a> {
    /// The arguments of a function or the input of a custom tool, as a piece of text.
    pub(super) fn input(&self) -> Fragment<'a> {
        match self.arguments.or(self.input) {
            Some(Json(text)) if text.starts_with('"') => json::lossy_from_str(text).unwrap_or_default(),
            Some(Json(object)) if object.starts_with('{') => Fragment::from(object),
            _ => Fragment::default(),
        }
    }
}

/// Why a choice ended; `None` for no reason. A reason that is not known is taken for a stop.
pub(super) fn finish_reason(reason: &str) -> Option<FinishReason> {
    Some(match reason.trim() {
        "" => return None,
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Stop,
    })
}

/// Log probabilities of some tokens.
pub(super) fn logprobs(tokens: Option<Vec<Token<'_>>>) -> Option<Vec<TokenLogprob<'static>>> {
    fn bytes(token: &Token<'_>) -> Cow<'static, [u8]> {
        let bytes =
            token.bytes.as_ref().map(|bytes| bytes.iter().filter_map(|b| u8::try_from(*b).ok()).collect());
        Cow::Owned(bytes.unwrap_or_else(|| token.token.as_deref().unwrap_or_default().as_bytes().to_vec()))
    }
    let logprob =
        |token: &Token<'_>| token.logprob.and_then(|number| number.0.parse().ok()).unwrap_or(f32::MIN);
    let entry = |token: Token<'_>| TokenLogprob {
        bytes: bytes(&token),
        logprob: logprob(&token),
        top: token.top_logprobs.iter().flatten().map(|top| (bytes(top), logprob(top))).collect(),
    };
    tokens.map(|tokens| tokens.into_iter().map(entry).collect())
}

fn whole(fragment: Fragment<'_>) -> Cow<'static, str> {
    let mut joint = Joint::default();
    let text = joint.join(fragment).into_owned();
    Cow::Owned(text + joint.finish().unwrap_or_default())
}

fn owned(text: Text<'_>) -> Cow<'static, str> {
    Cow::Owned(text.into_inner().into_owned())
}

/// Reads a completion; `None` if it is none.
pub(in crate::upstream::dialect) fn answer(body: &[u8]) -> Option<Answer<'static>> {
    let completion: Completion<'_> = json::lossy_from_slice(body).ok()?;
    let choices = completion.choices?.into_iter().map(|choice| {
        let mut message = choice.message?;
        let logprobs_of = choice.logprobs.unwrap_or_default();
        let mut blocks = thinking(&mut message);
        let content: String = message.content().into_iter().map(whole).collect();
        if !content.is_empty() {
            let logprobs = logprobs(logprobs_of.content);
            blocks.push(Block::Text { text: content.into(), logprobs });
        }
        if let Some(refusal) = message.refusal.take().map(whole).filter(|refusal| !refusal.is_empty()) {
            blocks.push(Block::Refusal { text: refusal, logprobs: logprobs(logprobs_of.refusal) });
        }
        let function = message
            .function_call
            .map(|function| ToolCall { function: Some(function), ..ToolCall::default() });
        for (call, index) in message.tool_calls.into_iter().flatten().chain(function).zip(0..) {
            let (called, kind) = match (call.function, call.custom) {
                (Some(called), _) => (called, ToolKind::Function),
                (None, Some(called)) => (called, ToolKind::Custom),
                (None, None) => continue,
            };
            let mut input = whole(called.input());
            if kind == ToolKind::Function && input.trim().is_empty() {
                input = "{}".into();
            }
            let id = owned(call.id.unwrap_or_default());
            blocks.push(Block::ToolCall { index, id, name: owned(called.name?), input, kind });
        }
        let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
        let finish = finish_reason(choice.finish_reason.as_deref().unwrap_or_default());
        // Some servers end a turn that calls tools with `stop`.
        let finish = if has_calls && finish == Some(FinishReason::Stop) {
            Some(FinishReason::ToolCalls)
        } else {
            finish
        };
        Some(turn::Choice { blocks, finish, stop_sequence: None })
    });
    Some(Answer {
        id: completion.id.map(owned),
        model: completion.model.map(owned),
        choices: choices.collect::<Option<Vec<_>>>().filter(|choices| !choices.is_empty())?,
        usage: completion.usage.map(Usage::of_turn),
    })
}

/// The reasoning of a message: blocks where it has them, else its text.
fn thinking(message: &mut Message<'_>) -> Vec<Block<'static>> {
    let blocks = message.thinking_blocks.take().filter(|blocks| !blocks.is_empty());
    let text = message.reasoning().map(whole).filter(|text| !text.is_empty());
    match (blocks, text) {
        (Some(blocks), _) => blocks
            .into_iter()
            .map(|block| match block.data {
                Some(data) => Block::RedactedThinking { data: owned(data) },
                None => Block::Thinking {
                    text: whole(block.thinking.unwrap_or_default()),
                    signature: block.signature.filter(|signature| !signature.is_empty()).map(owned),
                },
            })
            .collect(),
        (None, text) => text.map(|text| Block::Thinking { text, signature: None }).into_iter().collect(),
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
