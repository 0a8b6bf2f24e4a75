//! A judged request on its way to an upstream: only what must change of its bytes changes.

use super::{Call, log_failure};
use crate::config::Target;
use crate::error::ApiError;
use crate::http::Response;
use crate::log::Record;
use crate::upstream::{Forward, Transport, forward, rewrite};
use std::borrow::Cow;

/// Forwards a request's body to its target and relays the answer.
pub(super) fn relay<T: Transport>(
    call: &Call<'_, T>,
    target: &Target,
    body: &[u8],
    dropped: &[Cow<'_, str>],
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let upstream = &call.config.upstreams[target.upstream];
    record.target = Some(upstream.name.clone());
    let without = (!dropped.is_empty()).then(|| rewrite::without(body, dropped)).flatten();
    let body = without.as_deref().unwrap_or(body);
    let renamed = target.model.as_deref().and_then(|model| rewrite::with_model(body, model));
    let parts: Vec<&[u8]> = match &renamed {
        Some(parts) => parts.iter().map(|part| &**part).collect(),
        None => vec![body],
    };
    let request = Forward {
        upstream,
        method: "POST",
        path: call.request.path.strip_prefix("/v1").unwrap_or_default(),
        query: call.request.query.as_deref(),
        headers: &call.request.headers,
        body: &parts,
        request_id: call.id,
    };
    let mut response =
        forward(&request, call.transport, call.ctx).map_err(|failure| log_failure(failure, record))?;
    super::tell_dropped(&mut response, dropped);
    Ok(response)
}
