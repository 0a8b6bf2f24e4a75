//! The strings, numbers and maps of a request.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use crate::json::{ParseError, Read, Reader, Write, double, is_integer};

/// A string of the request: a slice of the body, unless the JSON has escapes in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> Text<'a> {
    /// The string itself, borrowed from the body if it can be.
    pub fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'a> Read<'a> for Text<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        json.string().map(Self)
    }
}

impl Write for Text<'_> {
    fn write(&self, out: &mut String) {
        self.0.write(out);
    }
}

/// A JSON number, and whether it is spelled as an integer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The value, rounded to a double.
    pub value: f64,
    /// False for `1.0` and `1e3`, which the live API does not accept as integers.
    pub integer: bool,
}

/// An integer, however it is spelled: `1`, `1.0` or `1e0`.
///
/// One outside the range of `i64` becomes that range's end, which makes no difference to any parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// The value.
    pub value: i64,
    /// True for `1.0` and `1e3`, which are integers by JSON Schema and not by the live API.
    pub decimal: bool,
    /// True if the value is the end of the range, in place of one outside.
    pub saturated: bool,
}

impl Int {
    /// The value as an unsigned number, 0 if it is negative.
    pub fn unsigned(self) -> u64 {
        u64::try_from(self.value).unwrap_or(0)
    }
}

impl<'a> Read<'a> for Number {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let spelled = json.number()?;
        Ok(Self { value: double(spelled), integer: is_integer(spelled) })
    }
}

impl<'a> Read<'a> for Int {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let spelled = json.number()?;
        if is_integer(spelled) {
            let end = if spelled.starts_with('-') { i64::MIN } else { i64::MAX };
            let value = spelled.parse().ok();
            return Ok(Self { value: value.unwrap_or(end), decimal: false, saturated: value.is_none() });
        }
        let value = double(spelled);
        if value.trunc() != value {
            return Err(ParseError);
        }
        // `as` saturates.
        let saturated = !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
        Ok(Self { value: value as i64, decimal: true, saturated })
    }
}

/// A value of a type, or `None` for any other value.
#[derive(Debug, Clone, PartialEq)]
pub struct Loose<T>(pub Option<T>);

impl<'a, T: Read<'a>> Read<'a> for Loose<T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let before = json.clone();
        if let Ok(value) = T::read(json) {
            return Ok(Self(Some(value)));
        }
        if json.is_full() {
            return Err(ParseError);
        }
        *json = before;
        json.skip().map(|()| Self(None))
    }
}

/// The names of unknown members. Few objects have any, and a body may have a great many objects.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::box_collection, reason = "a third of the size")]
pub struct Extra<'a>(Option<Box<Vec<Text<'a>>>>);

impl<'a> Extra<'a> {
    /// Adds a name.
    pub fn push(&mut self, name: Text<'a>) {
        self.0.get_or_insert_default().push(name);
    }
}

impl<'a> Deref for Extra<'a> {
    type Target = [Text<'a>];

    fn deref(&self) -> &[Text<'a>] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<'a> IntoIterator for Extra<'a> {
    type Item = Text<'a>;
    type IntoIter = std::vec::IntoIter<Text<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|names| *names).unwrap_or_default().into_iter()
    }
}

/// The members of an object whose names are free, in the order of the body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'a, T>(pub Vec<(Text<'a>, T)>);

impl<'a, T: Read<'a>> Read<'a> for Members<'a, T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut members = Vec::new();
        let mut more = json.open(b'{')?;
        while more {
            json.grow(&mut members, b'}')?;
            members.push((Text(json.name()?), T::read(json)?));
            more = json.more(b'}')?;
        }
        json.shrink(&mut members);
        Ok(Self(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_borrow_unless_escaped() {
        let text: Text<'_> = crate::json::from_str(r#""plain""#).unwrap();
        assert!(matches!(text.0, Cow::Borrowed("plain")));
        let text: Text<'_> = crate::json::from_str(r#""a\nb""#).unwrap();
        assert!(matches!(text.0, Cow::Owned(ref s) if s == "a\nb"));
    }

    #[test]
    fn integers_are_read_as_they_are_spelled() {
        for (json, want) in [
            ("3", Some((3, false, false))),
            ("-0", Some((0, false, false))),
            ("3.0", Some((3, true, false))),
            ("1e3", Some((1000, true, false))),
            ("3.5", None),
            ("9223372036854775807", Some((i64::MAX, false, false))),
            ("9223372036854775808", Some((i64::MAX, false, true))),
            ("100000000000000000000", Some((i64::MAX, false, true))),
            ("1e400", Some((i64::MAX, true, true))),
            ("\"3\"", None),
        ] {
            let int = crate::json::from_str::<Int>(json).ok().map(|i| (i.value, i.decimal, i.saturated));
            assert_eq!(int, want, "{json}");
        }
    }
}
