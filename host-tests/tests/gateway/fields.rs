//! Header fields beyond the size that Wasmtime allows a component to create.

use host_tests::{Answer, Gateway, Upstream};
use serde_json::json;

use crate::{ANSWER, CHAT, KEYS, assert_well, chat, error};

/// More than the 128 KiB of Wasmtime's limit.
const LARGE: usize = 200_000;

#[tokio::test]
async fn a_preflight_with_a_long_list_is_a_431() {
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CORS_ORIGINS", "*")]).await;
    let list = "x".repeat(LARGE);
    let reply = gateway.call("OPTIONS", CHAT).no_key().header("access-control-request-headers", &list).await;
    assert_eq!(
        (reply.status, error(&reply)["code"].as_str()),
        (431, Some("request_header_fields_too_large"))
    );
    assert_well(&gateway).await;
}

#[tokio::test]
async fn large_fields_reach_neither_an_upstream_nor_a_caller() {
    let upstream = Upstream::script([
        Answer::new(200, &[("x-ratelimit-limit-tokens", &"9".repeat(LARGE))], ANSWER),
        Answer::new(200, &[("x-ratelimit-limit-tokens", &"9".repeat(LARGE))], ANSWER),
        Answer::json(200, &json!({"choices": [{}]})),
    ])
    .await;
    let config = json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"*": {"targets": [{"upstream": "up"}]}},
        "passthrough": "up",
    });
    let config = config.to_string();
    let settings = [KEYS, ("PORTCULLIS_CONFIG", &config), ("PORTCULLIS_UNKNOWN_PARAMS", "drop")];
    let gateway = Gateway::start(&settings).await;
    for path in [CHAT, "/v1/files"] {
        let reply = gateway.post(path, &chat("hi")).header("x-large", &"x".repeat(LARGE)).await;
        assert_eq!(reply.status, 431, "{path}");
    }
    assert!(upstream.requests().is_empty());
    for path in [CHAT, "/v1/files"] {
        let reply = gateway.post(path, &chat("hi")).await;
        assert_eq!(
            (reply.status, error(&reply)["code"].as_str()),
            (502, Some("upstream_unavailable")),
            "{path}"
        );
    }
    let mut body = chat("hi");
    for number in 0..1000 {
        body[format!("{number}{}", "n".repeat(LARGE / 1000))] = json!(1);
    }
    let reply = gateway.post(CHAT, &body).await;
    let dropped = reply.header("x-portcullis-dropped").expect("the names");
    assert!(reply.status == 200 && dropped.ends_with(" more") && dropped.len() < 8192, "{dropped}");
    crate::assert_untrapped(&gateway);
}
