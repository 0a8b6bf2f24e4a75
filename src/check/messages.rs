//! The shapes of messages.

use super::error_text;
use super::shape::Member;
use super::shape::{Array, Chars, Either, Object, Path, STRING, Scope, Shape, Tagged, optional, required};
use super::tools::{CALL_ID, CALLED_FUNCTION, NAME_PATTERN, TOOL_CALLS};
use crate::error::{ApiError, Kind};
use crate::json::Value;

/// How long a message's text may be.
pub(super) static TEXT_CHARS: Chars = Chars { min: 0, max: 10_485_760, pattern: None };
/// What a speaker may be called.
pub(super) static SPEAKER_CHARS: Chars = Chars { min: 1, max: 64, pattern: Some(&NAME_PATTERN) };

/// `messages`: what is said everywhere, and only then the rest. The live API finds a wrong role or type of
/// content in the last message before it finds an empty `tool_calls` in the first.
pub(super) const MESSAGES: Shape = Shape::All(&[
    Shape::Array(&Array { noun: "an array of objects", min: 1, max: usize::MAX, item: &SAID }),
    Shape::Array(&Array { noun: "an array of objects", min: 1, max: usize::MAX, item: &REST }),
]);

/// A message's role and content. Whether content may be missing is asked last of all, save for `developer`,
/// which has a schema of its own.
static SAID: Shape = Shape::Tagged(&Tagged {
    tag: "role",
    variants: &[
        ("system", &Object { members: &[optional("content", &CONTENT)], closed: false }),
        ("assistant", &Object { members: &[optional("content", &CONTENT)], closed: false }),
        ("user", &Object { members: &[optional("content", &CONTENT)], closed: false }),
        ("function", &Object { members: &[optional("content", &CONTENT)], closed: false }),
        ("tool", &Object { members: &[optional("content", &CONTENT)], closed: false }),
        (
            "developer",
            &Object {
                members: &[required("content", &DEVELOPER_CONTENT), optional("name", &SPEAKER)],
                closed: true,
            },
        ),
    ],
});

/// What a message has besides.
static REST: Shape = Shape::Tagged(&Tagged {
    tag: "role",
    variants: &[
        ("system", &SPOKEN),
        (
            "assistant",
            &Object {
                members: &[
                    optional("refusal", &STRING),
                    optional("name", &SPEAKER),
                    optional("audio", &AUDIO_REFERENCE),
                    optional("tool_calls", &TOOL_CALLS),
                    optional("function_call", &CALLED_FUNCTION),
                ],
                closed: false,
            },
        ),
        ("user", &SPOKEN),
        ("function", &Object { members: &[required("name", &SPEAKER)], closed: false }),
        ("tool", &Object { members: &[optional("tool_call_id", &CALL_ID)], closed: false }),
        ("developer", &SPOKEN),
    ],
});

static SPOKEN: Object = Object { members: &[optional("name", &SPEAKER)], closed: false };
static SPEAKER: Shape = Shape::String(&SPEAKER_CHARS);
static AUDIO_REFERENCE: Shape = Shape::Object(&Object { members: &[required("id", &STRING)], closed: false });

static CONTENT: Shape = Shape::Either(&Either {
    noun: "one of a string or array of objects",
    string: Some(&Shape::String(&TEXT_CHARS)),
    array: Some(&CONTENT_PARTS),
    object: None,
});

static DEVELOPER_CONTENT: Shape = Shape::Either(&Either {
    noun: "one of a string or array of objects",
    string: Some(&Shape::String(&TEXT_CHARS)),
    array: Some(&Shape::Array(&Array {
        noun: "an array of objects",
        min: 0,
        max: usize::MAX,
        item: &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[(
                "text",
                &Object { members: &[required("text", &TEXT), CACHE_BREAKPOINT], closed: true },
            )],
        }),
    })),
    object: None,
});

static TEXT: Shape = Shape::String(&TEXT_CHARS);

/// What a message says in parts.
pub(super) static CONTENT_PARTS: Shape =
    Shape::Array(&Array { noun: "an array of objects", min: 0, max: usize::MAX, item: &CONTENT_PART });

/// A part of what a message says; all roles but `developer` are told of all types.
static CONTENT_PART: Shape = Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        ("text", &Object { members: &[required("text", &TEXT), CACHE_BREAKPOINT], closed: false }),
        (
            "image_url",
            &Object { members: &[required("image_url", &IMAGE_URL), CACHE_BREAKPOINT], closed: false },
        ),
        (
            "input_audio",
            &Object { members: &[required("input_audio", &INPUT_AUDIO), CACHE_BREAKPOINT], closed: false },
        ),
        ("refusal", &Object { members: &[required("refusal", &STRING)], closed: false }),
        ("audio", &Object { members: &[optional("audio", &AUDIO_REFERENCE)], closed: false }),
        ("file", &Object { members: &[required("file", &FILE), CACHE_BREAKPOINT], closed: false }),
    ],
});

const CACHE_BREAKPOINT: Member = optional(
    "prompt_cache_breakpoint",
    &Shape::Object(&Object { members: &[required("mode", &Shape::OneOf(&["explicit"]))], closed: false }),
);

static IMAGE_URL: Shape = Shape::Object(&Object {
    members: &[
        required("url", &Shape::All(&[STRING_HERE, Shape::Rule(image_url)])),
        optional("detail", &Shape::OneOf(&["auto", "low", "high"])),
    ],
    closed: false,
});
const STRING_HERE: Shape = Shape::String(&Chars { min: 0, max: usize::MAX, pattern: None });

fn image_url(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if plain_url(value.as_str().unwrap_or_default(), scope) {
        return Ok(());
    }
    let message = format!(
        "Invalid image URL: '{path}'. Expected a base64-encoded data URL with an image MIME type (e.g. \
         'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without the 'data:' prefix."
    );
    Err(ApiError::new(Kind::InvalidValue, message).at(path.to_string()))
}

/// True for a URL that holds an image, or from which one can be fetched.
pub(super) fn plain_url(url: &str, scope: Scope) -> bool {
    url.starts_with("data:") || scope.spec.is_none_or(|spec| spec.image_urls) && is_web_url(url)
}

fn is_web_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    !rest.is_empty() && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
}

static INPUT_AUDIO: Shape = Shape::Object(&Object {
    members: &[required("data", &STRING), required("format", &Shape::OneOf(&["wav", "mp3"]))],
    closed: false,
});

static FILE: Shape = Shape::All(&[
    Shape::Object(&Object {
        members: &[
            optional("filename", &STRING),
            optional("file_data", &STRING),
            optional("file_id", &STRING),
        ],
        closed: true,
    }),
    Shape::Rule(file_there),
]);

/// A file is sent, with its name, or was uploaded before.
fn file_there(value: &Value<'_>, path: &Path<'_>, _: Scope) -> Result<(), ApiError> {
    let given = |name| value.get_non_null(name).is_some();
    let there = given("file_id") || given("file_data") && given("filename");
    if there { Ok(()) } else { Err(error_text::missing(&path.key("file_id"))) }
}
