//! The cost of validating a request, compared with serde_json parsing the same bytes into plain structs.
//!
//! `cargo bench -p portcullis --bench check`. Five figures for each body:
//! - `plain`: serde's derive into structs of `String`, with schemas as text, the obvious way to parse a request;
//! - `typed`: the wire types of `api`, without validation;
//! - `live`, `types`: `check::request` in that mode, with the model looked up in the table;
//! - `refused`: `live` for a body whose last parameter is wrong, so that the exact pass has to find the error.

#![expect(missing_docs, reason = "criterion's macro generates the function")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis::api::chat;
use portcullis::check::{self, ModelResolver, ValidationPolicy};
use portcullis::config::{UnknownParams, Validation};
use portcullis::model;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Resolves a model as the gateway does for one that the settings name: by its entry in the table.
struct Named(Validation);

impl ModelResolver for Named {
    type Resolved = ValidationPolicy;

    fn resolve(&self, model: &str) -> Option<ValidationPolicy> {
        Some(ValidationPolicy {
            validation: self.0,
            unknown: UnknownParams::Reject,
            spec: model::find(model),
            named_exactly: true,
            by_engine: true,
        })
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Plain {
    model: String,
    messages: Vec<Message>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    n: Option<i64>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<String>,
    parallel_tool_calls: Option<bool>,
    seed: Option<i64>,
    user: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Message {
    role: String,
    content: Option<String>,
    name: Option<String>,
    tool_calls: Option<Vec<Call>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Call {
    id: String,
    r#type: String,
    function: Called,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Called {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Tool {
    r#type: String,
    function: Function,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
    strict: Option<bool>,
}

/// A short question with a system prompt.
fn short_chat() -> String {
    r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What is the capital of France, and how many people live there?"}],"temperature":0.7,"max_tokens":256,"stream":true,"stream_options":{"include_usage":true},"user":"user-1234""#.to_owned()
}

/// Sixty messages of an agent that calls tools, and its twenty tools.
fn agent() -> String {
    let mut messages = vec![r#"{"role":"system","content":"You are a coding agent.\nUse the tools you are given, and say what you did.\n- Read before you write.\n- Run the tests."}"#.to_owned()];
    while messages.len() < 60 {
        let i = messages.len();
        messages.push(match i % 3 {
            _ if i == 59 => r#"{"role":"assistant","content":"All tests pass now."}"#.to_owned(),
            1 => format!(r#"{{"role":"user","content":"Step {i}: look at src/module_{i}.rs and tell me why the test fails.\nHere is what I saw: \"assertion failed\" in line {i}."}}"#),
            2 => format!(r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_{i:024}","type":"function","function":{{"name":"tool_3","arguments":"{{\"path\":\"src/module_{i}.rs\",\"from\":1,\"to\":{i}}}"}}}}]}}"#),
            _ => format!(r#"{{"role":"tool","tool_call_id":"call_{:024}","content":"{}"}}"#, i - 1, r#"fn main() {\n    println!(\"a line of code\");\n}\n"#.repeat(12)),
        });
    }
    let tools: Vec<String> = (0..20)
        .map(|i| format!(r#"{{"type":"function","function":{{"name":"tool_{i}","description":"Reads a file of the workspace and gives back the lines from one to another, with their numbers. Fails if the file does not exist.","parameters":{{"type":"object","properties":{{"path":{{"type":"string","description":"Where the file is, from the root of the workspace."}},"from":{{"type":"integer","description":"The first line.","minimum":1}},"to":{{"type":"integer","description":"The last line."}},"mode":{{"type":"string","enum":["text","binary"]}},"globs":{{"type":"array","items":{{"type":"string"}}}}}},"required":["path","from","to","mode","globs"],"additionalProperties":false}},"strict":true}}}}"#))
        .collect();
    format!(
        r#"{{"model":"gpt-4o","messages":[{}],"tools":[{}],"tool_choice":"auto","parallel_tool_calls":true,"temperature":0,"stream":true"#,
        messages.join(","),
        tools.join(",")
    )
}

/// One message of a megabyte.
fn long_prompt() -> String {
    let text = "The quick brown fox jumps over the lazy dog, and nobody minds. ".repeat(16_000);
    format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"Sum this up: {text}"}}],"max_tokens":100"#
    )
}

fn validation(c: &mut Criterion) {
    let (live, types) = (Named(Validation::Live), Named(Validation::Types));
    for (name, body) in [("short_chat", short_chat()), ("agent", agent()), ("long_prompt", long_prompt())] {
        let good = body.clone() + "}";
        let bad = body + r#","seed":"x"}"#;
        assert!(check::request::<chat::Request<'_>, _>(good.as_bytes(), &live).is_ok());
        assert!(check::request::<chat::Request<'_>, _>(bad.as_bytes(), &live).is_err());
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(good.len() as u64));
        group.bench_function("plain", |b| {
            b.iter(|| serde_json::from_slice::<Plain>(black_box(good.as_bytes())).expect("it is valid"));
        });
        group.bench_function("typed", |b| {
            b.iter(|| {
                portcullis::json::from_slice::<chat::Request<'_>>(black_box(good.as_bytes()))
                    .expect("it is valid")
            });
        });
        for (name, resolver) in [("live", &live), ("types", &types)] {
            group.bench_function(name, |b| {
                b.iter(|| {
                    check::request::<chat::Request<'_>, _>(black_box(good.as_bytes()), resolver)
                        .expect("it is valid")
                });
            });
        }
        group.bench_function("refused", |b| {
            b.iter(|| {
                check::request::<chat::Request<'_>, _>(black_box(bad.as_bytes()), &live)
                    .expect_err("it is not valid")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, validation);
criterion_main!(benches);
