//! Bodies that are read, the caller's and the upstreams', with the waiting done by the host.

use super::upload::Upload;
use crate::http::{Incoming, Piece, ReadError};
use std::time::Duration;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::types::{IncomingBody, IncomingRequest, IncomingResponse};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, StreamError};

/// The most bytes read or spliced in one call.
pub(super) const PIECE: u64 = 64 * 1024;

/// How often the caller's side is checked: not every host ends a request whose caller is gone.
pub(super) const CALLER_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Longer than any wait. Not every host can compute with the longest time there is.
const LONG: Duration = Duration::from_secs(3600);

fn read(stream: &InputStream) -> Result<Option<Vec<u8>>, ReadError> {
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) if piece.is_empty() => {}
            Ok(piece) => return Ok(Some(piece)),
            Err(StreamError::Closed) => return Ok(None),
            Err(StreamError::LastOperationFailed(error)) => return Err(broken(&error)),
        }
    }
}

/// What has arrived by now.
pub(super) fn read_now(stream: &InputStream) -> Result<Piece, ReadError> {
    match stream.read(PIECE) {
        Ok(piece) if piece.is_empty() => Ok(Piece::Pending),
        Ok(piece) => Ok(Piece::Bytes(piece)),
        Err(StreamError::Closed) => Ok(Piece::End),
        Err(StreamError::LastOperationFailed(error)) => Err(broken(&error)),
    }
}

pub(super) fn broken(error: &wasi::io::error::Error) -> ReadError {
    // Only the text: Wasmtime 48 has no code for what breaks a body, and requesting one from jco 1.35 is a trap.
    let mut reason = error.to_debug_string();
    // With RUST_BACKTRACE set, Wasmtime prints its own stack as well.
    reason.truncate(reason.find("\nStack backtrace:").unwrap_or(reason.len()));
    let timed_out = ["timeout", "timed out"].iter().any(|word| reason.to_ascii_lowercase().contains(word));
    ReadError { reason, timed_out }
}

/// The caller's body. The host is not called before the first read.
pub(super) struct CallerBody {
    // A resource must go before the one it came from: wasi:http traps otherwise.
    stream: Option<(InputStream, IncomingBody)>,
    request: IncomingRequest,
}

impl CallerBody {
    pub(super) fn new(request: IncomingRequest) -> Self {
        Self { stream: None, request }
    }

    /// The stream, if its reading has begun, to go on with it after the request is dropped.
    pub(super) fn take(&mut self) -> Option<(InputStream, IncomingBody)> {
        self.stream.take()
    }

    /// The stream the body comes by.
    fn stream(&mut self) -> Result<&InputStream, ReadError> {
        let gone =
            |()| ReadError { reason: "the host gives the body only once".to_owned(), timed_out: false };
        if self.stream.is_none() {
            let body = self.request.consume().map_err(gone)?;
            let stream = body.stream().map_err(gone)?;
            self.stream = Some((stream, body));
        }
        self.stream.as_ref().map(|(stream, _)| stream).ok_or(()).map_err(gone)
    }
}

impl Incoming for CallerBody {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        read(self.stream()?)
    }
}

/// An upstream's answer.
pub(super) struct UpstreamBody {
    // In the order in which they must be dropped. Pollables are kept from one wait to the next: to make and drop both
    // would be four calls of the host for each event of a stream.
    /// Ready when there is something to read.
    readable: Option<Pollable>,
    /// Ready once this timeout has passed without data.
    deadline: Option<(Duration, Pollable)>,
    pub(super) stream: InputStream,
    /// What is not read yet of a body whose length is known. That it is at its end is then known without a read.
    left: Option<u64>,
    /// The last read took all there was: before the next one there is a wait.
    is_drained: bool,
    _body: IncomingBody,
    _response: IncomingResponse,
    /// What of the request's body was not sent when the answer came. It goes on while the answer is waited
    /// for.
    pub(super) upload: Upload,
}

impl UpstreamBody {
    /// `length` is the body's, where it is known.
    pub(super) fn new(response: IncomingResponse, length: Option<u64>, upload: Upload) -> Result<Self, ()> {
        let body = response.consume()?;
        Ok(Self {
            readable: None,
            deadline: None,
            stream: body.stream()?,
            left: length,
            is_drained: false,
            _body: body,
            _response: response,
            upload,
        })
    }

    /// Ready when there is something to read.
    pub(super) fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }

    /// A pollable that is ready when there is something to read, and one that is ready after `timeout` without it. The
    /// time may have begun with an earlier wait; a caller that sees it end calls `reset_timeout`.
    pub(super) fn waits(&mut self, timeout: Duration) -> (&Pollable, &Pollable) {
        if self.deadline.as_ref().is_some_and(|(former, _)| *former != timeout) {
            self.reset_timeout();
        }
        let deadline = self.deadline.get_or_insert_with(|| (timeout, subscribe_duration(nanos(timeout))));
        (self.readable.get_or_insert_with(|| self.stream.subscribe()), &deadline.1)
    }

    /// Begins the timeout anew.
    pub(super) fn reset_timeout(&mut self) {
        self.deadline = None;
    }

    /// Notes that so many bytes were read at once.
    fn count(&mut self, bytes: usize) {
        self.left = self.left.map(|left| left.saturating_sub(bytes as u64));
        self.is_drained = (bytes as u64) < PIECE;
    }
}

impl Incoming for UpstreamBody {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        while !self.upload.is_over() {
            match self.read_within(LONG)? {
                Piece::Bytes(piece) => return Ok(Some(piece)),
                Piece::Pending => {}
                Piece::End => return Ok(None),
            }
        }
        if self.left == Some(0) {
            return Ok(None);
        }
        let piece = read(&self.stream)?;
        self.count(piece.as_ref().map_or(0, Vec::len));
        Ok(piece)
    }

    fn read_within(&mut self, timeout: Duration) -> Result<Piece, ReadError> {
        loop {
            self.upload.go_on()?;
            if self.left == Some(0) {
                return Ok(Piece::End);
            }
            if !self.is_drained || timeout.is_zero() {
                match read_now(&self.stream)? {
                    Piece::Pending if !timeout.is_zero() => {}
                    Piece::Bytes(piece) => {
                        self.count(piece.len());
                        return Ok(Piece::Bytes(piece));
                    }
                    piece => return Ok(piece),
                }
            }
            let upload = self.upload.subscribe();
            let (readable, deadline) = self.waits(timeout);
            let ready = match &upload {
                None => poll(&[readable, deadline]),
                Some(upload) => poll(&[readable, deadline, upload]),
            };
            if ready == [1] {
                self.reset_timeout();
                return Ok(Piece::Pending);
            }
            self.is_drained = !ready.contains(&0);
        }
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
