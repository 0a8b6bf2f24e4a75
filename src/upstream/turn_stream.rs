//! A stream of an upstream as the events of a turn.

use super::call_ids::CallIds;
use super::deliver::{LONGEST_MESSAGE, too_long};
use super::dialect::{Decoder, StreamState};
use super::idle::Idle;
use super::sse::{Parser, TooLong};
use super::{SILENCE, read_ending};
use crate::config::Upstream;
use crate::error::ApiError;
use crate::http::{Incoming, Piece};
use crate::turn::{Event, EventSource, Failure, Step};
use std::collections::VecDeque;

/// Reads an upstream's stream and returns the events of a turn. Dropping it cancels the upstream's request.
pub struct TurnStream<B> {
    /// What was read before.
    held: Vec<u8>,
    from: Option<B>,
    parser: Parser,
    decoder: Box<dyn Decoder>,
    ids: CallIds,
    idle: Idle,
    queue: VecDeque<Event<'static>>,
    upstream: String,
    failure: Option<String>,
    /// How many bytes of the answer have come: encoders of some APIs keep them to the end.
    taken: usize,
}

impl<B: Incoming> TurnStream<B> {
    pub(super) fn new(
        held: Vec<u8>,
        from: Option<B>,
        decoder: Box<dyn Decoder>,
        ids: CallIds,
        upstream: &Upstream,
    ) -> Self {
        Self {
            held,
            from,
            parser: Parser::default(),
            decoder,
            ids,
            idle: Idle::new(upstream.timeouts.without_content()),
            queue: VecDeque::new(),
            upstream: upstream.name.clone(),
            failure: None,
            taken: 0,
        }
    }

    /// Reads on until there is an event, or nothing more; false where nothing arrived for a while.
    fn fill(&mut self) -> bool {
        while self.queue.is_empty() && (!self.held.is_empty() || self.from.is_some()) {
            let piece = match (std::mem::take(&mut self.held), &mut self.from) {
                (held, _) if !held.is_empty() => Ok(Piece::Bytes(held)),
                (_, Some(from)) => from.read_within(SILENCE),
                (_, None) => Ok(Piece::End),
            };
            match piece {
                Ok(Piece::Bytes(bytes)) => {
                    self.parser.push(&bytes);
                    let has_data = self.decode();
                    match self.queue.is_empty() {
                        true if has_data => {}
                        true => self.idle.skipped(bytes.len()),
                        false => self.idle.reset(),
                    }
                    if self.idle.is_over() {
                        self.give_up();
                    }
                    if self.from.is_none() && self.held.is_empty() && self.failure.is_none() {
                        self.at_end();
                    }
                }
                Ok(Piece::Pending) => {
                    self.idle.waited();
                    if !self.idle.is_over() {
                        return false;
                    }
                    self.give_up();
                }
                Ok(Piece::End) => self.at_end(),
                Err(error) => self.break_off(error.reason, error.timed_out),
            }
        }
        true
    }

    /// Decodes what is whole; returns whether any of it had data.
    fn decode(&mut self) -> bool {
        let mut has_data = false;
        loop {
            let mut events = Vec::new();
            let state = match self.parser.next() {
                Ok(Some(event)) => {
                    has_data |= event.data.is_some();
                    self.decoder.event(&event, &mut events)
                }
                Ok(None) => return has_data,
                Err(TooLong) => StreamState::InvalidResponse("an event without an end"),
            };
            self.taken = events.iter().map(Event::bytes).fold(self.taken, usize::saturating_add);
            self.queue.extend(events);
            if self.taken > LONGEST_MESSAGE {
                self.end_with(
                    format!("the answer has more than {LONGEST_MESSAGE} bytes"),
                    &too_long(&self.upstream),
                );
                return true;
            }
            if self.after(state) {
                return true;
            }
        }
    }

    /// Acts on what an event means; true where nothing follows.
    fn after(&mut self, state: StreamState) -> bool {
        match state {
            StreamState::On => return false,
            StreamState::Done => {
                if let Some(from) = &mut self.from {
                    read_ending(from);
                }
                self.close();
            }
            StreamState::ErrorSent(what) => {
                self.failure = Some(what.to_owned());
                self.close();
            }
            StreamState::InvalidResponse(what) => self.break_off(what.to_owned(), false),
        }
        true
    }

    fn give_up(&mut self) {
        self.break_off("nothing but comments arrived for too long".to_owned(), true);
    }

    fn close(&mut self) {
        self.from = None;
        self.held.clear();
        self.parser = Parser::default();
    }

    /// The upstream has ended its answer.
    fn at_end(&mut self) {
        if self.is_closed() {
            return;
        }
        // The last event may lack its blank line.
        let mut state = StreamState::On;
        while let StreamState::On = state
            && let Some(event) = self.parser.rest()
        {
            let mut events = Vec::new();
            state = self.decoder.event(&event, &mut events);
            self.queue.extend(events);
        }
        match state {
            StreamState::Done | StreamState::ErrorSent(_) => drop(self.after(state)),
            _ if self.decoder.is_complete() => {
                let mut events = Vec::new();
                self.decoder.end(&mut events);
                self.queue.extend(events);
                self.close();
            }
            _ => self.break_off("the stream ended before it was complete".to_owned(), false),
        }
    }

    /// Whether the end of the turn is in the queue.
    fn is_closed(&self) -> bool {
        matches!(self.queue.back(), Some(Event::End | Event::Error { .. }))
    }

    fn break_off(&mut self, reason: String, timed_out: bool) {
        let error = match timed_out {
            true => super::deliver::fell_silent(&self.upstream),
            false => super::deliver::broken_off(&self.upstream),
        };
        self.end_with(reason, &error);
    }

    fn end_with(&mut self, reason: String, error: &ApiError) {
        self.failure = Some(reason);
        self.close();
        self.queue.push_back(Failure::from(error).into());
    }
}

impl<B: Incoming> EventSource for TurnStream<B> {
    fn next(&mut self) -> Option<Step<'_>> {
        if !self.fill() {
            return Some(Step::now(Event::Ping));
        }
        let mut event = self.queue.pop_front()?;
        self.ids.complete(&mut event);
        Some(Step { wait: None, event, more: !self.queue.is_empty() })
    }

    fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}
