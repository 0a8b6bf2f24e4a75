//! The parameters of `POST /v1/chat/completions`, a row each, and the order in which they are checked.
//!
//! A row states what holds for every model; `but` states what other families of models do with the parameter.

use super::messages::{self, CONTENT_PARTS};
use super::tools;
use crate::check::error_text;
use crate::check::limits::{
    self, FORMAT_NAME_CHARS, ID, MAX_STOPS, MAX_TOP_LOGPROBS, N_RANGE, PENALTY_RANGE, TEMPERATURE_RANGE,
    TOP_P_RANGE,
};
use crate::check::param::{But, Param, param};
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{
    Array, Either, Extra, JsonTypes, Map, Member, Need, Object, STRING, Shape, Tagged, closed, open,
    optional, required,
};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::{Family, ModelSpec};

/// The highest `n` of models that reason.
pub(super) const MAX_REASONING_CHOICES: i64 = 8;

const ANY_DECIMAL: Shape = Shape::Decimal(f64::NEG_INFINITY, f64::INFINITY);
const PENALTY: Shape = Shape::Decimal(PENALTY_RANGE.0, PENALTY_RANGE.1);
const AT_LEAST_ONE: Shape = Shape::Live(&Shape::Integer(Some(1), None));

/// `stop`, here and at the completions endpoint.
const STOP_SEQUENCES: Shape = Shape::Either(&Either {
    noun: "one of a string or array of strings",
    string: Some(&STRING),
    array: Some(&Shape::Array(&Array { noun: "an array of strings", min: 0, max: MAX_STOPS, item: &STRING })),
    object: None,
});

static MESSAGES: Param = param("messages", &messages::MESSAGES);
static TOOLS: Param = param("tools", &tools::TOOLS);
static TOOL_CHOICE: Param = param("tool_choice", &tools::TOOL_CHOICE);
static FUNCTIONS: Param = param("functions", &tools::FUNCTIONS);
static FUNCTION_CALL: Param = param("function_call", &tools::FUNCTION_CALL);
static PARALLEL_TOOL_CALLS: Param = Param {
    name: "parallel_tool_calls",
    shape: &Shape::Bool,
    but: &[(
        Family::Reasoning,
        But::Shape(Shape::All(&[Shape::Rule(JsonTypes::ANY, parallel_tool_calls), Shape::Bool])),
    )],
};

fn parallel_tool_calls(_: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    has(scope, path, |spec| spec.parallel_tool_calls)
}

/// Whether the model has the parameter at all.
fn has(scope: Scope, path: &Path<'_>, parameter: fn(&ModelSpec) -> bool) -> Result<(), ApiError> {
    let has = scope.live_spec.is_none_or(parameter);
    if has { Ok(()) } else { Err(error_text::unsupported_parameter(path, "")) }
}

pub(in crate::check) static TEMPERATURE: Param = Param {
    name: "temperature",
    shape: &Shape::Decimal(TEMPERATURE_RANGE.0, TEMPERATURE_RANGE.1),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
pub(in crate::check) static TOP_P: Param = Param {
    name: "top_p",
    shape: &Shape::Decimal(TOP_P_RANGE.0, TOP_P_RANGE.1),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
pub(in crate::check) static PRESENCE_PENALTY: Param =
    Param { name: "presence_penalty", shape: &PENALTY, but: &[(Family::Search, But::Incompatible)] };
pub(in crate::check) static FREQUENCY_PENALTY: Param =
    Param { name: "frequency_penalty", shape: &PENALTY, but: &[(Family::Search, But::Incompatible)] };
pub(in crate::check) static N: Param = Param {
    name: "n",
    shape: &Shape::Integer(Some(N_RANGE.0), Some(N_RANGE.1)),
    but: &[
        (Family::Reasoning, But::Shape(Shape::Integer(Some(1), Some(MAX_REASONING_CHOICES)))),
        (Family::Search, But::Incompatible),
    ],
};
static MAX_TOKENS: Param = Param {
    name: "max_tokens",
    shape: &AT_LEAST_ONE,
    but: &[(Family::Reasoning, But::Unsupported(" Use 'max_completion_tokens' instead."))],
};
static MAX_COMPLETION_TOKENS: Param = param("max_completion_tokens", &AT_LEAST_ONE);
static LOGPROBS: Param =
    Param { name: "logprobs", shape: &Shape::Bool, but: &[(Family::Search, But::Incompatible)] };
static TOP_LOGPROBS: Param = Param {
    name: "top_logprobs",
    shape: &Shape::Rule(JsonTypes::NUMBER, top_logprobs),
    but: &[(Family::Search, But::Incompatible)],
};

/// The live API checks the upper bound, which depends on the model, after whether `logprobs` is set.
fn top_logprobs(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let most = if scope.is_live() { None } else { Some(MAX_TOP_LOGPROBS) };
    Shape::Integer(Some(0), most).validate(value, path, scope)
}

pub(in crate::check) static LOGIT_BIAS: Param = Param {
    name: "logit_bias",
    shape: &Shape::Map(&Map {
        noun: "an object",
        max: usize::MAX,
        name_max: usize::MAX,
        value: &ANY_DECIMAL,
    }),
    but: &[(Family::Search, But::Incompatible)],
};
pub(in crate::check) static STOP: Param = Param {
    name: "stop",
    shape: &STOP_SEQUENCES,
    but: &[(Family::Reasoning, But::Shape(Shape::All(&[Shape::Rule(JsonTypes::ANY, stop), STOP_SEQUENCES])))],
};

fn stop(_: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    has(scope, path, |spec| spec.stop)
}

pub(in crate::check) static SEED: Param = param("seed", &Shape::Integer(Some(i64::MIN), Some(i64::MAX)));
pub(in crate::check) static USER: Param = param("user", &Shape::Live(&ID));
static SAFETY_IDENTIFIER: Param = param("safety_identifier", &ID);
static PROMPT_CACHE_KEY: Param = param("prompt_cache_key", &Shape::Live(&ID));
static STREAM: Param = Param {
    name: "stream",
    shape: &Shape::Bool,
    but: &[(Family::Reasoning, But::Shape(Shape::All(&[Shape::Bool, Shape::Rule(JsonTypes::ANY, stream)])))],
};
static STORE: Param = param("store", &Shape::Bool);

fn stream(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let refused = *value == Value::Bool(true) && scope.live_spec.is_some_and(|spec| !spec.streams);
    if refused { Err(error_text::unsupported_value(path, &shown(value), "")) } else { Ok(()) }
}

pub(in crate::check) static STREAM_OPTIONS: Param = param(
    "stream_options",
    &Shape::Object(&closed(&[
        optional("include_usage", &Shape::Bool),
        optional("include_obfuscation", &Shape::Bool),
    ])),
);

static METADATA: Param = param("metadata", &Shape::Live(&limits::METADATA));

const TWO_TIERS: But = But::Shape(Shape::Rule(JsonTypes::STRING, two_tiers));
static SERVICE_TIER: Param = Param {
    name: "service_tier",
    shape: &Shape::Rule(JsonTypes::STRING, service_tier),
    but: &[(Family::Classic, TWO_TIERS), (Family::Audio, TWO_TIERS)],
};

/// The classic models had two tiers when they were recorded, and have a third since.
fn two_tiers(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    match value.as_str() {
        Some("priority") => Ok(()),
        _ => Shape::OneOf(&["auto", "default"]).validate(value, path, scope),
    }
}

fn service_tier(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if !scope.is_live() {
        let tiers = Shape::OneOf(&["auto", "default", "flex", "scale", "priority", "fast"]);
        return tiers.validate(value, path, scope);
    }
    // Tiers that exist, but not for every project.
    if let Some("ultrafast" | "scale") = value.as_str() {
        return Err(ApiError::new(Kind::Invalid, "Invalid service_tier argument").at("service_tier"));
    }
    Shape::OneOf(&["auto", "default", "fast", "flex", "priority"]).validate(value, path, scope)
}

static PROMPT_CACHE_RETENTION: Param =
    param("prompt_cache_retention", &Shape::Rule(JsonTypes::STRING, prompt_cache_retention));

fn prompt_cache_retention(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let message = match value.as_str() {
        // Models from gpt-5.6 on keep prompts for a day only.
        Some("in_memory") if scope.live_spec.is_some_and(|spec| !spec.in_memory_cache) => {
            "This model is compatible only with 24h extended prompt caching"
        }
        Some("in_memory" | "24h") => return Ok(()),
        Some(_) if scope.is_live() => "Invalid prompt_cache_retention argument",
        _ => return Shape::OneOf(&["in_memory", "24h"]).validate(value, path, scope),
    };
    Err(ApiError::new(Kind::Invalid, message).at(path.to_string()))
}

static PROMPT_CACHE_OPTIONS: Param = param(
    "prompt_cache_options",
    &Shape::Object(&closed(&[
        optional("ttl", &Shape::OneOf(&["30m"])),
        optional("mode", &Shape::OneOf(&["implicit", "explicit"])),
    ])),
);

static RESPONSE_FORMAT: Param = param(
    "response_format",
    &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("json_object", &closed(&[])),
            ("json_schema", &closed(&[required("json_schema", &JSON_SCHEMA)])),
            ("text", &closed(&[])),
        ],
    }),
);

static JSON_SCHEMA: Shape = Shape::Object(&closed(&[
    required("name", &Shape::Live(&Shape::String(&FORMAT_NAME_CHARS))),
    optional("description", &STRING),
    Member { name: "schema", shape: &Shape::Object(&open(&[])), need: Need::RequiredLive },
    optional("strict", &Shape::Bool),
]));

static REASONING_EFFORT: Param = Param {
    name: "reasoning_effort",
    shape: &Shape::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    but: &[
        // Refused by a later rule, whatever the value.
        (Family::Classic, But::Shape(Shape::Any)),
        (Family::Audio, But::Shape(Shape::Any)),
        (Family::Search, But::Shape(Shape::Any)),
        (Family::Reasoning, But::Shape(Shape::Rule(JsonTypes::STRING, reasoning_effort))),
    ],
};

fn reasoning_effort(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let efforts = scope.live_spec.map_or(&[][..], |spec| spec.efforts);
    match value.as_str() {
        _ if efforts.is_empty() => Err(error_text::unsupported_parameter(path, "")),
        Some(effort) if efforts.contains(&effort) => Ok(()),
        _ => {
            let rest = format!(" Supported values are: {}.", error_text::list(efforts, "and"));
            Err(error_text::unsupported_value(path, &shown(value), &rest))
        }
    }
}

/// A value that is not supported, as the API shows it: Python's `repr`, but for booleans.
fn shown(value: &Value<'_>) -> String {
    if let Value::Bool(value) = value { value.to_string() } else { value.python() }
}

static VERBOSITY: Param = param(
    "verbosity",
    &Shape::All(&[Shape::OneOf(&["low", "medium", "high"]), Shape::Rule(JsonTypes::STRING, verbosity)]),
);

fn verbosity(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if value.as_str() == Some("medium") || scope.live_spec.is_none_or(|spec| spec.verbosity) {
        return Ok(());
    }
    Err(error_text::unsupported_value(path, &shown(value), " Supported values are: 'medium'."))
}

static PREDICTION: Param = Param {
    name: "prediction",
    shape: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[(
            "content",
            &open(&[required(
                "content",
                &Shape::Either(&Either {
                    noun: "one of a string or array of objects",
                    string: Some(&STRING),
                    array: Some(&CONTENT_PARTS),
                    object: None,
                }),
            )]),
        )],
    }),
    but: &[(Family::Reasoning, But::Unsupported(""))],
};

static MODALITIES: Param = Param {
    name: "modalities",
    shape: &Shape::All(&[
        Shape::Array(&Array {
            noun: "an array of strings",
            min: 0,
            max: usize::MAX,
            item: &Shape::OneOf(&["text", "audio"]),
        }),
        Shape::Rule(JsonTypes::ARRAY, modalities),
    ]),
    but: &[(Family::Reasoning, But::Unknown)],
};

fn modalities(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if !scope.is_live() {
        return Ok(());
    }
    let items = value.as_array().unwrap_or_default();
    let text = items.iter().filter(|item| item.as_str() == Some("text")).count();
    let (message, param) = match (text, items.len() - text) {
        (1, 0) => return Ok(()),
        (1, 1) if scope.family() == Family::Any || scope.family() == Family::Audio => return Ok(()),
        (1, 1) => ("The selected model does not support audio modality.".to_owned(), path.to_string()),
        _ => (
            "Invalid value for 'modalities'. Only ['text'] and ['text', 'audio'] are supported.".to_owned(),
            path.to_string(),
        ),
    };
    Err(ApiError::new(Kind::InvalidValue, message).at(param))
}

static AUDIO: Param = Param {
    name: "audio",
    shape: &Shape::Object(&open(&[
        required("voice", &VOICE),
        required("format", &Shape::OneOf(&["mp3", "opus", "aac", "flac", "wav", "pcm16"])),
    ])),
    but: &[(Family::Reasoning, But::Unknown)],
};

static VOICE: Shape = Shape::Either(&Either {
    noun: "one of a string or object",
    string: Some(&STRING),
    array: None,
    object: Some(&Shape::Object(&Object { members: &[required("id", &STRING)], extra: Extra::Refused })),
});

static WEB_SEARCH_OPTIONS: Param = Param {
    name: "web_search_options",
    shape: &Shape::Object(&open(&[
        optional("search_context_size", &Shape::OneOf(&["low", "medium", "high"])),
        optional("user_location", &USER_LOCATION),
    ])),
    but: &[(Family::Reasoning, But::Unknown)],
};

static USER_LOCATION: Shape = Shape::Object(&open(&[
    required("type", &Shape::OneOf(&["approximate"])),
    required(
        "approximate",
        &Shape::Object(&open(&[
            optional("country", &STRING),
            optional("region", &STRING),
            optional("city", &STRING),
            optional("timezone", &STRING),
        ])),
    ),
]));

static MODERATION: Param = param(
    "moderation",
    &Shape::Object(&open(&[
        required("model", &STRING),
        optional(
            "policy",
            &Shape::Object(&open(&[
                optional("input", &MODERATION_SIDE),
                optional("output", &MODERATION_SIDE),
            ])),
        ),
    ])),
);

static MODERATION_SIDE: Shape = Shape::Object(&open(&[required("mode", &Shape::OneOf(&["score", "block"]))]));

/// The parameters of a chat request, in the order in which the live API checks them: measured with one fault against
/// another (2025-03 for the classic models, 2026-08 for those that reason); where a pair was never seen, it is the
/// published schema's. The second member of a row is the parameter after which models that reason check it, where
/// that is not its place in the list.
static ORDER: &[(&Param, Option<&Param>)] = &[
    (&MESSAGES, None),
    (&FUNCTIONS, None),
    (&FUNCTION_CALL, None),
    (&TOOLS, None),
    (&TOOL_CHOICE, None),
    (&PARALLEL_TOOL_CALLS, None),
    (&MAX_TOKENS, Some(&SERVICE_TIER)),
    (&MAX_COMPLETION_TOKENS, None),
    (&N, None),
    (&TEMPERATURE, None),
    (&TOP_P, None),
    (&STOP, Some(&LOGIT_BIAS)),
    (&PRESENCE_PENALTY, None),
    (&FREQUENCY_PENALTY, None),
    (&MODALITIES, Some(&VERBOSITY)),
    (&AUDIO, Some(&VERBOSITY)),
    (&LOGPROBS, None),
    (&TOP_LOGPROBS, None),
    (&USER, None),
    (&SEED, None),
    (&MODERATION, None),
    (&SAFETY_IDENTIFIER, None),
    (&PROMPT_CACHE_OPTIONS, None),
    (&PROMPT_CACHE_KEY, None),
    (&PROMPT_CACHE_RETENTION, None),
    (&RESPONSE_FORMAT, None),
    (&SERVICE_TIER, None),
    (&REASONING_EFFORT, None),
    (&LOGIT_BIAS, None),
    (&STREAM, None),
    (&STREAM_OPTIONS, None),
    (&STORE, None),
    (&METADATA, None),
    (&PREDICTION, None),
    (&VERBOSITY, None),
    (&WEB_SEARCH_OPTIONS, None),
];

/// The parameters of a chat request, in no particular order.
pub(in crate::check) fn all() -> impl Iterator<Item = &'static Param> {
    ORDER.iter().map(|(param, _)| *param)
}

/// The parameters of a chat request, in the order in which a family of models checks them.
pub(super) fn in_order(family: Family) -> Vec<&'static Param> {
    if family != Family::Reasoning {
        return all().collect();
    }
    let in_place = ORDER.iter().filter(|(_, after)| after.is_none()).map(|(param, _)| *param);
    let moved_behind = |name: &'static str| {
        let moved = move |after: &Option<&Param>| after.is_some_and(|after| after.name == name);
        ORDER.iter().filter(move |(_, after)| moved(after)).map(|(param, _)| *param)
    };
    in_place.flat_map(|param| std::iter::once(param).chain(moved_behind(param.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_reason_check_some_parameters_later() {
        let names = |family| in_order(family).iter().map(|param| param.name).collect::<Vec<_>>();
        let (classic, reasoning) = (names(Family::Classic), names(Family::Reasoning));
        let place = |list: &[&str], name| list.iter().position(|other| *other == name).expect("a parameter");
        assert_eq!(classic.len(), reasoning.len());
        assert!(place(&classic, "max_tokens") < place(&classic, "n"));
        assert_eq!(place(&reasoning, "max_tokens"), place(&reasoning, "service_tier") + 1);
        assert_eq!(place(&reasoning, "stop"), place(&reasoning, "logit_bias") + 1);
        assert_eq!(reasoning[reasoning.len() - 3..], ["modalities", "audio", "web_search_options"]);
    }

    #[test]
    fn the_wire_type_has_every_parameter() {
        let members: Vec<String> =
            in_order(Family::Any).iter().map(|param| format!("\"{}\":null", param.name)).collect();
        let body = format!("{{\"model\":null,{}}}", members.join(","));
        let request: crate::api::chat::Request<'_> = crate::json::from_str(&body).expect("an object");
        assert!(request.extra.is_empty(), "not read by the wire type: {:?}", request.extra);
    }
}
