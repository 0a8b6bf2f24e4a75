//! A request's body on its way to an upstream: before the answer begins, and beside it.

use super::body::{CALLER_CHECK_INTERVAL, nanos, read_now};
use crate::http::{Piece, ReadError};
use std::borrow::Cow;
use std::time::Duration;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::types::{IncomingBody, OutgoingBody};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, OutputStream, StreamError};

/// How many pieces are moved before something else has its turn.
const TURN: usize = 8;

/// How long a body may stand still whose answer is complete.
const STANDSTILL: Duration = Duration::from_secs(30);

/// What of a request's body the upstream has not got yet; nothing, once it has all or wants no more.
///
/// Dropped before that it takes the connection down, and the answer with it.
#[derive(Default)]
pub(super) struct Upload {
    unsent: Option<Unsent>,
    /// How much came from a caller.
    pub(super) passed: u64,
}

struct Unsent {
    // A child goes before its parent.
    stream: OutputStream,
    body: OutgoingBody,
    rest: Vec<u8>,
    at: usize,
    /// Where more comes from after `rest`.
    from: Option<(InputStream, IncomingBody)>,
}

/// What becomes of a body next.
enum Next {
    /// It waits: for room, or for its sender.
    Later,
    /// All of it is sent.
    Sent,
    /// The upstream takes no more. Its answer has the reason.
    Refused,
}

impl Upload {
    /// Begins a body that is here. What the host takes at once is not copied.
    pub(super) fn of_parts(body: OutgoingBody, parts: &[Cow<'_, [u8]>]) -> Self {
        let Ok(mut unsent) = Unsent::new(body) else { return Self::default() };
        for part in parts {
            let mut part = &**part;
            while !part.is_empty() && unsent.rest.is_empty() {
                match unsent.put(part) {
                    Err(_) => return Self::default(),
                    Ok(0) => break,
                    Ok(taken) => part = part.get(taken..).unwrap_or_default(),
                }
            }
            unsent.rest.extend_from_slice(part);
        }
        let mut upload = Self { unsent: Some(unsent), passed: 0 };
        // Only reading can fail.
        let _ = upload.go_on();
        upload
    }

    /// Begins a body that comes from a caller, `first` being what was read of it.
    pub(super) fn of_caller(
        body: OutgoingBody,
        first: Vec<u8>,
        from: Option<(InputStream, IncomingBody)>,
    ) -> Result<Self, ()> {
        let passed = first.len() as u64;
        let unsent = Unsent { rest: first, from, ..Unsent::new(body)? };
        Ok(Self { unsent: Some(unsent), passed })
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.unsent.is_none()
    }

    /// Sends what can be sent by now, for one turn. Fails where the caller's body breaks off.
    pub(super) fn go_on(&mut self) -> Result<(), ReadError> {
        let Some(unsent) = &mut self.unsent else { return Ok(()) };
        match unsent.turn(&mut self.passed)? {
            Next::Later => {}
            Next::Refused => self.unsent = None,
            Next::Sent => {
                if let Some(Unsent { stream, body, .. }) = self.unsent.take() {
                    drop(stream);
                    let _ = OutgoingBody::finish(body, None);
                }
            }
        }
        Ok(())
    }

    /// Ready when [`Upload::go_on`] has something to do; `None` where that is never again.
    pub(super) fn subscribe(&self) -> Option<Pollable> {
        let unsent = self.unsent.as_ref()?;
        // Room and more to send are of use only together: what is missing is waited for.
        Some(match &unsent.from {
            Some((from, _)) if unsent.is_flushed() => from.subscribe(),
            _ => unsent.stream.subscribe(),
        })
    }

    /// Sends no more.
    pub(super) fn give_up(&mut self) {
        self.unsent = None;
    }

    /// Sends the rest, as long as both sides keep it moving.
    pub(super) fn finish(&mut self) {
        let mut still = Duration::ZERO;
        while self.go_on().is_ok() && still < STANDSTILL {
            let Some(readable) = self.subscribe() else { return };
            let deadline = subscribe_duration(nanos(CALLER_CHECK_INTERVAL));
            match poll(&[&readable, &deadline]).contains(&0) {
                true => still = Duration::ZERO,
                false => still += CALLER_CHECK_INTERVAL,
            }
        }
    }
}

impl Unsent {
    fn new(body: OutgoingBody) -> Result<Self, ()> {
        Ok(Self { stream: body.write()?, body, rest: Vec::new(), at: 0, from: None })
    }

    fn is_flushed(&self) -> bool {
        self.at == self.rest.len()
    }

    fn put(&self, bytes: &[u8]) -> Result<usize, StreamError> {
        let room = usize::try_from(self.stream.check_write()?).unwrap_or(usize::MAX);
        let taken = bytes.get(..room).unwrap_or(bytes);
        if !taken.is_empty() {
            self.stream.write(taken)?;
        }
        Ok(taken.len())
    }

    /// By reading and writing: `splice` ends jco 1.35 with an error of its own, server and all.
    fn turn(&mut self, passed: &mut u64) -> Result<Next, ReadError> {
        for _ in 0..TURN {
            while !self.is_flushed() {
                match self.put(self.rest.get(self.at..).unwrap_or_default()) {
                    Err(_) => return Ok(Next::Refused),
                    Ok(0) => return Ok(Next::Later),
                    Ok(taken) => self.at += taken,
                }
            }
            let Some((from, _)) = &self.from else { return Ok(Next::Sent) };
            // Before there is another: two of the largest would be one too many.
            (self.rest, self.at) = (Vec::new(), 0);
            match read_now(from)? {
                Piece::Bytes(piece) => {
                    *passed += piece.len() as u64;
                    self.rest = piece;
                }
                // An upstream may be gone while its caller rests.
                Piece::Pending if self.stream.check_write().is_err() => return Ok(Next::Refused),
                Piece::Pending => return Ok(Next::Later),
                Piece::End => return Ok(Next::Sent),
            }
        }
        Ok(Next::Later)
    }
}
