//! A chat request → a message request.

use super::content::{Block, Messages, Turn, messages};
use crate::api::Text;
use crate::api::tool::Json;
use crate::config::{UnknownParams, Upstream};
use crate::error::{ApiError, Kind};
use crate::json::{self, reads, writes};
use crate::upstream::attempts::Prepared;
use crate::upstream::dialect::{self, Endpoint, with_query};
use crate::upstream::{ForwardRequest, rewrite};
use std::borrow::Cow;

/// What the upstream's settings add.
pub(in crate::upstream) struct Extra<'a> {
    /// The header `anthropic-version`.
    pub(in crate::upstream) version: &'a str,
    /// `max_tokens` where the caller names none.
    pub(in crate::upstream) max_tokens: u32,
}

writes! {
    /// A message request, in the order of its documentation.
    #[derive(Default)]
    struct Message<'a> {
        "model" = model: &'a str,
        "max_tokens" = max_tokens: Option<Json<'a>>,
        "messages" = messages: Vec<Turn<'a>>,
        "system" ? system: Option<Vec<Block<'a>>>,
        "metadata" ? metadata: Option<Metadata<'a>>,
        "stop_sequences" ? stop_sequences: Option<Vec<Text<'a>>>,
        "stream" ? stream: Option<Json<'a>>,
        "temperature" ? temperature: Option<Json<'a>>,
        "top_p" ? top_p: Option<Json<'a>>,
        "tools" ? tools: Option<Vec<Tool<'a>>>,
        "tool_choice" ? tool_choice: Option<Choice<'a>>,
        "output_config" ? output_config: Option<Output<'a>>,
    }
}

writes! {
    struct Metadata<'a> {
        "user_id" = user_id: Json<'a>,
    }
}

writes! {
    struct Tool<'a> {
        "name" = name: Text<'a>,
        "description" ? description: Option<Text<'a>>,
        "input_schema" = input_schema: Json<'a>,
        "strict" ? strict: Option<bool>,
        "cache_control" ? cache_control: Option<Json<'a>>,
    }
}

writes! {
    #[derive(Default)]
    struct Output<'a> {
        "effort" ? effort: Option<Json<'a>>,
        "format" ? format: Option<Format<'a>>,
    }
}

writes! {
    struct Format<'a> {
        "type" = kind: &'static str,
        "schema" = schema: Json<'a>,
    }
}

writes! {
    struct Choice<'a> {
        "type" = kind: &'static str,
        "name" ? name: Option<Text<'a>>,
        "disable_parallel_tool_use" ? disable_parallel_tool_use: Option<bool>,
    }
}

/// Makes the request.
pub(in crate::upstream) fn request<'a>(
    ask: &'a ForwardRequest<'a>,
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
    let mut fields = dialect::fields(ask, upstream);
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
    reads! {
        struct Chat {
            "stream_options" stream_options: Options,
        }
    }
    reads! {
        struct Options {
            "include_usage" include_usage: bool,
        }
    }
    let options = json::from_slice::<Chat>(body).ok().and_then(|chat| chat.stream_options);
    options.is_some_and(|options| options.include_usage == Some(true))
}

/// The body, and the parameters that have no place in it.
fn translate(body: &[u8], model: &str, max_tokens: u32) -> Result<(Vec<u8>, Vec<String>), ApiError> {
    let members =
        rewrite::members(body).ok_or_else(|| ApiError::new(Kind::Invalid, "The body is no JSON object."))?;
    let default_tokens = max_tokens.to_string();
    let mut message = Message { model, ..Message::default() };
    let (mut lacking, mut others) = (Vec::new(), Vec::new());
    let (mut parallel, mut choice) = (true, None);
    for (name, value) in members.iter().filter(|(_, value)| *value != "null") {
        let value = Json(value);
        match &**name {
            "model" => {}
            "messages" => {
                let Messages { system, turns } = messages(value, &mut lacking)?;
                message.system = (!system.is_empty()).then_some(system);
                message.messages = turns;
            }
            "max_completion_tokens" => message.max_tokens = Some(value),
            "max_tokens" => message.max_tokens = message.max_tokens.or(Some(value)),
            "temperature" => message.temperature = Some(value),
            "top_p" => message.top_p = Some(value),
            "stream" => message.stream = Some(value),
            "stop" => message.stop_sequences = Some(stop(value)?).filter(|stop| !stop.is_empty()),
            "tools" => message.tools = Some(tools(value)?).filter(|tools| !tools.is_empty()),
            "tool_choice" => choice = Some(tool_choice(value)?),
            "parallel_tool_calls" => parallel = value.0 != "false",
            // Says how to answer, and the answer is made here.
            "stream_options" => {}
            name if message.takes(name, value) || is_default(name, value.0) => {}
            name if is_documented(name) => lacking.push(name.to_owned()),
            // Nobody documents it, so it may well be meant for Anthropic: `top_k`, `thinking`.
            _ => others.push((name, value)),
        }
    }
    message.max_tokens = message.max_tokens.or(Some(Json(&default_tokens)));
    message.tool_choice = match parallel || message.tools.is_none() {
        true => choice,
        false => Some(one_at_a_time(choice)),
    };
    // The caller's own would be there twice.
    if message.output_config.is_some()
        && let Some(own) = others.iter().position(|(name, _)| *name == "output_config")
    {
        lacking.push(others.remove(own).0.clone().into_owned());
    }
    let mut out = json::to_string(&message);
    for (name, value) in others {
        out.pop();
        out.push(',');
        json::push_string(name, &mut out);
        out.push(':');
        out.push_str(value.0);
        out.push('}');
    }
    Ok((out.into_bytes(), lacking))
}

impl<'a> Message<'a> {
    /// Takes a parameter, if there is a place for its value.
    fn takes(&mut self, name: &str, value: Json<'a>) -> bool {
        match name {
            // Two names of one thing.
            "user" | "safety_identifier" => {
                return self.metadata.get_or_insert(Metadata { user_id: value }).user_id == value;
            }
            "reasoning_effort" if ["\"low\"", "\"medium\"", "\"high\"", "\"xhigh\""].contains(&value.0) => {
                self.output_config.get_or_insert_default().effort = Some(value);
            }
            "response_format" => {
                let Some(schema) = strict_schema(value) else { return false };
                let format = Format { kind: "json_schema", schema };
                self.output_config.get_or_insert_default().format = Some(format);
            }
            _ => return false,
        }
        true
    }
}

/// The schema an answer has to keep to. One it only should keep to may be none that can be kept to.
fn strict_schema(format: Json<'_>) -> Option<Json<'_>> {
    reads! {
        struct Format<'a> {
            "json_schema" json_schema: Named<'a>,
        }
    }
    reads! {
        struct Named<'a> {
            "schema" schema: Json<'a>,
            "strict" strict: bool,
        }
    }
    let named = json::from_str::<Format<'_>>(format.0).ok()?.json_schema?;
    named.schema.filter(|_| named.strict == Some(true))
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
            reads! {
                struct Format<'a> {
                    "type" kind: Text<'a>,
                }
            }
            let format = json::from_str::<Format<'_>>(value);
            format.is_ok_and(|format| format.kind.as_deref() == Some("text"))
        }
        "service_tier" => value == "\"auto\"",
        _ => false,
    }
}

/// The parameters of OpenAI's API that have no counterpart.
fn is_documented(name: &str) -> bool {
    const LACKING: [&str; 26] = [
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
        "user",
        "verbosity",
        "web_search_options",
        "best_of",
    ];
    LACKING.contains(&name)
}

fn malformed(param: &'static str) -> ApiError {
    ApiError::new(Kind::InvalidType, format!("Invalid type for '{param}'.")).at(param)
}

fn stop(value: Json<'_>) -> Result<Vec<Text<'_>>, ApiError> {
    let all = match value.0.starts_with('"') {
        true => json::from_str(value.0).map(|one| vec![one]),
        false => json::from_str(value.0),
    };
    all.map_err(|_| malformed("stop"))
}

fn tools<'a>(value: Json<'a>) -> Result<Vec<Tool<'a>>, ApiError> {
    reads! {
        struct Entry<'a> {
            "function" function: Function<'a>,
            "cache_control" cache_control: Json<'a>,
        }
    }
    reads! {
        struct Function<'a> {
            "name" name: Text<'a>,
            "description" description: Text<'a>,
            "parameters" parameters: Json<'a>,
            "strict" strict: bool,
        }
    }
    let entries: Vec<Entry<'a>> = json::from_str(value.0).map_err(|_| malformed("tools"))?;
    let mut tools = Vec::with_capacity(entries.len());
    for (i, entry) in entries.into_iter().enumerate() {
        let Some(function) = entry.function else {
            let message = format!("Invalid value: 'tools[{i}].type'. This model takes functions only.");
            return Err(ApiError::new(Kind::UnsupportedValue, message).at(format!("tools[{i}].type")));
        };
        tools.push(Tool {
            name: function.name.ok_or_else(|| malformed("tools"))?,
            description: function.description,
            input_schema: function
                .parameters
                .filter(|schema| schema.0 != "{}")
                .unwrap_or(Json(r#"{"type":"object","properties":{}}"#)),
            strict: function.strict.filter(|strict| *strict),
            cache_control: entry.cache_control,
        });
    }
    Ok(tools)
}

/// The choice where no more than one call at a time is wanted.
fn one_at_a_time(choice: Option<Choice<'_>>) -> Choice<'_> {
    let choice = choice.unwrap_or(Choice { kind: "auto", name: None, disable_parallel_tool_use: None });
    Choice { disable_parallel_tool_use: (choice.kind != "none").then_some(true), ..choice }
}

fn tool_choice(value: Json<'_>) -> Result<Choice<'_>, ApiError> {
    reads! {
        struct Named<'a> {
            "function" function: Name<'a>,
        }
    }
    reads! {
        struct Name<'a> {
            "name" name: Text<'a>,
        }
    }
    let choice = |kind, name| Choice { kind, name, disable_parallel_tool_use: None };
    match value.0 {
        "\"auto\"" => return Ok(choice("auto", None)),
        "\"none\"" => return Ok(choice("none", None)),
        "\"required\"" => return Ok(choice("any", None)),
        other => {
            let named = json::from_str::<Named<'_>>(other).ok().and_then(|named| named.function?.name);
            if named.is_some() {
                return Ok(choice("tool", named));
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
