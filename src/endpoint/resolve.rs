//! How a request is validated, by its model's route.

use super::Call;
use crate::auth::Caller;
use crate::check::{ModelResolver, ValidationPolicy};
use crate::config::{Backend, Config, UnknownParams, Validation};
use crate::model::{self, ModelSpec};
use crate::upstream::Endpoint;

/// Whether the engine serves a model at an endpoint while the operator names no model.
pub(super) fn is_unnamed(model: &str, endpoint: model::Endpoint) -> bool {
    model::unnamed(endpoint).any(|spec| spec.id == model)
}

/// The models of one of the two completions endpoints.
pub(super) struct CompletionModels<'a> {
    pub(super) config: &'a Config,
    pub(super) caller: Caller<'a>,
    pub(super) endpoint: Endpoint<'static>,
}

impl<'a> CompletionModels<'a> {
    /// The models of an endpoint for a caller.
    pub(super) fn at<T>(endpoint: Endpoint<'static>, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint }
    }

    fn model_endpoint(&self) -> model::Endpoint {
        match self.endpoint {
            Endpoint::Text => model::Endpoint::Completions,
            Endpoint::Responses => model::Endpoint::Responses,
            Endpoint::Messages => model::Endpoint::Messages,
            _ => model::Endpoint::Chat,
        }
    }

    /// Who answers for a model to this caller, and whether the operator named it.
    pub(super) fn backend(&self, model: &str) -> Option<(&'a Backend, bool)> {
        let (backend, named) = self.config.served.find(model).filter(|_| self.caller.may_use(model))?;
        let served = named || *backend != Backend::Engine || is_unnamed(model, self.model_endpoint());
        served.then_some((backend, named))
    }
}

/// The models of an endpoint where the engine has other models than for completions, and upstreams have none: requests
/// to them are passed through unread.
pub(super) struct EngineModels<'a> {
    config: &'a Config,
    caller: Caller<'a>,
    /// The endpoint.
    endpoint: model::Endpoint,
}

impl<'a> EngineModels<'a> {
    /// The models of an endpoint for a caller.
    pub(super) fn at<T>(endpoint: model::Endpoint, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint }
    }
}

impl ModelResolver for EngineModels<'_> {
    fn policy(&self, model: &str) -> Option<ValidationPolicy> {
        let (backend, named) = self.config.served.find(model).filter(|_| self.caller.may_use(model))?;
        // A model of another endpoint is told apart from one that does not exist.
        let known =
            named || is_unnamed(model, self.endpoint) || is_unnamed(model, model::Endpoint::Completions);
        (*backend == Backend::Engine && known)
            .then(|| policy(self.config, backend, model, model::find(model)))
    }

    fn validation(&self) -> Validation {
        self.config.validation.unwrap_or(Validation::Live)
    }
}

impl ModelResolver for CompletionModels<'_> {
    fn policy(&self, model: &str) -> Option<ValidationPolicy> {
        let (backend, _) = self.backend(model)?;
        let exact = self.config.served.names_exactly(model);
        Some(policy(self.config, backend, model, if exact { model::find(model) } else { None }))
    }

    fn validation(&self) -> Validation {
        self.config.validation.unwrap_or(Validation::Live)
    }
}

/// The policy for a model: the operator's settings, else what its backend needs.
fn policy(
    config: &Config,
    backend: &Backend,
    model: &str,
    spec: Option<&'static ModelSpec>,
) -> ValidationPolicy {
    let by_engine = *backend == Backend::Engine;
    let validation =
        config.validation.unwrap_or(if by_engine { Validation::Live } else { Validation::Types });
    // The published schema allows members that it does not name; the live API does not.
    let unknown = match (by_engine, validation) {
        (true, Validation::Live) => UnknownParams::Reject,
        _ => UnknownParams::Pass,
    };
    ValidationPolicy {
        validation,
        unknown: config.unknown_params.unwrap_or(unknown),
        spec,
        named: config.served.names_exactly(model),
        by_engine,
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
            let policy = CompletionModels { config: &config, caller, endpoint: Endpoint::Chat }
                .policy("gpt-4o")
                .expect("served");
            assert_eq!((policy.validation, policy.unknown), want, "{vars:?}");
        }
    }
}
