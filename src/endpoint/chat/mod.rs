//! `POST /v1/chat/completions`.

mod forwarded;
mod read;

pub use read::turn;

use super::resolve::CompletionModels;
use super::{Call, Validated, forward};
use crate::api::chat::{Request, ServiceTier};
use crate::budget::Budget;
use crate::check::{self, Checked, error_text};
use crate::config::Backend;
use crate::ctx::Ctx;
use crate::encode::chat::{Encoder, Head, StreamOptions, in_pieces};
use crate::encode::{self, EventStream, UsageDetails};
use crate::engine::{self, Rejection};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Incoming, Response};
use crate::log::Record;
use crate::model::Family;
use crate::transport::Transport;
use crate::turn::{Field, ToolChoice, UsageMeter};
use crate::upstream::{Endpoint, needs_turn};
use forwarded::{ChatFormat, Wire};

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
    let models = CompletionModels::at(Endpoint::Chat, call);
    let Checked { request, policy, dropped } = check::chat(&body, &models)?;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    record.stream = Some(request.streams());
    if let Some((Backend::Upstream(plan), _)) = models.backend(model) {
        let valid = Validated { body: &body, model, dropped: &dropped };
        // Read only where a target has another API: other targets get the body as it is.
        let translated = needs_turn(plan, &call.config.upstreams, models.endpoint);
        let wire = if translated { Some(Wire::read(&body)?) } else { None };
        let turn = wire.as_ref().map(|wire| wire.turn(&request, &body));
        let head = Head {
            id: call.ctx.object_id("chatcmpl-"),
            created: call.ctx.created(),
            model: model.to_owned(),
            logprobs: request.logprobs == Some(true),
            legacy_functions: read::has_legacy_functions(&request),
            ..Head::default()
        };
        let format = ChatFormat { head, options: stream_options(&request) };
        return forward::relay(call, models.endpoint, plan, &valid, turn.as_ref(), &format, record);
    }
    let turn = read::turn(&request);
    let budget = Budget::for_body(body.len());
    let outcome =
        engine::answer(&turn, call.engine(policy.spec, &budget)).map_err(|why| error(&why, &request))?;
    let mut head = head(&request, matches!(turn.tool_choice, ToolChoice::Named(_)), call.ctx);
    head.null_calls = !policy.named;
    head.usage_details = UsageDetails {
        by_modality: policy.spec.is_some_and(|spec| spec.family == Family::Audio),
        // Models from gpt-5.6 on, whose prompts are not cached in memory.
        cache_write: policy.spec.is_some_and(|spec| !spec.in_memory_cache),
    };
    let mut response = super::respond(outcome, record, |answer, meter| encode(&request, head, answer, meter));
    super::note_dropped(&mut response, &dropped);
    Ok(response)
}

/// What the engine's answers have besides the events.
fn head(request: &Request<'_>, forced_tool: bool, ctx: &Ctx<'_>) -> Head {
    Head {
        id: ctx.object_id("chatcmpl-"),
        created: ctx.created(),
        model: request.model.as_deref().unwrap_or_default().to_owned(),
        system_fingerprint: Some(engine::FINGERPRINT),
        service_tier: Some(match request.service_tier {
            Some(ServiceTier::Flex) => "flex",
            Some(ServiceTier::Priority | ServiceTier::Fast) => "priority",
            _ => "default",
        }),
        logprobs: request.logprobs == Some(true),
        legacy_functions: read::has_legacy_functions(request),
        forced_tool,
        ..Head::default()
    }
}

/// The engine's answer as the request has it: whole, or as a stream.
fn encode<B>(
    request: &Request<'_>,
    mut head: Head,
    answer: engine::Answer,
    meter: UsageMeter,
) -> Response<B> {
    if !request.streams() {
        let wait = answer.latency();
        return encode::after(wait, in_pieces(head, answer));
    }
    head.role_alone = answer.has_parallel_calls();
    let encoder = Encoder::new(head, stream_options(request));
    let cut = answer.cut_after_chunks();
    let events = EventStream::new(answer.into_events(), encoder, meter).cut_after(cut);
    encode::event_stream(Body::Stream(Box::new(events)))
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
            Field::Tools if read::has_legacy_functions(request) => "functions",
            Field::Tools => "tools",
            _ => "response_format",
        }),
        // Chats have neither prompts to echo nor several of them.
        Rejection::EchoTooLong { .. } | Rejection::TooManyChoices { .. } => super::too_much_work("n"),
    }
}
