//! The log: one line per request, without the caller's secrets and prompts.

use std::collections::HashSet;

use host_tests::{Answer, Call, Gateway, Upstream};
use serde_json::{Value, json};

use super::{CHAT, KEY, KEYS, chat, streamed};

#[tokio::test]
async fn each_request_has_one_line_without_secrets() {
    let prompt = "the-prompt-5512";
    let wrong = "sk-wrong-0123456789";
    let upstream_key = "sk-upstream-774411";
    let answer = json!({"choices": [{"message": {"content": "the-answer-9914"}}]});
    let upstream = Upstream::answering(Answer::json(200, &answer)).await;
    let config = json!({
        "upstreams": {"up": {"url": upstream.url("/v1"), "key": "$UPSTREAM_KEY"}},
        "models": {"far": {"targets": [{"upstream": "up"}]}, "gpt-4o": {"engine": {}}},
    });
    let config = config.to_string();
    let gateway =
        Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config), ("UPSTREAM_KEY", upstream_key)]).await;

    let mut far = chat(prompt);
    far["model"] = json!("far");
    let mut invalid = chat(prompt);
    invalid["stream"] = json!(prompt);
    let calls: [(Call, u16); 9] = [
        (gateway.post(CHAT, &chat(prompt)), 200),
        (gateway.post(CHAT, &streamed(prompt)), 200),
        (gateway.post(CHAT, &far), 200),
        (gateway.post(CHAT, &invalid), 400),
        (gateway.post(CHAT, &chat(prompt)).key(wrong), 401),
        (gateway.get(&format!("/v1/models?key={KEY}")), 200),
        (gateway.get("/health").no_key(), 200),
        (gateway.get("/nowhere"), 404),
        (gateway.call("OPTIONS", "/v1/models").header("cookie", KEY), 405),
    ];
    let mut ids = HashSet::new();
    for (call, status) in calls {
        let reply = call.await;
        assert_eq!(reply.status, status, "{reply:?}");
        let id = reply.header("x-request-id").expect("every answer has one");
        let line: Value = serde_json::from_str(&gateway.log(|line| line.contains(id)).await).expect("JSON");
        assert_eq!((&line["request_id"], &line["http.response.status_code"]), (&json!(id), &json!(status)));
        assert!(line["time"].as_str().is_some_and(|time| time.starts_with("20")), "{line}");
        assert!(ids.insert(id.to_owned()), "{id} is not unique");
    }
    let lines = gateway.logs();
    assert_eq!(lines.len(), ids.len(), "{lines:#?}");
    for secret in [prompt, wrong, KEY, upstream_key, "the-answer-9914"] {
        assert!(!lines.concat().contains(secret), "{secret} in {lines:#?}");
    }
}

#[tokio::test]
async fn a_line_has_the_fields_that_operators_need() {
    let gateway = Gateway::start(&[KEYS]).await;
    gateway.post(CHAT, &streamed("hi")).header("x-request-id", "mine-1").await;
    let line: Value = serde_json::from_str(&gateway.log(|line| line.contains("mine-1")).await).expect("JSON");
    for (name, value) in [
        ("level", json!("info")),
        ("key", json!("key-1")),
        ("http.request.method", json!("POST")),
        ("url.path", json!(CHAT)),
        ("gen_ai.request.model", json!("gpt-4o")),
        ("target", json!("engine")),
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("portcullis")),
        ("gen_ai.request.stream", json!(true)),
        ("http.request.body.size", json!(streamed("hi").to_string().len())),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    for name in ["http.response.body.size", "first_byte_ms", "total_ms"] {
        assert!(line[name].as_f64().is_some_and(|number| number > 0.0), "{name} in {line}");
    }
}

#[tokio::test]
async fn the_log_level_is_respected() {
    for (level, want) in [("off", 0), ("error", 1), ("info", 2)] {
        let (_socket, url) = Upstream::refusing();
        let settings = [KEYS, ("PORTCULLIS_LOG", level), ("PORTCULLIS_UPSTREAM_URL", &url)];
        let mut gateway = Gateway::start(&settings).await;
        assert_eq!(gateway.get("/health").await.status, 200);
        assert_eq!(gateway.get("/v1/models").await.status, 502);
        gateway.stop();
        gateway.stopped().await;
        assert_eq!(gateway.logs().len(), want, "{level}: {:?}", gateway.logs());
    }
}
