//! JSON as the diagnosing pass sees it: every value, with numbers as they were spelled.

use std::borrow::Cow;

/// How deep values may nest. serde_json, which everything after the checks reads with, goes to 127 below
/// the value it starts from; the room above that is for the objects around such a value.
const MAX_DEPTH: u32 = 160;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// A number, as it was spelled.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// An object's members in the order of the body, with those named twice still in it.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads a whole body; none if it is not JSON, or nests deeper than anybody reads.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        (reader.at == text.len()).then_some(value)
    }

    /// The member of this name, the last if there are several; none if this is not an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.all_members().iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All members of this name: one, but for a body that says it several times.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.all_members().iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members as they stand in the body, with those named twice.
    pub(super) fn all_members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The member of this name, unless it is null.
    pub(super) fn given(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    /// The members that count: of several by one name only the last, in that one's place.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        let members = self.all_members();
        // Objects are short, save for those of an attacker: past a limit, doubles are not looked for.
        let few = members.len() <= 256;
        members.iter().enumerate().filter_map(move |(i, (name, value))| {
            let again = few && members[i + 1..].iter().any(|(later, _)| later == name);
            (!again).then_some((&**name, value))
        })
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// What the live API calls a value of this type.
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

    /// Appends the value as Python shows it, which is how several of the live API's sentences do.
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

    /// The value as Python shows it.
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

/// True for a number spelled without fraction and exponent, which is what the live API takes for an integer.
pub(super) fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The number's value, as near as a double gets to it.
pub(super) fn double(number: &str) -> f64 {
    number.parse().unwrap_or(f64::NAN)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn value(&mut self, depth: u32) -> Option<Value<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'n' => self.word("null", Value::Null),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'"' => self.string().map(Value::String),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: u32) -> Option<Value<'a>> {
        self.eat(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']').is_some() {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b',').is_none() {
                return self.eat(b']').map(|()| Value::Array(items));
            }
        }
    }

    fn object(&mut self, depth: u32) -> Option<Value<'a>> {
        self.eat(b'{')?;
        let mut members = Vec::new();
        self.space();
        if self.eat(b'}').is_some() {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.eat(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.eat(b',').is_none() {
                return self.eat(b'}').map(|()| Value::Object(members));
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let from = self.at;
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Value::Number(&self.text[from..self.at]))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.eat(b'"')?;
        let from = self.at;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let inside = self.text.get(from..self.at)?;
        self.at += 1;
        if escaped { unescape(inside).map(Cow::Owned) } else { Some(Cow::Borrowed(inside)) }
    }
}

/// Resolves escapes; none if one is not JSON's, or a surrogate stands alone.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            c @ ('"' | '\\' | '/') => c,
            'u' => match unit(&mut chars)? {
                high @ 0xd800..=0xdbff => {
                    (chars.next()? == '\\' && chars.next()? == 'u').then_some(())?;
                    let low = unit(&mut chars).filter(|low| (0xdc00..0xe000).contains(low))?;
                    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                }
                unit => char::from_u32(unit)?,
            },
            _ => return None,
        });
    }
    Some(out)
}

fn unit(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = chars.as_str().get(..4)?;
    *chars = chars.as_str()[4..].chars();
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
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
