//! What of an upstream's answer the caller gets, and how.

use super::attempt::PeekedResponse;
use super::dialect::{Endpoint, anthropic};
use super::events::{Handling, Reader, Watch};
use super::peek::{Answer, Form};
use super::{ForwardRequest, SendErrorKind, headers, no_answer};
use crate::config::{Api, Upstream};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::http::{Body, Incoming, Relay, Response, Tokens};

/// The longest answer that is gathered to be translated.
const LONGEST_MESSAGE: usize = 32 * 1024 * 1024;

type Delivered<B> = (Response<B>, Option<Tokens>);

/// Makes the response of an answer, with the tokens it counts if they are known by now.
pub(super) fn deliver<B: Incoming + 'static>(
    taken: PeekedResponse<B>,
    upstream: &Upstream,
    ask: &ForwardRequest<'_>,
    ctx: &Ctx<'_>,
) -> Result<Delivered<B>, ApiError> {
    match &upstream.api {
        Api::Anthropic { .. } if ask.endpoint == Endpoint::Chat => translated(taken, upstream, ask, ctx),
        _ => Ok(relayed(taken, upstream)),
    }
}

/// The answer as it is.
fn relayed<B: Incoming + 'static>(taken: PeekedResponse<B>, upstream: &Upstream) -> Delivered<B> {
    let PeekedResponse { status, headers, form, held, rest, .. } = taken;
    let is_stream = form == Form::Events;
    let (body, tokens) = match rest {
        None if !is_stream => {
            let tokens = match form {
                Form::Json => Answer::read(&held).and_then(|answer| answer.tokens()),
                _ => None,
            };
            (Body::Full(held), tokens)
        }
        Some(from) if !is_stream || upstream.splice => {
            let if_broken = is_stream.then(|| broken_off(&upstream.name));
            (Body::Relay(Relay { head: held, from, if_broken }), None)
        }
        rest => {
            let handling = Handling::Pass(Watch::default());
            (Body::Read(Box::new(Reader::new(held, rest, handling, &upstream.name))), None)
        }
    };
    let headers = headers::to_caller(&headers, !matches!(body, Body::Relay(_)));
    (Response { status, headers, body }, tokens)
}

/// What the caller is told where a stream broke off.
pub(super) fn broken_off(upstream: &str) -> ApiError {
    let message = format!("The upstream `{upstream}` broke off before the end of its answer.");
    ApiError::new(Kind::UpstreamUnavailable, message)
}

/// The answer in OpenAI's words.
fn translated<B: Incoming + 'static>(
    taken: PeekedResponse<B>,
    upstream: &Upstream,
    ask: &ForwardRequest<'_>,
    ctx: &Ctx<'_>,
) -> Result<Delivered<B>, ApiError> {
    let PeekedResponse { status, headers, form, held, rest, .. } = taken;
    let mut fields = headers::to_caller(&headers, true);
    if form == Form::Events {
        let stream = anthropic::Stream::new(ctx.created(), anthropic::includes_usage(ask.body));
        let handling = Handling::Anthropic(Box::new(stream));
        let body = Body::Read(Box::new(Reader::new(held, rest, handling, &upstream.name)));
        return Ok((Response { status, headers: fields, body }, None));
    }
    let senseless = || no_answer(SendErrorKind::InvalidResponse, upstream, ctx);
    let said = gather(held, rest).map_err(|kind| no_answer(kind, upstream, ctx))?;
    if form == Form::Json {
        let (body, tokens) = anthropic::completion(&said, ctx.created()).ok_or_else(senseless)?;
        return Ok((Response { status, headers: fields, body: Body::Full(body) }, Some(tokens)));
    }
    if status < 400 {
        return Err(senseless());
    }
    let body = match anthropic::error_body(&said) {
        Some(body) => {
            fields = fields.without("content-type");
            fields.push("content-type", "application/json");
            body
        }
        // Not an error of the API, but of something before it: it speaks for itself, in its own coding.
        None => {
            if let Some(coding) = headers.get("content-encoding") {
                fields.push("content-encoding", coding);
            }
            said
        }
    };
    Ok((Response { status, headers: fields, body: Body::Full(body) }, None))
}

/// Reads what is left of an answer.
fn gather<B: Incoming>(mut held: Vec<u8>, rest: Option<B>) -> Result<Vec<u8>, SendErrorKind> {
    let Some(mut rest) = rest else { return Ok(held) };
    loop {
        match rest.read() {
            Ok(None) => return Ok(held),
            Ok(Some(piece)) if held.len() + piece.len() <= LONGEST_MESSAGE => held.extend(piece),
            Ok(Some(_)) => return Err(SendErrorKind::InvalidResponse),
            Err(error) if error.timed_out => return Err(SendErrorKind::Timeout),
            Err(_) => return Err(SendErrorKind::Broken),
        }
    }
}
