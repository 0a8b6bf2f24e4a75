//! The steps chat and text completions have in common once a request was found good: find who answers, ask,
//! encode. Each endpoint's own file says how it reads, how it asks the engine, and how it encodes.

use super::resolve::CompletionModels;
use super::{Call, forward};
use crate::config::Backend;
use crate::encode;
use crate::engine::{Answer, Outcome};
use crate::error::ApiError;
use crate::http::Response;
use crate::log::Record;
use crate::transport::Transport;
use std::borrow::Cow;

/// A request that was found good, as far as both endpoints have it.
pub(super) struct Validated<'a> {
    /// The body, as it came.
    pub(super) body: &'a [u8],
    pub(super) model: &'a str,
    pub(super) streams: bool,
    /// The parameters to leave out.
    pub(super) dropped: &'a [Cow<'a, str>],
}

/// Has an upstream or the engine answer. What the endpoints differ in comes as trait objects, so that the
/// component holds these steps once.
pub(super) fn answer<'e, T: Transport>(
    call: &Call<'_, T>,
    routes: &CompletionModels<'_>,
    good: &Validated<'_>,
    record: &mut Record,
    ask_engine: &dyn Fn() -> Result<Outcome<'e>, ApiError>,
    encode: &dyn Fn(Answer) -> Response<T::Body>,
) -> Result<Response<T::Body>, ApiError> {
    record.model = Some(good.model.to_owned());
    record.stream = Some(good.streams);
    if let Some((Backend::Upstream(plan), _)) = routes.backend(good.model) {
        return forward::relay(call, routes.endpoint, plan, good, record);
    }
    let mut response = match ask_engine()? {
        Outcome::Answer(answer) => {
            super::log_usage(&answer.counts, record);
            encode(*answer)
        }
        Outcome::Fault(fault) => super::scripted_fault(fault, record),
        Outcome::Dropped => encode::dropped(),
    };
    super::tell_dropped(&mut response, good.dropped);
    Ok(response)
}
