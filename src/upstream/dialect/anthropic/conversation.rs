//! The messages of a turn as those of a message request.

use crate::api::tool::Json;
use crate::http;
use crate::json::{self, Write, writes};
use crate::turn::{Content, Field, Media, Message, Part, Role, Source, ToolKind, ToolResult};
use crate::upstream::dialect::{LeftOut, Untranslatable};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

/// What the messages become.
#[derive(Default)]
pub(super) struct Conversation<'t> {
    pub(super) system: Vec<Block<'t>>,
    pub(super) messages: Vec<Turn<'t>>,
    ids: Ids<'t>,
    /// The calls without a result so far, and the messages that they are in.
    unanswered: Vec<(usize, String)>,
}

writes! {
    /// The consecutive messages of one role: the results of several calls must be in one message.
    pub(super) struct Turn<'t> {
        "role" = role: &'static str,
        "content" = content: Vec<Block<'t>>,
    }
}

/// A block of content, and whether the prompt is to be cached up to its end, with the time to live.
pub(super) struct Block<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) cache: Option<CacheControl<'t>>,
}

writes! {
    /// A cache breakpoint.
    #[derive(Clone, Copy)]
    pub(super) struct CacheControl<'t> {
        "type" = kind: &'static str,
        "ttl" ? ttl: Option<&'t str>,
    }
}

impl<'t> CacheControl<'t> {
    pub(super) fn new(ttl: Option<&'t str>) -> Self {
        Self { kind: "ephemeral", ttl }
    }
}

pub(super) enum Kind<'t> {
    Text(Cow<'t, str>),
    Image(Origin<'t>),
    Document(Origin<'t>, Option<&'t str>),
    Thinking(&'t str, &'t str),
    RedactedThinking(&'t str),
    /// Its id, its name and its input, a JSON object.
    ToolUse(String, &'t str, Cow<'t, str>),
    ToolResult(String, Vec<Block<'t>>, bool),
}

/// Where an image or a document is.
pub(super) enum Origin<'t> {
    Base64(&'t str, Cow<'t, str>),
    Text(&'t str),
    Url(&'t str),
}

impl Write for Origin<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Base64(media_type, data) => {
                writes!(out; "type" = "base64", "media_type" = media_type, "data" = data);
            }
            Self::Text(text) => writes!(out; "type" = "text", "media_type" = "text/plain", "data" = text),
            Self::Url(url) => writes!(out; "type" = "url", "url" = url),
        }
    }
}

impl Write for Block<'_> {
    fn write(&self, out: &mut String) {
        let cache = &self.cache;
        match &self.kind {
            Kind::Text(text) => writes!(out; "type" = "text", "text" = text, "cache_control" ? cache),
            Kind::Image(source) => writes!(out; "type" = "image", "source" = source, "cache_control" ? cache),
            Kind::Document(source, title) => {
                writes!(out; "type" = "document", "source" = source, "title" ? title, "cache_control" ? cache);
            }
            Kind::Thinking(thinking, signature) => {
                writes!(out; "type" = "thinking", "thinking" = thinking, "signature" = signature);
            }
            Kind::RedactedThinking(data) => writes!(out; "type" = "redacted_thinking", "data" = data),
            Kind::ToolUse(id, name, input) => {
                writes!(
                    out; "type" = "tool_use", "id" = id, "name" = name, "input" = Json(input),
                    "cache_control" ? cache
                );
            }
            Kind::ToolResult(id, content, is_error) => {
                let content = Some(content).filter(|content| !content.is_empty());
                let is_error = is_error.then_some(true);
                writes!(
                    out; "type" = "tool_result", "tool_use_id" = id, "content" ? content,
                    "is_error" ? is_error, "cache_control" ? cache
                );
            }
        }
    }
}

impl Block<'_> {
    pub(super) fn is_thinking(&self) -> bool {
        matches!(self.kind, Kind::Thinking(..) | Kind::RedactedThinking(_))
    }
}

/// The ids of calls, in the characters that Anthropic accepts: `^[a-zA-Z0-9_-]+$`.
#[derive(Default)]
struct Ids<'t> {
    known: HashMap<&'t str, String>,
    used: HashSet<String>,
    /// The calls whose results are to come, by their ids: some servers begin each turn with the same ids.
    open: HashMap<&'t str, VecDeque<String>>,
    called: HashSet<&'t str>,
    /// The calls without an id, which the older functions have: their results follow in order.
    nameless: usize,
}

impl<'t> Ids<'t> {
    fn of(&mut self, id: &'t str, is_call: bool) -> String {
        if id.is_empty() {
            self.nameless += usize::from(is_call);
            return format!("call_without_id_{}", self.nameless);
        }
        if !is_call {
            let open = self.open.get_mut(id).and_then(VecDeque::pop_front);
            if let Some(name) = open.or_else(|| self.known.get(id).cloned()) {
                return name;
            }
        }
        let is_repeated = is_call && !self.called.insert(id);
        let name = match self.known.get(id).filter(|_| !is_repeated) {
            Some(known) => known.clone(),
            None => self.make(id),
        };
        if is_call {
            self.open.entry(id).or_default().push_back(name.clone());
        }
        name
    }

    /// Makes a new name for an id.
    fn make(&mut self, id: &'t str) -> String {
        let legal = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let base: String = id.chars().map(legal).collect();
        let mut new = base.clone();
        let mut next = 2;
        while !self.used.insert(new.clone()) {
            new = format!("{base}_{next}");
            next += 1;
        }
        self.known.insert(id, new.clone());
        new
    }
}

impl<'t> Conversation<'t> {
    /// Writes the messages; what is left out or changed is added to `left_out`.
    pub(super) fn read(messages: &'t [Message<'t>], left_out: &mut LeftOut) -> Result<Self, Untranslatable> {
        let mut all = Self::default();
        // An id that is legal keeps its spelling, whatever becomes of the others.
        for part in messages.iter().flat_map(|message| message.content.parts()) {
            if let Part::ToolCall { id, .. } | Part::ToolResult(ToolResult { id, .. }) = part
                && !id.is_empty()
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && all.ids.used.insert(id.to_string())
            {
                all.ids.known.insert(id, id.to_string());
            }
        }
        for (i, message) in messages.iter().enumerate() {
            all.push(i, message, i + 1 == messages.len(), left_out)?;
        }
        if all.ends_with_user() {
            all.check_answered(all.unanswered.len())?;
        }
        if all.messages.is_empty() {
            // The API needs a message, and the only text is the system prompt.
            let content = std::mem::take(&mut all.system);
            if content.is_empty() {
                return Err(Untranslatable::at(Field::Messages, None, "at least one message with a content"));
            }
            all.messages.push(Turn { role: "user", content });
        }
        for turn in &mut all.messages {
            if turn.role == "user" {
                // The API wants the results of calls before anything else.
                turn.content.sort_by_key(|block| !matches!(block.kind, Kind::ToolResult(..)));
            }
        }
        if all.messages.first().is_some_and(|turn| turn.role == "assistant") {
            // The API wants a message of the user first, and one that is not empty.
            let kind = Kind::Text(Cow::Borrowed("."));
            all.messages.insert(0, Turn { role: "user", content: vec![Block { kind, cache: None }] });
        }
        all.trim_prefill();
        Ok(all)
    }

    fn push(
        &mut self,
        i: usize,
        message: &'t Message<'t>,
        is_last: bool,
        left_out: &mut LeftOut,
    ) -> Result<(), Untranslatable> {
        if message.name.is_some() && message.role != Role::Tool {
            left_out.drop(Field::Name, Some(i));
        }
        let mut content = Vec::new();
        match &message.content {
            Content::Text(text) => push_text(Cow::Borrowed(text), &mut content),
            Content::Parts(parts) => {
                for part in parts {
                    self.part(i, message.role, part, &mut content, left_out)?;
                }
            }
        }
        match message.role {
            Role::System | Role::Developer => self.system.extend(content),
            // An empty message among others has no effect.
            Role::User if content.is_empty() && (!is_last || self.ends_with_user()) => {
                left_out.drop(Field::Messages, Some(i));
            }
            Role::User if content.is_empty() => {
                return Err(Untranslatable::at(Field::Messages, Some(i), "a content that is not empty"));
            }
            Role::User | Role::Tool => self.extend("user", content),
            Role::Assistant => {
                if !content.is_empty() && self.ends_with_user() {
                    // Those of the message itself are the last ones.
                    let own = self.unanswered.iter().filter(|(at, _)| *at == i).count();
                    self.check_answered(self.unanswered.len() - own)?;
                }
                self.extend("assistant", content);
            }
        }
        Ok(())
    }

    /// Checks that none of the first calls without a result is there: a later message would be refused.
    fn check_answered(&self, first: usize) -> Result<(), Untranslatable> {
        match self.unanswered.get(..first).and_then(<[_]>::first) {
            Some((i, _)) => Err(Untranslatable::at(Field::ToolInput, Some(*i), "calls with a result each")),
            None => Ok(()),
        }
    }

    fn ends_with_user(&self) -> bool {
        self.messages.last().is_some_and(|turn| turn.role == "user")
    }

    fn extend(&mut self, role: &'static str, content: Vec<Block<'t>>) {
        match self.messages.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(content),
            _ if content.is_empty() => {}
            _ => self.messages.push(Turn { role, content }),
        }
    }

    fn part(
        &mut self,
        i: usize,
        role: Role,
        part: &'t Part<'t>,
        content: &mut Vec<Block<'t>>,
        left_out: &mut LeftOut,
    ) -> Result<(), Untranslatable> {
        let kind = match part {
            Part::Text(text) | Part::Refusal(text) => {
                push_text(Cow::Borrowed(text), content);
                return Ok(());
            }
            Part::Media(media) if matches!(role, Role::User | Role::Tool) => medium(i, media, left_out)?,
            Part::Media(_) => return Err(Untranslatable::at(Field::Media, Some(i), "text in this role")),
            Part::Thinking { text, signature } => match signature.as_deref().filter(|s| !s.is_empty()) {
                Some(signature) => Kind::Thinking(text, signature),
                None => {
                    left_out.drop(Field::Thinking, Some(i));
                    return Ok(());
                }
            },
            Part::RedactedThinking { data } => Kind::RedactedThinking(data),
            Part::ToolCall { kind: ToolKind::Custom, .. } => {
                return Err(Untranslatable::at(Field::CustomTool, Some(i), "calls of functions"));
            }
            Part::ToolCall { id, name, input, .. } => {
                let input = match input.trim() {
                    "" | "null" => Cow::Borrowed("{}"),
                    input => Cow::Borrowed(input),
                };
                if !json::lossy_from_str::<Json<'_>>(&input).is_ok_and(Json::is_object) {
                    return Err(Untranslatable::at(
                        Field::ToolInput,
                        Some(i),
                        "arguments that are a JSON object",
                    ));
                }
                let id = self.ids.of(id, true);
                self.unanswered.push((i, id.clone()));
                Kind::ToolUse(id, name, input)
            }
            Part::ToolResult(result) => {
                let mut inner = Vec::new();
                for part in &result.content {
                    self.part(i, Role::Tool, part, &mut inner, left_out)?;
                }
                if !result.id.is_empty() && !self.ids.called.contains(&*result.id) {
                    return Err(Untranslatable::at(
                        Field::Messages,
                        Some(i),
                        "the result of a call before it",
                    ));
                }
                let id = self.ids.of(&result.id, false);
                self.unanswered.retain(|(_, call)| *call != id);
                Kind::ToolResult(id, inner, result.is_error)
            }
            Part::CachePoint { ttl } => {
                match content.iter_mut().rev().find(|block| !block.is_thinking()) {
                    Some(block) => block.cache = Some(CacheControl::new(*ttl)),
                    None => left_out.drop(Field::CachePoint, Some(i)),
                }
                return Ok(());
            }
        };
        content.push(Block { kind, cache: None });
        Ok(())
    }

    /// Trims the beginning of the answer that the caller wrote: the API refuses white space at its end.
    fn trim_prefill(&mut self) {
        let Some(turn) = self.messages.last_mut().filter(|turn| turn.role == "assistant") else { return };
        if let Some(Block { kind: Kind::Text(text), .. }) = turn.content.last_mut() {
            match text {
                Cow::Borrowed(text) => *text = text.trim_end(),
                Cow::Owned(text) => text.truncate(text.trim_end().len()),
            }
        }
    }

    /// Whether the conversation ends with the beginning of the answer.
    pub(super) fn has_prefill(&self) -> bool {
        self.messages.last().is_some_and(|turn| turn.role == "assistant")
    }

    /// Whether the last message of the assistant calls tools without the reasoning that led to the calls.
    pub(super) fn lacks_thinking(&self) -> bool {
        let last = self.messages.iter().rev().find(|turn| turn.role == "assistant");
        last.is_some_and(|turn| {
            turn.content.iter().any(|block| matches!(block.kind, Kind::ToolUse(..)))
                && !turn.content.first().is_some_and(Block::is_thinking)
        })
    }

    /// Removes the reasoning from the beginning of the answer that the caller wrote; whether there was any.
    pub(super) fn remove_thinking_of_prefill(&mut self) -> bool {
        let Some(turn) = self.messages.last_mut().filter(|turn| turn.role == "assistant") else {
            return false;
        };
        let before = turn.content.len();
        turn.content.retain(|block| !block.is_thinking());
        let removed = turn.content.len() < before;
        if turn.content.is_empty() {
            self.messages.pop();
        }
        removed
    }

    /// The names of the tools that were called.
    pub(super) fn called(&self) -> Vec<&'t str> {
        let mut names = Vec::new();
        for block in self.messages.iter().flat_map(|turn| &turn.content) {
            if let Kind::ToolUse(_, name, _) = block.kind
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Every block that may have a cache breakpoint, in order.
    pub(super) fn blocks(&mut self) -> impl DoubleEndedIterator<Item = &mut Block<'t>> {
        self.system.iter_mut().chain(self.messages.iter_mut().flat_map(|turn| &mut turn.content))
    }
}

/// Adds a text, unless it is empty or white space, which the API refuses.
fn push_text<'t>(text: Cow<'t, str>, content: &mut Vec<Block<'t>>) {
    if !text.trim().is_empty() {
        content.push(Block { kind: Kind::Text(text), cache: None });
    }
}

fn medium<'t>(i: usize, media: &'t Media<'t>, left_out: &mut LeftOut) -> Result<Kind<'t>, Untranslatable> {
    let wrong = |takes| Untranslatable::at(Field::Media, Some(i), takes);
    let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    match media {
        Media::Image { source, detail } => {
            if detail.is_some_and(|detail| detail != "auto") {
                left_out.drop(Field::ImageDetail, Some(i));
            }
            match source {
                Source::Base64 { media_type, data } => image_type(media_type, data)
                    .map(|media_type| Kind::Image(Origin::Base64(media_type, unbroken(data))))
                    .ok_or_else(|| wrong("JPEG, PNG, GIF and WebP images")),
                Source::Url(url) if web(url) => Ok(Kind::Image(Origin::Url(url))),
                _ => Err(wrong("images as a `data:` URL in base64, or an `http(s):` URL")),
            }
        }
        Media::Document { source, title } => {
            let origin = match source {
                Source::Base64 { media_type, data }
                    if http::media_type(media_type).eq_ignore_ascii_case("application/pdf") =>
                {
                    Origin::Base64("application/pdf", unbroken(data))
                }
                Source::Text(text) if !text.trim().is_empty() => Origin::Text(text),
                Source::Url(url) if web(url) => Origin::Url(url),
                _ => return Err(wrong("PDF files in base64, as `file_data`")),
            };
            Ok(Kind::Document(origin, title.as_deref().filter(|title| !title.trim().is_empty())))
        }
        Media::Audio { .. } => Err(Untranslatable::at(Field::Audio, Some(i), "no audio")),
    }
}

/// Base64 without the line breaks of MIME (RFC 2045, section 6.8), which the API refuses.
fn unbroken(data: &str) -> Cow<'_, str> {
    match data.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => data.split_ascii_whitespace().collect::<String>().into(),
        false => data.into(),
    }
}

/// The media type of an image: what its first bytes are, since the API compares both, else its label.
fn image_type(media_type: &str, data: &str) -> Option<&'static str> {
    const TYPES: [(&str, &str); 4] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
    ];
    if let Some((_, found)) = TYPES.iter().find(|(start, _)| data.starts_with(start)) {
        return Some(found);
    }
    let label = http::media_type(media_type).to_ascii_lowercase();
    let label = if label == "image/jpg" { "image/jpeg" } else { &label };
    TYPES.iter().find(|(_, known)| *known == label).map(|(_, known)| *known)
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
