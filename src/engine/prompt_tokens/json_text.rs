//! JSON rewritten the way the live API renders it into a prompt, text to text.

use crate::json::{ParseError, Reader, Value};
use std::borrow::Cow;

/// How JSON is rendered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// What separates items, and a name from its value.
    separators: [&'static str; 2],
    /// Whether characters beyond ASCII are escaped.
    pub(super) ascii: bool,
    /// Whether keywords of JSON Schema that no prompt shows are left out.
    bare_schema: bool,
}

/// Without white space.
pub(super) const COMPACT: Style = Style { separators: [",", ":"], ascii: false, bare_schema: false };

/// With a space after each comma and colon.
pub(super) const SPACED: Style = Style { separators: [", ", ": "], ascii: false, bare_schema: false };

/// With a space after each comma and colon, and with characters beyond ASCII escaped.
pub(super) const SPACED_ASCII: Style = Style { ascii: true, ..SPACED };

/// A schema of a response format.
pub(super) const SCHEMA: Style = Style { separators: [",", ":"], ascii: true, bare_schema: true };

/// The keywords that a response format's schema is rendered without. Those on length, number and pattern were not all
/// seen, and are taken to be alike.
const HIDDEN_KEYWORDS: [&str; 16] = [
    "additionalProperties",
    "required",
    "$schema",
    "default",
    "format",
    "strict",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "uniqueItems",
    "multipleOf",
];

/// A JSON text without white space between its tokens; any other text as it is.
pub(super) fn compact(text: &str) -> Cow<'_, str> {
    // Without either of these there is nothing to change.
    if !text.bytes().any(|byte| byte.is_ascii_whitespace() || byte == b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    match rewrite(text, COMPACT, &mut out) {
        Ok(()) => Cow::Owned(out),
        Err(ParseError) => Cow::Borrowed(text),
    }
}

/// Appends a JSON text in a style. What was appended before an error remains.
pub(super) fn rewrite(text: &str, style: Style, out: &mut String) -> Result<(), ParseError> {
    let mut json = Reader::new(text);
    value(&mut json, style, false, out)?;
    json.end()
}

/// Appends the value that the reader is at. The members of an object of `names` are named by the caller, not by JSON
/// Schema.
fn value(json: &mut Reader<'_>, style: Style, names: bool, out: &mut String) -> Result<(), ParseError> {
    match json.peek() {
        b'{' => {
            out.push('{');
            let mut more = json.open(b'{')?;
            let mut is_first = true;
            while more {
                let name = json.name()?;
                if style.bare_schema && !names && HIDDEN_KEYWORDS.contains(&&*name) {
                    json.skip()?;
                } else {
                    if !is_first {
                        out.push_str(style.separators[0]);
                    }
                    is_first = false;
                    push_string(&name, style.ascii, out);
                    out.push_str(style.separators[1]);
                    let names = !names && matches!(&*name, "properties" | "$defs" | "definitions");
                    value(json, style, names, out)?;
                }
                more = json.more(b'}')?;
            }
            out.push('}');
        }
        b'[' => {
            out.push('[');
            let mut more = json.open(b'[')?;
            while more {
                value(json, style, false, out)?;
                more = json.more(b']')?;
                if more {
                    out.push_str(style.separators[0]);
                }
            }
            out.push(']');
        }
        b'"' => push_string(&json.string()?, style.ascii, out),
        b'n' => json.null().map(|()| out.push_str("null"))?,
        b't' | b'f' => out.push_str(if json.boolean()? { "true" } else { "false" }),
        _ => out.push_str(json.number()?),
    }
    Ok(())
}

/// Appends a value with a space after each comma and colon.
pub(super) fn push_value(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(spelled) => out.push_str(spelled),
        Value::String(text) => push_string(text, false, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push_string(name, false, out);
                out.push_str(": ");
                push_value(value, out);
            }
            out.push('}');
        }
    }
}

/// Appends a string with the escapes of Python's `json.dumps`.
pub(super) fn push_string(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            '\0'..' ' => push_unit(character as u16, out),
            _ if ascii => {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().for_each(|unit| push_unit(*unit, out));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Appends a UTF-16 code unit as an escape.
fn push_unit(unit: u16, out: &mut String) {
    out.push_str("\\u");
    out.extend(
        [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(unit >> shift & 15), 16).unwrap_or_default()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str, style: Style) -> String {
        let mut out = String::new();
        rewrite(text, style, &mut out).expect("JSON");
        out
    }

    #[test]
    fn arguments_lose_their_white_space_and_nothing_else() {
        for (text, want) in [
            (r#"{ "n" : 100 }"#, r#"{"n":100}"#),
            ("{}", "{}"),
            ("[ ]", "[]"),
            ("{\"a\": \"x y\",\n \"b\": [1.50, true, null, -0]}", r#"{"a":"x y","b":[1.50,true,null,-0]}"#),
            (r#"{"a":"\u00e9\/\ud83d\ude00\n"}"#, r#"{"a":"é/😀\n"}"#),
            ("{\"a\": ", "{\"a\": "),
            ("plain text", "plain text"),
            ("", ""),
        ] {
            assert_eq!(compact(text), want, "{text}");
        }
    }

    #[test]
    fn results_are_spaced() {
        assert_eq!(rewritten(r#"{"a":[1,{"b":"°"}]}"#, SPACED), r#"{"a": [1, {"b": "°"}]}"#);
        let value = Value::parse(br#"{"a":[1,{"b":"x"}],"c":null}"#).expect("JSON");
        let mut out = String::new();
        push_value(&value, &mut out);
        assert_eq!(out, r#"{"a": [1, {"b": "x"}], "c": null}"#);
    }

    #[test]
    fn schemas_are_bare_and_in_ascii() {
        let schema = r#"{"type":"object","additionalProperties":false,"required":["a"],"properties":{
            "a":{"type":"string","description":"é 😀","default":"x"},
            "default":{"type":"array","items":{"minimum":1,"type":"integer"}},
            "properties":{"type":"object","properties":{"format":{"format":"date"}}}}}"#;
        assert_eq!(
            rewritten(schema, SCHEMA),
            concat!(
                r#"{"type":"object","properties":{"a":{"type":"string","description":"\u00e9 \ud83d\ude00"},"#,
                r#""default":{"type":"array","items":{"type":"integer"}},"#,
                r#""properties":{"type":"object","properties":{"format":{}}}}}"#
            )
        );
    }
}
