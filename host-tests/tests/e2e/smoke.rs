//! That anything works at all.

use host_tests::{Answer, Gateway, Upstream};
use serde_json::json;

const KEY: (&str, &str) = ("PORTCULLIS_API_KEYS", "sk-test");

#[tokio::test]
async fn models_are_listed_to_callers_with_a_key() {
    let gateway = Gateway::start(&[KEY]).await;
    let reply = gateway.get("/v1/models").await;
    assert_eq!((reply.status, reply.json()["object"].as_str()), (200, Some("list")));
    assert_eq!(gateway.get("/v1/models").key("sk-wrong").await.status, 401);
    assert_eq!(gateway.get("/v1/models").no_key().await.status, 401);
}

#[tokio::test]
async fn a_chat_goes_upstream_and_comes_back() {
    let upstream = Upstream::answering(Answer::json(200, &json!({"object": "chat.completion"}))).await;
    let gateway = Gateway::start(&[KEY, ("PORTCULLIS_UPSTREAM_URL", &upstream.url("/v1"))]).await;
    let question = json!({"model": "any", "messages": [{"role": "user", "content": "hi"}]});
    let reply = gateway.post("/v1/chat/completions", &question).await;
    assert_eq!((reply.status, reply.json()["object"].as_str()), (200, Some("chat.completion")));
    let request = &upstream.requests()[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), None);
}
