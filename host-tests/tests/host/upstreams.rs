//! Requests of the guest to upstreams, and their responses.

use std::time::{Duration, Instant};

use host_tests::{Answer, Gateway, Upstream};
use tokio::net::{TcpSocket, TcpStream};

use crate::start;

/// A call that the guest forwards to `upstream`.
fn to(gateway: &Gateway, upstream: &Upstream) -> host_tests::Call {
    gateway.call("POST", &format!("/to/{}/v1/path?q=1", upstream.addr())).body("a body")
}

#[tokio::test]
async fn connections_are_reused() {
    let upstream = Upstream::answering(Answer::new(200, &[], "answer")).await;
    let gateway = start().await;
    for _ in 0..5 {
        assert_eq!(to(&gateway, &upstream).await.text(), "answer");
        gateway.connection_is_back().await;
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 5);
    for request in &requests {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/path?q=1"));
        assert_eq!(request.header("host"), Some(upstream.addr().to_string().as_str()));
        assert_eq!(request.body, "a body");
        assert_eq!(request.connection, 0);
    }
}

#[tokio::test]
async fn connections_are_reused_after_streams() {
    let upstream = Upstream::answering(Answer::events(["1", "2"])).await;
    let gateway = start().await;
    for _ in 0..3 {
        assert_eq!(to(&gateway, &upstream).await.events(), ["1", "2"]);
        // The connection is returned to the pool a little later.
        gateway.connection_is_back().await;
    }
    assert!(upstream.requests().iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn a_connection_that_closes_after_a_stream_fails_no_request() {
    let gateway = start().await;
    for _ in 0..200 {
        let mut upstream = Upstream::by_hand().await;
        let first = to(&gateway, &upstream).spawn();
        let mut exchange = upstream.next().await;
        let answered = Instant::now();
        exchange.raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
        assert_eq!(first.reply().await.text(), "ok");
        let second = to(&gateway, &upstream).spawn();
        // The upstream closes without announcing it.
        tokio::time::sleep(Duration::from_millis(2)).await;
        exchange.close();
        if answered.elapsed() > HALF_CLOSING_TIME {
            // On a very busy machine the connection may be reused before the close is noticed.
            second.hang_up();
            continue;
        }
        upstream.next().await.answer(Answer::new(200, &[], "ok")).await;
        assert_eq!(second.reply().await.text(), "ok");
        return;
    }
    panic!("the machine is too busy for this test");
}

/// Half of the time after which a connection is returned to the pool after a stream.
const HALF_CLOSING_TIME: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_pooled_connection_that_was_closed_is_replaced() {
    let closing = Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let upstream = Upstream::answering(closing).await;
    let gateway = start().await;
    for number in 0..4 {
        assert_eq!(to(&gateway, &upstream).await.text(), "ok");
        assert_eq!(upstream.requests().last().unwrap().connection, number);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_response_that_was_not_requested_is_no_answer() {
    const WANTED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nwanted";
    const STREAMED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nwanted\r\n0\r\n\r\n";
    const STRAY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray";
    let gateway = start().await;
    for round in 0..100 {
        let mut upstream = Upstream::by_hand().await;
        let first = to(&gateway, &upstream).spawn();
        let mut exchange = upstream.next().await;
        match round % 3 {
            // In one piece with the answer,
            0 => exchange.raw([WANTED, STRAY].concat()).await,
            1 => exchange.raw([STREAMED, STRAY].concat()).await,
            _ => exchange.raw(WANTED).await,
        }
        assert_eq!(first.reply().await.text(), "wanted");
        if round % 3 == 2 {
            // or while the connection is idle.
            exchange.raw(STRAY).await;
        }
        let second = to(&gateway, &upstream).spawn();
        exchange.go_on();
        let other = upstream.next().await;
        assert_eq!(other.request.connection, 1, "round {round}: the connection is not reused");
        other.answer(Answer::new(200, &[], "wanted")).await;
        assert_eq!(second.reply().await.text(), "wanted", "round {round}");
    }
}

#[tokio::test]
async fn events_are_forwarded_one_by_one() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = start().await;
    let call = to(&gateway, &upstream).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &[("content-type", "text/event-stream")]).await;
    exchange.event("1").await;
    let mut live = call.live().await;
    assert_eq!(live.event().await.as_deref(), Some("1"));
    exchange.event("2").await;
    assert_eq!(live.event().await.as_deref(), Some("2"));
    exchange.end().await;
    assert_eq!(live.event().await, None);
}

#[tokio::test]
async fn a_disconnect_of_the_caller_ends_the_upstream_request() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = start().await;

    // While the upstream is silent before its response,
    let call = to(&gateway, &upstream).spawn();
    let mut exchange = upstream.next().await;
    call.hang_up();
    exchange.closed().await;

    // and during it.
    let call = to(&gateway, &upstream).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &[]).await;
    exchange.event("1").await;
    let mut live = call.live().await;
    live.event().await;
    live.hang_up();
    exchange.closed().await;
    gateway.log(|line| line.starts_with("broken off")).await;
}

#[tokio::test]
async fn a_response_that_breaks_off_is_noticed() {
    let gateway = start().await;
    for answer in [Answer::new(200, &[], "whole").cut(), Answer::events(["1"]).cut()] {
        let upstream = Upstream::answering(answer).await;
        assert!(to(&gateway, &upstream).await.broken.is_some());
    }
    let mut upstream = Upstream::by_hand().await;
    let call = to(&gateway, &upstream).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &[]).await;
    exchange.event("1").await;
    let mut live = call.live().await;
    live.event().await;
    exchange.reset();
    assert!(live.rest().await.broken.is_some());
}

#[tokio::test]
async fn failures_have_the_error_codes_of_wasi_http() {
    let gateway = start().await;
    for (answer, want) in [
        (Answer::close(), "ErrorCode::ConnectionTerminated"),
        (Answer::reset(), "ErrorCode::ConnectionTerminated"),
        (Answer::raw("no HTTP\r\n\r\n"), "ErrorCode::HttpProtocolError"),
        (Answer::stall(), "ErrorCode::ConnectionReadTimeout"),
    ] {
        let upstream = Upstream::answering(answer.clone()).await;
        let reply = to(&gateway, &upstream).header("x-timeouts", "1000,200,1000").await;
        assert_eq!((reply.status, reply.text()), (502, want), "{answer:?}");
    }
    let (_port, refusing) = Upstream::refusing();
    let refusing = refusing.trim_start_matches("http://");
    for (path, want) in [
        (format!("/to/{refusing}/"), "ErrorCode::ConnectionRefused"),
        ("/to/nowhere.invalid/".to_owned(), "ErrorCode::DnsError"),
    ] {
        let reply = gateway.get(&path).await;
        assert!(reply.status == 502 && reply.text().starts_with(want), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn silence_between_two_events_times_out() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = start().await;
    let call = to(&gateway, &upstream).header("x-timeouts", "1000,1000,100").spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &[]).await;
    exchange.event("1").await;
    let mut live = call.live().await;
    live.event().await;
    exchange.closed().await;
    assert!(live.rest().await.broken.is_some());
    gateway.log(|line| line.contains("ConnectionReadTimeout") || line.contains("read timeout")).await;
}

#[tokio::test]
async fn connecting_times_out() {
    // A listener that accepts no connection because its queue is full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(addr)).await
    {
        queue.push(stream);
    }
    let gateway = start().await;
    let reply = gateway.get(&format!("/to/{addr}/")).header("x-timeouts", "100,5000,5000").await;
    assert_eq!((reply.status, reply.text()), (502, "ErrorCode::ConnectionTimeout"));
}
