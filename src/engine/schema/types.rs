//! The types of JSON Schema as bits.

use crate::json::{Kind, Node};

pub(super) const NULL: u8 = 1;
pub(super) const BOOLEAN: u8 = 2;
pub(super) const INTEGER: u8 = 4;
/// Numbers that are no integers.
pub(super) const FRACTION: u8 = 8;
pub(super) const NUMBER: u8 = INTEGER | FRACTION;
pub(super) const STRING: u8 = 16;
pub(super) const ARRAY: u8 = 32;
pub(super) const OBJECT: u8 = 64;
pub(super) const ALL: u8 = 127;

/// The types that the value of a `type` allows.
pub(super) fn allowed(kind: Node<'_>) -> u8 {
    let one = |kind: Node<'_>| match kind.plain_str() {
        Some("null") => NULL,
        Some("boolean") => BOOLEAN,
        Some("integer") => INTEGER,
        Some("number") => NUMBER,
        Some("string") => STRING,
        Some("array") => ARRAY,
        Some("object") => OBJECT,
        // A type that does not exist rules nothing out.
        _ => ALL,
    };
    match kind.kind() {
        Kind::String => one(kind),
        Kind::Array => kind.items().map(one).fold(0, |all, kind| all | kind),
        _ => ALL,
    }
}

/// The type of a value.
pub(super) fn of_value(value: Node<'_>) -> u8 {
    match value.kind() {
        Kind::Null => NULL,
        Kind::Bool => BOOLEAN,
        Kind::Number if value.as_f64().is_some_and(|number| number.fract() == 0.0) => INTEGER,
        Kind::Number => FRACTION,
        Kind::String => STRING,
        Kind::Array => ARRAY,
        Kind::Object => OBJECT,
    }
}
