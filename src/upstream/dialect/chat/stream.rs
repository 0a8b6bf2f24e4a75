//! Chunks of a chat completion as events of a turn.

use super::answer::{Called, Choice, Completion, Message, ToolCall, finish_reason, logprobs};
use crate::api::Text;
use crate::json::{self, Fragment, Joint};
use crate::turn::{self, Event, FinishReason, MAX_CHOICES, ToolKind};
use crate::upstream::dialect::{Decoder, StreamState};
use crate::upstream::peeked_json::PeekedEvent;
use crate::upstream::{failure, sse};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads the chunks of one completion.
#[derive(Default)]
pub(in crate::upstream::dialect) struct Stream {
    started: bool,
    usage: Option<turn::Usage>,
    choices: BTreeMap<u32, ChoiceState>,
}

/// How far a choice is.
#[derive(Default)]
struct ChoiceState {
    content: Joint,
    refusal: Joint,
    reasoning: Joint,
    calls: Vec<Call>,
    finished: bool,
}

/// A tool call.
struct Call {
    /// Its index upstream.
    index: u64,
    id: String,
    input: Joint,
    has_input: bool,
    kind: ToolKind,
}

type Events = Vec<Event<'static>>;

impl Decoder for Stream {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Events) -> StreamState {
        match PeekedEvent::of(event) {
            PeekedEvent::Nothing => return StreamState::On,
            PeekedEvent::Done if !self.is_complete() => {
                return StreamState::InvalidResponse(
                    "the stream ended before every choice had a finish reason",
                );
            }
            PeekedEvent::Done => {
                self.end(out);
                return StreamState::Done;
            }
            PeekedEvent::Error(error) => {
                let status = failure::status(error, &|_| None);
                out.push(failure::read(error, status, "").into());
                return StreamState::ErrorSent("the upstream reported an error of its own");
            }
            PeekedEvent::Invalid => return StreamState::InvalidResponse("an event is no JSON object"),
            PeekedEvent::Json(_) => {}
        }
        let chunk =
            event.data.as_deref().and_then(|data| json::lossy_from_slice::<Completion<'_>>(data).ok());
        let Some(chunk) = chunk else {
            return StreamState::InvalidResponse("an event is no chunk of a completion");
        };
        if !std::mem::replace(&mut self.started, true) {
            out.push(Event::Start { id: chunk.id.map(owned), model: chunk.model.map(owned) });
        }
        for choice in chunk.choices.into_iter().flatten() {
            let index = u32::try_from(choice.index.unwrap_or(0)).unwrap_or(u32::MAX);
            if self.choices.len() >= MAX_CHOICES && !self.choices.contains_key(&index) {
                return StreamState::InvalidResponse("the answer has too many choices");
            }
            self.choices.entry(index).or_default().take(index, choice, out);
        }
        if let Some(usage) = chunk.usage {
            // The counts are totals; a later event may have zeros in place of them.
            let new = usage.of_turn();
            let is_empty = new.input == 0 && new.output == 0;
            self.usage = self.usage.filter(|_| is_empty).or(Some(new));
        }
        StreamState::On
    }

    fn is_complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|choice| choice.finished)
    }

    fn end(&mut self, out: &mut Events) {
        out.extend(self.usage.map(Event::Usage));
        out.push(Event::End);
    }
}

impl ChoiceState {
    fn take(&mut self, choice: u32, new: Choice<'_>, out: &mut Events) {
        if self.finished {
            return;
        }
        let mut message = new.delta.or(new.message).unwrap_or_default();
        let all = new.logprobs.unwrap_or_default();
        self.think(choice, &mut message, out);
        let text: String =
            message.content().into_iter().map(|part| self.content.join(part).into_owned()).collect();
        let tokens = logprobs(all.content);
        if !text.is_empty() || tokens.as_ref().is_some_and(|tokens| !tokens.is_empty()) {
            out.push(Event::Text { choice, text: text.into(), logprobs: tokens });
        }
        if let Some(refusal) = message.refusal.take() {
            let text = self.refusal.join(refusal).into_owned();
            if !text.is_empty() {
                out.push(Event::Refusal { choice, text: text.into(), logprobs: logprobs(all.refusal) });
            }
        }
        let function = message
            .function_call
            .map(|function| ToolCall { function: Some(function), ..ToolCall::default() });
        for call in message.tool_calls.into_iter().flatten().chain(function) {
            self.call(choice, call, out);
        }
        if let Some(reason) = finish_reason(new.finish_reason.as_deref().unwrap_or_default()) {
            self.finish(choice, reason, out);
        }
    }

    fn think(&mut self, choice: u32, message: &mut Message<'_>, out: &mut Events) {
        let blocks = message.thinking_blocks.take().unwrap_or_default();
        let text = message.reasoning();
        let has_text = blocks.iter().any(|block| block.thinking.is_some());
        if let Some(text) = text.filter(|_| !has_text) {
            self.reason_text(choice, text, out);
        }
        for block in blocks {
            if let Some(text) = block.thinking {
                self.reason_text(choice, text, out);
            }
            if let Some(signature) = block.signature.filter(|signature| !signature.is_empty()) {
                out.push(Event::ThinkingSignature { choice, signature: owned(signature) });
            }
            if let Some(data) = block.data {
                out.push(Event::RedactedThinking { choice, data: owned(data) });
            }
        }
    }

    fn reason_text(&mut self, choice: u32, text: Fragment<'_>, out: &mut Events) {
        let text = self.reasoning.join(text).into_owned();
        if !text.is_empty() {
            out.push(Event::Thinking { choice, text: text.into() });
        }
    }

    fn call(&mut self, choice: u32, new: ToolCall<'_>, out: &mut Events) {
        let (called, kind) = match (new.function, new.custom) {
            (Some(called), _) => (called, ToolKind::Function),
            (None, Some(called)) => (called, ToolKind::Custom),
            (None, None) => (Called::default(), ToolKind::Function),
        };
        let id = new.id.as_deref().unwrap_or_default();
        // A piece without an index belongs to the call of its id, or to the last one. Gemini sends 0 for every call.
        let same = |call: &Call| id.is_empty() || call.id == id || call.id.is_empty();
        let found = match new.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index && same(call)),
            None if id.is_empty() && called.name.is_none() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|call| !id.is_empty() && call.id == id),
        };
        let at = match found {
            Some(at) => at,
            None if self.calls.len() < MAX_CHOICES => {
                let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                let upstream_index = new.index.unwrap_or(index.into());
                let name = called.name.as_deref().unwrap_or_default().to_owned().into();
                out.push(Event::ToolCall { choice, index, id: id.to_owned().into(), name, kind });
                self.calls.push(Call {
                    index: upstream_index,
                    id: id.to_owned(),
                    input: Joint::default(),
                    has_input: false,
                    kind,
                });
                self.calls.len() - 1
            }
            None => return,
        };
        let call = &mut self.calls[at];
        let input = call.input.join(called.input()).into_owned();
        if !input.is_empty() {
            call.has_input = true;
            let index = u32::try_from(at).unwrap_or(u32::MAX);
            out.push(Event::ToolInput { choice, index, input: input.into() });
        }
    }

    fn finish(&mut self, choice: u32, reason: FinishReason, out: &mut Events) {
        let rest = |joint: &mut Joint| joint.finish().map(Cow::Borrowed);
        out.extend(rest(&mut self.reasoning).map(|text| Event::Thinking { choice, text }));
        out.extend(rest(&mut self.content).map(|text| Event::Text { choice, text, logprobs: None }));
        out.extend(rest(&mut self.refusal).map(|text| Event::Refusal { choice, text, logprobs: None }));
        for (call, index) in self.calls.iter_mut().zip(0..) {
            let empty = (!call.has_input && call.kind == ToolKind::Function).then_some(Cow::Borrowed("{}"));
            let input = rest(&mut call.input).or(empty);
            out.extend(input.map(|input| Event::ToolInput { choice, index, input }));
        }
        // Some servers end a turn that calls tools with `stop`.
        let calls = !self.calls.is_empty() && reason == FinishReason::Stop;
        let reason = if calls { FinishReason::ToolCalls } else { reason };
        self.finished = true;
        out.push(Event::Finish { choice, reason, stop_sequence: None });
    }
}

fn owned(text: Text<'_>) -> Cow<'static, str> {
    Cow::Owned(text.into_inner().into_owned())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
