//! Uploads and answers at once: upstreams that begin to answer before they have read all.

use std::net::SocketAddr;
use std::time::Duration;

use host_tests::{Gateway, PATIENCE};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{CHAT, KEY, KEYS, assert_untrapped, chat};

/// One side of a connection whose head was sent and read.
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

    /// The lines up to the first empty one.
    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = within(self.reading.read_line(&mut head)).await.expect("a line");
            assert!(read > 0, "it ends within its head: {head:?}");
        }
        head
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.writing.write_all(bytes.as_ref())).await.expect("taken");
    }

    async fn send_chunk(&mut self, bytes: &str) {
        self.send(format!("{:x}\r\n{bytes}\r\n", bytes.len())).await;
    }

    /// The next chunk's bytes; none in the last.
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

    /// What comes until the other side closes or resets the connection.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = within(self.reading.read_to_end(&mut bytes)).await;
        bytes
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing waits for ever")
}

/// A gateway before a server of one's own.
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

    /// Someone who begins a `POST`.
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

    /// The request as it arrives.
    async fn upstream(&self) -> Side {
        let (stream, _) = within(self.listener.accept()).await.expect("someone comes");
        let mut upstream = Side::new(stream);
        upstream.head().await;
        upstream
    }

    /// The caller and the upstream of an upload whose answer, of this kind, came while it goes on.
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

    /// The caller of a large upload of which the first MiB arrived, and the upstream that goes on reading it while it
    /// sends an answer as large.
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
async fn an_upload_goes_on_beside_its_answer() {
    for kind in ["application/octet-stream", "text/event-stream", "application/json"] {
        let between = Between::new(false).await;
        let (mut caller, mut upstream) = between.live(kind).await;
        for piece in ["one", "two", "three"] {
            caller.send_chunk(piece).await;
            assert_eq!(upstream.chunk().await, piece);
            upstream.send_chunk(piece).await;
            assert_eq!(caller.chunk().await, piece);
        }
        // Each side ends when it likes.
        upstream.send("0\r\n\r\n").await;
        assert_eq!(caller.chunk().await, "");
        caller.send_chunk("four").await;
        caller.send("0\r\n\r\n").await;
        assert_eq!((upstream.chunk().await, upstream.chunk().await), ("four".to_owned(), String::new()));
        assert_untrapped(&between.gateway);
    }
}

const LARGE: usize = 32 << 20;

/// What two pumps of their own send and read at once.
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
async fn much_goes_both_ways_at_once_in_little_memory() {
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
async fn nobody_has_to_read_before_he_has_sent_all() {
    let between = Between::new(false).await;
    let (mut caller, upstream) = between.large().await;
    // The answer stands all the way back to the upstream meanwhile.
    for _ in 1..LARGE >> 20 {
        caller.send(&[b'u'; 1 << 20]).await;
    }
    caller.head().await;
    caller.exactly(LARGE).await;
    within(upstream).await.expect("no panic");
    assert_untrapped(&between.gateway);
}

#[tokio::test]
async fn the_rest_is_sent_after_an_answer_s_end_too() {
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
async fn a_chat_s_rest_is_sent_beside_its_answer() {
    for splice in [false, true] {
        let between = Between::new(splice).await;
        let mut large = chat(&"x".repeat(12 << 20));
        large["stream"] = json!(true);
        let large = large.to_string();
        let mut caller = between.caller(CHAT, &format!("content-length: {}", large.len())).await;
        caller.send(&large).await;
        let mut upstream = between.upstream().await;
        // It must not get all into its own buffers.
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
async fn whichever_side_goes_takes_the_other_along() {
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
    // No more is read from a caller that is refused.
    tokio::time::timeout(Duration::from_secs(20), upstream.rest()).await.expect("the gateway lets go");
    assert_untrapped(&between.gateway);
}
