//! Schemas that count together, as those of `allOf`: one that asks for what both ask for.

use crate::api::{Members, Text};
use crate::engine::value::Value;

/// A copy that borrows nothing.
pub(super) fn own<'v>(value: &Value<'_>) -> Value<'v> {
    let text = |text: &Text<'_>| Text(text.to_string().into());
    match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Float(value) => Value::Float(*value),
        Value::Text(value) => Value::Text(text(value)),
        Value::Array(items) => Value::Array(items.iter().map(own).collect()),
        Value::Object(Members(members)) => {
            Value::Object(Members(members.iter().map(|(name, value)| (text(name), own(value))).collect()))
        }
    }
}

/// A schema without one of its keywords.
pub(super) fn without<'v>(schema: &Value<'v>, keyword: &str) -> Value<'v> {
    let members = schema.as_object().unwrap_or_default();
    Value::Object(Members(members.iter().filter(|(name, _)| &**name != keyword).cloned().collect()))
}

/// What both schemas ask for. Where one keyword cannot say both, the second one's counts.
pub(super) fn merge<'v>(base: Value<'v>, other: &Value<'v>) -> Value<'v> {
    let Some(others) = other.as_object() else {
        return if matches!(other, Value::Bool(true)) { base } else { other.clone() };
    };
    let Value::Object(Members(mut members)) = base else { return other.clone() };
    for (name, value) in others {
        let Some((_, known)) = members.iter_mut().find(|(known, _)| known == name) else {
            members.push((name.clone(), value.clone()));
            continue;
        };
        let merged = match (&**name, &*known, value) {
            ("properties", Value::Object(_), Value::Object(_)) => {
                merge_properties(std::mem::replace(known, Value::Null), value)
            }
            ("required" | "allOf", Value::Array(some), Value::Array(more)) => {
                Value::Array(some.iter().chain(more.iter().filter(|m| !some.contains(m))).cloned().collect())
            }
            ("minimum" | "minLength" | "minItems" | "exclusiveMinimum", ..)
                if known.as_f64() > value.as_f64() =>
            {
                continue;
            }
            ("maximum" | "maxLength" | "maxItems" | "exclusiveMaximum", ..)
                if known.as_f64() < value.as_f64() =>
            {
                continue;
            }
            _ => value.clone(),
        };
        *known = merged;
    }
    Value::Object(Members(members))
}

fn merge_properties<'v>(base: Value<'v>, other: &Value<'v>) -> Value<'v> {
    let Value::Object(Members(mut members)) = base else { return other.clone() };
    for (name, value) in other.as_object().unwrap_or_default() {
        match members.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = merge(std::mem::replace(known, Value::Null), value),
            None => members.push((name.clone(), value.clone())),
        }
    }
    Value::Object(Members(members))
}
