//! The shapes of messages.

use super::tools::{CALLED_FUNCTION, TOOL_CALLS};
use crate::check::error_text;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{
    Array, Either, JsonTypes, Member, Need, Object, STRING, Shape, Tagged, closed, objects, open, optional,
    required,
};
use crate::error::{ApiError, Kind};
use crate::json::Value;

/// `messages`: the role and content of all, and only then the rest. The live API reports a wrong role or type of
/// content in the last message before an empty `tool_calls` in the first.
pub(super) static MESSAGES: Shape = Shape::All(&[
    Shape::Array(&Array {
        noun: "an array of objects",
        min: 1,
        max: usize::MAX,
        item: &Shape::Live(&ROLE_AND_CONTENT),
    }),
    Shape::Array(&Array {
        noun: "an array of objects",
        min: 1,
        max: usize::MAX,
        item: &Shape::Live(&OTHER_MEMBERS),
    }),
]);

/// Content that must be present. The live API checks that last of all, save for `developer`, which has a schema of its
/// own.
const CONTENT_MEMBER: Member = Member { name: "content", shape: &CONTENT, need: Need::RequiredSchema };

static ROLE_AND_CONTENT: Shape = Shape::Tagged(&Tagged {
    tag: "role",
    variants: &[
        ("system", &open(&[CONTENT_MEMBER])),
        ("assistant", &open(&[optional("content", &CONTENT)])),
        ("user", &open(&[CONTENT_MEMBER])),
        ("function", &open(&[optional("content", &CONTENT)])),
        ("tool", &open(&[CONTENT_MEMBER])),
        ("developer", &closed(&[required("content", &DEVELOPER_CONTENT), optional("name", &STRING)])),
    ],
});

static OTHER_MEMBERS: Shape = Shape::Tagged(&Tagged {
    tag: "role",
    variants: &[
        ("system", &NAMED_AUTHOR),
        (
            "assistant",
            &open(&[
                optional("refusal", &STRING),
                optional("name", &STRING),
                optional("audio", &AUDIO_REFERENCE),
                optional("tool_calls", &TOOL_CALLS),
                optional("function_call", &CALLED_FUNCTION),
            ]),
        ),
        ("user", &NAMED_AUTHOR),
        ("function", &open(&[required("name", &STRING)])),
        ("tool", &open(&[Member { name: "tool_call_id", shape: &STRING, need: Need::RequiredSchema }])),
        ("developer", &NAMED_AUTHOR),
    ],
});

static NAMED_AUTHOR: Object = open(&[optional("name", &STRING)]);
static AUDIO_REFERENCE: Shape = Shape::Object(&open(&[required("id", &STRING)]));

static CONTENT: Shape = Shape::Either(&Either {
    noun: "one of a string or array of objects",
    string: Some(&STRING),
    array: Some(&CONTENT_PARTS),
    object: None,
});

static DEVELOPER_CONTENT: Shape = Shape::Either(&Either {
    noun: "one of a string or array of objects",
    string: Some(&STRING),
    array: Some(&Shape::Array(&Array {
        noun: "an array of objects",
        min: 0,
        max: usize::MAX,
        item: &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[("text", &closed(&[required("text", &STRING), CACHE_BREAKPOINT]))],
        }),
    })),
    object: None,
});

/// Content in parts.
pub(super) static CONTENT_PARTS: Shape = Shape::Array(&objects(&CONTENT_PART));

/// A part of a message's content. All roles but `developer` take all types here; which of them a role may hold is a
/// rule of [`super::conversation`].
static CONTENT_PART: Shape = Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        ("text", &open(&[required("text", &STRING), CACHE_BREAKPOINT])),
        ("image_url", &open(&[required("image_url", &IMAGE), CACHE_BREAKPOINT])),
        ("input_audio", &open(&[required("input_audio", &INPUT_AUDIO), CACHE_BREAKPOINT])),
        ("refusal", &open(&[required("refusal", &STRING)])),
        ("audio", &open(&[optional("audio", &AUDIO_REFERENCE)])),
        ("file", &open(&[required("file", &FILE), CACHE_BREAKPOINT])),
    ],
});

const CACHE_BREAKPOINT: Member = optional(
    "prompt_cache_breakpoint",
    &Shape::Object(&open(&[required("mode", &Shape::OneOf(&["explicit"]))])),
);

/// An image: an object, or its URL alone, which the live API was recorded to take although no document has it.
static IMAGE: Shape = Shape::Either(&Either {
    noun: "an object",
    string: Some(&IMAGE_URL),
    array: None,
    object: Some(&Shape::Object(&open(&[
        required("url", &IMAGE_URL),
        optional("detail", &Shape::OneOf(&["auto", "low", "high", "original"])),
    ]))),
});
static IMAGE_URL: Shape = Shape::All(&[STRING, Shape::Rule(JsonTypes::STRING, image_url)]);

fn image_url(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if !scope.is_live() || is_image_url(value.as_str().unwrap_or_default(), scope) {
        return Ok(());
    }
    let message = format!(
        "Invalid image URL: '{path}'. Expected a base64-encoded data URL with an image MIME type (e.g. \
         'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without the 'data:' prefix."
    );
    Err(ApiError::new(Kind::InvalidValue, message).at(path.to_string()))
}

/// True for a URL that holds an image, or from which one can be fetched.
pub(super) fn is_image_url(url: &str, scope: Scope) -> bool {
    url.starts_with("data:") || scope.live_spec.is_none_or(|spec| spec.image_urls) && is_web_url(url)
}

fn is_web_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    !rest.is_empty() && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
}

static INPUT_AUDIO: Shape =
    Shape::Object(&open(&[required("data", &STRING), required("format", &Shape::OneOf(&["wav", "mp3"]))]));

static FILE: Shape = Shape::All(&[
    Shape::Object(&closed(&[
        optional("filename", &STRING),
        optional("file_data", &STRING),
        optional("file_id", &STRING),
    ])),
    Shape::Rule(JsonTypes::OBJECT, has_file),
]);

/// A file is sent with the request, or was uploaded before.
fn has_file(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let present = |name| value.get_non_null(name).is_some();
    if !scope.is_live() || present("file_id") || present("file_data") && present("filename") {
        return Ok(());
    }
    Err(error_text::missing(&path.key("file_id")))
}
