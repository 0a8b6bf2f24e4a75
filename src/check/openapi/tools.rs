//! The schema of tools and of the choice between them.

use super::{ANY_OBJECT, open};
use crate::check::param::{Param, param};
use crate::check::shape::{Array, Either, Object, STRING, Shape, Tagged, not_null, optional, required};

static FUNCTION: Shape = Shape::Object(&open(&[
    required("name", &STRING),
    not_null("description", &STRING),
    not_null("parameters", &ANY_OBJECT),
    optional("strict", &Shape::Bool),
]));

pub(super) static TOOLS: Param = param(
    "tools",
    Shape::Array(&Array {
        noun: "an array of objects",
        min: 0,
        max: usize::MAX,
        item: &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[
                ("function", &open(&[required("function", &FUNCTION)])),
                ("custom", &open(&[required("custom", &CUSTOM)])),
            ],
        }),
    }),
);

static CUSTOM: Shape = Shape::Object(&open(&[
    required("name", &STRING),
    not_null("description", &STRING),
    not_null(
        "format",
        &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[
                ("text", &Object { members: &[], closed: true }),
                ("grammar", &Object { members: &[required("grammar", &GRAMMAR)], closed: true }),
            ],
        }),
    ),
]));
static GRAMMAR: Shape = Shape::Object(&open(&[
    required("definition", &STRING),
    required("syntax", &Shape::OneOf(&["lark", "regex"])),
]));

static NAMED: Shape = Shape::Object(&open(&[required("name", &STRING)]));

pub(super) static TOOL_CHOICE: Param = param(
    "tool_choice",
    Shape::Either(&Either {
        noun: "one of one of 'none', 'auto', or 'required' or object",
        string: Some(&Shape::OneOf(&["none", "auto", "required"])),
        array: None,
        object: Some(&Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[
                ("function", &open(&[required("function", &NAMED)])),
                ("custom", &open(&[required("custom", &NAMED)])),
                ("allowed_tools", &open(&[required("allowed_tools", &ALLOWED_TOOLS)])),
            ],
        })),
    }),
);
static ALLOWED_TOOLS: Shape = Shape::Object(&open(&[
    required("mode", &Shape::OneOf(&["auto", "required"])),
    required(
        "tools",
        &Shape::Array(&Array { noun: "an array of objects", min: 0, max: usize::MAX, item: &ANY_OBJECT }),
    ),
]));

pub(super) static FUNCTIONS: Param = param(
    "functions",
    Shape::Array(&Array {
        noun: "an array of function definitions",
        min: 1,
        max: 128,
        item: &Shape::Object(&open(&[
            required("name", &STRING),
            not_null("description", &STRING),
            not_null("parameters", &ANY_OBJECT),
        ])),
    }),
);

pub(super) static FUNCTION_CALL: Param = param(
    "function_call",
    Shape::Either(&Either {
        noun: "one of one of 'none' or 'auto' or object",
        string: Some(&Shape::OneOf(&["none", "auto"])),
        array: None,
        object: Some(&NAMED),
    }),
);
