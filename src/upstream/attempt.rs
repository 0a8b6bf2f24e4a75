//! One attempt: from a request on its way to an answer that may be passed on, or a failure.

use super::peek::{Form, Peek, Verdict};
use super::retry;
use crate::error::ApiError;
use crate::http::{Headers, Incoming, MAX_FIELDS, Piece};
use crate::transport::{Answered, SendError, SendErrorKind, Transport};
use std::time::Duration;

/// An answer, taken as far as it had to be read.
pub(super) struct PeekedResponse<B> {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) form: Form,
    /// What was read.
    pub(super) held: Vec<u8>,
    /// What was not; `None` at the end.
    pub(super) rest: Option<B>,
    /// The parameters this target did not get.
    pub(super) dropped: Vec<String>,
}

/// No answer.
pub(super) enum Failed {
    /// None came.
    NoResponse(SendErrorKind),
    /// The request cannot be put to the target.
    Refused(ApiError),
}

/// What asking came to: an answer, an upstream's own error among them, or none.
pub(super) type AttemptResult<B> = Result<PeekedResponse<B>, Failed>;

/// An attempt under way.
pub(super) struct Attempt<T: Transport> {
    /// A place in the order of targets.
    pub(super) place: usize,
    pub(super) stage: Stage<T>,
    /// Nobody waits for it longer than until then.
    pub(super) until: Option<Duration>,
    pub(super) dropped: Vec<String>,
}

pub(super) enum Stage<T: Transport> {
    /// The request is on its way.
    Sent(T::Call),
    /// The head is here, the body's beginning not yet.
    Reading(u16, Headers, T::Body, Peek),
}

/// What one look at an attempt shows.
pub(super) enum Progress<B> {
    Nothing,
    Answer(PeekedResponse<B>),
    /// A failure, and whether another attempt may follow.
    Failure(AttemptResult<B>, String, bool),
}

impl<T: Transport> Attempt<T> {
    /// Looks at what came; gives itself back while that decides nothing.
    pub(super) fn look(mut self, transport: &T, now: Duration) -> (Option<Self>, Progress<T::Body>) {
        if let Stage::Sent(call) = &mut self.stage {
            match transport.head(call) {
                None => return self.unless_late(now),
                Some(Err(error)) => return (None, failure(&error)),
                Some(Ok(answered)) => match self.open(answered) {
                    Ok(stage) => self.stage = stage,
                    Err(look) => return (None, look),
                },
            }
        }
        let Stage::Reading(_, _, body, peek) = &mut self.stage else { return self.unless_late(now) };
        let verdict = loop {
            let verdict = match body.read_within(Duration::ZERO) {
                Ok(Piece::Pending) => return self.unless_late(now),
                Ok(Piece::Bytes(piece)) => peek.take(&piece),
                Ok(Piece::End) => break (peek.end(), true),
                Err(error) => {
                    let kind = if error.timed_out { SendErrorKind::Timeout } else { SendErrorKind::Broken };
                    return (None, failure(&SendError { kind, reason: error.reason }));
                }
            };
            match verdict {
                // To wait for the end of what is whole would be to wait once more.
                Verdict::More if peek.is_whole() => break (peek.end(), true),
                Verdict::More => {}
                verdict => break (verdict, false),
            }
        };
        (None, self.judged(verdict.0, verdict.1))
    }

    /// Gives itself back, unless its time is over.
    fn unless_late(self, now: Duration) -> (Option<Self>, Progress<T::Body>) {
        match self.until.is_some_and(|until| now >= until) {
            true => {
                let reason = "the first byte did not come in time".to_owned();
                (None, failure(&SendError { kind: SendErrorKind::Timeout, reason }))
            }
            false => (Some(self), Progress::Nothing),
        }
    }

    /// Looks at an answer's head.
    fn open(&mut self, answered: Answered<T::Body>) -> Result<Stage<T>, Progress<T::Body>> {
        let Answered { status, headers, body } = answered;
        let form = Form::of(status, &headers);
        if let Some(reason) = invalid_head(status, &headers) {
            return Err(Progress::Failure(
                Err(Failed::NoResponse(SendErrorKind::InvalidResponse)),
                reason,
                true,
            ));
        }
        if form == Form::Json {
            // Its first byte is due, and that has come: many send the head at once, and then think.
            self.until = None;
        }
        if form != Form::Other {
            let length = headers.get("content-length").and_then(|length| length.parse().ok());
            return Ok(Stage::Reading(status, headers, body, Peek::new(form, length)));
        }
        let dropped = std::mem::take(&mut self.dropped);
        let taken = PeekedResponse { status, headers, form, held: Vec::new(), rest: Some(body), dropped };
        Err(match status >= 400 {
            true => Progress::Failure(Ok(taken), status.to_string(), retry::is_retried(status)),
            false => Progress::Answer(taken),
        })
    }

    fn judged(self, verdict: Verdict, ended: bool) -> Progress<T::Body> {
        let Stage::Reading(status, headers, body, peek) = self.stage else { return Progress::Nothing };
        match verdict {
            Verdict::More | Verdict::Good => {
                let rest = (!ended).then_some(body);
                let (form, held) = (peek.form, peek.held);
                Progress::Answer(PeekedResponse { status, headers, form, held, rest, dropped: self.dropped })
            }
            Verdict::Error(said, status) => {
                // The error's bytes are the upstream's own, the head that belongs to them never came.
                let headers = headers.iter().filter(|(name, _)| !is_about_body(name));
                let mut headers: Headers = headers.map(|(n, v)| (n.to_owned(), v)).collect();
                headers.push("content-type", "application/json");
                let reason = format!("it answered 200 and then an error, taken as {status}");
                let taken = PeekedResponse {
                    status,
                    headers,
                    form: Form::Other,
                    held: said,
                    rest: None,
                    dropped: self.dropped,
                };
                Progress::Failure(Ok(taken), reason, retry::is_retried(status))
            }
            Verdict::Nothing(kind, reason) => failure(&SendError { kind, reason: reason.to_owned() }),
        }
    }
}

/// Why an answer with this head cannot be used, if it cannot.
pub(super) fn invalid_head(status: u16, headers: &Headers) -> Option<String> {
    // 304 refers the caller to its own cache.
    if (300..400).contains(&status) && status != 304 {
        return Some(format!("it answered with the redirect {status}, and none is followed"));
    }
    let size = headers.size();
    (size > MAX_FIELDS).then(|| {
        format!("the header fields of its answer take {size} bytes, and at most {MAX_FIELDS} are accepted")
    })
}

fn is_about_body(name: &str) -> bool {
    ["content-type", "content-length", "cache-control"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn failure<B>(error: &SendError) -> Progress<B> {
    // A host that does not let the component out will not the next time either, but another target may be
    // allowed. Without a caller there is no use in another attempt.
    let again = error.kind != SendErrorKind::Caller;
    Progress::Failure(Err(Failed::NoResponse(error.kind)), error.reason.clone(), again)
}
