//! Hedged requests, and upstreams that respond before they have read the whole request.

use std::net::SocketAddr;
use std::time::Duration;

use host_tests::{Answer, Gateway, Upstream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{CHAT, KEY, KEYS, assert_untrapped, chat};

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];
const LAST: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

async fn hedged(first: &Upstream, second: &Upstream) -> Gateway {
    let config = json!({
        "upstreams": {"first": {"url": first.url("/v1")}, "second": {"url": second.url("/v1")}},
        "models": {"far": {"targets": [{"upstream": "first"}, {"upstream": "second"}], "hedge_ms": 50}},
    });
    Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await
}

fn far(stream: bool) -> Value {
    let mut chat = chat("hi");
    chat["model"] = json!("far");
    chat["stream"] = json!(stream);
    chat
}

#[tokio::test]
async fn the_slower_request_is_cancelled() {
    for silent_after_head in [false, true] {
        let (mut first, mut second) = (Upstream::by_hand().await, Upstream::by_hand().await);
        let gateway = hedged(&first, &second).await;
        let call = gateway.post(CHAT, &far(true)).spawn();
        let mut loser = first.next().await;
        if silent_after_head {
            loser.head(200, &EVENTS).await;
            loser.chunk(": wait\n\n").await;
        }
        let mut winner = second.next().await;
        winner.head(200, &EVENTS).await;
        winner.event(LAST).await;
        let mut live = call.live().await;
        assert_eq!(live.header("x-portcullis-target"), Some("second"));
        assert_eq!(live.event().await.as_deref(), Some(LAST));
        // At once, not only when the other response has ended.
        loser.closed().await;
        winner.event("[DONE]").await;
        winner.end().await;
        assert_eq!(live.event().await.as_deref(), Some("[DONE]"));
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn the_first_target_can_still_win() {
    let (mut first, mut second) = (Upstream::by_hand().await, Upstream::by_hand().await);
    let gateway = hedged(&first, &second).await;
    let call = gateway.post(CHAT, &far(false)).spawn();
    let winner = first.next().await;
    let mut loser = second.next().await;
    winner.answer(Answer::json(200, &json!({"choices": [{}]}))).await;
    let reply = call.reply().await;
    assert_eq!((reply.status, reply.header("x-portcullis-target")), (200, Some("first")));
    assert_eq!(reply.header("x-portcullis-attempts"), Some("2"));
    loser.closed().await;
    assert_untrapped(&gateway);
}

/// A server that reads the head of a request and then runs `serve`.
async fn server<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).await.expect("a head");
            head.push(byte[0]);
        }
        serve(stream).await;
    });
    addr
}

/// Sends a body and reads the response to its end.
async fn upload(gateway: &Gateway, path: &str, body: Vec<u8>) -> String {
    let stream = TcpStream::connect(gateway.addr()).await.expect("it listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        // A server that refuses the request may stop reading.
        let _ = writing.write_all(head.as_bytes()).await;
        let _ = writing.write_all(&body).await;
        writing
    });
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(Ok(length @ 1..)) =
        tokio::time::timeout(Duration::from_secs(20), reading.read(&mut piece)).await
    {
        answer.extend_from_slice(&piece[..length]);
    }
    sending.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

const REFUSAL: &str = "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n\
                       content-length: 30\r\n\r\n{\"error\":{\"message\":\"too big\"}}";

#[tokio::test]
async fn an_early_refusal_of_a_large_body_is_returned() {
    let large = chat(&"x".repeat(12 << 20)).to_string().into_bytes();
    for path in [CHAT, "/v1/files"] {
        let addr = server(|mut stream| async move {
            stream.write_all(REFUSAL.as_bytes()).await.expect("taken");
            stream.shutdown().await.expect("it is open");
            // Like servers that want their response to be read, it goes on draining the request for a while.
            let mut sink = tokio::io::sink();
            let swallowing = tokio::io::copy(&mut stream, &mut sink);
            let _ = tokio::time::timeout(Duration::from_secs(2), swallowing).await;
        })
        .await;
        let url = format!("http://{addr}/v1");
        let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_UPSTREAM_URL", &url)]).await;
        let answer = upload(&gateway, path, large.clone()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer:?}");
        assert!(answer.contains("too big"), "{path}: {answer:?}");
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn an_early_refusal_followed_by_a_close_gets_a_response() {
    let large = chat(&"x".repeat(12 << 20)).to_string().into_bytes();
    for path in [CHAT, "/v1/files"] {
        let addr = server(|mut stream| async move {
            stream.write_all(REFUSAL.as_bytes()).await.expect("taken");
        })
        .await;
        let url = format!("http://{addr}/v1");
        let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_UPSTREAM_URL", &url)]).await;
        let answer = upload(&gateway, path, large.clone()).await;
        // The reset that follows may overtake the upstream's response; in any case the caller gets a response.
        assert!(
            answer.starts_with("HTTP/1.1 413") || answer.starts_with("HTTP/1.1 502"),
            "{path}: {answer:?}"
        );
        assert_untrapped(&gateway);
    }
}
