//! The shapes of the tools of Responses, and of the choice of one.
//!
//! Tools of types that are not listed are accepted, and left out of the response.

use super::ANY_OBJECT;
use super::hosted::{self, ALLOWED_CALLERS, allowed_callers};
use crate::check::limits::TOOL_NAME_CHARS;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{
    Array, Chars, JsonTypes, Member, Object, STRING, Shape, Tagged, objects, open, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

pub(super) static TOOLS: Shape = Shape::Array(&objects(&Shape::Rule(JsonTypes::OBJECT, tool)));

static KIND: Shape = Shape::Object(&open(&[required("type", &STRING)]));

fn tool(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str).and_then(members) {
        Some(members) => Shape::Object(members).validate(value, path, scope),
        None => Ok(()),
    }
}

/// The members of a tool of a type; none if OpenAI's document does not have the type.
fn members(kind: &str) -> Option<&'static Object> {
    static OWN: &[(&str, &Object)] =
        &[("function", &FUNCTION), ("custom", &CUSTOM), ("namespace", &NAMESPACE)];
    OWN.iter().chain(hosted::TOOLS).find(|(name, _)| *name == kind).map(|(_, members)| *members)
}

/// Whether OpenAI's document has tools of this type.
pub(crate) fn is_documented_tool(kind: &str) -> bool {
    members(kind).is_some()
}

static FUNCTION: Object = open(&[
    required("name", &STRING),
    DESCRIPTION,
    PARAMETERS,
    STRICT,
    OUTPUT_SCHEMA,
    DEFER_LOADING,
    optional("allowed_callers", &Shape::Array(&allowed_callers(0))),
]);

const DESCRIPTION: Member = optional("description", &STRING);
const PARAMETERS: Member = optional("parameters", &ANY_OBJECT);
const STRICT: Member = optional("strict", &Shape::Bool);
const OUTPUT_SCHEMA: Member = optional("output_schema", &ANY_OBJECT);
const DEFER_LOADING: Member = optional("defer_loading", &Shape::Bool);

static CUSTOM: Object = open(&[
    required("name", &STRING),
    DESCRIPTION,
    optional(
        "format",
        &Shape::Tagged(&Tagged {
            tag: "type",
            variants: &[
                ("text", &open(&[])),
                (
                    "grammar",
                    &open(&[
                        required("syntax", &Shape::OneOf(&["lark", "regex"])),
                        required("definition", &STRING),
                    ]),
                ),
            ],
        }),
    ),
    DEFER_LOADING,
    ALLOWED_CALLERS,
]);

/// The document requires a description, which may be null.
static NAMESPACE: Object = open(&[
    required("name", &Shape::String(&Chars { min: 1, max: usize::MAX, pattern: None })),
    DESCRIPTION,
    required(
        "tools",
        &Shape::Array(&Array {
            noun: "an array of objects",
            min: 1,
            max: usize::MAX,
            item: &Shape::Rule(JsonTypes::OBJECT, tool_of_namespace),
        }),
    ),
]);

fn tool_of_namespace(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static NAME: Shape = Shape::String(&TOOL_NAME_CHARS);
    static FUNCTION: Shape = Shape::Object(&open(&[
        required("name", &NAME),
        DESCRIPTION,
        PARAMETERS,
        STRICT,
        OUTPUT_SCHEMA,
        DEFER_LOADING,
        ALLOWED_CALLERS,
    ]));
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str) {
        Some("function") => FUNCTION.validate(value, path, scope),
        _ => tool(value, path, scope),
    }
}

/// A choice of a tool that the caller has; of those that the API runs the type is enough.
pub(super) fn chosen_tool(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static NAMED: Shape = Shape::Object(&open(&[required("name", &STRING)]));
    static MCP: Shape = Shape::Object(&open(&[required("server_label", &STRING), optional("name", &STRING)]));
    static ALLOWED: Shape = Shape::Object(&open(&[
        required("mode", &Shape::OneOf(&["auto", "required"])),
        required("tools", &Shape::Array(&objects(&ANY_OBJECT))),
    ]));
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str) {
        Some("function" | "custom") => NAMED.validate(value, path, scope),
        Some("mcp") => MCP.validate(value, path, scope),
        Some("allowed_tools") => ALLOWED.validate(value, path, scope),
        _ => Ok(()),
    }
}
