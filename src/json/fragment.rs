//! [`Fragment`]: a string that is a part of a longer one.

use super::escape::surrogate_pair;
use super::{ParseError, Read, Reader};
use std::borrow::Cow;

/// A string that may be cut off between the two halves of a surrogate pair, as the deltas of a stream are that an
/// upstream cuts by UTF-16 code units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fragment<'a> {
    /// The second half of a pair, which begins the string.
    low: Option<u32>,
    /// What stands between; halves within are U+FFFD.
    text: Cow<'a, str>,
    /// The first half of a pair, which ends the string.
    high: Option<u32>,
}

/// Joins fragments; it keeps the half that the last one ended with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Joint {
    high: Option<u32>,
}

impl Joint {
    /// The text of the next fragment, as far as it is complete.
    pub fn join<'a>(&mut self, next: Fragment<'a>) -> Cow<'a, str> {
        let Fragment { low, text, high } = next;
        if low.is_none() && text.is_empty() && high.is_none() {
            return text;
        }
        let before = self.high.take();
        self.high = high;
        let joint = match (before, low) {
            (None, None) => return text,
            (before, low) => surrogate_pair(before.unwrap_or(0), low.unwrap_or(0)),
        };
        let mut joined = String::with_capacity(text.len() + 4);
        joined.push(joint.unwrap_or(char::REPLACEMENT_CHARACTER));
        joined.push_str(&text);
        Cow::Owned(joined)
    }

    /// What is left of a half whose second never came.
    pub fn finish(&mut self) -> Option<&'static str> {
        self.high.take().map(|_| "\u{fffd}")
    }
}

impl<'a> From<&'a str> for Fragment<'a> {
    fn from(text: &'a str) -> Self {
        Self { low: None, text: Cow::Borrowed(text), high: None }
    }
}

impl<'a> Read<'a> for Fragment<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        if json.peek() != b'"' {
            return Err(ParseError);
        }
        let raw = json.raw()?;
        let mut inner = raw.get(1..raw.len() - 1).unwrap_or_default();
        let low = unit_at(inner, 0).filter(|unit| (0xdc00..0xe000).contains(unit));
        if low.is_some() {
            inner = inner.get(6..).unwrap_or_default();
        }
        let end = inner.len().saturating_sub(6);
        let high = unit_at(inner, end).filter(|unit| (0xd800..0xdc00).contains(unit));
        // A backslash that is itself escaped begins no escape.
        let before = inner.as_bytes().get(..end).unwrap_or_default();
        let is_escape = before.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 0;
        let high = high.filter(|_| is_escape);
        if low.is_none() && high.is_none() {
            let text = if inner.contains('\\') { Reader::lossy(raw).string()? } else { Cow::Borrowed(inner) };
            return Ok(Self { low, text, high });
        }
        let middle = inner.get(..end).filter(|_| high.is_some()).unwrap_or(inner);
        let text = Reader::lossy(&format!("\"{middle}\"")).string()?.into_owned();
        Ok(Self { low, text: Cow::Owned(text), high })
    }
}

/// The code unit of the escape `\uXXXX` at a place.
fn unit_at(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Value, from_str, lossy_from_str};

    fn joined(fragments: &[&str]) -> String {
        let mut joint = Joint::default();
        let mut text = String::new();
        for fragment in fragments {
            text.push_str(&joint.join(lossy_from_str(fragment).expect("a string")));
        }
        text.push_str(joint.finish().unwrap_or_default());
        text
    }

    #[test]
    fn halves_find_each_other() {
        for (fragments, want) in [
            (&[r#""a""#, r#""b\n""#][..], "ab\n"),
            (&[r#""a\ud83d""#, r#""\ude00b""#], "a😀b"),
            (&[r#""\uD83D""#, r#""""#, r#""\uDE00""#], "😀"),
            (&[r#""\ud83d\ude00\ud83d""#, r#""\uDE00\ud83d\ude00""#], "😀😀😀"),
            (&[r#""\ud83d""#, r#""x""#], "\u{fffd}x"),
            (&[r#""x""#, r#""\ude00""#], "x\u{fffd}"),
            (&[r#""x\ud83d""#], "x\u{fffd}"),
            (&[r#""\ud83dx\ude00""#], "\u{fffd}x\u{fffd}"),
            (&[r#""\\ud83d""#, r#""\ude00""#], "\\ud83d\u{fffd}"),
        ] {
            assert_eq!(joined(fragments), want, "{fragments:?}");
        }
    }

    #[test]
    fn only_the_lossy_reader_takes_halves() {
        for (json, lossy) in
            [(r#""\ud83d\u0041""#, "\u{fffd}A"), (r#""\ude00""#, "\u{fffd}"), (r#""a\ud83d""#, "a\u{fffd}")]
        {
            assert_eq!(from_str::<Value<'_>>(json), Err(ParseError), "{json}");
            assert_eq!(lossy_from_str::<Value<'_>>(json).expect("JSON").as_str(), Some(lossy), "{json}");
        }
        assert!(lossy_from_str::<Fragment<'_>>(r#""\ud83d\u12g4""#).is_err());
        assert!(lossy_from_str::<Fragment<'_>>("7").is_err());
    }
}
