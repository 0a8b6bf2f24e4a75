//! Validation of `POST /v1/messages` and `POST /v1/messages/count_tokens`, in the words of Anthropic's API.
//!
//! Its errors are `dotted.path: reason`, one at a time. The rules are those that recordings and reports of 2025 and 2026 show;
//! what they do not show is accepted.

mod conversation;
mod tools;

use super::top_level::Items;
use super::{Checked, ModelResolver};
use crate::api::Members;
use crate::api::messages::{MIN_THINKING_BUDGET, Message, Request, Tool};
use crate::api::tool::Json;
use crate::budget::Exhausted;
use crate::config::Validation;
use crate::error::{ApiError, Kind};
use crate::json::{self, Reader, Unread};
use crate::model::ModelSpec;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is answered, and limits its output.
    Answer,
    /// Its tokens are counted.
    CountTokens,
}

/// Validates a body; `has_version` finds out whether the request has the header field `anthropic-version`. No parameter is
/// left out: an unknown one is refused in the mode `live` and accepted in the others.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn request<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
    purpose: Purpose,
    has_version: impl Fn() -> bool,
) -> Result<Checked<'a, Request<'a>, M::Resolved>, ApiError> {
    // The API looks at the header first. In front of an upstream the gateway adds what is absent.
    let needs_version = |validation| validation == Validation::Live && !has_version();
    let (request, resolved) = match resolve(body, resolver) {
        Err(_) if needs_version(resolver.validation_without_model()) => return Err(no_version()),
        outcome => outcome?,
    };
    let policy = *resolved.as_ref();
    if needs_version(policy.validation) {
        return Err(no_version());
    }
    let list = request.messages.as_deref().ok_or_else(|| invalid("messages: Field required"))?;
    if purpose == Purpose::Answer && request.max_tokens.is_none() && policy.validation != Validation::Types {
        return Err(invalid("max_tokens: Field required"));
    }
    if policy.validation == Validation::Live {
        limits(&request, policy.spec, purpose)?;
        conversation::check(list, policy.spec)?;
        tools::check(&request)?;
    }
    Ok(Checked { request, resolved, dropped: Vec::new() })
}

fn no_version() -> ApiError {
    invalid("anthropic-version: header is required")
}

/// Reads a body, and finds what its model decides.
fn resolve<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<(Request<'a>, M::Resolved), ApiError> {
    let request = json::read_request::<Request<'a>>(body).map_err(|why| diagnose(body, why))?;
    let model = request.model.as_deref().ok_or_else(|| invalid("model: Field required"))?;
    let unknown = || ApiError::new(Kind::ModelNotFound, format!("model: {model}"));
    let resolved = resolver.resolve(model).ok_or_else(unknown)?;
    Ok((request, resolved))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Kind::Invalid, message.into())
}

/// What is wrong with a body that could not be read as a request.
fn diagnose(body: &[u8], why: Unread) -> ApiError {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let members = json::from_str::<Members<'_, Json<'_>>>(text).map(|members| members.0);
    let Ok(members) = members else {
        return match Reader::new(text).whole() {
            Ok(()) if text.trim_start().starts_with('{') => invalid(format!("body: {Exhausted}")),
            _ => invalid("The request body is not valid JSON."),
        };
    };
    if why == Unread::TooLarge {
        let largest = members.iter().max_by_key(|(_, value)| value.0.len());
        return invalid(format!("{}: {Exhausted}", largest.map_or("body", |(name, _)| name)));
    }
    let value = |name: &str| {
        let last = members.iter().rev().find(|(own, _)| *own == *name);
        last.map(|(_, value)| value.0).filter(|value| *value != "null")
    };
    for (name, begins, noun) in [
        ("model", "\"", "string"),
        ("max_tokens", NUMBER, "integer"),
        ("messages", "[", "list"),
        ("stream", "tf", "boolean"),
        ("temperature", NUMBER, "number"),
        ("top_p", NUMBER, "number"),
        ("top_k", NUMBER, "integer"),
        ("stop_sequences", "[", "list"),
        ("tools", "[", "list"),
        ("tool_choice", "{", "dictionary"),
        ("thinking", "{", "dictionary"),
        ("metadata", "{", "dictionary"),
        ("output_config", "{", "dictionary"),
    ] {
        if value(name).is_some_and(|value| !value.starts_with(|first| begins.contains(first))) {
            return invalid(format!("{name}: Input should be a valid {noun}"));
        }
    }
    let shape = |at: String| invalid(format!("{at}: Input does not match the expected shape."));
    for (list, is_right) in [
        ("messages", (|item| json::from_str::<Message<'_>>(item).is_ok()) as fn(&str) -> bool),
        ("tools", |item| json::from_str::<Tool<'_>>(item).is_ok()),
    ] {
        if let Some(index) = value(list).and_then(|items| Items::of(items).position(|item| !is_right(item))) {
            return shape(format!("{list}.{index}"));
        }
    }
    let rest = ["system", "stop_sequences", "tool_choice", "thinking", "metadata", "output_config"];
    shape(rest.into_iter().find(|name| value(name).is_some()).unwrap_or("messages").to_owned())
}

/// What a number begins with.
const NUMBER: &str = "-0123456789";

/// The rules on single members.
fn limits(request: &Request<'_>, spec: Option<&ModelSpec>, purpose: Purpose) -> Result<(), ApiError> {
    if let Some(name) = request.extra.iter().find(|name| !is_beta_member(name)) {
        return Err(invalid(format!("{}: Extra inputs are not permitted", &**name)));
    }
    let max_tokens = request.max_tokens.filter(|_| purpose == Purpose::Answer);
    if max_tokens.is_some_and(|most| most.value < 1) {
        return Err(invalid("max_tokens: Input should be greater than or equal to 1"));
    }
    if let (Some(most), Some(spec)) = (max_tokens, spec)
        && spec.is_claude()
        && most.unsigned() > u64::from(spec.output)
    {
        let model = request.model.as_deref().unwrap_or(spec.id);
        return Err(invalid(format!(
            "max_tokens: {} > {}, which is the maximum allowed number of output tokens for {model}",
            most.value, spec.output
        )));
    }
    for (name, number) in [("temperature", request.temperature), ("top_p", request.top_p)] {
        if number.is_some_and(|number| !(0.0..=1.0).contains(&number.value)) {
            return Err(invalid(format!("{name}: range: 0..1")));
        }
    }
    if let Some(thinking) = &request.thinking
        && thinking.kind.as_deref() == Some("enabled")
    {
        let budget = thinking.budget_tokens.map(crate::api::Int::unsigned);
        match (budget, max_tokens.map(crate::api::Int::unsigned)) {
            (None, _) => return Err(invalid("thinking.enabled.budget_tokens: Field required")),
            (Some(budget), _) if budget < MIN_THINKING_BUDGET => {
                return Err(invalid(format!(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_THINKING_BUDGET}"
                )));
            }
            (Some(budget), Some(most)) if budget >= most => {
                return Err(invalid(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at \
                     https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
            _ => {}
        }
    }
    let effort = request.output_config.as_ref().and_then(|config| config.effort.as_deref());
    if let (Some(effort), Some(spec)) = (effort, spec.filter(|spec| !spec.efforts.is_empty()))
        && !spec.efforts.contains(&effort)
    {
        let mut levels = spec.efforts.to_vec();
        levels.sort_unstable();
        return Err(invalid(format!(
            "This model does not support effort level '{effort}'. Supported levels: {}.",
            levels.join(", ")
        )));
    }
    Ok(())
}

/// Members that betas add; the list of betas is open, and so a caller may know more of them.
fn is_beta_member(name: &str) -> bool {
    matches!(
        name,
        "betas"
            | "user_profile_id"
            | "workspace_id"
            | "billing_policy"
            | "fallback_credit_token"
            | "speed"
            | "diagnostics"
            | "fallbacks"
            | "compaction"
            | "anthropic_beta"
    )
}

#[cfg(test)]
mod tests;
