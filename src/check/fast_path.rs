//! The fast pass: requests that are plainly good.
//!
//! It looks at the typed request alone and knows no messages. Where it says yes, the shapes hold too, which a
//! test compares; where it is not sure it says no, and the shapes decide. So what is rare needs no second
//! account here: it is only slower.

use super::shape::Scope;
use super::tools::{CALL_ID_CHARS, DESCRIPTION_CHARS, MOST_TOOLS, NAME_CHARS};
use super::{messages, openapi, params};
use crate::api::chat::{self, Effort, ResponseFormat, ResponseFormatType, ServiceTier, Stop, StreamOptions};
use crate::api::completions::{self, Prompt};
use crate::api::message::{CacheBreakpoint, Content, Message, Part, PartType, Role};
use crate::api::tool::{Function, Json, Tool, ToolCall, ToolChoice, ToolType};
use crate::api::{Int, Number, Text};
use crate::model::Family;

/// Whether a chat request is plainly good.
pub(super) fn chat(request: &chat::Request<'_>, scope: Scope) -> bool {
    let r = request;
    // Parameters the families of models treat too differently.
    let usual = !r.doubles
        && r.modalities.is_none()
        && r.audio.is_none()
        && r.prediction.is_none()
        && r.web_search_options.is_none()
        && r.moderation.is_none()
        && r.prompt_cache_options.is_none()
        && r.prompt_cache_retention.is_none()
        && r.functions.is_none()
        && r.function_call.is_none()
        && r.verbosity.is_none();
    let family = match scope.family() {
        _ if scope.published => true,
        Family::Any | Family::Classic => true,
        // Null is no better than another value where the name is not known.
        Family::Reasoning => {
            !r.nulls
                && r.max_tokens.is_none()
                && r.stop.is_none()
                && r.reasoning_effort.is_none()
                && (r.parallel_tool_calls.is_none() || scope.spec.is_none_or(|spec| spec.parallel_tool_calls))
                && (!r.streams() || scope.spec.is_none_or(|spec| spec.streams))
        }
        Family::Audio | Family::Search => false,
    };
    usual
        && family
        && r.messages.as_ref().is_some_and(|list| !list.is_empty() && list.iter().all(|m| message(m, scope)))
        && r.tools.as_ref().is_none_or(|list| tools(list))
        && r.tool_choice.as_ref().is_none_or(|choice| matches!(choice, ToolChoice::Mode(_)))
        && r.response_format.as_ref().is_none_or(|format| response_format(format))
        && decimal(r.temperature, 0.0, 2.0)
        && decimal(r.top_p, 0.0, 1.0)
        && decimal(r.presence_penalty, -2.0, 2.0)
        && decimal(r.frequency_penalty, -2.0, 2.0)
        && integer(r.n, 1, if scope.family() == Family::Reasoning { 8 } else { 128 })
        && integer(r.max_tokens, 1, i64::MAX)
        && integer(r.max_completion_tokens, 1, i64::MAX)
        && integer(r.top_logprobs, 0, 20)
        && integer(r.seed, i64::MIN, i64::MAX)
        && r.stop.as_ref().is_none_or(stop)
        && r.stream_options.as_ref().is_none_or(stream_options)
        && r.reasoning_effort.is_none_or(|effort| effort != Effort::Unknown)
        && r.service_tier.is_none_or(|tier| matches!(tier, ServiceTier::Auto | ServiceTier::Default))
        && short(&r.user)
        && short(&r.safety_identifier)
        && short(&r.prompt_cache_key)
        && r.logit_bias.is_none()
        && r.metadata.as_ref().is_none_or(|metadata| {
            metadata.0.len() <= 16
                && metadata
                    .0
                    .iter()
                    .all(|(name, value)| params::LABEL_NAME.holds(name) && params::LABEL_VALUE.holds(value))
        })
}

/// Whether a text completion request is plainly good.
pub(super) fn completions(request: &completions::Request<'_>, scope: Scope) -> bool {
    let r = request;
    let exact = |tokens: &[Int]| tokens.iter().all(|token| !token.decimal && !token.saturated);
    let prompt = match &r.prompt {
        Some(Prompt::Text(_)) => true,
        Some(Prompt::Texts(list)) => !list.is_empty(),
        Some(Prompt::Tokens(tokens)) => exact(tokens),
        Some(Prompt::TokenLists(lists)) => lists.iter().all(|tokens| !tokens.is_empty() && exact(tokens)),
        None => false,
    };
    prompt
        && !r.doubles
        && integer(r.max_tokens, 0, i64::MAX)
        && decimal(r.temperature, 0.0, 2.0)
        && decimal(r.top_p, 0.0, 1.0)
        && integer(r.n, 1, 128)
        && integer(r.best_of, 1, 20)
        && integer(r.logprobs, 0, if scope.published { 5 } else { i64::MAX })
        && r.stop.as_ref().is_none_or(stop)
        && decimal(r.presence_penalty, -2.0, 2.0)
        && decimal(r.frequency_penalty, -2.0, 2.0)
        && r.logit_bias.is_none()
        && short(&r.user)
        && integer(r.seed, i64::MIN, i64::MAX)
        && r.stream_options.as_ref().is_none_or(stream_options)
}

fn decimal(number: Option<Number>, min: f64, max: f64) -> bool {
    number.is_none_or(|number| (min..=max).contains(&number.value))
}

fn integer(int: Option<Int>, min: i64, max: i64) -> bool {
    int.is_none_or(|int| !int.decimal && !int.saturated && (min..=max).contains(&int.value))
}

fn short(text: &Option<Text<'_>>) -> bool {
    text.as_ref().is_none_or(|text| text.len() <= 64)
}

fn stop(stop: &Stop<'_>) -> bool {
    match stop {
        Stop::One(_) => true,
        Stop::Many(list) => (1..=4).contains(&list.len()),
    }
}

fn stream_options(options: &StreamOptions<'_>) -> bool {
    options.extra.is_empty() && !options.nulls && !options.doubles
}

fn response_format(format: &ResponseFormat<'_>) -> bool {
    let schema = match format.kind {
        None => false,
        Some(ResponseFormatType::JsonSchema) => format.json_schema.as_ref().is_some_and(|schema| {
            schema.extra.is_empty()
                && !schema.nulls
                && !schema.doubles
                && named(&schema.name)
                && schema.schema.is_some_and(Json::is_object)
        }),
        Some(_) => format.json_schema.is_none(),
    };
    schema && format.extra.is_empty() && !format.nulls && !format.doubles
}

fn named(name: &Option<Text<'_>>) -> bool {
    name.as_ref().is_some_and(|name| NAME_CHARS.holds(name))
}

fn tools(tools: &[Tool<'_>]) -> bool {
    (1..=MOST_TOOLS).contains(&tools.len())
        && tools
            .iter()
            .all(|tool| tool.kind == Some(ToolType::Function) && tool.function.as_ref().is_some_and(function))
}

fn function(function: &Function<'_>) -> bool {
    named(&function.name)
        && !function.nulls
        && !function.doubles
        && function.description.as_ref().is_none_or(|text| DESCRIPTION_CHARS.holds(text))
        && function.parameters.is_none_or(Json::is_object)
}

fn message(message: &Message<'_>, scope: Scope) -> bool {
    let m = message;
    let Some(role) = m.role else { return false };
    let said = match &m.content {
        Some(Content::Text(text)) => messages::TEXT_CHARS.holds(text),
        Some(Content::Parts(parts)) => !parts.is_empty() && parts.iter().all(|p| part(p, role, scope)),
        // Null is as good as absent to an assistant alone.
        None => role == Role::Assistant,
    };
    // The live API minds no null of an assistant's; a call comes with null for content as often as not.
    let nulls = !m.nulls || role == Role::Assistant && !scope.published;
    let rest = match role {
        Role::System | Role::User => true,
        Role::Developer => m.extra.is_empty() && has_nothing_else(m),
        Role::Assistant => {
            m.audio.is_none()
                && m.function_call.is_none()
                && m.tool_calls.as_ref().is_none_or(|calls| !calls.is_empty() && calls.iter().all(tool_call))
        }
        Role::Tool => m.tool_call_id.as_ref().is_some_and(|id| CALL_ID_CHARS.holds(id)),
        Role::Function => false,
    };
    said && nulls
        && !m.doubles
        && rest
        && m.name.as_ref().is_none_or(|name| messages::SPEAKER_CHARS.holds(name))
}

fn has_nothing_else(m: &Message<'_>) -> bool {
    m.refusal.is_none()
        && m.audio.is_none()
        && m.tool_calls.is_none()
        && m.function_call.is_none()
        && m.tool_call_id.is_none()
}

fn part(part: &Part<'_>, role: Role, scope: Scope) -> bool {
    let breakpoint = |point: &CacheBreakpoint<'_>| point.mode.is_some() && !point.doubles;
    let fine = match (part.kind, role) {
        (Some(PartType::Text), Role::Developer) => {
            part.extra.is_empty()
                && part.image_url.is_none()
                && part.input_audio.is_none()
                && part.refusal.is_none()
                && part.audio.is_none()
                && part.file.is_none()
                && part.text.as_ref().is_some_and(|text| messages::TEXT_CHARS.holds(text))
        }
        (Some(PartType::Text), _) => part.text.as_ref().is_some_and(|text| messages::TEXT_CHARS.holds(text)),
        (Some(PartType::ImageUrl), Role::User) => part.image_url.as_ref().is_some_and(|image| {
            let url = image.url.as_deref().unwrap_or_default();
            !image.nulls
                && !image.doubles
                && messages::plain_url(url, scope)
                && (!scope.published || openapi::messages::is_uri(url))
        }),
        _ => false,
    };
    fine && !part.nulls && !part.doubles && part.prompt_cache_breakpoint.as_deref().is_none_or(breakpoint)
}

fn tool_call(call: &ToolCall<'_>) -> bool {
    call.extra.is_empty()
        && !call.doubles
        && call.custom.is_none()
        && call.kind == Some(ToolType::Function)
        && call.id.as_ref().is_some_and(|id| CALL_ID_CHARS.holds(id))
        && call.function.as_ref().is_some_and(|f| !f.doubles && named(&f.name) && f.arguments.is_some())
}
