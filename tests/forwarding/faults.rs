//! Every failure of an upstream, with every policy, plain and streamed: each combination has one outcome.

use crate::fake::*;
use portcullis::http::ReadError;
use portcullis::transport::SendErrorKind;

/// What the caller sees of a failure of the first target.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// The good response of the next target; without a next target, this status.
    Failover(u16),
    /// This status, without an attempt at the next target.
    Returned(u16),
    /// A good head with an incomplete body. In a stream an event reports it; otherwise the connection breaks off.
    Broken,
}
use Outcome::*;

const GOOD: &str = r#"{"choices":[{"index":0,"delta":{},"message":{},"finish_reason":"stop"}]}"#;
const ERROR: &str = r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#;

fn good(stream: bool) -> Does {
    match stream {
        true => Does::stream(&[GOOD, "[DONE]"]),
        false => Does::json(200, GOOD),
    }
}

/// A stream, or a long plain response, that breaks off after its beginning.
fn breaking(stream: bool, timed_out: bool) -> Does {
    match stream {
        true => Does::stream(&[GOOD, GOOD]).breaks(timed_out),
        false => {
            Does::json(200, &format!(r#"{{"choices":[],"x":"{}""#, "x".repeat(70_000))).breaks(timed_out)
        }
    }
}

fn status(status: u16) -> Does {
    Does::json(status, ERROR)
}

type Fault = (&'static str, fn(bool) -> Does, [Outcome; 2]);

/// The failures: name, script, and the outcomes for a plain and for a streamed request.
const FAULTS: &[Fault] = &[
    ("refused", |_| Does::fails(SendErrorKind::Unreachable), [Failover(502); 2]),
    ("not allowed by the host", |_| Does::fails(SendErrorKind::Denied), [Failover(502); 2]),
    (
        "timeout of connecting or of the first byte",
        |_| Does::fails(SendErrorKind::Timeout),
        [Failover(504); 2],
    ),
    ("silence", |stream| good(stream).after(90_000), [Failover(504); 2]),
    ("an empty object", |_| Does::json(200, "{}"), [Failover(502); 2]),
    ("no choices", |_| Does::json(200, r#"{"id":"c","choices":[ ]}"#), [Failover(502); 2]),
    ("400", |_| status(400), [Returned(400); 2]),
    ("401", |_| status(401), [Returned(401); 2]),
    ("404", |_| status(404), [Returned(404); 2]),
    ("408", |_| status(408), [Failover(408); 2]),
    ("409", |_| status(409), [Failover(409); 2]),
    ("429", |_| status(429), [Failover(429); 2]),
    ("429 for a minute", |_| status(429).header("retry-after", "60"), [Failover(429); 2]),
    ("500", |_| status(500), [Failover(500); 2]),
    ("502", |_| status(502), [Failover(502); 2]),
    ("503", |_| status(503), [Failover(503); 2]),
    ("529", |_| status(529), [Failover(529); 2]),
    ("redirect", |_| status(307).header("location", "http://evil/v1"), [Failover(502); 2]),
    ("101", |_| status(101), [Failover(502); 2]),
    ("a status that is none", |_| status(600), [Failover(502); 2]),
    ("204", |_| Does::answer(204, "application/json", &[]), [Failover(502); 2]),
    (
        "reset before the end of a short response",
        |_| Does::json(200, "{\"choices\":[").breaks(false),
        [Failover(502); 2],
    ),
    ("reset before the first event", |_| Does::stream(&[]).breaks(false), [Failover(502); 2]),
    ("stall before the first event", |_| Does::stream(&[]).breaks(true), [Failover(504); 2]),
    ("no event at all", |_| Does::stream(&[]), [Failover(502); 2]),
    ("empty body", |_| Does::json(200, ""), [Failover(502); 2]),
    ("200 with an error", |_| Does::json(200, ERROR), [Failover(502); 2]),
    (
        "200 with an error caused by the caller",
        |_| Does::json(200, r#"{"error":{"code":400}}"#),
        [Returned(400); 2],
    ),
    ("200 with an error as first event", |_| Does::stream(&[ERROR]), [Failover(502); 2]),
    ("invalid JSON", |_| Does::json(200, "{\"choices\":[}"), [Failover(502); 2]),
    ("invalid first event", |_| Does::stream(&["{\"choices\""]), [Failover(502); 2]),
    (
        "invalid UTF-8",
        |_| Does { body: vec![(0, Ok(b"{\"a\":\"\xff\"}".to_vec()))], ..Does::json(200, "") },
        [Failover(502); 2],
    ),
    ("neither JSON nor a stream", |_| Does::answer(200, "text/html", &["<html>"]), [Failover(502); 2]),
    (
        "neither, and long",
        |_| Does::answer(200, "text/html", &["<".repeat(90_000).as_str()]),
        [Failover(502); 2],
    ),
    ("an array", |_| Does::json(200, "[]"), [Failover(502); 2]),
    ("an array of an error", |_| Does::json(200, r#"[{"error":{"code":503}}]"#), [Failover(503); 2]),
    ("500 in plain text", |_| Does::answer(500, "text/plain", &["busy"]), [Failover(500); 2]),
    ("404 in HTML", |_| Does::answer(404, "text/html", &["<html>"]), [Returned(404); 2]),
    ("401 without a body", |_| Does::answer(401, "text/plain", &[]), [Returned(401); 2]),
    (
        "error outside data",
        |_| Does::answer(200, "text/event-stream", &["error: {\"code\":503}\n\n"]),
        [Failover(503); 2],
    ),
    ("reset midway", |stream| breaking(stream, false), [Broken; 2]),
    ("stall midway", |stream| breaking(stream, true), [Broken; 2]),
];

const TARGETS: [(&str, &str); 3] = [
    ("single", r#""targets":[{"upstream":"a"}]"#),
    ("failover", r#""targets":[{"upstream":"a"},{"upstream":"b"}]"#),
    ("weighted", r#""targets":[{"upstream":"b","weight":0},{"upstream":"a"}],"policy":"weighted""#),
];

#[test]
fn each_failure_has_its_outcome() {
    for (name, fault, seen) in FAULTS {
        for (policy, targets) in TARGETS {
            for stream in [false, true] {
                let cell = format!("{name} × {policy} × {}", if stream { "stream" } else { "plain" });
                let fake = Fake::new(&[("a", &[fault(stream)]), ("b", &[good(stream)])]);
                let config = format!(
                    r#"{{"upstreams":{{"a":{{"url":"http://a/v1","timeouts":{{"first_byte_ms":9000}}}},
                        "b":{{"url":"http://b/v1"}}}},"models":{{"m":{{{targets}}}}}}}"#
                );
                let got = send(&fake, &config, &chat(), &body("m", stream));
                check(&cell, seen[usize::from(stream)], policy != "single", stream, &got, &fake);
            }
        }
    }
}

fn check(cell: &str, seen: Outcome, has_next: bool, stream: bool, got: &Got, fake: &Fake) {
    let attempts = fake.seen().len();
    let is_error = |got: &Got| {
        let body: serde_json::Value =
            serde_json::from_str(&got.body).unwrap_or_else(|e| panic!("{cell}: {e}: {got:?}"));
        body["error"].is_object()
    };
    match seen {
        Failover(_) if has_next => {
            assert_eq!((got.status, attempts, got.cut), (200, 2, false), "{cell}: {got:?}");
            assert!(got.body.contains(GOOD) && !got.body.contains("error"), "{cell}: {got:?}");
            assert!(got.log["reason"].is_string(), "{cell}: {got:?}");
        }
        Failover(status) | Returned(status) => {
            assert_eq!((got.status, attempts), (status, 1), "{cell}: {got:?}");
            assert!(is_error(got), "{cell}: {got:?}");
            assert!(got.header("location").is_none(), "{cell}: {got:?}");
        }
        Broken => {
            assert_eq!((got.status, attempts, got.cut), (200, 1, !stream), "{cell}: {got:?}");
            assert_eq!(got.log["level"], "error", "{cell}: {got:?}");
            assert!(got.log["broken"].is_string(), "{cell}: {got:?}");
            if stream {
                assert_eq!(got.body.matches("data: {\"error\"").count(), 1, "{cell}: {got:?}");
                assert!(got.body.ends_with("}}\n\n") && !got.body.contains("[DONE]"), "{cell}: {got:?}");
            }
        }
    }
}

#[test]
fn an_error_in_a_200_keeps_its_message_and_gets_its_status() {
    let fake = Fake::new(&[("h", &[Does::stream(&[r#"{"error":{"message":"slow down","code":429}}"#])])]);
    let vars = [("PORTCULLIS_UPSTREAM_URL", "http://h/v1"), ("PORTCULLIS_API_KEYS", "sk-caller")];
    let got = send_with(&fake, &vars, &chat(), &body("m", true));
    assert_eq!((got.status, got.header("content-type")), (429, Some("application/json")));
    assert_eq!(got.body, r#"{"error":{"message":"slow down","code":429}}"#);
}

#[test]
fn the_engine_does_not_compact_conversations_of_an_upstream() {
    let fake = Fake::new(&[("h", &[Does::json(200, "{}")])]);
    let vars = [("PORTCULLIS_UPSTREAM_URL", "http://h/v1"), ("PORTCULLIS_API_KEYS", "sk-caller")];
    let compact = request("POST", "/v1/responses/compact", &[]);
    let got = send_with(&fake, &vars, &compact, r#"{"model":"m","input":"hi"}"#);
    assert_eq!(got.status, 400, "{}", got.body);
    assert!(got.body.contains("Conversations of the model 'm' cannot be compacted"), "{}", got.body);
    assert!(fake.seen().is_empty());
}

#[test]
fn an_error_in_another_format_becomes_an_error_object() {
    let vars = [("PORTCULLIS_UPSTREAM_URL", "http://h/v1"), ("PORTCULLIS_API_KEYS", "sk-caller")];
    let kept = r#"{"error":{"message":"no","type":"t","x":1.0}}"#;
    for (does, message) in [
        (Does::json(404, r#"{"error":"model not found"}"#), "model not found"),
        (Does::json(422, r#"{"detail":"Not Found"}"#), "Not Found"),
        (Does::json(400, r#"[{"error":{"code":400,"message":"bad"}}]"#), "bad"),
        (Does::answer(503, "text/plain", &["up", "stream down"]), "upstream down"),
        (
            Does::answer(502, "text/html", &["<html>"]),
            "The upstream `default` returned status 502 without an error object.",
        ),
        (
            Does::answer(529, "text/plain", &[]),
            "The upstream `default` returned status 529 without an error object.",
        ),
        (
            Does::json(500, "{\"half").breaks(false),
            "The upstream `default` returned status 500 without an error object.",
        ),
        (
            Does::json(500, "xx").header("content-encoding", "gzip"),
            "The upstream `default` returned status 500 without an error object.",
        ),
    ] {
        let status = does.head.as_ref().expect("a head").0;
        let got = send_with(
            &Fake::new(&[("h", &[does.header("retry-after", "3")])]),
            &vars,
            &chat(),
            &body("m", true),
        );
        assert_eq!((got.status, got.header("content-type")), (status, Some("application/json")), "{message}");
        assert_eq!((got.header("retry-after"), got.header("content-encoding")), (Some("3"), None));
        let error: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
        assert_eq!(error["error"]["message"], message);
        assert!(error["error"]["type"].is_string(), "{error}");
    }
    // An error object is returned unchanged, with any `content-type`.
    let fake = Fake::new(&[("h", &[Does::answer(418, "text/plain", &[kept])])]);
    let got = send_with(&fake, &vars, &chat(), &body("m", true));
    assert_eq!((got.status, &*got.body, got.header("content-type")), (418, kept, Some("application/json")));
}

#[test]
fn an_error_does_not_repeat_the_operator_s_key() {
    let key = "sk-operator-0123456789";
    let error = format!(
        r#"{{"error":{{"message":"bad key {key}, not {key}","type":"t","param":null,"code":null}}}}"#
    );
    let caller = [("PORTCULLIS_API_KEYS", "sk-caller"), ("PORTCULLIS_UPSTREAM_KEY", key)];
    let vars = [&[("PORTCULLIS_UPSTREAM_URL", "http://h/v1")][..], &caller].concat();
    for does in [Does::json(401, &error), Does::answer(401, "text/plain", &[&error[..30], &error[30..]])] {
        let got = send_with(&Fake::new(&[("h", &[does])]), &vars, &chat(), &body("m", false));
        assert_eq!((got.status, &*got.body), (401, &*error.replace(key, "***")));
    }
}

#[test]
fn the_end_of_a_spliced_stream_is_reported_too() {
    let config = r#"{"upstreams":{"a":{"url":"http://a/v1","splice":true}},"models":{"m":{"targets":[{"upstream":"a"}]}}}"#;
    let mut does = Does::stream(&[GOOD]);
    does.body.push((0, Ok(b"data: {\"half".to_vec())));
    does.body.push((0, Err(ReadError { reason: "reset".into(), timed_out: false })));
    let got = send(&Fake::new(&[("a", &[does])]), config, &chat(), &body("m", true));
    let (_, end) = got.body.split_once("{\"half").expect("the first part is forwarded");
    assert!(end.starts_with("\n\ndata: {\"error\"") && end.ends_with("}}\n\n"), "{end}");
    // An error as the first event is detected even so.
    let got = send(&Fake::new(&[("a", &[Does::stream(&[ERROR])])]), config, &chat(), &body("m", true));
    assert_eq!(got.status, 502);
}
