//! One attempt: from a request that was sent to an answer that may be passed on, or a failure.

use super::dialect::Dialect;
use super::peek::{Form, Peek, Verdict};
use super::peeked_json::Needs;
use super::{failure as reported, retry};
use crate::error::ApiError;
use crate::http::{Headers, Incoming, MAX_FIELDS, Piece};
use crate::transport::{Answered, SendError, SendErrorKind, Transport};
use std::time::Duration;

/// An answer, and the beginning of its body.
pub(super) struct PeekedResponse<B> {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) form: Form,
    /// What was read of the body.
    pub(super) held: Vec<u8>,
    /// The rest of it; `None` where all was read.
    pub(super) rest: Option<B>,
    /// The parameters that were left out for this target.
    pub(super) dropped: Vec<String>,
}

/// An attempt without a usable response.
pub(super) enum Failed {
    /// No response came, or none that can be passed on.
    NoResponse(SendErrorKind),
    /// The target's API cannot express the request.
    Refused(ApiError),
}

/// The result of an attempt: an answer, an upstream's own error among them, or none.
pub(super) type AttemptResult<B> = Result<PeekedResponse<B>, Failed>;

/// An attempt that is not decided.
pub(super) struct Attempt<'a, T: Transport> {
    /// An index into the order of targets.
    pub(super) place: usize,
    pub(super) stage: Stage<T>,
    /// When it is given up.
    pub(super) until: Option<Duration>,
    /// When it is given up although white space or comments arrive.
    pub(super) longest: Duration,
    pub(super) dropped: Vec<String>,
    /// What the answer must have.
    pub(super) needs: Needs,
    pub(super) dialect: &'a dyn Dialect,
}

pub(super) enum Stage<T: Transport> {
    /// The request was sent.
    Sent(T::Call),
    /// The head is here, the body's beginning not yet.
    Reading(u16, Headers, T::Body, Peek),
}

/// What may follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the failure is the caller's.
    Nothing,
    /// An attempt at another target: this one would fail again.
    OtherTarget,
    /// An attempt at any target.
    Any,
}

/// What polling an attempt showed.
pub(super) enum Polled<B> {
    Nothing,
    Answer(PeekedResponse<B>),
    /// A failure, its reason for the log, and what may follow.
    Failure(AttemptResult<B>, String, Next),
}

/// What an answer's head decides.
enum Opened<T: Transport> {
    /// Nothing: the body's beginning is read next.
    Reading(Stage<T>),
    /// The attempt.
    Decided(Polled<T::Body>),
}

impl<T: Transport> Attempt<'_, T> {
    /// Takes what has arrived; returns itself while that decides nothing.
    pub(super) fn poll(mut self, transport: &T, now: Duration) -> (Option<Self>, Polled<T::Body>) {
        if let Stage::Sent(call) = &mut self.stage {
            match transport.head(call) {
                None => return self.unless_timed_out(now),
                Some(Err(error)) => return (None, failure(&error)),
                Some(Ok(answered)) => match self.open(answered) {
                    Opened::Reading(stage) => self.stage = stage,
                    Opened::Decided(polled) => return (None, polled),
                },
            }
        }
        let Stage::Reading(_, _, body, peek) = &mut self.stage else { return self.unless_timed_out(now) };
        let verdict = loop {
            let verdict = match body.read_within(Duration::ZERO) {
                Ok(Piece::Pending) => return self.unless_timed_out(now),
                Ok(Piece::Bytes(piece)) => peek.take(&piece),
                Ok(Piece::End) => break (peek.end(), true),
                Err(error) => {
                    let kind = if error.timed_out { SendErrorKind::Timeout } else { SendErrorKind::Broken };
                    return (None, failure(&SendError { kind, reason: error.reason }));
                }
            };
            match verdict {
                // Waiting for the end of a body that is complete would cost another round of polling.
                Verdict::Undecided if peek.is_whole() => break (peek.end(), true),
                Verdict::Undecided => {}
                verdict => break (verdict, false),
            }
        };
        (None, self.judged(verdict.0, verdict.1))
    }

    /// Returns itself, unless its time is over.
    fn unless_timed_out(self, now: Duration) -> (Option<Self>, Polled<T::Body>) {
        // Nothing needs to wake this up at `longest`: without any bytes the host's own timeouts end the attempt.
        match now >= self.until.unwrap_or(self.longest) {
            true => {
                let reason = "the first byte did not arrive in time".to_owned();
                (None, failure(&SendError { kind: SendErrorKind::Timeout, reason }))
            }
            false => (Some(self), Polled::Nothing),
        }
    }

    /// Reads an answer's head.
    fn open(&mut self, answered: Answered<T::Body>) -> Opened<T> {
        let Answered { status, headers, body } = answered;
        if let Some(reason) = invalid_head(status, &headers) {
            let failed = Failed::NoResponse(SendErrorKind::InvalidResponse);
            return Opened::Decided(Polled::Failure(Err(failed), reason, Next::OtherTarget));
        }
        let form = Form::labelled(status, &headers);
        if form != Some(Form::Events) && status < 400 {
            // `first_byte` has passed: many servers send the head at once and the body when it is complete.
            self.until = None;
        }
        if form != Some(Form::Opaque) {
            let length = headers.get("content-length").and_then(|length| length.parse().ok());
            let peek = Peek::new(form, length, self.needs);
            return Opened::Reading(Stage::Reading(status, headers, body, peek));
        }
        let dropped = std::mem::take(&mut self.dropped);
        let form = Form::Opaque;
        let response = PeekedResponse { status, headers, form, held: Vec::new(), rest: Some(body), dropped };
        Opened::Decided(match status >= 400 {
            true => Polled::Failure(Ok(response), status.to_string(), after(status)),
            false => Polled::Answer(response),
        })
    }

    fn judged(self, verdict: Verdict, ended: bool) -> Polled<T::Body> {
        let Stage::Reading(status, headers, body, peek) = self.stage else { return Polled::Nothing };
        match verdict {
            Verdict::Undecided | Verdict::Good => {
                let rest = (!ended).then_some(body);
                let (form, held) = (peek.form(), peek.held);
                Polled::Answer(PeekedResponse { status, headers, form, held, rest, dropped: self.dropped })
            }
            Verdict::Error(error) => {
                let answered = status;
                let status = reported::status(&error, &|kind| self.dialect.status_of(kind));
                // The head belongs to the answer that was not one.
                let headers = headers.iter().filter(|(name, _)| !is_about_body(name));
                let mut headers: Headers = headers.map(|(n, v)| (n.to_owned(), v)).collect();
                headers.push("content-type", "application/json");
                let reason = format!("it answered {answered} with an error, handled as {status}");
                let response = PeekedResponse {
                    status,
                    headers,
                    form: Form::Opaque,
                    held: error,
                    rest: None,
                    dropped: self.dropped,
                };
                Polled::Failure(Ok(response), reason, after(status))
            }
            Verdict::Invalid(kind, reason) => failure(&SendError { kind, reason: reason.to_owned() }),
        }
    }
}

/// What may follow an error with this status.
fn after(status: u16) -> Next {
    if retry::is_retried(status) { Next::Any } else { Next::Nothing }
}

/// Why an answer with this head cannot be used, if it cannot.
pub(super) fn invalid_head(status: u16, headers: &Headers) -> Option<String> {
    // 304 refers the caller to its own cache.
    if (300..400).contains(&status) && status != 304 {
        return Some(format!("it answered with the redirect {status}, and none is followed"));
    }
    if !(200..600).contains(&status) {
        return Some(format!("it answered with the status {status}, which no answer has"));
    }
    let size = headers.size();
    (size > MAX_FIELDS).then(|| {
        format!("the header fields of its answer take {size} bytes, and at most {MAX_FIELDS} are accepted")
    })
}

fn is_about_body(name: &str) -> bool {
    ["content-type", "content-length", "cache-control"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn failure<B>(error: &SendError) -> Polled<B> {
    let next = match error.kind {
        // Without a caller there is no use in another attempt.
        SendErrorKind::Caller => Next::Nothing,
        // A host that denies a connection denies it the next time too, but another target may be allowed.
        SendErrorKind::Denied => Next::OtherTarget,
        _ => Next::Any,
    };
    Polled::Failure(Err(Failed::NoResponse(error.kind)), error.reason.clone(), next)
}
