//! Bytes in and out, with the waiting done by the host.

use super::clock::Clock;
use super::convert::to_wasi_fields;
use crate::encode;
use crate::http::{Body, Incoming, Method, ReadError, Relay, Request, Response};
use crate::log::Ending;
use std::borrow::Cow;
use wasi::http::types::{
    IncomingBody, IncomingRequest, IncomingResponse, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The most bytes read or spliced in one call.
const PIECE: u64 = 64 * 1024;

/// The most bytes `blocking-write-and-flush` takes (wasi:io/streams).
const ONE_WRITE: usize = 4096;

fn read(stream: &InputStream) -> Result<Option<Vec<u8>>, ReadError> {
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) if piece.is_empty() => {}
            Ok(piece) => return Ok(Some(piece)),
            Err(StreamError::Closed) => return Ok(None),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(ReadError { reason: error.to_debug_string() });
            }
        }
    }
}

/// The caller's body. Nothing is asked of the host before the first read.
pub(super) struct Caller {
    // A resource must go before the one it came from: wasi:http traps otherwise.
    stream: Option<(InputStream, IncomingBody)>,
    request: IncomingRequest,
}

impl Caller {
    pub(super) fn new(request: IncomingRequest) -> Self {
        Self { stream: None, request }
    }
}

impl Incoming for Caller {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if self.stream.is_none() {
            let gone = |()| ReadError { reason: "the host gives the body only once".to_owned() };
            let body = self.request.consume().map_err(gone)?;
            let stream = body.stream().map_err(gone)?;
            self.stream = Some((stream, body));
        }
        self.stream.as_ref().map_or(Ok(None), |(stream, _)| read(stream))
    }
}

/// An upstream's answer.
pub(super) struct Upstream {
    // In the order they must go.
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

impl Upstream {
    pub(super) fn new(response: IncomingResponse) -> Result<Self, ()> {
        let body = response.consume()?;
        Ok(Self { stream: body.stream()?, _body: body, _response: response })
    }
}

impl Incoming for Upstream {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        read(&self.stream)
    }
}

/// Writes all of it and waits until the host has passed it on.
pub(super) fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    if bytes.len() <= ONE_WRITE {
        return stream.blocking_write_and_flush(bytes);
    }
    while !bytes.is_empty() {
        match usize::try_from(stream.check_write()?).unwrap_or(usize::MAX) {
            0 => stream.subscribe().block(),
            room => {
                let (now, later) = bytes.split_at(room.min(bytes.len()));
                stream.write(now)?;
                bytes = later;
            }
        }
    }
    stream.blocking_flush()
}

/// How a body ended.
enum End {
    /// It was sent, or the caller no longer wants it.
    Whole,
    /// The source broke off, and the caller is to notice.
    Broken(String),
}

/// Sends a response: the head at once, then the body piece by piece, as fast as the caller takes it.
pub(super) fn send(
    response: Response<Upstream>,
    out: ResponseOutparam,
    request: &Request,
    clock: &Clock,
) -> Ending {
    let mut ending = Ending::default();
    let mut fields: Vec<_> =
        response.headers.into_vec().into_iter().map(|(name, value)| (name, Cow::Owned(value))).collect();
    if let Body::Full(bytes) = &response.body
        && request.method != Method::Head
    {
        fields.push(("content-length".into(), Cow::Owned(bytes.len().to_string().into_bytes())));
    }
    let head = OutgoingResponse::new(to_wasi_fields(fields.into_iter()));
    // The status is one of ours or came through the host's own parser.
    let _ = head.set_status_code(response.status);
    let Ok(body) = head.body() else { return ending };
    ResponseOutparam::set(out, Ok(head));
    let Ok(stream) = body.write() else { return ending };
    let end = match (&request.method, response.body) {
        (Method::Head, _) => End::Whole,
        (_, Body::Full(bytes)) => {
            note(write(&stream, &bytes).map(|()| bytes.len() as u64), &mut ending, clock);
            End::Whole
        }
        (_, Body::Frames(frames)) => {
            for frame in frames {
                if !note(write(&stream, &frame).map(|()| frame.len() as u64), &mut ending, clock) {
                    break;
                }
            }
            End::Whole
        }
        (_, Body::Relay(relay)) => splice(relay, &stream, &mut ending, clock),
    };
    // A child goes before its parent.
    drop(stream);
    match end {
        End::Whole => {
            // Fails when the caller is gone, or an upstream promised more than it sent: the host then
            // breaks the connection off, which is right.
            let _ = OutgoingBody::finish(body, None);
        }
        End::Broken(reason) => {
            ending.broken = Some(reason);
            drop(body);
        }
    }
    ending
}

/// Counts what was written; false once the caller takes no more.
fn note(written: Result<u64, StreamError>, ending: &mut Ending, clock: &Clock) -> bool {
    let Ok(written) = written else { return false };
    ending.bytes_out += written;
    if ending.first_byte.is_none() && written > 0 {
        ending.first_byte = Some(clock.elapsed());
    }
    true
}

/// Lets the host move an upstream's bytes to the caller as they arrive.
fn splice(relay: Relay<Upstream>, stream: &OutputStream, ending: &mut Ending, clock: &Clock) -> End {
    loop {
        match stream.blocking_splice(&relay.from.stream, PIECE) {
            Ok(moved) => {
                note(Ok(moved), ending, clock);
            }
            Err(StreamError::Closed) => return End::Whole,
            Err(StreamError::LastOperationFailed(error)) => {
                let reason = error.to_debug_string();
                let Some(error) = &relay.if_broken else { return End::Broken(reason) };
                let event = encode::error_event(error);
                note(write(stream, &event).map(|()| event.len() as u64), ending, clock);
                ending.broken = Some(reason);
                return End::Whole;
            }
        }
    }
}
