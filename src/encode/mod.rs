//! Answers to bytes: JSON, SSE framing, chunks. The one place an [`ApiError`] becomes a response.

pub mod chat;
pub mod sse;
pub mod text;

use crate::api::answer::{CompletionTokensDetails, PromptTokensDetails, Usage};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, Response};
use serde::Serialize;

/// A JSON response.
pub fn json<B>(status: u16, value: &impl Serialize) -> Response<B> {
    Response {
        status,
        headers: [("content-type", "application/json")].into_iter().collect(),
        body: Body::Full(to_vec(value)),
    }
}

/// A stream of events (`text/event-stream`), which nobody on the way may keep back or store.
pub fn event_stream<B>(body: Body<B>) -> Response<B> {
    let headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        // Asks nginx and those who copied it not to gather a stream.
        ("x-accel-buffering", "no"),
    ];
    Response { status: 200, headers: headers.into_iter().collect(), body }
}

/// Token counts where all kinds are plain text.
pub fn usage(prompt_tokens: u64, completion_tokens: u64) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        prompt_tokens_details: PromptTokensDetails::default(),
        completion_tokens_details: CompletionTokensDetails::default(),
    }
}

fn to_vec(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("the wire structs have string keys and no fallible parts")
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

/// The order of the members is the live API's.
#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> From<&'a ApiError> for ErrorBody<'a> {
    fn from(error: &'a ApiError) -> Self {
        Self {
            error: ErrorObject {
                message: error.message(),
                r#type: error.type_(),
                param: error.param(),
                code: error.code(),
            },
        }
    }
}

/// An error response, indented by two as the live API's errors are.
pub fn error<B>(error: &ApiError) -> Response<B> {
    let body = serde_json::to_vec_pretty(&ErrorBody::from(error)).expect("four strings serialize");
    let mut headers: Headers = [("content-type", "application/json")].into_iter().collect();
    if matches!(error.kind(), Kind::MissingKey | Kind::InvalidKey) {
        headers.push("www-authenticate", "Bearer");
    }
    Response { status: error.status(), headers, body: Body::Full(body) }
}

/// The event that tells of an error after a stream began.
pub fn error_event(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::new();
    sse::push_event(&mut out, &to_vec(&ErrorBody::from(error)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_four_members_in_the_order_of_the_live_api() {
        let response: Response<()> =
            error(&ApiError::new(Kind::MissingParameter, "It \"is\" missing.").at("messages"));
        let Body::Full(body) = response.body else { panic!("errors are whole") };
        assert_eq!(
            String::from_utf8(body).expect("UTF-8"),
            "{\n  \"error\": {\n    \"message\": \"It \\\"is\\\" missing.\",\n    \"type\": \
             \"invalid_request_error\",\n    \"param\": \"messages\",\n    \"code\": \
             \"missing_required_parameter\"\n  }\n}"
        );
    }

    #[test]
    fn who_is_not_let_in_is_told_the_scheme() {
        let response: Response<()> = error(&ApiError::new(Kind::MissingKey, "No."));
        assert_eq!(response.headers.get("www-authenticate"), Some("Bearer"));
    }
}
