//! `POST /v1/messages` and `POST /v1/messages/count_tokens`, of Anthropic's Messages API.

mod container;
mod to_turn;
mod translation;

use super::Call;
use super::forward::{self, Translation};
use super::generation::{self, AnswerWriter, Generated, Generation};
use super::resolve::{Resolved, ServedModels, Validated};
use crate::api::messages::Request;
use crate::check::messages::{self, Purpose};
use crate::config::engine::Fault;
use crate::ctx::Ctx;
use crate::encode::messages::{MessageHead, Optional};
use crate::encode::{self, ErrorFormat};
use crate::engine::{self, Rejection, Setup};
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::ids::IdForm;
use crate::json::{self, writes};
use crate::log::Record;
use crate::model;
use crate::transport::Transport;
use crate::turn::{self, Field, Usage};
use crate::upstream::Endpoint;
use std::rc::Rc;
use translation::MessagesWriter;

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
    let (request, valid) = validated(call, &body, Purpose::Answer)?;
    generation::answer(call, &valid, &Message { request }, record)
}

fn validated<'b, T>(
    call: &Call<'b, T>,
    body: &'b Rc<Vec<u8>>,
    purpose: Purpose,
) -> Result<(Request<'b>, Validated<'b>), ApiError> {
    let models = ServedModels::of_generation(Message::ENDPOINT, call);
    let has_version = || call.request.headers.get("anthropic-version").is_some();
    Ok(Validated::split(body, messages::request(body, &models, purpose, has_version)?))
}

/// A valid request for a message.
struct Message<'a> {
    request: Request<'a>,
}

impl Generation for Message<'_> {
    const ENDPOINT: model::Endpoint = model::Endpoint::Messages;
    const ERRORS: ErrorFormat = encode::messages::ERRORS;

    fn streams(&self) -> bool {
        self.request.streams()
    }

    fn turns(&self, _: &Resolved<'_>) -> Result<Vec<turn::Request<'_>>, ApiError> {
        self.needs_no_thread()?;
        Ok(vec![to_turn::turn(&self.request)])
    }

    fn translation(&self, _: &Resolved<'_>, ctx: &Ctx<'_>) -> Result<Option<Translation<'_>>, ApiError> {
        self.needs_no_thread()?;
        let request = translation::turn_request(&self.request);
        Ok(Some(Translation { request, writer: Box::new(self.writer(ctx)), input_tokens }))
    }

    fn setup<'e>(&self, setup: Setup<'e>) -> Setup<'e> {
        Setup { call_ids: IdForm::TOOL_USE, ..setup }
    }

    fn rejection(&self, why: &Rejection) -> ApiError {
        error(why)
    }

    fn encode<B>(&self, generated: Generated<'_>) -> Response<B> {
        let mut writer = self.writer(generated.ctx);
        writer.head.container = container::of(&self.request, generated.ctx);
        if self.streams() {
            return generated.stream(writer.encoder());
        }
        let body = writer.whole(&generated.answer.whole());
        encode::after(generated.answer.latency(), encode::json_bytes(200, body))
    }

    fn fault<B>(&self, fault: &Fault, request_id: &str) -> Response<B> {
        encode::messages::fault(fault, request_id)
    }
}

impl Message<'_> {
    /// Checks that the request does not refer to a conversation kept on the server. The tool runners of Anthropic's SDKs
    /// do so by default, and send the whole conversation after this error.
    fn needs_no_thread(&self) -> Result<(), ApiError> {
        if self.request.thread.is_none() {
            return Ok(());
        }
        let message =
            "thread: this gateway keeps no conversations. Send the whole conversation without `thread`.";
        Err(ApiError::new(Kind::ThreadUnsupported, message))
    }

    fn writer(&self, ctx: &Ctx<'_>) -> MessagesWriter {
        let request = &self.request;
        let server_tools = request.tools.iter().flatten().any(|tool| !tool.is_custom());
        let task_budget = request.output_config.as_ref().is_some_and(|config| config.task_budget.is_some());
        let context_management = request.context_management.is_some();
        let head = MessageHead {
            id: IdForm::MESSAGE.id(ctx.random),
            model: request.model.as_deref().unwrap_or_default().to_owned(),
            usage: Usage::default(),
            // As recorded in 2026: both may let the model go over the request several times.
            counts: Optional { server_tools, iterations: context_management || task_budget },
            context_management,
            container: None,
        };
        MessagesWriter { head }
    }
}

/// The tokens of the input of a valid body.
fn input_tokens(body: &[u8]) -> u64 {
    let count =
        |request: Request<'_>| engine::input_tokens(&to_turn::turn(&request), engine::CountedBy::Chat);
    json::read_request_leniently(body).map_or(0, count)
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
    let (request, valid) = validated(call, &body, Purpose::CountTokens)?;
    writes! {
        struct Count {
            "input_tokens" = input_tokens: u64,
        }
    }
    forward::count(call, Endpoint::CountTokens, &valid, Message::ERRORS, record, || {
        let input_tokens = engine::input_tokens(&to_turn::turn(&request), engine::CountedBy::Chat);
        encode::json(200, &Count { input_tokens })
    })
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
        Rejection::TooMuchWork(field @ (Field::Messages | Field::Stop)) => {
            let name = if *field == Field::Stop { "stop_sequences" } else { "messages" };
            ApiError::new(Kind::Invalid, format!("{name}: {}", crate::budget::Exhausted))
        }
        Rejection::TooMuchWork(_) | Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => {
            ApiError::new(
                Kind::Invalid,
                "Schema is too complex for compilation. Simplify output_config.format.",
            )
        }
    }
}
