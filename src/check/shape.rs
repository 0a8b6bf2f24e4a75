//! The language that the rules are written in, and the walk that checks a value against them.
//!
//! A [`Shape`] describes what a value must look like, in the live API's terms. [`Shape::validate`] reports the first
//! thing that is wrong. The rules are `static` tables of shapes, one table for all modes: [`Shape::Live`] marks the
//! bounds that only the live API enforces, so that what `live` accepts, `schema` accepts too.

use std::fmt;

use super::error_text::{self, Side};
use super::path::Path;
use crate::config::Validation;
use crate::error::ApiError;
use crate::json::{ParseError, Reader, Value, double, is_integer};
use crate::model::ModelSpec;

/// What decides how one request is validated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The facts of the model that the live API looks at; none in the other modes.
    pub(super) spec: Option<&'static ModelSpec>,
    /// The facts of the model, in every mode.
    pub(super) model: Option<&'static ModelSpec>,
    /// Which rules apply.
    pub(super) validation: Validation,
    /// Whether lengths, ranges, patterns and unknown members are checked at this place.
    bounds: bool,
}

impl Scope {
    /// The scope of a request to a model under a mode.
    pub(super) fn new(validation: Validation, model: Option<&'static ModelSpec>) -> Self {
        let spec = model.filter(|_| validation == Validation::Live);
        Self { spec, model, validation, bounds: true }
    }

    /// The scope of values whose bounds only the live API enforces.
    fn live(self) -> Self {
        Self { bounds: self.bounds && self.is_live(), ..self }
    }

    /// Whether the live API's rules apply, rather than the published schema's.
    pub(super) fn is_live(self) -> bool {
        self.validation == Validation::Live
    }
}

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
    /// Reports the first thing that is wrong with a value.
    pub(super) fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        match self {
            Self::Any => Ok(()),
            Self::Bool if matches!(value, Value::Bool(_)) => Ok(()),
            Self::Bool => wrong(value, path, "a boolean"),
            Self::String(chars) => match value {
                Value::String(text) if scope.bounds => chars.validate(text, path),
                Value::String(_) => Ok(()),
                _ => wrong(value, path, "a string"),
            },
            Self::Integer(min, max) => integer(value, path, scope, *min, *max),
            Self::Decimal(min, max) => decimal(value, path, scope, *min, *max),
            Self::OneOf(names) => match value {
                Value::String(text) if names.contains(&&**text) => Ok(()),
                Value::String(text) => Err(error_text::not_one_of(path, text, names)),
                _ => wrong(value, path, &one_of(names)),
            },
            Self::Object(object) => object.validate(value, path, scope, None),
            Self::Tagged(tagged) => tagged.validate(value, path, scope),
            Self::Map(map) => map.validate(value, path, scope),
            Self::Array(array) => array.validate(value, path, scope),
            Self::Either(either) => either.validate(value, path, scope),
            Self::All(shapes) => shapes.iter().try_for_each(|shape| shape.validate(value, path, scope)),
            Self::Live(shape) => shape.validate(value, path, scope.live()),
            Self::Rule(_, rule) => rule(value, path, scope),
        }
    }

    /// Reports the first thing that is wrong with a value, given as JSON. Of a list one item at a time is read.
    pub(super) fn validate_json(&self, json: &str, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        let is_array = json.starts_with('[');
        match self {
            Self::Array(array) if is_array => array.validate_json(json, path, scope),
            Self::Either(Either { array: Some(shape), .. }) if is_array => {
                shape.validate_json(json, path, scope)
            }
            Self::All(shapes) => shapes.iter().try_for_each(|shape| shape.validate_json(json, path, scope)),
            Self::Live(shape) => shape.validate_json(json, path, scope.live()),
            _ => self.validate(&tree(json, path)?, path, scope),
        }
    }

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

/// The tree of a JSON text that was read before.
///
/// # Errors
///
/// If it takes more memory than one request may take.
pub(super) fn tree<'a>(json: &'a str, path: &Path<'_>) -> Result<Value<'a>, ApiError> {
    crate::json::from_str(json).map_err(|ParseError| error_text::too_large(path))
}

fn wrong(value: &Value<'_>, path: &Path<'_>, expected: &str) -> Result<(), ApiError> {
    Err(error_text::wrong_type(path, expected, value.noun()))
}

/// The API's name for a value that is one of these strings.
pub(super) fn one_of(names: &[&str]) -> String {
    format!("one of {}", error_text::list(names, "or"))
}

fn integer(
    value: &Value<'_>,
    path: &Path<'_>,
    scope: Scope,
    min: Option<i64>,
    max: Option<i64>,
) -> Result<(), ApiError> {
    let number = match value {
        Value::Number(text) if is_integer(text) => saturated(text),
        // JSON Schema takes 1.0 for an integer, the live API does not.
        Value::Number(text) if !scope.is_live() && double(text).is_infinite() => {
            return Err(error_text::not_json());
        }
        Value::Number(text) if !scope.is_live() && double(text).trunc() == double(text) => {
            double(text) as i64
        }
        _ => return wrong(value, path, "an integer"),
    };
    let text = if let Value::Number(text) = value { text } else { "" };
    match (min, max) {
        _ if !scope.bounds => Ok(()),
        (Some(min), _) if number < min => Err(error_text::out_of_range(path, true, Side::Below, &min, text)),
        (_, Some(max)) if number > max => Err(error_text::out_of_range(path, true, Side::Above, &max, text)),
        _ => Ok(()),
    }
}

/// The value of an integer's spelling; one outside the range of `i64` becomes that range's end.
pub(super) fn saturated(integer: &str) -> i64 {
    integer.parse().unwrap_or(if integer.starts_with('-') { i64::MIN } else { i64::MAX })
}

fn decimal(value: &Value<'_>, path: &Path<'_>, scope: Scope, min: f64, max: f64) -> Result<(), ApiError> {
    let Value::Number(text) = value else { return wrong(value, path, "a decimal") };
    let number = double(text);
    if scope.bounds && number < min {
        return Err(error_text::out_of_range(path, false, Side::Below, &min, text));
    }
    if scope.bounds && number > max {
        return Err(error_text::out_of_range(path, false, Side::Above, &max, text));
    }
    // The live API cannot read what a double cannot hold.
    if number.is_finite() { Ok(()) } else { Err(error_text::not_json()) }
}

impl Chars {
    /// True if there are not too few or too many characters, and the right ones.
    pub(super) fn holds(&self, text: &str) -> bool {
        text.len() >= self.min
            && (text.len() <= self.max || text.chars().count() <= self.max)
            && self.pattern.is_none_or(|pattern| (pattern.holds)(text))
    }

    fn validate(&self, text: &str, path: &Path<'_>) -> Result<(), ApiError> {
        if self.holds(text) {
            return Ok(());
        }
        let length = text.chars().count();
        Err(match self.pattern {
            _ if length < self.min => error_text::empty_string(path),
            _ if length > self.max => error_text::long_string(path, self.max, length),
            pattern => error_text::no_match(path, pattern.map_or("", |pattern| pattern.text)),
        })
    }
}

impl Object {
    /// `tag` is the member that was checked before, if there is one.
    fn validate(
        &self,
        value: &Value<'_>,
        path: &Path<'_>,
        scope: Scope,
        tag: Option<&str>,
    ) -> Result<(), ApiError> {
        if !value.is_object() {
            return wrong(value, path, "an object");
        }
        let is_closed = match self.extra {
            Extra::Allowed => false,
            Extra::RefusedLive => scope.is_live(),
            Extra::Refused => true,
        };
        if is_closed {
            let known =
                |name: &str| tag == Some(name) || self.members.iter().any(|member| member.name == name);
            if let Some((name, _)) = value.members().find(|(name, _)| !known(name)) {
                return Err(error_text::unknown(&path.key(name), &[]));
            }
        }
        self.members.iter().try_for_each(|member| {
            let path = path.key(member.name);
            let required = match member.need {
                Need::Required => true,
                Need::RequiredLive => scope.is_live(),
                Need::RequiredSchema => !scope.is_live(),
                Need::Optional => false,
            };
            if required && value.get(member.name).is_none() {
                return Err(error_text::missing(&path));
            }
            match value.get(member.name) {
                None => Ok(()),
                Some(Value::Null) if !required => Ok(()),
                Some(value) => member.shape.validate(value, &path, scope),
            }
        })
    }
}

impl Tagged {
    fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        if !value.is_object() {
            return wrong(value, path, "an object");
        }
        let tag_path = path.key(self.tag);
        let last = value.get(self.tag).ok_or_else(|| error_text::missing(&tag_path))?;
        let names = || self.variants.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let find = |tag: &Value<'_>| match tag {
            Value::String(text) => match self.variants.iter().find(|(name, _)| name == text) {
                Some((_, object)) => Ok(*object),
                None => Err(error_text::not_one_of(&tag_path, text, &names())),
            },
            _ => Err(error_text::wrong_type(&tag_path, &one_of(&names()), tag.noun())),
        };
        if value.all(self.tag).count() > 1 {
            return Err(error_text::not_json()); // two tags: JSON does not define which one counts
        }
        find(last)?.validate(value, path, scope, Some(self.tag))
    }
}

impl Map {
    fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        if !value.is_object() {
            return wrong(value, path, self.noun);
        }
        let count = value.members().count();
        if scope.bounds && count > self.max {
            return Err(error_text::many_properties(path, self.max, count));
        }
        value.all_members().iter().try_for_each(|(name, value)| {
            if scope.bounds && name.chars().count() > self.name_max {
                return Err(error_text::long_name(path, name, self.name_max));
            }
            self.value.validate(value, &path.key(name), scope)
        })
    }
}

impl Array {
    fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        let Some(items) = value.as_array() else { return wrong(value, path, self.noun) };
        if scope.bounds && items.len() < self.min {
            return Err(error_text::empty_array(path));
        }
        if scope.bounds && items.len() > self.max {
            return Err(error_text::long_array(path, self.max, items.len()));
        }
        items.iter().enumerate().try_for_each(|(i, item)| self.item.validate(item, &path.index(i), scope))
    }

    fn validate_json(&self, json: &str, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        let items = || Items::of(json);
        let count = if scope.bounds && (self.min > 0 || self.max < usize::MAX) { items().count() } else { 0 };
        if scope.bounds && count < self.min {
            return Err(error_text::empty_array(path));
        }
        if scope.bounds && count > self.max {
            return Err(error_text::long_array(path, self.max, count));
        }
        items().enumerate().try_for_each(|(i, item)| self.item.validate_json(item, &path.index(i), scope))
    }
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

impl Either {
    fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        let shape = match value {
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
            _ => None,
        };
        match shape {
            Some(shape) => shape.validate(value, path, scope),
            None => wrong(value, path, self.noun),
        }
    }
}
