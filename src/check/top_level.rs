//! A body as JSON text: its members, and the items of the arrays in it. A tree of all of it would take up to sixty times
//! its size.

use super::error_text;
use super::path::Path;
use crate::error::ApiError;
use crate::json::{ParseError, Reader, Value};
use std::borrow::Cow;

/// The members of a body, each value as the JSON text that it is.
pub(super) struct TopLevel<'a> {
    pub(super) text: &'a str,
    members: Members<'a>,
    /// Whether half of a surrogate pair is escaped somewhere. The live API takes such a body for no JSON; servers that
    /// judge the body themselves may not.
    pub(super) has_half_pairs: bool,
}

type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

impl<'a> TopLevel<'a> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or has too many members.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|_| error_text::not_json())?;
        let strict = Self::members(Reader::new(text));
        let has_half_pairs = strict.is_err();
        let members = strict.or_else(|_| Self::members(Reader::lenient(text)))?;
        Ok(Self { text, members, has_half_pairs })
    }

    fn members(mut json: Reader<'a>) -> Result<Members<'a>, ApiError> {
        let mut members = Vec::new();
        let mut read_all = || {
            let mut more = json.open(b'{')?;
            while more {
                json.grow(&mut members, b'}')?;
                members.push((json.name()?, json.raw()?));
                more = json.more(b'}')?;
            }
            json.end()
        };
        let read = read_all();
        if json.is_full() {
            return Err(error_text::too_large(&Path::ROOT));
        }
        read.map_err(|ParseError| error_text::not_json())?;
        Ok(members)
    }

    /// The values of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.members.iter().filter(move |(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The value of this name; of several the last counts.
    pub(super) fn last(&self, name: &str) -> Option<&'a str> {
        self.all(name).last()
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The names that count, each with whether its value is null: of several by one name only the last, in that one's
    /// place.
    pub(super) fn names(&self) -> Vec<(&str, bool)> {
        // Bodies have few members, save for those of an attacker: past a limit, doubles are not looked for.
        let are_few = self.members.len() <= 256;
        let last = self.members.iter().enumerate().filter(|(i, (name, _))| {
            !are_few || !self.members.iter().skip(i + 1).any(|(later, _)| later == name)
        });
        last.map(|(_, (name, value))| (&**name, *value == "null")).collect()
    }

    /// All names, each with whether its value is null.
    pub(super) fn all_names(&self) -> Vec<(&str, bool)> {
        self.members.iter().map(|(name, value)| (&**name, *value == "null")).collect()
    }

    /// The error for a body whose parts take more memory than one request may take. It names the largest parameter.
    pub(super) fn too_large(&self) -> ApiError {
        let largest = self.members.iter().max_by_key(|(_, value)| value.len());
        let root = Path::ROOT;
        error_text::too_large(&largest.map_or(root, |(name, _)| root.key(name)))
    }

    /// The value of `model`: none if it is absent or null, an error if it is no string.
    pub(super) fn model(&self) -> Result<Option<Cow<'a, str>>, ApiError> {
        let Some(value) = self.all("model").filter(|value| *value != "null").last() else { return Ok(None) };
        let mut json = Reader::lenient(value);
        json.string().map(Some).map_err(|ParseError| error_text::not_json())
    }
}

/// The tree of a JSON text that was read before.
///
/// # Errors
///
/// If it takes more memory than one request may take.
pub(super) fn tree<'a>(json: &'a str, path: &Path<'_>) -> Result<Value<'a>, ApiError> {
    crate::json::from_str(json).map_err(|ParseError| error_text::too_large(path))
}

/// The items of an array that was read before, each as JSON.
pub(super) struct Items<'a> {
    json: Reader<'a>,
    more: bool,
}

impl<'a> Items<'a> {
    pub(super) fn of(array: &'a str) -> Self {
        let mut json = Reader::new(array);
        let more = json.open(b'[') == Ok(true);
        Self { json, more }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if !self.more {
            return None;
        }
        let item = self.json.raw().ok()?;
        self.more = self.json.more(b']') == Ok(true);
        Some(item)
    }
}
