//! Messages of a chat → the turns and the system prompt of a message request.

use crate::api::Text;
use crate::error::{ApiError, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the messages become.
pub(super) struct Messages<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

/// One side's turn. Two of the same side in a row are one: the results of several calls must stand together.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// A piece of content.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<Cow<'a, str>>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Block<'a>>,
    },
}

/// Where an image or a document is.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: Cow<'a, str>, data: Cow<'a, str> },
    Url { url: Cow<'a, str> },
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Text<'a>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<ImageUrl<'a>>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ImageUrl<'a> {
    #[serde(borrow)]
    url: Text<'a>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    #[serde(borrow)]
    filename: Option<Text<'a>>,
}

/// Turns messages over; what finds no place is added to `lacking`.
pub(super) fn messages<'a>(value: &'a RawValue, lacking: &mut Vec<String>) -> Result<Messages<'a>, ApiError> {
    let list: Vec<Message<'a>> = serde_json::from_str(value.get())
        .map_err(|_| ApiError::new(Kind::InvalidType, "Invalid type for 'messages'.").at("messages"))?;
    let mut out = Messages { system: Vec::new(), turns: Vec::new() };
    for (i, message) in list.into_iter().enumerate() {
        let at = format!("messages[{i}]");
        if message.name.is_some() {
            lacking.push(format!("{at}.name"));
        }
        let content = blocks(message.content, &at, lacking)?;
        match &*message.role.0 {
            "system" | "developer" => out.system.extend(content),
            "user" => out.push("user", content),
            "assistant" => {
                let said = message.refusal.map(|refusal| text(refusal.0));
                let calls = message.tool_calls.unwrap_or_default();
                let calls = calls
                    .into_iter()
                    .enumerate()
                    .map(|(j, call)| tool_use(call, &format!("{at}.tool_calls[{j}]")));
                let calls = calls.collect::<Result<Vec<_>, _>>()?;
                // An empty text is refused where nothing at all is fine.
                let content = content
                    .into_iter()
                    .filter(|block| !matches!(block, Block::Text { text, .. } if text.is_empty()));
                out.push("assistant", content.chain(said).chain(calls).collect());
            }
            "tool" => {
                let id = message.tool_call_id.map(|id| id.0).unwrap_or_default();
                out.push("user", vec![Block::ToolResult { tool_use_id: id, content }]);
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

fn text(text: Cow<'_, str>) -> Block<'_> {
    Block::Text { text, cache_control: None }
}

fn tool_use<'a>(call: ToolCall<'a>, at: &str) -> Result<Block<'a>, ApiError> {
    let Some(Function { name, arguments }) = call.function else {
        return Err(unsupported(format!("{at}.type"), "only calls of functions"));
    };
    let arguments = if arguments.0.trim().is_empty() { "{}".into() } else { arguments.0 };
    let input =
        RawValue::from_string(arguments.trim().to_owned()).ok().filter(|input| input.get().starts_with('{'));
    let input = input.ok_or_else(|| unsupported(format!("{at}.function.arguments"), "only a JSON object"))?;
    Ok(Block::ToolUse { id: call.id.0, name: name.0, input })
}

fn unsupported(param: String, takes: &str) -> ApiError {
    let message = format!("Unsupported value: '{param}'. This model takes {takes} there.");
    ApiError::new(Kind::UnsupportedValue, message).at(param)
}

fn blocks<'a>(
    content: Option<&'a RawValue>,
    at: &str,
    lacking: &mut Vec<String>,
) -> Result<Vec<Block<'a>>, ApiError> {
    let Some(content) = content.map(RawValue::get).filter(|content| *content != "null") else {
        return Ok(Vec::new());
    };
    let wrong = |_| {
        let param = format!("{at}.content");
        ApiError::new(Kind::InvalidType, format!("Invalid type for '{param}'.")).at(param)
    };
    if content.starts_with('"') {
        let said: Text<'a> = serde_json::from_str(content).map_err(wrong)?;
        return Ok(vec![text(said.0)]);
    }
    let parts: Vec<Part<'a>> = serde_json::from_str(content).map_err(wrong)?;
    parts.into_iter().enumerate().map(|(j, one)| part(one, &format!("{at}.content[{j}]"), lacking)).collect()
}

fn part<'a>(part: Part<'a>, at: &str, lacking: &mut Vec<String>) -> Result<Block<'a>, ApiError> {
    match (&*part.r#type.0, part.text, part.refusal, part.image_url, part.file) {
        ("text", Some(said), ..) => Ok(Block::Text { text: said.0, cache_control: part.cache_control }),
        ("refusal", _, Some(said), ..) => Ok(text(said.0)),
        ("image_url", _, _, Some(image), _) => {
            if image.detail.is_some_and(|detail| detail.0 != "auto") {
                lacking.push(format!("{at}.image_url.detail"));
            }
            let source = source(image.url.0);
            source.map(|source| Block::Image { source }).ok_or_else(|| {
                unsupported(format!("{at}.image_url.url"), "a `data:` URL in base64, or an `http(s):` one")
            })
        }
        ("file", _, _, _, Some(file)) => match file.file_data.and_then(|data| source(data.0)) {
            Some(source) => Ok(Block::Document { source, title: file.filename.map(|name| name.0) }),
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
    Some(Source::Base64 { media_type: media_type.into(), data })
}
