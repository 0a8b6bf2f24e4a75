//! `POST /v1/chat/completions`.

use super::Call;
use super::completion::{self, Validated};
use super::resolve::CompletionModels;
use crate::api::chat::{Request, ServiceTier};
use crate::budget::Budget;
use crate::check::{self, Checked};
use crate::ctx::Ctx;
use crate::encode::chat::{Answer, StreamOptions};
use crate::engine;
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::tokens::Encoding;
use crate::transport::Transport;
use crate::upstream::Endpoint;

/// Answers a chat, by the engine or an upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let routes = CompletionModels::at(Endpoint::Chat, call);
    let Checked { request, policy, dropped } = check::chat(&body, &routes)?;
    let model = request.model.as_deref().unwrap_or_default();
    let good = Validated { body: &body, model, streams: request.streams(), dropped: &dropped };
    let retry = || call.retry();
    let budget = Budget::for_body(body.len());
    let ask_engine =
        || engine::chat(&request, model, &call.config.engine, policy.spec, call.ctx, &retry, &budget);
    let encode = |said| encode(&request, model, said, call.ctx);
    completion::answer(call, &routes, &good, record, &ask_engine, &encode)
}

/// The engine's answer as the request wants it: whole, or as a stream.
fn encode<B>(request: &Request<'_>, model: &str, said: engine::Answer, ctx: &Ctx<'_>) -> Response<B> {
    let answer = Answer {
        id: ctx.object_id("chatcmpl-"),
        created: ctx.created(),
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
    if !request.streams() {
        return answer.whole();
    }
    let options = request.stream_options.as_ref().map(|options| StreamOptions {
        include_usage: options.include_usage == Some(true),
        include_obfuscation: options.include_obfuscation == Some(true),
    });
    answer.stream(options.unwrap_or_default())
}
