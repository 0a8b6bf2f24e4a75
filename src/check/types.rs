//! The rules of `PORTCULLIS_VALIDATION=types`: each documented parameter has a documented JSON type, or is null.
//!
//! What lies within a parameter's value is not looked at. An upstream judges it; the engine leaves out or clamps what
//! it cannot use.

use super::param::Param;
use super::path::Path;
use super::shape::Scope;
use super::{Rules, error_text};
use crate::config::UnknownParams;
use crate::error::ApiError;
use crate::json::{ParseError, Reader, Value};
use std::borrow::Cow;

/// The members of a body, each value as the JSON text that it is.
pub(super) struct TopLevel<'a> {
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> TopLevel<'a> {
    /// Reads a body in front of others that judge it.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or has too many members.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        Self::of(body, Reader::lenient)
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// As [`TopLevel::read`], and where half of a surrogate pair is escaped.
    pub(super) fn read_strict(body: &'a [u8]) -> Result<Self, ApiError> {
        Self::of(body, Reader::new)
    }

    fn of(body: &'a [u8], reader: fn(&'a str) -> Reader<'a>) -> Result<Self, ApiError> {
        let mut json = reader(std::str::from_utf8(body).map_err(|_| error_text::not_json())?);
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
        Ok(Self { members })
    }

    /// The values of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.members.iter().filter(move |(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The values of this name that are not null.
    fn all_present(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all(name).filter(|value| *value != "null")
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

    /// The error for a body whose parts take more memory than one request may take. It names the largest parameter.
    pub(super) fn too_large(&self) -> ApiError {
        let largest = self.members.iter().max_by_key(|(_, value)| value.len());
        let root = Path::ROOT;
        error_text::too_large(&largest.map_or(root, |(name, _)| root.key(name)))
    }

    /// The value of `model`: none if it is absent or null, an error if it is no string.
    pub(super) fn model(&self) -> Result<Option<Cow<'a, str>>, ApiError> {
        let Some(value) = self.all_present("model").last() else { return Ok(None) };
        let mut json = Reader::lenient(value);
        json.string().map(Some).map_err(|ParseError| error_text::not_json())
    }

    /// Reports the first parameter that is unknown, where those are refused, or of an undocumented type.
    pub(super) fn validate(
        &self,
        rules: &Rules,
        scope: Scope,
        unknown: UnknownParams,
    ) -> Result<(), ApiError> {
        if unknown == UnknownParams::Reject {
            let names: Vec<(&str, bool)> =
                self.members.iter().map(|(name, value)| (&**name, *value == "null")).collect();
            rules.refuse_unknown(&names, scope)?;
        }
        rules.params.iter().try_for_each(|param| {
            // Of several values of one name the last counts.
            let last = self.all(param.name).last().filter(|value| *value != "null");
            let odd = last.filter(|value| !param.shape.json_types().has(value));
            odd.map_or(Ok(()), |value| Err(wrong_type(param, value, scope)))
        })
    }
}

/// The error of a parameter whose value has an undocumented JSON type.
fn wrong_type(param: &Param, value: &str, scope: Scope) -> ApiError {
    let root = Path::ROOT;
    let path = root.key(param.name);
    let tree = Value::parse(value.as_bytes()).unwrap_or(Value::Null);
    // The shape has the documented types' names; it takes no value of another type.
    let fault = param.shape.validate(&tree, &path, scope).err();
    fault.unwrap_or_else(|| error_text::wrong_type(&path, "another type", tree.noun()))
}
