//! What the guest sends, and what comes back.

use std::time::{Duration, Instant};

use host_tests::{Answer, Gateway, Upstream};
use tokio::net::{TcpSocket, TcpStream};

use crate::start;

/// A call that the guest forwards to `upstream`.
fn to(gateway: &Gateway, upstream: &Upstream) -> host_tests::Call {
    gateway.call("POST", &format!("/to/{}/v1/path?q=1", upstream.addr())).body("a body")
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
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
async fn streams_give_their_connection_back_too() {
    let upstream = Upstream::answering(Answer::events(["1", "2"])).await;
    let gateway = start().await;
    for _ in 0..3 {
        assert_eq!(to(&gateway, &upstream).await.events(), ["1", "2"]);
        // It rests a little first.
        gateway.connection_is_back().await;
    }
    assert!(upstream.requests().iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn a_connection_the_upstream_closes_after_a_stream_takes_no_request_with_it() {
    let gateway = start().await;
    for _ in 0..200 {
        let mut upstream = Upstream::by_hand().await;
        let first = to(&gateway, &upstream).spawn();
        let mut exchange = upstream.next().await;
        let answered = Instant::now();
        exchange.raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
        assert_eq!(first.reply().await.text(), "ok");
        let second = to(&gateway, &upstream).spawn();
        // The upstream had not announced it.
        tokio::time::sleep(Duration::from_millis(2)).await;
        exchange.close();
        if answered.elapsed() > HALF_A_REST {
            // On a machine this busy the connection may have been reused before it was known to be closed.
            second.hang_up();
            continue;
        }
        upstream.next().await.answer(Answer::new(200, &[], "ok")).await;
        assert_eq!(second.reply().await.text(), "ok");
        return;
    }
    panic!("the machine is too busy for this test");
}

/// Of the time for which a connection rests after a stream.
const HALF_A_REST: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_connection_the_upstream_closed_meanwhile_is_replaced() {
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
async fn events_pass_one_by_one() {
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
async fn a_caller_that_hangs_up_ends_the_request_upstream() {
    let mut upstream = Upstream::by_hand().await;
    let gateway = start().await;

    // While the upstream is silent before its answer,
    let call = to(&gateway, &upstream).spawn();
    let mut exchange = upstream.next().await;
    call.hang_up();
    exchange.closed().await;

    // and within it.
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
async fn an_upstream_that_dies_within_its_answer_is_noticed() {
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
async fn failures_have_their_names() {
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
async fn silence_between_two_events_has_its_limit() {
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
async fn connecting_has_its_limit() {
    // A listener that never accepts, its queue full.
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
