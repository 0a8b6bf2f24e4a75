//! Schemas without the keywords that an API refuses.

use crate::json::{Value, push_string};

/// Whether a keyword with this value is refused.
type IsRefused<'r> = &'r dyn Fn(&str, &Value<'_>) -> bool;

/// The schema without refused keywords; `None` if it has none. The names in `patternProperties` count as patterns.
pub(super) fn without(schema: &str, is_refused: IsRefused<'_>) -> Option<String> {
    let value = Value::parse(schema.as_bytes())?;
    let mut out = String::with_capacity(schema.len());
    write(&value, is_refused, &mut out).then_some(out)
}

/// Writes a schema; returns whether something of it was left out.
fn write(schema: &Value<'_>, is_refused: IsRefused<'_>, out: &mut String) -> bool {
    if !schema.is_object() {
        schema.push_json(out);
        return false;
    }
    let mut is_less = false;
    out.push('{');
    let mut first = true;
    for (name, value) in schema.members() {
        if is_refused(name, value) {
            is_less = true;
            continue;
        }
        out.push_str(if first { "" } else { "," });
        first = false;
        push_string(name, out);
        out.push(':');
        is_less |= match (name, value) {
            ("properties" | "$defs" | "definitions" | "dependentSchemas", Value::Object(_)) => {
                write_each(value, &|_| false, is_refused, out)
            }
            ("patternProperties", Value::Object(_)) => {
                let is_left_out = |name: &str| is_refused("pattern", &Value::String(name.into()));
                write_each(value, &is_left_out, is_refused, out)
            }
            ("anyOf" | "allOf" | "oneOf" | "prefixItems" | "items", Value::Array(items)) => {
                let mut is_less = false;
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    is_less |= write(item, is_refused, out);
                }
                out.push(']');
                is_less
            }
            (
                "items"
                | "additionalProperties"
                | "propertyNames"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else",
                _,
            ) => write(value, is_refused, out),
            _ => {
                value.push_json(out);
                false
            }
        };
    }
    out.push('}');
    is_less
}

/// Writes an object whose members are schemas, except those of some names.
fn write_each(
    schemas: &Value<'_>,
    is_left_out: &dyn Fn(&str) -> bool,
    is_refused: IsRefused<'_>,
    out: &mut String,
) -> bool {
    let mut is_less = false;
    out.push('{');
    let mut first = true;
    for (name, schema) in schemas.members() {
        if is_left_out(name) {
            is_less = true;
            continue;
        }
        out.push_str(if first { "" } else { "," });
        first = false;
        push_string(name, out);
        out.push(':');
        is_less |= write(schema, is_refused, out);
    }
    out.push('}');
    is_less
}
