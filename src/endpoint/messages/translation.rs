//! Messages in front of upstreams of other APIs.

use super::to_turn;
use crate::api::messages::{Content, Request};
use crate::encode;
use crate::encode::messages::{Encoder, MessageHead};
use crate::endpoint::generation::AnswerWriter;
use crate::turn::{self, Answer, Field, Role, Unsupported};
use crate::upstream::TurnRequest;

/// A request as targets of other APIs get it.
pub(super) fn turn_request<'a>(request: &'a Request<'_>) -> TurnRequest<'a> {
    let mut ignored = Vec::new();
    let mut ignore = |name: &str, present: bool| {
        if present {
            ignored.push(name.to_owned());
        }
    };
    ignore("cache_control", request.cache_control.is_some());
    ignore("context_management", request.context_management.is_some());
    ignore("mcp_servers", request.mcp_servers.is_some());
    ignore("container", request.container.is_some());
    ignore("service_tier", request.service_tier.is_some());
    ignore("inference_geo", request.inference_geo.is_some());
    for (i, tool) in request.tools.iter().flatten().enumerate() {
        ignore(&format!("tools.{i}"), !tool.is_custom());
    }
    for (i, message) in request.messages.iter().flatten().enumerate() {
        let Some(Content::Blocks(blocks)) = &message.content else { continue };
        for (j, block) in blocks.iter().enumerate() {
            ignore(&format!("messages.{i}.content.{j}"), to_turn::part(block).is_none());
        }
    }
    for name in request.extra.iter() {
        ignore(name, true);
    }
    TurnRequest {
        turn: to_turn::turn(request),
        extra: Vec::new(),
        ignored,
        unsupported: Vec::new(),
        param_name,
    }
}

/// The parameter of this API that a field was read from. The system prompt is the first message of a turn.
fn param_name(turn: &turn::Request<'_>, unsupported: Unsupported) -> String {
    let Unsupported { field, index } = unsupported;
    let has_system = turn.messages().first().is_some_and(|message| message.role == Role::System);
    let message = |member: &str| match index {
        Some(0) if has_system => "system".to_owned(),
        Some(index) => format!("messages.{}{member}", index - usize::from(has_system)),
        None => "messages".to_owned(),
    };
    let tool = |member: &str| index.map_or_else(|| "tools".to_owned(), |i| format!("tools.{i}{member}"));
    let fixed = match field {
        Field::Format => "output_config.format",
        Field::Tools => return tool(""),
        Field::ToolSchema => return tool(".input_schema"),
        Field::CustomTool => return tool(".type"),
        Field::ToolChoice | Field::AllowedTools => "tool_choice",
        Field::MaxTokens => "max_tokens",
        Field::Stop => "stop_sequences",
        Field::TopK => "top_k",
        Field::TopP => "top_p",
        Field::Temperature => "temperature",
        Field::ThinkingBudget => "thinking.budget_tokens",
        Field::Thinking if index.is_none() => "thinking",
        Field::CachePoint if index.is_none() => "cache_control",
        _ => return message(".content"),
    };
    fixed.to_owned()
}

/// Writes answers of other APIs as messages.
pub(super) struct MessagesWriter {
    pub(super) head: MessageHead,
}

impl AnswerWriter for MessagesWriter {
    fn whole(&self, answer: &Answer<'_>) -> Vec<u8> {
        let mut encoder = Encoder::new(self.head.clone());
        answer.replay(|event| encoder.gather(event));
        encoder.into_message().into_bytes()
    }

    fn encoder(&self) -> Box<dyn encode::Encoder> {
        Box::new(Encoder::new(self.head.clone()))
    }
}
