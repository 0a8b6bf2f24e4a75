//! The parameters of `POST /v1/chat/completions`: one row each, and the order the live API looks at them.
//!
//! A row says what holds for every model; `but` says what other families of models do with it. The order is
//! the one measured with one fault against another (2025-03 for the classic models, 2026-08 for those that
//! reason); where a pair was never seen, it is the published schema's.

use super::messages::{CONTENT_PART, MESSAGES};
use super::models::Family;
use super::shape::{
    Array, Chars, Either, Map, Object, Path, STRING, Scope, Shape, Tagged, optional, required,
};
use super::tools::{FUNCTION_CALL, FUNCTIONS, NAME_64, TOOL_CHOICE, TOOLS};
use super::tree::Value;
use super::wording;
use crate::error::{ApiError, Kind};

/// A parameter, and what must be true of it.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// What families of models do that the shape does not say.
    pub(super) but: &'static [(Family, But)],
}

/// How a family of models treats a parameter differently.
#[derive(Debug)]
pub(super) enum But {
    /// It has another shape.
    Shape(Shape),
    /// It is not supported, whatever the value; with what the message adds.
    Unsupported(&'static str),
    /// It is not supported, in the words of the models that search.
    Incompatible,
    /// It is as unknown as any other name.
    Unknown,
}

impl Param {
    fn but(&self, family: Family) -> Option<&But> {
        self.but.iter().find(|(of, _)| *of == family).map(|(_, but)| but)
    }

    /// Whether a family of models knows the name at all.
    pub(super) fn known_to(&self, family: Family) -> bool {
        !matches!(self.but(family), Some(But::Unknown))
    }

    /// Words what is wrong with the parameter's value, which is not null.
    pub(super) fn judge(&self, value: &Value<'_>, scope: Scope) -> Result<(), ApiError> {
        let root = Path::ROOT;
        let path = root.key(self.name);
        match self.but(scope.family()) {
            None | Some(But::Unknown) => self.shape.judge(value, &path, scope),
            Some(But::Shape(shape)) => shape.judge(value, &path, scope),
            Some(But::Unsupported(hint)) => Err(wording::unsupported_parameter(&path, hint)),
            Some(But::Incompatible) => Err(ApiError::new(
                Kind::Invalid,
                format!("Model incompatible request argument supplied: {path}"),
            )),
        }
    }
}

/// A parameter that all models treat alike.
pub(super) const fn param(name: &'static str, shape: Shape) -> Param {
    Param { name, shape, but: &[] }
}

const ANY_DECIMAL: Shape = Shape::Decimal(f64::NEG_INFINITY, f64::INFINITY);
const SHORT: Shape = Shape::String(&Chars { min: 0, max: 64, pattern: None });
const AT_LEAST_ONE: Shape = Shape::Integer(Some(1), None);

static CHAT_MESSAGES: Param = param("messages", MESSAGES);
static TOOLS_PARAM: Param = param("tools", TOOLS);
static TOOL_CHOICE_PARAM: Param = param("tool_choice", TOOL_CHOICE);
static FUNCTIONS_PARAM: Param = param("functions", FUNCTIONS);
static FUNCTION_CALL_PARAM: Param = param("function_call", FUNCTION_CALL);
static PARALLEL_TOOL_CALLS: Param = param("parallel_tool_calls", Shape::Bool);

static TEMPERATURE: Param = Param {
    name: "temperature",
    shape: Shape::Decimal(0.0, 2.0),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
static TOP_P: Param = Param {
    name: "top_p",
    shape: Shape::Decimal(0.0, 1.0),
    but: &[(Family::Reasoning, But::Shape(ANY_DECIMAL)), (Family::Search, But::Incompatible)],
};
static PRESENCE_PENALTY: Param = Param {
    name: "presence_penalty",
    shape: Shape::Decimal(-2.0, 2.0),
    but: &[(Family::Search, But::Incompatible)],
};
static FREQUENCY_PENALTY: Param = Param {
    name: "frequency_penalty",
    shape: Shape::Decimal(-2.0, 2.0),
    but: &[(Family::Search, But::Incompatible)],
};
static N: Param = Param {
    name: "n",
    shape: Shape::Integer(Some(1), Some(128)),
    but: &[
        (Family::Reasoning, But::Shape(Shape::Integer(Some(1), Some(8)))),
        (Family::Search, But::Incompatible),
    ],
};
static MAX_TOKENS: Param = Param {
    name: "max_tokens",
    shape: AT_LEAST_ONE,
    but: &[(Family::Reasoning, But::Unsupported(" Use 'max_completion_tokens' instead."))],
};
static MAX_COMPLETION_TOKENS: Param = param("max_completion_tokens", AT_LEAST_ONE);
static LOGPROBS: Param =
    Param { name: "logprobs", shape: Shape::Bool, but: &[(Family::Search, But::Incompatible)] };
// The upper bound depends on the model and is worded by hand, after whether `logprobs` is set.
static TOP_LOGPROBS: Param = Param {
    name: "top_logprobs",
    shape: Shape::Integer(Some(0), None),
    but: &[(Family::Search, But::Incompatible)],
};
static LOGIT_BIAS: Param = Param {
    name: "logit_bias",
    shape: Shape::Map(&Map { noun: "an object", max: 1024, name_max: usize::MAX, value: &ANY_DECIMAL }),
    but: &[(Family::Search, But::Incompatible)],
};
static STOP: Param = Param {
    name: "stop",
    shape: Shape::Either(&Either {
        noun: "one of a string or array of strings",
        string: Some(&STRING),
        array: Some(&Shape::Array(&Array { noun: "an array of strings", min: 0, max: 4, item: &STRING })),
        object: None,
    }),
    but: &[(Family::Reasoning, But::Unsupported(""))],
};
static SEED: Param = param("seed", Shape::Integer(Some(i64::MIN), Some(i64::MAX)));
static USER: Param = param("user", SHORT);
static SAFETY_IDENTIFIER: Param = param("safety_identifier", SHORT);
static PROMPT_CACHE_KEY: Param = param("prompt_cache_key", SHORT);
static STREAM: Param = param("stream", Shape::Bool);
static STORE: Param = param("store", Shape::Bool);

static STREAM_OPTIONS: Param = param(
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

static METADATA: Param = param(
    "metadata",
    Shape::Map(&Map {
        noun: "a metadata object",
        max: 16,
        name_max: 64,
        value: &Shape::String(&LABEL_VALUE),
    }),
);

// The classic models knew two tiers when they were recorded.
const TWO_TIERS: But = But::Shape(Shape::OneOf(&["auto", "default"]));
static SERVICE_TIER: Param = Param {
    name: "service_tier",
    shape: Shape::Rule(service_tier),
    but: &[(Family::Classic, TWO_TIERS), (Family::Audio, TWO_TIERS)],
};

fn service_tier(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    // Tiers that exist, but not for this project.
    if let Some("ultrafast" | "scale") = value.as_str() {
        return Err(ApiError::new(Kind::Invalid, "Invalid service_tier argument").at("service_tier"));
    }
    Shape::OneOf(&["auto", "default", "fast", "flex", "priority"]).judge(value, path, scope)
}

static PROMPT_CACHE_RETENTION: Param = param("prompt_cache_retention", Shape::Rule(prompt_cache_retention));

fn prompt_cache_retention(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let message = match value.as_str() {
        // Models from gpt-5.6 on keep prompts for a day only.
        Some("in_memory") if scope.card.is_some_and(|card| card.id.starts_with("gpt-5.6")) => {
            "This model is compatible only with 24h extended prompt caching"
        }
        Some("in_memory" | "24h") => return Ok(()),
        Some(_) => "Invalid prompt_cache_retention argument",
        None => return Shape::OneOf(&["in_memory", "24h"]).judge(value, path, scope),
    };
    Err(ApiError::new(Kind::Invalid, message).at(path.to_string()))
}

static PROMPT_CACHE_OPTIONS: Param = param(
    "prompt_cache_options",
    Shape::Object(&Object {
        members: &[
            optional("ttl", &Shape::OneOf(&["30m"])),
            optional("mode", &Shape::OneOf(&["implicit", "explicit"])),
        ],
        closed: true,
    }),
);

static RESPONSE_FORMAT: Param = param(
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

static REASONING_EFFORT: Param = Param {
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
    let efforts = scope.card.map_or(&[][..], |card| card.efforts);
    match value.as_str() {
        _ if efforts.is_empty() => Err(wording::unsupported_parameter(path, "")),
        Some(effort) if efforts.contains(&effort) => Ok(()),
        _ => {
            let rest = format!(" Supported values are: {}.", wording::list(efforts, "and"));
            Err(wording::unsupported_value(path, &value.python(), &rest))
        }
    }
}

static VERBOSITY: Param = Param {
    name: "verbosity",
    shape: Shape::OneOf(&["low", "medium", "high"]),
    but: &[(Family::Classic, But::Shape(Shape::Rule(verbosity)))],
};

fn verbosity(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    VERBOSITY.shape.judge(value, path, scope)?;
    if value.as_str() == Some("medium") {
        return Ok(());
    }
    Err(wording::unsupported_value(path, &value.python(), " Supported values are: 'medium'."))
}

static PREDICTION: Param = Param {
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
                        array: Some(&Shape::Array(&Array {
                            noun: "an array of objects",
                            min: 0,
                            max: usize::MAX,
                            item: &CONTENT_PART,
                        })),
                        object: None,
                    }),
                )],
                closed: false,
            },
        )],
    }),
    but: &[(Family::Reasoning, But::Unsupported(""))],
};

static MODALITIES: Param = Param {
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

static AUDIO: Param = Param {
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

static WEB_SEARCH_OPTIONS: Param = Param {
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

static MODERATION: Param = param(
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

/// The order in which models that reason look at parameters, measured in 2026-08.
static REASONING: &[&Param] = &[
    &CHAT_MESSAGES,
    &FUNCTIONS_PARAM,
    &FUNCTION_CALL_PARAM,
    &TOOLS_PARAM,
    &TOOL_CHOICE_PARAM,
    &PARALLEL_TOOL_CALLS,
    &MAX_COMPLETION_TOKENS,
    &N,
    &TEMPERATURE,
    &TOP_P,
    &PRESENCE_PENALTY,
    &FREQUENCY_PENALTY,
    &LOGPROBS,
    &TOP_LOGPROBS,
    &USER,
    &SEED,
    &MODERATION,
    &SAFETY_IDENTIFIER,
    &PROMPT_CACHE_OPTIONS,
    &PROMPT_CACHE_KEY,
    &PROMPT_CACHE_RETENTION,
    &RESPONSE_FORMAT,
    &SERVICE_TIER,
    &MAX_TOKENS,
    &REASONING_EFFORT,
    &LOGIT_BIAS,
    &STOP,
    &STREAM,
    &STREAM_OPTIONS,
    &STORE,
    &METADATA,
    &PREDICTION,
    &VERBOSITY,
    &MODALITIES,
    &AUDIO,
    &WEB_SEARCH_OPTIONS,
];

/// The order of all others: that of 2025-03, which had `stop` before `modalities` before `logprobs`.
static CLASSIC: &[&Param] = &[
    &CHAT_MESSAGES,
    &FUNCTIONS_PARAM,
    &FUNCTION_CALL_PARAM,
    &TOOLS_PARAM,
    &TOOL_CHOICE_PARAM,
    &PARALLEL_TOOL_CALLS,
    &MAX_TOKENS,
    &MAX_COMPLETION_TOKENS,
    &N,
    &TEMPERATURE,
    &TOP_P,
    &STOP,
    &PRESENCE_PENALTY,
    &FREQUENCY_PENALTY,
    &MODALITIES,
    &AUDIO,
    &LOGPROBS,
    &TOP_LOGPROBS,
    &USER,
    &SEED,
    &MODERATION,
    &SAFETY_IDENTIFIER,
    &PROMPT_CACHE_OPTIONS,
    &PROMPT_CACHE_KEY,
    &PROMPT_CACHE_RETENTION,
    &RESPONSE_FORMAT,
    &SERVICE_TIER,
    &REASONING_EFFORT,
    &LOGIT_BIAS,
    &STREAM,
    &STREAM_OPTIONS,
    &STORE,
    &METADATA,
    &PREDICTION,
    &VERBOSITY,
    &WEB_SEARCH_OPTIONS,
];

/// The parameters of a chat request, in the order a family of models looks at them.
pub(super) fn chat(family: Family) -> &'static [&'static Param] {
    if family == Family::Reasoning { REASONING } else { CLASSIC }
}
