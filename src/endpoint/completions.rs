//! `POST /v1/completions`.

use super::Call;
use super::completion::{self, Validated};
use super::resolve::CompletionModels;
use crate::api::completions::Request;
use crate::check::{self, Checked};
use crate::ctx::Ctx;
use crate::encode::completions::Answer;
use crate::engine;
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::tokens::Encoding;
use crate::transport::Transport;
use crate::upstream::Endpoint;

/// Completes one or several prompts, by the engine or an upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let routes = CompletionModels::at(Endpoint::Text, call);
    let Checked { request, policy, dropped } = check::completions(&body, &routes)?;
    let model = request.model.as_deref().unwrap_or_default();
    let good = Validated { body: &body, model, streams: request.streams(), dropped: &dropped };
    let (engine, retry) = (&call.config.engine, || call.retry());
    let ask_engine = || engine::text(&request, model, engine, policy.spec, policy.validation, &retry);
    let encode = |said| encode(&request, model, said, call.ctx);
    completion::answer(call, &routes, &good, record, &ask_engine, &encode)
}

/// The engine's answer as the request wants it: whole, or as a stream.
fn encode<B>(request: &Request<'_>, model: &str, said: engine::Answer, ctx: &Ctx<'_>) -> Response<B> {
    let answer = Answer {
        id: ctx.object_id("cmpl-"),
        created: ctx.created(),
        model: model.to_owned(),
        encoding: Encoding::for_model(model),
        logprobs: request.logprobs.is_some(),
        said,
    };
    if !request.streams() {
        return answer.whole();
    }
    let options = request.stream_options.as_ref();
    answer.stream(options.is_some_and(|options| options.include_usage == Some(true)))
}
