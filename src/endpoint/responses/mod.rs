//! `POST /v1/responses` and the two paths below it.

mod compact;
mod echo;
mod format;
mod stateless;
mod turn;

pub use compact::compact;

use super::resolve::CompletionModels;
use super::{Call, Validated, forward};
use crate::api::responses::{Input, Item, Request};
use crate::budget::Budget;
use crate::check::{self, Checked, error_text};
use crate::config::Backend;
use crate::encode::responses::{Encoder, Ids, Options, ResponseObject};
use crate::encode::{self, Encoder as _, EventStream};
use crate::engine::{self, CountedBy, Rejection, Setup};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Incoming, Response};
use crate::json::writes;
use crate::log::Record;
use crate::model::{Family, ModelSpec};
use crate::transport::Transport;
use crate::turn::{EventSource, UsageMeter};
use crate::upstream::{Endpoint, needs_turn};

/// Generates a response, by the engine or an upstream.
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
    let models = CompletionModels::at(Endpoint::Responses, call);
    let Checked { request, policy, dropped } = check::responses(&body, &models)?;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    record.stream = Some(request.streams());
    if let Some((Backend::Upstream(plan), _)) = models.backend(model) {
        let valid = Validated { body: &body, model, dropped: &dropped };
        let translated = needs_turn(plan, &call.config.upstreams, models.endpoint);
        if translated {
            stateless::check(&request)?;
        }
        let turn = translated.then(|| format::turn_request(&request, model));
        let (object, ids, options) = parts(&request, model, policy.spec, call);
        let format = format::ResponsesFormat { object, ids, options };
        return forward::relay(call, models.endpoint, plan, &valid, turn.as_ref(), &format, record);
    }
    stateless::check(&request)?;
    let mut turn = turn::read(&request, model);
    // The engine's reasoning is always an item, as live; its text is left out where no summary was requested.
    turn.reasoning.visible = true;
    let budget = Budget::for_body(body.len());
    let setup = Setup { counted_by: counted_by(&request), ..call.engine(policy.spec, &budget) };
    let outcome = engine::answer(&turn, setup).map_err(|why| error(&why))?;
    let (object, ids, options) = parts(&request, model, policy.spec, call);
    let encoder = Encoder::new(object, ids, options);
    let streams = request.streams();
    let mut response =
        super::respond(outcome, record, |answer, meter| encode(answer, encoder, streams, meter));
    super::note_dropped(&mut response, &dropped);
    Ok(response)
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
    let models = CompletionModels::at(Endpoint::Responses, call);
    let Checked { request, .. } = check::responses(&body, &models)?;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    writes! {
        struct Count {
            "object" = object: &'static str,
            "input_tokens" = input_tokens: u64,
        }
    }
    record.by_engine();
    let input_tokens = engine::input_tokens(&turn::read(&request, model), counted_by(&request));
    Ok(encode::json(200, &Count { object: "response.input_tokens", input_tokens }))
}

/// How the live API counts the input of Responses: a call that is alone between results and has an `id` costs more.
fn counted_by(request: &Request<'_>) -> CountedBy {
    let Some(Input::Items(items)) = &request.input else { return CountedBy::Responses { calls_with_id: 0 } };
    let is_call =
        |item: Option<&Item<'_>>| item.is_some_and(|item| item.kind.as_deref() == Some("function_call"));
    let alone = (0..items.len()).filter(|i| {
        let before = i.checked_sub(1).and_then(|before| items.get(before));
        is_call(items.get(*i))
            && items.get(*i).is_some_and(|item| item.id.is_some())
            && !is_call(before)
            && !is_call(items.get(i + 1))
    });
    CountedBy::Responses { calls_with_id: alone.count() as u64 }
}

/// What the encoder of an answer needs.
fn parts<T>(
    request: &Request<'_>,
    model: &str,
    spec: Option<&ModelSpec>,
    call: &Call<'_, T>,
) -> (ResponseObject, Ids, Options) {
    let mut ids = Ids::new(call.ctx.random);
    let object = ResponseObject {
        id: ids.next("resp_"),
        created_at: call.ctx.created(),
        echo: echo::echo(request, model, spec),
    };
    let reasoning = request.reasoning.as_ref();
    let options = Options {
        obfuscation: request.stream_options.as_ref().and_then(|options| options.include_obfuscation)
            != Some(false),
        summary: reasoning.is_some_and(|own| own.summary.is_some() || own.generate_summary.is_some()),
        encrypted_content: request.includes("reasoning.encrypted_content"),
        // The same models that take no functions in Chat Completions while they reason.
        phases: spec.is_some_and(|spec| spec.family == Family::Reasoning && !spec.tools_while_reasoning),
    };
    (object, ids, options)
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
    encode::after(latency, encode::json_bytes(200, encoder.into_object().into_bytes()))
}

/// Why the engine cannot answer, as the live API words it.
fn error(why: &Rejection) -> ApiError {
    match why {
        Rejection::InputTooLong { .. } | Rejection::ContextLength { .. } => {
            let message = "Your input exceeds the context window of this model. Please adjust your input and try again.";
            ApiError::new(Kind::ContextLength, message).at("input")
        }
        Rejection::NoOutputLeft => error_text::nothing_left_to_say(),
        Rejection::Schema { name, reason } => {
            let message = format!("Invalid schema for response_format '{name}': {reason}");
            ApiError::new(Kind::Invalid, message).at("text.format.schema")
        }
        Rejection::ToolSchema { index, reason } => {
            let message = format!("Invalid schema for function: {reason}");
            ApiError::new(Kind::Invalid, message).at(format!("tools[{index}].parameters"))
        }
        Rejection::TooMuchWork(field) => super::too_much_work(match field {
            crate::turn::Field::Tools => "tools",
            _ => "text.format",
        }),
        Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => super::too_much_work("input"),
    }
}
