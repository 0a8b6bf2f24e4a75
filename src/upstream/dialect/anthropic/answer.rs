//! A message → a chat completion; an error → OpenAI's error object.

use super::message::{Block, Counts, Usage, finish_reason};
use crate::api::Text;
use crate::api::answer::{Called, ErrorBody, ErrorObject, FunctionCall, ToolCall};
use crate::http::Tokens;
use crate::json::{self, reads, writes};

reads! {
    struct Message<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "content" content: Vec<Block<'a>>,
        "stop_reason" stop_reason: Text<'a>,
        "usage" usage: Usage,
    }
}

writes! {
    struct Completion<'a> {
        "id" = id: &'a str,
        "object" = object: &'static str,
        "created" = created: u64,
        "model" = model: &'a str,
        "choices" = choices: [Choice<'a>; 1],
        "usage" = usage: Counts,
    }
}

writes! {
    struct Choice<'a> {
        "index" = index: u32,
        "message" = message: Said<'a>,
        "logprobs" = logprobs: (),
        "finish_reason" = finish_reason: &'static str,
    }
}

writes! {
    struct Said<'a> {
        "role" = role: &'static str,
        "content" = content: Option<String>,
        "refusal" = refusal: (),
        "reasoning_content" ? reasoning_content: Option<String>,
        "tool_calls" ? tool_calls: Option<Vec<ToolCall<'a>>>,
    }
}

/// Makes a chat completion of a message, and what it counts; `None` if it is no message.
pub(in crate::upstream) fn completion(body: &[u8], created: u64) -> Option<(Vec<u8>, Tokens)> {
    let message: Message<'_> = json::from_slice(body).ok()?;
    let (id, model, usage) = (message.id?, message.model?, message.usage.unwrap_or_default());
    let mut said =
        Said { role: "assistant", content: None, refusal: (), reasoning_content: None, tool_calls: None };
    for block in message.content.as_ref()? {
        match block.kind.as_deref()? {
            "text" => said.content.get_or_insert_default().push_str(block.text.as_deref()?),
            "thinking" => {
                said.reasoning_content.get_or_insert_default().push_str(block.thinking.as_deref()?);
            }
            "tool_use" => said.tool_calls.get_or_insert_default().push(ToolCall {
                index: None,
                id: Some(block.id.as_deref()?),
                kind: Some("function"),
                called: Called::Function(FunctionCall {
                    name: Some(block.name.as_deref()?),
                    arguments: block.input.map_or("{}", |input| input.0),
                }),
            }),
            // What the model may do on the provider's side has no place in a completion.
            _ => {}
        }
    }
    let stop_reason = message.stop_reason.as_deref().unwrap_or_default();
    let completion = Completion {
        id: &id,
        object: "chat.completion",
        created,
        model: &model,
        choices: [Choice {
            index: 0,
            message: said,
            logprobs: (),
            finish_reason: finish_reason(stop_reason),
        }],
        usage: usage.into(),
    };
    Some((json::to_string(&completion).into_bytes(), usage.tokens()))
}

/// OpenAI's error object for an error of Anthropic's; `None` if it is none.
pub(in crate::upstream) fn error_body(body: &[u8]) -> Option<Vec<u8>> {
    reads! {
        struct Body<'a> {
            "error" error: Error<'a>,
        }
    }
    reads! {
        struct Error<'a> {
            "type" kind: Text<'a>,
            "message" message: Text<'a>,
        }
    }
    let error = json::from_slice::<Body<'_>>(body).ok()?.error?;
    let error = ErrorObject { message: &error.message?, r#type: &error.kind?, param: None, code: None };
    Some(json::to_string(&ErrorBody { error }).into_bytes())
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
