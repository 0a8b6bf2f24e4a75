//! Forwarding: what is sent to an upstream and returned, and upstreams that fail.

use host_tests::{Answer, Gateway, Reply, Upstream};
use serde_json::{Value, json};

use super::{ANSWER, CHAT, KEY, KEYS, assert_well, chat, error};

const UPSTREAM_KEY: &str = "sk-upstream-b7e20f55";

/// A gateway that forwards the model `far` to this base URL, under the name `far-1`; the engine serves `gpt-4o`.
async fn before(url: &str) -> Gateway {
    let config = json!({
        "upstreams": {"up": {"url": url, "key": "$UPSTREAM_KEY", "timeouts": {"first_byte_ms": 500}}},
        "models": {"far": {"targets": [{"upstream": "up", "model": "far-1"}]}, "gpt-4o": {"engine": {}}},
    });
    let config = config.to_string();
    Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config), ("UPSTREAM_KEY", UPSTREAM_KEY)]).await
}

fn far(text: &str) -> Value {
    let mut chat = chat(text);
    chat["model"] = json!("far");
    chat
}

/// All headers of a response and its body.
fn all_of(reply: &Reply) -> String {
    format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body))
}

#[tokio::test]
async fn a_request_is_forwarded_unchanged_except_for_the_model() {
    let upstream = Upstream::answering(Answer::json(200, &json!({"any": "thing"}))).await;
    let gateway = before(&upstream.url("/base/v1")).await;
    let body =
        r#" { "future" : [1.0, 1e2] , "model":"far","messages":[{"role":"user","content":"h\u00e9"}] } "#;
    let call = gateway.call("POST", &format!("{CHAT}?api-version=1")).body(body);
    let reply = call.header("content-type", "application/json").header("x-custom", "kept").await;
    assert_eq!((reply.status, reply.json()), (200, json!({"any": "thing"})));
    let request = &upstream.requests()[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/base/v1/chat/completions?api-version=1");
    assert_eq!(request.body, body.replace("\"far\"", "\"far-1\"").into_bytes());
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-custom"), Some("kept"));
    assert_eq!(request.header("x-request-id"), reply.header("x-request-id"));
    assert_eq!(request.header("host"), Some(&*upstream.addr().to_string()));
}

#[tokio::test]
async fn caller_and_upstream_do_not_see_each_other_s_key() {
    let leaky = [
        ("content-type", "application/json"),
        ("authorization", &format!("Bearer {UPSTREAM_KEY}")),
        ("set-cookie", &format!("session={UPSTREAM_KEY}")),
        ("x-api-key", UPSTREAM_KEY),
        ("www-authenticate", &format!("Bearer realm={UPSTREAM_KEY}")),
    ];
    let upstream = Upstream::answering(Answer::new(200, &leaky, ANSWER)).await;
    let gateway = before(&upstream.url("/v1")).await;
    let call = gateway.post(CHAT, &far("hi"));
    let call = call.header("cookie", &format!("key={KEY}")).header("x-api-key", KEY).header("api-key", KEY);
    let reply = call.await;
    assert_eq!(reply.status, 200);
    assert!(!all_of(&reply).contains(UPSTREAM_KEY), "{reply:?}");
    let request = &upstream.requests()[0];
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {UPSTREAM_KEY}")));
    assert!(!format!("{request:?}").contains(KEY), "{request:?}");
}

#[tokio::test]
async fn an_upstream_without_a_key_gets_none() {
    let upstream = Upstream::answering(Answer::json(200, &json!({"choices": [{}]}))).await;
    let url = upstream.url("/v1");
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_UPSTREAM_URL", &url)]).await;
    assert_eq!(gateway.post(CHAT, &far("hi")).await.status, 200);
    assert_eq!(upstream.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_single_upstream_lists_its_own_models() {
    let models = json!({"object": "list", "data": [{"id": "far-1", "object": "model"}], "more": 1});
    let upstream = Upstream::answering(Answer::json(200, &models)).await;
    let url = upstream.url("/v1");
    let settings = [KEYS, ("PORTCULLIS_UPSTREAM_URL", &*url), ("PORTCULLIS_UPSTREAM_KEY", UPSTREAM_KEY)];
    let gateway = Gateway::start(&settings).await;
    assert_eq!(gateway.get("/v1/models").await.json(), models);
    gateway.get("/v1/models/org%2Ffar-1").await;
    let requests = upstream.requests();
    assert_eq!((&*requests[0].method, &*requests[0].path), ("GET", "/v1/models"));
    assert_eq!((&*requests[1].method, &*requests[1].path), ("GET", "/v1/models/org%2Ffar-1"));
    assert_eq!(requests[0].header("authorization"), Some(&*format!("Bearer {UPSTREAM_KEY}")));
}

#[tokio::test]
async fn an_upstream_s_error_is_returned_to_the_caller() {
    for status in [400, 403, 404, 422, 429, 500, 503] {
        let headers = [
            ("content-type", "application/json"),
            ("retry-after", "0"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        let body = r#"{ "error": {"message": "No.", "type": "its own", "param": null, "code": 7} }"#;
        let upstream = Upstream::answering(Answer::new(status, &headers, body)).await;
        let gateway = before(&upstream.url("/v1")).await;
        let reply = gateway.post(CHAT, &far("hi")).await;
        assert_eq!((reply.status, reply.text()), (status, body));
        for (name, value) in headers {
            assert_eq!(reply.header(name), Some(value), "{status}");
        }
        assert_well(&gateway).await;
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_502() {
    let (_socket, url) = Upstream::refusing();
    let gateway = before(&url).await;
    let reply = gateway.post(CHAT, &far("hi")).await;
    assert_eq!(reply.status, 502);
    let error = error(&reply);
    assert_eq!((&error["type"], &error["code"]), (&json!("server_error"), &json!("upstream_unavailable")));
    assert_eq!(error["message"], "The upstream `up` could not be reached.");
    let id = reply.header("x-request-id").expect("every answer has one");
    let line = gateway.log(|line| line.contains(id)).await;
    assert!(line.contains("\"level\":\"error\"") && line.contains("ConnectionRefused"), "{line}");
    assert_well(&gateway).await;
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http_is_502() {
    for answer in [Answer::close(), Answer::reset(), Answer::raw("SSH-2.0-OpenSSH_9.9\r\n")] {
        let upstream = Upstream::answering(answer.clone()).await;
        let gateway = before(&upstream.url("/v1")).await;
        let reply = gateway.post(CHAT, &far("hi")).await;
        assert_eq!(reply.status, 502, "{answer:?}: {reply:?}");
        assert_eq!(error(&reply)["code"], "upstream_unavailable");
        assert_well(&gateway).await;
    }
}

#[tokio::test]
async fn an_upstream_that_stays_silent_is_504() {
    let upstream = Upstream::answering(Answer::stall()).await;
    let gateway = before(&upstream.url("/v1")).await;
    let reply = gateway.post(CHAT, &far("hi")).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    assert_eq!(error(&reply)["code"], "upstream_timeout");
    assert_well(&gateway).await;
}

#[tokio::test]
async fn a_json_response_that_breaks_off_is_incomplete_for_the_caller() {
    let whole = json!({"id": "1", "choices": []});
    let framed_by_chunks = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
                            5\r\n{\"id\"\r\n";
    for answer in [Answer::json(200, &whole).cut(), Answer::raw(framed_by_chunks)] {
        let upstream = Upstream::answering(answer.clone()).await;
        let gateway = before(&upstream.url("/v1")).await;
        let reply = gateway.post(CHAT, &far("hi")).await;
        // Either the gateway notices it before it sends the head, or the connection must break off: the caller would take
        // a complete response with half an object for a valid one.
        assert!(reply.broken.is_some() || reply.status == 502, "{answer:?}: {reply:?}");
        assert_well(&gateway).await;
    }
}
