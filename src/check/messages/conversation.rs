//! The messages of a conversation.

use super::invalid;
use crate::api::messages::{Block, Content, Message};
use crate::error::ApiError;
use crate::model::ModelSpec;
use std::collections::HashSet;

/// The rules on the conversation: content is not empty, and calls and results belong together.
pub(super) fn check(messages: &[Message<'_>], spec: Option<&ModelSpec>) -> Result<(), ApiError> {
    let Some(last) = messages.len().checked_sub(1) else {
        return Err(invalid("messages: at least one message is required"));
    };
    let mut calls = Calls::default();
    for (i, message) in messages.iter().enumerate() {
        let role = message.role.as_deref();
        match role {
            None => return Err(invalid(format!("messages.{i}.role: Field required"))),
            Some("user" | "assistant") => {}
            Some("system") if spec.is_none_or(|spec| spec.system_role) => continue,
            Some("system") => {
                return Err(invalid(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
                     \"system\" as an input message role.",
                ));
            }
            Some(_) => {
                return Err(invalid(format!("messages.{i}.role: Input should be 'user' or 'assistant'")));
            }
        }
        let Some(content) = &message.content else {
            return Err(invalid(format!("messages.{i}.content: Field required")));
        };
        let is_prefill = i == last && role == Some("assistant");
        let blocks: &[Block<'_>] = match content {
            Content::Blocks(blocks) => blocks,
            Content::Text(_) | Content::Other(_) => &[],
        };
        let is_empty = match content {
            Content::Text(text) => text.is_empty(),
            Content::Blocks(blocks) => blocks.is_empty(),
            Content::Other(_) => {
                return Err(invalid(format!("messages.{i}.content: Input should be a valid list")));
            }
        };
        if is_empty && !is_prefill {
            return Err(invalid(format!(
                "messages.{i}: all messages must have non-empty content except for the optional final assistant message"
            )));
        }
        let empty_text = |block: &&Block<'_>| {
            block.kind.as_deref() == Some("text") && block.text.as_deref().is_none_or(str::is_empty)
        };
        if blocks.iter().any(|block| empty_text(&block)) {
            return Err(invalid("messages: text content blocks must be non-empty"));
        }
        if role == Some("assistant") {
            calls.called(i, blocks)?;
        } else {
            calls.answered(i, blocks)?;
        }
        if is_prefill {
            calls.end()?;
        }
        if is_prefill && spec.is_some_and(|spec| spec.is_claude() && !spec.prefill) {
            return Err(invalid(
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            ));
        }
    }
    calls.end()
}

/// The calls of the assistant's latest turn, and those of them that have a result. Successive messages of one role are one
/// turn, as live.
#[derive(Default)]
struct Calls<'a> {
    called: HashSet<&'a str>,
    answered: HashSet<&'a str>,
    /// The last message of the turn.
    message: usize,
    /// Whether the user's turn has begun.
    is_over: bool,
}

impl<'a> Calls<'a> {
    /// Takes the calls of the assistant's message `i`.
    fn called(&mut self, i: usize, blocks: &'a [Block<'_>]) -> Result<(), ApiError> {
        if self.is_over {
            self.end()?;
            *self = Self::default();
        }
        let calls = blocks.iter().filter(|block| block.kind.as_deref() == Some("tool_use"));
        self.called.extend(calls.filter_map(|block| block.id.as_deref()));
        self.message = i;
        self.results(i, blocks)
    }

    /// Takes the results of the user's message `i`.
    fn answered(&mut self, i: usize, blocks: &'a [Block<'_>]) -> Result<(), ApiError> {
        self.is_over = true;
        self.results(i, blocks)?;
        self.answered.extend(blocks.iter().filter_map(|block| block.tool_use_id.as_deref()));
        Ok(())
    }

    /// Every result belongs to a call of the turn before it.
    fn results(&self, i: usize, blocks: &[Block<'_>]) -> Result<(), ApiError> {
        let results =
            blocks.iter().enumerate().filter(|(_, block)| block.kind.as_deref() == Some("tool_result"));
        for (j, block) in results {
            let Some(id) = block.tool_use_id.as_deref() else {
                return Err(invalid(format!(
                    "messages.{i}.content.{j}.tool_result.tool_use_id: Field required"
                )));
            };
            if !(self.is_over && self.called.contains(id)) {
                return Err(invalid(format!(
                    "messages.{i}.content.{j}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )));
            }
        }
        Ok(())
    }

    /// Every call has a result by the end of the user's turn.
    fn end(&self) -> Result<(), ApiError> {
        let mut open: Vec<&str> = self.called.difference(&self.answered).copied().collect();
        if open.is_empty() {
            return Ok(());
        }
        open.sort_unstable();
        Err(invalid(format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
             block must have a corresponding `tool_result` block in the next message.",
            self.message,
            open.join(", ")
        )))
    }
}
