//! [`Config`]: the operator's settings, from (name, value) pairs.
//!
//! [`vars`] names the environment variables and reads the simple ones, [`document`] reads
//! `PORTCULLIS_CONFIG` with the help of [`entries`], [`route`] answers which backend serves a model and [`plan`] how several
//! upstreams share it. A wrong setting is a
//! [`ConfigError`] that names the setting and never shows a secret.

mod document;
pub mod engine;
mod keys;
mod node;
mod plan;
mod raw;
mod route;
mod vars;

use std::fmt;

pub use keys::{Key, Presented, Secret, bearer};
pub use plan::{Plan, Policy, Target};
pub use route::{Api, Backend, Served, Upstream};
pub use vars::NAMES;

/// How strictly requests are judged: `PORTCULLIS_VALIDATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// What the live API rejects.
    Live,
    /// Only what OpenAI's published OpenAPI schema rejects.
    Schema,
}

/// What happens to parameters nobody documents: `PORTCULLIS_UNKNOWN_PARAMS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownParams {
    /// The request is refused.
    Reject,
    /// They go to the upstream as they are.
    Pass,
    /// They are taken out, and the answer's `x-portcullis-dropped` names them.
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
    /// The keys a caller may present.
    pub keys: Vec<Key>,
    /// Whether calls without a key are served.
    pub allow_anonymous: bool,
    /// The endpoints requests may be forwarded to.
    pub upstreams: Vec<Upstream>,
    /// Which models are served, and by whom.
    pub served: Served,
    /// The upstream that gets the paths the gateway does not know: an index into `upstreams`.
    pub passthrough: Option<usize>,
    /// Whether answers tell who gave them, after how many attempts.
    pub route_headers: bool,
    /// Overrides how requests are judged.
    pub validation: Option<Validation>,
    /// Overrides what happens to unknown parameters.
    pub unknown_params: Option<UnknownParams>,
    /// The longest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How much is logged.
    pub log: LogLevel,
    /// What the built-in engine answers.
    pub engine: engine::Engine,
    /// Who may read answers from a browser; `None` sends no CORS headers.
    pub origins: Option<Origins>,
}

impl Config {
    /// Reads the settings out of (name, value) pairs. Names that do not belong to
    /// Portcullis count only where a setting refers to them by `$NAME`.
    pub fn from_vars(vars: &[(String, String)]) -> Result<Self, ConfigError> {
        vars::read(vars)
    }
}

/// A setting that cannot be used: which one, what is wrong, what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl ConfigError {
    /// A problem with a setting; `problem` goes on after a colon and holds no secret.
    pub fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: setting.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The setting {} is wrong: {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}
