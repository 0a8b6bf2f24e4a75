//! What goes to one upstream as it is: `/v1/…` paths that the gateway does not serve, other methods of those it serves,
//! embeddings and moderations.

use super::{Call, forward};
use crate::encode::{ErrorFormat, OPENAI_ERRORS, messages, responses};
use crate::error::{ApiError, Kind};
use crate::http::Response;
use crate::log::Record;
use crate::router::passed_path;
use crate::transport::Transport;
use crate::upstream::{PassRequest, pass};

/// Passes the request through to an upstream, an index into the configured ones.
///
/// # Errors
///
/// 403 for a key that is restricted to some models, or limited in tokens or money; 429 over a limit; those of the upstream.
pub fn pass_through<T: Transport>(
    call: &Call<'_, T>,
    upstream: usize,
    upload: &mut T::Upload,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    // The body, which may name a model, is not read.
    if call.caller.restricts_models() {
        return Err(ApiError::new(
            Kind::NotAllowed,
            "Your API key is limited to some models, and the gateway does not read which model a request to this \
             path is for. Use a key without such a limit.",
        ));
    }
    call.reserve_unread(record)?;
    #[expect(clippy::indexing_slicing, reason = "the configuration found the index")]
    let upstream = &call.config.upstreams[upstream];
    let errors = errors(&call.request.path);
    let passed =
        PassRequest { request: call.request, upstream, request_id: call.id, error_event: errors.event };
    let forwarded = pass(&passed, upload, call.transport, call.ctx);
    forward::respond(forwarded, None, &errors, record)
}

/// How errors look in the API that a path belongs to.
fn errors(path: &str) -> ErrorFormat {
    let below = passed_path(path).unwrap_or_default();
    let is_below = |name: &str| below.split('/').nth(1) == Some(name);
    match () {
        () if is_below("messages") => messages::ERRORS,
        () if is_below("responses") => responses::ERRORS,
        () => OPENAI_ERRORS,
    }
}
