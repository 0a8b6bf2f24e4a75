//! Streams of one API as streams of another: a client of the caller's API accumulates what the upstream sent.

use super::{Recorded, grammar, streams};
use crate::fake::*;
use serde_json::{Value, json};

/// What a client has when a stream has ended, in no API's format.
#[derive(Debug, Default, PartialEq)]
struct Accumulated {
    text: String,
    reasoning: String,
    signatures: Vec<String>,
    /// Name, id and input of each call, in the order of the answer.
    calls: Vec<(String, String, Value)>,
    /// The end, in Chat Completions' terms.
    reason: String,
    /// Input and output tokens.
    usage: Option<(u64, u64)>,
}

/// The input of a call as JSON; text that is none as it is.
fn input(text: &str) -> Value {
    match text {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

/// What a client of Chat Completions accumulates of the first choice.
fn from_chunks(chunks: &[Value]) -> Accumulated {
    let mut all = Accumulated::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    for chunk in chunks {
        let usage = &chunk["usage"];
        if usage["prompt_tokens"].as_u64().is_some_and(|count| count > 0) {
            all.usage = usage["prompt_tokens"].as_u64().zip(usage["completion_tokens"].as_u64());
        }
        for choice in chunk["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"] == 0)
        {
            let delta = &choice["delta"];
            let text = |member: &str| delta[member].as_str().unwrap_or_default();
            all.text += text("content");
            all.text += text("refusal");
            all.reasoning += if delta["reasoning_content"].is_string() {
                text("reasoning_content")
            } else {
                text("reasoning")
            };
            let blocks = delta["thinking_blocks"].as_array().into_iter().flatten();
            all.signatures.extend(blocks.filter_map(|block| {
                block["signature"].as_str().or(block["data"].as_str()).map(str::to_owned)
            }));
            let legacy =
                delta["function_call"].as_object().map(|function| json!({"index": 0, "function": function}));
            for call in delta["tool_calls"].as_array().into_iter().flatten().chain(&legacy) {
                let (index, id) =
                    (call["index"].as_u64().unwrap_or(0), call["id"].as_str().unwrap_or_default());
                let called = if call["custom"].is_object() { &call["custom"] } else { &call["function"] };
                let (name, more) = (
                    called["name"].as_str().unwrap_or_default(),
                    called["arguments"].as_str().or(called["input"].as_str()).unwrap_or_default(),
                );
                match calls
                    .iter_mut()
                    .rev()
                    .find(|(own, own_id, ..)| *own == index && (id.is_empty() || own_id == id))
                {
                    Some((.., arguments)) => arguments.push_str(more),
                    None => calls.push((index, id.to_owned(), name.to_owned(), more.to_owned())),
                }
            }
            if let Some(reason) = choice["finish_reason"].as_str() {
                all.reason = reason.to_owned();
            }
        }
    }
    all.calls = calls.into_iter().map(|(_, id, name, arguments)| (name, id, input(&arguments))).collect();
    if all.reason == "function_call" || (all.reason == "stop" && !all.calls.is_empty()) {
        all.reason = "tool_calls".to_owned();
    }
    all
}

fn from_response(response: &Value) -> Accumulated {
    let mut all = Accumulated::default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for item in response["output"].as_array().into_iter().flatten() {
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                for part in item["content"].as_array().into_iter().flatten() {
                    all.text +=
                        &text(if part["type"] == "refusal" { &part["refusal"] } else { &part["text"] });
                }
            }
            "reasoning" => {
                for part in item["summary"].as_array().into_iter().flatten() {
                    all.reasoning += &text(&part["text"]);
                }
                let content = item["encrypted_content"].as_str().filter(|own| !own.is_empty());
                let plain = |own: &str| own.strip_prefix("redacted_thinking:").unwrap_or(own).to_owned();
                all.signatures.extend(content.map(plain));
            }
            "function_call" => all.calls.push((
                text(&item["name"]),
                text(&item["call_id"]),
                input(&text(&item["arguments"])),
            )),
            "custom_tool_call" => {
                all.calls.push((text(&item["name"]), text(&item["call_id"]), input(&text(&item["input"]))))
            }
            other => panic!("an item of the type {other}"),
        }
    }
    all.reason = match (response["status"].as_str(), response["incomplete_details"]["reason"].as_str()) {
        (Some("completed"), None) if all.calls.is_empty() => "stop",
        (Some("completed"), None) => "tool_calls",
        (Some("incomplete"), Some("max_output_tokens")) => "length",
        (Some("incomplete"), Some("content_filter")) => "content_filter",
        other => panic!("{other:?}"),
    }
    .to_owned();
    let usage = &response["usage"];
    all.usage = usage["input_tokens"].as_u64().zip(usage["output_tokens"].as_u64());
    all
}

fn from_message(message: &Value) -> Accumulated {
    let mut all = Accumulated::default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for block in message["content"].as_array().into_iter().flatten() {
        match block["type"].as_str().unwrap_or_default() {
            "text" => all.text += &text(&block["text"]),
            "thinking" => {
                all.reasoning += &text(&block["thinking"]);
                all.signatures
                    .extend(block["signature"].as_str().filter(|own| !own.is_empty()).map(str::to_owned));
            }
            "redacted_thinking" => all.signatures.push(text(&block["data"])),
            "tool_use" => all.calls.push((text(&block["name"]), text(&block["id"]), block["input"].clone())),
            // What the provider's own tools do has no place in a turn.
            _ => {}
        }
    }
    all.reason = match message["stop_reason"].as_str().unwrap_or_default() {
        "end_turn" | "stop_sequence" | "pause_turn" => "stop",
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        other => panic!("{other}"),
    }
    .to_owned();
    let usage = &message["usage"];
    let count = |member: &str| usage[member].as_u64().unwrap_or(0);
    let read =
        count("input_tokens") + count("cache_read_input_tokens") + count("cache_creation_input_tokens");
    all.usage = Some((read, count("output_tokens")));
    all
}

/// The chat streams that ended well: the first choice, which is the only one, has a reason.
fn good_chat_streams() -> Vec<(Recorded, Accumulated)> {
    let all = streams("chat").into_iter().filter(|stream| {
        let chunks = stream.json();
        let choices = || chunks.iter().flat_map(|chunk| chunk["choices"].as_array().into_iter().flatten());
        let is_chat = chunks.iter().all(|chunk| chunk["choices"].is_array());
        is_chat
            && choices().all(|choice| choice["index"] == 0)
            && choices().any(|choice| choice["finish_reason"].is_string())
    });
    all.map(|stream| {
        let accumulated = from_chunks(&stream.json());
        (stream, accumulated)
    })
    .collect()
}

/// What the caller of an endpoint receives of an upstream's stream.
fn through(config: &str, path: &str, body: &Value, stream: &str) -> Got {
    let fake = Fake::new(&[("up", &[Does::answer(200, "text/event-stream", &[stream])])]);
    let request = request("POST", path, &[("anthropic-version", "2023-06-01")]);
    let got = send(&fake, config, &request, &body.to_string());
    assert!(got.status == 200 && got.log["broken"].is_null(), "{got:?}");
    got
}

const CHAT: &str =
    r#"{"upstreams":{"up":{"url":"http://up/v1"}},"models":{"m":{"targets":[{"upstream":"up"}]}}}"#;
const ANTHROPIC: &str = r#"{"upstreams":{"up":{"url":"http://up/v1","api":"anthropic"}},"models":{"m":{"targets":[{"upstream":"up"}]}}}"#;

/// Checks that a client of the caller's API accumulated what the upstream sent.
fn compare(mut got: Accumulated, mut want: Accumulated) -> Result<(), String> {
    // Calls are in the order in which they began, or in which they were complete.
    got.calls.sort_by(|a, b| a.1.cmp(&b.1));
    want.calls.sort_by(|a, b| a.1.cmp(&b.1));
    for (own, _) in got.calls.iter_mut().zip(&want.calls).filter(|(_, sent)| sent.1.is_empty()) {
        // A call without an id gets one.
        assert!(!own.1.is_empty(), "{own:?}");
        own.1.clear();
    }
    if want.usage.is_none() {
        got.usage = None;
    }
    if got == want { Ok(()) } else { Err(format!("got {got:?}\nnot {want:?}")) }
}

/// Checks every stream, and reports all that fail.
fn check_all(checks: impl Iterator<Item = (String, Result<(), String>)>) {
    let checks: Vec<_> = checks.collect();
    let failed: Vec<String> = checks
        .iter()
        .filter_map(|(name, check)| Some(format!("{name}: {}", check.as_ref().err()?)))
        .collect();
    let first = &failed[..failed.len().min(12)];
    assert!(failed.is_empty(), "{} of {} streams:\n{}", failed.len(), checks.len(), first.join("\n\n"));
}

#[test]
fn a_chat_stream_becomes_a_stream_of_responses() {
    let body = json!({"model": "m", "input": "hi", "stream": true, "reasoning": {"summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]});
    check_all(good_chat_streams().into_iter().map(|(stream, want)| {
        let got = through(CHAT, "/v1/responses", &body, &stream.bytes());
        let checked = grammar::events(&got.body).and_then(|events| grammar::responses(&events));
        (stream.name, checked.and_then(|response| compare(from_response(&response), want)))
    }));
}

#[test]
fn a_chat_stream_becomes_a_stream_of_messages() {
    let body = json!({"model": "m", "max_tokens": 1000, "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
    check_all(good_chat_streams().into_iter().map(|(stream, want)| {
        let got = through(CHAT, "/v1/messages", &body, &stream.bytes());
        let checked = grammar::events(&got.body).and_then(|events| grammar::messages(&events));
        (stream.name, checked.and_then(|message| compare(from_message(&message), want)))
    }));
}

/// The chunks of a stream of chat completions.
fn chunks(body: &str) -> Result<Vec<Value>, String> {
    let datas: Vec<&str> = body.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).collect();
    let Some((&"[DONE]", chunks)) = datas.split_last() else { return Err(format!("no end: {body}")) };
    chunks.iter().map(|data| serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))).collect()
}

/// The streams of Messages, with what a client accumulates of each.
fn messages_streams() -> Vec<(Recorded, Accumulated)> {
    let all = streams("messages");
    let (len, mut whole, mut other) = (all.len(), Vec::new(), Vec::new());
    for stream in all {
        match grammar::events(&stream.bytes()).and_then(|events| grammar::messages(&events)) {
            Ok(message) => whole.push((stream, from_message(&message))),
            Err(why) => other.push(format!("{}: {why}", stream.name)),
        }
    }
    // A recording may have joined two streams.
    assert!(other.len() <= len / 50, "{} of {len} are no streams of the API: {other:#?}", other.len());
    whole
}

#[test]
fn a_messages_stream_becomes_chunks() {
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hi"}]});
    check_all(messages_streams().into_iter().map(|(stream, want)| {
        let got = through(ANTHROPIC, "/v1/chat/completions", &body, &stream.bytes());
        (stream.name, chunks(&got.body).and_then(|chunks| compare(from_chunks(&chunks), want)))
    }));
}

#[test]
fn a_messages_stream_becomes_a_stream_of_responses() {
    let body = json!({"model": "m", "input": "hi", "stream": true, "reasoning": {"summary": "auto", "effort": "low"},
        "include": ["reasoning.encrypted_content"]});
    check_all(messages_streams().into_iter().map(|(stream, want)| {
        let got = through(ANTHROPIC, "/v1/responses", &body, &stream.bytes());
        let checked = grammar::events(&got.body).and_then(|events| grammar::responses(&events));
        (stream.name, checked.and_then(|response| compare(from_response(&response), want)))
    }));
}
