//! Who judges a request, by its model's route.

use super::models::engine_serves;
use crate::auth::Caller;
use crate::check::{Judge, Judges, models};
use crate::config::{Backend, Config, UnknownParams, Validation};

/// The judges of one of the two completions endpoints.
pub(super) struct Routes<'a> {
    pub(super) config: &'a Config,
    pub(super) caller: Caller<'a>,
    /// Whether the endpoint is the text one.
    pub(super) text: bool,
}

impl<'a> Routes<'a> {
    /// Who answers for a model to this caller, and whether the operator named it.
    pub(super) fn backend(&self, model: &str) -> Option<(&'a Backend, bool)> {
        let (backend, named) = self.config.served.find(model).filter(|_| self.caller.may_use(model))?;
        let served = named || *backend != Backend::Engine || engine_serves(model, self.text);
        served.then_some((backend, named))
    }

    /// Whether the engine answers for a model, at an endpoint where it has other models than for completions.
    pub(super) fn engine_serves(&self, model: &str, own: &[&str]) -> bool {
        let found = self.config.served.find(model).filter(|_| self.caller.may_use(model));
        found.is_some_and(|(backend, named)| *backend == Backend::Engine && (named || own.contains(&model)))
    }
}

impl Judges for Routes<'_> {
    fn judge(&self, model: &str) -> Option<Judge> {
        let (backend, named) = self.backend(model)?;
        let (validation, unknown) = match backend {
            Backend::Engine => (Validation::Live, UnknownParams::Reject),
            Backend::Upstream(_) => (Validation::Schema, UnknownParams::Pass),
        };
        Some(Judge {
            validation: self.config.validation.unwrap_or(validation),
            unknown: self.config.unknown_params.unwrap_or(unknown),
            card: if named { models::find(model) } else { None },
        })
    }
}
