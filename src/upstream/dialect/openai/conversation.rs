//! The messages of a turn as those of a chat.

use super::request::{Server, maybe, member};
use crate::json::{push_key, push_string, writes};
use crate::turn::{Content, Field, Media, Message, Part, Role, Source, ToolKind, ToolResult};
use crate::upstream::dialect::{LeftOut, Untranslatable};

/// Writes the messages of a turn as those of a chat.
pub(super) fn conversation(
    messages: &[Message<'_>],
    server: Server,
    out: &mut String,
    left_out: &mut LeftOut,
) -> Result<(), Untranslatable> {
    out.push('[');
    let mut list = List { out, server, first: true };
    let instructions = match server {
        Server::Compatible => list.instructions(messages, left_out),
        Server::OpenAi => 0,
    };
    for (i, message) in messages.iter().enumerate().skip(instructions) {
        list.message(i, message, left_out)?;
    }
    let is_empty = list.first;
    out.push(']');
    match is_empty {
        true => Err(Untranslatable::at(Field::Messages, None, "at least one message with a content")),
        false => Ok(()),
    }
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
