//! A judged request on its way to its upstreams, and its answer back.

use super::{Call, Validated};
use crate::config::{Plan, UnknownParams};
use crate::error::ApiError;
use crate::http::Response;
use crate::log::Record;
use crate::router;
use crate::transport::Transport;
use crate::upstream::{Endpoint, ForwardRequest, Forwarded, forward, rewrite};
use std::borrow::Cow;

/// Forwards a request's body as its model's plan says and relays the answer.
pub(super) fn relay<T: Transport>(
    call: &Call<'_, T>,
    endpoint: Endpoint<'_>,
    plan: &Plan,
    good: &Validated<'_>,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let Validated { body, model, dropped, .. } = *good;
    let without = (!dropped.is_empty()).then(|| rewrite::without(body, dropped)).flatten();
    let query = router::upstream_query(&call.request.path, call.request.query.as_deref());
    let headers = call.upstream_headers();
    let ask = ForwardRequest {
        endpoint,
        method: "POST",
        query: query.as_deref(),
        headers: &headers,
        body: without.as_deref().unwrap_or(body),
        model,
        unknown: call.config.unknown_params.unwrap_or(UnknownParams::Pass),
        request_id: call.id,
    };
    let forwarded = forward(&ask, plan, &call.config.upstreams, call.transport, call.ctx);
    let mut all = dropped.to_vec();
    all.extend(forwarded.dropped.iter().map(|name| Cow::Owned(name.clone())));
    let mut response = note(forwarded, record)?;
    super::note_dropped(&mut response, &all);
    Ok(response)
}

/// Notes what came of a request for the log, and gives on the answer.
pub(super) fn note<B>(forwarded: Forwarded<B>, record: &mut Record) -> Result<Response<B>, ApiError> {
    record.target = Some(forwarded.target);
    record.provider = Some(forwarded.provider);
    record.attempts = Some(forwarded.attempts);
    record.reason = forwarded.reason;
    record.upstream_id = forwarded.upstream_id;
    record.input_tokens = forwarded.tokens.map(|tokens| tokens.input);
    record.output_tokens = forwarded.tokens.map(|tokens| tokens.output);
    forwarded.answer
}
