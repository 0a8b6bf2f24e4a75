//! [`Scope`]: what decides how one request is validated.

use crate::config::Validation;
use crate::model::{Family, ModelSpec};

/// What decides how one request is validated.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The facts of the model, where the live API's rules apply: only those depend on it.
    pub(super) live_spec: Option<&'static ModelSpec>,
    /// The facts of the model, in every mode.
    pub(super) spec: Option<&'static ModelSpec>,
    /// Which rules apply.
    pub(super) validation: Validation,
    /// Whether lengths, ranges, patterns and unknown members are checked at this place.
    pub(super) bounds: bool,
}

impl Scope {
    /// The scope of a request to a model under a mode.
    pub(super) fn new(validation: Validation, spec: Option<&'static ModelSpec>) -> Self {
        let live_spec = spec.filter(|_| validation == Validation::Live);
        Self { live_spec, spec, validation, bounds: true }
    }

    /// The scope of values whose bounds only the live API enforces.
    pub(super) fn live(self) -> Self {
        Self { bounds: self.bounds && self.is_live(), ..self }
    }

    /// Whether the live API's rules apply, rather than the published schema's.
    pub(super) fn is_live(self) -> bool {
        self.validation == Validation::Live
    }

    /// The family whose rules the model is validated by.
    pub(super) fn family(self) -> Family {
        self.live_spec.map_or(Family::Any, |spec| spec.family)
    }
}
