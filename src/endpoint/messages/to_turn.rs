//! A Messages request as a turn.

use crate::api::messages::{Block, Content, Message, Place, Request, Tool};
use crate::turn;
use std::borrow::Cow;

/// Reads a validated request.
pub(super) fn turn<'a>(request: &'a Request<'_>) -> turn::Request<'a> {
    let mut messages = Vec::with_capacity(1 + request.messages.as_ref().map_or(0, Vec::len));
    if let Some(system) = &request.system {
        messages.push(turn::Message { role: turn::Role::System, name: None, content: content(system) });
    }
    for message in request.messages.iter().flatten() {
        push_message(message, &mut messages);
    }
    let choice = request.tool_choice.as_ref();
    let thinking = request.thinking.as_ref();
    let kind = thinking.and_then(|thinking| thinking.kind.as_deref());
    let output = request.output_config.as_ref();
    let format = output.and_then(|output| output.format.as_ref()).or(request.output_format.as_ref());
    turn::Request {
        model: request.model.as_deref().unwrap_or_default(),
        input: turn::Input::Messages(messages),
        max_tokens: request.max_tokens.map(crate::api::Int::unsigned),
        sampling: turn::Sampling {
            temperature: request.temperature.map(|number| number.value),
            top_p: request.top_p.map(|number| number.value),
            top_k: request.top_k.map(crate::api::Int::unsigned),
            ..turn::Sampling::default()
        },
        stop: request.stop_sequences.iter().flatten().map(|text| Cow::Borrowed(&**text)).collect(),
        format: match format.and_then(|format| format.schema) {
            Some(schema) => turn::Format::JsonSchema(turn::JsonSchema {
                name: None,
                description: None,
                schema: Some(schema),
                strict: Some(true),
            }),
            None => turn::Format::Text,
        },
        tools: request.tools.iter().flatten().filter(|tool| tool.is_custom()).map(tool).collect(),
        tool_choice: match choice.and_then(|choice| choice.kind.as_deref()) {
            Some("any") => turn::ToolChoice::Required,
            Some("none") => turn::ToolChoice::None,
            Some("tool") => {
                let name = choice.and_then(|choice| choice.name.as_deref());
                name.map_or(turn::ToolChoice::Required, turn::ToolChoice::Named)
            }
            _ => turn::ToolChoice::Auto,
        },
        parallel_tool_calls: choice.and_then(|choice| choice.disable_parallel_tool_use) != Some(true),
        reasoning: turn::Reasoning {
            effort: output.and_then(|output| effort(output.effort.as_deref()?)),
            budget: thinking.and_then(|thinking| thinking.budget_tokens).map(crate::api::Int::unsigned),
            enabled: kind.map(|kind| kind != "disabled"),
            visible: kind.is_some_and(|kind| kind != "disabled")
                && thinking.and_then(|thinking| thinking.display.as_deref()) != Some("omitted"),
        },
        stream: request.streams(),
        end_user: request.metadata.as_ref().and_then(|of| of.user_id.as_deref()).map(Cow::Borrowed),
        ..turn::Request::default()
    }
}

fn effort(name: &str) -> Option<turn::Effort> {
    Some(match name {
        "low" => turn::Effort::Low,
        "medium" => turn::Effort::Medium,
        "high" => turn::Effort::High,
        "xhigh" => turn::Effort::Xhigh,
        "max" => turn::Effort::Max,
        _ => return None,
    })
}

fn tool<'a>(tool: &'a Tool<'_>) -> turn::Tool<'a> {
    turn::Tool {
        name: tool.name.as_deref().unwrap_or_default(),
        description: tool.description.as_deref(),
        kind: turn::ToolKind::Function,
        parameters: tool.input_schema,
        strict: tool.strict,
        grammar: None,
        cache_point: None,
    }
}

/// Results of tools are blocks of a user's message here, and messages of the role `tool` in a turn. They answer the message
/// before them, so they go before the user's other blocks.
fn push_message<'a>(message: &'a Message<'_>, messages: &mut Vec<turn::Message<'a>>) {
    let role = match message.role.as_deref() {
        Some("assistant") => turn::Role::Assistant,
        Some("system") => turn::Role::System,
        _ => turn::Role::User,
    };
    let Some(own) = &message.content else { return };
    let mut parts = match content(own) {
        turn::Content::Parts(parts) => parts,
        content => return messages.push(turn::Message { role, name: None, content }),
    };
    for result in parts.extract_if(.., |part| matches!(part, turn::Part::ToolResult(_))) {
        let content = turn::Content::Parts(vec![result]);
        messages.push(turn::Message { role: turn::Role::Tool, name: None, content });
    }
    if !parts.is_empty() {
        messages.push(turn::Message { role, name: None, content: turn::Content::Parts(parts) });
    }
}

fn content<'a>(content: &'a Content<'_>) -> turn::Content<'a> {
    match content {
        Content::Text(text) => turn::Content::Text(text),
        Content::Blocks(blocks) => turn::Content::Parts(parts(blocks)),
        Content::Other(json) => turn::Content::Text(json.0),
    }
}

fn parts<'a>(blocks: &'a [Block<'_>]) -> Vec<turn::Part<'a>> {
    // Most blocks become a part, and a list that grows takes three times its memory.
    let mut parts = Vec::with_capacity(blocks.len());
    parts.extend(blocks.iter().filter_map(part));
    parts
}

/// A block as a part. Blocks of servers' tools have no neutral meaning.
pub(super) fn part<'a>(block: &'a Block<'_>) -> Option<turn::Part<'a>> {
    let text = |text: &'a Option<crate::api::Text<'_>>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    Some(match block.kind.as_deref()? {
        // Claude Code sends the names of Responses to gateways, too.
        "text" | "input_text" | "output_text" => turn::Part::Text(text(&block.text)),
        "image" => turn::Part::Media(turn::Media::Image { source: source(block)?, detail: None }),
        "document" => turn::Part::Media(turn::Media::Document {
            source: source(block)?,
            title: block.title.as_deref().map(Cow::Borrowed),
        }),
        "search_result" => turn::Part::Text(Cow::Owned(search_result(block))),
        "thinking" => turn::Part::Thinking {
            text: text(&block.thinking),
            signature: block.signature.as_deref().map(Cow::Borrowed),
        },
        "redacted_thinking" => turn::Part::RedactedThinking { data: text(&block.data) },
        "tool_use" => turn::Part::ToolCall {
            id: text(&block.id),
            name: text(&block.name),
            input: Cow::Borrowed(block.input.map_or("{}", |input| input.0)),
            kind: turn::ToolKind::Function,
        },
        "tool_result" => turn::Part::ToolResult(turn::ToolResult {
            id: text(&block.tool_use_id),
            name: None,
            content: match &block.content {
                None => Vec::new(),
                Some(Content::Text(text)) => vec![turn::Part::Text(Cow::Borrowed(text))],
                Some(Content::Blocks(blocks)) => parts(blocks),
                Some(Content::Other(json)) => vec![turn::Part::Text(Cow::Borrowed(json.0))],
            },
            is_error: block.is_error == Some(true),
        }),
        _ => return None,
    })
}

/// A search result as text: its title, where it is from, and what it has.
fn search_result(block: &Block<'_>) -> String {
    let from = match block.source.as_deref() {
        Some(Place::Name(name)) => Some(&**name),
        _ => None,
    };
    let content = block.content.as_ref().and_then(joined);
    let lines = [block.title.as_deref(), from, content.as_deref()];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The texts of a content, each on its own line.
fn joined(content: &Content<'_>) -> Option<String> {
    Some(match content {
        Content::Text(text) => text.to_string(),
        Content::Blocks(blocks) => {
            blocks.iter().filter_map(|block| block.text.as_deref()).collect::<Vec<_>>().join("\n")
        }
        Content::Other(_) => return None,
    })
}

fn source<'a>(block: &'a Block<'_>) -> Option<turn::Source<'a>> {
    let Place::Source(source) = block.source.as_deref()? else { return None };
    let text = |text: &'a Option<crate::api::Text<'_>>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    Some(match source.kind.as_deref()? {
        "base64" => turn::Source::Base64 { media_type: text(&source.media_type), data: text(&source.data) },
        "url" => turn::Source::Url(text(&source.url)),
        "text" => turn::Source::Text(text(&source.data)),
        "file" => turn::Source::File(text(&source.file_id)),
        "content" => turn::Source::Text(Cow::Owned(joined(source.content.as_ref()?)?)),
        _ => return None,
    })
}
