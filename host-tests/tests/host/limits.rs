//! The limits of requests: CPU time, concurrent requests, and timeouts for callers.

use std::time::Duration;

use host_tests::{Answer, Gateway, Limits, Options, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{start, start_with};

/// Longer than any test here: for limits that must not be reached.
const LONG: Duration = Duration::from_secs(600);

fn limits(set: impl FnOnce(&mut Limits)) -> Options {
    let mut limits = Limits { cpu: LONG, ..Limits::default() };
    set(&mut limits);
    Options { limits, ..Gateway::options() }
}

/// Sends these bytes on a new connection, and leaves it open.
async fn send(gateway: &Gateway, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.addr()).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// All bytes before the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(host_tests::PATIENCE, read).await.expect("the connection is closed").unwrap();
    text
}

#[tokio::test]
async fn guests_that_compute_do_not_block_others() {
    let gateway = start_with(limits(|_| {})).await;
    let mut computing = Vec::new();
    for _ in 0..8 {
        // The first event shows that the guest is running.
        let mut live = gateway.get("/events-and-compute").live().await;
        assert_eq!(live.event().await.as_deref(), Some("0"));
        computing.push(live);
    }
    // Between two steps of a request one computing guest may run for a slice. If all eight did, the requests here would
    // take seconds.
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
    }
    let each = begun.elapsed() / 10;
    assert!(each < Duration::from_secs(1), "a request took {each:?} while eight others compute");
    drop(computing);
}

#[tokio::test]
async fn a_request_that_computes_for_too_long_is_a_503() {
    let gateway = start_with(limits(|limits| limits.cpu = Duration::from_millis(300))).await;
    let reply = gateway.get("/compute").await;
    assert_eq!((reply.status, reply.header("x-should-retry")), (503, Some("false")));
    assert_eq!(reply.json()["error"]["code"], "cpu_limit_exceeded");
    let reply = gateway.get("/events-and-compute").await;
    assert_eq!((reply.status, reply.text()), (200, "data: 0\n\n"));
    assert!(reply.broken.is_some());
    let line = gateway.log(|line| line.contains("\"broken\"")).await;
    assert!(line.contains(r#""level":"error""#) && line.contains("CPU time"), "{line}");
    assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
}

#[tokio::test]
async fn a_guest_ends_soon_after_its_caller() {
    let gateway = start_with(limits(|limits| limits.running = 1)).await;
    let mut live = gateway.get("/events-and-compute").live().await;
    live.event().await;
    live.hang_up();
    let line = gateway.log(|line| line.contains("the caller had disconnected")).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["url.path"], &line["http.response.status_code"]),
        (&"/events-and-compute".into(), &200.into())
    );
    assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_a_503() {
    let gateway = start_with(limits(|limits| limits.running = 2)).await;
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(gateway.get("/events").live().await);
    }
    let reply = gateway.get("/fixed").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.json()["error"]["code"], "overloaded");
    running.pop().unwrap().hang_up();
    assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
}

#[tokio::test]
async fn callers_that_send_half_a_body_do_not_block_others() {
    let gateway = start_with(limits(|limits| limits.running = 8)).await;
    let mut stalled = Vec::new();
    for _ in 0..8 {
        stalled.push(send(&gateway, "POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n1").await);
    }
    // A permit becomes free once the longest stall has lasted a second; before, a request is refused.
    let begun = std::time::Instant::now();
    while gateway.get("/fixed").await.status != 200 {
        assert!(begun.elapsed() < host_tests::PATIENCE);
    }
    assert_eq!(gateway.post("/read", &serde_json::json!({})).await.text(), "2");
}

#[tokio::test]
async fn callers_that_send_a_body_byte_by_byte_do_not_block_others() {
    const PERMITS: usize = 4;
    let gateway = start_with(limits(|limits| {
        limits.running = PERMITS;
        (limits.stall, limits.stall_under_load) = (LONG, LONG);
        limits.behind_under_load = Duration::from_millis(300);
    }))
    .await;
    let mut slow = tokio::task::JoinSet::new();
    for _ in 0..PERMITS {
        let mut stream =
            send(&gateway, "POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n").await;
        slow.spawn(async move {
            while stream.write_all(b"1").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    // Until a slow caller is far enough behind, others are refused.
    let begun = std::time::Instant::now();
    while gateway.get("/fixed").await.status != 200 {
        assert!(begun.elapsed() < host_tests::PATIENCE, "the slow callers keep all permits");
    }
}

#[tokio::test]
async fn a_health_check_needs_no_permit_of_other_requests() {
    let gateway = start_with(limits(|limits| limits.running = 1)).await;
    let running = gateway.get("/events").live().await;
    for (method, path, want) in [
        ("GET", "/fixed", 503),
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("HEAD", "/", 200),
        ("GET", "/", 503),
        ("POST", "/health", 503),
    ] {
        assert_eq!(gateway.call(method, path).await.status, want, "{method} {path}");
    }
    // A body could make it wait.
    assert_eq!(gateway.call("GET", "/health").body("1").await.status, 503);
    drop(running);
}

#[tokio::test]
async fn a_body_that_stalls_is_ended() {
    let gateway = start_with(limits(|limits| limits.stall = Duration::from_millis(200))).await;
    let stalled = send(&gateway, "POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n1").await;
    // The guest returns the length of what it could read.
    assert!(rest(stalled).await.ends_with("\r\n\r\n1"));
}

#[tokio::test]
async fn a_body_that_waits_for_the_guest_is_no_stall() {
    let gateway = start_with(limits(|limits| limits.stall = Duration::from_millis(200))).await;
    // More than the buffers of the connection have room for, and little enough to be read at once.
    for size in [8 << 20, 2] {
        let head = format!(
            "POST /read-late HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
        );
        let mut caller = send(&gateway, &head).await;
        gateway.log(|line| line == "paused").await;
        let answer = tokio::spawn(async move {
            caller.write_all(&vec![b'x'; size]).await.unwrap();
            rest(caller).await
        });
        let answer = answer.await.unwrap();
        assert!(answer.ends_with(&format!("\r\n\r\n{size}")), "{answer}");
    }
}

#[tokio::test]
async fn a_caller_that_reads_nothing_is_disconnected() {
    let gateway = start_with(limits(|limits| limits.stall = Duration::from_millis(200))).await;
    let mut upstream = Upstream::by_hand().await;
    let path = format!("/to/{}/", upstream.addr());
    let caller = send(&gateway, &format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n")).await;
    let mut exchange = upstream.next().await;
    exchange.head(200, &[]).await;
    // More than fits into the buffers of two connections.
    while exchange.try_raw(format!("10000\r\n{}\r\n", "x".repeat(1 << 16))).await {}
    drop(caller);
}

#[tokio::test]
async fn half_a_head_is_ended() {
    let gateway = start_with(limits(|limits| limits.head = Duration::from_millis(200))).await;
    rest(send(&gateway, "GET /fixed HTTP/1.1\r\nhost: h\r\n").await).await;
    // An idle connection is ended too.
    rest(send(&gateway, "").await).await;
    let answered = rest(send(&gateway, "GET /fixed HTTP/1.1\r\nhost: h\r\n\r\n").await).await;
    assert!(answered.ends_with("a fixed answer"), "{answered}");
}

#[tokio::test]
async fn the_guest_may_send_requests_after_it_knows_that_its_caller_has_disconnected() {
    let upstream = Upstream::answering(Answer::new(200, &[], "settled")).await;
    let mut silent = Upstream::by_hand().await;
    let gateway = start().await;
    let path = format!("/settle/{}/{}", silent.addr(), upstream.addr());
    let call = gateway.get(&path).spawn();
    let mut exchange = silent.next().await;
    call.hang_up();
    exchange.closed().await;
    let line = gateway.log(|line| line.starts_with("settled")).await;
    assert_eq!(
        line,
        r#"settled 200 after ErrorCode::InternalError(Some("the caller closed its connection"))"#
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_caller_that_sent_more_than_its_request_is_seen_to_disconnect() {
    let mut silent = Upstream::by_hand().await;
    let gateway = start().await;
    for more in ["\r\n", "x", "GET /fixed HTTP/1.1\r\nhost: h\r\n\r\n"] {
        let path = format!("/to/{}/", silent.addr());
        let caller = send(&gateway, &format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n{more}")).await;
        let mut exchange = silent.next().await;
        drop(caller);
        exchange.closed().await;
    }
}

#[tokio::test]
async fn the_first_request_after_the_caller_has_disconnected_is_refused() {
    let upstream = Upstream::answering(Answer::new(200, &[], "settled")).await;
    let gateway = start().await;
    let path = format!("/sleep-and-settle/{0}/{0}", upstream.addr());
    let call = gateway.get(&path).spawn();
    gateway.log(|line| line == "sleeping").await;
    call.hang_up();
    let line = gateway.log(|line| line.starts_with("settled")).await;
    assert_eq!(
        line,
        r#"settled 200 after ErrorCode::InternalError(Some("the caller closed its connection"))"#
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_request_that_needs_more_memory_than_there_is_for_all_is_a_503() {
    let gateway = start_with(limits(|limits| limits.memory = 8 << 20)).await;
    let mut running = gateway.get("/events").live().await;
    assert!(running.event().await.is_some());
    for _ in 0..2 {
        let reply = gateway.call("POST", "/read").body(vec![b'x'; 16 << 20]).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
        assert_eq!(reply.json()["error"]["code"], "memory_limit_exceeded");
        // Its memory is free again.
        assert_eq!(gateway.post("/read", &serde_json::json!("x".repeat(1 << 20))).await.status, 200);
    }
    assert!(running.event().await.is_some());
}

#[tokio::test]
async fn a_response_that_goes_on_after_the_time_to_stop_is_ended() {
    let mut gateway = start_with(limits(|limits| limits.stop = Duration::from_millis(300))).await;
    let mut endless = gateway.get("/events").live().await;
    assert!(endless.event().await.is_some());
    let body = send(&gateway, "POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n1").await;
    gateway.stop();
    gateway.stopped().await;
    assert!(gateway.logs().iter().any(|line| line.contains("after the stop")), "{:?}", gateway.logs());
    drop(body);
}

#[tokio::test]
async fn half_a_head_does_not_delay_a_stop() {
    let mut gateway = start_with(limits(|limits| (limits.head, limits.stop) = (LONG, LONG))).await;
    let _half = send(&gateway, "GET /fixed HTTP/1.1\r\nhost: h\r\n").await;
    // Once another request is answered, the only worker has read the half.
    assert_eq!(gateway.get("/fixed").await.status, 200);
    gateway.stop();
    gateway.stopped().await;
}

#[tokio::test]
async fn the_longest_idle_connection_makes_room_for_another() {
    let gateway = start_with(limits(|limits| (limits.head, limits.connections) = (LONG, Some(2)))).await;
    let first = send(&gateway, "").await;
    // Half a head is no request.
    let second = send(&gateway, "GET /fixed HTTP/1.1\r\n").await;
    let mut running = Vec::new();
    for idle in [first, second] {
        running.push(gateway.get("/events").live().await);
        closed(idle).await;
    }
    closed(send(&gateway, "").await).await;
}

/// Waits until the connection is closed or reset.
async fn closed(mut stream: TcpStream) {
    let mut byte = [0];
    let read = stream.read(&mut byte);
    let read = tokio::time::timeout(host_tests::PATIENCE, read).await.expect("the connection is closed");
    assert!(!matches!(read, Ok(1..)), "it is closed without a response");
}

#[tokio::test]
async fn workers_share_an_address_and_a_limit() {
    let options = limits(|limits| limits.running = 2);
    let gateway = start_with(Options { workers: 4, ..options }).await;
    for _ in 0..40 {
        assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
    }
    assert!(gateway.instances_made() > 1, "all connections went to one worker");
    let running = [gateway.get("/events").live().await, gateway.get("/events").live().await];
    assert_eq!(gateway.get("/fixed").await.status, 503);
    drop(running);
    let mut gateway = gateway;
    gateway.stop();
    gateway.stopped().await;
}
