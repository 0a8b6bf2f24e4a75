//! JSON values as the live API's error messages show them.

use crate::json::{Value, is_integer};

impl Value<'_> {
    /// The live API's name for a value of this type.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(text) if is_integer(text) => "an integer",
            Self::Number(_) => "a decimal number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Appends the value as Python's `repr` shows it, as several of the live API's messages do.
    pub(super) fn push_python(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Number(text) => out.push_str(text),
            Self::String(text) => push_python_str(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    item.push_python(out);
                }
                out.push(']');
            }
            Self::Object(_) => {
                out.push('{');
                for (i, (name, value)) in self.members().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    push_python_str(name, out);
                    out.push_str(": ");
                    value.push_python(out);
                }
                out.push('}');
            }
        }
    }

    /// The value as Python's `repr` shows it.
    pub(super) fn python(&self) -> String {
        let mut out = String::new();
        self.push_python(&mut out);
        out
    }
}

/// Appends a string as Python's `repr` shows it.
pub(super) fn push_python_str(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_values_as_python_does() {
        for (json, want) in [
            (r#"{"__probe__":"wrong type"}"#, "{'__probe__': 'wrong type'}"),
            (r#"[null,true,1.0,[]]"#, "[None, True, 1.0, []]"),
            (r#""it's""#, "\"it's\""),
            (r#""a\n\"'\\""#, r#"'a\n"\'\\'"#),
        ] {
            assert_eq!(Value::parse(json.as_bytes()).unwrap().python(), want);
        }
    }
}
