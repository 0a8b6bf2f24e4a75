//! Sending a response to the caller, with the waiting done by the host.

use super::body::{CALLER_CHECK_INTERVAL, UpstreamBody, nanos};
use super::clock::Clock;
use super::convert::to_wasi_fields;
use super::relay::relay;
use crate::http::{Body, BodyItem, Response};
use crate::log::Ending;
use std::borrow::Cow;
use std::time::Duration;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::types::{OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::poll::poll;
use wasi::io::streams::{OutputStream, StreamError};

/// The most bytes `blocking-write-and-flush` takes (wasi:io/streams).
const ONE_WRITE: usize = 4096;

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

/// Lets some time pass, unless the caller goes meanwhile.
fn pause(time: Duration, stream: &OutputStream) -> Result<(), StreamError> {
    let end = subscribe_duration(nanos(time));
    if time <= CALLER_CHECK_INTERVAL {
        end.block();
        return Ok(());
    }
    while !poll(&[&end, &subscribe_duration(nanos(CALLER_CHECK_INTERVAL))]).contains(&0) {
        stream.check_write()?;
    }
    Ok(())
}

/// How a body ended.
pub(super) enum End {
    /// It was sent, or the caller no longer wants it.
    Whole,
    /// The source broke off, and the caller is to notice.
    Broken(String),
}

/// What is noted of a body while it moves.
pub(super) struct Progress<'a> {
    pub(super) clock: &'a Clock,
    /// Called for every piece that was sent.
    pub(super) moved: &'a dyn Fn(),
}

/// Sends a response: the head at once, then the body piece by piece, as fast as the caller takes it.
pub(super) fn send(
    response: Response<UpstreamBody>,
    out: ResponseOutparam,
    with_body: bool,
    progress: &Progress<'_>,
) -> Ending {
    let mut ending = Ending::default();
    let mut fields: Vec<_> =
        response.headers.into_vec().into_iter().map(|(name, value)| (name, Cow::Owned(value))).collect();
    if let Body::Full(bytes) = &response.body
        && with_body
        // A 204 has no length (RFC 9110, section 8.6).
        && response.status != 204
    {
        fields.push(("content-length".into(), Cow::Owned(bytes.len().to_string().into_bytes())));
    }
    let head = OutgoingResponse::new(to_wasi_fields(fields.into_iter()));
    // It is 200 unless it is set (wasi:http/types), and setting it is a call of the host.
    if response.status != 200 {
        // It is one of ours or came through the host's own parser.
        let _ = head.set_status_code(response.status);
    }
    let Ok(body) = head.body() else { return ending };
    ResponseOutparam::set(out, Ok(head));
    let Ok(stream) = body.write() else { return ending };
    let mut upstream = None;
    let end = match response.body {
        _ if !with_body => End::Whole,
        Body::Full(bytes) => {
            // The time of its first byte is that of its end: one reading of the clock is enough.
            if write(&stream, &bytes).is_ok() {
                ending.bytes_out = bytes.len() as u64;
            }
            End::Whole
        }
        Body::Stream(items) => pull(items, &stream, &mut ending, progress),
        Body::Relay(mut answer) => {
            let end = relay(&mut answer, &stream, &mut ending, progress);
            upstream = Some(answer.from);
            end
        }
    };
    // A child goes before its parent.
    drop(stream);
    match end {
        End::Whole => {
            // Fails when the caller is gone, or an upstream promised more than it sent: the host then
            // breaks the connection off, which is right.
            let _ = OutgoingBody::finish(body, None);
            // An upstream that answered without an error may want the rest of the request after its answer.
            if let Some(upstream) = upstream.as_mut().filter(|_| response.status < 400) {
                upstream.upload.finish();
            }
        }
        End::Broken(reason) => {
            ending.broken = Some(reason);
            drop(body);
        }
    }
    ending.bytes_in = upstream.map_or(0, |upstream| upstream.upload.passed);
    ending
}

/// Counts what was written; false once the caller takes no more.
pub(super) fn note(written: Result<u64, StreamError>, ending: &mut Ending, progress: &Progress<'_>) -> bool {
    let Ok(written) = written else { return false };
    ending.bytes_out += written;
    (progress.moved)();
    if ending.first_byte.is_none() && written > 0 {
        ending.first_byte = Some(progress.clock.elapsed());
    }
    true
}

/// Sends a body that is made or read while it is pulled.
fn pull(
    items: Box<dyn Iterator<Item = BodyItem>>,
    stream: &OutputStream,
    ending: &mut Ending,
    progress: &Progress<'_>,
) -> End {
    for item in items {
        let goes_on = match item {
            BodyItem::Data(bytes) => {
                note(write(stream, &bytes).map(|()| bytes.len() as u64), ending, progress)
            }
            BodyItem::Pause(time) => pause(time, stream).is_ok(),
            BodyItem::Silence => stream.check_write().is_ok(),
            BodyItem::Failed(reason) => {
                ending.broken = Some(reason);
                false
            }
            BodyItem::Abort(reason) => return End::Broken(reason),
        };
        if !goes_on {
            break;
        }
    }
    End::Whole
}
