//! Requests that are refused: each gets its documented error, and none affects the next request.

use host_tests::{Call, Gateway, Reply};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{CHAT, KEY, KEYS, assert_well, chat, error};

/// Makes a call that must be refused with this status and `code`, then one that must succeed.
async fn refused(call: impl FnOnce(&Gateway) -> Call, status: u16, code: Option<&str>) -> (Value, Reply) {
    let gateway = Gateway::start(&[KEYS]).await;
    let reply = call(&gateway).await;
    assert_eq!(reply.status, status, "{reply:?}");
    let error = error(&reply);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["code"], json!(code), "{error}");
    assert_well(&gateway).await;
    (error, reply)
}

fn message(error: &Value) -> &str {
    error["message"].as_str().expect("an error has a message")
}

/// A JSON body from text, which need not be JSON.
fn post(gateway: &Gateway, body: impl Into<Vec<u8>>) -> Call {
    gateway.call("POST", CHAT).header("content-type", "application/json").body(body.into())
}

#[tokio::test]
async fn a_body_of_30_megabytes() {
    let text = "a".repeat(30_000_000);
    let (error, _) =
        refused(|gateway| gateway.post(CHAT, &chat(&text)), 413, Some("request_too_large")).await;
    assert!(message(&error).contains("20971520"), "{error}");
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    for body in
        [&b""[..], b"{", b"hello", b"[]", b"null", b"{\"model\":\"gpt-4o\"}}", b"\xef\xbb\xbf{}", b"\0"]
    {
        refused(|gateway| post(gateway, body), 400, None).await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf_8() {
    let mut body = chat("caf?").to_string().into_bytes();
    let question_mark = body.iter().position(|byte| *byte == b'?').expect("it was just written");
    body[question_mark] = 0xe9; // é in Latin-1
    let (error, _) = refused(|gateway| post(gateway, body), 400, None).await;
    assert!(message(&error).starts_with("We could not parse the JSON body of your request."), "{error}");
}

#[tokio::test]
async fn json_nested_100_000_deep() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = format!("{open}{close}");
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let chat = r#""model":"gpt-4o","messages":[{"role":"user","content":"hi"}]"#;
    for body in [
        deep.clone(),
        open,
        objects.clone(),
        format!(r#"{{"model":{deep}}}"#),
        format!(r#"{{"model":"gpt-4o","messages":{deep}}}"#),
        format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{deep}}}]}}"#),
        format!(r#"{{{chat},"stop":{deep}}}"#),
        format!(r#"{{{chat},"metadata":{objects}}}"#),
        format!(r#"{{{chat},"unknown_parameter":{deep}}}"#),
    ] {
        let gateway = Gateway::start(&[KEYS]).await;
        let reply = post(&gateway, body.clone()).await;
        assert_eq!(reply.status, 400, "{body:.200}: {reply:?}");
        error(&reply);
        assert_well(&gateway).await;
    }
}

/// A deeply nested schema may be accepted or refused, but must not trap the instance.
#[tokio::test]
async fn a_schema_nested_100_000_deep() {
    let chat = r#""model":"gpt-4o","messages":[{"role":"user","content":"hi"}]"#;
    let objects = format!("{}{{}}{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000));
    let arrays = format!(r#"{{"anyOf":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for schema in [objects, arrays] {
        for more in [
            format!(r#""tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]"#),
            format!(r#""functions":[{{"name":"f","parameters":{schema}}}]"#),
            format!(
                r#""response_format":{{"type":"json_schema","json_schema":{{"name":"s","schema":{schema}}}}}"#
            ),
        ] {
            let gateway = Gateway::start(&[KEYS]).await;
            let reply = post(&gateway, format!("{{{chat},{more}}}")).await;
            assert!([200, 400].contains(&reply.status), "{more:.100}: {reply:?}");
            assert_well(&gateway).await;
        }
    }
}

#[tokio::test]
async fn an_unknown_path() {
    for path in ["/v1/files", "/v2/chat/completions", "/", "/v1/Models", "/v1%2Fmodels", "/v1/../v1/models"] {
        let (error, _) = refused(|gateway| gateway.get(path), 404, Some("unknown_url")).await;
        assert!(message(&error).starts_with(&format!("Unknown request URL: GET {path}. ")), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_model() {
    let mut body = chat("hi");
    body["model"] = json!("gpt-0");
    let (error, _) = refused(|gateway| gateway.post(CHAT, &body), 404, Some("model_not_found")).await;
    assert_eq!(message(&error), "The model `gpt-0` does not exist or you do not have access to it.");
    let (error, _) = refused(|gateway| gateway.get("/v1/models/gpt-0"), 404, Some("model_not_found")).await;
    assert_eq!((message(&error), &error["param"]), ("The model 'gpt-0' does not exist", &json!("model")));
}

#[tokio::test]
async fn no_key() {
    let (error, reply) = refused(|gateway| gateway.post(CHAT, &chat("hi")).no_key(), 401, None).await;
    assert!(message(&error).starts_with("You didn't provide an API key."), "{error}");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_wrong_key() {
    let wrong = "sk-0123456789abcdef";
    let call = |gateway: &Gateway| gateway.get("/v1/models").key(wrong);
    let (error, reply) = refused(call, 401, Some("invalid_api_key")).await;
    assert!(message(&error).contains(": sk-01234*******cdef."), "{error}");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_key_that_is_almost_right() {
    let longer = format!("{KEY}x");
    for key in [&KEY[..KEY.len() - 1], &longer, "", "é", &KEY.to_uppercase()] {
        let gateway = Gateway::start(&[KEYS]).await;
        assert_eq!(gateway.get("/v1/models").key(key).await.status, 401, "{key}");
        assert_well(&gateway).await;
    }
}

#[tokio::test]
async fn a_wrong_method() {
    for (method, path, allow) in [
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("POST", "/v1/models/gpt-4o", "GET, HEAD"),
        ("GET", CHAT, "POST"),
        ("PUT", "/v1/completions", "POST"),
        ("OPTIONS", CHAT, "POST"),
        ("PROPFIND", "/health", "GET, HEAD"),
    ] {
        let (_, reply) = refused(|gateway| gateway.call(method, path), 405, None).await;
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_content_type() {
    let call = |gateway: &Gateway| gateway.post(CHAT, &chat("hi")).header("content-type", "text/plain");
    let (error, _) = refused(call, 415, Some("unsupported_content_type")).await;
    assert!(message(&error).contains("'text/plain'"), "{error}");
}

#[tokio::test]
async fn a_compressed_body() {
    let gzipped = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    let call = |gateway: &Gateway| post(gateway, gzipped).header("content-encoding", "gzip");
    let (error, _) = refused(call, 415, Some("unsupported_content_type")).await;
    assert!(message(&error).contains("'gzip'"), "{error}");
    let call = |gateway: &Gateway| post(gateway, gzipped).header("content-encoding", "identity");
    let (error, _) = refused(call, 400, None).await;
    assert!(message(&error).starts_with("We could not parse the JSON body"), "{error}");
}

#[tokio::test]
async fn a_body_that_is_incomplete() {
    let gateway = Gateway::start(&[KEYS]).await;
    let mut caller = TcpStream::connect(gateway.addr()).await.expect("the gateway listens");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\ncontent-length: 100\r\n\r\n{{\"model\""
    );
    caller.write_all(head.as_bytes()).await.expect("the gateway reads");
    drop(caller);
    gateway.log(|line| line.contains("\"http.response.status_code\":400")).await;
    assert_well(&gateway).await;
}
