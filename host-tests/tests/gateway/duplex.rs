//! Full duplex: upstreams that begin their response before they have read the whole request.

use std::net::SocketAddr;
use std::time::Duration;

use host_tests::{Gateway, PATIENCE};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{CHAT, KEY, KEYS, assert_untrapped, chat};

/// One side of a connection, after the heads.
struct Side {
    reading: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("the connection is new");
        let (reading, writing) = stream.into_split();
        Self { reading: BufReader::new(reading), writing }
    }

    /// The lines before the first empty one.
    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = within(self.reading.read_line(&mut head)).await.expect("a line");
            assert!(read > 0, "the connection ends within the head: {head:?}");
        }
        head
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.writing.write_all(bytes.as_ref())).await.expect("taken");
    }

    async fn send_chunk(&mut self, bytes: &str) {
        self.send(format!("{:x}\r\n{bytes}\r\n", bytes.len())).await;
    }

    /// The bytes of the next chunk; the last one has none.
    async fn chunk(&mut self) -> String {
        let mut size = String::new();
        within(self.reading.read_line(&mut size)).await.expect("a line");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut bytes = vec![0; size + 2];
        within(self.reading.read_exact(&mut bytes)).await.expect("a chunk");
        String::from_utf8_lossy(&bytes[..size]).into_owned()
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        within(self.reading.read_exact(&mut bytes)).await.expect("so many bytes");
        bytes
    }

    /// All bytes until the other side closes or resets the connection.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = within(self.reading.read_to_end(&mut bytes)).await;
        bytes
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// A gateway in front of an upstream that the test controls byte by byte.
struct Between {
    gateway: Gateway,
    listener: TcpListener,
}

impl Between {
    async fn new(splice: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr: SocketAddr = listener.local_addr().expect("it is bound");
        let config = json!({
            "upstreams": {"up": {"url": format!("http://{addr}/v1"), "splice": splice}},
            "models": {"gpt-4o": {"targets": [{"upstream": "up"}]}},
            "passthrough": "up",
        });
        let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
        Self { gateway, listener }
    }

    /// A caller that has sent the head of a `POST`.
    async fn caller(&self, path: &str, framing: &str) -> Side {
        let stream = TcpStream::connect(self.gateway.addr()).await.expect("it listens");
        let mut caller = Side::new(stream);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
             content-type: application/json\r\n{framing}\r\n\r\n"
        );
        caller.send(head).await;
        caller
    }

    /// The upstream's side of the next request.
    async fn upstream(&self) -> Side {
        let (stream, _) = within(self.listener.accept()).await.expect("a connection");
        let mut upstream = Side::new(stream);
        upstream.head().await;
        upstream
    }

    /// The caller and the upstream of an upload in progress whose response, with this content type, has begun.
    async fn live(&self, kind: &str) -> (Side, Side) {
        let mut caller = self.caller("/v1/audio/live", CHUNKED).await;
        caller.send_chunk("zero").await;
        let mut upstream = self.upstream().await;
        assert_eq!(upstream.chunk().await, "zero");
        upstream.send(answer(kind, CHUNKED)).await;
        upstream.send_chunk("begun").await;
        caller.head().await;
        assert_eq!(caller.chunk().await, "begun", "{kind}");
        (caller, upstream)
    }

    /// The caller of a large upload whose first MiB has arrived, and the upstream, which reads the rest while it sends a
    /// response of the same size.
    async fn large(&self) -> (Side, JoinHandle<()>) {
        let length = format!("content-length: {LARGE}");
        let mut caller = self.caller("/v1/files", &length).await;
        caller.send(&[b'u'; 1 << 20]).await;
        let mut upstream = self.upstream().await;
        upstream.exactly(1 << 20).await;
        upstream.send(answer("application/octet-stream", &length)).await;
        (caller, tokio::spawn(both_ways(upstream, b'd', LARGE, LARGE - (1 << 20))))
    }
}

const CHUNKED: &str = "transfer-encoding: chunked";

fn answer(kind: &str, framing: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n{framing}\r\n\r\n")
}

#[tokio::test]
async fn an_upload_continues_during_its_response() {
    for kind in ["application/octet-stream", "text/event-stream", "application/json"] {
        let between = Between::new(false).await;
        let (mut caller, mut upstream) = between.live(kind).await;
        for piece in ["one", "two", "three"] {
            caller.send_chunk(piece).await;
            assert_eq!(upstream.chunk().await, piece);
            upstream.send_chunk(piece).await;
            assert_eq!(caller.chunk().await, piece);
        }
        // Either side may end first.
        upstream.send("0\r\n\r\n").await;
        assert_eq!(caller.chunk().await, "");
        caller.send_chunk("four").await;
        caller.send("0\r\n\r\n").await;
        assert_eq!((upstream.chunk().await, upstream.chunk().await), ("four".to_owned(), String::new()));
        assert_untrapped(&between.gateway);
    }
}

const LARGE: usize = 32 << 20;

/// Sends and reads at the same time, in two tasks.
async fn both_ways(side: Side, piece: u8, send: usize, read: usize) {
    let Side { mut reading, mut writing } = side;
    let sending = tokio::spawn(async move {
        let bytes = vec![piece; 1 << 20];
        for _ in 0..send >> 20 {
            within(writing.write_all(&bytes)).await.expect("taken");
        }
        writing
    });
    let mut bytes = vec![0; 1 << 20];
    for _ in 0..read >> 20 {
        within(reading.read_exact(&mut bytes)).await.expect("so many bytes");
    }
    within(sending).await.expect("no panic");
}

#[tokio::test]
async fn large_bodies_in_both_directions_take_little_memory() {
    let between = Between::new(false).await;
    let (mut caller, upstream) = between.large().await;
    caller.head().await;
    both_ways(caller, b'u', LARGE - (1 << 20), LARGE).await;
    within(upstream).await.expect("no panic");
    between.gateway.log(|line| line.starts_with('{')).await;
    assert_untrapped(&between.gateway);
    for instance in between.gateway.idle_instances() {
        assert!(instance.memory < 10 << 20, "{} bytes", instance.memory);
    }
}

#[tokio::test]
async fn a_caller_may_send_everything_before_it_reads() {
    let between = Between::new(false).await;
    let (mut caller, upstream) = between.large().await;
    // Meanwhile backpressure stops the response at the upstream.
    for _ in 1..LARGE >> 20 {
        caller.send(&[b'u'; 1 << 20]).await;
    }
    caller.head().await;
    caller.exactly(LARGE).await;
    within(upstream).await.expect("no panic");
    assert_untrapped(&between.gateway);
}

#[tokio::test]
async fn an_upload_continues_after_the_end_of_its_response() {
    let between = Between::new(false).await;
    let mut caller = between.caller("/v1/files", &format!("content-length: {LARGE}")).await;
    caller.send(&[b'u'; 1 << 20]).await;
    let mut upstream = between.upstream().await;
    upstream.send(answer("application/json", "content-length: 2") + "{}").await;
    caller.head().await;
    assert_eq!(caller.exactly(2).await, b"{}");
    let sending = tokio::spawn(async move {
        for _ in 1..LARGE >> 20 {
            caller.send(&[b'u'; 1 << 20]).await;
        }
        caller
    });
    upstream.exactly(LARGE).await;
    within(sending).await.expect("no panic");
    let line = between.gateway.log(|line| line.contains("/v1/files")).await;
    assert!(line.contains(&format!("\"http.request.body.size\":{LARGE},")), "{line}");
    assert_untrapped(&between.gateway);
}

#[tokio::test]
async fn the_body_of_a_chat_is_sent_during_its_response() {
    for splice in [false, true] {
        let between = Between::new(splice).await;
        let mut large = chat(&"x".repeat(12 << 20));
        large["stream"] = json!(true);
        let large = large.to_string();
        let mut caller = between.caller(CHAT, &format!("content-length: {}", large.len())).await;
        caller.send(&large).await;
        let mut upstream = between.upstream().await;
        // The body must be larger than the buffers.
        upstream.exactly(1000).await;
        upstream.send(answer("text/event-stream", CHUNKED)).await;
        let first = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        upstream.send_chunk(first).await;
        caller.head().await;
        assert_eq!(caller.chunk().await, first, "splice {splice}");
        let rest = upstream.exactly(large.len() - 1000).await;
        assert!(large.as_bytes().ends_with(&rest));
        upstream.send_chunk("data: [DONE]\n\n").await;
        upstream.send("0\r\n\r\n").await;
        assert_eq!(caller.chunk().await, "data: [DONE]\n\n");
        assert_eq!(caller.chunk().await, "");
        assert_untrapped(&between.gateway);
    }
}

#[tokio::test]
async fn a_disconnect_of_one_side_ends_the_other() {
    for kind in ["application/octet-stream", "text/event-stream"] {
        let between = Between::new(false).await;
        let (caller, mut upstream) = between.live(kind).await;
        drop(caller);
        assert_eq!(String::from_utf8_lossy(&upstream.rest().await), "");

        let (mut caller, upstream) = between.live(kind).await;
        drop(upstream);
        let rest = caller.rest().await;
        match kind {
            "text/event-stream" => {
                let rest = String::from_utf8_lossy(&rest);
                assert!(rest.contains("upstream_unavailable") && rest.ends_with("0\r\n\r\n"), "{rest:?}");
            }
            _ => assert_eq!(String::from_utf8_lossy(&rest), ""),
        }
        assert_untrapped(&between.gateway);
    }
}

#[tokio::test]
async fn an_early_refusal_with_the_rest_unread_arrives() {
    let between = Between::new(false).await;
    let mut caller = between.caller("/v1/files", &format!("content-length: {LARGE}")).await;
    caller.send(&[b'u'; 1 << 20]).await;
    let mut upstream = between.upstream().await;
    let refusal = "HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nno!";
    upstream.send(refusal).await;
    assert!(caller.head().await.starts_with("HTTP/1.1 413"));
    assert_eq!(caller.exactly(3).await, b"no!");
    // Nothing more is read from a caller whose request was refused.
    tokio::time::timeout(Duration::from_secs(20), upstream.rest())
        .await
        .expect("the gateway closes the connection");
    assert_untrapped(&between.gateway);
}
