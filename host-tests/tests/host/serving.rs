//! Callers and instances.

use std::time::Duration;

use host_tests::{Gateway, IdleInstance, Options, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{start, start_with};

#[tokio::test]
async fn only_the_settings_reach_the_guest() {
    let settings = vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x=y".to_owned())];
    let gateway = start_with(Options { settings, ..Gateway::options() }).await;
    assert_eq!(gateway.get("/settings").await.text(), "A=1\nB=x=y");
}

#[tokio::test]
async fn an_instance_serves_up_to_the_reuse_limit() {
    let gateway = start_with(Options { reuse: 3, ..Gateway::options() }).await;
    let mut served = Vec::new();
    for number in 1..=7 {
        served.push(gateway.get("/served").await.text().to_owned());
        // An instance becomes idle a moment after its response is sent, but not once it has reached the limit.
        if number % 3 != 0 {
            settled(&gateway).await;
        }
    }
    assert_eq!(served, ["1", "2", "3", "1", "2", "3", "1"]);
    assert_eq!(gateway.instances_made(), 3);
}

#[tokio::test]
async fn instances_are_fresh_with_a_reuse_of_one() {
    let gateway = start_with(Options { reuse: 1, ..Gateway::options() }).await;
    for _ in 0..3 {
        assert_eq!(gateway.get("/served").await.text(), "1");
    }
    assert_eq!(gateway.idle_instances(), []);
}

#[tokio::test]
async fn concurrent_requests_have_separate_instances() {
    let gateway = start().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut live = gateway.get("/events").live().await;
        assert_eq!(live.event().await.as_deref(), Some("0"));
        streams.push(live);
    }
    assert_eq!(gateway.instances_made(), 20);
}

#[tokio::test]
async fn the_memory_of_an_instance_is_reported() {
    let gateway = start().await;
    gateway.get("/fixed").await;
    let before = settled(&gateway).await;
    gateway.get("/grow").await;
    let after = settled(&gateway).await;
    assert_eq!((before.served, after.served), (1, 2));
    assert!(after.memory >= before.memory + (1 << 20), "{before:?} {after:?}");
}

#[tokio::test]
async fn a_trap_is_an_error_object_and_ends_one_instance() {
    let gateway = start().await;
    for path in ["/trap", "/silent"] {
        let reply = gateway.get(path).await;
        assert_eq!(reply.status, 500, "{path}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let want = r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#;
        assert_eq!(reply.text(), want, "{path}");
        let id = reply.header("x-request-id").expect("every response has one").to_owned();
        let line = gateway.log(|line| line.contains(&id)).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["url.path"], &line["level"]), (&path.into(), &"error".into()));
        assert_eq!(
            (&line["http.request.method"], &line["http.response.status_code"]),
            (&"GET".into(), &500.into())
        );
    }
    // Anthropic's SDKs read its own format.
    let reply = gateway.call("POST", "/v1/messages?trap").header("x-request-id", "mine").await;
    assert_eq!(
        (reply.status, reply.header("request-id"), reply.header("x-request-id")),
        (500, Some("mine"), Some("mine"))
    );
    let want = r#"{"type":"error","error":{"type":"api_error","message":"The server had an error while processing your request."},"request_id":"mine"}"#;
    assert_eq!(reply.text(), want);
    gateway.log(|line| line.contains("trapped")).await;
    gateway.log(|line| line.contains("without a response")).await;
    assert_eq!(gateway.get("/fixed").await.text(), "a fixed answer");
}

#[tokio::test]
async fn what_is_no_http_is_logged() {
    let gateway = start().await;
    let many: String = (0..200).map(|i| format!("x-{i}: 1\r\n")).collect();
    for (head, status) in
        [("no HTTP\r\n\r\n".to_owned(), 400), (format!("GET / HTTP/1.1\r\nhost: h\r\n{many}\r\n"), 431)]
    {
        let answer = raw(&gateway, &head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let line =
            gateway.log(|line| line.contains(&format!(r#""http.response.status_code":{status}"#))).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line["reason"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn half_a_response_is_incomplete_for_the_caller() {
    let gateway = start().await;
    let reply = gateway.get("/trap-later").await;
    assert_eq!((reply.status, reply.text()), (200, "half an answer"));
    assert!(reply.broken.is_some());
}

#[tokio::test]
async fn a_disconnect_of_the_caller_stops_the_guest() {
    let gateway = start().await;
    let mut live = gateway.get("/events").live().await;
    live.event().await;
    live.hang_up();
    gateway.log(|line| line.starts_with("stopped by")).await;
    assert_eq!(gateway.get("/served").await.text(), "2");
}

#[tokio::test]
async fn a_response_before_the_end_of_a_large_body_arrives() {
    let gateway = start().await;
    let body = vec![b'x'; 30 << 20];
    let reply = gateway.call("POST", "/fixed").body(body.clone()).await;
    assert_eq!(reply.text(), "a fixed answer");
    let reply = gateway.call("POST", "/read").body(body).await;
    assert_eq!(reply.text(), (30 << 20).to_string());
}

#[tokio::test]
async fn a_caller_that_expects_100_continue_may_be_refused_without_sending() {
    let gateway = start().await;
    let head = "POST /fixed HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n";
    let answer = raw(&gateway, head).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("a fixed answer"), "{answer}");
}

#[tokio::test]
async fn the_host_header_is_required_as_in_rfc_9112() {
    let gateway = start().await;
    for (head, want) in [
        ("GET /fixed HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n"),
        ("GET /fixed HTTP/1.1\r\nconnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
        ("GET http://h/fixed HTTP/1.1\r\nconnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        (
            "GET /fixed HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
        ),
        ("GET /fixed HTTP/1.1\r\nhost: \u{e9}\r\nconnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
    ] {
        let answer = raw(&gateway, head).await;
        assert!(answer.starts_with(want), "{head:?} {answer:?}");
    }
}

#[tokio::test]
async fn stopping_lets_running_responses_finish() {
    let mut gateway = start().await;
    let mut live = gateway.get("/events").live().await;
    live.event().await;
    // Neither of these connections has a request in progress.
    let _silent = TcpStream::connect(gateway.addr()).await.unwrap();
    gateway.stop();
    while TcpStream::connect(gateway.addr()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(live.event().await.is_some());
    live.hang_up();
    gateway.stopped().await;
}

#[tokio::test]
async fn a_guest_finishes_its_work_after_the_response_before_the_server_ends() {
    let mut gateway = start().await;
    assert_eq!(gateway.get("/late").await.text(), "a fixed answer");
    gateway.stop();
    gateway.stopped().await;
    assert_eq!(gateway.logs(), ["late"]);
}

/// Waits for the only instance to be idle.
async fn settled(gateway: &host_tests::Gateway) -> IdleInstance {
    let idle = async {
        loop {
            if let [instance] = gateway.idle_instances()[..] {
                return instance;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.expect("the instance becomes idle")
}

/// Sends these bytes and reads until the connection is closed.
async fn raw(gateway: &host_tests::Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}
