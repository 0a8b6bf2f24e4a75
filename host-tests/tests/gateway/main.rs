//! The component as its callers see it: over HTTP, in the embedded host, with upstreams of every kind.
//!
//! Each test has its own gateway, which must answer the next request after everything that the test does.

mod calls;
mod crossing;
mod duplex;
mod faults;
mod fields;
mod golden;
mod instances;
mod log;
mod races;
mod refused;
mod routes;
mod settings;
mod streams;
mod through;
mod upstreams;

use host_tests::{Gateway, Reply};
use serde_json::{Value, json};

/// The caller's key.
const KEY: &str = "sk-caller-6f1d2c9a";

/// The setting that permits [`KEY`].
const KEYS: (&str, &str) = ("PORTCULLIS_API_KEYS", KEY);

const CHAT: &str = "/v1/chat/completions";

/// The shortest answer to a chat.
const ANSWER: &str = r#"{"choices":[{}]}"#;

/// A chat completion request that the engine answers with `text`.
fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

/// The same, as a stream.
fn streamed(text: &str) -> Value {
    let mut chat = chat(text);
    chat["stream"] = json!(true);
    chat
}

/// Asserts that the gateway works: no request trapped, and the engine answers a chat.
async fn assert_well(gateway: &Gateway) {
    let reply = gateway.post(CHAT, &chat("Still there?")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "Still there?");
    assert_untrapped(gateway);
}

/// Asserts that the component answered every request itself, and that the host logged nothing.
fn assert_untrapped(gateway: &Gateway) {
    let faults = gateway.faults();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The error object of a response, which must be complete.
fn error(reply: &Reply) -> Value {
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    for name in ["x-request-id", "openai-version", "openai-processing-ms"] {
        assert!(reply.header(name).is_some(), "{name} is missing: {reply:?}");
    }
    let body = reply.json();
    assert_eq!(members(&body), ["error"]);
    let error = &body["error"];
    assert_eq!(members(error), ["code", "message", "param", "type"]);
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    error.clone()
}

fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
