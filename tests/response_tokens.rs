//! The tokens of a response: the same lists in its deltas, in each event that repeats them, and in the whole object.

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};
use serde_json::{Value, json};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

fn answer(stream: bool) -> String {
    let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_VALIDATION", "schema")];
    let gateway = Gateway::new(&open.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let headers = [("accept", "*/*")].into_iter().collect();
    let request = Request { method: Method::Post, path: "/v1/responses".to_owned(), query: None, headers };
    let body = json!({
        "model": "gpt-4o",
        "input": "Say \"logprobs\":[] and é and 漢. ".repeat(40),
        "instructions": "\"logprobs\":[],\"output\":[]",
        "metadata": {"logprobs": "[]", "output": "\"logprobs\":["},
        "top_logprobs": 3,
        "include": ["message.output_text.logprobs"],
        "stream": stream,
    });
    let mut upload = Whole(Some(body.to_string().into_bytes()));
    let response = gateway.handle(&request, &mut upload, &Nowhere, &ctx).response;
    assert_eq!(response.status, 200);
    let bytes = match response.body {
        Body::Full(bytes) => bytes,
        Body::Stream(items) => items.flat_map(|item| item.into_bytes()).collect(),
        Body::Relay(_) => panic!("the engine does not forward"),
    };
    String::from_utf8(bytes).expect("UTF-8")
}

fn tokens_of(response: &Value) -> &Value {
    &response["output"][0]["content"][0]["logprobs"]
}

#[test]
fn every_event_that_repeats_the_tokens_has_those_of_the_deltas() {
    let whole: Value = serde_json::from_str(&answer(false)).expect("JSON");
    let stream = answer(true);
    let events: Vec<Value> = stream
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| serde_json::from_str(event.split_once("data: ").expect("data").1).expect("JSON"))
        .collect();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let deltas: Vec<Value> = of("response.output_text.delta")
        .iter()
        .flat_map(|event| event["logprobs"].as_array().expect("a list").clone())
        .collect();
    assert!(deltas.len() > 300, "{} tokens", deltas.len());
    let deltas = Value::Array(deltas);
    assert_eq!(of("response.output_text.done")[0]["logprobs"], deltas);
    assert_eq!(of("response.content_part.done")[0]["part"]["logprobs"], deltas);
    assert_eq!(of("response.output_item.done")[0]["item"]["content"][0]["logprobs"], deltas);
    let completed = &of("response.completed")[0]["response"];
    assert_eq!(*tokens_of(completed), deltas);
    assert_eq!(*tokens_of(&whole), deltas);
    assert_eq!(whole["output"][0]["content"], completed["output"][0]["content"]);
    assert_eq!(whole["instructions"], json!("\"logprobs\":[],\"output\":[]"));
    assert_eq!(whole["metadata"]["output"], json!("\"logprobs\":["));
    let numbers: Vec<Value> = events.iter().map(|event| event["sequence_number"].clone()).collect();
    assert_eq!(numbers, (0..events.len()).map(|number| json!(number)).collect::<Vec<_>>());
}
