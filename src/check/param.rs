//! A parameter of a request, and how families of models treat it.

use super::error_text;
use super::path::Path;
use super::scope::Scope;
use super::shape::Shape;
use crate::error::{ApiError, Kind};
use crate::model::Family;

/// A parameter and its rules.
#[derive(Debug)]
pub struct Param {
    pub(super) name: &'static str,
    pub(super) shape: &'static Shape,
    /// What families of models do differently.
    pub(super) but: &'static [(Family, But)],
}

/// How a family of models treats a parameter differently.
#[derive(Debug)]
pub(super) enum But {
    /// It has another shape.
    Shape(Shape),
    /// It is not supported, whatever the value; the error adds this text.
    Unsupported(&'static str),
    /// It is not supported, with the error of the models that search.
    Incompatible,
    /// It is refused like a name that no document has.
    Unknown,
}

impl Param {
    fn but(&self, family: Family) -> Option<&But> {
        self.but.iter().find(|(of, _)| *of == family).map(|(_, but)| but)
    }

    /// Whether a family of models has the parameter at all.
    pub(super) fn known_to(&self, family: Family) -> bool {
        !matches!(self.but(family), Some(But::Unknown))
    }

    /// Reports what is wrong with the parameter's value, which is JSON and not null.
    pub(super) fn validate(&self, value: &str, scope: Scope) -> Result<(), ApiError> {
        let root = Path::ROOT;
        let path = root.key(self.name);
        match self.but(scope.family()) {
            None | Some(But::Unknown) => self.shape.validate_json(value, &path, scope),
            Some(But::Shape(shape)) => shape.validate_json(value, &path, scope),
            Some(But::Unsupported(hint)) => Err(error_text::unsupported_parameter(&path, hint)),
            Some(But::Incompatible) => Err(ApiError::new(
                Kind::Invalid,
                format!("Model incompatible request argument supplied: {path}"),
            )),
        }
    }
}

/// A parameter that all models treat the same.
pub(super) const fn param(name: &'static str, shape: &'static Shape) -> Param {
    Param { name, shape, but: &[] }
}

/// A parameter as it is without what families of models do differently.
pub(super) const fn for_all(param: &Param) -> Param {
    self::param(param.name, param.shape)
}
