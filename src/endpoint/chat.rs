//! `POST /v1/chat/completions`.

use super::judges::Routes;
use super::{Call, relay};
use crate::api::chat::{Request, ServiceTier};
use crate::api::message::Role;
use crate::config::Backend;
use crate::encode::{self, chat::Answer};
use crate::engine::{self, Sampling};
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;
use crate::{check, ctx::Ctx};

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
            let answer = answer(request, model, call.ctx);
            super::log_usage(&answer.usage, record);
            let mut response = match request.streams() {
                true => answer
                    .stream(request.stream_options.as_ref().is_some_and(|o| o.include_usage == Some(true))),
                false => answer.whole(),
            };
            super::tell_dropped(&mut response, &checked.dropped);
            Ok(response)
        }
    }
}

/// The engine's answer: the last user message's text.
fn answer(request: &Request<'_>, model: &str, ctx: &Ctx<'_>) -> Answer {
    let messages = request.messages.as_deref().unwrap_or_default();
    let text_of = |message: &crate::api::message::Message<'_>| -> String {
        message.content.as_ref().map(|content| content.texts().collect()).unwrap_or_default()
    };
    let reply = messages.iter().rfind(|m| m.role == Some(Role::User)).map(text_of).unwrap_or_default();
    let stop: Vec<&str> = request.stop.as_ref().map(|stop| stop.iter().collect()).unwrap_or_default();
    let choices = engine::sample(
        &reply,
        Sampling {
            n: u32::try_from(request.choices()).unwrap_or(u32::MAX),
            stop: &stop,
            max_tokens: request.token_limit(),
        },
    );
    // Three tokens frame each message, three more begin the answer.
    let prompt = messages.iter().map(|message| 3 + engine::count(&text_of(message))).sum::<u64>() + 3;
    let completion = choices.iter().map(|choice| choice.pieces.len() as u64).sum();
    Answer {
        id: ctx.object_id("chatcmpl-"),
        created: ctx.created(),
        model: model.to_owned(),
        service_tier: match request.service_tier {
            Some(ServiceTier::Flex) => "flex",
            Some(ServiceTier::Priority | ServiceTier::Fast) => "priority",
            _ => "default",
        },
        choices,
        usage: encode::usage(prompt, completion),
    }
}
