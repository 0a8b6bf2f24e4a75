//! The parameters of `POST /v1/responses` and the paths below it, and the rules over several of them.
//!
//! Items and tools of types that are not listed here are accepted: the list of types grows faster than any copy of it.

mod hosted;
mod items;
mod tools;

pub(crate) use tools::is_documented_tool;

use super::clamp;
use super::error_text;
use super::limits::{ID, MAX_TOP_LOGPROBS, METADATA, TEMPERATURE_RANGE, TOP_P_RANGE};
use super::param::{Param, param};
use super::path::Path;
use super::request_rules::RequestRules;
use super::schema::{self, Wrong};
use super::scope::Scope;
use super::shape::{Array, Either, JsonTypes, STRING, Shape, open, optional, required};
use crate::api::responses::{self, Input};
use crate::api::{Extra, Text};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::{Endpoint, Family, ModelSpec};
use items::INPUT;
use tools::{TOOLS, chosen_tool};

/// The fewest `max_output_tokens`.
const MIN_OUTPUT_TOKENS: i64 = 16;

const ANY_OBJECT: Shape = Shape::Object(&open(&[]));

pub(super) static PARAMS: &[&Param] = &[
    &param("input", &INPUT),
    &param(
        "instructions",
        &Shape::Either(&Either {
            noun: "a string",
            string: Some(&STRING),
            array: Some(&Shape::Any),
            object: None,
        }),
    ),
    &param("stream", &Shape::Bool),
    &param("stream_options", &Shape::Object(&open(&[optional("include_obfuscation", &Shape::Bool)]))),
    &param("tools", &TOOLS),
    &param(
        "tool_choice",
        &Shape::Either(&Either {
            noun: "one of a string or object",
            string: Some(&Shape::OneOf(&["none", "auto", "required"])),
            array: None,
            object: Some(&Shape::Rule(JsonTypes::OBJECT, chosen_tool)),
        }),
    ),
    &param("parallel_tool_calls", &Shape::Bool),
    &param("max_tool_calls", &Shape::Live(&Shape::Integer(Some(1), None))),
    &param(
        "include",
        &Shape::Array(&Array { noun: "an array of strings", min: 0, max: usize::MAX, item: &STRING }),
    ),
    &param("store", &Shape::Bool),
    &param("background", &Shape::Bool),
    &param(
        "text",
        &Shape::Object(&open(&[
            optional("format", &FORMAT),
            optional("verbosity", &Shape::OneOf(&["low", "medium", "high"])),
        ])),
    ),
    &param(
        "reasoning",
        &Shape::Object(&open(&[
            optional("effort", &Shape::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
            optional("summary", &Shape::OneOf(&["auto", "concise", "detailed"])),
            optional("generate_summary", &Shape::OneOf(&["auto", "concise", "detailed"])),
            optional("context", &Shape::OneOf(&["auto", "current_turn", "all_turns"])),
            optional("mode", &STRING),
        ])),
    ),
    &param("max_output_tokens", &Shape::Live(&Shape::Integer(Some(MIN_OUTPUT_TOKENS), None))),
    &param("temperature", &Shape::Decimal(TEMPERATURE_RANGE.0, TEMPERATURE_RANGE.1)),
    &param("top_p", &Shape::Decimal(TOP_P_RANGE.0, TOP_P_RANGE.1)),
    &param("top_logprobs", &Shape::Integer(Some(0), Some(MAX_TOP_LOGPROBS))),
    &param(
        "service_tier",
        &Shape::OneOf(&["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]),
    ),
    &param("previous_response_id", &STRING),
    &param(
        "conversation",
        &Shape::Either(&Either {
            noun: "one of a string or object",
            string: Some(&STRING),
            array: None,
            object: Some(&ANY_OBJECT),
        }),
    ),
    &param("truncation", &Shape::OneOf(&["auto", "disabled"])),
    &param("metadata", &METADATA),
    &param("user", &STRING),
    &param("safety_identifier", &ID),
    &param("prompt_cache_key", &STRING),
    &param("prompt_cache_retention", &Shape::OneOf(&["in_memory", "24h"])),
    &param("prompt_cache_options", &ANY_OBJECT),
    &param("prompt", &ANY_OBJECT),
    &param("context_management", &Shape::Any),
    &param("moderation", &ANY_OBJECT),
    // Codex sends it; no document has it.
    &param("client_metadata", &ANY_OBJECT),
];

static FORMAT: Shape = Shape::Rule(JsonTypes::OBJECT, format);

fn format(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if !value.is_object() {
        return Err(error_text::wrong_type(path, "a text format", value.noun()));
    }
    static KIND: Shape =
        Shape::Object(&open(&[required("type", &Shape::OneOf(&["text", "json_object", "json_schema"]))]));
    static SCHEMA: Shape = Shape::Object(&open(&[
        required("name", &STRING),
        optional("description", &STRING),
        required("schema", &ANY_OBJECT),
        optional("strict", &Shape::Bool),
    ]));
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str) {
        Some("json_schema") => SCHEMA.validate(value, path, scope),
        _ => Ok(()),
    }
}

impl<'a> RequestRules<'a> for responses::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Responses;
    const REQUIRED: &'static str = "input";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Extra<'a> {
        &mut self.extra
    }

    fn has_required(&self) -> bool {
        self.input.is_some()
    }

    /// The table alone decides.
    fn is_plain(&self, _: Scope) -> bool {
        false
    }

    fn is_typed(&self) -> bool {
        // The wire type takes anything for them.
        let loose = [
            ("instructions", self.instructions),
            ("conversation", self.conversation),
            ("metadata", self.metadata),
            ("prompt_cache_options", self.prompt_cache_options),
            ("prompt", self.prompt),
            ("moderation", self.moderation),
            ("client_metadata", self.client_metadata),
        ];
        loose.into_iter().all(|(name, value)| {
            let documented =
                PARAMS.iter().find(|param| param.name == name).map(|param| param.shape.json_types());
            value.is_none_or(|value| documented.is_none_or(|types| types.has(value.0)))
        })
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        if !scope.is_live() {
            return Ok(());
        }
        let rules = [effort, sampling, schemas, calls];
        rules.iter().find_map(|rule| rule(self, scope)).map_or(Ok(()), Err)
    }

    fn clamp(&mut self, _: Option<&ModelSpec>) {
        clamp::integer(&mut self.max_output_tokens, (1, i64::MAX));
        clamp::integer(&mut self.top_logprobs, (0, MAX_TOP_LOGPROBS));
        clamp::number(&mut self.temperature, TEMPERATURE_RANGE);
        clamp::number(&mut self.top_p, TOP_P_RANGE);
    }

    fn params(_: Scope) -> Vec<&'static Param> {
        PARAMS.to_vec()
    }

    fn unknown(name: &str, _: Scope) -> Option<ApiError> {
        moved(name)
    }

    fn not_served(model: &str) -> ApiError {
        error_text::no_such_model(model)
    }
}

/// The error for a parameter that has another place in this API than in Chat Completions; `None` for any other.
fn moved(name: &str) -> Option<ApiError> {
    let place = match name {
        "response_format" => "text.format",
        "reasoning_effort" => "reasoning.effort",
        "verbosity" => "text.verbosity",
        _ => return None,
    };
    let message = format!(
        "Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{place}'. Try again with the \
         new parameter. See the API documentation for more information: \
         https://platform.openai.com/docs/api-reference/responses/create."
    );
    Some(ApiError::new(Kind::UnsupportedParameter, message).at(name.to_owned()))
}

/// The efforts of a model: those of Chat Completions, and `max` where Responses alone has it.
fn efforts(spec: &ModelSpec) -> Vec<&'static str> {
    let mut efforts = spec.efforts.to_vec();
    if spec.max_effort && !efforts.contains(&"max") {
        efforts.push("max");
    }
    efforts
}

fn effort(request: &responses::Request<'_>, scope: Scope) -> Option<ApiError> {
    let spec = scope.live_spec?;
    let effort = request.reasoning.as_ref()?.effort.as_deref()?;
    let at = "reasoning.effort";
    if spec.family != Family::Reasoning {
        let message = format!("Unsupported parameter: '{at}' is not supported with this model.");
        return Some(ApiError::new(Kind::UnsupportedParameter, message).at(at));
    }
    let known = efforts(spec);
    if known.is_empty() || known.contains(&effort) {
        return None;
    }
    let model = request.model.as_deref().unwrap_or(spec.id);
    let message = format!(
        "Unsupported value: '{effort}' is not supported with the '{model}' model. Supported values are: {}.",
        error_text::list(&known, "and")
    );
    Some(ApiError::new(Kind::UnsupportedValue, message).at(at))
}

/// Models that reason take no `temperature` and no `top_p` while they do.
fn sampling(request: &responses::Request<'_>, scope: Scope) -> Option<ApiError> {
    let spec = scope.live_spec.filter(|spec| spec.family == Family::Reasoning)?;
    let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
    let rests = match effort {
        Some(effort) => effort == "none",
        None => !spec.reasons && spec.efforts.contains(&"none"),
    };
    let name = match (&request.temperature, &request.top_p) {
        (Some(temperature), _) if temperature.value != 1.0 => "temperature",
        (_, Some(top_p)) if top_p.value != 1.0 => "top_p",
        _ => return None,
    };
    let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
    (!rests).then(|| ApiError::new(Kind::Invalid, message).at(name))
}

fn schemas(request: &responses::Request<'_>, _: Scope) -> Option<ApiError> {
    let format = request.text.as_ref().and_then(|text| text.format.as_ref()).map(|format| &format.value);
    let of_format = format.and_then(|format| {
        let strict = format.strict != Some(false);
        let fault =
            match schema::fault(format.schema?, schema::Use::ResponseFormat("text.format.schema"), strict)? {
                Wrong::Unreadable => return Some(error_text::not_json()),
                Wrong::Worded(fault) => fault,
                Wrong::Lookaround(error) => return Some(error),
            };
        let name = format.name.as_deref().unwrap_or_default();
        let message = format!("Invalid schema for response_format '{name}': {fault}");
        Some(ApiError::new(Kind::InvalidJsonSchema, message).at("text.format.schema"))
    });
    of_format.or_else(|| {
        request.tools.iter().flatten().enumerate().find_map(|(i, tool)| {
            let tool = &tool.value;
            let is_function = tool.kind.as_deref() == Some("function");
            let strict = tool.strict == Some(true);
            let fault = match tool.parameters.filter(|_| is_function) {
                Some(parameters) => match schema::fault(parameters, schema::Use::Function, strict)? {
                    Wrong::Unreadable => return Some(error_text::not_json()),
                    Wrong::Worded(fault) => fault,
                    Wrong::Lookaround(error) => return Some(error),
                },
                None if strict && is_function => schema::NOT_CLOSED.to_owned(),
                None => return None,
            };
            let name = tool.name.as_deref().unwrap_or_default();
            let message = format!("Invalid schema for function '{name}': {fault}");
            Some(ApiError::new(Kind::InvalidFunctionParameters, message).at(format!("tools[{i}].parameters")))
        })
    })
}

/// Each call has an output, and each output a call.
fn calls(request: &responses::Request<'_>, _: Scope) -> Option<ApiError> {
    let Some(Input::Items(items)) = &request.input else { return None };
    // The calls of an earlier response are not in this request.
    if request.previous_response_id.is_some() || request.conversation.is_some() {
        return None;
    }
    let ids = |kind: &'static str| {
        items
            .iter()
            .filter(move |item| item.kind.as_deref() == Some(kind))
            .filter_map(|item| item.call_id.as_deref())
    };
    let called: std::collections::HashSet<&str> = ids("function_call").collect();
    let answered: std::collections::HashSet<&str> = ids("function_call_output").collect();
    let message = match ids("function_call_output").find(|id| !called.contains(id)) {
        Some(id) => format!("No tool call found for function call output with call_id {id}."),
        None => {
            let open = ids("function_call").find(|id| !answered.contains(id))?;
            format!("No tool output found for function call {open}.")
        }
    };
    Some(ApiError::new(Kind::Invalid, message).at("input"))
}
