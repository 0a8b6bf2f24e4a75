//! A Responses request as a turn.

use crate::api::responses::{Content, Input, Item, Output, Part, Request, Tool, ToolChoice};
use crate::api::{Int, Text};
use crate::encode::responses::Sealed;
use crate::json;
use crate::turn;
use std::borrow::Cow;

/// Reads a validated request.
pub(super) fn turn<'a>(request: &'a Request<'_>) -> turn::Request<'a> {
    let items = if let Some(Input::Items(items)) = &request.input { items.len() } else { 1 };
    let mut messages = Vec::with_capacity(1 + items);
    if let Some(instructions) = request.instructions.and_then(|json| json::from_str::<Text<'a>>(json.0).ok())
    {
        let text = turn::Content::Parts(vec![turn::Part::Text(instructions.into_inner())]);
        messages.push(turn::Message { role: turn::Role::System, name: None, content: text });
    }
    let mut tools = Vec::with_capacity(request.tools.as_ref().map_or(0, Vec::len));
    for tool in request.tools.iter().flatten() {
        push_tool(&tool.value, &mut tools);
    }
    match &request.input {
        Some(Input::Text(text)) => {
            let content = turn::Content::Text(text);
            messages.push(turn::Message { role: turn::Role::User, name: None, content });
        }
        Some(Input::Items(items)) => {
            for item in items {
                push_item(item, &mut messages);
                for tool in item.tools.iter().flatten() {
                    push_tool(tool, &mut tools);
                }
            }
        }
        None => {}
    }
    let (tool_choice, allowed_tools) = tool_choice(request.tool_choice.as_ref().map(|choice| &choice.value));
    let text = request.text.as_ref();
    let reasoning = request.reasoning.as_ref();
    let summary =
        reasoning.and_then(|reasoning| reasoning.summary.as_ref().or(reasoning.generate_summary.as_ref()));
    turn::Request {
        model: request.model.as_deref().unwrap_or_default(),
        input: turn::Input::Messages(messages),
        max_tokens: request.max_output_tokens.map(Int::unsigned),
        sampling: turn::Sampling {
            temperature: request.temperature.map(|number| number.value),
            top_p: request.top_p.map(|number| number.value),
            ..turn::Sampling::default()
        },
        logprobs: request
            .includes("message.output_text.logprobs")
            .then(|| request.top_logprobs.map_or(0, |top| top.unsigned().min(20) as u32)),
        format: text.and_then(|text| text.format.as_ref()).map_or(turn::Format::Text, |format| {
            let format = &format.value;
            match format.kind.as_deref() {
                Some("json_object") => turn::Format::JsonObject,
                Some("json_schema") => turn::Format::JsonSchema(turn::JsonSchema {
                    name: format.name.as_deref(),
                    description: format.description.as_deref(),
                    schema: format.schema,
                    strict: format.strict,
                }),
                _ => turn::Format::Text,
            }
        }),
        tools,
        tool_choice,
        allowed_tools,
        parallel_tool_calls: request.parallel_tool_calls != Some(false),
        reasoning: turn::Reasoning {
            effort: reasoning.and_then(|reasoning| effort(reasoning.effort.as_deref()?)),
            visible: summary.is_some(),
            ..turn::Reasoning::default()
        },
        verbosity: text.and_then(|text| match text.verbosity.as_deref()? {
            "low" => Some(turn::Verbosity::Low),
            "medium" => Some(turn::Verbosity::Medium),
            "high" => Some(turn::Verbosity::High),
            _ => None,
        }),
        stream: request.streams(),
        end_user: request.safety_identifier.as_deref().or(request.user.as_deref()).map(Cow::Borrowed),
        ..turn::Request::default()
    }
}

fn effort(name: &str) -> Option<turn::Effort> {
    Some(match name {
        "none" => turn::Effort::None,
        "minimal" => turn::Effort::Minimal,
        "low" => turn::Effort::Low,
        "medium" => turn::Effort::Medium,
        "high" => turn::Effort::High,
        "xhigh" => turn::Effort::Xhigh,
        "max" => turn::Effort::Max,
        _ => return None,
    })
}

/// Appends a tool that the caller runs. The tools of a namespace are called by their own names.
fn push_tool<'a>(tool: &'a Tool<'_>, tools: &mut Vec<turn::Tool<'a>>) {
    let kind = match tool.kind.as_deref() {
        Some("function") => turn::ToolKind::Function,
        Some("custom") => turn::ToolKind::Custom,
        Some("namespace") => {
            tool.tools.iter().flatten().for_each(|tool| push_tool(tool, tools));
            return;
        }
        _ => return,
    };
    let format = tool.format.as_ref();
    tools.push(turn::Tool {
        name: tool.name.as_deref().unwrap_or_default(),
        description: tool.description.as_deref(),
        kind,
        parameters: tool.parameters,
        strict: tool.strict,
        grammar: format.and_then(|format| Some((format.syntax.as_deref()?, format.definition.as_deref()?))),
        cache_point: None,
    });
}

fn tool_choice<'a>(choice: Option<&'a ToolChoice<'_>>) -> (turn::ToolChoice<'a>, Option<Vec<&'a str>>) {
    let mode = |name: Option<&str>| match name {
        Some("none") => turn::ToolChoice::None,
        Some("required") => turn::ToolChoice::Required,
        _ => turn::ToolChoice::Auto,
    };
    match choice {
        None => (turn::ToolChoice::Auto, None),
        Some(ToolChoice::Mode(name)) => (mode(Some(name)), None),
        Some(ToolChoice::Tool(chosen)) => match (chosen.kind.as_deref(), chosen.name.as_deref()) {
            (Some("allowed_tools"), _) => {
                let names = chosen.tools.iter().flatten().filter_map(|tool| tool.name.as_deref());
                (mode(chosen.mode.as_deref()), Some(names.collect()))
            }
            (Some("function" | "custom"), Some(name)) => (turn::ToolChoice::Named(name), None),
            // A tool that the API's servers run, and the gateway cannot.
            _ => (turn::ToolChoice::Auto, None),
        },
    }
}

/// Appends an item to the conversation. Calls, results and reasoning join the message they belong to.
fn push_item<'a>(item: &'a Item<'_>, messages: &mut Vec<turn::Message<'a>>) {
    let text = |text: &'a Option<Text<'_>>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    match item.kind.as_deref() {
        None | Some("message") => {
            let role = match item.role.as_deref() {
                Some("assistant") => turn::Role::Assistant,
                Some("system") => turn::Role::System,
                Some("developer") => turn::Role::Developer,
                _ => turn::Role::User,
            };
            let content = match &item.content {
                Some(Content::Text(text)) => turn::Content::Text(text),
                Some(Content::Parts(list)) => turn::Content::Parts(parts(list)),
                None => turn::Content::Text(""),
            };
            messages.push(turn::Message { role, name: None, content });
        }
        Some("function_call") => {
            let input = item.arguments.and_then(|json| json::from_str::<Text<'a>>(json.0).ok());
            let call = turn::Part::ToolCall {
                id: text(&item.call_id),
                name: text(&item.name),
                input: input.map_or(Cow::Borrowed(""), Text::into_inner),
                kind: turn::ToolKind::Function,
            };
            push_part(turn::Role::Assistant, call, messages);
        }
        Some("custom_tool_call") => {
            let call = turn::Part::ToolCall {
                id: text(&item.call_id),
                name: text(&item.name),
                input: text(&item.input),
                kind: turn::ToolKind::Custom,
            };
            push_part(turn::Role::Assistant, call, messages);
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let content = match &item.output {
                Some(Output::Text(text)) => vec![turn::Part::Text(Cow::Borrowed(text))],
                Some(Output::Parts(list)) => parts(list),
                Some(Output::Other(json)) => vec![turn::Part::Text(Cow::Borrowed(json.0))],
                None => Vec::new(),
            };
            let result = turn::ToolResult { id: text(&item.call_id), name: None, content, is_error: false };
            push_part(turn::Role::Tool, turn::Part::ToolResult(result), messages);
        }
        Some("reasoning") => {
            let summary = item.summary.iter().flatten().filter_map(|part| part.text.as_deref());
            let text: String = summary.collect::<Vec<_>>().join("\n\n");
            let sealed = item.encrypted_content.as_deref().and_then(Sealed::of_content);
            let part = match sealed {
                Some(Sealed::Redacted(data)) => turn::Part::RedactedThinking { data },
                Some(Sealed::Thinking { text: own, signature }) => {
                    let text = own.unwrap_or(Cow::Owned(text));
                    turn::Part::Thinking { text, signature: Some(signature) }
                }
                None => match (text.is_empty(), &item.content) {
                    (false, _) => turn::Part::Thinking { text: Cow::Owned(text), signature: None },
                    // Open models have their reasoning in the content.
                    (true, Some(Content::Parts(list))) if !list.is_empty() => {
                        let texts = list.iter().filter_map(|part| part.text.as_deref());
                        let text = Cow::Owned(texts.collect::<Vec<_>>().join("\n\n"));
                        turn::Part::Thinking { text, signature: None }
                    }
                    _ => return,
                },
            };
            push_part(turn::Role::Assistant, part, messages);
        }
        // Items of tools that the API's servers run, compactions, and types still to come.
        Some(_) => {}
    }
}

/// Appends a part to the last message if its author is the same, else to a new one.
fn push_part<'a>(role: turn::Role, part: turn::Part<'a>, messages: &mut Vec<turn::Message<'a>>) {
    match messages.last_mut() {
        Some(turn::Message { role: own, content: turn::Content::Parts(parts), .. }) if *own == role => {
            parts.push(part);
        }
        Some(turn::Message { role: own, content: content @ turn::Content::Text(_), .. })
            if *own == role && role == turn::Role::Assistant =>
        {
            let turn::Content::Text(text) = *content else { return };
            *content = turn::Content::Parts(vec![turn::Part::Text(Cow::Borrowed(text)), part]);
        }
        _ => messages.push(turn::Message { role, name: None, content: turn::Content::Parts(vec![part]) }),
    }
}

fn parts<'a>(list: &'a [Part<'_>]) -> Vec<turn::Part<'a>> {
    // Most of them become a part, and a list that grows takes three times its memory.
    let mut parts = Vec::with_capacity(list.len());
    parts.extend(list.iter().filter_map(part));
    parts
}

fn part<'a>(part: &'a Part<'_>) -> Option<turn::Part<'a>> {
    Some(match part.kind.as_deref()? {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            turn::Part::Text(Cow::Borrowed(part.text.as_deref().unwrap_or_default()))
        }
        "refusal" => turn::Part::Refusal(Cow::Borrowed(part.refusal.as_deref().unwrap_or_default())),
        "input_image" => {
            let source = match (&part.image_url, &part.file_id) {
                (Some(url), _) => turn::Source::from_url(url),
                (None, Some(id)) => turn::Source::File(Cow::Borrowed(id)),
                (None, None) => return None,
            };
            turn::Part::Media(turn::Media::Image { source, detail: part.detail.as_deref() })
        }
        "input_file" => {
            let source = match (&part.file_data, &part.file_url, &part.file_id) {
                (Some(data), ..) => turn::Source::from_url(data),
                (None, Some(url), _) => turn::Source::Url(Cow::Borrowed(url)),
                (None, None, Some(id)) => turn::Source::File(Cow::Borrowed(id)),
                (None, None, None) => return None,
            };
            let title = part.filename.as_deref().map(Cow::Borrowed);
            turn::Part::Media(turn::Media::Document { source, title })
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_become_messages() {
        let body = r#"{"model":"m","instructions":"Be brief.","input":[
            {"role":"user","content":"a"},
            {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"type":"function_call","call_id":"c2","name":"g","arguments":"{\"x\":1}"},
            {"type":"function_call_output","call_id":"c1","output":"1"},
            {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]},
            {"type":"web_search_call","id":"ws_1","status":"completed"}]}"#;
        let request: Request<'_> = json::from_str(body).expect("a request");
        let turn = turn(&request);
        let roles: Vec<turn::Role> = turn.messages().iter().map(|message| message.role).collect();
        assert_eq!(roles, [turn::Role::System, turn::Role::User, turn::Role::Assistant, turn::Role::Tool]);
        assert_eq!(turn.messages()[2].content.parts().len(), 3);
        assert_eq!(turn.messages()[3].content.parts().len(), 2);
    }

    #[test]
    fn reasoning_of_open_models_is_in_the_content() {
        let body = r#"{"model":"m","input":[{"type":"reasoning","id":"rs_1","summary":[],
            "content":[{"type":"reasoning_text","text":"hm"}]}]}"#;
        let request: Request<'_> = json::from_str(body).expect("a request");
        let turn = turn(&request);
        let [turn::Part::Thinking { text, .. }] = turn.messages()[0].content.parts() else {
            panic!("{:?}", turn.messages());
        };
        assert_eq!(text, "hm");
    }
}
