//! `POST /v1/chat/completions`.

mod extensions;
mod to_turn;
mod translation;

pub use to_turn::turn;

use super::Call;
use super::forward::Translation;
use super::generation::{self, Generated, Generation};
use super::resolve::{Resolved, ServedModels, Validated};
use crate::api::chat::{Request, ServiceTier};
use crate::check::{self, error_text};
use crate::ctx::Ctx;
use crate::encode::chat::{Encoder, Head, StreamOptions, in_pieces};
use crate::encode::{self, ErrorFormat, OPENAI_ERRORS, UsageDetails};
use crate::engine::{self, Rejection};
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::ids::IdForm;
use crate::json;
use crate::log::Record;
use crate::model::{self, Family};
use crate::transport::Transport;
use crate::turn::{Field, ToolChoice};

use extensions::Extensions;
use std::cell::OnceCell;
use translation::ChatWriter;

/// Answers a chat, by the engine or an upstream.
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
    let models = ServedModels::of_generation(Chat::ENDPOINT, call);
    let (request, valid) = Validated::split(&body, check::request(&body, &models)?);
    let chat = Chat { request, body: &body, wire: OnceCell::new() };
    generation::answer(call, &valid, &chat, record)
}

/// A valid chat request.
struct Chat<'a> {
    request: Request<'a>,
    body: &'a [u8],
    /// What only upstreams of other APIs read.
    wire: OnceCell<Extensions<'a>>,
}

impl Generation for Chat<'_> {
    const ENDPOINT: model::Endpoint = model::Endpoint::Chat;
    const ERRORS: ErrorFormat = OPENAI_ERRORS;

    fn streams(&self) -> bool {
        self.request.streams()
    }

    fn turns(&self, _: &Resolved<'_>) -> Result<Vec<crate::turn::Request<'_>>, ApiError> {
        Ok(vec![turn(&self.request)])
    }

    fn translation(&self, _: &Resolved<'_>, ctx: &Ctx<'_>) -> Result<Option<Translation<'_>>, ApiError> {
        let wire = match self.wire.get() {
            Some(wire) => wire,
            None => {
                let wire = Extensions::read(self.body)?;
                self.wire.get_or_init(|| wire)
            }
        };
        let writer = ChatWriter { head: self.head(ctx), options: stream_options(&self.request) };
        let request = wire.turn_request(&self.request, self.body);
        Ok(Some(Translation { request, writer: Box::new(writer), input_tokens }))
    }

    fn rejection(&self, why: &Rejection) -> ApiError {
        error(why, &self.request)
    }

    fn encode<B>(&self, generated: Generated<'_>) -> Response<B> {
        let request = &self.request;
        let policy = &generated.resolved.policy;
        let head = Head {
            system_fingerprint: Some(engine::FINGERPRINT),
            service_tier: Some(match request.service_tier {
                Some(ServiceTier::Flex) => "flex",
                Some(ServiceTier::Priority | ServiceTier::Fast) => "priority",
                _ => "default",
            }),
            forced_tool: generated.turns.iter().any(|turn| matches!(turn.tool_choice, ToolChoice::Named(_))),
            role_alone: generated.answer.has_parallel_calls(),
            null_calls: !policy.named_exactly,
            usage_details: UsageDetails {
                by_modality: policy.spec.is_some_and(|spec| spec.family == Family::Audio),
                cache_write: policy.spec.is_some_and(|spec| spec.reports_cache_writes),
            },
            ..self.head(generated.ctx)
        };
        if request.streams() {
            return generated.stream(Encoder::new(head, stream_options(request)));
        }
        encode::after(generated.answer.latency(), in_pieces(head, generated.answer))
    }
}

/// The tokens of the input of a valid body.
fn input_tokens(body: &[u8]) -> u64 {
    let count = |request: Request<'_>| engine::input_tokens(&turn(&request), engine::CountedBy::Chat);
    json::read_request_leniently(body).map_or(0, count)
}

impl Chat<'_> {
    /// What the answers of all backends have besides the events.
    fn head(&self, ctx: &Ctx<'_>) -> Head {
        Head {
            id: IdForm::CHAT.id(ctx.random),
            created: ctx.created(),
            model: self.request.model.as_deref().unwrap_or_default().to_owned(),
            logprobs: self.request.logprobs == Some(true),
            legacy_functions: to_turn::has_legacy_functions(&self.request),
            ..Head::default()
        }
    }
}

/// What a stream has besides the answer.
fn stream_options(request: &Request<'_>) -> StreamOptions {
    let options = request.stream_options.as_ref();
    StreamOptions {
        include_usage: options.is_some_and(|options| options.include_usage == Some(true)),
        include_obfuscation: options.is_some_and(|options| options.include_obfuscation == Some(true)),
    }
}

/// Why the engine cannot answer a chat, as the live API words it.
fn error(why: &Rejection, request: &Request<'_>) -> ApiError {
    match why {
        Rejection::InputTooLong { limit, input } => error_text::long_prompt(*limit, *input),
        Rejection::ContextLength { window, input, tools, output } => {
            error_text::context_length(*window, *input, *tools, *output)
        }
        Rejection::NoOutputLeft => error_text::nothing_left_to_say(),
        Rejection::Schema { name, reason } => {
            let message = format!("Invalid schema for response_format '{name}': {reason}");
            ApiError::new(Kind::Invalid, message).at("response_format")
        }
        Rejection::ToolSchema { index, reason } => {
            let tool = request.tools.as_ref().and_then(|tools| tools.get(*index));
            let (name, param) = match (tool, request.functions.as_ref().and_then(|all| all.get(*index))) {
                (Some(tool), _) if tool.custom.is_some() => {
                    (tool.name(), format!("tools[{index}].custom.format.grammar.definition"))
                }
                (Some(tool), _) => (tool.name(), format!("tools[{index}].function.parameters")),
                (None, function) => {
                    let name = function.and_then(|function| function.name.as_deref()).unwrap_or_default();
                    (name, format!("functions[{index}].parameters"))
                }
            };
            let message = format!("Invalid schema for function '{name}': {reason}");
            ApiError::new(Kind::Invalid, message).at(param)
        }
        Rejection::TooMuchWork(field) => super::too_much_work(match field {
            Field::Tools if to_turn::has_legacy_functions(request) => "functions",
            Field::Tools => "tools",
            Field::Messages => "messages",
            Field::Stop => "stop",
            _ => "response_format",
        }),
        // Chats have neither prompts to echo nor several of them.
        Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => super::too_much_work("n"),
    }
}
