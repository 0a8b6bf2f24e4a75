//! Streams: forwarded event by event, and broken off by the caller or the upstream.

use host_tests::{Answer, Gateway, Upstream};
use serde_json::{Value, json};

use super::{CHAT, KEYS, assert_untrapped, assert_well, chat, streamed};

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];

/// A gateway that forwards the model `far`; the engine serves `gpt-4o`.
async fn before(upstream: &Upstream) -> Gateway {
    let config = json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"far": {"targets": [{"upstream": "up"}]}, "gpt-4o": {"engine": {}}},
    });
    Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await
}

fn far() -> Value {
    let mut chat = streamed("hi");
    chat["model"] = json!("far");
    chat
}

/// The data of an upstream's event, different for each number.
fn event(number: u32) -> String {
    json!({"object": "chat.completion.chunk", "choices": [], "number": number}).to_string()
}

#[tokio::test]
async fn the_engine_streams_chunks_and_then_done() {
    let gateway = Gateway::start(&[KEYS]).await;
    let reply = gateway.post(CHAT, &streamed("one two three")).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-cache"));
    let mut events = reply.events();
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "one two three");
    assert!(chunks.len() >= 4, "a first chunk, some of text, a last: {chunks:?}");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]), "{chunks:?}");
    assert_eq!(chunks.last().map(|chunk| &chunk["choices"][0]["finish_reason"]), Some(&json!("stop")));
}

#[tokio::test]
async fn the_engine_stops_waiting_when_the_caller_disconnects() {
    let config = json!({"models": {"gpt-4o": {"engine": {"latency": {"ttft_ms": 3_600_000}}}}});
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
    for body in [chat("hi"), streamed("hi")] {
        let id = format!("stream-{}", body["stream"]);
        gateway.post(CHAT, &body).header("x-request-id", &id).live().await.hang_up();
        gateway.log(|line| line.contains(&id)).await;
    }
}

#[tokio::test]
async fn an_event_arrives_before_the_upstream_sends_its_next() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream).await;
    let call = gateway.post(CHAT, &far()).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &EVENTS).await;
    exchange.event(&event(1)).await;
    let mut live = call.live().await;
    assert_eq!(live.event().await, Some(event(1)));
    // Nothing else was sent since, so the event was not buffered until the next one.
    for number in [2, 3] {
        exchange.event(&event(number)).await;
        assert_eq!(live.event().await, Some(event(number)));
    }
    exchange.event("[DONE]").await;
    exchange.end().await;
    assert_eq!(live.event().await.as_deref(), Some("[DONE]"));
    assert_eq!(live.event().await, None);
    assert_well(&gateway).await;
}

#[tokio::test]
async fn an_event_is_complete_at_any_split() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream).await;
    let call = gateway.post(CHAT, &far()).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &EVENTS).await;
    for piece in ["da", "ta: {\"ha", "lf\":1}\n", "\ndata: {\"next\"", ":2}\n\ndata: [DONE]\n\n"] {
        exchange.chunk(piece).await;
    }
    exchange.end().await;
    assert_eq!(call.reply().await.events(), [r#"{"half":1}"#, r#"{"next":2}"#, "[DONE]"]);
}

#[tokio::test]
async fn a_disconnect_of_the_caller_ends_the_upstream_s_request() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream).await;
    let call = gateway.post(CHAT, &far()).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &EVENTS).await;
    exchange.event(&event(1)).await;
    let mut live = call.live().await;
    assert_eq!(live.event().await, Some(event(1)));
    live.hang_up();
    // The upstream notices it at once, not only at its next write.
    exchange.closed().await;
    assert_well(&gateway).await;
}

#[tokio::test]
async fn a_disconnect_of_the_caller_stops_the_engine() {
    let gateway = Gateway::start(&[KEYS]).await;
    let text = "word ".repeat(400_000);
    let mut live = gateway.post(CHAT, &streamed(&text)).live().await;
    live.event().await.expect("a stream begins");
    let id = live.header("x-request-id").expect("every answer has one").to_owned();
    live.hang_up();
    let line: Value = serde_json::from_str(&gateway.log(|line| line.contains(&id)).await).expect("JSON");
    // The complete stream would be 400,000 chunks of more than 200 bytes.
    let sent = line["http.response.body.size"].as_u64().expect("a number");
    assert!(sent < 50_000_000, "{line}");
    assert_well(&gateway).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_event_without_done() {
    let (first, second) = (event(1), event(2));
    let cut = Answer::events([&*first, &second]).cut();
    let answers = [cut, Answer::events([&*first, &second, "[DONE]"])];
    let upstream = Upstream::script(answers).await;
    let gateway = before(&upstream).await;
    let reply = gateway.post(CHAT, &far()).await;
    assert_eq!((reply.status, reply.broken.as_deref()), (200, None));
    let events = reply.events();
    assert_eq!(events[..2], [&*first, &second]);
    let error: Value = serde_json::from_str(&events[2]).expect("JSON");
    assert_eq!(error["error"]["type"], "server_error");
    assert_eq!(error["error"]["code"], "upstream_unavailable");
    assert_eq!(error["error"]["message"], "The upstream `up` broke off before the end of its answer.");
    assert_eq!(events.len(), 3, "nothing follows the error: {events:?}");
    let next = gateway.post(CHAT, &far()).await;
    assert_eq!(next.events(), [&*first, &second, "[DONE]"]);
    assert_well(&gateway).await;
}

#[tokio::test]
async fn a_reset_during_a_stream_ends_it_with_an_error_event() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream).await;
    let call = gateway.post(CHAT, &far()).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &EVENTS).await;
    exchange.event(&event(1)).await;
    let mut live = call.live().await;
    assert_eq!(live.event().await, Some(event(1)));
    exchange.reset();
    let error = live.event().await.expect("an error event");
    assert!(error.contains("upstream_unavailable"), "{error}");
    assert_eq!(live.event().await, None);
    assert_well(&gateway).await;
}

#[tokio::test]
async fn concurrent_streams_do_not_mix() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream).await;
    let mut running = Vec::new();
    for name in 1..=4 {
        let call = gateway.post(CHAT, &far()).spawn();
        let mut exchange = upstream.next().await;
        exchange.head(200, &EVENTS).await;
        exchange.event(&event(name)).await;
        running.push((name, exchange, call.live().await));
    }
    for (name, exchange, live) in &mut running {
        exchange.event(&event(*name * 10)).await;
        assert_eq!(live.event().await, Some(event(*name)));
        assert_eq!(live.event().await, Some(event(*name * 10)));
    }
    for (_, mut exchange, mut live) in running {
        exchange.event("[DONE]").await;
        exchange.end().await;
        assert_eq!(live.event().await.as_deref(), Some("[DONE]"));
        assert_eq!(live.event().await, None);
    }
}

/// A stream with everything that an upstream may send: comments, fields, both line ends, characters of two to four bytes.
const RECORDED: &str = concat!(
    ": WAITING\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"häß€🦀\"},\"x\":1.0e-0}]}\n\n",
    "id: 7\r\nevent: chunk\r\ndata: {\"choices\":\r\ndata: [{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
    "data: [DONE]\n\n",
);

#[tokio::test]
async fn a_stream_cut_anywhere_arrives_byte_for_byte() {
    let all = RECORDED.as_bytes();
    for splice in [false, true] {
        let mut upstream = Upstream::by_hand().await;
        let config = json!({
            "upstreams": {"up": {"url": upstream.url("/v1"), "splice": splice}},
            "models": {"far": {"targets": [{"upstream": "up"}]}},
        });
        let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
        let cuts = (1..all.len()).map(|at| vec![&all[..at], &all[at..]]);
        for pieces in cuts.chain([all.chunks(1).collect()]) {
            let call = gateway.post(CHAT, &far()).spawn();
            let mut exchange = upstream.next().await;
            exchange.head(200, &EVENTS).await;
            for piece in &pieces {
                exchange.chunk(piece).await;
                // Time for the piece to arrive separately; the result does not depend on it.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            exchange.end().await;
            let reply = call.reply().await;
            assert_eq!((&*reply.body, &reply.broken), (all, &None), "splice {splice}, {}", pieces[0].len());
        }
        assert_untrapped(&gateway);
    }
}
