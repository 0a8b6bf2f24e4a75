//! A message → a chat completion; an error → OpenAI's error object.

use super::message::{Block, Counts, Usage, finish_reason};
use crate::api::Text;
use crate::api::answer::{ErrorBody, ErrorObject};
use crate::http::Tokens;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Counts,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Said<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: &'a str,
}

/// Makes a chat completion of a message, and what it counts; `None` if it is no message.
pub(in crate::upstream) fn completion(body: &[u8], created: u64) -> Option<(Vec<u8>, Tokens)> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let mut said = Said {
        role: "assistant",
        content: None,
        refusal: None,
        reasoning_content: None,
        tool_calls: Vec::new(),
    };
    for block in message.content {
        match &*block.r#type {
            "text" => said.content.get_or_insert_default().push_str(&block.text?),
            "thinking" => said.reasoning_content.get_or_insert_default().push_str(&block.thinking?),
            "tool_use" => said.tool_calls.push(Call {
                id: block.id?.into_inner(),
                r#type: "function",
                function: Function {
                    name: block.name?.into_inner(),
                    arguments: block.input.map_or("{}", RawValue::get),
                },
            }),
            // What the model may do on the provider's side has no place in a completion.
            _ => {}
        }
    }
    let stop_reason = message.stop_reason.as_deref().unwrap_or_default();
    let completion = Completion {
        id: &message.id,
        object: "chat.completion",
        created,
        model: &message.model,
        choices: [Choice {
            index: 0,
            message: said,
            logprobs: None,
            finish_reason: finish_reason(stop_reason),
        }],
        usage: message.usage.into(),
    };
    Some((serde_json::to_vec(&completion).ok()?, message.usage.tokens()))
}

/// OpenAI's error object for an error of Anthropic's; `None` if it is none.
pub(in crate::upstream) fn error_body(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Error<'a>,
    }
    #[derive(Deserialize)]
    struct Error<'a> {
        #[serde(borrow)]
        r#type: Text<'a>,
        #[serde(borrow)]
        message: Text<'a>,
    }
    let Body { error } = serde_json::from_slice(body).ok()?;
    let error = ErrorObject { message: &error.message, r#type: &error.r#type, param: None, code: None };
    serde_json::to_vec(&ErrorBody { error }).ok()
}

/// The status that belongs to a type of error.
pub(in crate::upstream) fn status_of(name: &str) -> Option<u16> {
    Some(match name {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
