//! Answers to bytes: JSON, SSE framing, chunks. The one place an [`ApiError`] becomes a response.

mod call_order;
pub mod chat;
pub mod completions;
pub mod convert;
pub mod embeddings;
mod merged;
pub mod messages;
pub mod moderations;
pub mod responses;
pub mod sse;
mod stream;
mod tokens;

pub use merged::Merged;
pub use stream::{Encoder, EventStream};

use crate::api::answer::{CompletionTokensDetails, ErrorBody, ErrorObject, PromptTokensDetails, Usage};
use crate::config::engine::Fault;
use crate::error::{ApiError, Kind};
use crate::http::{Body, BodyItem, Headers, Response};
use crate::json::{Write, push_string, to_string};
use crate::turn::{self, Failure};
use std::time::Duration;

/// A JSON response.
pub fn json<B>(status: u16, value: &impl Write) -> Response<B> {
    json_bytes(status, to_vec(value))
}

/// A JSON response of a body that is written already.
pub fn json_bytes<B>(status: u16, body: Vec<u8>) -> Response<B> {
    let headers = [("content-type", "application/json")].into_iter().collect();
    Response { status, headers, body: Body::Full(body) }
}

/// A stream of events (`text/event-stream`) that no proxy is to hold back or store.
pub fn event_stream<B>(body: Body<B>) -> Response<B> {
    let headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        // nginx, and proxies that follow it, gather a stream otherwise.
        ("x-accel-buffering", "no"),
    ];
    Response { status: 200, headers: headers.into_iter().collect(), body }
}

/// Which counts a model reports besides those that all models report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageDetails {
    /// Text and image tokens apart from audio tokens, as models with audio do.
    pub by_modality: bool,
    /// The tokens written to a cache, also where there are none.
    pub cache_write: bool,
}

/// Token counts, as OpenAI's completions have them.
fn usage(usage: turn::Usage, details: UsageDetails) -> Usage {
    let by_modality = |tokens: u64| details.by_modality.then_some(tokens);
    Usage {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.input.saturating_add(usage.output),
        prompt_tokens_details: PromptTokensDetails {
            cached_tokens: usage.cached_input,
            audio_tokens: usage.input_audio,
            text_tokens: by_modality(usage.input.saturating_sub(usage.input_audio)),
            image_tokens: by_modality(0),
            cache_write_tokens: (details.cache_write || usage.cache_write > 0).then_some(usage.cache_write),
        },
        completion_tokens_details: CompletionTokensDetails {
            reasoning_tokens: usage.reasoning,
            audio_tokens: usage.output_audio,
            accepted_prediction_tokens: usage.accepted_prediction,
            rejected_prediction_tokens: usage.rejected_prediction,
            text_tokens: by_modality(
                usage.output.saturating_sub(usage.reasoning).saturating_sub(usage.output_audio),
            ),
        },
    }
}

/// How long a piece of a long answer is, about, in bytes.
const PIECE: usize = 64 * 1024;

/// A JSON response that is written as it is sent, unless it is short: `write` appends the next part, of a few KB at
/// most, and returns false once nothing is left.
pub(crate) fn json_in_pieces<B>(mut write: impl FnMut(&mut Vec<u8>) -> bool + 'static) -> Response<B> {
    let mut next = move || {
        let mut piece = Vec::with_capacity(1024);
        while piece.len() < PIECE {
            if !write(&mut piece) {
                return (piece, false);
            }
        }
        (piece, true)
    };
    let (first, mut more) = next();
    if !more {
        return json_bytes(200, first);
    }
    let rest = std::iter::from_fn(move || {
        let (piece, follows) = if more { next() } else { return None };
        more = follows;
        Some(piece)
    });
    let pieces = std::iter::once(first).chain(rest).filter(|piece| !piece.is_empty());
    let items = pieces.map(BodyItem::Data);
    let headers = [("content-type", "application/json")].into_iter().collect();
    Response { status: 200, headers, body: Body::Stream(Box::new(items)) }
}

/// As [`json_in_pieces`], of parts that are text.
pub(crate) fn json_text_in_pieces<B>(mut write: impl FnMut(&mut String) -> bool + 'static) -> Response<B> {
    json_in_pieces(move |out| {
        let mut text = String::new();
        let is_more = write(&mut text);
        out.extend_from_slice(text.as_bytes());
        is_more
    })
}

/// What stands before and after the first entry of a member's empty list in the JSON of an object. No string in it can
/// be taken for the member, since the quotes in a string are escaped.
fn around_list<'j>(json: &'j str, member: &str) -> (&'j str, &'j str) {
    json.split_at(json.rfind(member).map_or(json.len(), |at| at + member.len()))
}

/// Writes an object as far as the first item of a list that is written apart; returns what follows after the list.
fn push_up_to_list(json: &str, member: &str, out: &mut String) -> String {
    let (start, rest) = around_list(json, member);
    out.push_str(start);
    rest.to_owned()
}

/// The response after a wait: that of an answer which takes its time.
#[must_use]
pub fn after<B>(wait: Option<Duration>, response: Response<B>) -> Response<B> {
    let Some(wait) = wait else { return response };
    let pause = std::iter::once(BodyItem::Pause(wait));
    let body: Body<B> = match response.body {
        Body::Full(bytes) => Body::Stream(Box::new(pause.chain([BodyItem::Data(bytes)]))),
        Body::Stream(rest) => Body::Stream(Box::new(pause.chain(rest))),
        relay @ Body::Relay(_) => relay,
    };
    Response { body, ..response }
}

/// A response whose connection is closed before the first byte of its body.
pub fn hang_up<B>() -> Response<B> {
    let headers = [("content-type", "application/json")].into_iter().collect();
    let abort = BodyItem::Abort("a rule of the engine".to_owned());
    Response { status: 200, headers, body: Body::Stream(Box::new(std::iter::once(abort))) }
}

/// The error of an engine's rule.
pub fn fault<B>(fault: &Fault) -> Response<B> {
    let object = ErrorObject {
        message: &fault.message,
        r#type: fault.kind(),
        param: fault.param.as_deref(),
        code: fault.code.as_deref(),
    };
    Response { status: fault.status.0, headers: fault_headers(fault), body: Body::Full(indented(&object)) }
}

/// The header fields of the error of an engine's rule: the rule's own replace those of an error.
fn fault_headers(fault: &Fault) -> Headers {
    let mut headers: Headers = [("content-type", "application/json")].into_iter().collect();
    for (name, value) in &fault.headers.0 {
        headers = headers.without(name);
        headers.push(name.clone(), value.as_bytes());
    }
    headers
}

fn to_vec(value: &impl Write) -> Vec<u8> {
    to_string(value).into_bytes()
}

fn error_body(error: &ApiError) -> ErrorBody<'_> {
    ErrorBody {
        error: ErrorObject {
            message: error.message(),
            r#type: error.type_(),
            param: error.param(),
            code: error.code(),
        },
    }
}

/// The body of an error, indented by two.
fn indented(error: &ErrorObject<'_>) -> Vec<u8> {
    let members = [
        ("message", Some(error.message)),
        ("type", Some(error.r#type)),
        ("param", error.param),
        ("code", error.code),
    ];
    let mut out = String::from("{\n  \"error\": {");
    for (i, (name, value)) in members.into_iter().enumerate() {
        out.push_str(if i > 0 { ",\n    " } else { "\n    " });
        push_string(name, &mut out);
        out.push_str(": ");
        value.write(&mut out);
    }
    out.push_str("\n  }\n}");
    out.into_bytes()
}

/// An error response, indented by two as the live API's errors are.
pub fn error<B>(error: &ApiError) -> Response<B> {
    let body = indented(&error_body(error).error);
    let mut headers: Headers = [("content-type", "application/json")].into_iter().collect();
    if matches!(error.kind(), Kind::MissingKey | Kind::InvalidKey) {
        headers.push("www-authenticate", "Bearer");
    }
    Response { status: error.status(), headers, body: Body::Full(body) }
}

/// How errors look in one API.
pub struct ErrorFormat {
    /// Writes the body of a response.
    pub body: fn(&Failure) -> Vec<u8>,
    /// Writes an event of a stream that has begun. The number is that of the event, for APIs that number events.
    pub event: fn(&Failure, u64) -> Vec<u8>,
}

/// Errors of OpenAI's APIs; those in streams of Responses are [`responses::ERRORS`].
pub const OPENAI_ERRORS: ErrorFormat = ErrorFormat {
    body: openai_error,
    event: |failure, _| {
        let mut out = Vec::new();
        push_error(&failure.message, &failure.kind, failure.code.as_deref(), &mut out);
        out
    },
};

fn openai_error(failure: &Failure) -> Vec<u8> {
    let Failure { kind, code, message, .. } = failure;
    to_vec(&ErrorBody { error: ErrorObject { message, r#type: kind, param: None, code: code.as_deref() } })
}

/// Appends the event of an error that ends a stream.
fn push_error(message: &str, kind: &str, code: Option<&str>, out: &mut Vec<u8>) {
    let error = ErrorObject { message, r#type: kind, param: None, code };
    sse::push_event(out, &to_vec(&ErrorBody { error }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::engine::{FaultStatus, HeaderFields};

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
    fn a_rule_s_header_field_is_the_only_one_of_its_name() {
        let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        let response: Response<()> = fault(&Fault {
            status: FaultStatus(502),
            message: "No.".to_owned(),
            r#type: None,
            param: None,
            code: None,
            headers: HeaderFields(headers),
        });
        assert_eq!(response.headers.iter().collect::<Vec<_>>(), [("Content-Type", &b"text/html"[..])]);
    }

    #[test]
    fn a_401_names_the_scheme() {
        let response: Response<()> = error(&ApiError::new(Kind::MissingKey, "No."));
        assert_eq!(response.headers.get("www-authenticate"), Some("Bearer"));
    }
}
