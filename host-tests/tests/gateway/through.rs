//! Pass-through: other paths, other methods, bodies of any size.

use std::net::SocketAddr;

use host_tests::{Answer, Gateway, Upstream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{KEY, KEYS, assert_untrapped, error};

async fn before(url: &str) -> Gateway {
    let settings = [KEYS, ("PORTCULLIS_UPSTREAM_URL", url), ("PORTCULLIS_UPSTREAM_KEY", "sk-up")];
    Gateway::start(&settings).await
}

#[tokio::test]
async fn any_method_and_query_arrives() {
    let headers = [("content-type", "audio/mpeg"), ("x-ratelimit-limit", "9"), ("set-cookie", "a=b")];
    let upstream = Upstream::answering(Answer::new(201, &headers, [0, 159, 146, 150])).await;
    let gateway = before(&upstream.url("/base/v1")).await;
    for (method, path, body) in [
        ("POST", "/embeddings", "{\"input\": 1.0e0}"),
        ("GET", "/files?purpose=a%2Fb&limit=3", ""),
        ("DELETE", "/models/ft:x", ""),
        ("PUT", "/x/y", "z"),
        ("GET", "/chat/completions/chatcmpl-1/messages", ""),
    ] {
        let call = gateway.call(method, &format!("/v1{path}")).body(body).header("content-type", "text/x");
        let reply = call.await;
        assert_eq!((reply.status, &*reply.body), (201, &[0, 159, 146, 150][..]), "{method} {path}");
        assert_eq!((reply.header("content-type"), reply.header("set-cookie")), (Some("audio/mpeg"), None));
        assert_eq!(
            (reply.header("x-ratelimit-limit"), reply.header("x-portcullis-target")),
            (Some("9"), Some("default"))
        );
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        assert_eq!((&*seen.method, &*seen.path), (method, &*format!("/base/v1{path}")));
        assert_eq!((&*seen.body, seen.header("authorization")), (body.as_bytes(), Some("Bearer sk-up")));
        if body.is_empty() {
            assert_eq!(
                (seen.header("transfer-encoding"), seen.header("content-length")),
                (None, None),
                "{method} {path}"
            );
        }
    }
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn without_an_upstream_there_is_no_such_path() {
    let gateway = Gateway::start(&[KEYS]).await;
    let reply = gateway.call("POST", "/v1/files").body("{}").await;
    assert_eq!((reply.status, error(&reply)["code"].as_str()), (404, Some("unknown_url")));
}

#[tokio::test]
async fn an_upstream_that_is_down_is_502() {
    let (_socket, url) = Upstream::refusing();
    let gateway = before(&url).await;
    for body in ["", "x"] {
        let reply = gateway.call("POST", "/v1/embeddings").body(body).await;
        assert_eq!((reply.status, error(&reply)["code"].as_str()), (502, Some("upstream_unavailable")));
    }
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn an_upload_that_is_refused_early_is_answered() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = before(&upstream.url("/v1")).await;
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut caller = TcpStream::connect(gateway.addr()).await.expect("it listens");
    caller.write_all(format!("{head}5\r\nhello\r\n0\r\n\r\n").as_bytes()).await.expect("sent");
    let exchange = upstream.next().await;
    assert_eq!(&*exchange.request.body, b"hello");
    exchange.answer(Answer::new(413, &[("content-type", "application/json")], "{\"error\":{}}")).await;
    let mut line = String::new();
    BufReader::new(&mut caller).read_line(&mut line).await.expect("answered");
    assert!(line.starts_with("HTTP/1.1 413"), "{line}");
}

/// A server that drains a request of any size and sends `answer` bytes; it returns the number of bytes received.
async fn swallower(answer: u64) -> (SocketAddr, tokio::task::JoinHandle<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.expect("a head");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let came = tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {answer}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("taken");
        send(&mut stream, answer).await;
        came.expect("a body")
    });
    (addr, task)
}

async fn send(stream: &mut (impl AsyncWriteExt + Unpin), bytes: u64) {
    let piece = vec![b'x'; 256 * 1024];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(piece.len() as u64);
        stream.write_all(&piece[..usize::try_from(now).expect("small")]).await.expect("taken");
        left -= now;
    }
}

/// Sends `up` bytes to the upstream and `down` bytes back; returns the memory of the instance afterwards.
async fn there_and_back(up: u64, down: u64) -> usize {
    let (addr, swallower) = swallower(down).await;
    let gateway = before(&format!("http://{addr}/v1")).await;
    let mut caller = TcpStream::connect(gateway.addr()).await.expect("it listens");
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: {up}\r\n\r\n"
    );
    caller.write_all(head.as_bytes()).await.expect("taken");
    send(&mut caller, up).await;
    let mut answer = BufReader::new(caller);
    let mut line = String::new();
    answer.read_line(&mut line).await.expect("answered");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).await.expect("a head");
    }
    let came = tokio::io::copy(&mut answer, &mut tokio::io::sink()).await.expect("a body");
    assert_eq!((came, swallower.await.expect("no panic")), (down, up));
    gateway.log(|line| line.starts_with('{')).await;
    assert_untrapped(&gateway);
    // The instance is idle a moment after its log line.
    for _ in 0..100 {
        if let Some(instance) = gateway.idle_instances().first() {
            return instance.memory;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the instance does not become idle");
}

#[tokio::test]
async fn large_bodies_take_no_memory() {
    let short = there_and_back(1, 1).await;
    let long = there_and_back(128 << 20, 128 << 20).await;
    assert!(long <= short + PIECES, "{short} bytes grew to {long}");
}

/// The memory that an instance may take for bodies of any size: one piece of them and its surroundings.
const PIECES: usize = 128 << 10;

#[expect(clippy::print_stdout, reason = "the test is run for the figures")]
#[tokio::test]
#[ignore = "takes a while: 1 GiB each way"]
async fn a_gibibyte_each_way_takes_no_memory() {
    // It runs alone in its process, so it can measure the host's memory too.
    let short = there_and_back(1, 1).await;
    there_and_back(1 << 20, 1 << 20).await;
    let before = peak_memory();
    let memory = there_and_back(1 << 30, 1 << 30).await;
    assert!(memory <= short + PIECES, "{short} bytes grew to {memory}");
    let after = peak_memory();
    println!(
        "linear memory {memory} bytes, {short} after a byte each way; the process's peak {before:?} kB before, {after:?} kB after"
    );
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before + 32 * 1024, "{before} kB grew to {after} kB");
    }
}

/// The peak memory of this process in kB, if the system reports it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}
