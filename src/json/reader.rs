//! [`Reader`]: pulls values out of JSON text.

use super::ParseError;
use std::borrow::Cow;

/// How many arrays and objects may lie in one another.
const MAX_LEVELS: u8 = 127;

/// A place in a JSON text, from which values are read one after another.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    level: u8,
    /// Whether an escape may name half of a surrogate pair, which JSON's grammar allows (RFC 8259, section 8.2).
    lossy: bool,
    /// Whether types leave out what is not what they expect.
    lenient: bool,
    /// Whether numbers that are not finite are passed over.
    non_finite: bool,
    /// How many bytes the items that are read may still take in memory.
    room: usize,
    /// Whether they would have taken more.
    is_full: bool,
}

/// How many bytes of memory the items that are read may take for each byte of the text.
const ROOM_PER_BYTE: usize = 6;

/// How many bytes they may take besides.
const LEAST_ROOM: usize = 8 << 20;

/// How many bytes more than it needs a string with escapes may have.
const SPARE: usize = 32;

/// From how many items on a list is given the memory that it needs, and no more: its items are counted first.
const LONG_LIST: usize = 64;

/// How deep the lists lie whose items are counted. Each level goes over the text once more.
const MAX_COUNTED_LEVELS: u8 = 8;

/// What reads a member's value, given its name.
type Member<'f, 'a> = dyn FnMut(Cow<'a, str>, &mut Reader<'a>) -> Result<(), ParseError> + 'f;

impl<'a> Reader<'a> {
    /// A reader at the start of a text.
    pub fn new(text: &'a str) -> Self {
        let room = text.len().saturating_mul(ROOM_PER_BYTE).saturating_add(LEAST_ROOM);
        Self { text, at: 0, level: 0, lossy: false, lenient: false, non_finite: false, room, is_full: false }
    }

    /// A reader that replaces escaped halves of surrogate pairs by U+FFFD where [`Reader::new`] fails.
    pub fn lossy(text: &'a str) -> Self {
        Self { lossy: true, ..Self::new(text) }
    }

    /// A reader for JSON that another server judges. Types read by it leave out a member or an item that is not what
    /// they expect ([`Self::skipped`]), and half of a surrogate pair reads as U+FFFD.
    pub fn lenient(text: &'a str) -> Self {
        Self { lenient: true, ..Self::lossy(text) }
    }

    /// A lenient reader for an upstream's answer, in which `NaN`, `Infinity` and `-Infinity` are null: servers written in
    /// Python have them for numbers that JSON cannot express.
    pub fn of_answer(text: &'a str) -> Self {
        Self { non_finite: true, ..Self::lenient(text) }
    }

    /// The same reader, whose items may take so many bytes of memory.
    #[must_use]
    pub fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// Whether reading ended because the items would have taken too much memory.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes bytes of memory for what is read.
    ///
    /// # Errors
    ///
    /// If fewer are left.
    pub fn take_room(&mut self, bytes: usize) -> Result<(), ParseError> {
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => self.is_full = true,
        }
        if self.is_full { Err(ParseError) } else { Ok(()) }
    }

    /// Makes room for another item of a list, before it is read. `T` is the type of an item.
    ///
    /// # Errors
    ///
    /// If the items would take too much memory.
    pub(crate) fn grow<T>(&mut self, items: &mut Vec<T>, bracket: u8) -> Result<(), ParseError> {
        let count = items.len();
        if count < items.capacity() {
            return Ok(());
        }
        let more = match count {
            ..LONG_LIST => count.max(1),
            _ if self.level <= MAX_COUNTED_LEVELS => self.items_left(bracket)?,
            _ => count / 4,
        };
        // Both the old list and the new one are in memory while the items move.
        if count.saturating_mul(size_of::<T>()) > self.room {
            self.is_full = true;
        }
        self.take_room(more.saturating_mul(size_of::<T>()))?;
        items.reserve_exact(more);
        Ok(())
    }

    /// How many items of a list are left, before one of them.
    fn items_left(&self, bracket: u8) -> Result<usize, ParseError> {
        let mut ahead = self.clone();
        let mut count = 0;
        loop {
            if bracket == b'}' {
                ahead.name()?;
            }
            ahead.skip()?;
            count += 1;
            if !ahead.more(bracket)? {
                return Ok(count);
            }
        }
    }

    /// Gives back what a complete list has too much.
    pub(crate) fn shrink<T>(&mut self, items: &mut Vec<T>) {
        if items.len() <= items.capacity() / 2 {
            let before = items.capacity();
            items.shrink_to_fit();
            self.room += (before - items.capacity()) * size_of::<T>();
        }
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
    pub fn skipped<T>(
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
        if !self.lenient || self.is_full {
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
                self.take_room(text.capacity())?;
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

/// The character of a surrogate pair; `None` if the two are none.
pub(super) fn surrogate_pair(high: u32, low: u32) -> Option<char> {
    let halves = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    halves.then(|| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))).flatten()
}

/// How many bytes stand before the next one that is escaped in a string: a quote, a backslash or a control
/// character.
#[inline]
pub(super) fn special(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // The lowest bit set is that of the first byte below `n`, for n up to 128; higher ones may err.
    let below = |word: u64, n: u64| word.wrapping_sub(EACH * n) & !word & (EACH << 7);
    let mut at = 0;
    // Eight bytes at a time: prompts are long.
    let (words, rest) = bytes.as_chunks();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (EACH * u64::from(b'"'));
        let backslash = word ^ (EACH * u64::from(b'\\'));
        let found = below(quote, 1) | below(backslash, 1) | below(word, 0x20);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).map(|place| at + place)
}
