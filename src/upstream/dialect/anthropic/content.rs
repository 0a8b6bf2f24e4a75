//! Messages of a chat → the turns and the system prompt of a message request.

use crate::api::Text;
use crate::api::tool::Json;
use crate::error::{ApiError, Kind};
use crate::json::{self, Write, reads, writes};
use std::borrow::Cow;

/// What the messages become.
pub(super) struct Messages<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

writes! {
    /// One side's turn. Two of the same side in a row are one: the results of several calls must stand together.
    pub(super) struct Turn<'a> {
        "role" = role: &'static str,
        "content" = content: Vec<Block<'a>>,
    }
}

/// A piece of content.
pub(super) enum Block<'a> {
    Text {
        text: Text<'a>,
        cache_control: Option<Json<'a>>,
    },
    Image {
        source: Source<'a>,
        cache_control: Option<Json<'a>>,
    },
    Document {
        source: Source<'a>,
        title: Option<Text<'a>>,
        cache_control: Option<Json<'a>>,
    },
    /// Its input is a JSON object.
    ToolUse {
        id: Text<'a>,
        name: Text<'a>,
        input: Text<'a>,
    },
    ToolResult {
        tool_use_id: Text<'a>,
        content: Option<Vec<Block<'a>>>,
    },
}

impl Block<'_> {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text { text, .. } if text.trim().is_empty())
    }
}

impl Write for Block<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Text { text, cache_control } => {
                writes!(out; "type" = "text", "text" = text, "cache_control" ? cache_control);
            }
            Self::Image { source, cache_control } => {
                writes!(out; "type" = "image", "source" = source, "cache_control" ? cache_control);
            }
            Self::Document { source, title, cache_control } => {
                writes!(
                    out; "type" = "document", "source" = source, "title" ? title,
                    "cache_control" ? cache_control
                );
            }
            Self::ToolUse { id, name, input } => {
                writes!(out; "type" = "tool_use", "id" = id, "name" = name, "input" = Json(input));
            }
            Self::ToolResult { tool_use_id, content } => {
                writes!(out; "type" = "tool_result", "tool_use_id" = tool_use_id, "content" ? content);
            }
        }
    }
}

/// Where an image or a document is.
pub(super) enum Source<'a> {
    Base64 { media_type: String, data: Cow<'a, str> },
    Url { url: Cow<'a, str> },
}

impl Write for Source<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Base64 { media_type, data } => {
                writes!(out; "type" = "base64", "media_type" = media_type, "data" = data);
            }
            Self::Url { url } => writes!(out; "type" = "url", "url" = url),
        }
    }
}

reads! {
    struct Message<'a> {
        "role" role: Text<'a>,
        "content" content: Json<'a>,
        "name" name: Text<'a>,
        "refusal" refusal: Text<'a>,
        "tool_calls" tool_calls: Vec<ToolCall<'a>>,
        "tool_call_id" tool_call_id: Text<'a>,
    }
}

reads! {
    struct ToolCall<'a> {
        "id" id: Text<'a>,
        "function" function: Function<'a>,
    }
}

reads! {
    struct Function<'a> {
        "name" name: Text<'a>,
        "arguments" arguments: Text<'a>,
    }
}

reads! {
    struct Part<'a> {
        "type" kind: Text<'a>,
        "text" text: Text<'a>,
        "refusal" refusal: Text<'a>,
        "image_url" image_url: ImageUrl<'a>,
        "file" file: File<'a>,
        "cache_control" cache_control: Json<'a>,
    }
}

reads! {
    struct ImageUrl<'a> {
        "url" url: Text<'a>,
        "detail" detail: Text<'a>,
    }
}

reads! {
    struct File<'a> {
        "file_data" file_data: Text<'a>,
        "filename" filename: Text<'a>,
    }
}

/// Turns messages over; what finds no place is added to `lacking`.
pub(super) fn messages<'a>(value: Json<'a>, lacking: &mut Vec<String>) -> Result<Messages<'a>, ApiError> {
    let list: Vec<Message<'a>> = json::from_str(value.0).map_err(|_| wrong("messages".to_owned()))?;
    let mut out = Messages { system: Vec::new(), turns: Vec::new() };
    for (i, message) in list.into_iter().enumerate() {
        let at = format!("messages[{i}]");
        let role = message.role.ok_or_else(|| wrong(format!("{at}.role")))?;
        // The name of a tool is known from its call.
        if message.name.is_some() && &*role != "tool" {
            lacking.push(format!("{at}.name"));
        }
        let mut content = blocks(message.content, &at, lacking)?;
        content.extend(message.refusal.map(text));
        // Text that says nothing is refused where no text at all is fine.
        if &*role != "user" || !content.iter().all(Block::is_empty) {
            content.retain(|block| !block.is_empty());
        }
        match &*role {
            "system" | "developer" => out.system.extend(content),
            "user" => out.push("user", content),
            "assistant" => {
                for (j, call) in message.tool_calls.unwrap_or_default().into_iter().enumerate() {
                    content.push(tool_use(call, &format!("{at}.tool_calls[{j}]"))?);
                }
                out.push("assistant", content);
            }
            "tool" => {
                let tool_use_id = message.tool_call_id.unwrap_or_default();
                let content = Some(content).filter(|content| !content.is_empty());
                out.push("user", vec![Block::ToolResult { tool_use_id, content }]);
            }
            role => {
                let message =
                    format!("Unsupported value: '{at}.role' does not support '{role}' with this model.");
                return Err(ApiError::new(Kind::UnsupportedValue, message).at(format!("{at}.role")));
            }
        }
    }
    Ok(out)
}

impl<'a> Messages<'a> {
    fn push(&mut self, role: &'static str, content: Vec<Block<'a>>) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(content),
            _ if content.is_empty() => {}
            _ => self.turns.push(Turn { role, content }),
        }
    }
}

fn text(text: Text<'_>) -> Block<'_> {
    Block::Text { text, cache_control: None }
}

fn tool_use<'a>(call: ToolCall<'a>, at: &str) -> Result<Block<'a>, ApiError> {
    let Some(function) = call.function else {
        return Err(unsupported(format!("{at}.type"), "only calls of functions"));
    };
    let needed = |member: Option<Text<'a>>, name| member.ok_or_else(|| wrong(format!("{at}.{name}")));
    let mut input = needed(function.arguments, "function.arguments")?;
    if input.trim().is_empty() {
        input = "{}".into();
    }
    if !json::from_str::<Json<'_>>(&input).is_ok_and(Json::is_object) {
        return Err(unsupported(format!("{at}.function.arguments"), "only a JSON object"));
    }
    Ok(Block::ToolUse { id: needed(call.id, "id")?, name: needed(function.name, "function.name")?, input })
}

fn wrong(param: String) -> ApiError {
    ApiError::new(Kind::InvalidType, format!("Invalid type for '{param}'.")).at(param)
}

fn unsupported(param: String, takes: &str) -> ApiError {
    let message = format!("Unsupported value: '{param}'. This model takes {takes} there.");
    ApiError::new(Kind::UnsupportedValue, message).at(param)
}

fn blocks<'a>(
    content: Option<Json<'a>>,
    at: &str,
    lacking: &mut Vec<String>,
) -> Result<Vec<Block<'a>>, ApiError> {
    let Some(Json(content)) = content else { return Ok(Vec::new()) };
    let wrong = |_| wrong(format!("{at}.content"));
    if content.starts_with('"') {
        return Ok(vec![text(json::from_str(content).map_err(wrong)?)]);
    }
    let parts: Vec<Part<'a>> = json::from_str(content).map_err(wrong)?;
    parts.into_iter().enumerate().map(|(j, one)| part(one, &format!("{at}.content[{j}]"), lacking)).collect()
}

fn part<'a>(part: Part<'a>, at: &str, lacking: &mut Vec<String>) -> Result<Block<'a>, ApiError> {
    let (kind, cache_control) = (part.kind.unwrap_or_default(), part.cache_control);
    match (&*kind, part.text, part.refusal, part.image_url, part.file) {
        ("text", Some(said), ..) => Ok(Block::Text { text: said, cache_control }),
        ("refusal", _, Some(said), ..) => Ok(text(said)),
        ("image_url", _, _, Some(image), _) => {
            if image.detail.is_some_and(|detail| detail != "auto") {
                lacking.push(format!("{at}.image_url.detail"));
            }
            let source = image.url.and_then(|url| source(url.0));
            source.map(|source| Block::Image { source, cache_control }).ok_or_else(|| {
                unsupported(format!("{at}.image_url.url"), "a `data:` URL in base64, or an `http(s):` one")
            })
        }
        ("file", _, _, _, Some(file)) => match file.file_data.and_then(|data| source(data.0)) {
            Some(source) => Ok(Block::Document { source, title: file.filename, cache_control }),
            None => Err(unsupported(format!("{at}.file"), "`file_data` as a `data:` URL")),
        },
        (kind, ..) => {
            let message =
                format!("Unsupported value: '{at}.type' does not support '{kind}' with this model.");
            Err(ApiError::new(Kind::UnsupportedValue, message).at(format!("{at}.type")))
        }
    }
}

/// Takes a URL apart (RFC 2397 for `data:`).
fn source(url: Cow<'_, str>) -> Option<Source<'_>> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(Source::Url { url });
    }
    let (head, _) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?.split(';').next().unwrap_or_default().to_owned();
    let start = "data:,".len() + head.len();
    let data = match url {
        Cow::Borrowed(url) => Cow::Borrowed(&url[start..]),
        Cow::Owned(url) => Cow::Owned(url[start..].to_owned()),
    };
    Some(Source::Base64 { media_type, data })
}
