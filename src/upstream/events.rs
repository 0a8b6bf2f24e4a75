//! A stream on its way from an upstream to the caller, event by event.
//!
//! Only whole events go out, so that an error can follow in an event of its own whatever happens to the upstream; of
//! a very long event, parts go out. What is kept is one unfinished event or part of one, however long the stream.

use super::deliver::{broken_off, fell_silent};
use super::dialect::StreamState;
use super::failure;
use super::peek::{Answer, Reading};
use super::sse::{Event, Parser, TooLong, push_event};
use crate::error::ApiError;
use crate::http::{BodySource, Frame, Incoming, Outcome, Piece, Tokens};
use std::time::Duration;

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
pub(super) struct Reader<B> {
    /// What was read of it before.
    held: Vec<u8>,
    from: Option<B>,
    parser: Parser,
    watch: Watch,
    state: State,
    upstream: String,
    /// The error that is still to go to the caller.
    error: Option<ApiError>,
    broken: Option<String>,
}

/// How long an upstream may take from its last event to the end of its answer. A connection whose answer has ended
/// serves another request.
const ENDING: Duration = Duration::from_millis(100);

/// How long nothing arrives before the body reports silence.
const SILENCE: Duration = Duration::from_millis(250);

/// How many pieces may follow the last event.
const ENDING_PIECES: usize = 16;

impl<B: Incoming> Reader<B> {
    pub(super) fn new(held: Vec<u8>, from: Option<B>, watch: Watch, upstream: &str) -> Self {
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
                Ok(Some(event)) => match self.watch.event(&event, out) {
                    StreamState::On => {}
                    flow => return Ok(flow),
                },
                Ok(None) => return Ok(StreamState::On),
                Err(TooLong) => out.extend_from_slice(self.parser.cut()),
            }
        }
    }

    /// The upstream has ended its answer.
    fn at_end(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.from = None;
        if let Some(event) = self.parser.rest() {
            let before = out.len();
            match self.watch.event(&event, out) {
                StreamState::InvalidResponse(_) => out.truncate(before),
                // Its blank line is missing.
                _ if out.len() > before => out.extend_from_slice(b"\n\n"),
                _ => {}
            }
        }
        match self.watch.is_complete() {
            true => Ok(()),
            false => {
                Err(Broken { reason: "the stream ended before it was complete".to_owned(), timed_out: false })
            }
        }
    }

    /// Notes why the stream breaks off; returns the error for the caller.
    fn break_off(&mut self, broken: Broken) -> ApiError {
        self.broken = Some(broken.reason);
        self.end();
        match broken.timed_out {
            true => fell_silent(&self.upstream),
            false => broken_off(&self.upstream),
        }
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
        for _ in 0..ENDING_PIECES {
            match self.from.as_mut().map(|from| from.read_within(ENDING)) {
                Some(Ok(Piece::Bytes(_))) => {}
                _ => break,
            }
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

impl<B: Incoming> BodySource for Reader<B> {
    fn next(&mut self) -> Option<Frame> {
        if let Some(error) = self.error.take() {
            return Some(Frame::Error(error));
        }
        let mut out = Vec::new();
        loop {
            match self.state {
                State::Running => match self.step(&mut out) {
                    Ok(true) => {}
                    Ok(false) => return Some(Frame::Silence),
                    Err(broken) => {
                        if self.parser.is_cut() {
                            // The error must not become part of the event that broke off.
                            out.extend_from_slice(b"\n\n");
                        }
                        self.error = Some(self.break_off(broken));
                    }
                },
                State::Ending => self.finish(),
                State::Ended => return self.error.take().map(Frame::Error),
            }
            if !out.is_empty() {
                return Some(Frame::Bytes(out));
            }
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome { broken: self.broken.clone(), tokens: self.watch.tokens }
    }
}

/// What is remembered of the events that were passed on.
#[derive(Debug)]
pub(super) struct Watch {
    /// How many choices the caller requested.
    requested: usize,
    /// The choices that began, and whether each has a finish reason.
    choices: Vec<(u64, bool)>,
    tokens: Option<Tokens>,
}

/// The most choices that are remembered; no API generates more.
const MOST_CHOICES: usize = 1024;

impl Watch {
    /// `requested` is the number of choices the caller requested.
    pub(super) fn new(requested: usize) -> Self {
        Self { requested, choices: Vec::new(), tokens: None }
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamState {
        match Reading::of(event) {
            Reading::Nothing => {}
            Reading::Done if !self.choices.iter().all(|(_, finished)| *finished) => {
                return StreamState::InvalidResponse(
                    "the stream ended before every choice had a finish reason",
                );
            }
            Reading::Done => {
                // Nothing that follows counts.
                self.requested = 0;
                out.extend_from_slice(event.raw);
                return StreamState::Done;
            }
            Reading::Answer(answer) if answer.is_last() => {
                self.take(&answer);
                (self.requested, self.choices) = (0, Vec::new());
            }
            Reading::Answer(answer) => self.take(&answer),
            Reading::Error(error) => {
                // An SDK finds an error in `data`, as an object named `error`.
                match event.data.is_some() && failure::is_error_object(error) {
                    true => out.extend_from_slice(event.raw),
                    false => {
                        let failure = failure::read(error, failure::status(error, &|_| None), "");
                        push_event(out, &failure::openai_body(&failure));
                    }
                }
                return StreamState::ErrorSent("the upstream reported an error of its own");
            }
            Reading::Invalid => return StreamState::InvalidResponse("an event is no JSON object"),
        }
        out.extend_from_slice(event.raw);
        StreamState::On
    }

    fn take(&mut self, answer: &Answer<'_>) {
        for choice in answer.choices() {
            let at = self.choices.iter().position(|(index, _)| *index == choice.index());
            match at {
                Some(at) => self.choices[at].1 |= choice.finishes(),
                None if self.choices.len() < MOST_CHOICES => {
                    self.choices.push((choice.index(), choice.finishes()));
                }
                None => {}
            }
        }
        if let Some(new) = answer.tokens() {
            // A later event may repeat the members without their counts.
            let old = self.tokens.unwrap_or_default();
            let count = |new, old| if new > 0 { new } else { old };
            self.tokens =
                Some(Tokens { input: count(new.input, old.input), output: count(new.output, old.output) });
        }
    }

    /// Whether `[DONE]` came, or a finish reason for every choice: not every upstream sends both.
    fn is_complete(&self) -> bool {
        let finished = self.choices.iter().filter(|(_, finished)| *finished).count();
        finished == self.choices.len() && finished >= self.requested
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
