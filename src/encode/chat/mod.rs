//! Chat completions: an [`Encoder`] for streams; [`whole`] answers of upstreams, and those of the engine [`in_pieces`].

mod pieces;
#[cfg(test)]
mod tests;

pub use pieces::in_pieces;

use super::{UsageDetails, sse, to_vec, tokens};
use crate::api::answer::{
    Called, ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage, CustomCall, Delta,
    FunctionCall, Logprobs, ThinkingBlock, ThinkingDelta, ToolCall,
};
use crate::turn::{Answer, Block, Choice, Event, FinishReason, MAX_TRACKED, TokenLogprob, ToolKind, Usage};
use std::borrow::Cow;

/// What an answer has besides the events: what the endpoint knows of it.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// `chatcmpl-…`, unless the backend names the answer.
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The caller's name of the model, unless the backend names it.
    pub model: String,
    /// Names the configuration that answers, where the backend has such a name.
    pub system_fingerprint: Option<&'static str>,
    /// The tier that serves the request, where the backend has tiers.
    pub service_tier: Option<&'static str>,
    /// Whether the caller requested log probabilities.
    pub logprobs: bool,
    /// Whether tool calls have the older form, `function_call`.
    pub legacy_functions: bool,
    /// Whether the request named the one tool to call. The live API ends such an answer with `stop`.
    pub forced_tool: bool,
    /// Whether an answer that calls tools begins with a chunk of the role alone, as the live API's do with several
    /// calls. With one call the role and the beginning of the call are one chunk.
    pub role_alone: bool,
    /// The counts that the model reports.
    pub usage_details: UsageDetails,
    /// Whether `tool_calls` and `function_call` are `null` where there are none, as OpenAI's published schema has
    /// it. The live API leaves them out.
    pub null_calls: bool,
}

/// What a stream has besides the answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamOptions {
    /// The usage, in a chunk of its own.
    pub include_usage: bool,
    /// Padding that hides the length of each chunk.
    pub include_obfuscation: bool,
}

/// A whole answer as JSON.
pub fn whole(head: &Head, answer: &Answer<'_>) -> Vec<u8> {
    let choices = answer.choices.iter().zip(0..).map(|(choice, index)| head.choice(choice, index));
    to_vec(&ChatCompletion {
        id: answer.id.as_deref().unwrap_or(&head.id),
        model: answer.model.as_deref().unwrap_or(&head.model),
        ..head.completion(choices.collect(), answer.usage.unwrap_or_default())
    })
}

impl Head {
    fn completion<'a>(&'a self, choices: Vec<ChatChoice<'a>>, usage: Usage) -> ChatCompletion<'a> {
        ChatCompletion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            system_fingerprint: self.system_fingerprint,
            choices,
            usage: super::usage(usage, self.usage_details),
            service_tier: self.service_tier,
        }
    }

    fn choice<'a>(&self, choice: &'a Choice<'_>, index: u32) -> ChatChoice<'a> {
        let text_of = |block: &'a Block<'_>| match block {
            Block::Text { text, .. } => Some(&**text),
            _ => None,
        };
        let refusal_of = |block: &'a Block<'_>| match block {
            Block::Refusal { text, .. } => Some(&**text),
            _ => None,
        };
        let reasoning_of = |block: &'a Block<'_>| match block {
            Block::Thinking { text, .. } => Some(&**text),
            _ => None,
        };
        let blocks = &choice.blocks;
        let content = joined(blocks.iter().filter_map(text_of));
        let refusal = joined(blocks.iter().filter_map(refusal_of));
        let logprobs = self.logprobs.then(|| {
            let all = |of: fn(&Block<'_>) -> bool| {
                let of_blocks = blocks.iter().filter(|block| of(block)).filter_map(Block::logprobs);
                of_blocks.flat_map(|all| tokens::logprobs(all)).collect::<Vec<_>>()
            };
            Logprobs {
                content: content.is_some().then(|| all(|block| matches!(block, Block::Text { .. }))),
                refusal: refusal.is_some().then(|| all(|block| matches!(block, Block::Refusal { .. }))),
            }
        });
        let calls: Vec<ToolCall<'_>> = blocks.iter().filter_map(whole_call).collect();
        let (mut tool_calls, mut function_call) = (None, None);
        if self.legacy_functions {
            function_call = calls.into_iter().find_map(|call| match call.called {
                Called::Function(call) => Some(call),
                Called::Custom(_) => None,
            });
        } else {
            tool_calls = Some(calls).filter(|calls| !calls.is_empty());
        }
        let thinking: Vec<ThinkingBlock<'_>> = blocks.iter().filter_map(thinking_block).collect();
        ChatChoice {
            index,
            message: ChatMessage {
                role: "assistant",
                content,
                refusal,
                reasoning_content: joined(blocks.iter().filter_map(reasoning_of)),
                thinking_blocks: Some(thinking).filter(|thinking| !thinking.is_empty()),
                annotations: [],
                tool_calls: self.maybe_null(tool_calls),
                function_call: self.maybe_null(function_call),
            },
            logprobs,
            finish_reason: self.finish_reason(choice.finish.unwrap_or(FinishReason::Stop)),
        }
    }

    /// What is written for an optional member: itself, `null`, or nothing.
    fn maybe_null<T>(&self, member: Option<T>) -> Option<Option<T>> {
        (member.is_some() || self.null_calls).then_some(member)
    }

    fn finish_reason(&self, reason: FinishReason) -> &'static str {
        match reason {
            FinishReason::Stop | FinishReason::Pause => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls if self.forced_tool => "stop",
            FinishReason::ToolCalls if self.legacy_functions => "function_call",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        }
    }
}

/// Texts as one; `None` for none.
fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let mut all = Cow::Borrowed(texts.next()?);
    texts.for_each(|text| all.to_mut().push_str(text));
    Some(all)
}

fn whole_call<'a>(block: &'a Block<'_>) -> Option<ToolCall<'a>> {
    let Block::ToolCall { id, name, input, kind, .. } = block else { return None };
    Some(ToolCall {
        index: None,
        id: Some(id),
        kind: Some(kind_name(*kind)),
        called: called(*kind, Some(name), input),
    })
}

fn thinking_block<'a>(block: &'a Block<'_>) -> Option<ThinkingBlock<'a>> {
    match block {
        Block::Thinking { text, signature } => Some(ThinkingBlock::Thinking {
            thinking: (&**text).into(),
            signature: signature.as_deref().map(Cow::Borrowed),
        }),
        Block::RedactedThinking { data } => Some(ThinkingBlock::Redacted { data: (&**data).into() }),
        _ => None,
    }
}

fn kind_name(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Function => "function",
        ToolKind::Custom => "custom",
    }
}

/// A call, or a piece of its input without the name.
fn called<'a>(kind: ToolKind, name: Option<&'a str>, input: &'a str) -> Called<'a> {
    match kind {
        ToolKind::Function => Called::Function(FunctionCall { name, arguments: input }),
        ToolKind::Custom => Called::Custom(CustomCall { name, input }),
    }
}

/// Writes a stream of chunks.
#[derive(Debug)]
pub struct Encoder {
    head: Head,
    options: StreamOptions,
    choices: Vec<ChoiceState>,
    usage: Usage,
}

/// How far a choice is.
#[derive(Debug, Clone, Default)]
struct ChoiceState {
    /// Whether its role went out.
    begun: bool,
    /// What its calls are of, by their index.
    calls: Vec<ToolKind>,
    /// How many blocks of reasoning have ended.
    thoughts: u32,
    /// Whether one has begun that may go on.
    is_thinking: bool,
}

impl ChoiceState {
    /// Ends the block of reasoning that has begun.
    fn end_thought(&mut self) {
        self.thoughts += u32::from(std::mem::take(&mut self.is_thinking));
    }
}

impl Encoder {
    /// An encoder for one answer.
    pub fn new(head: Head, options: StreamOptions) -> Self {
        Self { head, options, choices: Vec::new(), usage: Usage::default() }
    }

    #[expect(clippy::indexing_slicing, reason = "the list was made long enough")]
    fn progress(&mut self, choice: u32) -> &mut ChoiceState {
        let index = (choice as usize).min(MAX_TRACKED - 1);
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, ChoiceState::default);
        }
        &mut self.choices[index]
    }

    /// Begins a choice, unless it has begun: with an empty text, or without any where something else follows.
    fn begin(&mut self, choice: u32, with_text: bool, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.progress(choice).begun, true) {
            self.push_first(choice, with_text, None, out);
        }
    }

    fn push_first(&self, choice: u32, with_text: bool, call: Option<ToolCall<'_>>, out: &mut Vec<u8>) {
        let delta = Delta::First {
            role: "assistant",
            content: with_text.then_some(""),
            tool_calls: call.map(|call| [call]),
            refusal: None,
        };
        let logprobs = Logprobs { content: with_text.then(Vec::new), refusal: (!with_text).then(Vec::new) };
        self.push(choice, delta, self.head.logprobs.then_some(logprobs), None, out);
    }

    fn push(
        &self,
        index: u32,
        delta: Delta<'_>,
        logprobs: Option<Logprobs<'_>>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) {
        let choice = ChatChunkChoice { index, delta, logprobs, finish_reason };
        self.chunk(&[choice], None, out);
    }

    fn chunk(&self, choices: &[ChatChunkChoice<'_>], usage: Option<Usage>, out: &mut Vec<u8>) {
        let head = &self.head;
        let mut chunk = ChatChunk {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
            service_tier: head.service_tier,
            system_fingerprint: head.system_fingerprint,
            choices,
            usage: self
                .options
                .include_usage
                .then(|| usage.map(|usage| super::usage(usage, head.usage_details))),
            obfuscation: None,
        };
        let mut json = to_vec(&chunk);
        if self.options.include_obfuscation {
            // Up to the next multiple of 64 with the member's own 17 bytes.
            const LETTERS: &str = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0fG9hJ1kL3nP5rS7tV9xY2zA4cD6eF8gH0jK";
            let room = 64 - (json.len() + 17) % 64;
            chunk.obfuscation = LETTERS.get(..room);
            json = to_vec(&chunk);
        }
        sse::push_event(out, &json);
    }

    fn text(&mut self, choice: u32, text: &str, all: Option<&[TokenLogprob<'_>]>, out: &mut Vec<u8>) {
        self.begin(choice, true, out);
        if !text.is_empty() {
            let logprobs = Logprobs { content: all.map(tokens::logprobs), refusal: None };
            let logprobs = all.is_some().then_some(logprobs);
            self.push(choice, Delta::Content { content: text }, logprobs, None, out);
        }
    }

    fn refusal(&mut self, choice: u32, text: &str, all: Option<&[TokenLogprob<'_>]>, out: &mut Vec<u8>) {
        self.begin(choice, false, out);
        if !text.is_empty() {
            let logprobs = Logprobs { content: None, refusal: all.map(tokens::logprobs) };
            let logprobs = all.is_some().then_some(logprobs);
            self.push(choice, Delta::Refusal { refusal: text }, logprobs, None, out);
        }
    }

    fn thinking(
        &mut self,
        choice: u32,
        reasoning_content: Option<&str>,
        block: ThinkingBlock<'_>,
        out: &mut Vec<u8>,
    ) {
        self.begin(choice, true, out);
        let state = self.progress(choice);
        let goes_on = matches!(&block, ThinkingBlock::Thinking { signature: None, .. });
        if matches!(&block, ThinkingBlock::Redacted { .. }) {
            state.end_thought();
        }
        let block = ThinkingDelta { index: state.thoughts, block };
        state.is_thinking = true;
        if !goes_on {
            state.end_thought();
        }
        let delta = Delta::Thinking { reasoning_content, thinking_blocks: [block] };
        self.push(choice, delta, None, None, out);
    }

    /// A call that begins. Where it is the first part of its choice, its chunk also has the role.
    fn begin_call(
        &mut self,
        choice: u32,
        index: u32,
        (id, name): (&str, &str),
        kind: ToolKind,
        out: &mut Vec<u8>,
    ) {
        if self.head.role_alone || self.head.legacy_functions {
            self.begin(choice, false, out);
        }
        if std::mem::replace(&mut self.progress(choice).begun, true) {
            return self.call(choice, index, Some((id, name)), kind, "", out);
        }
        let call = ToolCall {
            index: Some(index),
            id: Some(id),
            kind: Some(kind_name(kind)),
            called: called(kind, Some(name), ""),
        };
        self.push_first(choice, false, Some(call), out);
    }

    /// A call that begins, or a piece of its input.
    fn call(
        &self,
        choice: u32,
        index: u32,
        begins: Option<(&str, &str)>,
        kind: ToolKind,
        input: &str,
        out: &mut Vec<u8>,
    ) {
        let name = begins.map(|(_, name)| name);
        let delta = match self.head.legacy_functions {
            true => Delta::FunctionCall { function_call: FunctionCall { name, arguments: input } },
            false => Delta::ToolCalls {
                tool_calls: [ToolCall {
                    index: Some(index),
                    id: begins.map(|(id, _)| id),
                    kind: begins.map(|_| kind_name(kind)),
                    called: called(kind, name, input),
                }],
            },
        };
        self.push(choice, delta, None, None, out);
    }
}

impl super::Encoder for Encoder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model } => {
                id.iter().for_each(|id| id.as_ref().clone_into(&mut self.head.id));
                model.iter().for_each(|model| model.as_ref().clone_into(&mut self.head.model));
            }
            Event::Text { choice, text, logprobs } => {
                self.progress(*choice).end_thought();
                self.text(*choice, text, logprobs.as_deref(), out);
            }
            Event::Refusal { choice, text, logprobs } => {
                self.progress(*choice).end_thought();
                self.refusal(*choice, text, logprobs.as_deref(), out);
            }
            Event::Thinking { choice, text } if text.is_empty() => self.begin(*choice, true, out),
            Event::Thinking { choice, text } => {
                let block = ThinkingBlock::Thinking { thinking: (&**text).into(), signature: None };
                self.thinking(*choice, Some(text), block, out);
            }
            Event::ThinkingSignature { choice, signature } => {
                let signature = Some(Cow::Borrowed(&**signature));
                let block = ThinkingBlock::Thinking { thinking: "".into(), signature };
                self.thinking(*choice, None, block, out);
            }
            Event::RedactedThinking { choice, data } => {
                self.thinking(*choice, None, ThinkingBlock::Redacted { data: (&**data).into() }, out);
            }
            Event::ToolCall { choice, index, id, name, kind } => {
                let state = self.progress(*choice);
                state.end_thought();
                let calls = &mut state.calls;
                let place = (*index as usize).min(MAX_TRACKED - 1);
                if calls.len() <= place {
                    calls.resize(place + 1, ToolKind::Function);
                }
                if let Some(own) = calls.get_mut(place) {
                    *own = *kind;
                }
                self.begin_call(*choice, *index, (id, name), *kind, out);
            }
            Event::ToolInput { choice, index, input } => {
                let kinds = &self.progress(*choice).calls;
                let kind = kinds.get(*index as usize).copied().unwrap_or_default();
                self.call(*choice, *index, None, kind, input, out);
            }
            Event::Finish { choice, reason, .. } => {
                self.begin(*choice, true, out);
                let reason = self.head.finish_reason(*reason);
                self.push(*choice, Delta::Last {}, None, Some(reason), out);
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Ping => {}
            Event::End => {
                if self.options.include_usage {
                    self.chunk(&[], Some(self.usage), out);
                }
                out.extend_from_slice(sse::DONE);
            }
            Event::Error { kind, code, message, .. } => {
                super::push_error(message, kind, code.as_deref(), out);
            }
        }
    }
}
