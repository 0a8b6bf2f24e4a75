//! A stream on its way from an upstream to the caller, event by event.
//!
//! Only whole events go out, so that whatever happens to the upstream the caller can be told of it in an
//! event of its own; of one that is very long, parts. What is kept is one unfinished event or part of one,
//! however long the stream.

use super::deliver::broken_off;
use super::dialect::anthropic::Stream;
use super::peek::{Answer, is_done};
use super::sse::{Event, Parser, TooLong};
use crate::error::{ApiError, Kind};
use crate::http::{BodySource, Frame, Incoming, Outcome, Piece, Tokens};
use std::time::Duration;

/// What becomes of each event.
pub(super) enum Handling {
    /// It goes on as it is.
    Pass(Watch),
    /// It becomes chunks of OpenAI's API.
    Anthropic(Box<Stream>),
}

/// What an event says of the stream.
pub(super) enum StreamState {
    /// More may follow.
    On,
    /// It was the last, and all is told.
    Done,
    /// It tells the caller of an error, and nothing may follow.
    ErrorSent(&'static str),
    /// It makes no sense.
    InvalidResponse(&'static str),
}

/// Where a stream stands.
enum State {
    /// Events come.
    Running,
    /// The last event went out; the upstream's connection is brought to its end.
    Ending,
    /// Nothing follows.
    Ended,
}

/// Reads a stream and hands its events on.
pub(super) struct Reader<B> {
    /// What was read of it before.
    held: Vec<u8>,
    from: Option<B>,
    parser: Parser,
    handling: Handling,
    state: State,
    upstream: String,
    /// What the caller is still to be told.
    error: Option<ApiError>,
    broken: Option<String>,
}

/// How long an upstream that has told all may take to end its answer: its connection is good for another
/// request then.
const ENDING: Duration = Duration::from_millis(100);

/// How long nothing comes before that is told.
const SILENCE: Duration = Duration::from_millis(250);

/// How many pieces may follow the last event.
const ENDING_PIECES: usize = 16;

impl<B: Incoming> Reader<B> {
    pub(super) fn new(held: Vec<u8>, from: Option<B>, handling: Handling, upstream: &str) -> Self {
        Self {
            held,
            from,
            parser: Parser::default(),
            handling,
            state: State::Running,
            upstream: upstream.to_owned(),
            error: None,
            broken: None,
        }
    }

    /// The next piece of the answer, if it comes soon.
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
                Ok(Some(event)) => match self.handling.event(&event, out) {
                    StreamState::On => {}
                    flow => return Ok(flow),
                },
                Ok(None) => return Ok(StreamState::On),
                Err(TooLong) if matches!(self.handling, Handling::Pass(_)) => {
                    out.extend_from_slice(self.parser.cut());
                }
                Err(TooLong) => return Err(Broken::senseless("an event without an end")),
            }
        }
    }

    /// The upstream has ended its answer.
    fn at_end(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.from = None;
        if let Some(event) = self.parser.rest() {
            let before = out.len();
            match self.handling.event(&event, out) {
                StreamState::InvalidResponse(_) => out.truncate(before),
                // Its blank line is what is missing.
                _ if out.len() > before => out.extend_from_slice(b"\n\n"),
                _ => {}
            }
        }
        match self.handling.is_complete() {
            true => Ok(()),
            false => {
                Err(Broken { reason: "the stream ended before it told all".to_owned(), timed_out: false })
            }
        }
    }

    /// Notes why no more will come; what the caller is told of it.
    fn break_off(&mut self, broken: Broken) -> ApiError {
        self.broken = Some(broken.reason);
        self.end();
        match broken.timed_out {
            true => ApiError::new(
                Kind::UpstreamTimeout,
                format!("The upstream `{}` fell silent before the end of its answer.", self.upstream),
            ),
            false => broken_off(&self.upstream),
        }
    }

    fn end(&mut self) {
        self.from = None;
        self.state = State::Ended;
    }

    /// Takes what comes next; whether something did.
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
            StreamState::InvalidResponse(what) => return Err(Broken::senseless(what)),
        }
        Ok(true)
    }

    /// Reads what little may follow the last event, for the connection's sake.
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
    fn senseless(what: &str) -> Self {
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
                            // The event that is told of it must not become part of the one that broke off.
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
        Outcome { broken: self.broken.clone(), tokens: self.handling.tokens() }
    }
}

impl Handling {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamState {
        match self {
            Self::Pass(watch) => watch.event(event, out),
            Self::Anthropic(stream) => stream.event(event, out),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Pass(watch) => watch.complete,
            Self::Anthropic(stream) => stream.is_complete(),
        }
    }

    fn tokens(&self) -> Option<Tokens> {
        match self {
            Self::Pass(watch) => watch.tokens,
            Self::Anthropic(stream) => stream.tokens(),
        }
    }
}

/// What is remembered of the events that were passed on.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// `[DONE]` or a `finish_reason` went by: not every upstream sends both.
    complete: bool,
    tokens: Option<Tokens>,
}

impl Watch {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamState {
        let Some(data) = &event.data else {
            out.extend_from_slice(event.raw);
            return StreamState::On;
        };
        if is_done(data) {
            out.extend_from_slice(event.raw);
            self.complete = true;
            return StreamState::Done;
        }
        let Some(answer) = Answer::read(data) else {
            return StreamState::InvalidResponse("an event is no JSON object");
        };
        out.extend_from_slice(event.raw);
        if answer.is_error() || event.is_error() {
            return StreamState::ErrorSent("the upstream told of an error of its own");
        }
        self.complete = self.complete || answer.finishes();
        self.tokens = answer.tokens().or(self.tokens);
        StreamState::On
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
