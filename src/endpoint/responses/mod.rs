//! `POST /v1/responses` and the two paths below it.

mod compact;
mod echo;
mod echoed_tools;
mod stateless;
mod to_turn;
mod translation;

pub use compact::compact;

use super::Call;
use super::forward::{self, Translation};
use super::generation::{self, Generated, Generation};
use super::resolve::{Resolved, ServedModels, Validated};
use crate::api::responses::{Input, Item, Request};
use crate::check::{self, error_text};
use crate::ctx::Ctx;
use crate::encode::responses::{Options, ResponseObject};
use crate::encode::{self, ErrorFormat};
use crate::engine::{self, CountedBy, Rejection};
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::ids::ResponseIds;
use crate::json::{self, writes};
use crate::log::Record;
use crate::model;
use crate::transport::Transport;
use crate::turn::{self, Field};
use crate::upstream::Endpoint;
use std::time::Duration;
use translation::ResponsesWriter;

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
    let models = ServedModels::of_generation(ModelResponse::ENDPOINT, call);
    let (request, valid) = Validated::split(&body, check::request(&body, &models)?);
    generation::answer(call, &valid, &ModelResponse { request }, record)
}

/// A valid request for a response.
struct ModelResponse<'a> {
    request: Request<'a>,
}

impl Generation for ModelResponse<'_> {
    const ENDPOINT: model::Endpoint = model::Endpoint::Responses;
    const ERRORS: ErrorFormat = encode::responses::ERRORS;

    fn streams(&self) -> bool {
        self.request.streams()
    }

    fn turns(&self, _: &Resolved<'_>) -> Result<Vec<turn::Request<'_>>, ApiError> {
        stateless::check(&self.request)?;
        let mut turn = to_turn::turn(&self.request);
        // The engine's reasoning is always an item, as live; its text is left out where no summary was requested.
        turn.reasoning.visible = true;
        Ok(vec![turn])
    }

    fn translation(
        &self,
        resolved: &Resolved<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Option<Translation<'_>>, ApiError> {
        stateless::check(&self.request)?;
        let request = translation::turn_request(&self.request);
        let mut writer = self.writer(resolved, ctx);
        writer.options.sealed = true;
        Ok(Some(Translation { request, writer: Box::new(writer), input_tokens }))
    }

    fn is_cacheable(&self) -> bool {
        self.request.conversation.is_none() && self.request.background != Some(true)
    }

    fn counted_by(&self) -> CountedBy {
        counted_by(&self.request)
    }

    fn rejection(&self, why: &Rejection) -> ApiError {
        error(why)
    }

    fn encode<B>(&self, generated: Generated<'_>) -> Response<B> {
        let mut writer = self.writer(generated.resolved, generated.ctx);
        if !self.streams() {
            writer.object.elapsed += generated.answer.latency().unwrap_or_default();
        }
        writer.encode(generated, self.streams())
    }
}

impl ModelResponse<'_> {
    fn writer(&self, resolved: &Resolved<'_>, ctx: &Ctx<'_>) -> ResponsesWriter {
        let (request, spec) = (&self.request, resolved.policy.spec);
        let mut ids = ResponseIds::new(ctx.random);
        let object = ResponseObject {
            id: ids.next("resp_"),
            created_at: ctx.created(),
            elapsed: ctx.now - Duration::from_secs(ctx.created()),
            echo: echo::echo(request, &resolved.model, spec),
        };
        let reasoning = request.reasoning.as_ref();
        let options = Options {
            obfuscation: request.stream_options.as_ref().and_then(|options| options.include_obfuscation)
                != Some(false),
            summary: reasoning.is_some_and(|own| own.summary.is_some() || own.generate_summary.is_some()),
            encrypted_content: request.includes("reasoning.encrypted_content"),
            sealed: false,
            phases: spec.is_some_and(|spec| spec.phases),
        };
        ResponsesWriter { object, ids, options }
    }
}

/// Counts the tokens of a request's input: by an upstream that can, else by the gateway.
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
    let models = ServedModels::of_generation(ModelResponse::ENDPOINT, call);
    let (request, valid) = Validated::split(&body, check::request(&body, &models)?);
    writes! {
        struct Count {
            "object" = object: &'static str,
            "input_tokens" = input_tokens: u64,
        }
    }
    forward::count(call, Endpoint::InputTokens, &valid, ModelResponse::ERRORS, record, || {
        let input_tokens = engine::input_tokens(&to_turn::turn(&request), counted_by(&request));
        encode::json(200, &Count { object: "response.input_tokens", input_tokens })
    })
}

/// The tokens of the input of a valid body.
fn input_tokens(body: &[u8]) -> u64 {
    let count = |request: Request<'_>| engine::input_tokens(&to_turn::turn(&request), counted_by(&request));
    json::read_request_leniently(body).map_or(0, count)
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
            Field::Tools => "tools",
            Field::Messages => "input",
            _ => "text.format",
        }),
        Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => super::too_much_work("input"),
    }
}
