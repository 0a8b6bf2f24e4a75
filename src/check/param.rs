//! A parameter of a request, and how it is judged by the family of its model.

use super::error_text;
use super::shape::{Path, Scope, Shape};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::Family;

/// A parameter, and what must be true of it.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// What families of models do that the shape does not say.
    pub(super) but: &'static [(Family, But)],
}

/// How a family of models treats a parameter differently.
#[derive(Debug)]
pub(super) enum But {
    /// It has another shape.
    Shape(Shape),
    /// It is not supported, whatever the value; with what the message adds.
    Unsupported(&'static str),
    /// It is not supported, in the words of the models that search.
    Incompatible,
    /// It is as unknown as any other name.
    Unknown,
}

impl Param {
    fn but(&self, family: Family) -> Option<&But> {
        self.but.iter().find(|(of, _)| *of == family).map(|(_, but)| but)
    }

    /// Whether a family of models knows the name at all.
    pub(super) fn known_to(&self, family: Family) -> bool {
        !matches!(self.but(family), Some(But::Unknown))
    }

    /// Words what is wrong with the parameter's value, which is not null.
    pub(super) fn validate(&self, value: &Value<'_>, scope: Scope) -> Result<(), ApiError> {
        let root = Path::ROOT;
        let path = root.key(self.name);
        match self.but(scope.family()) {
            None | Some(But::Unknown) => self.shape.validate(value, &path, scope),
            Some(But::Shape(shape)) => shape.validate(value, &path, scope),
            Some(But::Unsupported(hint)) => Err(error_text::unsupported_parameter(&path, hint)),
            Some(But::Incompatible) => Err(ApiError::new(
                Kind::Invalid,
                format!("Model incompatible request argument supplied: {path}"),
            )),
        }
    }
}

/// A parameter that all models treat alike.
pub(super) const fn param(name: &'static str, shape: Shape) -> Param {
    Param { name, shape, but: &[] }
}
