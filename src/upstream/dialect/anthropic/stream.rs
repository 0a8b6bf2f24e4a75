//! The events of a message as events of a turn.

use super::answer::status_of;
use super::message::{Block, Usage, finish_reason};
use crate::api::Text;
use crate::json::{self, Fragment, Joint, reads};
use crate::turn::{self, FinishReason, ToolKind};
use crate::upstream::dialect::{Decoder, StreamState};
use crate::upstream::peeked_json::PeekedEvent;
use crate::upstream::{failure, sse};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads the events of one message.
#[derive(Default)]
pub(super) struct Stream {
    usage: Usage,
    /// How many calls have begun.
    calls: u32,
    /// The blocks that are open, by their index.
    open: BTreeMap<u64, Open>,
    finished: bool,
}

/// A block that is open.
struct Open {
    kind: Kind,
    joint: Joint,
}

/// What a block is.
enum Kind {
    Text,
    Thinking,
    /// A call of a tool of the caller's: its index among the calls, and its input, as long as no part of that came.
    Call(u32, Option<String>),
    /// A block without a place in a turn, such as a tool call that the provider runs.
    Other,
}

/// The most blocks that are open at once; the API opens one after the other.
const MAX_OPEN: usize = 256;

reads! {
    /// Any of the events, with all members that are read.
    struct Event<'a> {
        "type" kind: Text<'a>,
        "index" index: u64,
        "message" message: Start<'a>,
        "content_block" content_block: Block<'a>,
        "delta" delta: Delta<'a>,
        "usage" usage: Usage,
    }
}

reads! {
    struct Start<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "usage" usage: Usage,
    }
}

reads! {
    struct Delta<'a> {
        "text" text: Fragment<'a>,
        "thinking" thinking: Fragment<'a>,
        "signature" signature: Text<'a>,
        "partial_json" partial_json: Fragment<'a>,
        "stop_reason" stop_reason: Text<'a>,
        "stop_sequence" stop_sequence: Text<'a>,
    }
}

type Events<'e> = Vec<turn::Event<'e>>;

const INPUT: &str = "the input of a tool call is no JSON object";

impl Decoder for Stream {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Events<'static>) -> StreamState {
        if let Some(stray) = event.stray {
            return error(stray, out);
        }
        let Some(data) = &event.data else { return StreamState::On };
        let Ok(read) = json::answer_from_slice::<Event<'_>>(data) else {
            return match PeekedEvent::of(event) {
                PeekedEvent::KeepAlive => StreamState::On,
                // Some servers end every stream as chat completions do.
                PeekedEvent::Done if self.finished => {
                    self.end(out);
                    StreamState::Done
                }
                PeekedEvent::Error(body) => error(body, out),
                _ => StreamState::InvalidResponse(NONE),
            };
        };
        let index = read.index.unwrap_or(0);
        match (read.kind.as_deref(), read.message, read.content_block, read.delta) {
            (Some("message_start"), Some(start), ..) => {
                let owned = |text: Text<'_>| Cow::Owned(text.into_inner().into_owned());
                self.usage = start.usage.unwrap_or_default();
                out.push(turn::Event::Start { id: start.id.map(owned), model: start.model.map(owned) });
                out.push(turn::Event::Usage(self.usage.of_turn()));
            }
            (Some("content_block_start"), _, Some(block), _) => return self.begin(index, block, out),
            (Some("content_block_delta"), _, _, Some(delta)) => return self.go_on(index, delta, out),
            (Some("content_block_stop"), ..) => self.close(index, out),
            (Some("message_delta"), _, _, Some(delta)) => {
                self.usage = self.usage.with(read.usage.unwrap_or_default());
                let reason = finish_reason(delta.stop_reason.as_deref().unwrap_or_default());
                if let Some(reason) = reason {
                    self.finish(reason, delta.stop_sequence, out);
                }
            }
            (Some("message_stop"), ..) if !self.finished => {
                return StreamState::InvalidResponse("the message ended without a stop reason");
            }
            (Some("message_stop"), ..) => {
                self.end(out);
                return StreamState::Done;
            }
            (kind, ..) if kind == Some("error") || event.is_error() || failure::is_error_object(data) => {
                return error(data, out);
            }
            (None, ..) | (Some("message_start"), ..) => return StreamState::InvalidResponse(NONE),
            // `ping`, and events that are yet to be defined.
            _ => {}
        }
        StreamState::On
    }

    fn is_complete(&self) -> bool {
        self.finished
    }

    fn end(&mut self, out: &mut Events<'static>) {
        out.push(turn::Event::Usage(self.usage.of_turn()));
        out.push(turn::Event::End);
    }
}

const NONE: &str = "an event is none of the Messages API";

/// An error in the stream.
fn error(body: &[u8], out: &mut Events<'static>) -> StreamState {
    let status = failure::status(body, &status_of);
    out.push(failure::read(body, status, "").into());
    StreamState::ErrorSent("the upstream reported an error of its own")
}

impl Stream {
    fn begin(&mut self, index: u64, block: Block<'_>, out: &mut Events<'static>) -> StreamState {
        // A block that begins again was not closed.
        self.close(index, out);
        let owned = |text: Option<Text<'_>>| Cow::Owned(text.unwrap_or_default().into_inner().into_owned());
        let mut joint = Joint::default();
        let kind = match block.kind.as_deref().unwrap_or_default() {
            "text" => {
                let text = joint.join(block.text.unwrap_or_default()).into_owned().into();
                out.push(turn::Event::Text { choice: 0, text, logprobs: None });
                Kind::Text
            }
            "thinking" => {
                let text = joint.join(block.thinking.unwrap_or_default()).into_owned().into();
                out.push(turn::Event::Thinking { choice: 0, text });
                if let Some(signature) = block.signature.filter(|signature| !signature.is_empty()) {
                    out.push(signed(signature));
                }
                Kind::Thinking
            }
            "redacted_thinking" => {
                out.push(turn::Event::RedactedThinking { choice: 0, data: owned(block.data) });
                Kind::Other
            }
            "tool_use" => {
                let Some(input) = block.input().map(Cow::into_owned) else {
                    return StreamState::InvalidResponse(INPUT);
                };
                let (id, name) = (owned(block.id), owned(block.name));
                let kind = ToolKind::Function;
                out.push(turn::Event::ToolCall { choice: 0, index: self.calls, id, name, kind });
                self.calls += 1;
                Kind::Call(self.calls - 1, Some(input))
            }
            _ => Kind::Other,
        };
        if self.open.len() >= MAX_OPEN {
            return StreamState::InvalidResponse("too many blocks are open at once");
        }
        self.open.insert(index, Open { kind, joint });
        StreamState::On
    }

    fn go_on(&mut self, index: u64, delta: Delta<'_>, out: &mut Events<'static>) -> StreamState {
        if !self.open.contains_key(&index) {
            // Some servers leave the beginning of a block out. Of a call it has the name.
            let kind = match &delta {
                Delta { text: Some(_), .. } => Kind::Text,
                Delta { thinking: Some(_), .. } => Kind::Thinking,
                Delta { partial_json: Some(_), .. } => {
                    return StreamState::InvalidResponse("a delta belongs to no block that is open");
                }
                _ => return StreamState::On,
            };
            if self.open.len() >= MAX_OPEN {
                return StreamState::InvalidResponse("too many blocks are open at once");
            }
            self.open.insert(index, Open { kind, joint: Joint::default() });
        }
        let Some(Open { kind, joint }) = self.open.get_mut(&index) else { return StreamState::On };
        let mut join = |fragment| Cow::<'static, str>::Owned(joint.join(fragment).into_owned());
        match (kind, delta) {
            (Kind::Text, Delta { text: Some(text), .. }) => {
                let text = join(text);
                if !text.is_empty() {
                    out.push(turn::Event::Text { choice: 0, text, logprobs: None });
                }
            }
            (Kind::Thinking, Delta { thinking: Some(thinking), .. }) => {
                let text = join(thinking);
                if !text.is_empty() {
                    out.push(turn::Event::Thinking { choice: 0, text });
                }
            }
            (Kind::Thinking, Delta { signature: Some(signature), .. }) if !signature.is_empty() => {
                out.push(signed(signature));
            }
            (Kind::Call(call, owed), Delta { partial_json: Some(input), .. }) => {
                let input = join(input);
                if owed.is_some() && !input.trim().is_empty() {
                    if !input.trim_start().starts_with('{') {
                        return StreamState::InvalidResponse(INPUT);
                    }
                    *owed = None;
                }
                if owed.is_none() && !input.is_empty() {
                    out.push(turn::Event::ToolInput { choice: 0, index: *call, input });
                }
            }
            // Citations, the input of tools that the provider runs, and deltas that are yet to be defined.
            _ => {}
        }
        StreamState::On
    }

    fn close(&mut self, index: u64, out: &mut Events<'static>) {
        let Some(Open { kind, mut joint }) = self.open.remove(&index) else { return };
        let rest = joint.finish().map(Cow::Borrowed);
        match (kind, rest) {
            (Kind::Text, Some(text)) => out.push(turn::Event::Text { choice: 0, text, logprobs: None }),
            (Kind::Thinking, Some(text)) => out.push(turn::Event::Thinking { choice: 0, text }),
            (Kind::Call(index, Some(input)), _) => {
                out.push(turn::Event::ToolInput { choice: 0, index, input: input.into() });
            }
            (Kind::Call(index, None), Some(input)) => {
                out.push(turn::Event::ToolInput { choice: 0, index, input });
            }
            _ => {}
        }
    }

    fn finish(&mut self, reason: FinishReason, sequence: Option<Text<'_>>, out: &mut Events<'static>) {
        while let Some(index) = self.open.keys().next().copied() {
            self.close(index, out);
        }
        if !std::mem::replace(&mut self.finished, true) {
            let stop_sequence = sequence.map(|text| Cow::Owned(text.into_inner().into_owned()));
            out.push(turn::Event::Finish { choice: 0, reason, stop_sequence });
        }
    }
}

fn signed(signature: Text<'_>) -> turn::Event<'static> {
    turn::Event::ThinkingSignature { choice: 0, signature: signature.into_inner().into_owned().into() }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
