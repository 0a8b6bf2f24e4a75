//! The shapes of tools, of the choice between them and of their calls.

use crate::check::error_text;
use crate::check::limits::TOOL_NAME_CHARS;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{
    Array, Either, Extra, JsonTypes, Object, STRING, Shape, Tagged, closed, open, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

/// How many `functions` there may be.
const MAX_FUNCTIONS: usize = 128;

static TOOL_NAME: Shape = Shape::String(&TOOL_NAME_CHARS);
static ANY_OBJECT: Shape = Shape::Object(&open(&[]));

static FUNCTION: Shape = Shape::Object(&open(&[
    required("name", &TOOL_NAME),
    optional("description", &STRING),
    optional("parameters", &ANY_OBJECT),
    optional("strict", &Shape::Bool),
]));

static CUSTOM: Shape = Shape::Object(&open(&[
    required("name", &TOOL_NAME),
    optional("description", &STRING),
    optional(
        "format",
        &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[
                ("text", &Object { members: &[], extra: Extra::Refused }),
                ("grammar", &Object { members: &[required("grammar", &GRAMMAR)], extra: Extra::Refused }),
            ],
        }),
    ),
]));

static GRAMMAR: Shape = Shape::Object(&open(&[
    required("definition", &STRING),
    required("syntax", &Shape::OneOf(&["lark", "regex"])),
]));

/// `tools`. Each may have members besides the documented ones.
pub(super) static TOOLS: Shape = Shape::Live(&Shape::Array(&Array {
    noun: "an array of objects",
    min: 1,
    max: usize::MAX,
    item: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &open(&[required("function", &FUNCTION)])),
            ("custom", &open(&[required("custom", &CUSTOM)])),
        ],
    }),
}));

/// `functions`, the legacy form of `tools`.
pub(super) static FUNCTIONS: Shape = Shape::Array(&Array {
    noun: "an array of function definitions",
    min: 1,
    max: MAX_FUNCTIONS,
    item: &Shape::Live(&FUNCTION),
});

/// A reference to a tool by its name.
static NAMED: Shape = Shape::Object(&open(&[required("name", &STRING)]));

/// `tool_choice`. The doubled `one of` is the API's.
pub(super) static TOOL_CHOICE: Shape = Shape::Either(&Either {
    noun: "one of one of 'none', 'auto', or 'required' or object",
    string: Some(&Shape::OneOf(&["none", "auto", "required"])),
    array: None,
    object: Some(&Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &open(&[required("function", &NAMED)])),
            ("allowed_tools", &open(&[required("allowed_tools", &ALLOWED_TOOLS)])),
            ("custom", &open(&[required("custom", &NAMED)])),
        ],
    })),
});

static ALLOWED_TOOLS: Shape = Shape::Object(&open(&[
    required("mode", &Shape::OneOf(&["auto", "required"])),
    required(
        "tools",
        &Shape::Array(&Array {
            noun: "an array of objects",
            min: 0,
            max: usize::MAX,
            item: &Shape::Rule(JsonTypes::OBJECT, allowed_tool),
        }),
    ),
]));

/// The published schema lets an allowed tool be any object.
fn allowed_tool(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static ALLOWED_TOOL: Shape = Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &open(&[required("function", &NAMED)])),
            ("custom", &open(&[required("custom", &NAMED)])),
        ],
    });
    let shape = if scope.is_live() { &ALLOWED_TOOL } else { &ANY_OBJECT };
    shape.validate(value, path, scope)
}

/// `function_call`, the legacy form of `tool_choice`.
pub(super) static FUNCTION_CALL: Shape = Shape::Either(&Either {
    noun: "one of one of 'none' or 'auto' or object",
    string: Some(&Shape::OneOf(&["none", "auto"])),
    array: None,
    object: Some(&NAMED),
});

/// The calls an assistant made. Clients return them as they were streamed to them, `index` included.
pub(super) static TOOL_CALLS: Shape = Shape::Array(&Array {
    noun: "an array of objects",
    min: 1,
    max: usize::MAX,
    item: &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("function", &open(&[required("id", &STRING), required("function", &CALLED_FUNCTION)])),
            // The API lists it among the types, as in `tool_choice`, but takes no call of it.
            ("allowed_tools", &closed(&[required("function", &Shape::Rule(JsonTypes::NONE, never))])),
            ("custom", &open(&[required("id", &STRING), required("custom", &CALLED_CUSTOM)])),
        ],
    }),
});

fn never(_: &Value<'_>, path: &Path<'_>, _: Scope) -> Result<(), ApiError> {
    Err(error_text::unknown(path, &[]))
}

/// The function an assistant called.
pub(super) static CALLED_FUNCTION: Shape =
    Shape::Object(&open(&[required("name", &STRING), required("arguments", &STRING)]));

static CALLED_CUSTOM: Shape = Shape::Object(&open(&[required("name", &STRING), required("input", &STRING)]));
