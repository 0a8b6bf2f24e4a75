//! Errors of upstreams: their status, and their content in the gateway's own form.

use crate::api::tool::Json;
use crate::json::{self, Value};
use crate::turn::Failure;

/// As much of an error text as a caller gets that is no JSON.
const LONGEST_TEXT: usize = 2000;

/// Whether a body is an error object: `{"error": {…}}` with something in it.
pub(super) fn is_error_object(body: &[u8]) -> bool {
    json::reads! {
        struct Body<'a> {
            "error" error: Json<'a>,
        }
    }
    let error = json::lossy_from_slice::<Body<'_>>(body).ok().and_then(|body| body.error);
    error.is_some_and(|error| error.is_object() && error.0 != "{}")
}

/// Whether a body is an array whose first item is an error object.
pub(super) fn is_error_list(body: &[u8]) -> bool {
    let items = json::lossy_from_slice::<Vec<Json<'_>>>(body).ok();
    items.and_then(|items| items.first().copied()).is_some_and(|first| is_error_object(first.0.as_bytes()))
}

/// The status that an error in an answer with status 200 should have had: the one it names, else 502.
/// `of_type` has the statuses of the API's types of errors.
pub(super) fn status(error: &[u8], of_type: &dyn Fn(&str) -> Option<u16>) -> u16 {
    let Ok(value) = json::lossy_from_slice::<Value<'_>>(error) else { return 502 };
    let error = object(&value);
    let number = |name: &str| match error.get(name)? {
        Value::Number(number) => number.parse::<u16>().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let own = ["code", "status", "status_code"].into_iter().find_map(number);
    let kind = || error.get("type")?.as_str().and_then(of_type);
    own.filter(|status| (400..600).contains(status)).or_else(kind).unwrap_or(502)
}

/// The object that has an error's members: the body itself where it has no `error` object.
fn object<'v, 'a>(body: &'v Value<'a>) -> &'v Value<'a> {
    let body = body.as_array().and_then(<[_]>::first).unwrap_or(body);
    body.get("error").filter(|error| error.is_object()).unwrap_or(body)
}

/// The members that servers have the message of an error in, the most telling first.
const MESSAGES: [&str; 9] =
    ["message", "error", "detail", "msg", "error_msg", "error_message", "errors", "Message", "status_msg"];

/// How deep a message is looked for.
const MOST_LEVELS: u8 = 6;

/// The message of an error: its text, that of the first member that has one, or those of a list such as FastAPI's.
fn message_in(value: &Value<'_>, levels: u8) -> Option<String> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.to_string()),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(|item| message_in(item, levels)).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        object => MESSAGES.iter().find_map(|name| message_in(object.get(name)?, levels)),
    }
}

/// Whether an object has the message of an error; the caller knows that it has nothing else.
pub(super) fn has_message(body: &[u8]) -> bool {
    json::lossy_from_slice::<Value<'_>>(body).is_ok_and(|value| message_in(&value, MOST_LEVELS).is_some())
}

/// Reads an error of any form: an object as OpenAI's and Anthropic's APIs have it, a string, the members of an error
/// without the object (vLLM, FastAPI, MiniMax), or text.
pub(super) fn read(body: &[u8], status: u16, upstream: &str) -> Failure {
    let value = json::lossy_from_slice::<Value<'_>>(body).ok();
    let text = |name: &str| value.as_ref().and_then(|value| object(value).get(name)?.as_str());
    let plain = || {
        // A page of HTML is no message, and JSON that names none is not one either.
        let text = std::str::from_utf8(body).ok()?.trim();
        (value.is_none() && !text.starts_with('<') && !text.is_empty())
            .then(|| text.chars().take(LONGEST_TEXT).collect::<String>())
    };
    let of_members = || message_in(object(value.as_ref()?), MOST_LEVELS);
    let of_minimax = || message_in(value.as_ref()?.get("base_resp")?, MOST_LEVELS);
    let message = of_members().or_else(of_minimax).or_else(plain);
    let of_kind = if status < 500 { "invalid_request_error" } else { "server_error" };
    Failure {
        status,
        kind: text("type").filter(|kind| *kind != "error").unwrap_or(of_kind).to_owned(),
        code: text("code").map(str::to_owned),
        message: message.unwrap_or_else(|| {
            format!("The upstream `{upstream}` returned status {status} without an error object.")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_an_object_with_its_message() {
        for (body, kind, code, message) in [
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "t", Some("c"), "no"),
            (r#"{"error":"model not found"}"#, "invalid_request_error", None, "model not found"),
            (r#"{"detail":"Not Found"}"#, "invalid_request_error", None, "Not Found"),
            (
                r#"{"object":"error","message":"no","type":"NotFoundError","code":404}"#,
                "NotFoundError",
                None,
                "no",
            ),
            (
                r#"{"code":400,"message":"too long","type":"invalid_request_error"}"#,
                "invalid_request_error",
                None,
                "too long",
            ),
            (
                r#"[{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}]"#,
                "invalid_request_error",
                None,
                "gone",
            ),
            (
                r#"{"detail":[{"loc":["body","x"],"msg":"field required","type":"missing"},{"msg":"too long"}]}"#,
                "invalid_request_error",
                None,
                "field required; too long",
            ),
            (
                r#"{"object":"error","message":{"detail":[{"msg":"Extra inputs"}]},"type":"t","code":null}"#,
                "t",
                None,
                "Extra inputs",
            ),
            (
                r#"{"success":false,"errors":[{"code":7003,"message":"No route"}],"messages":[]}"#,
                "invalid_request_error",
                None,
                "No route",
            ),
            (
                r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"no balance"}}"#,
                "invalid_request_error",
                None,
                "no balance",
            ),
            (r#"{"error_code":3,"error_msg":"bad"}"#, "invalid_request_error", None, "bad"),
            (r#"{"error":{"message":["a","b"]}}"#, "invalid_request_error", None, "a; b"),
            (r#"{"Message":"denied"}"#, "invalid_request_error", None, "denied"),
            ("upstream connect error\n", "invalid_request_error", None, "upstream connect error"),
            (r#"{"error":{"message":"half \ud83d"}}"#, "invalid_request_error", None, "half \u{fffd}"),
        ] {
            let failure = read(body.as_bytes(), 404, "u");
            let got = (&*failure.kind, failure.code.as_deref(), &*failure.message, failure.status);
            assert_eq!(got, (kind, code, message, 404), "{body}");
        }
        for body in ["", "<html>busy", "{}", "[]", "\u{1}", "null"] {
            let failure = read(body.as_bytes(), 503, "u");
            assert_eq!(failure.kind, "server_error");
            assert!(failure.message.contains("`u`") || body == "\u{1}", "{body}: {}", failure.message);
        }
        assert_eq!(read(&b"x".repeat(1 << 20), 500, "u").message.len(), LONGEST_TEXT);
    }

    #[test]
    fn an_error_names_its_status() {
        for (body, want) in [
            (r#"{"error":{"message":"no"}}"#, 502),
            (r#"{"error":"no"}"#, 502),
            (r#"{"error":{"code":"503","status":"UNAVAILABLE"}}"#, 503),
            (r#"{"error":{"code":"rate_limit","status":429}}"#, 429),
            (r#"{"error":{"code":200}}"#, 502),
            (r#"{"code":400,"message":"too long"}"#, 400),
            (r#"[{"error":{"code":404}}]"#, 404),
            (r#"{"type":"error","error":{"type":"overloaded_error"}}"#, 529),
            (r#"{"type":"error","error":{"type":"other_error"}}"#, 502),
            ("broken", 502),
        ] {
            assert_eq!(
                status(body.as_bytes(), &|kind| (kind == "overloaded_error").then_some(529)),
                want,
                "{body}"
            );
        }
    }
}
