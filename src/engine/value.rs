//! [`Value`]: JSON whose members keep their order, such as a schema.

use crate::api::{Members, Text};
use crate::json::{self, ParseError, Read, Reader, double, is_integer, push_string};
use std::borrow::Cow;
use std::fmt::Write;

/// Any JSON value. It borrows from its text where it can; numbers keep their value, members their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text<'a>),
    Array(Vec<Value<'a>>),
    Object(Members<'a, Value<'a>>),
}

impl<'a> Value<'a> {
    /// The member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_object()?.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    pub(super) fn as_object(&self) -> Option<&[(Text<'a>, Value<'a>)]> {
        if let Self::Object(Members(members)) = self { Some(members) } else { None }
    }

    pub(super) fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A string as it is, anything else as JSON.
    pub(super) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_json()),
        }
    }

    /// Compact JSON.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::new();
        self.push_json(&mut out);
        out
    }

    /// Appends compact JSON.
    pub(super) fn push_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            // Writing to a string cannot fail.
            Self::Int(value) => drop(write!(out, "{value}")),
            Self::Float(value) => json::Write::write(value, out),
            Self::Text(text) => push_string(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.push_json(out);
                }
                out.push(']');
            }
            Self::Object(Members(members)) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    push_string(name, out);
                    out.push(':');
                    value.push_json(out);
                }
                out.push('}');
            }
        }
    }
}

impl<'a> Read<'a> for Value<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        match json.peek() {
            b'n' => json.null().map(|()| Self::Null),
            b't' | b'f' => json.boolean().map(Self::Bool),
            b'"' => Read::read(json).map(Self::Text),
            b'[' => Read::read(json).map(Self::Array),
            b'{' => Read::read(json).map(Self::Object),
            _ => {
                let spelled = json.number()?;
                // `-0` is a double, which alone keeps the sign.
                let whole = (is_integer(spelled) && spelled != "-0").then(|| spelled.parse().ok()).flatten();
                if let Some(whole) = whole {
                    return Ok(Self::Int(whole));
                }
                // What is too large for a double could not be written again.
                Some(double(spelled)).filter(|value| value.is_finite()).map(Self::Float).ok_or(ParseError)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        for json in [
            "null",
            r#"{"b":1,"a":[true,-2,1.5,"x\n\"\\\u0001é"],"c":{}}"#,
            "[18446744073709551615,-9223372036854775808,0.01]",
        ] {
            let value: Value<'_> = crate::json::from_str(json).unwrap();
            assert_eq!(value.to_json(), json);
        }
    }
}
