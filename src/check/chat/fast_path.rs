//! The fast pass: chat requests that are plainly valid.
//!
//! It looks at the typed request alone and words no errors. What it accepts, the exact pass accepts (a test compares them).
//! Where it is unsure it returns false, and the exact pass decides: a rare form needs no second implementation here, it is
//! only slower.

use super::{messages, params};
use crate::api::chat::{self, Effort, ResponseFormat, ResponseFormatType, ServiceTier};
use crate::api::message::{CacheBreakpoint, Content, Message, Part, PartType, Role};
use crate::api::tool::{Function, Json, Tool, ToolCall, ToolChoice, ToolType};
use crate::check::scope::Scope;
use crate::check::{limits, plain};
use crate::model::Family;

/// Whether a chat request is plainly valid.
pub(super) fn is_plain(request: &chat::Request<'_>, scope: Scope) -> bool {
    let r = request;
    // Parameters that families of models treat too differently.
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
        Family::Any | Family::Classic => true,
        Family::Reasoning => {
            r.max_tokens.is_none()
                && r.stop.is_none()
                && r.reasoning_effort.is_none()
                && (r.parallel_tool_calls.is_none()
                    || scope.live_spec.is_none_or(|spec| spec.parallel_tool_calls))
                && (!r.streams() || scope.live_spec.is_none_or(|spec| spec.streams))
        }
        Family::Audio | Family::Search => false,
    };
    let choices = match scope.family() {
        Family::Reasoning => (1, params::MAX_REASONING_CHOICES),
        _ => limits::N_RANGE,
    };
    usual
        && family
        && r.messages.as_ref().is_some_and(|list| !list.is_empty() && list.iter().all(|m| message(m, scope)))
        && r.tools.as_ref().is_none_or(|list| tools(list))
        && r.tool_choice.as_ref().is_none_or(|choice| matches!(choice, ToolChoice::Mode(_)))
        && r.response_format.as_ref().is_none_or(|format| response_format(format))
        && plain::decimal(r.temperature, limits::TEMPERATURE_RANGE)
        && plain::decimal(r.top_p, limits::TOP_P_RANGE)
        && plain::decimal(r.presence_penalty, limits::PENALTY_RANGE)
        && plain::decimal(r.frequency_penalty, limits::PENALTY_RANGE)
        && plain::integer(r.n, choices)
        && plain::integer(r.max_tokens, (1, i64::MAX))
        && plain::integer(r.max_completion_tokens, (1, i64::MAX))
        && plain::integer(r.top_logprobs, (0, limits::MAX_TOP_LOGPROBS))
        && plain::integer(r.seed, (i64::MIN, i64::MAX))
        && r.stop.as_ref().is_none_or(plain::stop)
        && r.stream_options.as_ref().is_none_or(plain::stream_options)
        && r.reasoning_effort.is_none_or(|effort| effort != Effort::Unknown)
        && r.service_tier.is_none_or(|tier| matches!(tier, ServiceTier::Auto | ServiceTier::Default))
        && plain::id(&r.user)
        && plain::id(&r.safety_identifier)
        && plain::id(&r.prompt_cache_key)
        && r.logit_bias.is_none()
        && r.metadata.as_ref().is_none_or(|metadata| {
            metadata.0.len() <= limits::MAX_LABELS
                && metadata
                    .0
                    .iter()
                    .all(|(name, value)| limits::LABEL_NAME.holds(name) && limits::LABEL_VALUE.holds(value))
        })
}

fn response_format(format: &ResponseFormat<'_>) -> bool {
    let schema = match format.kind {
        None => false,
        Some(ResponseFormatType::JsonSchema) => format.json_schema.as_ref().is_some_and(|schema| {
            schema.extra.is_empty()
                && !schema.doubles
                && schema.name.as_ref().is_some_and(|name| limits::FORMAT_NAME_CHARS.holds(name))
                && schema.schema.is_some_and(Json::is_object)
        }),
        Some(_) => format.json_schema.is_none(),
    };
    schema && format.extra.is_empty() && !format.doubles
}

fn tools(tools: &[Tool<'_>]) -> bool {
    !tools.is_empty()
        && tools
            .iter()
            .all(|tool| tool.kind == Some(ToolType::Function) && tool.function.as_ref().is_some_and(function))
}

fn function(function: &Function<'_>) -> bool {
    function.name.as_ref().is_some_and(|name| limits::TOOL_NAME_CHARS.holds(name))
        && !function.doubles
        && function.parameters.is_none_or(Json::is_object)
}

fn message(message: &Message<'_>, scope: Scope) -> bool {
    let m = message;
    let Some(role) = m.role else { return false };
    let content = match &m.content {
        Some(Content::Text(_)) => true,
        Some(Content::Parts(parts)) => !parts.is_empty() && parts.iter().all(|p| part(p, role, scope)),
        None => role == Role::Assistant,
    };
    let rest = match role {
        Role::System | Role::User => true,
        Role::Developer => m.extra.is_empty() && has_nothing_else(m),
        Role::Assistant => {
            m.audio.is_none()
                && m.function_call.is_none()
                && m.tool_calls.as_ref().is_none_or(|calls| !calls.is_empty() && calls.iter().all(tool_call))
        }
        Role::Tool => m.tool_call_id.is_some(),
        Role::Function => false,
    };
    content && !m.doubles && rest
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
                && part.text.is_some()
        }
        (Some(PartType::Text), _) => part.text.is_some(),
        (Some(PartType::ImageUrl), Role::User) => part.image_url.as_ref().is_some_and(|image| {
            let url = image.url.as_deref().unwrap_or_default();
            image.url.is_some() && !image.doubles && messages::is_image_url(url, scope)
        }),
        _ => false,
    };
    fine && !part.doubles && part.prompt_cache_breakpoint.as_deref().is_none_or(breakpoint)
}

fn tool_call(call: &ToolCall<'_>) -> bool {
    !call.doubles
        && call.kind == Some(ToolType::Function)
        && call.id.is_some()
        && call.function.as_ref().is_some_and(|f| !f.doubles && f.name.is_some() && f.arguments.is_some())
}
