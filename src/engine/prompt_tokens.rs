//! How many tokens a chat request is to its model: the texts, and the frame around them.
//!
//! The rules are those of OpenAI's "How to count tokens with tiktoken", which the recorded answers of the
//! live API bear out:
//!
//! | what | tokens |
//! |---|---|
//! | the beginning of the answer | 3 |
//! | a message | 3, its role 1, its texts |
//! | several text parts | as one text, joined without anything between |
//! | a `name` | 1 and the name |
//! | a tool call of the assistant's | 3, the name, the arguments |
//! | tools | 12, and for each its own (see [`function`]) |
//! | a JSON schema | as the text `# Response Formats`, its name and itself |
//! | images, sound, files | see [`super::media`] |

use super::media_tokens;
use super::value::Value;
use crate::api::tool::Json;
use crate::tokens::Encoding;
use crate::turn::{Content, Format, Message, Part, Request, Tool, ToolKind};

const ANSWER: u64 = 3;
const MESSAGE: u64 = 3;
const ROLE: u64 = 1;
const NAME: u64 = 1;
const CALL: u64 = 3;
const TOOLS: u64 = 12;

/// The tokens of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// All of them.
    pub(super) tokens: u64,
    /// Those that are sound.
    pub(super) audio: u64,
    /// Those of functions and tools, which some errors tell apart.
    pub(super) tools: u64,
}

/// Counts texts.
#[derive(Clone, Copy)]
pub(super) struct Counter<'t> {
    pub(super) encoding: Encoding,
    /// A text of the request whose tokens were counted before, and how many they are.
    pub(super) known: Option<(&'t str, u64)>,
}

impl Counter<'_> {
    fn count(&self, text: &str) -> u64 {
        match self.known {
            Some((known, tokens)) if std::ptr::eq(known, text) => tokens,
            _ => self.encoding.count(text) as u64,
        }
    }
}

/// Counts a conversation.
pub(super) fn count(turn: &Request<'_>, counter: Counter<'_>) -> Prompt {
    let mut prompt = Prompt { tokens: ANSWER, ..Prompt::default() };
    for message in turn.messages() {
        self::message(message, turn.model, counter, &mut prompt);
    }
    prompt.tools = turn.tools.iter().map(|tool| self::tool(tool, counter)).sum();
    if prompt.tools > 0 {
        prompt.tools += TOOLS;
    }
    prompt.tokens += prompt.tools + format(&turn.format, counter);
    prompt
}

fn message(message: &Message<'_>, model: &str, counter: Counter<'_>, prompt: &mut Prompt) {
    prompt.tokens += MESSAGE + ROLE;
    match &message.content {
        Content::Text(text) => prompt.tokens += counter.count(text),
        Content::Parts(parts) => content(parts, model, counter, prompt),
    }
    if let Some(name) = message.name {
        prompt.tokens += NAME + counter.count(name);
    }
}

fn content(parts: &[Part<'_>], model: &str, counter: Counter<'_>, prompt: &mut Prompt) {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(&**text),
        _ => None,
    });
    prompt.tokens += match texts.clone().count() {
        0 => 0,
        1 => texts.map(|part| counter.count(part)).sum(),
        _ => counter.count(&texts.collect::<String>()),
    };
    for part in parts {
        match part {
            Part::Media(media) => {
                let (tokens, audio) = media_tokens::media(media, model, counter.encoding);
                prompt.tokens += tokens;
                prompt.audio += audio;
            }
            Part::ToolCall { name, input, .. } => {
                prompt.tokens += CALL + counter.count(name) + counter.count(input);
            }
            Part::ToolResult(result) => {
                if let Some(name) = result.name {
                    prompt.tokens += NAME + counter.count(name);
                }
                content(&result.content, model, counter, prompt);
            }
            Part::Thinking { text, .. } => prompt.tokens += counter.count(text),
            Part::Text(_) | Part::Refusal(_) | Part::RedactedThinking { .. } => {}
        }
    }
}

/// Tokens a function costs besides its texts: 7 in the newer encoding, 10 in the older.
fn function_frame(encoding: Encoding) -> u64 {
    match encoding {
        Encoding::O200kBase => 7,
        Encoding::Cl100kBase => 10,
    }
}

/// A function: a frame, its name and description, and each property with its type and description.
///
/// The first property costs 3 more, each property 3, an enumeration 3 less and each of its values 3 and
/// itself. A full stop at the end of a description is not counted.
fn tool(tool: &Tool<'_>, counter: Counter<'_>) -> u64 {
    let line = format!("{}:{}", tool.name, description(tool.description));
    let input = match tool.kind {
        ToolKind::Function => {
            let parameters =
                tool.parameters.and_then(|Json(schema)| crate::json::from_str::<Value<'_>>(schema).ok());
            parameters.as_ref().map_or(0, |schema| properties(schema, counter))
        }
        ToolKind::Custom => tool.grammar.map_or(0, |(_, definition)| counter.count(definition)),
    };
    function_frame(counter.encoding) + counter.count(&line) + input
}

fn description(text: Option<&str>) -> &str {
    let text = text.unwrap_or_default();
    text.strip_suffix('.').unwrap_or(text)
}

fn properties(schema: &Value<'_>, counter: Counter<'_>) -> u64 {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty())
    else {
        return 0;
    };
    let mut tokens = 3;
    for (name, property) in properties {
        tokens += 3;
        if let Some(values) = property.get("enum").and_then(Value::as_array) {
            tokens -= 3;
            tokens += values.iter().map(|value| 3 + counter.count(&value.to_text())).sum::<u64>();
        }
        let kind = property.get("type").map(Value::to_text).unwrap_or_default();
        let described = description(property.get("description").and_then(Value::as_str));
        tokens += counter.count(&format!("{}:{kind}:{described}", &**name));
        // What lies deeper is framed in the same way.
        tokens += self::properties(property, counter);
        tokens += property.get("items").map_or(0, |items| self::properties(items, counter));
    }
    tokens
}

fn format(format: &Format<'_>, counter: Counter<'_>) -> u64 {
    let Format::JsonSchema(schema) = format else { return 0 };
    let Json(text) = schema.schema.unwrap_or(Json("{}"));
    let compact = crate::json::from_str::<Value<'_>>(text).map(|value| value.to_json()).unwrap_or_default();
    let mut format = format!("# Response Formats\n\n## {}\n\n", schema.name.unwrap_or_default());
    if let Some(description) = schema.description {
        format.push_str(&format!("// {description}\n"));
    }
    counter.count(&(format + &compact))
}
