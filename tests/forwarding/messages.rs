//! Callers of Anthropic's Messages API, in front of upstreams that speak it and of others.

use crate::fake::*;
use portcullis::http::Request;
use serde_json::{Value, json};

const CONFIG: &str = r#"{"upstreams":{"claude":{"url":"http://claude/v1","api":"anthropic","key":"sk-ant"},
                                      "chat":{"url":"http://chat/v1"}},
    "models":{"claude-*":{"targets":[{"upstream":"claude"}]},"gpt-4o":{"targets":[{"upstream":"chat"}]},
              "mixed":{"targets":[{"upstream":"claude"},{"upstream":"chat"}]}}}"#;

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"hi"}],
    "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;

const CHAT: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,
    "message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;

fn upstreams(claude: Does) -> Fake {
    Fake::new(&[("claude", &[claude]), ("chat", &[Does::json(200, CHAT)])])
}

fn post(target: &str, headers: &[(&'static str, &str)]) -> Request {
    request("POST", target, headers)
}

fn message(model: &str, more: Value) -> String {
    let mut body =
        json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body.to_string()
}

#[test]
fn the_caller_s_version_and_betas_reach_an_upstream_of_the_same_api() {
    let header = |seen: &Seen, name: &str| {
        let all = seen.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone());
        all.collect::<Vec<_>>().join("|")
    };
    for (headers, version, beta) in [
        (&[][..], "2023-06-01", ""),
        (&[("anthropic-version", "2023-01-01"), ("anthropic-beta", "a-1,b-2")], "2023-01-01", "a-1,b-2"),
    ] {
        let fake = upstreams(Does::json(200, MESSAGE).header("request-id", "req_up"));
        let body = message("claude-x", json!({"betas_to_come": [1]}));
        let got = send(&fake, CONFIG, &post("/v1/messages?beta=true", headers), &body);
        assert_eq!((got.status, &*got.body, got.header("request-id")), (200, MESSAGE, Some("req_up")));
        let seen = &fake.seen()[0];
        assert_eq!(seen.line, "POST http://claude/v1/messages?beta=true");
        assert_eq!(
            (header(seen, "anthropic-version"), header(seen, "anthropic-beta")),
            (version.into(), beta.into())
        );
        assert_eq!((header(seen, "x-api-key"), &*seen.body), ("sk-ant".into(), &*body));
    }
}

#[test]
fn an_upstream_s_error_comes_back_as_it_is() {
    let error = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"},"request_id":"req_up"}"#;
    for stream in [false, true] {
        let fake = upstreams(Does::json(400, error).header("request-id", "req_up"));
        let body = message("claude-x", json!({"stream": stream}));
        let got = send(&fake, CONFIG, &post("/v1/messages", &[]), &body);
        assert_eq!((got.status, &*got.body, got.header("request-id")), (400, error, Some("req_up")));
    }
}

/// The tool runners of Anthropic's SDKs send `thread`, and read the code of this error.
#[test]
fn a_thread_is_for_upstreams_of_the_same_api_alone() {
    let body = |model| message(model, json!({"thread": {"type": "create"}}));
    let fake = upstreams(Does::json(200, MESSAGE));
    assert_eq!(send(&fake, CONFIG, &post("/v1/messages", &[]), &body("claude-x")).status, 200);
    assert_eq!(fake.seen()[0].body, body("claude-x"));
    for model in ["gpt-4o", "mixed"] {
        let fake = upstreams(Does::json(200, MESSAGE));
        let got = send(&fake, CONFIG, &post("/v1/messages", &[]), &body(model));
        let error: Value = serde_json::from_str(&got.body).expect("JSON");
        assert_eq!((got.status, &error["error"]["type"]), (400, &json!("invalid_request_error")));
        assert_eq!(error["error"]["details"]["error_code"], "thread_unsupported_request");
        assert!(fake.seen().is_empty());
    }
    assert_eq!(
        send(&fake, CONFIG, &post("/v1/messages", &[]), &message("gpt-4o", json!({"thread": null}))).status,
        200
    );
}

/// Claude Code requests 32,000 tokens of any model.
#[test]
fn more_tokens_than_the_model_has_are_no_error() {
    let fake = upstreams(Does::json(200, MESSAGE));
    let body = message("gpt-4o", json!({"max_tokens": 32_000}));
    let got = send(&fake, CONFIG, &post("/v1/messages", &[]), &body);
    assert_eq!((got.status, got.header("x-portcullis-dropped")), (200, Some("max_tokens")));
    let sent: Value = serde_json::from_str(&fake.seen()[0].body).expect("JSON");
    assert_eq!(sent["max_tokens"], 16_384);
}

#[test]
fn tokens_are_counted_where_they_can_be() {
    let count = |model| json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let ask = |does: Does, model| {
        let fake = upstreams(does);
        let got = send(&fake, CONFIG, &post("/v1/messages/count_tokens?beta=true", &[]), &count(model));
        (got, fake.seen())
    };
    let (got, seen) = ask(Does::json(200, r#"{"input_tokens":77}"#), "claude-x");
    assert_eq!((got.status, &*got.body), (200, r#"{"input_tokens":77}"#));
    assert_eq!(seen[0].line, "POST http://claude/v1/messages/count_tokens?beta=true");
    assert_eq!((&*seen[0].body, &got.log["target"]), (&*count("claude-x"), &json!("claude")));
    // An upstream that does not count, and one of another API.
    let missing = r#"{"type":"error","error":{"type":"not_found_error","message":"Not Found"}}"#;
    for (does, model, requests) in [
        (Does::json(404, missing), "claude-x", 1),
        (Does::json(405, missing), "claude-x", 1),
        (Does::json(200, "{}"), "gpt-4o", 0),
    ] {
        let (got, seen) = ask(does, model);
        let tokens = serde_json::from_str::<Value>(&got.body).expect("JSON")["input_tokens"].as_u64();
        assert!(got.status == 200 && tokens.is_some_and(|tokens| (5..20).contains(&tokens)), "{got:?}");
        assert_eq!((seen.len(), &got.log["target"]), (requests, &json!("engine")));
    }
    // Other errors are the upstream's own.
    let refused = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;
    let (got, _) = ask(Does::json(400, refused), "claude-x");
    assert_eq!((got.status, &*got.body), (400, refused));
}

/// Claude Code and the SDKs read the counts as numbers.
#[test]
fn an_answer_without_usage_gets_an_estimate() {
    let chunk = |delta: Value, finish: Value, usage: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "usage": usage,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let stream = |usage: Value| {
        let text = chunk(json!({"role": "assistant", "content": "hello world"}), Value::Null, Value::Null);
        text + &chunk(json!({}), json!("stop"), usage) + "data: [DONE]\n\n"
    };
    let whole = |usage: Value| {
        let mut answer: Value = serde_json::from_str(CHAT).expect("JSON");
        answer["choices"][0]["message"]["content"] = "hello world".into();
        answer["usage"] = usage;
        answer.to_string()
    };
    let reported = json!({"prompt_tokens": 70, "completion_tokens": 7, "total_tokens": 77});
    let zeros = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
    for (usage, is_estimated) in [(reported, false), (Value::Null, true), (zeros, true)] {
        for (path, streams) in [
            ("/v1/messages", false),
            ("/v1/messages", true),
            ("/v1/responses", false),
            ("/v1/responses", true),
        ] {
            let does = match streams {
                true => Does::answer(200, "text/event-stream", &[&stream(usage.clone())]),
                false => Does::json(200, &whole(usage.clone())),
            };
            let fake = Fake::new(&[("chat", &[does])]);
            let schema = json!({"type": "object", "properties": {"city": {"type": "string", "description": "Its name"}}});
            let tool =
                json!({"name": "weather", "description": "The weather of a city", "input_schema": &schema});
            let mut body: Value =
                serde_json::from_str(&message("gpt-4o", json!({"tools": [tool]}))).expect("JSON");
            let mut counting = "/v1/messages/count_tokens";
            if path == "/v1/responses" {
                let tool = json!({"type": "function", "name": "weather", "description": "The weather", "parameters": schema});
                body = json!({"model": "gpt-4o", "input": "hi", "tools": [tool]});
                counting = "/v1/responses/input_tokens";
            }
            // An estimate is what limits reserve, and what the gateway's own endpoints count.
            let counted = send(&Fake::new(&[]), CONFIG, &post(counting, &[]), &body.to_string());
            let counted: Value = serde_json::from_str(&counted.body).expect("JSON");
            body["stream"] = streams.into();
            let got = send(&fake, CONFIG, &post(path, &[]), &body.to_string());
            let (output, log) = (if is_estimated { 2 } else { 7 }, &got.log);
            assert!(
                got.body.contains(&format!(r#""output_tokens":{output}"#)),
                "{path} {streams} {}",
                got.body
            );
            assert!(!got.body.contains(r#""input_tokens":0,"output_tokens":0"#), "{}", got.body);
            assert_eq!(log["gen_ai.usage.output_tokens"], output, "{path} {streams} {usage} {log}");
            assert_eq!(log["usage"], if is_estimated { json!("estimated") } else { Value::Null });
            let input = if is_estimated { counted["input_tokens"].clone() } else { json!(70) };
            assert!(input.as_u64().is_some_and(|input| input > 20), "{path} {counted}");
            assert_eq!(log["gen_ai.usage.input_tokens"], input, "{path} {streams} {log}");
        }
    }
}
