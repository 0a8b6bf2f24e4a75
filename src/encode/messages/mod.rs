//! Messages (`POST /v1/messages`): the message object, whole or as the events that build it.
//!
//! The grammar of the events is the live API's, as recorded to August 2026: content blocks come strictly one after another, a
//! `ping` follows the first `content_block_start`, the input of a tool begins with an empty delta, thinking ends with its
//! signature, and `message_delta` carries the final usage.

mod stream;
mod usage;

pub use stream::{Container, Encoder, MessageHead};
pub use usage::Optional;

use super::{ErrorFormat, sse};
use crate::config::engine::Fault;
use crate::error::{ApiError, Kind, anthropic_type};
use crate::http::{Body, Response};
use crate::json::writes;

writes! {
    struct ErrorBody<'a> {
        "type" = kind: &'static str,
        "error" = error: ErrorObject<'a>,
        "request_id" ? request_id: Option<&'a str>,
    }
}

writes! {
    struct ErrorObject<'a> {
        "type" = kind: &'a str,
        "message" = message: &'a str,
        "details" ? details: Option<Details>,
    }
}

writes! {
    struct Details {
        "error_code" = error_code: &'static str,
    }
}

/// Errors of the Messages API.
pub const ERRORS: ErrorFormat = ErrorFormat {
    body: |failure| error_body(anthropic_type(failure.status), &failure.message, None),
    event: |failure, _| {
        let mut out = Vec::new();
        push_error(failure.status, &failure.message, &mut out);
        out
    },
};

/// Appends the event that ends a stream whose backend failed.
fn push_error(status: u16, message: &str, out: &mut Vec<u8>) {
    sse::push_named_event(out, "error", &error_body(anthropic_type(status), message, None));
}

/// The body of an error.
pub fn error_body(kind: &str, message: &str, request_id: Option<&str>) -> Vec<u8> {
    let error = ErrorObject { kind, message, details: None };
    super::to_vec(&ErrorBody { kind: "error", error, request_id })
}

/// An error response in the form of Anthropic's API.
pub fn error<B>(error: &ApiError, request_id: &str) -> Response<B> {
    // The API has a status for it that OpenAI's lacks.
    let status = if error.kind() == Kind::InsufficientQuota { 402 } else { error.status() };
    // By this code clients know that they have to send the whole conversation.
    let code = error.code().filter(|_| error.kind() == Kind::ThreadUnsupported);
    let details = code.map(|error_code| Details { error_code });
    let object = ErrorObject { kind: anthropic_type(status), message: error.message(), details };
    let body = ErrorBody { kind: "error", error: object, request_id: Some(request_id) };
    super::json_bytes(status, super::to_vec(&body))
}

/// The error of an engine's rule.
pub fn fault<B>(fault: &Fault, request_id: &str) -> Response<B> {
    let status = fault.status.0;
    let kind = fault.r#type.as_deref().unwrap_or_else(|| anthropic_type(status));
    let body = error_body(kind, &fault.message, Some(request_id));
    Response { status, headers: super::fault_headers(fault), body: Body::Full(body) }
}
