//! The shapes of tools, of the choice between them and of their calls.

use super::error_text;
use super::shape::{
    Array, Chars, Either, Object, Path, Pattern, STRING, Scope, Shape, Tagged, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

/// The pattern of names: of functions, of speakers, of schemas.
pub(super) static NAME_PATTERN: Pattern = Pattern { text: "^[a-zA-Z0-9_-]+$", holds: is_name };

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// How long a name may be, and of what.
pub(super) static NAME_CHARS: Chars = Chars { min: 1, max: 64, pattern: Some(&NAME_PATTERN) };
/// A name of a function or a schema.
pub(super) const NAME_64: Shape = Shape::String(&NAME_CHARS);
/// How long a function's description may be.
pub(super) static DESCRIPTION_CHARS: Chars = Chars { min: 0, max: 1024, pattern: None };
/// How long the id of a call may be.
pub(super) static CALL_ID_CHARS: Chars = Chars { min: 0, max: 40, pattern: None };
/// How many tools there may be.
pub(super) const MOST_TOOLS: usize = 128;

const ANY_OBJECT: Shape = Shape::Object(&Object { members: &[], closed: false });

static FUNCTION: Shape = Shape::Object(&Object {
    members: &[
        required("name", &NAME_64),
        optional("description", &Shape::String(&DESCRIPTION_CHARS)),
        optional("parameters", &ANY_OBJECT),
        optional("strict", &Shape::Bool),
    ],
    closed: false,
});

static CUSTOM: Shape = Shape::Object(&Object {
    members: &[
        required("name", &NAME_64),
        optional("description", &STRING),
        optional(
            "format",
            &Shape::Tagged(&Tagged {
                tag: "type",
                variants: &[
                    ("text", &Object { members: &[], closed: true }),
                    ("grammar", &Object { members: &[required("grammar", &GRAMMAR)], closed: true }),
                ],
            }),
        ),
    ],
    closed: false,
});

static GRAMMAR: Shape = Shape::Object(&Object {
    members: &[required("definition", &STRING), required("syntax", &Shape::OneOf(&["lark", "regex"]))],
    closed: false,
});

/// `tools`. Members besides the documented ones are let pass in each.
pub(super) const TOOLS: Shape = Shape::Array(&Array {
    noun: "an array of objects",
    min: 1,
    max: MOST_TOOLS,
    item: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &Object { members: &[required("function", &FUNCTION)], closed: false }),
            ("custom", &Object { members: &[required("custom", &CUSTOM)], closed: false }),
        ],
    }),
});

/// `functions`, the legacy form of `tools`.
pub(super) const FUNCTIONS: Shape = Shape::Array(&Array {
    noun: "an array of function definitions",
    min: 1,
    max: MOST_TOOLS,
    item: &FUNCTION,
});

/// A tool by its name alone.
static NAMED: Shape = Shape::Object(&Object { members: &[required("name", &STRING)], closed: false });

/// `tool_choice`. The doubled `one of` is the API's.
pub(super) const TOOL_CHOICE: Shape = Shape::Either(&Either {
    noun: "one of one of 'none', 'auto', or 'required' or object",
    string: Some(&Shape::OneOf(&["none", "auto", "required"])),
    array: None,
    object: Some(&Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &Object { members: &[required("function", &NAMED)], closed: false }),
            (
                "allowed_tools",
                &Object { members: &[required("allowed_tools", &ALLOWED_TOOLS)], closed: false },
            ),
            ("custom", &Object { members: &[required("custom", &NAMED)], closed: false }),
        ],
    })),
});

static ALLOWED_TOOLS: Shape = Shape::Object(&Object {
    members: &[
        required("mode", &Shape::OneOf(&["auto", "required"])),
        required(
            "tools",
            &Shape::Array(&Array {
                noun: "an array of objects",
                min: 0,
                max: usize::MAX,
                item: &Shape::Tagged(&Tagged {
                    tag: "type",
                    variants: &[
                        ("function", &Object { members: &[required("function", &NAMED)], closed: false }),
                        ("custom", &Object { members: &[required("custom", &NAMED)], closed: false }),
                    ],
                }),
            }),
        ),
    ],
    closed: false,
});

/// `function_call`, the legacy form of `tool_choice`.
pub(super) const FUNCTION_CALL: Shape = Shape::Either(&Either {
    noun: "one of one of 'none' or 'auto' or object",
    string: Some(&Shape::OneOf(&["none", "auto"])),
    array: None,
    object: Some(&NAMED),
});

/// The calls an assistant made. Here, other than in most places, unknown members are refused.
pub(super) static TOOL_CALLS: Shape = Shape::Array(&Array {
    noun: "an array of objects",
    min: 1,
    max: usize::MAX,
    item: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            (
                "function",
                &Object {
                    members: &[required("id", &CALL_ID), required("function", &CALLED_FUNCTION)],
                    closed: true,
                },
            ),
            // Told of among the types there are, as it is in `tool_choice`; no call is of it.
            (
                "allowed_tools",
                &Object { members: &[required("function", &Shape::Rule(never))], closed: true },
            ),
            (
                "custom",
                &Object {
                    members: &[required("id", &CALL_ID), required("custom", &CALLED_CUSTOM)],
                    closed: true,
                },
            ),
        ],
    }),
});

fn never(_: &Value<'_>, path: &Path<'_>, _: Scope) -> Result<(), ApiError> {
    Err(error_text::unknown(path, &[]))
}

pub(super) static CALL_ID: Shape = Shape::String(&CALL_ID_CHARS);

/// The function an assistant called.
pub(super) static CALLED_FUNCTION: Shape = Shape::Object(&Object {
    members: &[required("name", &NAME_64), required("arguments", &STRING)],
    closed: false,
});

static CALLED_CUSTOM: Shape = Shape::Object(&Object {
    members: &[required("name", &NAME_64), required("input", &STRING)],
    closed: false,
});
