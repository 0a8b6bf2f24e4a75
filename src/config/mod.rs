//! [`Config`]: the operator's settings, from (name, value) pairs.
//!
//! [`vars`] names the environment variables and reads the simple ones, [`document`] and [`entries`] read
//! `PORTCULLIS_CONFIG`, [`route`] finds the backend of a model, [`plan`] distributes requests over upstreams. A wrong
//! setting is a [`ConfigError`] that names the setting and never shows a secret.

mod api;
mod document;
pub mod engine;
mod entries;
mod keys;
mod limits;
mod node;
mod plan;
mod price;
mod route;
mod store;
mod vars;

use std::fmt;

pub use api::{AnthropicApi, Api, AzureApi, OpenAiApi};
pub use keys::{Key, Presented, Secret, bearer};
pub use limits::{Limit, Measure, Per, Period, Window, applied};
pub use plan::{CachePolicy, Plan, Policy, Target};
pub use price::Prices;
pub use route::{Backend, Served, Upstream};
pub use store::{OnFailure, Store, StoreApi};
pub use vars::NAMES;

/// Which rules a request is validated by: `PORTCULLIS_VALIDATION`. Each accepts what the ones before it accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// What the live API rejects.
    Live,
    /// What OpenAI's published OpenAPI schema rejects, save for what the live API was recorded to accept.
    Schema,
    /// What is no JSON object, names no model, or has a documented parameter of an undocumented JSON type.
    Types,
}

/// What happens to undocumented parameters: `PORTCULLIS_UNKNOWN_PARAMS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownParams {
    /// The request is refused.
    Reject,
    /// They go to the upstream as they are.
    Pass,
    /// They are removed, and the answer's `x-portcullis-dropped` names them.
    Drop,
}

/// How much is logged: `PORTCULLIS_LOG`. Each level has what the ones before it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Requests that failed by a fault of the gateway, its settings or an upstream (5xx).
    Error,
    /// One line a request.
    Info,
}

/// Which web origins may read answers: `PORTCULLIS_CORS_ORIGINS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `*`: every one.
    Any,
    /// These, as a browser spells them: `https://app.example`.
    Listed(Vec<String>),
}

/// Every setting, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The keys that callers may use.
    pub keys: Vec<Key>,
    /// Whether calls without a key are served.
    pub allow_anonymous: bool,
    /// The endpoints requests may be forwarded to.
    pub upstreams: Vec<Upstream>,
    /// The models that are served, and their backends.
    pub served: Served,
    /// What models cost.
    pub prices: Prices,
    /// The upstream that gets the paths the gateway does not know: an index into `upstreams`.
    pub passthrough: Option<usize>,
    /// Whether answers name their upstream and the number of attempts.
    pub route_headers: bool,
    /// Overrides which rules requests are validated by.
    pub validation: Option<Validation>,
    /// Overrides what happens to unknown parameters.
    pub unknown_params: Option<UnknownParams>,
    /// The longest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How much is logged.
    pub log: LogLevel,
    /// The rules of the built-in engine.
    pub engine: engine::Engine,
    /// Where state that outlives a request is kept.
    pub store: Option<Store>,
    /// How much all callers may use.
    pub limits: Vec<Limit>,
    /// The output limit of requests that have none, where a limit of tokens or money applies.
    pub reserve_tokens: Option<u32>,
    /// The origins that may read answers in a browser; `None` sends no CORS headers.
    pub origins: Option<Origins>,
    /// Whether browsers get the page at `GET /`.
    pub page: bool,
}

impl Config {
    /// The rules for requests to a backend: the operator's setting, else `live` for the engine and `types` for upstreams.
    pub fn validation_for(&self, by_engine: bool) -> Validation {
        self.validation.unwrap_or(if by_engine { Validation::Live } else { Validation::Types })
    }

    /// Reads the settings out of (name, value) pairs. Names that do not belong to
    /// Portcullis count only where a setting refers to them by `$NAME`.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn from_vars(vars: &[(String, String)]) -> Result<Self, ConfigError> {
        vars::read(vars)
    }

    /// Whether some limit is in money.
    pub fn has_budgets(&self) -> bool {
        let mut all = self.limits.iter().chain(self.keys.iter().flat_map(|key| &key.limits));
        all.any(|limit| matches!(limit.measure, Measure::Usd(..)))
    }

    /// Checks that every named model has a price where a limit is in money.
    fn check_prices(&self) -> Result<(), ConfigError> {
        if !self.has_budgets() {
            return Ok(());
        }
        let lacks = |model: &str, backend: &Backend| match backend {
            Backend::Engine => self.prices.of_engine(model).is_none(),
            Backend::Upstream(plan) => {
                plan.targets.iter().any(|target| self.prices.at_target(model, plan, target).is_none())
            }
        };
        let named = self.served.named.iter().filter(|(name, _)| !name.contains('*'));
        match named.into_iter().find(|(name, backend)| lacks(name, backend)) {
            None => Ok(()),
            Some((name, _)) => Err(node::wrong(
                format_args!("models.{name}.price"),
                "a limit in `usd` applies, and the model has no price; state one there, or one for all as `price`",
            )),
        }
    }
}

/// A setting that cannot be used: which one, what is wrong, what would be right. Its text is for the operator: it
/// may hold the value, but never a secret's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl ConfigError {
    /// A problem with a setting: a variable, which a place in its value may follow after a space. `problem` follows a
    /// colon and holds no secret.
    pub fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: setting.into(), problem: problem.into() }
    }

    /// What callers may read without a key: the name of the setting alone.
    pub fn for_callers(&self) -> String {
        let setting = self.setting.split(' ').next().unwrap_or_default();
        format!(
            "The gateway's setting {setting} is wrong. Its operator finds the reason in the gateway's log."
        )
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The setting {} is wrong: {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_read_the_name_of_a_setting_alone() {
        for (name, value) in [
            ("PORTCULLIS_LOG", "value"),
            ("PORTCULLIS_UPSTREAM_URL", "http://value:pw@host"),
            ("PORTCULLIS_CORS_ORIGINS", "value"),
            ("PORTCULLIS_CONFIG", r#"{"passthrough":"value"}"#),
            ("PORTCULLIS_CONFIG", r#"{"keys":[{"name":"value","key":"$value"}]}"#),
            ("PORTCULLIS_CONFIG", r#"{"upstreams":{"value":{"url":"http://h","key":"$value"}}}"#),
            ("PORTCULLIS_CONFIG", r#"{"models":{"value":{}}}"#),
        ] {
            let error = Config::from_vars(&[(name.to_owned(), value.to_owned())]).expect_err(value);
            let shown = error.for_callers();
            assert!(shown.contains(name) && !shown.contains("value"), "{shown}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
