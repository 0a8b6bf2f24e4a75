//! The schema of messages and what they hold.

use super::{TEXT, open};
use crate::check::error_text;
use crate::check::param::{Param, param};
use crate::check::shape::{
    Array, Either, Object, Path, STRING, Scope, Shape, Tagged, not_null, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

static BREAKPOINT: Shape = Shape::Object(&open(&[required("mode", &Shape::OneOf(&["explicit"]))]));
static TEXT_PART: Object =
    open(&[required("text", &STRING), not_null("prompt_cache_breakpoint", &BREAKPOINT)]);
static IMAGE_PART: Object =
    open(&[required("image_url", &IMAGE_URL), not_null("prompt_cache_breakpoint", &BREAKPOINT)]);
static IMAGE_URL: Shape = Shape::Object(&open(&[
    required("url", &Shape::All(&[TEXT, Shape::Rule(uri)])),
    not_null("detail", &Shape::OneOf(&["auto", "low", "high"])),
]));
static AUDIO_PART: Object =
    open(&[required("input_audio", &INPUT_AUDIO), not_null("prompt_cache_breakpoint", &BREAKPOINT)]);
static INPUT_AUDIO: Shape =
    Shape::Object(&open(&[required("data", &STRING), required("format", &Shape::OneOf(&["wav", "mp3"]))]));
static FILE_PART: Object = open(&[required("file", &FILE), not_null("prompt_cache_breakpoint", &BREAKPOINT)]);
static FILE: Shape = Shape::Object(&open(&[
    not_null("filename", &STRING),
    not_null("file_data", &STRING),
    not_null("file_id", &STRING),
]));
static REFUSAL_PART: Object = open(&[required("refusal", &STRING)]);

/// The schema's `format: uri`: a scheme, a colon, and none of the characters a URI never has.
fn uri(value: &Value<'_>, path: &Path<'_>, _: Scope) -> Result<(), ApiError> {
    if is_uri(value.as_str().unwrap_or_default()) {
        Ok(())
    } else {
        Err(error_text::no_match(path, "^[a-zA-Z][a-zA-Z0-9+.-]*:"))
    }
}

/// True for what RFC 3986 calls a URI, as far as its first letters and its alphabet go.
pub(in crate::check) fn is_uri(text: &str) -> bool {
    // Images come in data URLs of megabytes.
    static IN_URI: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = b'!';
        while byte <= b'~' {
            table[byte as usize] =
                !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
            byte += 1;
        }
        table
    };
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
        && text.bytes().all(|b| IN_URI[usize::from(b)])
}

/// An array of objects, at least one.
const fn parts(item: &'static Shape) -> Array {
    Array { noun: "an array of objects", min: 1, max: usize::MAX, item }
}

const fn text_or(array: &'static Shape) -> Either {
    Either {
        noun: "one of a string or array of objects",
        string: Some(&STRING),
        array: Some(array),
        object: None,
    }
}

static TEXT_PARTS: Shape =
    Shape::Array(&parts(&Shape::Tagged(&Tagged { tag: "type", variants: &[("text", &TEXT_PART)] })));
pub(super) static TEXT_CONTENT: Shape = Shape::Either(&text_or(&TEXT_PARTS));
static USER_CONTENT: Shape = Shape::Either(&text_or(&Shape::Array(&parts(&Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        ("text", &TEXT_PART),
        ("image_url", &IMAGE_PART),
        ("input_audio", &AUDIO_PART),
        ("file", &FILE_PART),
    ],
})))));
static ASSISTANT_CONTENT: Shape = Shape::Either(&text_or(&Shape::Array(&parts(&Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[("text", &TEXT_PART), ("refusal", &REFUSAL_PART)],
})))));

static CALLED_FUNCTION: Shape =
    Shape::Object(&open(&[required("name", &STRING), required("arguments", &STRING)]));
static TOOL_CALLS: Shape = Shape::Array(&Array {
    noun: "an array of objects",
    min: 0,
    max: usize::MAX,
    item: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &open(&[required("id", &STRING), required("function", &CALLED_FUNCTION)])),
            (
                "custom",
                &open(&[
                    required("id", &STRING),
                    required(
                        "custom",
                        &Shape::Object(&open(&[required("name", &STRING), required("input", &STRING)])),
                    ),
                ]),
            ),
        ],
    }),
});

static SPOKEN: Object = open(&[required("content", &TEXT_CONTENT), not_null("name", &STRING)]);

pub(super) static MESSAGES: Param = param(
    "messages",
    Shape::Array(&parts(&Shape::Tagged(&Tagged {
        tag: "role",
        variants: &[
            ("system", &SPOKEN),
            (
                "assistant",
                &open(&[
                    optional("content", &ASSISTANT_CONTENT),
                    optional("refusal", &STRING),
                    not_null("name", &STRING),
                    optional("audio", &Shape::Object(&open(&[required("id", &STRING)]))),
                    not_null("tool_calls", &TOOL_CALLS),
                    optional("function_call", &CALLED_FUNCTION),
                ]),
            ),
            ("user", &open(&[required("content", &USER_CONTENT), not_null("name", &STRING)])),
            ("function", &open(&[required("content", &NULL_OR_STRING), required("name", &STRING)])),
            ("tool", &open(&[required("content", &TEXT_CONTENT), required("tool_call_id", &STRING)])),
            ("developer", &SPOKEN),
        ],
    }))),
);

static NULL_OR_STRING: Shape = Shape::Rule(|value, path, scope| match value {
    Value::Null => Ok(()),
    _ => STRING.validate(value, path, scope),
});
