//! Which target is tried, when, and how often.

use crate::fake::*;
use portcullis::transport::SendErrorKind;

const OK: &str =
    r#"{"choices":[{"message":{"content":"ok"}}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#;

/// A configuration with upstreams `a`, `b`, `c` and one model `m` with these targets and settings.
fn plan(targets: &[&str], settings: &str) -> String {
    let targets: Vec<String> = targets.iter().map(|name| format!(r#"{{"upstream":"{name}"}}"#)).collect();
    document(&format!(r#""m":{{"targets":[{}]{settings}}}"#, targets.join(",")))
}

pub(super) fn document(models: &str) -> String {
    format!(
        r#"{{"upstreams":{{"a":{{"url":"http://a/v1","timeouts":{{"first_byte_ms":1000}}}},
                          "b":{{"url":"http://b/v1"}},"c":{{"url":"http://c/v1"}}}},"models":{{{models}}}}}"#
    )
}

fn down() -> Does {
    Does::fails(SendErrorKind::Unreachable)
}

pub(super) fn ok() -> Does {
    Does::json(200, OK)
}

fn busy() -> Does {
    Does::json(503, r#"{"error":{"message":"busy"}}"#)
}

#[test]
fn a_good_response_takes_one_attempt() {
    let fake = Fake::new(&[("a", &[ok()])]);
    let got = send(&fake, &plan(&["a", "b"], ""), &chat(), &body("m", false));
    assert_eq!((got.status, &*got.body, &*fake.trace()), (200, OK, "a@0"));
    assert_eq!(
        (got.header("x-portcullis-attempts"), got.header("x-portcullis-target")),
        (Some("1"), Some("a"))
    );
    assert_eq!(got.log["gen_ai.usage.input_tokens"], 2);
    assert_eq!(got.log["gen_ai.usage.output_tokens"], 3);
    assert_eq!((&got.log["attempts"], &got.log["target"]), (&1.into(), &"a".into()));
    assert!(got.log["reason"].is_null());
}

#[test]
fn the_next_target_is_tried_at_once_and_the_same_one_after_a_wait() {
    let fake = Fake::new(&[("a", &[busy(), ok()]), ("b", &[down(), ok()])]);
    let got = send(&fake, &plan(&["a", "b"], r#","retries":5"#), &chat(), &body("m", false));
    let seen = fake.seen();
    assert_eq!((got.status, seen.len()), (200, 3));
    assert_eq!((seen[0].at, seen[1].at), (0, 0));
    assert!(seen[2].at > 0 && seen[2].at <= 250, "{}", fake.trace());
    assert_eq!(got.header("x-portcullis-attempts"), Some("3"));
    assert_eq!(got.log["reason"], "a: 503; b: reason of the host: Unreachable");
}

#[test]
fn each_target_is_tried_once_by_default() {
    let fake = Fake::new(&[("a", &[busy()]), ("b", &[down()]), ("c", &[down()])]);
    let got = send(&fake, &plan(&["a", "b", "c"], ""), &chat(), &body("m", false));
    assert_eq!(fake.trace(), "a@0 b@0 c@0");
    // An upstream's own error explains more than a missing response.
    assert_eq!((got.status, &*got.body), (503, r#"{"error":{"message":"busy"}}"#));
    let fake = Fake::new(&[("a", &[busy()])]);
    assert_eq!(send(&fake, &plan(&["a"], r#","retries":0"#), &chat(), &body("m", false)).status, 503);
    assert_eq!(fake.trace(), "a@0");
    // The next target does not count as a retry.
    for retries in ["", r#","retries":0"#, r#","retries":1"#] {
        let fake = Fake::new(&[("a", &[busy()]), ("b", &[down()]), ("c", &[ok()])]);
        let got = send(&fake, &plan(&["a", "b", "c"], retries), &chat(), &body("m", false));
        assert_eq!((got.status, &*fake.trace()), (200, "a@0 b@0 c@0"), "{retries}");
    }
    let fake = Fake::new(&[("b", &[down()]), ("c", &[down()])]);
    send(&fake, &plan(&["b", "c"], r#","retries":1"#), &chat(), &body("m", false));
    assert_eq!(fake.seen().len(), 3, "two targets and one retry");
}

#[test]
fn waits_grow_up_to_a_limit() {
    let fake = Fake::new(&[("b", &[down()])]);
    let got = send(&fake, &plan(&["b"], r#","retries":10"#), &chat(), &body("m", false));
    let seen = fake.seen();
    assert_eq!((got.status, seen.len()), (502, 11));
    for (i, pair) in seen.windows(2).enumerate() {
        let limit = (250u64 << i).min(8000);
        assert!(pair[1].at - pair[0].at <= limit, "{}", fake.trace());
    }
}

#[test]
fn only_transient_errors_are_tried_again() {
    for status in [400, 401, 403, 404, 413, 422, 499] {
        let fake = Fake::new(&[("a", &[Does::json(status, "{}")]), ("b", &[ok()])]);
        let got = send(&fake, &plan(&["a", "b"], ""), &chat(), &body("m", false));
        assert_eq!((got.status, &*fake.trace()), (status, "a@0"));
    }
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let fake = Fake::new(&[("a", &[Does::json(status, "{}")]), ("b", &[ok()])]);
        let got = send(&fake, &plan(&["a", "b"], ""), &chat(), &body("m", false));
        assert_eq!((got.status, &*fake.trace()), (200, "a@0 b@0"));
    }
}

#[test]
fn a_redirect_is_not_tried_again_at_the_same_target() {
    let fake = Fake::new(&[("a", &[Does::json(302, "{}")]), ("b", &[ok()])]);
    let got = send(&fake, &plan(&["a", "b"], r#","retries":0"#), &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace()), (200, "a@0 b@0"));
    let fake = Fake::new(&[("a", &[Does::json(302, "{}")])]);
    let got = send(&fake, &plan(&["a"], r#","retries":3"#), &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace()), (502, "a@0"));
}

#[test]
fn a_retry_after_is_honoured_or_the_target_not_tried_again() {
    for (name, value, want) in [
        ("retry-after", "3", "b@0 b@3000"),
        ("retry-after-ms", "1500", "b@0 b@1500"),
        ("retry-after", "Sun, 06 Nov 1994 08:49:42 GMT", "b@0 b@5000"),
        ("retry-after", "20", "b@0 b@20000"),
        ("retry-after", "21", "b@0"),
        ("retry-after", "Fri, 31 Dec 2027 00:00:00 GMT", "b@0"),
        ("retry-after", "99999999999999999999999999", "b@0"),
        ("retry-after-ms", "1e300", "b@0"),
    ] {
        let busy = Does::json(429, "{}").header(name, value);
        let fake = Fake::new(&[("b", &[busy, ok()])]);
        let got = send(&fake, &plan(&["b"], r#","retries":2"#), &chat(), &body("m", false));
        assert_eq!(fake.trace(), want, "{name}: {value}");
        if fake.seen().len() == 1 {
            assert_eq!((got.status, got.header(name)), (429, Some(value)), "{name}");
        }
    }
}

#[test]
fn an_invalid_retry_after_is_ignored() {
    for (name, value) in [
        ("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("retry-after", "-30"),
        ("retry-after-ms", "-30000"),
        ("retry-after", "NaN"),
        ("retry-after", "in a while"),
    ] {
        let fake = Fake::new(&[("b", &[Does::json(429, "{}").header(name, value), ok()])]);
        let got = send(&fake, &plan(&["b"], r#","retries":2"#), &chat(), &body("m", false));
        let seen = fake.seen();
        assert_eq!((got.status, seen.len()), (200, 2), "{name}: {value}");
        assert!(seen[1].at <= 250, "{name}: {value}: {}", fake.trace());
    }
}

#[test]
fn a_deadline_includes_waits_and_hedges() {
    // Each attempt takes 200 ms to fail. The attempt that runs at the deadline is cancelled, and the last error is returned.
    let fake = Fake::new(&[("b", &[busy().after(200)])]);
    let got = send(&fake, &plan(&["b"], r#","retries":10,"deadline_ms":900"#), &chat(), &body("m", false));
    assert_eq!(got.status, 503);
    assert!(fake.now() <= 900 && fake.seen().len() < 5, "{} until {}", fake.trace(), fake.now());
    let hedged = plan(&["b", "c"], r#","hedge_ms":200,"deadline_ms":500"#);
    let fake = Fake::new(&[("b", &[ok().after(5000)]), ("c", &[ok().after(5000)])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace(), fake.now()), (504, "b@0 c@200", 500));
    assert_eq!(fake.cancelled(), 2, "both requests are cancelled");
}

#[test]
fn hedged_attempts_race() {
    // Both respond at the same time: the one that was tried first wins.
    let hedged = plan(&["b", "c"], r#","hedge_ms":200"#);
    let fake = Fake::new(&[("b", &[ok().after(300)]), ("c", &[busy().after(100)])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((got.status, got.header("x-portcullis-target"), fake.now()), (200, Some("b"), 300));
    // An error caused by the request ends the race: another target would return it too.
    let no = Does::json(400, r#"{"error":{"message":"no"}}"#);
    let fake = Fake::new(&[("b", &[ok().after(5000)]), ("c", &[no.after(100)])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((got.status, fake.now(), fake.cancelled()), (400, 300, 1));
    // Every target is hedged, as long as attempts are left.
    let three = plan(&["b", "c", "a"], r#","hedge_ms":200"#);
    let fake = Fake::new(&[("b", &[ok().after(900)]), ("c", &[ok().after(900)]), ("a", &[ok().after(900)])]);
    send(&fake, &three, &chat(), &body("m", false));
    assert_eq!((&*fake.trace(), fake.now(), fake.cancelled()), ("b@0 c@200 a@400", 900, 2));
    // The second target of a hedge does not count as a retry.
    let once = plan(&["b", "c"], r#","hedge_ms":200,"retries":0"#);
    let fake = Fake::new(&[("b", &[ok().after(900)]), ("c", &[ok()])]);
    send(&fake, &once, &chat(), &body("m", false));
    assert_eq!((&*fake.trace(), fake.now()), ("b@0 c@200", 200));
    // If a target fails before its hedge is due, the next one is tried at once and is hedged too.
    let fake = Fake::new(&[("b", &[busy().after(50)]), ("c", &[ok().after(900)]), ("a", &[ok().after(900)])]);
    send(&fake, &three, &chat(), &body("m", false));
    assert_eq!((&*fake.trace(), fake.now()), ("b@0 c@50 a@250", 950));
}

#[test]
fn a_deadline_includes_all_attempts() {
    let fake = Fake::new(&[("b", &[ok().after(700)])]);
    let got = send(&fake, &plan(&["b"], r#","retries":3,"deadline_ms":500"#), &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace(), fake.now()), (504, "b@0", 500));
    assert!(got.body.contains("within 500 ms") && got.body.contains("upstream_timeout"), "{}", got.body);
    assert_eq!(fake.cancelled(), 1);
    // If the wait would exceed the deadline, the error is returned at once.
    let busy = Does::json(429, "{}").header("retry-after", "3");
    let fake = Fake::new(&[("b", &[busy])]);
    let got = send(&fake, &plan(&["b"], r#","retries":3,"deadline_ms":2000"#), &chat(), &body("m", false));
    assert_eq!((got.status, fake.now()), (429, 0));
}

#[test]
fn x_should_retry_false_prevents_a_retry() {
    let busy = busy().header("x-should-retry", "false");
    let fake = Fake::new(&[("b", &[busy])]);
    let got = send(&fake, &plan(&["b"], r#","retries":3"#), &chat(), &body("m", false));
    assert_eq!((got.status, got.header("x-should-retry"), &*fake.trace()), (503, Some("false"), "b@0"));
}

#[test]
fn a_silent_target_times_out() {
    let slow_event = Does { body: vec![(60_000, Ok(b"data: [DONE]\n\n".to_vec()))], ..Does::stream(&[]) };
    for silent in [ok().after(60_000), slow_event] {
        let fake = Fake::new(&[("a", &[silent]), ("b", &[ok()])]);
        let got = send(&fake, &plan(&["a", "b"], ""), &chat(), &body("m", false));
        assert_eq!((got.status, &*fake.trace(), fake.cancelled()), (200, "a@0 b@1000", 1));
    }
}

#[test]
fn the_first_byte_timeout_ends_with_the_head_of_a_plain_response() {
    // The head at once, white space as a keep-alive, then the response.
    let slow = Does { body: vec![(500, Ok(b"\n".to_vec())), (4000, Ok(OK.into()))], ..Does::json(200, "") };
    let fake = Fake::new(&[("a", &[slow]), ("b", &[down()])]);
    let got = send(&fake, &plan(&["a", "b"], ""), &chat(), &body("m", false));
    assert_eq!((got.status, &*got.body, &*fake.trace()), (200, &*format!("\n{OK}"), "a@0"));
}

#[test]
fn a_hedge_tries_the_next_target_and_cancels_the_slower_one() {
    let hedged = plan(&["b", "c"], r#","hedge_ms":200"#);
    // The second wins.
    let fake = Fake::new(&[("b", &[ok().after(5000)]), ("c", &[ok().after(100)])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((&*fake.trace(), fake.now(), fake.cancelled()), ("b@0 c@200", 300, 1));
    assert_eq!(
        (got.header("x-portcullis-target"), got.header("x-portcullis-attempts")),
        (Some("c"), Some("2"))
    );
    // The first wins after all.
    let fake = Fake::new(&[("b", &[ok().after(250)]), ("c", &[ok().after(100)])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((got.header("x-portcullis-target"), fake.now(), fake.cancelled()), (Some("b"), 250, 1));
    // The first is fast enough.
    let fake = Fake::new(&[("b", &[ok().after(150)]), ("c", &[ok()])]);
    send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((&*fake.trace(), fake.cancelled()), ("b@0", 0));
    // The second fails, and the gateway goes on waiting for the first.
    let fake = Fake::new(&[("b", &[ok().after(5000)]), ("c", &[busy()])]);
    let got = send(&fake, &hedged, &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace(), fake.now()), (200, "b@0 c@200", 5000));
    // A stream that has sent its head but no event counts as silent.
    let mut silent = Does::stream(&[r#"{"choices":[]}"#, "[DONE]"]);
    silent.body[0].0 = 5000;
    let fake = Fake::new(&[("b", &[silent]), ("c", &[Does::stream(&["[DONE]"])])]);
    let got = send(&fake, &hedged, &chat(), &body("m", true));
    assert_eq!((got.header("x-portcullis-target"), &*got.body), (Some("c"), "data: [DONE]\n\n"));
}

#[test]
fn weights_choose_the_first_target() {
    let config = document(
        r#""m":{"policy":"weighted","targets":[{"upstream":"a","weight":0},{"upstream":"b","weight":5}]}"#,
    );
    let fake = Fake::new(&[("a", &[ok()]), ("b", &[busy()])]);
    let got = send(&fake, &config, &chat(), &body("m", false));
    assert_eq!((got.status, &*fake.trace()), (200, "b@0 a@0"));
}

#[test]
fn no_target_is_tried_after_the_caller_closed_its_connection() {
    let fake = Fake::new(&[("a", &[Does::fails(SendErrorKind::Caller)]), ("b", &[ok()])]);
    let got = send(&fake, &plan(&["a", "b"], r#","retries":5"#), &chat(), &body("m", false));
    assert_eq!((fake.seen().len(), got.log["attempts"].as_i64()), (1, Some(1)), "{}", got.log);
}

#[test]
fn the_route_headers_can_be_turned_off() {
    let config = plan(&["a"], "").replacen('{', r#"{"route_headers":false,"#, 1);
    let got = send(&Fake::new(&[("a", &[down()])]), &config, &chat(), &body("m", false));
    assert_eq!(got.status, 502);
    assert!(got.headers.iter().all(|(name, _)| !name.starts_with("x-portcullis")));
}

#[test]
fn half_of_a_surrogate_pair_does_not_undo_the_route() {
    let config = r#"{"upstreams":{"a":{"url":"http://a/v1"}},
        "models":{"gpt-4o":{"targets":[{"upstream":"a","model":"cheap"}]}}}"#;
    let vars = [
        ("PORTCULLIS_CONFIG", config),
        ("PORTCULLIS_ALLOW_ANONYMOUS", "true"),
        ("PORTCULLIS_UNKNOWN_PARAMS", "drop"),
    ];
    let fake = Fake::new(&[("a", &[Does::json(200, r#"{"choices":[{}]}"#)])]);
    let content = r#""model":"%","messages":[{"role":"user","content":"\ud800","x":{"\udc00":1}}]"#;
    let body = format!(r#"{{"zz":{{"\ud800":1}},{}}}"#, content.replace('%', "gpt-4o"));
    let got = send_with(&fake, &vars, &chat(), &body);
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(fake.seen()[0].body, format!("{{{}}}", content.replace('%', "cheap")));
}

#[test]
fn header_fields_of_a_restricted_key_choose_no_model() {
    let config = r#"{"upstreams":{"a":{"url":"http://a/v1","headers":{"X-Own":"operator"}}},
        "models":{"fast":{"targets":[{"upstream":"a"}]}},
        "keys":[{"name":"k","key":"sk-caller","models":["fast"]}]}"#;
    let fields = [
        ("azureml-model-deployment", "secret"),
        ("x-amzn-sagemaker-target-variant", "secret"),
        ("x-bf-vk", "secret"),
        ("X_Model", "secret"),
        ("x_own", "secret"),
        ("x-kept", "kept"),
    ];
    let fake = Fake::new(&[("a", &[Does::json(200, r#"{"choices":[{}]}"#)])]);
    let request = request("POST", "/v1/chat/completions", &fields);
    let got = send_with(&fake, &[("PORTCULLIS_CONFIG", config)], &request, &body("fast", false));
    assert_eq!(got.status, 200, "{got:?}");
    let seen = format!("{:?}", fake.seen()[0]);
    assert!(seen.contains("kept") && seen.contains("operator") && !seen.contains("secret"), "{seen}");
}
