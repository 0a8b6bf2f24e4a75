//! [`Rules`]: the table of rules for one kind of request, and the exact pass that applies it.

use super::param::Param;
use super::path::Path;
use super::request_rules::RequestRules;
use super::scope::Scope;
use super::top_level::{TopLevel, tree};
use super::{error_text, pydantic_errors};
use crate::config::UnknownParams;
use crate::error::ApiError;
use crate::json::Value;

/// The table of rules for one kind of request.
pub(super) struct Rules {
    /// The parameter besides the model that must be present.
    required: &'static str,
    /// In the order in which they are checked.
    params: Vec<&'static Param>,
    /// The endpoint's own error for an unknown parameter, if it has one.
    own_unknown: fn(&str, Scope) -> Option<ApiError>,
}

impl Rules {
    pub(super) fn of<'a, R: RequestRules<'a>>(scope: Scope) -> Self {
        Self { required: R::REQUIRED, params: R::params(scope), own_unknown: R::unknown }
    }

    /// Reports the first fault of a body, in the live API's order. One parameter at a time is read, and of a list one
    /// item.
    pub(super) fn validate(
        &self,
        top: &TopLevel<'_>,
        scope: Scope,
        unknown: UnknownParams,
    ) -> Result<(), ApiError> {
        if top.has_half_pairs {
            return Err(error_text::not_json());
        }
        if scope.live_spec.is_some_and(|spec| spec.python_faults) {
            pydantic_errors::validate(&tree(top.text, &Path::ROOT)?)?;
        }
        if !top.has(self.required) {
            return Err(error_text::missing(&Path::ROOT.key(self.required)));
        }
        if unknown == UnknownParams::Reject {
            self.refuse_unknown(&top.names(), scope)?;
        }
        self.params.iter().try_for_each(|param| {
            // Null is the same as absent, save for the parameter that must be present.
            let present = |value: &&str| param.name == self.required || *value != "null";
            top.last(param.name).filter(present).map_or(Ok(()), |value| param.validate(value, scope))
        })
    }

    /// The rules of the mode `types`: reports the first parameter that is unknown, where those are refused, or of an
    /// undocumented JSON type. What lies within a parameter's value is not looked at. An upstream judges it; the engine
    /// leaves out or clamps what it cannot use.
    pub(super) fn validate_types(
        &self,
        top: &TopLevel<'_>,
        scope: Scope,
        unknown: UnknownParams,
    ) -> Result<(), ApiError> {
        if unknown == UnknownParams::Reject {
            self.refuse_unknown(&top.all_names(), scope)?;
        }
        self.params.iter().try_for_each(|param| {
            let present = top.last(param.name).filter(|value| *value != "null");
            let odd = present.filter(|value| !param.shape.json_types().has(value));
            odd.map_or(Ok(()), |value| Err(wrong_type(param, value, scope)))
        })
    }

    /// Reports the first name that no document has, or that the model does not have. `names` come with whether their
    /// value is null, which is the same as absent for a documented name.
    fn refuse_unknown(&self, names: &[(&str, bool)], scope: Scope) -> Result<(), ApiError> {
        let root = Path::ROOT;
        let documented = |name: &str| self.params.iter().find(|param| param.name == name);
        let is_known = |(name, is_null): &(&str, bool)| {
            *name == "model"
                || documented(name).is_some_and(|param| *is_null || param.known_to(scope.family()))
        };
        let Some((name, _)) = names.iter().find(|member| !is_known(member)) else { return Ok(()) };
        if let Some(error) = (self.own_unknown)(name, scope) {
            return Err(error);
        }
        let known = self.params.iter().filter(|param| param.known_to(scope.family()));
        let absent: Vec<&str> = known
            .map(|param| param.name)
            .filter(|known| !names.iter().any(|(present, _)| present == known))
            .collect();
        Err(error_text::unknown(&root.key(name), &error_text::nearest(name, &absent)))
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
