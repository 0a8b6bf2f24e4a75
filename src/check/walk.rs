//! The walk that checks a value against its [`Shape`], and reports the first thing that is wrong.

use super::error_text::{self, Side};
use super::path::Path;
use super::scope::Scope;
use super::shape::{Array, Chars, Either, Extra, Map, Need, Object, Shape, Tagged};
use super::top_level::{Items, tree};
use crate::error::ApiError;
use crate::json::{Value, double, is_integer};

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
}

fn wrong(value: &Value<'_>, path: &Path<'_>, expected: &str) -> Result<(), ApiError> {
    Err(error_text::wrong_type(path, expected, value.noun()))
}

/// The API's name for a value that is one of these strings.
fn one_of(names: &[&str]) -> String {
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
fn saturated(integer: &str) -> i64 {
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
