//! The language the rules are written in, and the walk that holds a value against them.
//!
//! A [`Shape`] says what a value must look like, in the live API's terms; [`Shape::policy`] words the first
//! thing that is wrong. Rules are `static` tables of shapes, so a rule is read where it stands.

use std::fmt;

use super::error_text::{self, Side};
use crate::error::ApiError;
use crate::json::{Value, double, is_integer};
use crate::model::ModelSpec;

/// What the judging of one request goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// What is known of the model.
    pub(super) spec: Option<&'static ModelSpec>,
    /// Whether the published schema alone decides, instead of the live API.
    pub(super) published: bool,
}

/// Where a value stands, spelled as the API spells it: `messages[0].content`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(super) fn key(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Key(name) }
    }

    pub(super) fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(name) if self.parent.is_some_and(|p| matches!(p.step, Step::Root)) => f.write_str(name),
            Step::Key(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A rule that no table says: a function.
pub(super) type Rule = fn(&Value<'_>, &Path<'_>, Scope) -> Result<(), ApiError>;

/// What a value must look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// A boolean.
    Bool,
    /// A string.
    String(&'static Chars),
    /// An integer, within bounds if there are some.
    Integer(Option<i64>, Option<i64>),
    /// A number within bounds.
    Decimal(f64, f64),
    /// One of these strings; another is an invalid value.
    OneOf(&'static [&'static str]),
    /// An object with these members.
    Object(&'static Object),
    /// An object whose member `tag` says which members it has.
    Tagged(&'static Tagged),
    /// An object with free member names.
    Map(&'static Map),
    /// An array.
    Array(&'static Array),
    /// A value of one of several JSON types.
    Either(&'static Either),
    /// A value that has several shapes, held against one after the other.
    All(&'static [Shape]),
    /// What a function says.
    Rule(Rule),
}

/// How many characters a string has, and which.
#[derive(Debug)]
pub(super) struct Chars {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) pattern: Option<&'static Pattern>,
}

/// A pattern of the API's: its regular expression, as the messages show it, and what it comes to.
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
    /// Whether members besides these are refused.
    pub(super) closed: bool,
}

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: &'static Shape,
    pub(super) need: Need,
}

/// Whether a member must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must, and null is a type error.
    Required,
    /// It need not, and null is the same as absent.
    Optional,
    /// It need not, but null is a type error.
    NotNull,
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
    /// What the API calls it.
    pub(super) noun: &'static str,
    pub(super) max: usize,
    pub(super) name_max: usize,
    pub(super) value: &'static Shape,
}

/// An array.
#[derive(Debug)]
pub(super) struct Array {
    /// What the API calls it.
    pub(super) noun: &'static str,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) item: &'static Shape,
}

/// A value of one of several JSON types.
#[derive(Debug)]
pub(super) struct Either {
    /// What the API calls it.
    pub(super) noun: &'static str,
    pub(super) string: Option<&'static Shape>,
    pub(super) array: Option<&'static Shape>,
    pub(super) object: Option<&'static Shape>,
}

/// A member that must be there.
pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, need: Need::Required }
}

/// A member that need not be there.
pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, need: Need::Optional }
}

/// A member that need not be there, but is not null.
pub(super) const fn not_null(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, need: Need::NotNull }
}

/// Any string.
pub(super) static STRING: Shape = Shape::String(&Chars { min: 0, max: usize::MAX, pattern: None });

impl Shape {
    /// Words the first thing that is wrong with a value.
    pub(super) fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        match self {
            Self::Any => Ok(()),
            Self::Bool if matches!(value, Value::Bool(_)) => Ok(()),
            Self::Bool => wrong(value, path, "a boolean"),
            Self::String(chars) => match value {
                Value::String(text) => chars.validate(text, path),
                _ => wrong(value, path, "a string"),
            },
            Self::Integer(min, max) => integer(value, path, scope, *min, *max),
            Self::Decimal(min, max) => decimal(value, path, *min, *max),
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
            Self::Rule(rule) => rule(value, path, scope),
        }
    }
}

fn wrong(value: &Value<'_>, path: &Path<'_>, expected: &str) -> Result<(), ApiError> {
    Err(error_text::wrong_type(path, expected, value.noun()))
}

/// What the API calls a value that is one of these strings.
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
        Value::Number(text) if scope.published && double(text).is_infinite() => {
            return Err(error_text::not_json());
        }
        Value::Number(text) if scope.published && double(text).trunc() == double(text) => double(text) as i64,
        _ => return wrong(value, path, "an integer"),
    };
    let text = if let Value::Number(text) = value { text } else { "" };
    match (min, max) {
        (Some(min), _) if number < min => Err(error_text::out_of_range(path, true, Side::Below, &min, text)),
        (_, Some(max)) if number > max => Err(error_text::out_of_range(path, true, Side::Above, &max, text)),
        _ => Ok(()),
    }
}

/// The value of an integer's spelling; one outside the range of `i64` stands at that range's end.
pub(super) fn saturated(integer: &str) -> i64 {
    integer.parse().unwrap_or(if integer.starts_with('-') { i64::MIN } else { i64::MAX })
}

fn decimal(value: &Value<'_>, path: &Path<'_>, min: f64, max: f64) -> Result<(), ApiError> {
    let Value::Number(text) = value else { return wrong(value, path, "a decimal") };
    let number = double(text);
    if number < min {
        return Err(error_text::out_of_range(path, false, Side::Below, &min, text));
    }
    if number > max {
        return Err(error_text::out_of_range(path, false, Side::Above, &max, text));
    }
    // Past what a double holds nobody can read it.
    if number.is_finite() { Ok(()) } else { Err(error_text::not_json()) }
}

impl Chars {
    /// True if there are not too few or many characters, and the right ones.
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
    /// The tag is the member already judged, if there is one.
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
        if self.closed {
            let known =
                |name: &str| tag == Some(name) || self.members.iter().any(|member| member.name == name);
            if let Some((name, _)) = value.members().find(|(name, _)| !known(name)) {
                return Err(error_text::unknown(&path.key(name), &[]));
            }
        }
        self.members.iter().try_for_each(|member| {
            let path = path.key(member.name);
            if member.need == Need::Required && value.get(member.name).is_none() {
                return Err(error_text::missing(&path));
            }
            // The last of several counts, but none may be what the gateway cannot read.
            value.all(member.name).try_for_each(|value| match value {
                Value::Null if member.need == Need::Optional => Ok(()),
                value => member.shape.validate(value, &path, scope),
            })
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
            return Err(error_text::not_json()); // two kinds at once: JSON does not say which one counts
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
        if count > self.max {
            return Err(error_text::many_properties(path, self.max, count));
        }
        value.all_members().iter().try_for_each(|(name, value)| {
            if name.chars().count() > self.name_max {
                return Err(error_text::long_name(path, name, self.name_max));
            }
            self.value.validate(value, &path.key(name), scope)
        })
    }
}

impl Array {
    fn validate(&self, value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
        let Some(items) = value.as_array() else { return wrong(value, path, self.noun) };
        if items.len() < self.min {
            return Err(error_text::empty_array(path));
        }
        if items.len() > self.max {
            return Err(error_text::long_array(path, self.max, items.len()));
        }
        items.iter().enumerate().try_for_each(|(i, item)| self.item.validate(item, &path.index(i), scope))
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
