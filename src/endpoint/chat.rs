//! `POST /v1/chat/completions`.

use super::judges::Routes;
use super::{Call, relay};
use crate::api::chat::{Request, ServiceTier};
use crate::check::{self, models::Card};
use crate::config::Backend;
use crate::encode::{self, chat::Answer, chat::StreamOptions};
use crate::engine::{self, Outcome, tokens::Encoding};
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;

/// Answers a chat, by the engine or an upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let routes = Routes { config: call.config, caller: call.caller, text: false };
    let checked = check::chat(&body, &routes)?;
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
    let said = match engine::chat(request, model, &call.config.engine, card, call.ctx)? {
        Outcome::Answer(answer) => *answer,
        Outcome::Fault(fault) => return Ok(super::scripted_fault(fault, record)),
        Outcome::Dropped => return Ok(encode::dropped()),
    };
    super::log_usage(&said.counts, record);
    let answer = Answer {
        id: call.ctx.object_id("chatcmpl-"),
        created: call.ctx.created(),
        model: model.to_owned(),
        encoding: Encoding::for_model(model),
        service_tier: match request.service_tier {
            Some(ServiceTier::Flex) => "flex",
            Some(ServiceTier::Priority | ServiceTier::Fast) => "priority",
            _ => "default",
        },
        logprobs: request.logprobs == Some(true),
        said,
    };
    let wanted = |option: Option<bool>| option == Some(true);
    Ok(match request.streams() {
        true => {
            answer.stream(request.stream_options.as_ref().map_or_else(StreamOptions::default, |options| {
                StreamOptions {
                    include_usage: wanted(options.include_usage),
                    include_obfuscation: wanted(options.include_obfuscation),
                }
            }))
        }
        false => answer.whole(),
    })
}
