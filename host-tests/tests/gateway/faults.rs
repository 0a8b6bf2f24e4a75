//! Every failure of an upstream, with every policy, plain and streamed. Each combination has one outcome; none hangs and
//! none traps.

use std::sync::Arc;
use std::time::Duration;

use host_tests::{Answer, Gateway, Reply, Upstream};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ALL_VERSIONS, ServerConfig};

use super::{CHAT, KEYS, assert_untrapped, error};

/// What a caller sees of a failure of the first target.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The good response of the next target; without a next target, an error of the gateway with one of these statuses.
    Failover(&'static [u16]),
    /// The good response of the next target; without a next target, the upstream's own error with this status.
    LastError(u16),
    /// The upstream's own error with this status, without an attempt at the next target.
    Returned(u16),
    /// A good head, and the end is missing: reported in an event, or by a broken connection.
    Broken,
}

use Outcome::{Broken, Failover, LastError, Returned};

const GOOD: &str = r#"{"choices":[{"index":0,"delta":{},"message":{},"finish_reason":"stop"}]}"#;
const NO: &str = r#"{"error":{"message":"No.","type":"server_error","param":null,"code":null}}"#;
const STREAM: [(&str, &str); 1] = [("content-type", "text/event-stream")];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn good(stream: bool) -> Answer {
    match stream {
        true => Answer::events([GOOD, "[DONE]"]),
        false => Answer::new(200, &JSON, GOOD),
    }
}

/// The beginning of a good chunked response: one event of a stream, or more of a JSON body than the gateway holds back.
fn begun(stream: bool) -> Vec<u8> {
    let (kind, body) = match stream {
        true => ("text/event-stream", format!("data: {GOOD}\n\n")),
        false => ("application/json", format!(r#"{{"choices":[],"filling":"{}"#, "x".repeat(200_000))),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n");
    format!("{head}{:x}\r\n{body}\r\n", body.len()).into_bytes()
}

fn begun_and(stream: bool, rest: &str) -> Answer {
    Answer::raw([&begun(stream), rest.as_bytes()].concat())
}

/// A gateway with a model for each policy: the faulty upstream is tried first; except for `single` a good one follows.
async fn gateway(faulty: &str, good: &Upstream) -> Gateway {
    let target = |upstream: &str| json!({"upstream": upstream});
    let timeouts = json!({"connect_ms": 400, "first_byte_ms": 400, "between_bytes_ms": 400});
    let config = json!({
        "upstreams": {
            "faulty": {"url": faulty, "timeouts": timeouts, "key": SECRETS[0], "headers": {"x-secret": SECRETS[1]}},
            "good": {"url": good.url("/v1"), "key": SECRETS[2]},
        },
        "models": {
            "single": {"targets": [target("faulty")]},
            "failover": {"targets": [target("faulty"), target("good")]},
            "weighted": {"policy": "weighted", "targets": [
                {"upstream": "good", "weight": 0}, {"upstream": "faulty", "weight": 1},
            ]},
        },
    });
    Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await
}

/// Texts that must not be in a response or in the log.
const SECRETS: [&str; 4] = ["sk-faulty-0c55e9d1", "header-secret-7e21", "sk-good-93ab0f44", super::KEY];

fn assert_discreet(cell: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{cell}: {secret} in {text}");
    }
}

async fn each_cell(name: &str, faulty: &str, stream: bool, outcome: Outcome) {
    let next = Upstream::answering(good(stream)).await;
    let gateway = gateway(faulty, &next).await;
    for model in ["single", "failover", "weighted"] {
        let cell = format!("{name} × {model} × {}", if stream { "stream" } else { "plain" });
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let began = std::time::Instant::now();
        let reply = gateway.post(CHAT, &body).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{cell} takes {:?}", began.elapsed());
        check(&cell, outcome, model != "single", stream, &reply);
        assert_discreet(&cell, &format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body)));
    }
    let lines = gateway.log(|line| line.contains("\"weighted\"")).await;
    assert!(!lines.is_empty());
    assert_discreet(name, &gateway.logs().concat());
    assert_untrapped(&gateway);
    for instance in gateway.idle_instances() {
        assert!(instance.memory < 10 << 20, "{name}: {} bytes", instance.memory);
    }
}

fn check(cell: &str, outcome: Outcome, has_next: bool, stream: bool, reply: &Reply) {
    let attempts = reply.header("x-portcullis-attempts");
    let error = |reply: &Reply| -> Value { reply.json()["error"].clone() };
    match outcome {
        Failover(_) | LastError(_) if has_next => {
            assert_eq!((reply.status, attempts), (200, Some("2")), "{cell}: {reply:?}");
            assert_eq!(reply.header("x-portcullis-target"), Some("good"), "{cell}: {reply:?}");
            assert!(reply.text().contains(GOOD) && reply.broken.is_none(), "{cell}: {reply:?}");
        }
        Failover(statuses) => {
            assert!(statuses.contains(&reply.status), "{cell}: {reply:?}");
            assert!(error(reply).is_object() && attempts == Some("1"), "{cell}: {reply:?}");
            assert!(reply.header("location").is_none(), "{cell}: {reply:?}");
        }
        LastError(status) | Returned(status) => {
            assert_eq!((reply.status, attempts), (status, Some("1")), "{cell}: {reply:?}");
            assert_eq!(reply.text(), NO, "{cell}: {reply:?}");
            assert_eq!(
                reply.header("retry-after").is_some(),
                cell.contains("Retry-After"),
                "{cell}: {reply:?}"
            );
        }
        Broken => {
            assert_eq!((reply.status, attempts), (200, Some("1")), "{cell}: {} bytes", reply.body.len());
            match stream {
                true => {
                    let events = reply.events();
                    assert!(reply.broken.is_none() && events[0] == GOOD, "{cell}: {reply:?}");
                    let last: Value = serde_json::from_str(&events[events.len() - 1]).expect(cell);
                    assert_eq!(last["error"]["type"], "server_error", "{cell}: {reply:?}");
                }
                false => assert!(reply.broken.is_some(), "{cell}: {} bytes", reply.body.len()),
            }
        }
    }
}

/// A name, the upstream's response to a plain or streamed request, and the outcome.
type Fault = (&'static str, fn(bool) -> Answer, Outcome);

/// Asserts the outcome of each failure, plain and streamed.
async fn each(faults: Vec<Fault>) {
    for (name, answer, outcome) in faults {
        for stream in [false, true] {
            let upstream = Upstream::answering(answer(stream)).await;
            each_cell(name, &upstream.url("/v1"), stream, outcome).await;
        }
    }
}

#[tokio::test]
async fn upstreams_that_cannot_be_reached() {
    let (_socket, refusing) = Upstream::refusing();
    let plain = Upstream::answering(Answer::new(200, &JSON, GOOD)).await;
    let no_tls = plain.url("/v1").replace("http://", "https://");
    for stream in [false, true] {
        each_cell("refused", &refusing, stream, Failover(&[502])).await;
        each_cell("no TLS", &no_tls, stream, Failover(&[502, 504])).await;
        // A discard-only prefix (RFC 6666): most systems have no route to it, others wait for a response.
        each_cell("unroutable", "http://[100::1]:9/v1", stream, Failover(&[502, 504])).await;
        each_cell("no such host", "http://upstream.invalid/v1", stream, Failover(&[502, 504])).await;
    }
}

/// A listener that accepts no connection because its queue is full, as long as the returned sockets live.
async fn full_queue() -> (TcpListener, Vec<TcpStream>, String) {
    let socket = TcpSocket::new_v4().expect("sockets can be had");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port can be had");
    let listener = socket.listen(1).expect("it is bound");
    let addr = listener.local_addr().expect("it is bound");
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(addr)).await {
        waiting.push(stream.expect("the queue is not full yet"));
        assert!(waiting.len() < 1000, "the queue has a limit");
    }
    (listener, waiting, format!("http://{addr}/v1"))
}

#[tokio::test]
async fn upstreams_that_accept_no_connection() {
    let (_listener, _waiting, url) = full_queue().await;
    for stream in [false, true] {
        each_cell("connect timeout", &url, stream, Failover(&[504])).await;
    }
}

#[tokio::test]
async fn upstreams_with_an_untrusted_certificate() {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../host/tls/server.pem")).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../host/tls/server.key")).expect("PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(ALL_VERSIONS)
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/v1", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            assert!(acceptor.accept(stream).await.is_err(), "the gateway must not trust it");
        }
    });
    for stream in [false, true] {
        each_cell("TLS failure", &url, stream, Failover(&[502])).await;
    }
}

#[tokio::test]
async fn upstreams_that_answer_with_an_error() {
    let mut faults: Vec<Fault> = vec![
        ("400", |_| Answer::new(400, &JSON, NO), Returned(400)),
        ("401", |_| Answer::new(401, &JSON, NO), Returned(401)),
        ("404", |_| Answer::new(404, &JSON, NO), Returned(404)),
        ("408", |_| Answer::new(408, &JSON, NO), LastError(408)),
        ("409", |_| Answer::new(409, &JSON, NO), LastError(409)),
        ("429", |_| Answer::new(429, &JSON, NO), LastError(429)),
        ("500", |_| Answer::new(500, &JSON, NO), LastError(500)),
        ("502", |_| Answer::new(502, &JSON, NO), LastError(502)),
        ("503", |_| Answer::new(503, &JSON, NO), LastError(503)),
        ("529", |_| Answer::new(529, &JSON, NO), LastError(529)),
    ];
    faults.push((
        "429 with Retry-After",
        |_| Answer::new(429, &[("content-type", "application/json"), ("retry-after", "1")], NO),
        LastError(429),
    ));
    faults.push((
        "redirect 302",
        |_| Answer::new(302, &[("location", "http://127.0.0.1:1/")], "x"),
        Failover(&[502]),
    ));
    faults.push((
        "redirect 308",
        |_| Answer::new(308, &[("location", "http://127.0.0.1:1/")], ""),
        Failover(&[502]),
    ));
    faults.push(("200 with an error body", |_| Answer::new(200, &JSON, NO), LastError(502)));
    faults.push(("200 with an error as first event", |_| Answer::events([NO, "[DONE]"]), LastError(502)));
    each(faults).await;
}

#[tokio::test]
async fn upstreams_that_fail_before_the_first_byte_of_content() {
    each(vec![
        ("first-byte timeout", |_| Answer::stall(), Failover(&[504])),
        ("reset before the head", |_| Answer::reset(), Failover(&[502])),
        ("no HTTP", |_| Answer::raw("SSH-2.0\r\n"), Failover(&[502])),
        (
            "a header of 10 MB",
            |_| Answer::raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(10 << 20))),
            Failover(&[502]),
        ),
        ("reset within short JSON", |_| Answer::new(200, &JSON, GOOD).cut().then_reset(), Failover(&[502])),
        ("reset before the first event", |_| Answer::events([": x"]).cut().then_reset(), Failover(&[502])),
        ("truncated first chunk", |_| chunked("ff\r\n{\"choices\""), Failover(&[502])),
        ("bad size of the first chunk", |_| chunked("zz\r\n{}"), Failover(&[502])),
        (
            "stall before the first event",
            |_| Answer::new(200, &STREAM, "x").cut().then_stall(),
            Failover(&[504]),
        ),
        ("invalid JSON", |_| Answer::new(200, &JSON, "{\"choices\":[}"), Failover(&[502])),
        ("invalid first event", |_| Answer::events(["{\"choices\":[}"]), Failover(&[502])),
        ("invalid UTF-8", |_| Answer::new(200, &JSON, b"{\"a\":\"\xff\xfe\"}"), Failover(&[502])),
        (
            "invalid UTF-8 in the first event",
            |_| Answer::new(200, &STREAM, b"data: {\"a\":\"\xff\xfe\"}\n\n"),
            Failover(&[502]),
        ),
        ("no event", |_| Answer::new(200, &STREAM, ""), Failover(&[502])),
    ])
    .await;
}

/// It is too long to be held back and checked, so it is forwarded, and no other target can be tried.
#[tokio::test]
async fn an_endless_first_event_is_followed_by_an_error_event() {
    let endless = format!("data: {}", "x".repeat(3 << 20));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let upstream = Upstream::answering(Answer::raw(format!("{head}{endless}"))).await;
    let next = Upstream::answering(good(true)).await;
    let gateway = gateway(&upstream.url("/v1"), &next).await;
    let body = json!({"model": "failover", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let reply = gateway.post(CHAT, &body).await;
    assert_eq!((reply.status, &reply.broken), (200, &None));
    let text = reply.text();
    let last = text.strip_prefix(&*endless).and_then(|rest| rest.strip_prefix("\n\ndata: "));
    let last: Value = serde_json::from_str(last.expect("a separate event")).expect("JSON");
    assert_eq!(last["error"]["code"], "upstream_unavailable");
    assert!(gateway.idle_instances().iter().all(|instance| instance.memory < 10 << 20));
}

/// A chunked JSON response that consists of these bytes, which may be incomplete.
fn chunked(bytes: &str) -> Answer {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    Answer::raw(format!("{head}{bytes}"))
}

#[tokio::test]
async fn upstreams_that_fail_midway() {
    each(vec![
        ("closed", |stream| begun_and(stream, ""), Broken),
        ("reset", |stream| begun_and(stream, "").then_reset(), Broken),
        ("stall", |stream| begun_and(stream, "").then_stall(), Broken),
        ("truncated chunk", |stream| begun_and(stream, "40\r\ndata: {\"choi"), Broken),
        ("bad chunk size", |stream| begun_and(stream, "zz\r\ndata: x"), Broken),
    ])
    .await;
}

/// Failures that are visible only in the content of a stream.
#[tokio::test]
async fn streams_that_are_incomplete_despite_a_clean_end() {
    let open = GOOD.replace("\"stop\"", "null");
    for (name, rest) in [
        ("ends without telling so", &b""[..]),
        ("malformed event", b"data: {\n\n"),
        ("invalid UTF-8", b"data: {\"a\":\"\xc3\x28\"}\n\n"),
        ("half an event", b"data: {\"choices\":"),
    ] {
        let body = [format!("data: {open}\n\n").as_bytes(), rest].concat();
        let upstream = Upstream::answering(Answer::new(200, &STREAM, body)).await;
        let next = Upstream::answering(good(true)).await;
        let gateway = gateway(&upstream.url("/v1"), &next).await;
        let body =
            json!({"model": "failover", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
        let reply = gateway.post(CHAT, &body).await;
        let events = reply.events();
        assert_eq!((events.len(), &*events[0]), (2, &*open), "{name}: {reply:?}");
        let last: Value = serde_json::from_str(&events[1]).expect(name);
        assert_eq!(last["error"]["code"], "upstream_unavailable", "{name}: {reply:?}");
        let line = gateway.log(|line| line.contains("\"broken\"")).await;
        assert!(line.contains("\"level\":\"error\""), "{line}");
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn an_endless_response_takes_no_memory_and_ends_with_its_caller() {
    for (kind, model) in ["text/event-stream", "application/json"]
        .into_iter()
        .flat_map(|kind| ["single", "failover", "weighted"].map(|model| (kind, model)))
    {
        let mut upstream = Upstream::by_hand().await;
        let next = Upstream::answering(good(true)).await;
        let gateway = gateway(&upstream.url("/v1"), &next).await;
        let stream = kind == STREAM[0].1;
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let call = gateway.post(CHAT, &body).spawn();
        let mut exchange = upstream.next().await;
        exchange.head(200, &[("content-type", kind)]).await;
        let filling = "x".repeat(60_000);
        let event = match stream {
            true => format!("data: {{\"choices\":[],\"filling\":\"{filling}\"}}\n\n"),
            false => {
                exchange.chunk("{\"choices\":[],\"filling\":\"").await;
                filling
            }
        };
        for _ in 0..4 {
            exchange.chunk(&event).await;
        }
        let mut live = call.live().await;
        assert_eq!((live.status, live.header("x-portcullis-attempts")), (200, Some("1")), "{kind} × {model}");
        for _ in 0..200 {
            exchange.chunk(&event).await;
            let mut got = 0;
            while got < event.len() - 1000 {
                got += live.piece().await.expect("it goes on").expect("it goes on").len();
            }
        }
        live.hang_up();
        // Bytes in transit may still be accepted.
        while exchange.try_raw(format!("{:x}\r\n{event}\r\n", event.len())).await {}
        assert_untrapped(&gateway);
        gateway.log(|line| line.starts_with('{')).await;
        for instance in gateway.idle_instances() {
            assert!(instance.memory < 8 << 20, "{kind}: {} bytes", instance.memory);
        }
    }
}

#[tokio::test]
async fn an_endless_stream_in_place_of_a_whole_answer_is_not_gathered() {
    let mut upstream = Upstream::by_hand().await;
    let next = Upstream::answering(good(false)).await;
    let gateway = gateway(&upstream.url("/v1"), &next).await;
    let body = json!({"model": "single", "messages": [{"role": "user", "content": "hi"}]});
    let call = gateway.post(CHAT, &body).spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &STREAM).await;
    let delta = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": "x".repeat(60_000)}, "finish_reason": null}]});
    let event = format!("data: {delta}\n\n");
    while exchange.try_raw(format!("{:x}\r\n{event}\r\n", event.len())).await {}
    assert_eq!(call.live().await.status, 502);
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn the_error_of_an_unreachable_upstream_is_complete() {
    let (_socket, refusing) = Upstream::refusing();
    let next = Upstream::answering(good(false)).await;
    let gateway = gateway(&refusing, &next).await;
    let reply = gateway
        .post(CHAT, &json!({"model": "single", "messages": [{"role": "user", "content": "hi"}]}))
        .await;
    assert_eq!(error(&reply)["code"], "upstream_unavailable");
    let line = gateway.log(|line| line.contains("\"attempts\":1")).await;
    assert!(line.contains("faulty: ErrorCode::ConnectionRefused"), "{line}");
}
