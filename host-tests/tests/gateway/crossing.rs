//! Which header fields are forwarded on the wire, in each direction, in any spelling.

use std::time::Duration;

use host_tests::{Answer, Gateway, Upstream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ANSWER, CHAT, KEY, KEYS, assert_untrapped, chat};

const UPSTREAM_KEY: &str = "sk-upstream-b7e20f55";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn before(upstream: &Upstream) -> Gateway {
    let url = upstream.url("/v1");
    let settings = [KEYS, ("PORTCULLIS_UPSTREAM_URL", &*url), ("PORTCULLIS_UPSTREAM_KEY", UPSTREAM_KEY)];
    Gateway::start(&settings).await
}

/// Sends raw bytes, and reads until the connection is closed or silent.
async fn raw(gateway: &Gateway, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway.addr()).await.expect("it listens");
    stream.write_all(request).await.expect("taken");
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece))
        .await
        .map(|read| read.inspect(|length| answer.extend_from_slice(&piece[..*length])))
    {}
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_caller_cannot_inject_a_field() {
    let upstream = Upstream::answering(Answer::new(200, &JSON, ANSWER)).await;
    let gateway = before(&upstream).await;
    let body = chat("hi").to_string();
    for field in [
        "x-a: b\rauthorization: Bearer sk-injected",
        "x-a: b\0authorization: Bearer sk-injected",
        "x-a: b\r\n authorization: Bearer sk-injected",
        "x-a: b\nauthorization: Bearer sk-injected",
        "x-request-id: a\rauthorization: Bearer sk-injected",
        "traceparent: 00-x\0authorization: Bearer sk-injected",
        "x-request-id: a b\x0bauthorization: Bearer sk-injected",
        "x a: b",
        "x-ä: b",
    ] {
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{field}\r\n\r\n{body}",
            body.len()
        );
        let answer = raw(&gateway, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{field:?}: {answer:?}");
        assert!(!answer.contains("sk-injected"), "{field:?}: {answer:?}");
    }
    for request in upstream.requests() {
        let keys: Vec<_> = request.headers.get_all("authorization").iter().collect();
        assert_eq!(keys, [&*format!("Bearer {UPSTREAM_KEY}")], "{request:?}");
    }
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn an_upstream_cannot_inject_a_field() {
    for field in [
        "x-ratelimit-a: b\rset-cookie: injected=1",
        "x-ratelimit-a: b\0set-cookie: injected=1",
        "x-ratelimit-a: b\nset-cookie: injected=1",
        "x-ratelimit-a: b\r\n set-cookie: injected=1",
        "openai-x: b\r\nset-cookie: injected=1",
        "content-type: application/json\x0bset-cookie: injected=1",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{field}\r\ncontent-length: 2\r\n\r\n{{}}");
        let upstream = Upstream::answering(Answer::raw(answer)).await;
        let gateway = before(&upstream).await;
        let body = chat("hi").to_string();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = raw(&gateway, head.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 502"),
            "{field:?}: {answer}"
        );
        let lines = answer.split(['\r', '\n']);
        assert!(!lines.into_iter().any(|line| line.starts_with("set-cookie")), "{field:?}: {answer}");
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn a_model_s_name_stays_one_segment_of_azure_s_path() {
    let upstream = Upstream::answering(Answer::new(200, &JSON, ANSWER)).await;
    let config = json!({
        "upstreams": {"az": {"url": upstream.url(""), "api": "azure", "key": UPSTREAM_KEY}},
        "models": {"*": {"targets": [{"upstream": "az"}]}},
    });
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
    for (model, segment) in [
        ("a\r\nx-injected: 1\r\n\r\nb", "a%0D%0Ax-injected%3A%201%0D%0A%0D%0Ab"),
        ("a/../../b?c#d", "a%2F..%2F..%2Fb%3Fc%23d"),
        ("é\0", "%C3%A9%00"),
    ] {
        let mut body = chat("hi");
        body["model"] = json!(model);
        assert_eq!(gateway.post(CHAT, &body).await.status, 200, "{model:?}");
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        let path = format!("/openai/deployments/{segment}/chat/completions?api-version=2024-10-21");
        assert_eq!((&*seen.path, seen.header("x-injected")), (&*path, None));
        assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()));
    }
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn hop_by_hop_fields_are_not_forwarded() {
    let headers = [
        ("content-type", "application/json"),
        ("connection", "keep-alive, x-ratelimit-hop"),
        ("x-ratelimit-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("upgrade", "h2c"),
        ("x-ratelimit-end", "2"),
    ];
    let upstream = Upstream::answering(Answer::new(200, &headers, ANSWER)).await;
    let gateway = before(&upstream).await;
    for path in [CHAT, "/v1/files"] {
        let call = gateway.post(path, &chat("hi")).header("connection", "te, x-hop");
        let call =
            call.header("te", "trailers").header("proxy-authorization", "Basic x").header("x-end", "2");
        let call = call.header("x-hop", "1");
        let reply = call.header("accept-encoding", "gzip").header("keep-alive", "timeout=9").await;
        for (name, want) in [
            ("proxy-authenticate", None),
            ("upgrade", None),
            ("x-ratelimit-hop", None),
            ("x-ratelimit-end", Some("2")),
        ] {
            assert_eq!(reply.header(name), want, "{path}: {name}");
        }
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        // `Connection` names it, and the host removes both; Wasmtime alone would remove only `Connection`.
        for (name, want) in [
            ("te", None),
            ("x-hop", None),
            ("proxy-authorization", None),
            ("keep-alive", None),
            ("x-end", Some("2")),
        ] {
            assert_eq!(seen.header(name), want, "{path}: {name}");
        }
        assert_ne!(seen.header("accept-encoding"), Some("gzip"), "{path}");
    }
}

#[tokio::test]
async fn a_response_with_trailers_is_complete() {
    for kind in ["application/json", "text/event-stream", "text/plain"] {
        let body = if kind == "text/event-stream" { r#"{"choices":[]}"# } else { ANSWER };
        let sent = match kind {
            "text/event-stream" => format!("data: {body}\n\ndata: [DONE]\n\n"),
            _ => body.to_owned(),
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
             {:x}\r\n{sent}\r\n0\r\nx-sum: 1\r\nset-cookie: a=b\r\n\r\n",
            sent.len()
        );
        let upstream = Upstream::answering(Answer::raw(answer)).await;
        let gateway = before(&upstream).await;
        let mut request = chat("hi");
        request["stream"] = (kind == "text/event-stream").into();
        let reply = gateway.post(CHAT, &request).await;
        assert_eq!((reply.status, reply.text(), &reply.broken), (200, &*sent, &None), "{kind}");
        assert_eq!((reply.header("trailer"), reply.header("set-cookie")), (None, None), "{kind}");
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn a_compressed_response_keeps_its_encoding_and_length() {
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xfe];
    for (path, kind) in
        [(CHAT, "application/json"), (CHAT, "text/event-stream"), ("/v1/audio/x", "audio/mpeg")]
    {
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        let upstream = Upstream::answering(Answer::new(200, &headers, packed)).await;
        let gateway = before(&upstream).await;
        let reply = gateway.post(path, &chat("hi")).await;
        assert_eq!((reply.status, &*reply.body), (200, &packed[..]));
        assert_eq!(
            (reply.header("content-encoding"), reply.header("content-length")),
            (Some("gzip"), Some("12"))
        );
    }
}

#[tokio::test]
async fn content_length_matches_the_forwarded_body() {
    let long = format!(r#"{{"choices":[{{}}],"filling":"{}"}}"#, "x".repeat(200_000));
    for body in [ANSWER, &long] {
        let upstream = Upstream::answering(Answer::new(200, &JSON, body)).await;
        let config = json!({
            "upstreams": {"up": {"url": upstream.url("/v1")}},
            "models": {"gpt-4o": {"targets": [{"upstream": "up", "model": "a-much-longer-name-\"é\""}]}},
        });
        let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]).await;
        let reply = gateway.post(CHAT, &chat("hi")).await;
        assert_eq!((reply.header("content-length"), &reply.broken), (Some(&*body.len().to_string()), &None));
        let seen = &upstream.requests()[0];
        assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()));
        assert_eq!(seen.json()["model"], "a-much-longer-name-\"é\"");
    }
}

#[tokio::test]
async fn other_methods_pass_through() {
    let upstream =
        Upstream::answering(Answer::new(200, &[("content-length", "5"), ("allow", "GET")], "")).await;
    let gateway = before(&upstream).await;
    // The response to a HEAD has a length but no body.
    for (method, path) in [("HEAD", "/v1/files?a=%0d%0ab&c=/../"), ("HEAD", "/v1/files/x")] {
        let reply = gateway.call(method, path).await;
        assert_eq!((reply.status, reply.body.len(), &reply.broken), (200, 0, &None), "{method} {path}");
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        assert_eq!((&*seen.method, &*seen.path), (method, path));
    }
    let upstream = Upstream::answering(Answer::new(200, &[("allow", "GET")], "ok")).await;
    let gateway = before(&upstream).await;
    for method in ["OPTIONS", "DELETE", "PATCH", "PUT"] {
        let reply = gateway.call(method, "/v1/files/x?y=1").body("z").await;
        assert_eq!((reply.status, reply.text(), reply.header("allow")), (200, "ok", Some("GET")), "{method}");
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        assert_eq!((&*seen.method, &*seen.path, &*seen.body), (method, "/v1/files/x?y=1", &b"z"[..]));
    }
    assert_untrapped(&gateway);
}

#[tokio::test]
async fn trace_context_is_forwarded() {
    let upstream = Upstream::answering(Answer::new(200, &JSON, ANSWER)).await;
    let gateway = before(&upstream).await;
    let trace = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("baggage", "user=7"),
    ];
    for path in [CHAT, "/v1/completions", "/v1/files"] {
        let mut body = chat("hi");
        body["prompt"] = json!("hi");
        let call =
            trace.iter().fold(gateway.post(path, &body), |call, (name, value)| call.header(name, value));
        assert_eq!(call.await.status, 200, "{path}");
        let requests = upstream.requests();
        let seen = requests.last().expect("a request");
        for (name, value) in trace {
            assert_eq!(seen.header(name), Some(value), "{path}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = Upstream::answering(Answer::new(200, &JSON, ANSWER)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url("/v1/files");
        let upstream = Upstream::answering(Answer::new(status, &[("location", &location)], "moved")).await;
        let gateway = before(&upstream).await;
        for (method, path) in [("GET", "/v1/files"), ("POST", "/v1/files"), ("POST", CHAT)] {
            let body = if method == "GET" { String::new() } else { chat("hi").to_string() };
            let reply =
                gateway.call(method, path).header("content-type", "application/json").body(body).await;
            assert_eq!((reply.status, reply.header("location")), (502, None), "{status} {method} {path}");
            assert!(!reply.text().contains(&location), "{status} {method} {path}: {reply:?}");
        }
        assert_untrapped(&gateway);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_upload_with_trailers_arrives() {
    let upstream = Upstream::answering(Answer::new(200, &JSON, ANSWER)).await;
    let gateway = before(&upstream).await;
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         trailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\ncookie: a\r\n\r\n"
    );
    let answer = raw(&gateway, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    let seen = &upstream.requests()[0];
    assert_eq!((&*seen.body, seen.header("trailer"), seen.header("cookie")), (&b"hello"[..], None, None));
    assert_untrapped(&gateway);
}
