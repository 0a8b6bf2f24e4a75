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
use crate::api::chat::{Request, ResponseFormatType};
use crate::api::message::{Content, Message, Part, PartType};
use crate::api::tool::{Function, Json, Tool};
use crate::tokens::Encoding;

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

/// Counts a chat request.
pub(super) fn count(request: &Request<'_>, model: &str, counter: Counter<'_>) -> Prompt {
    let mut prompt = Prompt { tokens: ANSWER, ..Prompt::default() };
    for message in request.messages.as_deref().unwrap_or_default() {
        let counted = self::message(message, model, counter);
        prompt.tokens += counted.tokens;
        prompt.audio += counted.audio;
    }
    let functions = request.functions.iter().flatten().map(|f| function(f, counter));
    let tools = request.tools.iter().flatten().map(|tool| self::tool(tool, counter));
    prompt.tools = functions.chain(tools).sum();
    if prompt.tools > 0 {
        prompt.tools += TOOLS;
    }
    prompt.tokens += prompt.tools + response_format(request, counter);
    prompt
}

fn text(text: Option<&str>, counter: Counter<'_>) -> u64 {
    text.map_or(0, |text| counter.count(text))
}

fn message(message: &Message<'_>, model: &str, counter: Counter<'_>) -> Prompt {
    let mut prompt = Prompt { tokens: MESSAGE + ROLE, ..Prompt::default() };
    match &message.content {
        Some(Content::Text(content)) => prompt.tokens += text(Some(content), counter),
        Some(Content::Parts(parts)) => content(parts, model, counter, &mut prompt),
        None => {}
    }
    prompt.tokens += text(message.refusal.as_deref(), counter);
    if let Some(name) = &message.name {
        prompt.tokens += NAME + text(Some(name), counter);
    }
    let call = |name: Option<&str>, input: Option<&str>| CALL + text(name, counter) + text(input, counter);
    if let Some(function) = &message.function_call {
        prompt.tokens += call(function.name.as_deref(), function.arguments.as_deref());
    }
    for called in message.tool_calls.iter().flatten() {
        prompt.tokens += match (&called.function, &called.custom) {
            (Some(function), _) => call(function.name.as_deref(), function.arguments.as_deref()),
            (None, Some(custom)) => call(custom.name.as_deref(), custom.input.as_deref()),
            (None, None) => CALL,
        };
    }
    prompt
}

fn content(parts: &[Part<'_>], model: &str, counter: Counter<'_>, prompt: &mut Prompt) {
    let texts = parts.iter().filter_map(|part| match part.kind {
        Some(PartType::Refusal) => part.refusal.as_deref(),
        _ => part.as_text(),
    });
    prompt.tokens += match texts.clone().count() {
        0 => 0,
        1 => texts.map(|part| text(Some(part), counter)).sum(),
        _ => text(Some(&texts.collect::<String>()), counter),
    };
    for part in parts {
        match part.kind {
            Some(PartType::ImageUrl) => {
                prompt.tokens += part.image_url.as_ref().map_or(0, |image| media_tokens::image(image, model));
            }
            Some(PartType::InputAudio) => {
                let tokens = part.input_audio.as_ref().map_or(0, |sound| media_tokens::sound(sound));
                prompt.tokens += tokens;
                prompt.audio += tokens;
            }
            Some(PartType::File) => {
                prompt.tokens +=
                    part.file.as_ref().map_or(0, |file| media_tokens::file(file, counter.encoding));
            }
            _ => {}
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
fn function(function: &Function<'_>, counter: Counter<'_>) -> u64 {
    let line = format!("{}:{}", name(function.name.as_deref()), description(function.description.as_deref()));
    let parameters =
        function.parameters.and_then(|Json(schema)| crate::json::from_str::<Value<'_>>(schema).ok());
    let properties = parameters.as_ref().map_or(0, |schema| self::properties(schema, counter));
    function_frame(counter.encoding) + text(Some(&line), counter) + properties
}

fn tool(tool: &Tool<'_>, counter: Counter<'_>) -> u64 {
    match (&tool.function, &tool.custom) {
        (Some(function), _) => self::function(function, counter),
        (None, Some(custom)) => {
            let line =
                format!("{}:{}", name(custom.name.as_deref()), description(custom.description.as_deref()));
            let grammar = custom.format.as_ref().and_then(|format| format.grammar.as_ref());
            let definition = grammar.and_then(|grammar| grammar.definition.as_deref());
            function_frame(counter.encoding) + text(Some(&line), counter) + text(definition, counter)
        }
        (None, None) => 0,
    }
}

fn name(name: Option<&str>) -> &str {
    name.unwrap_or_default()
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
            tokens += values.iter().map(|value| 3 + text(Some(&value.to_text()), counter)).sum::<u64>();
        }
        let kind = property.get("type").map(Value::to_text).unwrap_or_default();
        let described = description(property.get("description").and_then(Value::as_str));
        tokens += text(Some(&format!("{}:{kind}:{described}", &**name)), counter);
        // What lies deeper is framed in the same way.
        tokens += self::properties(property, counter);
        tokens += property.get("items").map_or(0, |items| self::properties(items, counter));
    }
    tokens
}

fn response_format(request: &Request<'_>, counter: Counter<'_>) -> u64 {
    let format = request.response_format.as_ref();
    let Some(schema) = format
        .filter(|format| format.kind == Some(ResponseFormatType::JsonSchema))
        .and_then(|format| format.json_schema.as_ref())
    else {
        return 0;
    };
    let Json(text) = schema.schema.unwrap_or(Json("{}"));
    let compact = crate::json::from_str::<Value<'_>>(text).map(|value| value.to_json()).unwrap_or_default();
    let mut format = format!("# Response Formats\n\n## {}\n\n", name(schema.name.as_deref()));
    if let Some(description) = schema.description.as_deref() {
        format.push_str(&format!("// {description}\n"));
    }
    self::text(Some(&(format + &compact)), counter)
}

#[cfg(test)]
#[cfg(feature = "vocab")]
mod tests {
    use super::*;

    fn tokens(model: &str, members: &str) -> u64 {
        let body = format!(r#"{{"model":"{model}",{members}}}"#);
        let request: Request<'_> = crate::json::from_str(&body).expect("a request");
        count(&request, model, Counter { encoding: Encoding::for_model(model), known: None }).tokens
    }

    const SYSTEM: &str = "You are a helpful assistant.";

    #[test]
    fn messages_count_as_the_live_api_counts_them() {
        for (messages, want) in [
            (format!(r#"{{"role":"system","content":"{SYSTEM}"}},{{"role":"user","content":"Hello"}}"#), 18),
            (
                format!(
                    r#"{{"role":"developer","content":"{SYSTEM}"}},{{"role":"assistant","content":"Hello, how can I help you?"}}"#
                ),
                25,
            ),
            (r#"{"role":"developer","content":[{"text":"","type":"text"}]},{"role":"user","content":"Hello"}"#.into(), 12),
            (
                // The full stop and the word after it make one token of the two parts' seam.
                format!(
                    r#"{{"role":"developer","content":[{{"text":"{SYSTEM}","type":"text"}},{{"text":"You are a very helpful assistant.","type":"text"}}]}},{{"role":"user","content":"Hello"}}"#
                ),
                24,
            ),
            (r#"{"role":"system","content":""}"#.into(), 7),
            (r#"{"role":"system","content":""},{"role":"user","content":""}"#.into(), 11),
        ] {
            assert_eq!(tokens("gpt-4", &format!(r#""messages":[{messages}]"#)), want, "{messages}");
        }
        let both = format!(
            r#""messages":[{{"role":"system","content":"{SYSTEM}"}},{{"role":"user","content":"Hello"}}]"#
        );
        assert_eq!(tokens("gpt-4o", &both), 18);
    }

    #[test]
    fn names_and_tools_count_as_openai_documents() {
        // The example of OpenAI's guide, with the counts it gives.
        let names = r#""messages":[
            {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
            {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
            {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
            {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
            {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
            {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]"#;
        assert_eq!(tokens("gpt-4", names), 129);
        assert_eq!(tokens("gpt-4o", names), 124);
        let tools = r#""tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location","parameters":{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},"unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}],
            "messages":[{"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},{"role":"user","content":"What's the weather like in San Francisco?"}]"#;
        assert_eq!(tokens("gpt-4", tools), 105);
        assert_eq!(tokens("gpt-4o", tools), 101);
    }

    #[test]
    fn a_schema_counts_once_however_it_is_spaced() {
        let format = |schema: &str| {
            tokens(
                "gpt-4o",
                &format!(
                    r#""messages":[{{"role":"user","content":"Hello"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}"#
                ),
            )
        };
        let spaced = format(r#"{ "type" : "object" ,  "properties" : { } }"#);
        assert_eq!(spaced, format(r#"{"type":"object","properties":{}}"#));
        assert!(spaced > 8 + 10);
    }
}
