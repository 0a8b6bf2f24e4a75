//! An upstream's answer on its way to the caller, unread.

use super::body::{CALLER_CHECK_INTERVAL, PIECE, UpstreamBody, broken};
use super::send::{End, Progress, note, write};
use crate::http::Relay;
use crate::log::Ending;
use wasi::io::poll::poll;
use wasi::io::streams::{OutputStream, StreamError};

/// Why no more goes to the caller.
enum Stop {
    /// The answer is at its end, or the caller no longer reads it.
    End,
    /// The upstream broke off.
    Upstream(String),
    /// The caller broke off its request body.
    Caller(String),
}

impl From<StreamError> for Stop {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Closed => Self::End,
            StreamError::LastOperationFailed(error) => Self::Upstream(broken(&error).reason),
        }
    }
}

/// Lets an upstream's bytes go to the caller as they arrive, and what the caller still sends to the upstream.
pub(super) fn relay(
    relay: &mut Relay<UpstreamBody>,
    stream: &OutputStream,
    ending: &mut Ending,
    progress: &Progress<'_>,
) -> End {
    let head = std::mem::take(&mut relay.head);
    if !head.is_empty() && !note(write(stream, &head).map(|()| head.len() as u64), ending, progress) {
        return End::Whole;
    }
    let stop = move_all(&mut relay.from, stream, |moved| {
        note(Ok(moved), ending, progress);
    });
    let reason = match stop {
        Stop::End => return End::Whole,
        Stop::Caller(reason) => return End::Broken(reason),
        Stop::Upstream(reason) => reason,
    };
    relay.from.upload.give_up();
    let Some(report) = &relay.if_broken else { return End::Broken(reason) };
    note(write(stream, report).map(|()| report.len() as u64), ending, progress);
    ending.broken = Some(reason);
    End::Whole
}

fn move_all(from: &mut UpstreamBody, stream: &OutputStream, mut moved: impl FnMut(u64)) -> Stop {
    loop {
        let some = match from.upload.is_over() {
            true => splice(from, stream),
            false => both_ways(from, stream),
        };
        match some {
            Ok(some) => moved(some),
            Err(stop) => return stop,
        }
    }
}

/// Moves the next bytes, by the host alone. Now and then it checks whether the caller is still there.
fn splice(from: &mut UpstreamBody, stream: &OutputStream) -> Result<u64, Stop> {
    loop {
        let (readable, deadline) = from.waits(CALLER_CHECK_INTERVAL);
        let ready = poll(&[readable, deadline]);
        if ready.contains(&1) {
            from.reset_timeout();
            stream.check_write()?;
        }
        if ready.contains(&0) {
            return Ok(stream.blocking_splice(&from.stream, PIECE)?);
        }
    }
}

/// Moves the next bytes, or some of what the caller still sends. It never waits for one of both alone: a caller
/// may read nothing before all is sent, and an upstream take nothing before all is read.
fn both_ways(from: &mut UpstreamBody, stream: &OutputStream) -> Result<u64, Stop> {
    from.upload.go_on().map_err(|error| Stop::Caller(error.reason))?;
    let Some(upload) = from.upload.subscribe() else { return Ok(0) };
    let room = stream.check_write()?;
    let full = (room == 0).then(|| stream.subscribe());
    let (readable, deadline) = from.waits(CALLER_CHECK_INTERVAL);
    let ready = poll(&[full.as_ref().unwrap_or(readable), &upload, deadline]);
    if ready.contains(&2) {
        from.reset_timeout();
        stream.check_write()?;
    }
    if !ready.contains(&0) || full.is_some() {
        return Ok(0);
    }
    let bytes = from.stream.read(room.min(PIECE))?;
    stream.write(&bytes)?;
    stream.flush()?;
    Ok(bytes.len() as u64)
}
