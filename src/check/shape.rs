//! The language that the rules are written in.
//!
//! A [`Shape`] describes what a value must look like, in the live API's terms. The rules are `static` tables of shapes, one
//! table for all modes: [`Shape::Live`] marks the bounds that only the live API enforces, so that what `live` accepts,
//! `schema` accepts too.

use std::fmt;

use super::path::Path;
use super::scope::Scope;
use crate::error::ApiError;
use crate::json::Value;

/// A rule that no table expresses: a function.
pub(super) type Rule = fn(&Value<'_>, &Path<'_>, Scope) -> Result<(), ApiError>;

/// A set of JSON types, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonTypes(u8);

impl JsonTypes {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOOL: Self = Self(1);
    pub(super) const NUMBER: Self = Self(2);
    pub(super) const STRING: Self = Self(4);
    pub(super) const ARRAY: Self = Self(8);
    pub(super) const OBJECT: Self = Self(16);
    pub(super) const ANY: Self = Self(31);

    /// The types in either set.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The types in both sets.
    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the JSON text of a value, which is not null, is of one of these types.
    pub(super) fn has(self, json: &str) -> bool {
        let one = match json.as_bytes().first() {
            Some(b't' | b'f') => Self::BOOL,
            Some(b'"') => Self::STRING,
            Some(b'[') => Self::ARRAY,
            Some(b'{') => Self::OBJECT,
            _ => Self::NUMBER,
        };
        self.and(one) != Self::NONE
    }
}

/// What a value must look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// A boolean.
    Bool,
    /// A string.
    String(&'static Chars),
    /// An integer between two bounds, where there are bounds.
    Integer(Option<i64>, Option<i64>),
    /// A number between two bounds.
    Decimal(f64, f64),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object with these members.
    Object(&'static Object),
    /// An object whose member `tag` decides which members it has.
    Tagged(&'static Tagged),
    /// An object with free member names.
    Map(&'static Map),
    /// An array.
    Array(&'static Array),
    /// A value of one of several JSON types.
    Either(&'static Either),
    /// A value that has several shapes, checked one after the other.
    All(&'static [Shape]),
    /// A shape whose bounds, and those of all values in it, only the live API enforces.
    Live(&'static Shape),
    /// A function decides, on values of these JSON types and all others.
    Rule(JsonTypes, Rule),
}

/// How many characters a string has, and which.
#[derive(Debug)]
pub(super) struct Chars {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) pattern: Option<&'static Pattern>,
}

/// A pattern of the API's: its regular expression, as the messages show it, and a function that matches it.
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) holds: fn(&str) -> bool,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) members: &'static [Member],
    pub(super) extra: Extra,
}

/// Whether an object may have members besides those of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    /// It may.
    Allowed,
    /// The live API refuses them, the published schema does not.
    RefusedLive,
    /// Both refuse them.
    Refused,
}

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: &'static Shape,
    pub(super) need: Need,
}

/// Whether a member must be present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must, and null is a type error.
    Required,
    /// As `Required`, for the live API alone.
    RequiredLive,
    /// As `Required` by the published schema. The live API reports its absence by a rule over the whole conversation.
    RequiredSchema,
    /// It need not, and null is the same as absent.
    Optional,
}

/// An object whose shape depends on one of its members.
#[derive(Debug)]
pub(super) struct Tagged {
    pub(super) tag: &'static str,
    pub(super) variants: &'static [(&'static str, &'static Object)],
}

/// An object with free member names.
#[derive(Debug)]
pub(super) struct Map {
    /// The API's name for it.
    pub(super) noun: &'static str,
    pub(super) max: usize,
    pub(super) name_max: usize,
    pub(super) value: &'static Shape,
}

/// An array.
#[derive(Debug)]
pub(super) struct Array {
    /// The API's name for it.
    pub(super) noun: &'static str,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) item: &'static Shape,
}

/// A value of one of several JSON types.
#[derive(Debug)]
pub(super) struct Either {
    /// The API's name for it.
    pub(super) noun: &'static str,
    pub(super) string: Option<&'static Shape>,
    pub(super) array: Option<&'static Shape>,
    pub(super) object: Option<&'static Shape>,
}

/// A member that must be present.
pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, need: Need::Required }
}

/// A member that need not be present.
pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, need: Need::Optional }
}

/// An object that may have members besides these.
pub(super) const fn open(members: &'static [Member]) -> Object {
    Object { members, extra: Extra::Allowed }
}

/// An object whose unknown members the live API refuses.
pub(super) const fn closed(members: &'static [Member]) -> Object {
    Object { members, extra: Extra::RefusedLive }
}

/// Any number of objects, each of this shape.
pub(super) const fn objects(item: &'static Shape) -> Array {
    Array { noun: "an array of objects", min: 0, max: usize::MAX, item }
}

/// Any string.
pub(super) const STRING: Shape = Shape::String(&Chars { min: 0, max: usize::MAX, pattern: None });

impl Shape {
    /// The JSON types that a value of this shape may have, null apart.
    pub(super) fn json_types(&self) -> JsonTypes {
        match self {
            Self::Any => JsonTypes::ANY,
            Self::Bool => JsonTypes::BOOL,
            Self::String(_) | Self::OneOf(_) => JsonTypes::STRING,
            Self::Integer(..) | Self::Decimal(..) => JsonTypes::NUMBER,
            Self::Object(_) | Self::Tagged(_) | Self::Map(_) => JsonTypes::OBJECT,
            Self::Array(_) => JsonTypes::ARRAY,
            Self::Either(either) => [
                (either.string, JsonTypes::STRING),
                (either.array, JsonTypes::ARRAY),
                (either.object, JsonTypes::OBJECT),
            ]
            .into_iter()
            .filter(|(shape, _)| shape.is_some())
            .fold(JsonTypes::NONE, |types, (_, one)| types.or(one)),
            Self::All(shapes) => {
                shapes.iter().fold(JsonTypes::ANY, |types, shape| types.and(shape.json_types()))
            }
            Self::Live(shape) => shape.json_types(),
            Self::Rule(types, _) => *types,
        }
    }
}

impl Chars {
    /// True if there are not too few or too many characters, and the right ones.
    pub(super) fn holds(&self, text: &str) -> bool {
        text.len() >= self.min
            && (text.len() <= self.max || text.chars().count() <= self.max)
            && self.pattern.is_none_or(|pattern| (pattern.holds)(text))
    }
}
