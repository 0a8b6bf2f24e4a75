//! However a body ends, the store counts what was delivered.

use crate::setting::{Server, Site, Takes, chat, stream, whole};
use portcullis::http::Method;
use portcullis::tokens::Encoding;

const CHUNK: &str =
    r#"{"choices":[{"index":0,"delta":{"content":"Hello, wide world!"},"finish_reason":null}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}}"#;

fn with(upstreams: &[&Server], plan: &str) -> String {
    let named: Vec<String> =
        upstreams.iter().enumerate().map(|(i, up)| format!(r#""u{i}": {{"url": "{}"}}"#, up.url)).collect();
    let targets: Vec<String> = (0..upstreams.len()).map(|i| format!(r#"{{"upstream": "u{i}"}}"#)).collect();
    format!(
        r#""upstreams": {{{}}}, "limits": [{{"tokens": 50000, "window": "minute"}}, {{"concurrent": 2}},
           {{"requests": 100, "window": "minute"}}], "models": {{"m": {{"targets": [{}]{plan}}}}}"#,
        named.join(","),
        targets.join(",")
    )
}

/// The tokens of the prompt: its text, and seven for a message of the user's.
fn prompt() -> f64 {
    Encoding::for_model("m").count("Say hello to the whole world.") as f64 + 7.0
}

#[test]
fn a_stream_that_breaks_off_counts_what_was_delivered() {
    let upstream = Server::start(|_, _| {
        stream(&[CHUNK, FINISH, USAGE, "[DONE]"])
            .replacen("[DONE]", "", 1)
            .replace(FINISH, CHUNK)
            .replace(USAGE, ": x")
    });
    let Some(site) = Site::start(&with(&[&upstream], ""), "") else { return };
    let got = site.chat(&chat("m", r#","stream":true,"max_tokens":100"#));
    assert!(got.log["broken"].is_string(), "{}", got.log);
    let text = Encoding::for_model("m").count("Hello, wide world!Hello, wide world!") as f64;
    assert_eq!(site.used("tokens"), [prompt() + text], "{}", got.log);
    assert_eq!(site.used("concurrent"), [0.0]);
}

#[test]
fn a_caller_that_is_gone_counts_what_it_got() {
    let upstream = Server::start(|_, _| stream(&[CHUNK, CHUNK, FINISH, USAGE, "[DONE]"]));
    let Some(site) = Site::start(&with(&[&upstream], ""), "") else { return };
    let body = chat("m", r#","stream":true,"max_tokens":100"#);
    let got = site.call("sk-ci", Method::Post, "/v1/chat/completions", &body, Takes::Pieces(1));
    let used = site.used("tokens")[0];
    let text = Encoding::for_model("m").count("Hello, wide world!") as f64;
    assert!(used >= prompt() + text && used < 117.0, "{used} {}", got.log);
    // The engine's answer: the tokens that went out, not those that it would have had.
    let Some(site) = Site::start(
        r#""limits": [{"tokens": 50000, "window": "minute"}], "models": {"m": {"engine": {"reply": "echo", "latency": {"per_token_ms": 1}}}}"#,
        "",
    ) else {
        return;
    };
    let got = site.call("sk-ci", Method::Post, "/v1/chat/completions", &body, Takes::Pieces(3));
    let used = site.used("tokens")[0];
    let all = site.chat(&chat("m", r#","max_tokens":100"#)).json()["usage"]["total_tokens"]
        .as_f64()
        .expect("a count");
    assert!(used > prompt() && used < all, "{used} of {all}: {}", got.log);
}

#[test]
fn failed_attempts_count_their_prompts() {
    let bad = Server::start(|_, _| whole(500, r#"{"error":{"message":"no"}}"#));
    let good = Server::start(|_, _| {
        whole(200, r#"{"choices":[{}],"usage":{"prompt_tokens":17,"completion_tokens":5}}"#)
    });
    let Some(site) = Site::start(&with(&[&bad, &good], ""), "") else { return };
    let got = site.chat(&chat("m", r#","max_tokens":100"#));
    assert_eq!((got.status, &got.log["attempts"]), (200, &2.into()), "{}", got.log);
    assert_eq!(site.used("tokens"), [22.0 + prompt()]);
    let Some(site) = Site::start(&with(&[&bad], ""), "") else { return };
    assert_eq!(site.chat(&chat("m", r#","max_tokens":100"#)).status, 500);
    assert_eq!((site.used("tokens"), site.used("requests")), (vec![prompt()], vec![1.0]));
    assert_eq!(site.used("concurrent"), [0.0]);
}

#[test]
fn what_no_target_can_express_consumes_nothing() {
    let upstream = Server::start(|_, _| whole(200, "{}"));
    let settings = with(&[&upstream], "").replace(r#""url""#, r#""api": "anthropic", "url""#);
    let Some(site) = Site::start(&settings, "") else { return };
    let got = site.chat(&chat("m", r#","n":2,"max_tokens":10"#));
    assert_eq!((got.status, upstream.bodies().len()), (400, 0), "{}", got.body);
    assert_eq!((site.used("tokens"), site.used("requests")), (vec![0.0], vec![0.0]));
    let stored = r#"{"model":"m","previous_response_id":"resp_1","input":"hi","max_output_tokens":10}"#;
    let got = site.post("/v1/responses", stored);
    assert_eq!((got.status, upstream.bodies().len()), (400, 0), "{}", got.body);
    assert_eq!((site.used("tokens"), site.used("requests")), (vec![0.0], vec![0.0]));
}

#[test]
fn requests_at_the_same_time_are_limited() {
    let settings = r#""limits": [{"concurrent": 1}], "models": {"m": {"engine": {}}}"#;
    let Some(site) = Site::start(settings, "") else { return };
    let body = chat("m", r#","stream":true,"max_tokens":100"#);
    let chat = |takes, meanwhile: &dyn Fn()| {
        site.call_while("sk-ci", Method::Post, "/v1/chat/completions", &body, takes, meanwhile)
    };
    let first = chat(Takes::Pieces(2), &|| {
        let second = chat(Takes::All, &|| {});
        assert_eq!(second.status, 429, "{}", second.body);
        assert!(
            second.body.contains("on concurrent requests: Limit 1, Used 1, Requested 1"),
            "{}",
            second.body
        );
    });
    assert_eq!(first.status, 200);
    assert_eq!(site.used("concurrent"), [0.0]);
    assert_eq!(chat(Takes::All, &|| {}).status, 200, "a lease ends with its body");
}
