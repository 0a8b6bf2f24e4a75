//! An upstream's answer on its way to the caller: as it is, or as events of a turn.

use super::attempt::PeekedResponse;
use super::call_ids::CallIds;
use super::dialect::{self, Dialect};
use super::idle::Idle;
use super::native_stream::{NativeStream, StreamWatch};
use super::peek::{Form, without_bom};
use super::peeked_json::PeekedJson;
use super::turn_stream::TurnStream;
use super::{
    ErrorEvent, ForwardRequest, Reply, SILENCE, SendErrorKind, delivered, failure, headers, no_answer,
};
use crate::config::{Secret, Upstream};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::http::{Body, BodyItem, Headers, Incoming, Piece, Relay, Response};
use crate::json;
use crate::turn::{Failure, Usage, UsageMeter};

/// The longest answer that is translated: of a whole one the bytes of its JSON, of a stream the bytes of what it generates.
pub(super) const LONGEST_MESSAGE: usize = 32 * 1024 * 1024;

/// The longest error that is read.
const LONGEST_ERROR: usize = 1024 * 1024;

/// Makes the reply of an answer. The request's meter gets the tokens that the answer counts, now or while it is read.
pub(super) fn deliver<B: Incoming + 'static>(
    response: PeekedResponse<B>,
    upstream: &Upstream,
    request: &ForwardRequest<'_>,
    ctx: &Ctx<'_>,
) -> Result<Reply<B>, ApiError> {
    let dialect = dialect::of(upstream);
    match dialect.is_native(request.endpoint) {
        true => Ok(native(response, upstream, request)),
        false => translated(response, upstream, dialect, request, ctx),
    }
}

/// An answer in the caller's own API.
fn native<B: Incoming + 'static>(
    response: PeekedResponse<B>,
    upstream: &Upstream,
    request: &ForwardRequest<'_>,
) -> Reply<B> {
    if response.status >= 400 {
        return error(response, upstream);
    }
    let PeekedResponse { status, headers, form, held, rest, .. } = response;
    let is_stream = form == Form::Events;
    let body = match rest {
        None if !is_stream => {
            if form == Form::Json {
                note_answer(&held, request.meter);
            }
            Body::Full(held)
        }
        Some(from) if form == Form::Json && request.needs_usage => {
            let answer =
                ScannedAnswer { held, from: Some(from), read: Vec::new(), meter: request.meter.clone() };
            Body::Stream(Box::new(answer))
        }
        Some(from) if !is_stream || (upstream.splice && !request.needs_usage) => {
            let if_broken = is_stream.then(|| broken_event(upstream, request.error_event));
            Body::Relay(Relay { head: held, from, if_broken })
        }
        rest => {
            let watch =
                StreamWatch::new(requested_choices(request.body), request.error_event, request.meter.clone())
                    .withholding_usage(request.withholds_usage);
            Body::Stream(Box::new(NativeStream::new(held, rest, watch, &upstream.name)))
        }
    };
    let body_is_new = !matches!(body, Body::Relay(_));
    let headers = labelled(headers::to_caller(&headers, body_is_new), form);
    Reply::Response(Response { status, headers, body })
}

/// Takes the usage of a whole answer, or its text where it reports none.
fn note_answer(body: &[u8], meter: &UsageMeter) {
    note_usage(PeekedJson::read(body).and_then(|answer| answer.usage()), body, meter);
}

/// Notes the usage that an answer reports, and counts its text where that has no output.
fn note_usage(usage: Option<Usage>, body: &[u8], meter: &UsageMeter) {
    let reported = usage.filter(|usage| usage.is_plausible() && usage.output > 0);
    if let Some(usage) = usage {
        meter.report(usage);
    }
    if reported.is_none() && meter.counts_delivered() {
        delivered::of_answer(body, meter);
    }
    meter.complete();
}

/// A long answer that is read as it passes, for its usage.
struct ScannedAnswer<B> {
    held: Vec<u8>,
    from: Option<B>,
    read: Vec<u8>,
    meter: UsageMeter,
}

impl<B: Incoming> Iterator for ScannedAnswer<B> {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        let piece = match std::mem::take(&mut self.held) {
            held if !held.is_empty() => Ok(Piece::Bytes(held)),
            _ => self.from.as_mut()?.read_within(SILENCE),
        };
        match piece {
            Ok(Piece::Pending) => Some(BodyItem::Silence),
            Ok(Piece::Bytes(piece)) => {
                // What is longer than any answer is not kept, and its usage is an estimate.
                if self.read.len() + piece.len() <= LONGEST_MESSAGE {
                    self.read.extend_from_slice(&piece);
                }
                Some(BodyItem::Data(piece))
            }
            Ok(Piece::End) => {
                self.from = None;
                note_answer(&self.read, &self.meter);
                None
            }
            Err(error) => {
                self.from = None;
                Some(BodyItem::Abort(error.reason))
            }
        }
    }
}

/// What reports to the caller that an upstream's stream broke off. It may have broken off within an event, which the
/// blank line ends. The number of events that went out unread is not known.
pub(super) fn broken_event(upstream: &Upstream, error_event: ErrorEvent) -> Vec<u8> {
    let mut event = b"\n\n".to_vec();
    event.extend(error_event(&Failure::from(&broken_off(&upstream.name)), 0));
    event
}

/// The header fields with the content type that the body has.
fn labelled(headers: Headers, form: Form) -> Headers {
    let right = match form {
        Form::Opaque => return headers,
        Form::Json => "application/json",
        Form::Events => "text/event-stream",
    };
    let label = headers.get("content-type").unwrap_or_default();
    if label.get(..right.len()).is_some_and(|label| label.eq_ignore_ascii_case(right)) {
        return headers;
    }
    let mut headers = headers.without("content-type");
    headers.push("content-type", right);
    headers
}

/// How many choices a chat or a completion requests; 1 where that cannot be read.
fn requested_choices(body: &[u8]) -> usize {
    json::reads! {
        struct Request {
            "n" n: u64,
        }
    }
    // Most requests have no `n`, and are not read again.
    let body = std::str::from_utf8(body).ok().filter(|body| body.contains("\"n\""));
    let n = body.and_then(|body| json::lossy_from_str::<Request>(body).ok()?.n);
    n.and_then(|n| usize::try_from(n).ok()).unwrap_or(1)
}

/// An upstream's error: as it is, if it is an error object, else as one with its status.
fn error<B: Incoming>(response: PeekedResponse<B>, upstream: &Upstream) -> Reply<B> {
    let (status, headers) =
        (response.status, labelled(headers::to_caller(&response.headers, true), Form::Json));
    let body = error_body(response, upstream);
    match failure::is_error_object(&body) {
        true => Reply::Response(Response { status, headers, body: Body::Full(body) }),
        false => Reply::Failure { headers, failure: failure::read(&body, status, &upstream.name) },
    }
}

/// The body of an error; empty where it cannot be read.
fn error_body<B: Incoming>(response: PeekedResponse<B>, upstream: &Upstream) -> Vec<u8> {
    let PeekedResponse { headers, held, rest, .. } = response;
    // An error that breaks off, or is longer than any error is, has its status all the same.
    let idle = Idle::new(upstream.timeouts.without_content());
    if headers.is_encoded() {
        Vec::new()
    } else {
        without_secrets(gather(held, rest, LONGEST_ERROR, idle).unwrap_or_default(), upstream)
    }
}

/// The shortest secret that is looked for: servers without keys are sent one such as `EMPTY` or `lm-studio`.
const SHORTEST_SECRET: usize = 16;

/// An error without the secrets that its request had: some servers repeat the key they refuse, and it is the operator's.
fn without_secrets(body: Vec<u8>, upstream: &Upstream) -> Vec<u8> {
    let secrets = upstream.key.iter().chain(upstream.headers.iter().map(|(_, value)| value));
    let secrets = secrets.map(Secret::expose).filter(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.fold(body, |body, secret| masked(body, secret.as_bytes()))
}

/// A text with `***` in place of a secret.
fn masked(text: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let find = |text: &[u8]| text.windows(secret.len()).position(|part| part == secret);
    let Some(mut at) = find(&text) else { return text };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((before, after)) = rest.split_at_checked(at) {
        out.extend_from_slice(before);
        out.extend_from_slice(b"***");
        rest = after.get(secret.len()..).unwrap_or_default();
        let Some(next) = find(rest) else { break };
        at = next;
    }
    out.extend_from_slice(rest);
    out
}

/// The error for a stream in which nothing arrived for too long.
pub(super) fn fell_silent(upstream: &str) -> ApiError {
    let message =
        format!("The upstream `{upstream}` sent nothing for too long before the end of its answer.");
    ApiError::new(Kind::UpstreamTimeout, message)
}

/// The error for a stream that broke off.
pub(super) fn broken_off(upstream: &str) -> ApiError {
    let message = format!("The upstream `{upstream}` broke off before the end of its answer.");
    ApiError::new(Kind::UpstreamUnavailable, message)
}

/// The error for an answer that is longer than those that are translated.
pub(super) fn too_long(upstream: &str) -> ApiError {
    let message = format!(
        "The upstream `{upstream}` sent an answer of more than {LONGEST_MESSAGE} bytes, the most that is translated."
    );
    ApiError::new(Kind::UpstreamUnavailable, message)
}

/// The answer as events of a turn.
fn translated<B: Incoming + 'static>(
    response: PeekedResponse<B>,
    upstream: &Upstream,
    dialect: &dyn Dialect,
    request: &ForwardRequest<'_>,
    ctx: &Ctx<'_>,
) -> Result<Reply<B>, ApiError> {
    let (status, form) = (response.status, response.form);
    let headers = headers::to_caller(&response.headers, true).without("content-type");
    if status >= 400 {
        let failure = failure::read(&error_body(response, upstream), status, &upstream.name);
        return Ok(Reply::Failure { headers, failure });
    }
    let PeekedResponse { held, rest, .. } = response;
    let mut ids = CallIds::new(request.endpoint, ctx.random);
    if form == Form::Events {
        let stream = TurnStream::new(held, rest, dialect.decoder(), ids, upstream);
        return Ok(Reply::Events { headers, stream });
    }
    let idle = Idle::new(upstream.timeouts.without_content());
    let body = gather(held, rest, LONGEST_MESSAGE, idle).map_err(|kind| no_answer(kind, upstream, ctx))?;
    let invalid = || no_answer(SendErrorKind::InvalidResponse, upstream, ctx);
    let body = without_bom(&body);
    let mut answer = dialect.answer(body).filter(|_| form == Form::Json).ok_or_else(invalid)?;
    ids.complete_answer(&mut answer);
    note_usage(answer.usage, body, request.meter);
    Ok(Reply::Answer { headers, answer })
}

/// Reads what is left of an answer.
fn gather<B: Incoming>(
    mut held: Vec<u8>,
    rest: Option<B>,
    limit: usize,
    mut idle: Idle,
) -> Result<Vec<u8>, SendErrorKind> {
    let Some(mut rest) = rest else { return Ok(held) };
    while !idle.is_over() {
        match rest.read_within(SILENCE) {
            Ok(Piece::End) => return Ok(held),
            Ok(Piece::Pending) => idle.waited(),
            Ok(Piece::Bytes(piece)) if held.len() + piece.len() <= limit => {
                match piece.trim_ascii().is_empty() {
                    true => idle.skipped(piece.len()),
                    false => idle.reset(),
                }
                held.extend(piece);
            }
            Ok(Piece::Bytes(_)) => return Err(SendErrorKind::InvalidResponse),
            Err(error) if error.timed_out => return Err(SendErrorKind::Timeout),
            Err(_) => return Err(SendErrorKind::Broken),
        }
    }
    Err(SendErrorKind::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_in_a_text_is_masked() {
        let secret = b"sk-0123456789abc";
        let masked = |text: &[u8]| String::from_utf8(masked(text.to_vec(), secret)).expect("text");
        assert_eq!(masked(b"sk-0123456789ab"), "sk-0123456789ab");
        assert_eq!(masked(b"a sk-0123456789abcsk-0123456789abc, sk-0123456789abc"), "a ******, ***");
        // The longest error that is read, full of them: each byte is looked at once.
        let count = LONGEST_ERROR / secret.len();
        assert_eq!(masked(&secret.repeat(count)), "***".repeat(count));
    }
}
