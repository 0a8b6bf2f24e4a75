//! A message as an answer, and the status of an error.

use super::message::{Block, Usage, finish_reason};
use crate::api::Text;
use crate::api::tool::Json;
use crate::json::{self, Fragment, Joint, reads};
use crate::turn::{self, Answer, Choice, ToolKind};
use std::borrow::Cow;

reads! {
    struct Message<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "content" content: Json<'a>,
        "stop_reason" stop_reason: Text<'a>,
        "stop_sequence" stop_sequence: Text<'a>,
        "usage" usage: Usage,
    }
}

/// Reads a message; `None` if it is none.
pub(super) fn answer(body: &[u8]) -> Option<Answer<'static>> {
    let message: Message<'_> = json::answer_from_slice(body).ok()?;
    // Some servers have a text in place of the blocks.
    let content = message.content?.0;
    let text = || json::lossy_from_str::<Fragment<'_>>(content).ok();
    let content: Vec<Block<'_>> = match text() {
        Some(text) => vec![Block { kind: Some("text".into()), text: Some(text), ..Block::default() }],
        None => json::answer_from_slice(content.as_bytes()).ok()?,
    };
    let owned = |text: Text<'_>| Cow::Owned(text.into_inner().into_owned());
    let mut blocks = Vec::new();
    let mut calls = 0;
    for block in content {
        let whole = |fragment| {
            let mut joint = Joint::default();
            let text = joint.join(fragment).into_owned();
            Cow::Owned(text + joint.finish().unwrap_or_default())
        };
        blocks.push(match block.kind.as_deref()? {
            "text" => turn::Block::Text { text: whole(block.text?), logprobs: None },
            "thinking" => turn::Block::Thinking {
                text: whole(block.thinking?),
                signature: block.signature.filter(|signature| !signature.is_empty()).map(owned),
            },
            "redacted_thinking" => turn::Block::RedactedThinking { data: owned(block.data?) },
            "tool_use" => {
                let input = Cow::Owned(block.input()?.into_owned());
                calls += 1;
                turn::Block::ToolCall {
                    index: calls - 1,
                    id: owned(block.id.unwrap_or_default()),
                    name: owned(block.name?),
                    input,
                    kind: ToolKind::Function,
                }
            }
            // Blocks of tools that run at the provider have no place in a turn.
            _ => continue,
        });
    }
    let choice = Choice {
        blocks,
        finish: finish_reason(message.stop_reason.as_deref().unwrap_or_default()),
        stop_sequence: message.stop_sequence.map(owned),
    };
    Some(Answer {
        id: message.id.map(owned),
        model: message.model.map(owned),
        choices: vec![choice],
        usage: Some(message.usage.unwrap_or_default().of_turn()),
    })
}

/// The status that belongs to a type of error: <https://docs.anthropic.com/en/api/errors>.
pub(super) fn status_of(kind: &str) -> Option<u16> {
    Some(match kind {
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
