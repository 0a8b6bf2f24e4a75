//! [`Config`]: the operator's settings, from (name, value) pairs.

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
