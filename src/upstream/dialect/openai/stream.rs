//! Chunks of a chat completion as events of a turn.

use super::answer::{Called, Choice, Completion, Message, ToolCall, finish_reason, is_broken_off, logprobs};
use crate::api::Text;
use crate::json::{self, Fragment, Joint, Nesting};
use crate::turn::{self, Event, FinishReason, MAX_TRACKED, ToolKind};
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
    /// Whether it has had a delta.
    has_delta: bool,
    /// Why it ended, as far as is known: Gemini's servers send `stop` with every chunk.
    finish: Option<FinishReason>,
}

/// A tool call.
struct Call {
    /// Its index upstream.
    index: u64,
    id: String,
    name: String,
    kind: ToolKind,
    input: Joint,
    /// What came of the input before the call was passed on.
    held: String,
    nesting: Nesting,
    /// Whether it was passed on. A call is held until its input begins: its name may come in pieces.
    begun: bool,
}

type Events = Vec<Event<'static>>;

impl Decoder for Stream {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Events) -> StreamState {
        match PeekedEvent::of(event) {
            PeekedEvent::Nothing | PeekedEvent::KeepAlive => return StreamState::On,
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
            event.data.as_deref().and_then(|data| json::answer_from_slice::<Completion<'_>>(data).ok());
        let Some(chunk) = chunk else {
            return StreamState::InvalidResponse("an event is no chunk of a completion");
        };
        if let Some(new) = chunk.usage() {
            // The counts are totals; a later event may have zeros in place of them.
            let is_empty = new.input == 0 && new.output == 0;
            self.usage = self.usage.filter(|_| is_empty).or(Some(new));
        }
        // Azure's first chunk has the verdict on the prompt, and neither an id nor choices.
        let begins = chunk.choices.as_ref().is_some_and(|choices| !choices.is_empty());
        if begins && !std::mem::replace(&mut self.started, true) {
            let named = |text: Option<Text<'_>>| text.filter(|text| !text.is_empty()).map(owned);
            out.push(Event::Start { id: named(chunk.id), model: named(chunk.model) });
        }
        for choice in chunk.choices.into_iter().flatten() {
            let index = u32::try_from(choice.index.unwrap_or(0)).unwrap_or(u32::MAX);
            if self.choices.len() >= MAX_TRACKED && !self.choices.contains_key(&index) {
                return StreamState::InvalidResponse("the answer has too many choices");
            }
            if choice.finish_reason.as_deref().is_some_and(is_broken_off) {
                return StreamState::InvalidResponse("the upstream broke the answer off");
            }
            self.choices.entry(index).or_default().take(index, choice, out);
        }
        StreamState::On
    }

    fn is_complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|choice| choice.finish.is_some())
    }

    fn end(&mut self, out: &mut Events) {
        for (index, choice) in &mut self.choices {
            choice.end(*index, out);
        }
        out.extend(self.usage.map(Event::Usage));
        out.push(Event::End);
    }
}

impl ChoiceState {
    fn take(&mut self, choice: u32, mut new: Choice<'_>, out: &mut Events) {
        // Some servers repeat the whole message at the end.
        let is_delta = new.delta.is_some();
        if self.has_delta && !is_delta {
            new.message = None;
        }
        self.has_delta |= is_delta;
        let mut message = new.news().unwrap_or_default();
        let all = new.logprobs.unwrap_or_default();
        let texts = message.texts();
        self.think(choice, &mut message, texts.thinking, out);
        let text: String = texts.text.into_iter().map(|part| self.content.join(part).into_owned()).collect();
        let tokens = logprobs(all.content);
        if !text.is_empty() || tokens.as_ref().is_some_and(|tokens| !tokens.is_empty()) {
            self.begin_calls(choice, out);
            out.push(Event::Text { choice, text: text.into(), logprobs: tokens });
        }
        if let Some(refusal) = message.refusal.take() {
            let text = self.refusal.join(refusal).into_owned();
            if !text.is_empty() {
                self.begin_calls(choice, out);
                out.push(Event::Refusal { choice, text: text.into(), logprobs: logprobs(all.refusal) });
            }
        }
        let function = message
            .function_call
            .map(|function| ToolCall { function: Some(function), ..ToolCall::default() });
        for call in message.tool_calls.into_iter().flatten().chain(function) {
            self.call(choice, call, out);
        }
        let reason = finish_reason(new.finish_reason.as_deref().unwrap_or_default());
        self.finish = reason.or(self.finish);
    }

    /// `parts` are the texts of reasoning among those of the content.
    fn think(&mut self, choice: u32, message: &mut Message<'_>, parts: Vec<Fragment<'_>>, out: &mut Events) {
        let blocks = message.thinking_blocks.take().unwrap_or_default();
        if !blocks.iter().any(|block| block.thinking.is_some()) {
            for text in message.reasoning().into_iter().chain(parts) {
                self.reason_text(choice, text, out);
            }
        }
        if blocks.is_empty()
            && let Some(signature) = message.signature()
        {
            out.push(Event::ThinkingSignature { choice, signature: owned(signature) });
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
            self.begin_calls(choice, out);
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
        let name = called.name.as_deref().unwrap_or_default();
        let input = called.input();
        let at = match self.position(new.index, id, name, input != Fragment::default()) {
            Some(at) => at,
            None if self.calls.len() < MAX_TRACKED => {
                self.begin_calls(choice, out);
                let index = new.index.unwrap_or_else(|| u64::try_from(self.calls.len()).unwrap_or(u64::MAX));
                self.calls.push(Call {
                    index,
                    id: String::new(),
                    name: String::new(),
                    kind,
                    input: Joint::default(),
                    held: String::new(),
                    nesting: Nesting::default(),
                    begun: false,
                });
                self.calls.len() - 1
            }
            None => return,
        };
        let Some(call) = self.calls.get_mut(at) else { return };
        call.rename(id, name);
        let input = call.input.join(input).into_owned();
        call.nesting.push(&input);
        call.held.push_str(&input);
        if !call.held.is_empty() && !call.name.is_empty() {
            call.go_on(choice, at, out);
        }
    }

    /// The call that a piece belongs to: without an index that of its id, or the last one. Gemini sends 0 for every
    /// call, some servers without ids.
    fn position(&self, index: Option<u64>, id: &str, name: &str, has_input: bool) -> Option<usize> {
        let Some(index) = index else {
            return match id.is_empty() && name.is_empty() {
                true => self.calls.len().checked_sub(1),
                false => self.calls.iter().rposition(|call| !id.is_empty() && call.id == id),
            };
        };
        let same = |call: &Call| id.is_empty() || call.id == id || call.id.is_empty();
        let of_index = |(_, call): &(usize, &Call)| call.index == index && same(call);
        let (at, call) = self.calls.iter().enumerate().rfind(of_index)?;
        let is_new = id.is_empty()
            && !name.is_empty()
            && call.nesting.is_complete()
            && (has_input || name != call.name);
        (!is_new).then_some(at)
    }

    /// Passes on the calls that were held: what follows comes after them.
    fn begin_calls(&mut self, choice: u32, out: &mut Events) {
        for (at, call) in self.calls.iter_mut().enumerate().filter(|(_, call)| !call.begun) {
            call.go_on(choice, at, out);
        }
    }

    /// Passes on what is left.
    fn end(&mut self, choice: u32, out: &mut Events) {
        let Some(reason) = self.finish.take() else { return };
        let rest = |joint: &mut Joint| joint.finish().map(Cow::Borrowed);
        out.extend(rest(&mut self.reasoning).map(|text| Event::Thinking { choice, text }));
        out.extend(rest(&mut self.content).map(|text| Event::Text { choice, text, logprobs: None }));
        out.extend(rest(&mut self.refusal).map(|text| Event::Refusal { choice, text, logprobs: None }));
        for (at, call) in self.calls.iter_mut().enumerate() {
            call.held.push_str(call.input.finish().unwrap_or_default());
            if !call.nesting.has_begun() && call.held.is_empty() && call.kind == ToolKind::Function {
                call.held.push_str("{}");
            }
            call.go_on(choice, at, out);
        }
        // Some servers end a turn that calls tools with `stop`.
        let calls = !self.calls.is_empty() && reason == FinishReason::Stop;
        let reason = if calls { FinishReason::ToolCalls } else { reason };
        out.push(Event::Finish { choice, reason, stop_sequence: None });
    }
}

impl Call {
    /// Takes a piece's id and name. A name comes whole, again with each piece, or in pieces.
    fn rename(&mut self, id: &str, name: &str) {
        if self.begun {
            return;
        }
        if self.id.is_empty() {
            self.id.push_str(id);
        }
        match name.starts_with(&*self.name) {
            true => name.clone_into(&mut self.name),
            false => self.name.push_str(name),
        }
    }

    /// Passes on what is held of it.
    fn go_on(&mut self, choice: u32, at: usize, out: &mut Events) {
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        if !std::mem::replace(&mut self.begun, true) {
            let (id, name) = (self.id.clone().into(), self.name.clone().into());
            out.push(Event::ToolCall { choice, index, id, name, kind: self.kind });
        }
        let input = std::mem::take(&mut self.held);
        if !input.is_empty() {
            out.push(Event::ToolInput { choice, index, input: input.into() });
        }
    }
}

fn owned(text: Text<'_>) -> Cow<'static, str> {
    Cow::Owned(text.into_inner().into_owned())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
