//! Responses in front of upstreams of other APIs.

use super::to_turn;
use crate::api::responses::{Input, Item, Request, Tool};
use crate::encode;
use crate::encode::responses::{Encoder, Options, ResponseObject};
use crate::endpoint::generation::{AnswerWriter, Generated};
use crate::http::Response;
use crate::ids::ResponseIds;
use crate::turn::{self, Answer, Field, Unsupported};
use crate::upstream::TurnRequest;

/// A request as targets of other APIs get it.
pub(super) fn turn_request<'a>(request: &'a Request<'_>) -> TurnRequest<'a> {
    let mut ignored = Vec::new();
    let mut ignore = |name: &str, present: bool| {
        if present {
            ignored.push(name.to_owned());
        }
    };
    ignore("include", request.include.as_ref().is_some_and(|include| !include.is_empty()));
    ignore("metadata", request.metadata.is_some());
    ignore("store", request.store == Some(true));
    ignore("service_tier", request.service_tier.is_some());
    ignore("prompt_cache_key", request.prompt_cache_key.is_some());
    ignore("prompt_cache_retention", request.prompt_cache_retention.is_some());
    ignore("prompt_cache_options", request.prompt_cache_options.is_some());
    ignore("prompt", request.prompt.is_some());
    ignore("context_management", request.context_management.is_some());
    ignore("moderation", request.moderation.is_some());
    ignore("client_metadata", request.client_metadata.is_some());
    ignore("max_tool_calls", request.max_tool_calls.is_some());
    ignore("truncation", request.truncation.as_deref().is_some_and(|truncation| truncation != "disabled"));
    let hosted = |tool: &Tool<'_>| !matches!(tool.kind.as_deref(), Some("function" | "custom" | "namespace"));
    for (i, tool) in request.tools.iter().flatten().enumerate() {
        ignore(&format!("tools[{i}]"), hosted(&tool.value));
    }
    let items: &[Item<'_>] = if let Some(Input::Items(items)) = &request.input { items } else { &[] };
    for (i, item) in items.iter().enumerate() {
        let known = matches!(
            item.kind.as_deref(),
            None | Some(
                "message"
                    | "function_call"
                    | "function_call_output"
                    | "custom_tool_call"
                    | "custom_tool_call_output"
                    | "reasoning"
                    | "additional_tools"
            )
        );
        ignore(&format!("input[{i}]"), !known);
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

/// The parameter of this API that a field was read from.
fn param_name(_: &turn::Request<'_>, unsupported: Unsupported) -> String {
    let Unsupported { field, index } = unsupported;
    let tool = |member: &str| index.map_or_else(|| "tools".to_owned(), |i| format!("tools[{i}]{member}"));
    let fixed = match field {
        Field::Format => "text.format",
        Field::MaxTokens => "max_output_tokens",
        Field::Logprobs => "top_logprobs",
        Field::Tools => return tool(""),
        Field::ToolSchema => return tool(".parameters"),
        Field::CustomTool => return tool(".type"),
        Field::ToolChoice | Field::AllowedTools => "tool_choice",
        Field::TopP => "top_p",
        Field::Temperature => "temperature",
        Field::Verbosity => "text.verbosity",
        Field::Thinking | Field::ThinkingBudget => "reasoning",
        // Several items become one message, so that the index of a message is not that of an item.
        _ => "input",
    };
    fixed.to_owned()
}

/// Writes answers of other APIs as responses.
pub(super) struct ResponsesWriter {
    pub(super) object: ResponseObject,
    pub(super) ids: ResponseIds,
    pub(super) options: Options,
}

impl ResponsesWriter {
    fn new_encoder(&self) -> Encoder {
        Encoder::new(self.object.clone(), self.ids.clone(), self.options)
    }
}

impl ResponsesWriter {
    /// The engine's answer: whole, or as a stream. Lists of tokens are written in parts.
    pub(super) fn encode<B>(&self, generated: Generated<'_>, streams: bool) -> Response<B> {
        let mut encoder = self.new_encoder().of_answer(&generated.answer);
        if streams {
            return generated.stream(encoder);
        }
        generated.answer.whole_outline().replay(|event| encoder.gather(event));
        encode::after(generated.answer.latency(), encoder.into_response())
    }
}

impl AnswerWriter for ResponsesWriter {
    fn whole(&self, answer: &Answer<'_>) -> Vec<u8> {
        let mut encoder = self.new_encoder();
        answer.replay(|event| encoder.gather(event));
        encoder.into_object()
    }

    fn encoder(&self) -> Box<dyn encode::Encoder> {
        Box::new(self.new_encoder())
    }
}
