//! [`Resolved`]: what the model of a request decides.

use super::Call;
use crate::auth::Caller;
use crate::check::{Checked, ModelResolver, ValidationPolicy};
use crate::config::{Backend, Config, UnknownParams, Validation};
use crate::model::{self, ModelSpec};
use std::borrow::Cow;
use std::rc::Rc;

/// Whether the engine serves a model at an endpoint while the operator names no model.
pub(super) fn is_unnamed(model: &str, endpoint: model::Endpoint) -> bool {
    model::unnamed(endpoint).any(|spec| spec.id == model)
}

/// What the model of a request decides, found once.
#[derive(Debug, Clone)]
pub(super) struct Resolved<'a> {
    /// The caller's name of the model.
    pub(super) model: String,
    /// What answers.
    pub(super) backend: &'a Backend,
    /// How the request is validated.
    pub(super) policy: ValidationPolicy,
}

impl AsRef<ValidationPolicy> for Resolved<'_> {
    fn as_ref(&self) -> &ValidationPolicy {
        &self.policy
    }
}

/// A valid request, without its content.
pub(super) struct Validated<'a> {
    /// What its model decides.
    pub(super) resolved: Resolved<'a>,
    /// The body, as it came.
    pub(super) body: &'a Rc<Vec<u8>>,
    /// The parameters to leave out.
    pub(super) dropped: Vec<Cow<'a, str>>,
}

impl<'a> Validated<'a> {
    /// The content of a checked body, and the rest.
    pub(super) fn split<R>(body: &'a Rc<Vec<u8>>, checked: Checked<'a, R, Resolved<'a>>) -> (R, Self) {
        let Checked { request, resolved, dropped } = checked;
        (request, Self { resolved, body, dropped })
    }
}

/// The models that are served at an endpoint to a caller.
pub(super) struct ServedModels<'a> {
    config: &'a Config,
    caller: Caller<'a>,
    endpoint: model::Endpoint,
    backends: Backends,
}

/// What may answer at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backends {
    /// The engine and upstreams.
    All,
    /// The engine, which has other models there than for completions. Requests to upstreams are passed through unread.
    Engine,
}

impl<'a> ServedModels<'a> {
    /// The models of an endpoint of text generation.
    pub(super) fn of_generation<T>(endpoint: model::Endpoint, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint, backends: Backends::All }
    }

    /// The models of an endpoint that only the engine answers.
    pub(super) fn of_engine<T>(endpoint: model::Endpoint, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint, backends: Backends::Engine }
    }
}

impl<'a> ModelResolver for ServedModels<'a> {
    type Resolved = Resolved<'a>;

    fn resolve(&self, model: &str) -> Option<Resolved<'a>> {
        let backend = self.config.served.find(model).filter(|_| self.caller.may_use(model))?;
        let known = self.config.served.names(model) || is_unnamed(model, self.endpoint);
        let by_engine = *backend == Backend::Engine;
        let (served, spec) = match self.backends {
            Backends::All => {
                let exact = self.config.served.names_exactly(model);
                (known || !by_engine, if exact { model::find(model) } else { None })
            }
            // The error for a model of another endpoint is not that for one that does not exist.
            Backends::Engine => {
                (by_engine && (known || is_unnamed(model, model::Endpoint::Completions)), model::find(model))
            }
        };
        served.then(|| Resolved::new(self.config, model, backend, spec))
    }

    fn validation_without_model(&self) -> Validation {
        self.config.validation_for(true)
    }
}

impl<'a> Resolved<'a> {
    /// A model that is served. Its policy is the operator's settings, else what its backend needs.
    fn new(config: &Config, model: &str, backend: &'a Backend, spec: Option<&'static ModelSpec>) -> Self {
        let by_engine = *backend == Backend::Engine;
        let validation = config.validation_for(by_engine);
        // The published schema allows members that it does not name; the live API does not.
        let unknown = match (by_engine, validation) {
            (true, Validation::Live) => UnknownParams::Reject,
            _ => UnknownParams::Pass,
        };
        let policy = ValidationPolicy {
            validation,
            unknown: config.unknown_params.unwrap_or(unknown),
            spec,
            named_exactly: config.served.names_exactly(model),
            by_engine,
        };
        Self { model: model.to_owned(), backend, policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Method, Request, RequestHeaders};

    #[test]
    fn settings_override_what_the_backend_needs() {
        use {UnknownParams as U, Validation as V};
        let url = ("PORTCULLIS_UPSTREAM_URL", "http://h/v1");
        let schema = ("PORTCULLIS_VALIDATION", "schema");
        for (vars, want) in [
            (&[][..], (V::Live, U::Reject)),
            (&[schema], (V::Schema, U::Pass)),
            (&[("PORTCULLIS_UNKNOWN_PARAMS", "drop")], (V::Live, U::Drop)),
            (&[url], (V::Types, U::Pass)),
            (&[url, schema], (V::Schema, U::Pass)),
            (&[("PORTCULLIS_VALIDATION", "types")], (V::Types, U::Pass)),
            (&[url, ("PORTCULLIS_VALIDATION", "live")], (V::Live, U::Pass)),
        ] {
            let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true")];
            let all = vars.iter().chain(&open).map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            let config = Config::from_vars(&all.collect::<Vec<_>>()).expect("valid");
            let request = Request {
                method: Method::Post,
                path: "/v1/chat/completions".to_owned(),
                query: None,
                headers: RequestHeaders::default(),
            };
            let caller = crate::auth::check(&request, &config).expect("open to all");
            let (endpoint, backends) = (model::Endpoint::Chat, Backends::All);
            let models = ServedModels { config: &config, caller, endpoint, backends };
            let policy = models.resolve("gpt-4o").expect("served").policy;
            assert_eq!((policy.validation, policy.unknown), want, "{vars:?}");
        }
    }
}
