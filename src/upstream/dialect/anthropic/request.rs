//! A chat request → a message request.

use super::content::{Block, Messages, Turn, messages};
use crate::api::Text;
use crate::config::{UnknownParams, Upstream};
use crate::error::{ApiError, Kind};
use crate::upstream::attempts::Prepared;
use crate::upstream::dialect::{Endpoint, with_query};
use crate::upstream::{Ask, headers, rewrite};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the upstream's settings add.
pub(in crate::upstream) struct Extra<'a> {
    /// The header `anthropic-version`.
    pub(in crate::upstream) version: &'a str,
    /// `max_tokens` where the caller names none.
    pub(in crate::upstream) max_tokens: u32,
}

/// A message request, in the order of its documentation.
#[derive(Serialize, Default)]
struct Message<'a> {
    model: Cow<'a, str>,
    max_tokens: Option<&'a RawValue>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a RawValue,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    input_schema: &'a RawValue,
}

#[derive(Serialize)]
struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

/// Makes the request.
pub(in crate::upstream) fn request<'a>(
    ask: &'a Ask<'a>,
    upstream: &'a Upstream,
    name: Option<&str>,
    extra: Extra<'_>,
) -> Result<Prepared<'a>, ApiError> {
    if ask.endpoint != Endpoint::Chat {
        return Err(ApiError::new(
            Kind::WrongEndpoint,
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use \
             v1/chat/completions?",
        ));
    }
    let (body, lacking) = translate(ask.body, name.unwrap_or(ask.model), extra.max_tokens)?;
    if let Some(first) = lacking.first().filter(|_| ask.unknown != UnknownParams::Drop) {
        let message = format!("Unsupported parameter: '{first}' is not supported with this model.");
        return Err(ApiError::new(Kind::UnsupportedParameter, message).at(first.clone()));
    }
    let mut fields = headers::to_upstream(ask.headers, upstream, ask.request_id);
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("anthropic-version")) {
        fields.push(("anthropic-version".into(), extra.version.to_owned().into_bytes().into()));
    }
    Ok(Prepared {
        method: ask.method,
        path: with_query(format!("{}/messages", upstream.base_path), ask),
        headers: fields,
        body: vec![Cow::Owned(body)],
        dropped: lacking,
    })
}

/// Whether a chat request asks for a chunk with the usage.
pub(in crate::upstream) fn includes_usage(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Chat {
        stream_options: Option<Options>,
    }
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    let options = serde_json::from_slice::<Chat>(body).ok().and_then(|chat| chat.stream_options);
    options.is_some_and(|options| options.include_usage == Some(true))
}

/// The body, and the parameters that have no place in it.
fn translate(body: &[u8], model: &str, max_tokens: u32) -> Result<(Vec<u8>, Vec<String>), ApiError> {
    let members =
        rewrite::members(body).ok_or_else(|| ApiError::new(Kind::Invalid, "The body is no JSON object."))?;
    let default_tokens =
        RawValue::from_string(max_tokens.to_string()).map_err(|_| malformed("max_tokens"))?;
    let mut message = Message { model: model.into(), ..Message::default() };
    let (mut lacking, mut others) = (Vec::new(), Vec::new());
    let (mut parallel, mut choice) = (true, None);
    for (name, value) in members.iter().filter(|(_, value)| value.get() != "null") {
        match &**name {
            "model" => {}
            "messages" => {
                let Messages { system, turns } = messages(value, &mut lacking)?;
                message.system = system;
                message.messages = turns;
            }
            "max_completion_tokens" => message.max_tokens = Some(value),
            "max_tokens" => message.max_tokens = message.max_tokens.or(Some(value)),
            "temperature" => message.temperature = Some(value),
            "top_p" => message.top_p = Some(value),
            "stream" => message.stream = Some(value),
            "stop" => message.stop_sequences = stop(value)?,
            "tools" => message.tools = tools(value, &mut lacking)?,
            "tool_choice" => choice = Some(tool_choice(value)?),
            "parallel_tool_calls" => parallel = value.get() != "false",
            "user" => message.metadata = Some(Metadata { user_id: value }),
            // Says how to answer, and the answer is made here.
            "stream_options" => {}
            name if is_default(name, value.get()) => {}
            name if is_documented(name) => lacking.push(name.to_owned()),
            // Nobody documents it, so it may well be meant for Anthropic: `top_k`, `thinking`.
            _ => others.push((&**name, *value)),
        }
    }
    message.max_tokens = message.max_tokens.or(Some(&default_tokens));
    if !parallel && !message.tools.is_empty() {
        let chosen =
            choice.get_or_insert(Choice { r#type: "auto", name: None, disable_parallel_tool_use: None });
        if chosen.r#type != "none" {
            chosen.disable_parallel_tool_use = Some(true);
        }
    }
    message.tool_choice = choice;
    let mut out = serde_json::to_vec(&message).map_err(|_| malformed("messages"))?;
    for (name, value) in others {
        out.pop();
        out.push(b',');
        out.extend(serde_json::to_vec(name).map_err(|_| malformed("messages"))?);
        out.push(b':');
        out.extend_from_slice(value.get().as_bytes());
        out.push(b'}');
    }
    Ok((out, lacking))
}

/// Whether a parameter Anthropic lacks says only what goes without saying.
fn is_default(name: &str, value: &str) -> bool {
    match name {
        "n" => value == "1",
        "logprobs" | "store" => value == "false",
        "frequency_penalty" | "presence_penalty" => value.parse() == Ok(0.0),
        "logit_bias" | "metadata" => value.trim_start_matches('{').trim_start().starts_with('}'),
        "modalities" => value.split_whitespace().collect::<String>() == "[\"text\"]",
        "response_format" => {
            #[derive(Deserialize)]
            struct Format<'a> {
                r#type: Cow<'a, str>,
            }
            serde_json::from_str::<Format<'_>>(value).is_ok_and(|format| format.r#type == "text")
        }
        "service_tier" => value == "\"auto\"",
        _ => false,
    }
}

/// The parameters of OpenAI's API that have no counterpart.
fn is_documented(name: &str) -> bool {
    const LACKING: [&str; 25] = [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "top_logprobs",
        "verbosity",
        "web_search_options",
        "best_of",
    ];
    LACKING.contains(&name)
}

fn malformed(param: &'static str) -> ApiError {
    ApiError::new(Kind::InvalidType, format!("Invalid type for '{param}'.")).at(param)
}

fn stop(value: &RawValue) -> Result<Vec<Cow<'_, str>>, ApiError> {
    let json = value.get();
    let all: Result<Vec<Text<'_>>, _> = match json.starts_with('"') {
        true => serde_json::from_str(json).map(|one| vec![one]),
        false => serde_json::from_str(json),
    };
    Ok(all.map_err(|_| malformed("stop"))?.into_iter().map(Text::into_inner).collect())
}

fn tools<'a>(value: &'a RawValue, lacking: &mut Vec<String>) -> Result<Vec<Tool<'a>>, ApiError> {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        function: Option<Function<'a>>,
    }
    #[derive(Deserialize)]
    struct Function<'a> {
        #[serde(borrow)]
        name: Text<'a>,
        #[serde(borrow)]
        description: Option<Text<'a>>,
        #[serde(borrow)]
        parameters: Option<&'a RawValue>,
        strict: Option<bool>,
    }
    let entries: Vec<Entry<'a>> = serde_json::from_str(value.get()).map_err(|_| malformed("tools"))?;
    let mut tools = Vec::with_capacity(entries.len());
    for (i, entry) in entries.into_iter().enumerate() {
        let Some(function) = entry.function else {
            let message = format!("Invalid value: 'tools[{i}].type'. This model takes functions only.");
            return Err(ApiError::new(Kind::UnsupportedValue, message).at(format!("tools[{i}].type")));
        };
        if function.strict == Some(true) {
            lacking.push(format!("tools[{i}].function.strict"));
        }
        tools.push(Tool {
            name: function.name.0,
            description: function.description.map(|text| text.0),
            input_schema: match function.parameters {
                Some(schema) => schema,
                None => serde_json::from_str(r#"{"type":"object","properties":{}}"#)
                    .map_err(|_| malformed("tools"))?,
            },
        });
    }
    Ok(tools)
}

fn tool_choice(value: &RawValue) -> Result<Choice<'_>, ApiError> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        function: Name<'a>,
    }
    #[derive(Deserialize)]
    struct Name<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }
    let choice = |r#type, name| Choice { r#type, name, disable_parallel_tool_use: None };
    match value.get() {
        "\"auto\"" => return Ok(choice("auto", None)),
        "\"none\"" => return Ok(choice("none", None)),
        "\"required\"" => return Ok(choice("any", None)),
        other => {
            if let Ok(Named { function }) = serde_json::from_str(other) {
                return Ok(choice("tool", Some(function.name.into_inner())));
            }
        }
    }
    let message =
        "Unsupported value: 'tool_choice' is `auto`, `none`, `required` or a function with this model.";
    Err(ApiError::new(Kind::UnsupportedValue, message).at("tool_choice"))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
