//! The prompt tokens of requests, from the `usage` of the response.

#![cfg(feature = "vocab")] // without it token counts differ

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

fn tokens(model: &str, members: &str) -> u64 {
    let vars = [("PORTCULLIS_ALLOW_ANONYMOUS".to_owned(), "true".to_owned())];
    let request = Request {
        method: Method::Post,
        path: "/v1/chat/completions".to_owned(),
        query: None,
        headers: std::iter::empty::<(&str, &str)>().collect(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Whole(Some(format!(r#"{{"model":"{model}",{members}}}"#).into_bytes()));
    let response = Gateway::new(&vars).handle(&request, &mut upload, &Nowhere, &ctx).response;
    let Body::Full(body) = response.body else { panic!("a response without latency is not streamed") };
    let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    answer["usage"]["prompt_tokens"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

const SYSTEM: &str = "You are a helpful assistant.";

#[test]
fn messages_count_as_the_live_api_counts_them() {
    for (messages, want) in [
        (format!(r#"{{"role":"system","content":"{SYSTEM}"}},{{"role":"user","content":"Hello"}}"#), 18),
        (
            format!(
                r#"{{"role":"developer","content":"{SYSTEM}"}},{{"role":"assistant","content":"Hello, how can I help you?"}}"#
            ),
            25,
        ),
        (
            r#"{"role":"developer","content":[{"text":"","type":"text"}]},{"role":"user","content":"Hello"}"#
                .into(),
            12,
        ),
        (
            // The full stop and the word after it form one token across the two parts.
            format!(
                r#"{{"role":"developer","content":[{{"text":"{SYSTEM}","type":"text"}},{{"text":"You are a very helpful assistant.","type":"text"}}]}},{{"role":"user","content":"Hello"}}"#
            ),
            24,
        ),
        (r#"{"role":"system","content":""}"#.into(), 7),
        (r#"{"role":"system","content":""},{"role":"user","content":""}"#.into(), 11),
    ] {
        assert_eq!(tokens("gpt-4", &format!(r#""messages":[{messages}]"#)), want, "{messages}");
    }
    let both = format!(
        r#""messages":[{{"role":"system","content":"{SYSTEM}"}},{{"role":"user","content":"Hello"}}]"#
    );
    assert_eq!(tokens("gpt-4o", &both), 18);
}

#[test]
fn names_and_tools_count_as_openai_documents() {
    // The example in OpenAI's guide, with the counts given there.
    let names = r#""messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]"#;
    assert_eq!(tokens("gpt-4", names), 129);
    assert_eq!(tokens("gpt-4o", names), 124);
    let tools = r#""tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location","parameters":{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},"unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}],
        "messages":[{"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},{"role":"user","content":"What's the weather like in San Francisco?"}]"#;
    assert_eq!(tokens("gpt-4", tools), 105);
    assert_eq!(tokens("gpt-4o", tools), 101);
}

#[test]
fn white_space_in_a_schema_does_not_count() {
    let format = |schema: &str| {
        tokens(
            "gpt-4o",
            &format!(
                r#""messages":[{{"role":"user","content":"Hello"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}"#
            ),
        )
    };
    let spaced = format(r#"{ "type" : "object" ,  "properties" : { } }"#);
    assert_eq!(spaced, format(r#"{"type":"object","properties":{}}"#));
    assert!(spaced > 8 + 10);
}
