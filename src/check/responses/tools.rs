//! The shapes of the tools of Responses, and of the choice of one.
//!
//! Tools of types that are not listed here are accepted.

use super::ANY_OBJECT;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{JsonTypes, STRING, Shape, objects, open, optional, required};
use crate::error::ApiError;
use crate::json::Value;

pub(super) static TOOLS: Shape = Shape::Array(&objects(&TOOL));

static TOOL: Shape = Shape::Rule(JsonTypes::OBJECT, tool);

fn tool(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static KIND: Shape = Shape::Object(&open(&[required("type", &STRING)]));
    static FUNCTION: Shape = Shape::Object(&open(&[
        required("name", &STRING),
        optional("description", &STRING),
        optional("parameters", &ANY_OBJECT),
        optional("strict", &Shape::Bool),
    ]));
    static CUSTOM: Shape = Shape::Object(&open(&[
        required("name", &STRING),
        optional("description", &STRING),
        optional("format", &ANY_OBJECT),
    ]));
    static NAMESPACE: Shape = Shape::Object(&open(&[
        required("name", &STRING),
        optional("description", &STRING),
        required("tools", &TOOLS),
    ]));
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str) {
        Some("function") => FUNCTION.validate(value, path, scope),
        Some("custom") => CUSTOM.validate(value, path, scope),
        Some("namespace") => NAMESPACE.validate(value, path, scope),
        Some("shell") => SHELL.validate(value, path, scope),
        _ => Ok(()),
    }
}

static SHELL: Shape = Shape::Object(&open(&[optional("environment", &ENVIRONMENT)]));

static ENVIRONMENT: Shape = Shape::Rule(JsonTypes::OBJECT, environment);

/// Where a shell runs. One on the caller's machine names the skills that are there; a container gets some with the request.
fn environment(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static LOCAL: Shape = Shape::Object(&open(&[optional("skills", &Shape::Array(&objects(&SKILL)))]));
    static SKILL: Shape = Shape::Object(&open(&[
        required("name", &STRING),
        required("description", &STRING),
        required("path", &STRING),
    ]));
    static CONTAINER: Shape = Shape::Object(&open(&[
        optional("skills", &Shape::Array(&objects(&Shape::Rule(JsonTypes::OBJECT, attached_skill)))),
        optional("network_policy", &Shape::Object(&open(&[optional("domain_secrets", &SECRETS)]))),
    ]));
    static SECRETS: Shape = Shape::Array(&objects(&Shape::Object(&open(&[
        required("domain", &STRING),
        required("name", &STRING),
        required("value", &STRING),
    ]))));
    match value.get("type").and_then(Value::as_str) {
        Some("local") => LOCAL.validate(value, path, scope),
        _ => CONTAINER.validate(value, path, scope),
    }
}

fn attached_skill(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static INLINE: Shape =
        Shape::Object(&open(&[required("name", &STRING), required("description", &STRING)]));
    match value.get("type").and_then(Value::as_str) {
        Some("inline") => INLINE.validate(value, path, scope),
        _ => Ok(()),
    }
}

/// A choice of a tool that the caller has; of those that the API runs the type is enough.
pub(super) fn chosen_tool(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static KIND: Shape = Shape::Object(&open(&[required("type", &STRING)]));
    static NAMED: Shape = Shape::Object(&open(&[required("name", &STRING)]));
    static ALLOWED: Shape = Shape::Object(&open(&[
        required("mode", &Shape::OneOf(&["auto", "required"])),
        required("tools", &Shape::Array(&objects(&ANY_OBJECT))),
    ]));
    KIND.validate(value, path, scope)?;
    match value.get("type").and_then(Value::as_str) {
        Some("function" | "custom") => NAMED.validate(value, path, scope),
        Some("allowed_tools") => ALLOWED.validate(value, path, scope),
        _ => Ok(()),
    }
}
