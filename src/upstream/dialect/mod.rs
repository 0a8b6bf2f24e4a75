//! What upstreams speak. A dialect is pure functions: request to request, answer to answer, event to event.

pub(super) mod anthropic;
pub(super) mod azure;
pub(super) mod openai;

use super::attempts::Prepared;
use super::{ForwardRequest, headers};
use crate::config::{Api, Plan, Target, Upstream};
use crate::error::ApiError;
use std::borrow::Cow;

/// What of the API a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// `/chat/completions`
    Chat,
    /// `/completions`
    Text,
    /// Any other path below the base URL, without a body.
    Other(&'a str),
}

impl<'a> Endpoint<'a> {
    fn path(self) -> &'a str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Text => "/completions",
            Self::Other(path) => path,
        }
    }
}

/// Makes the request a target is to get.
pub(super) fn prepare<'a>(
    ask: &'a ForwardRequest<'a>,
    plan: &Plan,
    target: &Target,
    upstream: &'a Upstream,
) -> Result<Prepared<'a>, ApiError> {
    let name = plan.name_at(target, ask.model).map(Cow::into_owned);
    match &upstream.api {
        Api::OpenAi => Ok(openai::request(ask, upstream, name.as_deref())),
        Api::Azure { version } => Ok(azure::request(ask, upstream, name.as_deref(), version)),
        Api::Anthropic { version, max_tokens } => {
            let extra = anthropic::Extra { version, max_tokens: *max_tokens };
            anthropic::request(ask, upstream, name.as_deref(), extra)
        }
    }
}

/// The header fields for a target. A body that was judged is JSON, also where the caller told no type of it.
fn fields<'a>(ask: &'a ForwardRequest<'a>, upstream: &'a Upstream) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
    let mut fields = headers::to_upstream(ask.headers, upstream, ask.request_id);
    if !ask.body.is_empty() && ask.headers.get("content-type").is_none() {
        fields.push(("content-type".into(), b"application/json".into()));
    }
    fields
}

/// A path with the caller's query.
fn with_query(mut path: String, ask: &ForwardRequest<'_>) -> String {
    if let Some(query) = ask.query {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(query);
    }
    path
}
