//! [`RequestRules`]: what the endpoints' requests differ in.

use super::error_text;
use super::param::Param;
use super::scope::Scope;
use crate::api::{Extra, Text};
use crate::error::ApiError;
use crate::json::Read;
use crate::model::{self, Endpoint, ModelSpec};

/// The rules for the requests of one of OpenAI's endpoints.
pub trait RequestRules<'a>: Read<'a> {
    /// The endpoint whose models take such requests.
    const ENDPOINT: Endpoint;
    /// The parameter besides the model that must be present.
    const REQUIRED: &'static str;
    /// The model that a request without one is for, if the endpoint has a default.
    const DEFAULT_MODEL: Option<&'static str> = None;

    /// The name of the model.
    fn model(&self) -> Option<&Text<'a>>;
    /// The names of the unknown parameters.
    fn extra(&mut self) -> &mut Extra<'a>;
    /// Whether the required parameter was present, and readable.
    fn has_required(&self) -> bool;
    /// Whether the fast pass finds it plainly valid.
    fn is_plain(&self, scope: Scope) -> bool;
    /// Whether all parameters that could be read have a documented JSON type.
    fn is_typed(&self) -> bool {
        true
    }
    /// The rules over several parameters at once.
    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError>;
    /// Brings values into the ranges that the engine can use.
    fn clamp(&mut self, model: Option<&ModelSpec>);
    /// The parameters, in the order in which they are checked.
    fn params(scope: Scope) -> Vec<&'static Param>;

    /// The endpoint's own error for an unknown parameter of this name, if it has one.
    fn unknown(_: &str, _: Scope) -> Option<ApiError> {
        None
    }

    /// The error for a model that is not served.
    fn not_served(model: &str) -> ApiError {
        match model::find(model).map(ModelSpec::home) {
            Some(None) => error_text::retired(model),
            _ => error_text::model_not_found(model),
        }
    }

    /// The error for a model that the endpoint does not serve, but `home` does.
    fn wrong_model(_model: &str, home: Endpoint) -> ApiError {
        error_text::wrong_endpoint(home)
    }
}
