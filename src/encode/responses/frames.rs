//! [`Frames`]: the events of a stream as server-sent events.

use super::draft::{Draft, Unwritten};
use crate::api::tool::Json;
use crate::encode::sse::push_named_event;
use crate::json::{Write, writes};

/// A member's name in quotes, with the colon, and its value.
pub(super) type Member<'a> = (&'a str, &'a dyn Write);

/// One event.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    name: &'a str,
    members: &'a [Member<'a>],
    /// The last members, which may be long.
    last: [Option<(&'a str, &'a Draft)>; 2],
    is_delta: bool,
}

impl<'a> Frame<'a> {
    /// An event with some members.
    pub(super) fn new(name: &'a str, members: &'a [Member<'a>]) -> Self {
        Self { name, members, last: [None; 2], is_delta: false }
    }

    /// An event that adds to an item.
    pub(super) fn delta(name: &'a str, members: &'a [Member<'a>]) -> Self {
        Self { is_delta: true, ..Self::new(name, members) }
    }

    /// The same event with a last member that may be long; an event has two at the most.
    pub(super) fn with(self, key: &'a str, value: &'a Draft) -> Self {
        let [first, _] = self.last;
        let own = Some((key, value));
        Self { last: if first.is_none() { [own, None] } else { [first, own] }, ..self }
    }
}

/// Writes events in order, and keeps what follows on something long.
pub(super) struct Frames {
    /// The number of the next event.
    sequence: u64,
    /// Whether deltas are padded.
    obfuscation: bool,
    /// What follows on what was appended last.
    unwritten: Unwritten,
    /// Whether no event is written.
    are_left_out: bool,
}

impl Frames {
    pub(super) fn new(obfuscation: bool) -> Self {
        Self { sequence: 0, obfuscation, unwritten: Unwritten::default(), are_left_out: false }
    }

    /// Writes no event from now on.
    pub(super) fn leave_out(&mut self) {
        self.are_left_out = true;
    }

    /// Whether no event is written.
    pub(super) fn are_left_out(&self) -> bool {
        self.are_left_out
    }

    /// Appends an event. The members of its place, such as the item that it is about, come before its own.
    pub(super) fn push(&mut self, place: &[Member<'_>], frame: Frame<'_>, out: &mut Vec<u8>) {
        if self.are_left_out {
            return;
        }
        let Frame { name, members, last, is_delta } = frame;
        let mut event = Draft::whole(String::with_capacity(256));
        event.push_str("{");
        event.push_member("\"type\":", &name);
        event.push_member("\"sequence_number\":", &self.sequence);
        for (key, value) in place.iter().chain(members) {
            event.push_member(key, *value);
        }
        if is_delta && self.obfuscation {
            event.push_member("\"obfuscation\":", &self.padding());
        }
        for (key, value) in last.into_iter().flatten() {
            event.push_str(",");
            event.push_str(key);
            event.push(value);
        }
        event.push_str("}");
        self.sequence += 1;
        let frame = |json: &[u8], out: &mut Vec<u8>| push_named_event(out, name, json);
        match event.without_gaps() {
            Some(json) if self.unwritten.is_empty() => frame(json.as_bytes(), out),
            _ => self.unwritten.push_draft(&event, frame),
        }
    }

    /// Letters without meaning, of a length that changes from event to event.
    fn padding(&self) -> &'static str {
        const LETTERS: &str = "aB3dE5gH7jK9mN1pQ2";
        let length = (self.sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize;
        LETTERS.get(..length.max(1)).unwrap_or(LETTERS)
    }

    /// Appends the event of an error.
    pub(super) fn push_error(&mut self, code: &str, message: &str, out: &mut Vec<u8>) {
        if self.unwritten.is_empty() {
            push_error(code, message, self.sequence, out);
        } else {
            let mut event = Vec::new();
            push_error(code, message, self.sequence, &mut event);
            self.unwritten.push_bytes(&event);
        }
        self.sequence += 1;
    }

    /// Appends the next part of what is unwritten; false where nothing is left.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> bool {
        self.unwritten.write(out)
    }
}

/// Appends the event of an error; `number` is its `sequence_number`.
pub(super) fn push_error(code: &str, message: &str, number: u64, out: &mut Vec<u8>) {
    let (mut error, mut event) = (String::new(), String::new());
    writes!(&mut error; "type" = code, "code" = code, "message" = message, "param" = ());
    writes!(&mut event; "type" = "error", "sequence_number" = number, "error" = Json(&error));
    push_named_event(out, "error", event.as_bytes());
}
