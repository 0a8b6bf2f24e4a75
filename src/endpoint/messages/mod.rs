//! `POST /v1/messages` and `POST /v1/messages/count_tokens`, of Anthropic's Messages API.

mod format;
mod turn;

use super::resolve::CompletionModels;
use super::{Call, Validated, forward};
use crate::api::messages::Request;
use crate::budget::Budget;
use crate::check::anthropic;
use crate::config::Backend;
use crate::encode::messages::{Encoder, MessageHead};
use crate::encode::{self, Encoder as _, EventStream};
use crate::engine::{self, Rejection, Setup};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Incoming, Response};
use crate::json::writes;
use crate::log::Record;
use crate::transport::Transport;
use crate::turn::{EventSource, Field, Usage, UsageMeter};
use crate::upstream::{Endpoint, needs_turn};

/// Generates a message, by the engine or an upstream.
///
/// # Errors
///
/// If the body cannot be read, the request is not valid, or no backend can answer it.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let models = CompletionModels::at(Endpoint::Messages, call);
    let has_version = || call.request.headers.get("anthropic-version").is_some();
    let (request, policy) = anthropic::messages(&body, &models, anthropic::Purpose::Answer, has_version)?;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    record.stream = Some(request.streams());
    if let Some((Backend::Upstream(plan), _)) = models.backend(model) {
        let valid = Validated { body: &body, model, dropped: &[] };
        let translated = needs_turn(plan, &call.config.upstreams, models.endpoint);
        let turn = translated.then(|| format::turn_request(&request, model));
        let format = format::MessagesFormat { head: head(call, &request, model) };
        return forward::relay(call, models.endpoint, plan, &valid, turn.as_ref(), &format, record);
    }
    let turn = turn::read(&request, model);
    let budget = Budget::for_body(body.len());
    let setup = Setup { call_prefix: "toolu_01", ..call.engine(policy.spec, &budget) };
    let outcome = engine::answer(&turn, setup).map_err(|why| error(&why))?;
    let streams = request.streams();
    if let engine::Outcome::Fault(fault) = outcome {
        record.by_engine();
        record.error = Some(fault.code.as_deref().unwrap_or(fault.kind()).to_owned());
        return Ok(encode::messages::fault(fault, call.id));
    }
    let encoder = Encoder::new(head(call, &request, model));
    Ok(super::respond(outcome, record, |answer, meter| encode(answer, encoder, streams, meter)))
}

/// Counts the tokens of a request's input.
///
/// # Errors
///
/// As [`create`].
pub fn count<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let models = CompletionModels::at(Endpoint::Messages, call);
    let has_version = || call.request.headers.get("anthropic-version").is_some();
    let (request, _) = anthropic::messages(&body, &models, anthropic::Purpose::CountTokens, has_version)?;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    writes! {
        struct Count {
            "input_tokens" = input_tokens: u64,
        }
    }
    record.by_engine();
    Ok(encode::json(
        200,
        &Count { input_tokens: engine::input_tokens(&turn::read(&request, model), engine::CountedBy::Chat) },
    ))
}

fn head<T>(call: &Call<'_, T>, request: &Request<'_>, model: &str) -> MessageHead {
    let server_tools = request.tools.iter().flatten().any(|tool| !tool.is_custom());
    MessageHead {
        id: message_id(call),
        model: model.to_owned(),
        usage: Usage::default(),
        server_tools,
        context_management: request.context_management.is_some(),
    }
}

/// `msg_01` and 22 letters and digits, as long as the live API's.
fn message_id<T>(call: &Call<'_, T>) -> String {
    let mut id = call.ctx.object_id("msg_01");
    id.truncate("msg_01".len() + 22);
    id
}

/// The engine's answer as the request has it: whole, or as a stream.
fn encode<B>(answer: engine::Answer, mut encoder: Encoder, streams: bool, meter: UsageMeter) -> Response<B> {
    let (latency, cut) = (answer.latency(), answer.cut_after_chunks());
    let mut events = answer.into_events();
    if streams {
        let events = EventStream::new(events, encoder, meter).cut_after(cut);
        return encode::event_stream(Body::Stream(Box::new(events)));
    }
    let mut unsent = Vec::new();
    while let Some(step) = events.next() {
        encoder.event(&step.event, &mut unsent);
        unsent.clear();
    }
    encode::after(latency, encode::json_bytes(200, encoder.into_message().into_bytes()))
}

/// Why the engine cannot answer, as the live API words it.
fn error(why: &Rejection) -> ApiError {
    match why {
        Rejection::InputTooLong { limit: most, input }
        | Rejection::ContextLength { window: most, input, .. } => {
            ApiError::new(Kind::Invalid, format!("prompt is too long: {input} tokens > {most} maximum"))
        }
        Rejection::NoOutputLeft => {
            ApiError::new(Kind::Invalid, "max_tokens: too few to answer after reasoning")
        }
        Rejection::Schema { reason, .. } => {
            ApiError::new(Kind::Invalid, format!("output_config.format.schema: {reason}"))
        }
        Rejection::ToolSchema { index, reason } => {
            ApiError::new(Kind::Invalid, format!("tools.{index}.custom: Invalid schema: {reason}"))
        }
        Rejection::TooMuchWork(Field::Tools) => ApiError::new(
            Kind::Invalid,
            "Schema is too complex for compilation. Simplify the tools' schemas.",
        ),
        Rejection::TooMuchWork(_) | Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => {
            ApiError::new(
                Kind::Invalid,
                "Schema is too complex for compilation. Simplify output_config.format.",
            )
        }
    }
}
