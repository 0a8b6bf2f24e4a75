//! [`Value`]: JSON with its numbers as they were spelled.

use super::{ParseError, Read, Reader, push_string};
use std::borrow::Cow;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was spelled.
    Number(&'a str),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object's members in the order of the body, with those named twice still in it.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads a whole body; none if it is not JSON, or nests deeper than anybody reads.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        super::from_slice(body).ok()
    }

    /// The member of this name, the last if there are several; none if this is not an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.all_members().iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All members of this name: one, but for a body that repeats it.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.all_members().iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members as they stand in the body, with those named twice.
    pub fn all_members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The member of this name, unless it is null.
    pub fn get_non_null(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    /// The members that count: of several by one name only the last, in that one's place.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        let members = self.all_members();
        // Objects are short, save for those of an attacker: past a limit, doubles are not looked for.
        let few = members.len() <= 256;
        members.iter().enumerate().filter_map(move |(i, (name, value))| {
            let again = few && members.iter().skip(i + 1).any(|(later, _)| later == name);
            (!again).then_some((&**name, value))
        })
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The value as compact JSON, its numbers as they were spelled.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.push_json(&mut out);
        out
    }

    /// Appends the value as compact JSON.
    pub(crate) fn push_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(spelled) => out.push_str(spelled),
            Self::String(text) => push_string(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.push_json(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    push_string(name, out);
                    out.push(':');
                    value.push_json(out);
                }
                out.push('}');
            }
        }
    }

    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

/// True for a number spelled without fraction and exponent, which is what the live API takes for an integer.
pub(crate) fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The number's value, as near as a double gets to it.
pub(crate) fn double(number: &str) -> f64 {
    number.parse().unwrap_or(f64::NAN)
}

impl<'a> Read<'a> for Value<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        match json.peek() {
            b'n' => json.null().map(|()| Self::Null),
            b't' | b'f' => json.boolean().map(Self::Bool),
            b'"' => json.string().map(Self::String),
            b'[' => Read::read(json).map(Self::Array),
            b'{' => {
                let mut members = Vec::new();
                let mut more = json.open(b'{')?;
                while more {
                    json.grow(&mut members, b'}')?;
                    members.push((json.name()?, Self::read(json)?));
                    more = json.more(b'}')?;
                }
                json.shrink(&mut members);
                Ok(Self::Object(members))
            }
            _ if json.skips_non_finite() => Ok(Self::Null),
            _ => json.number().map(Self::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let deep = "[".repeat(100_000);
        for json in [
            "null",
            " true ",
            "0",
            "-0",
            "1.50",
            "1e5",
            "1E-2",
            "\"a\"",
            "\"\\u00e9\\n\\\"\"",
            "\"\\ud83d\\ude00\"",
            "[]",
            "[1, 2]",
            "{}",
            "{\"a\" : [ {} ] }",
            "\"é\"", // good
            "",
            " ",
            "nul",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"a\nb\"",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "1 2",
            "\u{feff}{}",
            "\"\\",
            &deep,
        ] {
            let ours = Value::parse(json.as_bytes()).is_some();
            assert_eq!(ours, serde_json::from_str::<serde_json::Value>(json).is_ok(), "{json:.80}");
        }
        assert_eq!(Value::parse(b"\"\xff\""), None, "not UTF-8");
    }

    #[test]
    fn keeps_numbers_as_spelled_and_the_last_of_doubles() {
        let value = Value::parse(br#"{"a":1.50,"b":1e400,"a":2.0}"#).unwrap();
        assert_eq!(value.get("a"), Some(&Value::Number("2.0")));
        assert_eq!(value.get("b"), Some(&Value::Number("1e400")), "too large for a double, but JSON");
        assert_eq!(value.members().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a"]);
    }
}
