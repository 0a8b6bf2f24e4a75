//! A checked request on its way to its upstreams, and its answer back.

use super::{Call, Validated};
use crate::config::{Plan, UnknownParams};
use crate::encode::{self, Encoder, ErrorFormat, EventStream, OPENAI_ERRORS};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, Response};
use crate::log::Record;
use crate::router;
use crate::transport::Transport;
use crate::turn::Answer;
use crate::upstream::{Endpoint, ForwardRequest, Forwarded, Reply, TurnRequest, forward, rewrite};
use std::borrow::Cow;

/// Writes answers of other APIs in the endpoint's own.
pub(super) trait Format {
    /// A whole answer.
    fn whole(&self, answer: &Answer<'_>) -> Vec<u8>;

    /// What writes a stream.
    fn encoder(&self) -> Box<dyn Encoder>;

    /// How the endpoint's errors look.
    fn errors(&self) -> ErrorFormat {
        OPENAI_ERRORS
    }
}

/// The format of endpoints whose requests go to upstreams of their own API alone.
pub(super) struct Native;

impl Format for Native {
    fn whole(&self, _answer: &Answer<'_>) -> Vec<u8> {
        Vec::new()
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        struct Nothing;
        impl Encoder for Nothing {
            fn event(&mut self, _event: &crate::turn::Event<'_>, _out: &mut Vec<u8>) {}
        }
        Box::new(Nothing)
    }
}

/// Forwards a request's body by its model's plan and returns the answer.
///
/// # Errors
///
/// If no upstream gave an answer.
pub(super) fn relay<T: Transport>(
    call: &Call<'_, T>,
    endpoint: Endpoint<'_>,
    plan: &Plan,
    valid: &Validated<'_>,
    turn: Option<&TurnRequest<'_>>,
    format: &dyn Format,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let Validated { body, model, dropped, .. } = *valid;
    let without = (!dropped.is_empty()).then(|| rewrite::without(body, dropped)).flatten();
    let query = router::upstream_query(&call.request.path, call.request.query.as_deref());
    let headers = call.upstream_headers();
    let request = ForwardRequest {
        endpoint,
        method: "POST",
        query: query.as_deref(),
        headers: &headers,
        body: without.as_deref().unwrap_or(body),
        turn,
        model,
        unknown: call.config.unknown_params.unwrap_or(UnknownParams::Pass),
        request_id: call.id,
        error_event: format.errors().event,
        meter: &record.usage,
    };
    let forwarded = forward(&request, plan, &call.config.upstreams, call.transport, call.ctx);
    let mut all = dropped.to_vec();
    all.extend(forwarded.dropped.iter().map(|name| Cow::Owned(name.clone())));
    let mut response = note(forwarded, format, record)?;
    super::note_dropped(&mut response, &all);
    Ok(response)
}

/// Notes what the log gets of a request's result, and writes the answer.
///
/// # Errors
///
/// If no upstream gave an answer.
pub(super) fn note<B: crate::http::Incoming + 'static>(
    forwarded: Forwarded<B>,
    format: &dyn Format,
    record: &mut Record,
) -> Result<Response<B>, ApiError> {
    record.target = Some(forwarded.target);
    record.provider = Some(forwarded.provider);
    record.attempts = Some(forwarded.attempts);
    record.reason = forwarded.reason;
    record.upstream_id = forwarded.upstream_id;
    let json = |status, mut headers: Headers, body: Vec<u8>| {
        headers = headers.without("content-type");
        headers.push("content-type", "application/json");
        Response { status, headers, body: Body::Full(body) }
    };
    Ok(match forwarded.answer? {
        Reply::Response(response) => response,
        Reply::Answer { headers, answer } => {
            let body = format.whole(&answer);
            if body.is_empty() {
                return Err(ApiError::new(Kind::Internal, "The answer is of another API than the request."));
            }
            json(200, headers, body)
        }
        Reply::Events { headers, stream } => {
            let events = EventStream::new(stream, format.encoder(), record.usage.clone());
            let mut response = encode::event_stream(Body::Stream(Box::new(events)));
            let own = ["content-type", "cache-control"];
            for (name, value) in
                headers.iter().filter(|(name, _)| !own.iter().any(|own| name.eq_ignore_ascii_case(own)))
            {
                response.headers.push(name.to_owned(), value);
            }
            response
        }
        Reply::Failure { headers, failure } => {
            json(failure.status, headers, (format.errors().body)(&failure))
        }
    })
}
