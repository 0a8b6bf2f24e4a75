//! Who judges a request, by its model's route.

use super::Call;
use crate::auth::Caller;
use crate::check::{ModelResolver, ValidationPolicy};
use crate::config::{Backend, Config, UnknownParams, Validation};
use crate::model;
use crate::upstream::Endpoint;

/// Whether the engine serves a model at an endpoint while the operator names no model.
pub(super) fn is_unnamed(model: &str, endpoint: model::Endpoint) -> bool {
    model::unnamed(endpoint).any(|spec| spec.id == model)
}

/// The judges of one of the two completions endpoints.
pub(super) struct CompletionModels<'a> {
    pub(super) config: &'a Config,
    pub(super) caller: Caller<'a>,
    pub(super) endpoint: Endpoint<'static>,
}

impl<'a> CompletionModels<'a> {
    /// The judges of an endpoint for a caller.
    pub(super) fn at<T>(endpoint: Endpoint<'static>, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint }
    }

    fn model_endpoint(&self) -> model::Endpoint {
        match self.endpoint {
            Endpoint::Text => model::Endpoint::Completions,
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

/// The judges of an endpoint where the engine has other models than for completions, and upstreams have
/// none: what goes to them there goes unread.
pub(super) struct EngineModels<'a> {
    config: &'a Config,
    caller: Caller<'a>,
    /// The endpoint.
    endpoint: model::Endpoint,
}

impl<'a> EngineModels<'a> {
    /// The judges of an endpoint for a caller.
    pub(super) fn at<T>(endpoint: model::Endpoint, call: &Call<'a, T>) -> Self {
        Self { config: call.config, caller: call.caller, endpoint }
    }
}

impl ModelResolver for EngineModels<'_> {
    fn policy(&self, model: &str) -> Option<ValidationPolicy> {
        let (backend, named) = self.config.served.find(model).filter(|_| self.caller.may_use(model))?;
        // One that is served elsewhere is told apart from one that does not exist.
        let known =
            named || is_unnamed(model, self.endpoint) || is_unnamed(model, model::Endpoint::Completions);
        let validation = self.validation();
        let unknown = match validation {
            Validation::Live => UnknownParams::Reject,
            Validation::Schema => UnknownParams::Pass,
        };
        (*backend == Backend::Engine && known).then(|| ValidationPolicy {
            validation,
            unknown: self.config.unknown_params.unwrap_or(unknown),
            spec: model::find(model),
        })
    }

    fn validation(&self) -> Validation {
        self.config.validation.unwrap_or(Validation::Live)
    }
}

impl ModelResolver for CompletionModels<'_> {
    fn policy(&self, model: &str) -> Option<ValidationPolicy> {
        let (backend, named) = self.backend(model)?;
        let validation = self.config.validation.unwrap_or(match backend {
            Backend::Engine => Validation::Live,
            Backend::Upstream(_) => Validation::Schema,
        });
        // The published schema allows members it does not name; the live API does not.
        let unknown = match (backend, validation) {
            (Backend::Engine, Validation::Live) => UnknownParams::Reject,
            _ => UnknownParams::Pass,
        };
        Some(ValidationPolicy {
            validation,
            unknown: self.config.unknown_params.unwrap_or(unknown),
            spec: if named { model::find(model) } else { None },
        })
    }

    fn validation(&self) -> Validation {
        self.config.validation.unwrap_or(Validation::Live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Method, Request, RequestHeaders};

    #[test]
    fn the_settings_go_before_what_the_backend_asks_for() {
        use {UnknownParams as U, Validation as V};
        let url = ("PORTCULLIS_UPSTREAM_URL", "http://h/v1");
        let schema = ("PORTCULLIS_VALIDATION", "schema");
        for (vars, want) in [
            (&[][..], (V::Live, U::Reject)),
            (&[schema], (V::Schema, U::Pass)),
            (&[("PORTCULLIS_UNKNOWN_PARAMS", "drop")], (V::Live, U::Drop)),
            (&[url], (V::Schema, U::Pass)),
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
