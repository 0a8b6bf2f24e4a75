//! Several upstreams behind one model: which is tried, when, and what arrives of a stream.

use std::time::{Duration, Instant};

use host_tests::{Answer, Gateway, Upstream};
use serde_json::{Value, json};

use super::{CHAT, KEYS, assert_untrapped};

/// A gateway whose model `m` has two targets, with these further settings.
async fn before(a: &Upstream, b: &Upstream, settings: Value) -> Gateway {
    let mut model = json!({"targets": [{"upstream": "a"}, {"upstream": "b", "model": "other"}]});
    model.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
    let config = json!({
        "upstreams": {"a": {"url": a.url("/v1")}, "b": {"url": b.url("/v1")}},
        "models": {"m": model},
    });
    Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await
}

fn chat(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

fn ok(from: &str) -> Answer {
    Answer::json(200, &json!({"from": from, "choices": [{}]}))
}

#[tokio::test]
async fn the_next_target_gets_its_own_name_of_the_model() {
    let a = Upstream::answering(Answer::json(503, &json!({"error": {"message": "busy"}}))).await;
    let b = Upstream::answering(ok("b")).await;
    let gateway = before(&a, &b, json!({})).await;
    let reply = gateway.post(CHAT, &chat(false)).await;
    assert_eq!((reply.status, &reply.json()["from"]), (200, &json!("b")));
    assert_eq!(
        (&a.requests()[0].json()["model"], &b.requests()[0].json()["model"]),
        (&json!("m"), &json!("other"))
    );
    assert_eq!(reply.header("x-portcullis-attempts"), Some("2"));
    let line = gateway.log(|line| line.contains("\"attempts\":2")).await;
    assert!(line.contains("\"target\":\"b\"") && line.contains("a: 503"), "{line}");
}

#[tokio::test]
async fn a_retry_waits_for_retry_after() {
    let busy = Answer::new(429, &[("retry-after-ms", "700")], "{}");
    let a = Upstream::script([busy, ok("a")]).await;
    let config = json!({
        "upstreams": {"a": {"url": a.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "a"}], "retries": 1}},
    });
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
    let began = Instant::now();
    let reply = gateway.post(CHAT, &chat(false)).await;
    assert_eq!((reply.status, a.requests().len()), (200, 2));
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_the_request() {
    let mut a = Upstream::by_hand().await;
    let b = Upstream::answering(ok("b")).await;
    let gateway = before(&a, &b, json!({"retries": 0, "deadline_ms": 300})).await;
    let call = gateway.post(CHAT, &chat(false)).spawn();
    let mut exchange = a.next().await;
    let reply = call.reply().await;
    assert_eq!(reply.status, 504, "{reply:?}");
    exchange.closed().await;
    assert!(b.requests().is_empty());
}

#[tokio::test]
async fn a_hedge_cancels_the_slower_request_at_once() {
    let mut a = Upstream::by_hand().await;
    let b = Upstream::answering(Answer::events([
        r#"{"from":"b","choices":[{"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]))
    .await;
    let gateway = before(&a, &b, json!({"hedge_ms": 200})).await;
    let call = gateway.post(CHAT, &chat(true)).spawn();
    let mut silent = a.next().await;
    // A head without an event counts as silence.
    silent.head(200, &[("content-type", "text/event-stream")]).await;
    let reply = call.reply().await;
    assert_eq!((reply.status, reply.header("x-portcullis-target")), (200, Some("b")));
    assert_eq!(reply.events().last().map(String::as_str), Some("[DONE]"));
    silent.closed().await;
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn the_first_of_a_hedge_can_still_win() {
    let mut a = Upstream::by_hand().await;
    let mut b = Upstream::by_hand().await;
    let gateway = before(&a, &b, json!({"hedge_ms": 100})).await;
    let call = gateway.post(CHAT, &chat(false)).spawn();
    let first = a.next().await;
    let mut second = b.next().await;
    first.answer(ok("a")).await;
    let reply = call.reply().await;
    assert_eq!((&reply.json()["from"], reply.header("x-portcullis-attempts")), (&json!("a"), Some("2")));
    second.closed().await;
}

#[tokio::test]
async fn a_disconnect_of_the_caller_ends_the_upstream_s_request() {
    let mut a = Upstream::by_hand().await;
    let b = Upstream::answering(ok("b")).await;
    let gateway = before(&a, &b, json!({})).await;
    let call = gateway.post(CHAT, &chat(true)).spawn();
    let mut exchange = a.next().await;
    exchange.head(200, &[("content-type", "text/event-stream")]).await;
    exchange.event(r#"{"choices":[]}"#).await;
    let mut live = call.live().await;
    assert_eq!(live.event().await.as_deref(), Some(r#"{"choices":[]}"#));
    live.hang_up();
    exchange.closed().await;
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn events_are_forwarded_at_once_and_byte_for_byte() {
    let stream = concat!(
        "\u{feff}: processing\r\n\r\n",
        "id: 7\r\nevent: chunk\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"häß€🦀\"},\"finish_reason\":\"stop\",\"x\":1.0e-0}]}\r\n\r\n",
        "data: {\"choices\":\ndata: []}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    );
    let bytes = stream.as_bytes();
    // One byte per chunk, and some cuts at critical places.
    let crab = stream.find('🦀').expect("it is there") + 2;
    let cuts: [Vec<&[u8]>; 4] = [
        bytes.chunks(1).collect(),
        vec![&bytes[..1], &bytes[1..crab], &bytes[crab..]],
        bytes.chunks(7).collect(),
        vec![bytes],
    ];
    for pieces in cuts {
        let mut body =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_vec();
        for piece in &pieces {
            body.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            body.extend_from_slice(piece);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let a = Upstream::answering(Answer::raw(body)).await;
        let b = Upstream::answering(ok("b")).await;
        let gateway = before(&a, &b, json!({})).await;
        let reply = gateway.post(CHAT, &chat(true)).await;
        assert_eq!((reply.status, reply.text()), (200, stream), "{} pieces", pieces.len());
        let line = gateway.log(|line| line.contains("gen_ai.usage")).await;
        assert!(line.contains("\"gen_ai.usage.input_tokens\":3,\"gen_ai.usage.output_tokens\":5"), "{line}");
    }
}

#[tokio::test]
async fn a_large_request_is_forwarded_completely() {
    let a = Upstream::answering(ok("a")).await;
    let b = Upstream::answering(ok("b")).await;
    let gateway = before(&a, &b, json!({})).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "é".repeat(5 << 20)}]});
    let reply = gateway.post(CHAT, &body).await;
    assert_eq!(reply.status, 200, "{:?}", reply.headers);
    assert_eq!(a.requests()[0].body, body.to_string().into_bytes());
}

#[tokio::test]
async fn connections_are_reused_after_a_stream() {
    let event = r#"{"choices":[{"finish_reason":"stop"}]}"#;
    let a = Upstream::answering(Answer::events([event, "[DONE]"])).await;
    let b = Upstream::answering(ok("b")).await;
    let gateway = before(&a, &b, json!({})).await;
    for _ in 0..3 {
        assert_eq!(gateway.post(CHAT, &chat(true)).await.status, 200);
        gateway.connection_is_back().await;
    }
    let connections: Vec<usize> = a.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}
