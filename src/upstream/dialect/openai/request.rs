//! A turn as a chat request.

use crate::json::{self, push_key, push_string, writes};
use crate::model::{self, Family, ModelSpec};
use crate::turn::{
    Content, Effort, Field, Format, Input, JsonSchema, Media, Message, Part, Request, Role, Source, Tool,
    ToolChoice, ToolKind, ToolResult, Verbosity,
};
use crate::upstream::dialect::{Extra, LeftOut, Translated, Untranslatable, end_user, output_tokens};

/// Which members a server of the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream::dialect) enum Server {
    /// OpenAI's and Azure's own, which refuse members they do not know.
    OpenAi,
    /// Another one: it has `max_tokens` and `top_k`, and reads `reasoning_content`.
    Compatible,
}

/// Writes a turn as a request.
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
    out.push('[');
    let mut list = List { out: &mut out, server, first: true };
    let instructions = match server {
        Server::Compatible => list.instructions(messages, &mut left_out),
        Server::OpenAi => 0,
    };
    for (i, message) in messages.iter().enumerate().skip(instructions) {
        list.message(i, message, &mut left_out)?;
    }
    let is_empty = list.first;
    out.push(']');
    if is_empty {
        return Err(Untranslatable::at(Field::Messages, None, "at least one message with a content"));
    }
    sampling(turn, model, server, &mut out, &mut left_out);
    format(&turn.format, &mut out);
    tools(turn, &mut out);
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
fn member(out: &mut String, name: &str, value: &impl json::Write) {
    push_key(out, "");
    push_string(name, out);
    out.push(':');
    value.write(out);
}

fn maybe(out: &mut String, name: &str, value: Option<impl json::Write>) {
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

fn tools(turn: &Request<'_>, out: &mut String) {
    let is_allowed =
        |tool: &&Tool<'_>| turn.allowed_tools.as_ref().is_none_or(|allowed| allowed.contains(&tool.name));
    let tools: Vec<&Tool<'_>> = turn.tools.iter().filter(is_allowed).collect();
    if tools.is_empty() {
        return;
    }
    push_key(out, "\"tools\":");
    out.push('[');
    for (i, tool) in tools.iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        match tool.kind {
            ToolKind::Function => {
                out.push_str("{\"type\":\"function\",\"function\":");
                writes!(
                    out; "name" = tool.name, "description" ? tool.description, "parameters" ? tool.parameters,
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
            let is_custom = tools.iter().any(|tool| tool.name == name && tool.kind == ToolKind::Custom);
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

/// The messages that were written so far.
struct List<'o> {
    out: &'o mut String,
    server: Server,
    first: bool,
}

impl List<'_> {
    fn begin(&mut self, role: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
        self.out.push('{');
        member(self.out, "role", &role);
    }

    /// Writes the instructions that a conversation begins with as one message, and returns how many messages they
    /// were: the templates of many open models accept one system message, at the beginning.
    fn instructions(&mut self, messages: &[Message<'_>], left_out: &mut LeftOut) -> usize {
        let is_instruction = |message: &&Message<'_>| matches!(message.role, Role::System | Role::Developer);
        let all: Vec<&Message<'_>> = messages.iter().take_while(is_instruction).collect();
        let mut texts = Vec::new();
        for (i, message) in all.iter().enumerate() {
            match &message.content {
                Content::Text(text) => texts.push(*text),
                Content::Parts(parts) => {
                    if parts.iter().any(|part| matches!(part, Part::CachePoint { .. })) {
                        left_out.drop(Field::CachePoint, Some(i));
                    }
                    texts.extend(crate::turn::texts(parts));
                }
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        if !texts.is_empty() {
            self.begin("system");
            member(self.out, "content", &texts.join("\n\n"));
            self.out.push('}');
        }
        all.len()
    }

    fn message(
        &mut self,
        i: usize,
        message: &Message<'_>,
        left_out: &mut LeftOut,
    ) -> Result<(), Untranslatable> {
        let role = match message.role {
            Role::Developer if self.server == Server::OpenAi => "developer",
            // Other servers refuse the newer role.
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let parts = match &message.content {
            Content::Text(text) => {
                self.begin(role);
                maybe(self.out, "name", message.name);
                member(self.out, "content", text);
                self.out.push('}');
                return Ok(());
            }
            Content::Parts(parts) => parts,
        };
        // The media of results, which messages of tools cannot have.
        let mut media = Vec::new();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.result(i, result, &mut media, left_out);
            }
        }
        if message.role == Role::Assistant {
            return self.assistant(i, message, parts, left_out);
        }
        let content =
            parts.iter().filter(|part| matches!(part, Part::Text(_) | Part::Media(_) | Part::Refusal(_)));
        let content: Vec<&Part<'_>> = media.into_iter().chain(content).collect();
        if parts.iter().any(|part| matches!(part, Part::CachePoint { .. })) {
            left_out.drop(Field::CachePoint, Some(i));
        }
        if content.is_empty() {
            return Ok(());
        }
        self.begin(role);
        maybe(self.out, "name", message.name);
        self.content(i, &content, left_out)?;
        self.out.push('}');
        Ok(())
    }

    fn content(
        &mut self,
        i: usize,
        content: &[&Part<'_>],
        left_out: &mut LeftOut,
    ) -> Result<(), Untranslatable> {
        push_key(self.out, "\"content\":");
        if let [Part::Text(text) | Part::Refusal(text)] = content {
            push_string(text, self.out);
            return Ok(());
        }
        self.out.push('[');
        for (n, part) in content.iter().enumerate() {
            self.out.push_str(if n > 0 { "," } else { "" });
            match part {
                Part::Text(text) | Part::Refusal(text) => writes!(self.out; "type" = "text", "text" = text),
                Part::Media(media) => medium(i, media, self.out, left_out)?,
                _ => {}
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn result<'t>(
        &mut self,
        i: usize,
        result: &'t ToolResult<'t>,
        media: &mut Vec<&'t Part<'t>>,
        left_out: &mut LeftOut,
    ) {
        self.begin("tool");
        member(self.out, "tool_call_id", &result.id);
        let text: Vec<&str> = crate::turn::texts(&result.content).collect();
        member(self.out, "content", &text.join("\n"));
        self.out.push('}');
        media.extend(result.content.iter().filter(|part| matches!(part, Part::Media(_))));
        if result.is_error {
            left_out.drop(Field::ToolError, Some(i));
        }
    }

    fn assistant(
        &mut self,
        i: usize,
        message: &Message<'_>,
        parts: &[Part<'_>],
        left_out: &mut LeftOut,
    ) -> Result<(), Untranslatable> {
        let (mut text, mut refusal, mut thinking) = (String::new(), String::new(), String::new());
        let mut calls = Vec::new();
        for part in parts {
            match part {
                Part::Text(more) => text.push_str(more),
                Part::Refusal(more) => refusal.push_str(more),
                Part::Thinking { text, .. } => thinking.push_str(text),
                Part::RedactedThinking { .. } => left_out.drop(Field::Thinking, Some(i)),
                Part::ToolCall { id, name, input, kind } => calls.push((id, name, input, *kind)),
                Part::Media(_) => return Err(Untranslatable::at(Field::Media, Some(i), "text in this role")),
                Part::CachePoint { .. } => left_out.drop(Field::CachePoint, Some(i)),
                Part::ToolResult(_) => {}
            }
        }
        if text.is_empty() && refusal.is_empty() && calls.is_empty() {
            if !thinking.is_empty() {
                left_out.drop(Field::Thinking, Some(i));
            }
            return Ok(());
        }
        self.begin("assistant");
        maybe(self.out, "name", message.name);
        member(self.out, "content", &Some(text).filter(|text| !text.is_empty()));
        maybe(self.out, "refusal", Some(refusal).filter(|refusal| !refusal.is_empty()));
        // Models that reason before a call may need the reasoning back with the result.
        if !thinking.is_empty() && !calls.is_empty() && self.server == Server::Compatible {
            member(self.out, "reasoning_content", &thinking);
        } else if !thinking.is_empty() {
            left_out.drop(Field::Thinking, Some(i));
        }
        if !calls.is_empty() {
            push_key(self.out, "\"tool_calls\":");
            self.out.push('[');
            for (n, (id, name, input, kind)) in calls.into_iter().enumerate() {
                self.out.push_str(if n > 0 { ",{" } else { "{" });
                member(self.out, "id", id);
                let (kind, of_input) = match kind {
                    ToolKind::Function => ("function", "arguments"),
                    ToolKind::Custom => ("custom", "input"),
                };
                member(self.out, "type", &kind);
                push_key(self.out, "");
                push_string(kind, self.out);
                self.out.push_str(":{");
                member(self.out, "name", name);
                member(self.out, of_input, input);
                self.out.push_str("}}");
            }
            self.out.push(']');
        }
        self.out.push('}');
        Ok(())
    }
}

fn medium(
    i: usize,
    media: &Media<'_>,
    out: &mut String,
    left_out: &mut LeftOut,
) -> Result<(), Untranslatable> {
    let wrong = |takes| Untranslatable::at(Field::Media, Some(i), takes);
    match media {
        Media::Image { source, detail } => {
            let url = match source {
                Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
                Source::Url(url) => url.to_string(),
                Source::Text(_) | Source::File(_) => return Err(wrong("images in base64, or at a URL")),
            };
            out.push_str("{\"type\":\"image_url\",\"image_url\":");
            writes!(out; "url" = url, "detail" ? detail);
            out.push('}');
        }
        Media::Document { source: Source::Text(text), title } => {
            if title.is_some() {
                left_out.drop(Field::Title, Some(i));
            }
            writes!(out; "type" = "text", "text" = text);
        }
        Media::Document { source, title } => {
            out.push_str("{\"type\":\"file\",\"file\":");
            let title = title.as_deref().unwrap_or("document.pdf");
            match source {
                Source::Base64 { media_type, data } => {
                    let data = format!("data:{media_type};base64,{data}");
                    writes!(out; "filename" = title, "file_data" = data);
                }
                Source::File(id) => writes!(out; "file_id" = id),
                Source::Url(_) | Source::Text(_) => return Err(wrong("documents in base64, or as text")),
            }
            out.push('}');
        }
        Media::Audio { data, format } => {
            out.push_str("{\"type\":\"input_audio\",\"input_audio\":");
            writes!(out; "data" = data, "format" = format);
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
