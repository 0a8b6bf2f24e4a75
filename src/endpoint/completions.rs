//! `POST /v1/completions`.

use super::judges::Routes;
use super::{Call, relay};
use crate::api::completions::Request;
use crate::check::{self, models::Card};
use crate::config::Backend;
use crate::encode::{self, text::Answer};
use crate::engine::{self, Outcome, tokens::Encoding};
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;

/// Completes one or several prompts, by the engine or an upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let routes = Routes { config: call.config, caller: call.caller, text: true };
    let checked = check::completions(&body, &routes)?;
    let request = &checked.request;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    record.stream = Some(request.streams());
    match routes.backend(model) {
        Some((Backend::Upstream(target), _)) => relay::relay(call, target, &body, &checked.dropped, record),
        _ => {
            let mut response = answer(request, model, checked.judge.card, call, record)?;
            super::tell_dropped(&mut response, &checked.dropped);
            Ok(response)
        }
    }
}

/// The engine's answer.
fn answer<T: Transport>(
    request: &Request<'_>,
    model: &str,
    card: Option<&Card>,
    call: &Call<'_, T>,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let said = match engine::text(request, model, &call.config.engine, card)? {
        Outcome::Answer(answer) => *answer,
        Outcome::Fault(fault) => return Ok(super::scripted_fault(fault, record)),
        Outcome::Dropped => return Ok(encode::dropped()),
    };
    super::log_usage(&said.counts, record);
    let answer = Answer {
        id: call.ctx.object_id("cmpl-"),
        created: call.ctx.created(),
        model: model.to_owned(),
        encoding: Encoding::for_model(model),
        logprobs: request.logprobs.is_some(),
        said,
    };
    let include_usage = request.stream_options.as_ref().is_some_and(|o| o.include_usage == Some(true));
    Ok(match request.streams() {
        true => answer.stream(include_usage),
        false => answer.whole(),
    })
}
