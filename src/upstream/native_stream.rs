//! A stream on its way from an upstream to the caller, event by event.
//!
//! Only whole events go out, so that an error can follow in an event of its own whatever happens to the upstream; of
//! a very long event, parts go out. What is kept is one unfinished event or part of one, however long the stream.

use super::deliver::{broken_off, fell_silent};
use super::dialect::StreamState;
use super::peeked_json::{DONE, PeekedEvent, PeekedJson};
use super::sse::{Event, Parser, TooLong};
use super::{ErrorEvent, SILENCE, delivered, failure, read_ending};
use crate::http::{BodyItem, Incoming, Piece};
use crate::turn::{Failure, MAX_TRACKED, UsageMeter};

/// Where a stream stands.
enum State {
    /// Events come.
    Running,
    /// The last event went out; the rest of the answer is read, so that the connection can be reused.
    Ending,
    /// Nothing follows.
    Ended,
}

/// Reads a stream and passes its events on.
pub(super) struct NativeStream<B> {
    /// What was read of it before.
    held: Vec<u8>,
    from: Option<B>,
    parser: Parser,
    watch: StreamWatch,
    state: State,
    upstream: String,
    /// The event of an error that is still to go to the caller.
    error: Option<Vec<u8>>,
    /// Why the answer is incomplete.
    broken: Option<String>,
}

impl<B: Incoming> NativeStream<B> {
    pub(super) fn new(held: Vec<u8>, from: Option<B>, watch: StreamWatch, upstream: &str) -> Self {
        Self {
            held,
            from,
            parser: Parser::default(),
            watch,
            state: State::Running,
            upstream: upstream.to_owned(),
            error: None,
            broken: None,
        }
    }

    /// The next piece of the answer, if it arrives soon.
    fn read(&mut self) -> Result<Piece, Broken> {
        if !self.held.is_empty() {
            return Ok(Piece::Bytes(std::mem::take(&mut self.held)));
        }
        let Some(from) = &mut self.from else { return Ok(Piece::End) };
        from.read_within(SILENCE).map_err(|error| Broken { reason: error.reason, timed_out: error.timed_out })
    }

    /// Handles every event that is whole.
    fn events(&mut self, out: &mut Vec<u8>) -> Result<StreamState, Broken> {
        loop {
            match self.parser.next() {
                Ok(Some(event)) => {
                    let before = out.len();
                    let state = self.watch.event(&event, out);
                    if event.is_open && out.len() > before {
                        // SDKs read events by their blank lines.
                        out.push(b'\n');
                    }
                    match state {
                        StreamState::On => {}
                        state => return Ok(state),
                    }
                }
                Ok(None) => return Ok(StreamState::On),
                Err(TooLong) => out.extend_from_slice(self.parser.cut()),
            }
        }
    }

    /// The upstream has ended its answer.
    fn at_end(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.from = None;
        while let Some(event) = self.parser.rest() {
            let before = out.len();
            match self.watch.event(&event, out) {
                StreamState::InvalidResponse(_) => out.truncate(before),
                // Its blank line is missing.
                _ if out.len() > before => out.extend_from_slice(b"\n\n"),
                _ => {}
            }
        }
        match self.watch.is_complete() {
            true => {
                self.watch.meter.complete();
                Ok(())
            }
            false => {
                Err(Broken { reason: "the stream ended before it was complete".to_owned(), timed_out: false })
            }
        }
    }

    /// Notes why the stream breaks off; returns the event that reports it.
    fn break_off(&mut self, broken: Broken) -> Vec<u8> {
        self.broken = Some(broken.reason);
        self.end();
        let error = match broken.timed_out {
            true => fell_silent(&self.upstream),
            false => broken_off(&self.upstream),
        };
        self.watch.error_event(&Failure::from(&error))
    }

    fn end(&mut self) {
        self.from = None;
        self.state = State::Ended;
    }

    /// Takes what arrives next; false where nothing did.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, Broken> {
        let piece = match self.read()? {
            Piece::Bytes(piece) => piece,
            Piece::Pending => return Ok(false),
            Piece::End => {
                self.at_end(out)?;
                self.end();
                return Ok(true);
            }
        };
        self.parser.push(&piece);
        match self.events(out)? {
            StreamState::On => {}
            StreamState::Done => self.state = State::Ending,
            StreamState::ErrorSent(what) => {
                self.broken = Some(what.to_owned());
                self.end();
            }
            StreamState::InvalidResponse(what) => return Err(Broken::invalid(what)),
        }
        Ok(true)
    }

    /// Reads what may follow the last event, so that the connection can be reused.
    fn finish(&mut self) {
        if let Some(from) = &mut self.from {
            read_ending(from);
        }
        self.end();
    }
}

/// Why a stream cannot go on.
struct Broken {
    reason: String,
    timed_out: bool,
}

impl Broken {
    fn invalid(what: &str) -> Self {
        Self { reason: what.to_owned(), timed_out: false }
    }
}

impl<B: Incoming> Iterator for NativeStream<B> {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        let mut out = Vec::new();
        loop {
            match self.state {
                State::Running => match self.step(&mut out) {
                    Ok(true) => {}
                    Ok(false) => return Some(BodyItem::Silence),
                    Err(broken) => {
                        if self.parser.is_cut() {
                            // The error must not become part of the event that broke off.
                            out.extend_from_slice(b"\n\n");
                        }
                        self.error = Some(self.break_off(broken));
                    }
                },
                State::Ending => self.finish(),
                State::Ended => {
                    let failed = || self.broken.take().map(BodyItem::Failed);
                    return self.error.take().map(BodyItem::Data).or_else(failed);
                }
            }
            if !out.is_empty() {
                return Some(BodyItem::Data(out));
            }
        }
    }
}

/// What is remembered of the events that were passed on.
#[derive(Debug)]
pub(super) struct StreamWatch {
    /// How many choices the caller requested.
    requested: usize,
    /// The choices that began, and whether each has a finish reason.
    choices: Vec<(u64, bool)>,
    /// The number of the next event, in the APIs whose events have numbers.
    number: u64,
    error_event: ErrorEvent,
    meter: UsageMeter,
    /// Whether the chunk with the usage is kept back.
    withholds_usage: bool,
}

impl StreamWatch {
    /// `requested` is the number of choices the caller requested; `meter` gets the usage that the events report.
    pub(super) fn new(requested: usize, error_event: ErrorEvent, meter: UsageMeter) -> Self {
        Self { requested, choices: Vec::new(), number: 0, error_event, meter, withholds_usage: false }
    }

    /// The same, which keeps the chunk with the usage back if the caller did not request it.
    pub(super) fn withholding_usage(mut self, withholds: bool) -> Self {
        self.withholds_usage = withholds;
        self
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamState {
        match PeekedEvent::of(event) {
            PeekedEvent::Nothing => {}
            PeekedEvent::KeepAlive => {
                out.extend_from_slice(b": keep-alive\n\n");
                return StreamState::On;
            }
            PeekedEvent::Done if !self.choices.iter().all(|(_, finished)| *finished) => {
                return StreamState::InvalidResponse(
                    "the stream ended before every choice had a finish reason",
                );
            }
            PeekedEvent::Done => {
                // Nothing that follows counts.
                self.requested = 0;
                self.meter.complete();
                match event.data.as_deref() {
                    Some(data) if data.trim_ascii() != DONE => {
                        out.extend_from_slice(b"data: [DONE]\n\n");
                    }
                    _ => out.extend_from_slice(event.raw),
                }
                return StreamState::Done;
            }
            PeekedEvent::Json(answer) if answer.is_last() => {
                self.take(&answer);
                self.meter.complete();
                (self.requested, self.choices) = (0, Vec::new());
            }
            PeekedEvent::Json(answer) => {
                self.take(&answer);
                if self.withholds_usage && answer.is_usage_alone() {
                    return StreamState::On;
                }
                if self.meter.counts_delivered() {
                    delivered::of_event(event.data.as_deref().unwrap_or_default(), &self.meter);
                }
            }
            PeekedEvent::Error(error) => {
                // SDKs find an error in `data`, as an object named `error` or as an event of Responses.
                let is_known = || {
                    failure::is_error_object(error)
                        || PeekedJson::read(error).is_some_and(|answer| answer.is_responses_error())
                };
                match event.data.is_some() && is_known() {
                    true => out.extend_from_slice(event.raw),
                    false => {
                        let failure = failure::read(error, failure::status(error, &|_| None), "");
                        out.extend(self.error_event(&failure));
                    }
                }
                return StreamState::ErrorSent("the upstream reported an error of its own");
            }
            PeekedEvent::Invalid => return StreamState::InvalidResponse("an event is no JSON object"),
        }
        out.extend_from_slice(event.raw);
        StreamState::On
    }

    /// Remembers what matters of an event. Every event of an answer that is passed on passes here, so what is
    /// delivered can be counted here.
    fn take(&mut self, answer: &PeekedJson<'_>) {
        for choice in answer.choices() {
            let known = self.choices.iter_mut().find(|(index, _)| *index == choice.index());
            if let Some((_, finished)) = known {
                *finished |= choice.finishes();
            } else if self.choices.len() < MAX_TRACKED {
                self.choices.push((choice.index(), choice.finishes()));
            }
        }
        if let Some(number) = answer.number() {
            self.number = number.saturating_add(1);
        }
        if let Some(usage) = answer.usage() {
            self.meter.report(usage);
        }
    }

    /// The event of an error that the gateway adds.
    fn error_event(&self, failure: &Failure) -> Vec<u8> {
        (self.error_event)(failure, self.number)
    }

    /// Whether `[DONE]` came, or a finish reason for every choice: not every upstream sends both.
    fn is_complete(&self) -> bool {
        let finished = self.choices.iter().filter(|(_, finished)| *finished).count();
        finished == self.choices.len() && finished >= self.requested
    }
}

#[cfg(test)]
#[path = "native_stream_tests.rs"]
mod tests;
