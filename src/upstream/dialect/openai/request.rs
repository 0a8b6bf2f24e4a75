//! A turn as a chat request.

use super::conversation::conversation;
use crate::api::tool::Json;
use crate::check::regex::{is_regex, looks_around};
use crate::json::{self, Value, push_key, push_string, writes};
use crate::model::{self, Family, ModelSpec};
use crate::turn::{Effort, Field, Format, Input, JsonSchema, Request, Tool, ToolChoice, ToolKind, Verbosity};
use crate::upstream::dialect::{Extra, LeftOut, Translated, Untranslatable, end_user, less, output_tokens};

/// Which members a server of the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream::dialect) enum Server {
    /// OpenAI's and Azure's own, which refuse members they do not know.
    OpenAi,
    /// Another one: it has `max_tokens` and `top_k`, and reads `reasoning_content`.
    Compatible,
}

/// Writes a turn as a request: member by member, since the names of some depend on the server.
pub(in crate::upstream::dialect) fn request(
    turn: &Request<'_>,
    model: &str,
    server: Server,
    extra: &[Extra<'_>],
) -> Result<Translated, Untranslatable> {
    let Input::Messages(messages) = &turn.input else {
        return Err(Untranslatable::at(Field::Prompt, None, "chats only"));
    };
    let mut left_out = LeftOut::default();
    let mut out = String::with_capacity(1024);
    out.push('{');
    member(&mut out, "model", &model);
    push_key(&mut out, "\"messages\":");
    conversation(messages, server, &mut out, &mut left_out)?;
    sampling(turn, model, server, &mut out, &mut left_out);
    format(&turn.format, &mut out);
    tools(turn, &mut out, &mut left_out);
    reasoning(turn, model, &mut out, &mut left_out);
    if turn.stream {
        push_key(&mut out, "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    }
    for Extra { name, value } in extra {
        member(&mut out, name, value);
    }
    out.push('}');
    Ok(Translated { body: out.into_bytes(), left_out })
}

/// Appends a member of the object that is being written.
pub(super) fn member(out: &mut String, name: &str, value: &impl json::Write) {
    push_key(out, "");
    push_string(name, out);
    out.push(':');
    value.write(out);
}

pub(super) fn maybe(out: &mut String, name: &str, value: Option<impl json::Write>) {
    if let Some(value) = value {
        member(out, name, &value);
    }
}

fn sampling(turn: &Request<'_>, model: &str, server: Server, out: &mut String, left_out: &mut LeftOut) {
    let sampling = &turn.sampling;
    let limit = if server == Server::OpenAi { "max_completion_tokens" } else { "max_tokens" };
    maybe(out, limit, output_tokens(turn.max_tokens, model, left_out));
    maybe(out, "temperature", sampling.temperature);
    maybe(out, "top_p", sampling.top_p);
    match server {
        Server::OpenAi if sampling.top_k.is_some() => left_out.drop(Field::TopK, None),
        _ => maybe(out, "top_k", sampling.top_k),
    }
    maybe(out, "presence_penalty", sampling.presence_penalty);
    maybe(out, "frequency_penalty", sampling.frequency_penalty);
    if let Some(seed) = sampling.seed {
        push_key(out, "\"seed\":");
        out.push_str(&seed.to_string());
    }
    if !sampling.logit_bias.is_empty() {
        push_key(out, "\"logit_bias\":");
        json::push_members(sampling.logit_bias.iter().map(|(token, bias)| (*token, bias)), out);
    }
    if turn.choices > 1 {
        member(out, "n", &turn.choices);
    }
    if let Some(top) = turn.logprobs {
        member(out, "logprobs", &true);
        maybe(out, "top_logprobs", Some(top).filter(|top| *top > 0));
    }
    if !turn.stop.is_empty() {
        member(out, "stop", &turn.stop);
    }
    maybe(out, "user", turn.end_user.as_deref().map(|id| end_user(id, END_USER_CHARS)));
    if let Some(prediction) = &turn.prediction {
        push_key(out, "\"prediction\":");
        writes!(out; "type" = "content", "content" = prediction.0);
    }
}

/// The most characters of `user`: the live API refuses more.
const END_USER_CHARS: usize = 64;

fn format(format: &Format<'_>, out: &mut String) {
    match format {
        Format::Text => {}
        Format::JsonObject => push_key(out, "\"response_format\":{\"type\":\"json_object\"}"),
        Format::JsonSchema(JsonSchema { name, description, schema, strict }) => {
            push_key(out, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":");
            // The name is required here, and Anthropic's schemas have none.
            writes!(
                out; "name" = name.unwrap_or("answer"), "description" ? description, "schema" ? schema,
                "strict" ? strict
            );
            out.push('}');
        }
    }
}

/// A schema of a tool that is not strict without patterns that make servers refuse the request: OpenAI compiles each of
/// them with Python, and llama.cpp has none that look around. `None` if it has no such pattern.
fn without_patterns(tool: &Tool<'_>) -> Option<String> {
    let is_refused = |name: &str, value: &Value<'_>| {
        let pattern = value.as_str().filter(|_| name == "pattern");
        pattern.is_some_and(|pattern| !is_regex(pattern) || looks_around(pattern))
    };
    let schema = tool.parameters.filter(|_| tool.strict != Some(true))?.0;
    schema.contains("pattern").then(|| less::without(schema, &is_refused)).flatten()
}

fn tools(turn: &Request<'_>, out: &mut String, left_out: &mut LeftOut) {
    let tools: Vec<(usize, &Tool<'_>)> = turn.allowed_tools().collect();
    if tools.is_empty() {
        return;
    }
    push_key(out, "\"tools\":");
    out.push('[');
    for (n, (i, tool)) in tools.iter().enumerate() {
        out.push_str(if n > 0 { "," } else { "" });
        match tool.kind {
            ToolKind::Function => {
                let less = without_patterns(tool);
                if less.is_some() {
                    left_out.drop(Field::ToolSchema, Some(*i));
                }
                let parameters = less.as_deref().map(Json).or(tool.parameters);
                out.push_str("{\"type\":\"function\",\"function\":");
                writes!(
                    out; "name" = tool.name, "description" ? tool.description, "parameters" ? parameters,
                    "strict" ? tool.strict
                );
            }
            ToolKind::Custom => {
                out.push_str("{\"type\":\"custom\",\"custom\":{");
                member(out, "name", &tool.name);
                maybe(out, "description", tool.description);
                if let Some((syntax, definition)) = tool.grammar {
                    push_key(out, "\"format\":{\"type\":\"grammar\",\"grammar\":");
                    writes!(out; "syntax" = syntax, "definition" = definition);
                    out.push('}');
                }
                out.push('}');
            }
        }
        out.push('}');
    }
    out.push(']');
    match turn.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => member(out, "tool_choice", &"none"),
        ToolChoice::Required => member(out, "tool_choice", &"required"),
        ToolChoice::Named(name) => {
            let is_custom = tools.iter().any(|(_, tool)| tool.name == name && tool.kind == ToolKind::Custom);
            let kind = if is_custom { "custom" } else { "function" };
            push_key(out, "\"tool_choice\":");
            out.push_str(&format!("{{\"type\":\"{kind}\",\"{kind}\":"));
            writes!(out; "name" = name);
            out.push('}');
        }
    }
    if !turn.parallel_tool_calls {
        member(out, "parallel_tool_calls", &false);
    }
}

/// The effort that the chat completions of a model take in place of the requested one. The live API refuses any for
/// models that do not reason, and for some all but `none` beside functions. Clients such as Claude Code and Codex
/// always send both.
fn possible_effort(spec: &ModelSpec, turn: &Request<'_>) -> Option<Effort> {
    let effort = turn.reasoning.effort;
    if spec.family != Family::Any && spec.efforts.is_empty() {
        return None;
    }
    let is_refused = !turn.tools.is_empty() && !spec.tools_while_reasoning;
    effort.map(|effort| if is_refused { Effort::None } else { effort })
}

fn reasoning(turn: &Request<'_>, model: &str, out: &mut String, left_out: &mut LeftOut) {
    let wanted = turn.reasoning.effort;
    let effort = model::find(model).map_or(wanted, |spec| possible_effort(spec, turn));
    if effort != wanted {
        left_out.drop(Field::Thinking, None);
    }
    maybe(
        out,
        "reasoning_effort",
        effort.map(|effort| match effort {
            Effort::None => "none",
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Xhigh => "xhigh",
            Effort::Max => "max",
        }),
    );
    if turn.reasoning.budget.is_some() || turn.reasoning.enabled == Some(true) {
        left_out.drop(Field::Thinking, None);
    }
    maybe(
        out,
        "verbosity",
        turn.verbosity.map(|verbosity| match verbosity {
            Verbosity::Low => "low",
            Verbosity::Medium => "medium",
            Verbosity::High => "high",
        }),
    );
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
