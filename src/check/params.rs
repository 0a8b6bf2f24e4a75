//! The parameters of `POST /v1/chat/completions`, a row each.
//!
//! A row says what holds for every model; `but` says what other families of models do with it. The order
//! they are looked at is [`super::order`]'s.

use super::error_text;
use super::messages::{self, CONTENT_PARTS};
use super::param::{But, Param, param};
use super::shape::{
    Array, Chars, Either, Map, Object, Path, STRING, Scope, Shape, Tagged, optional, required,
};
use super::tools::{self, NAME_64};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::{Family, ModelSpec};

const ANY_DECIMAL: Shape = Shape::Decimal(f64::NEG_INFINITY, f64::INFINITY);
const SHORT: Shape = Shape::String(&Chars { min: 0, max: 64, pattern: None });
const AT_LEAST_ONE: Shape = Shape::Integer(Some(1), None);

/// Where to stop, here and at the text endpoint.
pub(super) const STOP_SEQUENCES: Shape = Shape::Either(&Either {
    noun: "one of a string or array of strings",
    string: Some(&STRING),
    array: Some(&Shape::Array(&Array { noun: "an array of strings", min: 0, max: 4, item: &STRING })),
    object: None,
});
/// Biases by token, here and at the text endpoint.
pub(super) const BIASES: Shape =
    Shape::Map(&Map { noun: "an object", max: 1024, name_max: usize::MAX, value: &ANY_DECIMAL });

pub(super) static MESSAGES: Param = param("messages", messages::MESSAGES);
pub(super) static TOOLS: Param = param("tools", tools::TOOLS);
pub(super) static TOOL_CHOICE: Param = param("tool_choice", tools::TOOL_CHOICE);
pub(super) static FUNCTIONS: Param = param("functions", tools::FUNCTIONS);
pub(super) static FUNCTION_CALL: Param = param("function_call", tools::FUNCTION_CALL);
pub(super) static PARALLEL_TOOL_CALLS: Param = Param {
    name: "parallel_tool_calls",
    shape: Shape::Bool,
    but: &[(Family::Reasoning, But::Shape(Shape::All(&[Shape::Rule(parallel_tool_calls), Shape::Bool])))],
};

fn parallel_tool_calls(_: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    has(scope, path, |spec| spec.parallel_tool_calls)
}

/// Whether the model has the parameter at all.
fn has(scope: Scope, path: &Path<'_>, parameter: fn(&ModelSpec) -> bool) -> Result<(), ApiError> {
    let has = scope.spec.is_none_or(parameter);
    if has { Ok(()) } else { Err(error_text::unsupported_parameter(path, "")) }
}

pub(super) static TEMPERATURE: Param = Param {
    name: "temperature",
    shape: Shape::Decimal(0.0, 2.0),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
pub(super) static TOP_P: Param = Param {
    name: "top_p",
    shape: Shape::Decimal(0.0, 1.0),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
pub(super) static PRESENCE_PENALTY: Param = Param {
    name: "presence_penalty",
    shape: Shape::Decimal(-2.0, 2.0),
    but: &[(Family::Search, But::Incompatible)],
};
pub(super) static FREQUENCY_PENALTY: Param = Param {
    name: "frequency_penalty",
    shape: Shape::Decimal(-2.0, 2.0),
    but: &[(Family::Search, But::Incompatible)],
};
pub(super) static N: Param = Param {
    name: "n",
    shape: Shape::Integer(Some(1), Some(128)),
    but: &[
        (Family::Reasoning, But::Shape(Shape::Integer(Some(1), Some(8)))),
        (Family::Search, But::Incompatible),
    ],
};
pub(super) static MAX_TOKENS: Param = Param {
    name: "max_tokens",
    shape: AT_LEAST_ONE,
    but: &[(Family::Reasoning, But::Unsupported(" Use 'max_completion_tokens' instead."))],
};
pub(super) static MAX_COMPLETION_TOKENS: Param = param("max_completion_tokens", AT_LEAST_ONE);
pub(super) static LOGPROBS: Param =
    Param { name: "logprobs", shape: Shape::Bool, but: &[(Family::Search, But::Incompatible)] };
// The upper bound depends on the model and is worded by hand, after whether `logprobs` is set.
pub(super) static TOP_LOGPROBS: Param = Param {
    name: "top_logprobs",
    shape: Shape::Integer(Some(0), None),
    but: &[(Family::Search, But::Incompatible)],
};
pub(super) static LOGIT_BIAS: Param =
    Param { name: "logit_bias", shape: BIASES, but: &[(Family::Search, But::Incompatible)] };
pub(super) static STOP: Param = Param {
    name: "stop",
    shape: STOP_SEQUENCES,
    but: &[(Family::Reasoning, But::Shape(Shape::All(&[Shape::Rule(stop), STOP_SEQUENCES])))],
};

fn stop(_: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    has(scope, path, |spec| spec.stop)
}

pub(super) static SEED: Param = param("seed", Shape::Integer(Some(i64::MIN), Some(i64::MAX)));
pub(super) static USER: Param = param("user", SHORT);
pub(super) static SAFETY_IDENTIFIER: Param = param("safety_identifier", SHORT);
pub(super) static PROMPT_CACHE_KEY: Param = param("prompt_cache_key", SHORT);
pub(super) static STREAM: Param = Param {
    name: "stream",
    shape: Shape::Bool,
    but: &[(Family::Reasoning, But::Shape(Shape::All(&[Shape::Bool, Shape::Rule(stream)])))],
};
pub(super) static STORE: Param = param("store", Shape::Bool);

fn stream(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let refused = *value == Value::Bool(true) && scope.spec.is_some_and(|spec| !spec.streams);
    if refused { Err(error_text::unsupported_value(path, &shown(value), "")) } else { Ok(()) }
}

pub(super) static STREAM_OPTIONS: Param = param(
    "stream_options",
    Shape::Object(&Object {
        members: &[optional("include_usage", &Shape::Bool), optional("include_obfuscation", &Shape::Bool)],
        closed: true,
    }),
);

/// How long a name of `metadata` may be.
pub(super) static LABEL_NAME: Chars = Chars { min: 0, max: 64, pattern: None };
/// How long a value of `metadata` may be.
pub(super) static LABEL_VALUE: Chars = Chars { min: 0, max: 512, pattern: None };

pub(super) static METADATA: Param = param(
    "metadata",
    Shape::Map(&Map {
        noun: "a metadata object",
        max: 16,
        name_max: 64,
        value: &Shape::String(&LABEL_VALUE),
    }),
);

const TWO_TIERS: But = But::Shape(Shape::Rule(two_tiers));
pub(super) static SERVICE_TIER: Param = Param {
    name: "service_tier",
    shape: Shape::Rule(service_tier),
    but: &[(Family::Classic, TWO_TIERS), (Family::Audio, TWO_TIERS)],
};

/// The classic models knew two tiers when they were recorded, and got a third since.
fn two_tiers(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    match value.as_str() {
        Some("priority") => Ok(()),
        _ => Shape::OneOf(&["auto", "default"]).validate(value, path, scope),
    }
}

fn service_tier(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    // Tiers that exist, but not for this project.
    if let Some("ultrafast" | "scale") = value.as_str() {
        return Err(ApiError::new(Kind::Invalid, "Invalid service_tier argument").at("service_tier"));
    }
    Shape::OneOf(&["auto", "default", "fast", "flex", "priority"]).validate(value, path, scope)
}

pub(super) static PROMPT_CACHE_RETENTION: Param =
    param("prompt_cache_retention", Shape::Rule(prompt_cache_retention));

fn prompt_cache_retention(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let message = match value.as_str() {
        // Models from gpt-5.6 on keep prompts for a day only.
        Some("in_memory") if scope.spec.is_some_and(|spec| !spec.in_memory_cache) => {
            "This model is compatible only with 24h extended prompt caching"
        }
        Some("in_memory" | "24h") => return Ok(()),
        Some(_) => "Invalid prompt_cache_retention argument",
        None => return Shape::OneOf(&["in_memory", "24h"]).validate(value, path, scope),
    };
    Err(ApiError::new(Kind::Invalid, message).at(path.to_string()))
}

pub(super) static PROMPT_CACHE_OPTIONS: Param = param(
    "prompt_cache_options",
    Shape::Object(&Object {
        members: &[
            optional("ttl", &Shape::OneOf(&["30m"])),
            optional("mode", &Shape::OneOf(&["implicit", "explicit"])),
        ],
        closed: true,
    }),
);

pub(super) static RESPONSE_FORMAT: Param = param(
    "response_format",
    Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("json_object", &Object { members: &[], closed: true }),
            (
                "json_schema",
                &Object {
                    members: &[required(
                        "json_schema",
                        &Shape::Object(&Object {
                            members: &[
                                required("name", &NAME_64),
                                optional("description", &STRING),
                                required("schema", &Shape::Object(&Object { members: &[], closed: false })),
                                optional("strict", &Shape::Bool),
                            ],
                            closed: true,
                        }),
                    )],
                    closed: true,
                },
            ),
            ("text", &Object { members: &[], closed: true }),
        ],
    }),
);

pub(super) static REASONING_EFFORT: Param = Param {
    name: "reasoning_effort",
    shape: Shape::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    but: &[
        // Said later, whatever the value.
        (Family::Classic, But::Shape(Shape::Any)),
        (Family::Audio, But::Shape(Shape::Any)),
        (Family::Search, But::Shape(Shape::Any)),
        (Family::Reasoning, But::Shape(Shape::Rule(reasoning_effort))),
    ],
};

fn reasoning_effort(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let efforts = scope.spec.map_or(&[][..], |spec| spec.efforts);
    match value.as_str() {
        _ if efforts.is_empty() => Err(error_text::unsupported_parameter(path, "")),
        Some(effort) if efforts.contains(&effort) => Ok(()),
        _ => {
            let rest = format!(" Supported values are: {}.", error_text::list(efforts, "and"));
            Err(error_text::unsupported_value(path, &shown(value), &rest))
        }
    }
}

/// A value that is not supported: as Python shows it, but for booleans.
fn shown(value: &Value<'_>) -> String {
    if let Value::Bool(value) = value { value.to_string() } else { value.python() }
}

pub(super) static VERBOSITY: Param =
    param("verbosity", Shape::All(&[Shape::OneOf(&["low", "medium", "high"]), Shape::Rule(verbosity)]));

fn verbosity(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if value.as_str() == Some("medium") || scope.spec.is_none_or(|spec| spec.verbosity) {
        return Ok(());
    }
    Err(error_text::unsupported_value(path, &shown(value), " Supported values are: 'medium'."))
}

pub(super) static PREDICTION: Param = Param {
    name: "prediction",
    shape: Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[(
            "content",
            &Object {
                members: &[required(
                    "content",
                    &Shape::Either(&Either {
                        noun: "one of a string or array of objects",
                        string: Some(&STRING),
                        array: Some(&CONTENT_PARTS),
                        object: None,
                    }),
                )],
                closed: false,
            },
        )],
    }),
    but: &[(Family::Reasoning, But::Unsupported(""))],
};

pub(super) static MODALITIES: Param = Param {
    name: "modalities",
    shape: Shape::All(&[
        Shape::Array(&Array {
            noun: "an array of strings",
            min: 0,
            max: usize::MAX,
            item: &Shape::OneOf(&["text", "audio"]),
        }),
        Shape::Rule(modalities),
    ]),
    but: &[(Family::Reasoning, But::Unknown)],
};

fn modalities(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
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

pub(super) static AUDIO: Param = Param {
    name: "audio",
    shape: Shape::Object(&Object {
        members: &[
            required("voice", &VOICE),
            required("format", &Shape::OneOf(&["mp3", "opus", "aac", "flac", "wav", "pcm16"])),
        ],
        closed: false,
    }),
    but: &[(Family::Reasoning, But::Unknown)],
};

static VOICE: Shape = Shape::Either(&Either {
    noun: "one of a string or object",
    string: Some(&STRING),
    array: None,
    object: Some(&Shape::Object(&Object { members: &[required("id", &STRING)], closed: true })),
});

pub(super) static WEB_SEARCH_OPTIONS: Param = Param {
    name: "web_search_options",
    shape: Shape::Object(&Object {
        members: &[
            optional("search_context_size", &Shape::OneOf(&["low", "medium", "high"])),
            optional("user_location", &USER_LOCATION),
        ],
        closed: false,
    }),
    but: &[(Family::Reasoning, But::Unknown)],
};

static USER_LOCATION: Shape = Shape::Object(&Object {
    members: &[
        required("type", &Shape::OneOf(&["approximate"])),
        required(
            "approximate",
            &Shape::Object(&Object {
                members: &[
                    optional("country", &STRING),
                    optional("region", &STRING),
                    optional("city", &STRING),
                    optional("timezone", &STRING),
                ],
                closed: false,
            }),
        ),
    ],
    closed: false,
});

pub(super) static MODERATION: Param = param(
    "moderation",
    Shape::Object(&Object {
        members: &[
            required("model", &STRING),
            optional(
                "policy",
                &Shape::Object(&Object {
                    members: &[optional("input", &MODERATION_SIDE), optional("output", &MODERATION_SIDE)],
                    closed: false,
                }),
            ),
        ],
        closed: false,
    }),
);

static MODERATION_SIDE: Shape = Shape::Object(&Object {
    members: &[required("mode", &Shape::OneOf(&["score", "block"]))],
    closed: false,
});
