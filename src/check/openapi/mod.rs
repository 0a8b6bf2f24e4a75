//! What OpenAI's published OpenAPI schema says of the two requests, and nothing else: the rules of
//! `PORTCULLIS_VALIDATION=schema`, and of requests that go to an upstream.
//!
//! The schema allows null for every optional parameter, but for few members further in; it closes no object
//! but two; an integer is what JSON Schema calls one.

pub(super) mod messages;
mod tools;

use self::messages::TEXT_CONTENT;
use super::error_text;
use super::param::{Param, param};
use super::shape::{
    Array, Chars, Either, Map, Object, Path, STRING, Scope, Shape, Tagged, not_null, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

const ANY_INTEGER: Shape = Shape::Integer(None, None);
const TEXT: Shape = Shape::String(&Chars { min: 0, max: usize::MAX, pattern: None });
const TWO: Shape = Shape::Decimal(-2.0, 2.0);
static ANY_OBJECT: Shape = Shape::Object(&Object { members: &[], closed: false });

const fn open(members: &'static [super::shape::Member]) -> Object {
    Object { members, closed: false }
}

static STOP: Param = param(
    "stop",
    Shape::Either(&Either {
        noun: "one of a string or array of strings",
        string: Some(&STRING),
        array: Some(&Shape::Array(&Array { noun: "an array of strings", min: 1, max: 4, item: &STRING })),
        object: None,
    }),
);

static STREAM_OPTIONS: Param = param(
    "stream_options",
    Shape::Object(&open(&[
        not_null("include_usage", &Shape::Bool),
        not_null("include_obfuscation", &Shape::Bool),
    ])),
);

static LOGIT_BIAS: Param = param(
    "logit_bias",
    Shape::Map(&Map { noun: "an object", max: usize::MAX, name_max: usize::MAX, value: &ANY_INTEGER }),
);

static FREQUENCY_PENALTY: Param = param("frequency_penalty", TWO);
static PRESENCE_PENALTY: Param = param("presence_penalty", TWO);
static TEMPERATURE: Param = param("temperature", Shape::Decimal(0.0, 2.0));
static TOP_P: Param = param("top_p", Shape::Decimal(0.0, 1.0));
static N: Param = param("n", Shape::Integer(Some(1), Some(128)));
static SEED: Param = param("seed", Shape::Integer(Some(i64::MIN), Some(i64::MAX)));
static STREAM: Param = param("stream", Shape::Bool);
static USER: Param = param("user", TEXT);

static RESPONSE_FORMAT: Param = param(
    "response_format",
    Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("json_object", &open(&[])),
            (
                "json_schema",
                &open(&[required(
                    "json_schema",
                    &Shape::Object(&open(&[
                        required("name", &STRING),
                        not_null("description", &STRING),
                        not_null("schema", &ANY_OBJECT),
                        optional("strict", &Shape::Bool),
                    ])),
                )]),
            ),
            ("text", &open(&[])),
        ],
    }),
);

static AUDIO: Param = param(
    "audio",
    Shape::Object(&open(&[
        required(
            "voice",
            &Shape::Either(&Either {
                noun: "one of a string or object",
                string: Some(&STRING),
                array: None,
                object: Some(&Shape::Object(&Object { members: &[required("id", &STRING)], closed: true })),
            }),
        ),
        required("format", &Shape::OneOf(&["wav", "aac", "mp3", "flac", "opus", "pcm16"])),
    ])),
);

static PREDICTION: Param = param(
    "prediction",
    Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[("content", &open(&[required("content", &TEXT_CONTENT)]))],
    }),
);

static WEB_SEARCH_OPTIONS: Param = param(
    "web_search_options",
    Shape::Object(&open(&[
        optional(
            "user_location",
            &Shape::Object(&open(&[
                required("type", &Shape::OneOf(&["approximate"])),
                required("approximate", &LOCATION),
            ])),
        ),
        not_null("search_context_size", &Shape::OneOf(&["low", "medium", "high"])),
    ])),
);
static LOCATION: Shape = Shape::Object(&open(&[
    not_null("country", &STRING),
    not_null("region", &STRING),
    not_null("city", &STRING),
    not_null("timezone", &STRING),
]));

static MODERATION: Param = param(
    "moderation",
    Shape::Object(&open(&[
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

/// The parameters of a chat request.
pub(super) static CHAT: &[&Param] = &[
    &messages::MESSAGES,
    &tools::FUNCTIONS,
    &tools::FUNCTION_CALL,
    &tools::TOOLS,
    &tools::TOOL_CHOICE,
    &param("parallel_tool_calls", Shape::Bool),
    &param("max_tokens", ANY_INTEGER),
    &param("max_completion_tokens", ANY_INTEGER),
    &N,
    &TEMPERATURE,
    &TOP_P,
    &STOP,
    &PRESENCE_PENALTY,
    &FREQUENCY_PENALTY,
    &param(
        "modalities",
        Shape::Array(&Array {
            noun: "an array of strings",
            min: 0,
            max: usize::MAX,
            item: &Shape::OneOf(&["text", "audio"]),
        }),
    ),
    &AUDIO,
    &param("logprobs", Shape::Bool),
    &param("top_logprobs", Shape::Integer(Some(0), Some(20))),
    &USER,
    &SEED,
    &MODERATION,
    &param("safety_identifier", Shape::String(&Chars { min: 0, max: 64, pattern: None })),
    &param(
        "prompt_cache_options",
        Shape::Object(&open(&[
            not_null("ttl", &Shape::OneOf(&["30m"])),
            not_null("mode", &Shape::OneOf(&["implicit", "explicit"])),
        ])),
    ),
    &param("prompt_cache_key", TEXT),
    &param("prompt_cache_retention", Shape::OneOf(&["in_memory", "24h"])),
    &RESPONSE_FORMAT,
    &param("service_tier", Shape::OneOf(&["auto", "default", "flex", "scale", "priority", "fast"])),
    &param("reasoning_effort", Shape::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    &LOGIT_BIAS,
    &STREAM,
    &STREAM_OPTIONS,
    &param("store", Shape::Bool),
    &param(
        "metadata",
        Shape::Map(&Map { noun: "a metadata object", max: usize::MAX, name_max: usize::MAX, value: &STRING }),
    ),
    &PREDICTION,
    &param("verbosity", Shape::OneOf(&["low", "medium", "high"])),
    &WEB_SEARCH_OPTIONS,
];

/// The parameters of a text completion request.
pub(super) static TEXT_COMPLETION: &[&Param] = &[
    &param("prompt", Shape::Rule(prompt)),
    &param("max_tokens", Shape::Integer(Some(0), None)),
    &N,
    &TEMPERATURE,
    &TOP_P,
    &STOP,
    &PRESENCE_PENALTY,
    &FREQUENCY_PENALTY,
    &param("best_of", Shape::Integer(Some(0), Some(20))),
    &param("echo", Shape::Bool),
    &param("logprobs", Shape::Integer(Some(0), Some(5))),
    &LOGIT_BIAS,
    &param("suffix", TEXT),
    &USER,
    &SEED,
    &STREAM,
    &STREAM_OPTIONS,
];

fn prompt(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let tokens =
        Shape::Array(&Array { noun: "an array of integers", min: 1, max: usize::MAX, item: &ANY_INTEGER });
    match value {
        // Required, and yet it may be null.
        Value::Null | Value::String(_) => return Ok(()),
        Value::Array(items) => {
            let all = |shape: &Shape| items.iter().all(|item| shape.validate(item, path, scope).is_ok());
            if all(&STRING) || all(&ANY_INTEGER) || all(&tokens) {
                return Ok(());
            }
        }
        _ => {}
    }
    Err(error_text::not_a_prompt(value))
}
