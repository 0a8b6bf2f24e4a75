//! The engine through the gateway: whole exchanges, run natively without the component.

#![cfg(feature = "vocab")] // without it token counts differ

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Method, Request};
use serde_json::{Value, json};
use std::time::Duration;

mod endpoints;
mod hosted_tools;
mod limits;
#[path = "../nowhere/mod.rs"]
mod nowhere;
mod rules;
mod tools;

use nowhere::{Nowhere, Whole};

const RULES: &str = include_str!("../../examples/agent-rules.json");

/// The status, the `retry-after` field and the body, with `BROKEN` where the connection breaks off.
fn send(config: &str, path: &str, body: &Value) -> (u16, Option<String>, String) {
    send_with(("PORTCULLIS_CONFIG", config), path, body)
}

fn send_with(setting: (&str, &str), path: &str, body: &Value) -> (u16, Option<String>, String) {
    send_as(("accept", "*/*"), setting, path, body)
}

fn send_as(
    header: (&'static str, &str),
    setting: (&str, &str),
    path: &str,
    body: &Value,
) -> (u16, Option<String>, String) {
    let vars = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), setting];
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: [header].into_iter().collect(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Whole(Some(body.to_string().into_bytes()));
    let response = Gateway::new(&vars).handle(&request, &mut upload, &Nowhere, &ctx).response;
    let retry = response.headers.get("retry-after").map(str::to_owned);
    let mut out = Vec::new();
    match response.body {
        Body::Full(bytes) => out = bytes,
        Body::Stream(items) => items.for_each(|item| match item {
            BodyItem::Abort(_) => out.extend(b"BROKEN"),
            item => out.extend(item.into_bytes()),
        }),
        Body::Relay(_) => panic!("the engine does not forward"),
    }
    (response.status, retry, String::from_utf8(out).expect("UTF-8"))
}

fn chat(config: &str, members: Value) -> Value {
    let mut body = json!({"model": "gpt-4o"});
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    let (status, _, text) = send(config, "/v1/chat/completions", &body);
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    assert_eq!(status, 200, "{text}");
    answer
}

fn user_says(user: &str) -> Value {
    json!([{"role": "user", "content": user}])
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
        "required": ["city", "days"], "additionalProperties": false}}}])
}

/// The choice of a chat under these rules, followed by a rule that answers every request with `no rule`.
fn ruled(rules: &Value, members: &Value) -> Value {
    let mut rules = rules.clone();
    rules.as_array_mut().expect("a list").push(json!({"then": {"text": "no rule"}}));
    chat(&json!({"engine": {"rules": rules}}).to_string(), members.clone())["choices"][0].clone()
}

fn names(choice: &Value) -> Vec<&str> {
    let calls = choice["message"]["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    calls.iter().map(|call| call["function"]["name"].as_str().expect("a name")).collect()
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}})
}
