//! Header fields that are larger than hosts accept from a component.

use crate::fake::*;
use portcullis::http::{MAX_FIELDS, MAX_OUTGOING_FIELDS, field_size};

const OK: &str = r#"{"choices":[{"index":0,"message":{},"finish_reason":"stop"}]}"#;

const TWO_TARGETS: &str = r#"{
    "upstreams": {"a": {"url": "https://a.example/v1"}, "b": {"url": "https://b.example/v1"}},
    "models": {"m": {"targets": [{"upstream": "a"}, {"upstream": "b"}], "retries": 1}},
    "passthrough": "a"
}"#;

/// A value with which a field of this name exceeds the limit by `more` bytes.
fn value(name: &str, more: usize) -> String {
    "x".repeat(MAX_FIELDS + more - field_size(name, b""))
}

#[test]
fn a_request_with_too_many_bytes_of_fields_is_a_431_and_not_forwarded() {
    let large = value("x-large", 0);
    let many = "y".repeat(100);
    let forms: [Vec<(&str, &str)>; 2] = [
        vec![("x-large", large.as_str())],
        // Wasmtime counts fields as well as bytes.
        (0..MAX_FIELDS / 100).map(|_| ("x-many", many.as_str())).collect(),
    ];
    for path in ["/v1/chat/completions", "/v1/files"] {
        for fields in &forms {
            let fake = Fake::new(&[("a.example", &[Does::json(200, OK)]), ("b.example", &[])]);
            let got = send(&fake, TWO_TARGETS, &request("POST", path, fields), &body("m", false));
            assert_eq!(got.status, 431, "{path}: {}", got.body);
            let error: serde_json::Value = serde_json::from_str(&got.body).expect("an error object");
            assert_eq!(error["error"]["code"], "request_header_fields_too_large");
            assert!(fake.seen().is_empty());
        }
    }
    // The fields that the test itself sends count too.
    let fake = Fake::new(&[("a.example", &[Does::json(200, OK)]), ("b.example", &[])]);
    let most = "x".repeat(MAX_FIELDS - 1000);
    let got = send(&fake, TWO_TARGETS, &request("POST", "/v1/files", &[("x-large", &most)]), "{}");
    assert_eq!(got.status, 200);
    assert!(fake.seen()[0].headers.contains(&("x-large".to_owned(), most)));
}

#[test]
fn a_preflight_with_too_many_header_names_is_a_431_without_an_echo() {
    let fake = Fake::new(&[]);
    let vars = [("PORTCULLIS_API_KEYS", "sk-caller"), ("PORTCULLIS_CORS_ORIGINS", "*")];
    for (more, want) in [(0, 431), (200_000, 431)] {
        let wanted = value("access-control-request-headers", more);
        let fields = [("origin", "https://p"), ("access-control-request-headers", wanted.as_str())];
        let got = send_with(&fake, &vars, &request("OPTIONS", "/v1/chat/completions", &fields), "");
        assert_eq!(got.status, want);
        assert!(got.headers.size() < MAX_OUTGOING_FIELDS);
    }
    let fields = [("access-control-request-headers", "x-one, x-two")];
    let got = send_with(&fake, &vars, &request("OPTIONS", "/v1/chat/completions", &fields), "");
    assert_eq!((got.status, got.header("access-control-allow-headers")), (204, Some("x-one, x-two")));
}

#[test]
fn an_answer_with_too_many_bytes_of_fields_is_a_failed_attempt() {
    let large =
        || Does::json(200, OK).header("x-ratelimit-limit-tokens", &value("x-ratelimit-limit-tokens", 1));
    let fake = Fake::new(&[("a.example", &[large()]), ("b.example", &[Does::json(200, OK)])]);
    let got = send(&fake, TWO_TARGETS, &chat(), &body("m", false));
    assert_eq!((got.status, got.log["target"].as_str()), (200, Some("b")), "{}", got.log);

    let fake = Fake::new(&[("a.example", &[large()]), ("b.example", &[large()])]);
    let got = send(&fake, TWO_TARGETS, &chat(), &body("m", false));
    assert_eq!((got.status, got.header("x-ratelimit-limit-tokens")), (502, None));

    let fake = Fake::new(&[("a.example", &[large()]), ("b.example", &[])]);
    let got = send(&fake, TWO_TARGETS, &request("POST", "/v1/files", &[]), "{}");
    assert_eq!((got.status, got.header("x-ratelimit-limit-tokens")), (502, None));
    assert!(got.log.to_string().contains("header fields"), "{}", got.log);
}
