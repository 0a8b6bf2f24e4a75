//! [`Reader`]: pulls values out of JSON text.

use super::ParseError;
use super::escape::{special, surrogate_pair};
use super::room::Room;
use std::borrow::Cow;

/// How many arrays and objects may lie in one another.
const MAX_LEVELS: u8 = 127;

/// A place in a JSON text, from which values are read one after another.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    pub(super) text: &'a str,
    at: usize,
    pub(super) level: u8,
    /// Whether an escape may name half of a surrogate pair, which JSON's grammar allows (RFC 8259, section 8.2).
    lossy: bool,
    /// Whether types leave out what is not what they expect.
    lenient: bool,
    /// Whether numbers that are not finite are passed over.
    non_finite: bool,
    /// How much memory what is read may still take.
    pub(super) room: Room,
}

/// How many bytes more than it needs a string with escapes may have.
const SPARE: usize = 32;

/// What reads a member's value, given its name.
type Member<'f, 'a> = dyn FnMut(Cow<'a, str>, &mut Reader<'a>) -> Result<(), ParseError> + 'f;

impl<'a> Reader<'a> {
    /// A reader at the start of a text.
    pub fn new(text: &'a str) -> Self {
        let room = Room::for_text(text.len());
        Self { text, at: 0, level: 0, lossy: false, lenient: false, non_finite: false, room }
    }

    /// A reader that replaces escaped halves of surrogate pairs by U+FFFD where [`Reader::new`] fails.
    pub fn lossy(text: &'a str) -> Self {
        Self { lossy: true, ..Self::new(text) }
    }

    /// A reader for JSON that another server judges. Types read by it leave out a member or an item that is not what
    /// they expect ([`Self::read_or_skip`]), and half of a surrogate pair reads as U+FFFD.
    pub fn lenient(text: &'a str) -> Self {
        Self { lenient: true, ..Self::lossy(text) }
    }

    /// A lenient reader for an upstream's answer, in which `NaN`, `Infinity` and `-Infinity` are null: servers written in
    /// Python have them for numbers that JSON cannot express.
    pub fn of_answer(text: &'a str) -> Self {
        Self { non_finite: true, ..Self::lenient(text) }
    }

    /// Whether values that are not what a type expects are left out.
    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// The value that `read` makes of what comes next. A lenient reader passes over what `read` fails on and returns
    /// `None`.
    ///
    /// # Errors
    ///
    /// Where `read` fails and the reader is strict, or where the text is no JSON.
    pub fn read_or_skip<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        if !self.lenient {
            return read(self).map(Some);
        }
        let before = self.clone();
        match read(self) {
            Ok(value) => Ok(Some(value)),
            Err(ParseError) => self.pass_over(before).map(|()| None),
        }
    }

    /// Passes over a value that could not be read; `before` is the reader where the value begins.
    ///
    /// # Errors
    ///
    /// Where the reader is strict, or the text is no JSON.
    pub(crate) fn pass_over(&mut self, before: Self) -> Result<(), ParseError> {
        if !self.lenient || self.is_full() {
            return Err(ParseError);
        }
        *self = before;
        self.skip()
    }

    /// The first byte of what comes next, past white space; 0, which begins no JSON, at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return *byte,
            }
        }
        0
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    ///
    /// If there is more.
    pub fn end(&mut self) -> Result<(), ParseError> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(ParseError) }
    }

    /// How many bytes of the text lie before the reader.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Where the reader stands: the line and the column, in characters, both counted from 1.
    pub fn position(&self) -> (usize, usize) {
        let before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
        let characters = line.iter().filter(|b| (**b as i8) >= -0x40).count(); // all but UTF-8's later bytes
        (before.iter().filter(|b| **b == b'\n').count() + 1, characters + 1)
    }

    /// The bytes that are not read yet.
    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text from a place up to the reader.
    #[inline]
    fn text_from(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(ParseError);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads `null`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn null(&mut self) -> Result<(), ParseError> {
        self.peek();
        self.word("null")
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    ///
    /// If there is neither.
    pub fn boolean(&mut self) -> Result<bool, ParseError> {
        let value = self.peek() == b't';
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    /// Enters an array or object, which begins with `bracket`, `[` or `{`; false if it is empty, and left again.
    ///
    /// # Errors
    ///
    /// If there is none, or it is nested too deeply.
    pub fn open(&mut self, bracket: u8) -> Result<bool, ParseError> {
        if self.peek() != bracket || self.level == MAX_LEVELS {
            return Err(ParseError);
        }
        self.at += 1;
        // In ASCII each of the two closing brackets is two behind its opening one.
        if self.peek() == bracket + 2 {
            self.at += 1;
            return Ok(false);
        }
        self.level += 1;
        Ok(true)
    }

    /// Passes what stands after an item or member: true if another follows, false if `bracket`, `]` or `}`,
    /// has ended the array or object.
    ///
    /// # Errors
    ///
    /// If it is neither a comma nor the bracket.
    pub fn more(&mut self, bracket: u8) -> Result<bool, ParseError> {
        let byte = self.peek();
        if byte != b',' && byte != bracket {
            return Err(ParseError);
        }
        self.at += 1;
        self.level -= u8::from(byte != b',');
        Ok(byte == b',')
    }

    /// Reads an object: `member` gets each name and reads the value.
    ///
    /// The one loop for all objects: written out for each type of the wire it would be a good part of the component.
    ///
    /// # Errors
    ///
    /// If there is no object, or `member` fails.
    pub fn object(&mut self, member: &mut Member<'_, 'a>) -> Result<(), ParseError> {
        let mut more = self.open(b'{')?;
        while more {
            let name = self.name()?;
            member(name, self)?;
            more = self.more(b'}')?;
        }
        Ok(())
    }

    /// Reads the name of a member, and the colon behind it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn name(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let name = self.string()?;
        if self.peek() != b':' {
            return Err(ParseError);
        }
        self.at += 1;
        Ok(name)
    }

    /// Reads a number, as it is spelled.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn number(&mut self) -> Result<&'a str, ParseError> {
        self.peek();
        let (from, bytes) = (self.at, self.rest());
        let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let some = |count: usize| if count > 0 { Ok(count) } else { Err(ParseError) };
        let mut len = usize::from(bytes.first() == Some(&b'-'));
        len += if bytes.get(len) == Some(&b'0') { 1 } else { some(digits(len))? };
        if bytes.get(len) == Some(&b'.') {
            len += 1 + some(digits(len + 1))?;
        }
        if let Some(b'e' | b'E') = bytes.get(len) {
            len += 1 + usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            len += some(digits(len))?;
        }
        self.at += len;
        Ok(self.text_from(from))
    }

    /// Reads a string, which is a slice of the text unless it has escapes in it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        if self.peek() != b'"' {
            return Err(ParseError);
        }
        self.at += 1;
        let run = self.run()?;
        if self.ends() { Ok(Cow::Borrowed(run)) } else { self.escaped(run).map(Cow::Owned) }
    }

    /// Passes the characters up to the next quote or backslash.
    #[inline]
    fn run(&mut self) -> Result<&'a str, ParseError> {
        let from = self.at;
        let rest = self.rest();
        let is_permitted = |len: &usize| rest.get(*len).is_some_and(|byte| *byte >= 0x20);
        self.at += special(rest).filter(is_permitted).ok_or(ParseError)?;
        Ok(self.text_from(from))
    }

    /// Passes the quote or backslash the reader stands at; true if it was the quote.
    #[inline]
    fn ends(&mut self) -> bool {
        let is_quote = self.text.as_bytes().get(self.at) == Some(&b'"');
        self.at += 1;
        is_quote
    }

    /// The rest of a string, behind its first backslash.
    fn escaped(&mut self, run: &str) -> Result<String, ParseError> {
        let mut text = String::with_capacity(run.len() + SPARE);
        text.push_str(run);
        loop {
            text.push(self.escape()?);
            text.push_str(self.run()?);
            if self.ends() {
                if text.capacity() - text.len() > SPARE {
                    text.shrink_to_fit();
                }
                self.charge(text.capacity())?;
                return Ok(text);
            }
        }
    }

    /// The character that an escape stands for, behind its backslash.
    fn escape(&mut self) -> Result<char, ParseError> {
        let byte = self.text.as_bytes().get(self.at).ok_or(ParseError)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                match char::from_u32(unit).or_else(|| self.pair(unit)) {
                    Some(character) => character,
                    None if self.lossy => char::REPLACEMENT_CHARACTER,
                    None => return Err(ParseError),
                }
            }
            _ => return Err(ParseError),
        })
    }

    /// The character of a surrogate pair whose first half was read, if the second half follows.
    fn pair(&mut self, high: u32) -> Option<char> {
        let before = self.at;
        let low = self.word("\\u").and_then(|()| self.unit());
        let pair = low.ok().and_then(|low| surrogate_pair(high, low));
        if pair.is_none() {
            self.at = before;
        }
        pair
    }

    /// The UTF-16 code unit of four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, ParseError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(ParseError)?;
        self.at += 4;
        digits
            .iter()
            .try_fold(0, |unit, digit| Ok(unit * 16 + char::from(*digit).to_digit(16).ok_or(ParseError)?))
    }

    /// Passes a value of any kind.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn skip(&mut self) -> Result<(), ParseError> {
        match self.peek() {
            b'"' => {
                self.at += 1;
                loop {
                    self.run()?;
                    if self.ends() {
                        return Ok(());
                    }
                    self.escape()?;
                }
            }
            b'{' => {
                let mut more = self.open(b'{')?;
                while more {
                    self.name()?;
                    self.skip()?;
                    more = self.more(b'}')?;
                }
                Ok(())
            }
            b'[' => {
                let mut more = self.open(b'[')?;
                while more {
                    self.skip()?;
                    more = self.more(b']')?;
                }
                Ok(())
            }
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ if self.skips_non_finite() => Ok(()),
            _ => self.number().map(|_| ()),
        }
    }

    /// Passes a number that is not finite; false where there is none, or the reader does not take it.
    pub(super) fn skips_non_finite(&mut self) -> bool {
        self.non_finite && ["NaN", "Infinity", "-Infinity"].iter().any(|word| self.word(word).is_ok())
    }

    /// Passes one value with nothing after it.
    pub(crate) fn whole(&mut self) -> Result<(), ParseError> {
        self.skip()?;
        self.end()
    }

    /// Reads a value of any kind as the text it is.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn raw(&mut self) -> Result<&'a str, ParseError> {
        self.peek();
        let from = self.at;
        self.skip()?;
        Ok(self.text_from(from))
    }
}
