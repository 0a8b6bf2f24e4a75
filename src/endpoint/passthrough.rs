//! Every `/v1/…` path the gateway does not know itself, and every method of those it knows: they go to one
//! upstream as they are.

use super::{Call, forward};
use crate::error::{ApiError, Kind};
use crate::http::Response;
use crate::log::Record;
use crate::transport::Transport;
use crate::upstream::pass;

/// Passes the request through to an upstream, an index into the configured ones.
pub fn pass_through<T: Transport>(
    call: &Call<'_, T>,
    upstream: usize,
    upload: &mut T::Upload,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    // Which model is meant stands in a body nobody reads, if anywhere.
    if call.caller.is_limited() {
        return Err(ApiError::new(
            Kind::NotAllowed,
            "Your API key is limited to some models, and what this path does with which model the gateway does \
             not know. Use a key without such a limit.",
        ));
    }
    let upstream = &call.config.upstreams[upstream];
    let forwarded = pass(call.request, upload, upstream, call.id, call.transport, call.ctx);
    forward::note(forwarded, &forward::Native, record)
}
