//! What callers over a limit get, and what they get while the store is away.

use crate::setting::{Site, Takes, chat};
use portcullis::http::Method;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn requests_beyond_a_limit_get_the_live_api_s_429() {
    let limits = r#""limits": [{"requests": 2, "window": "minute"}, {"per": "all", "requests": 100, "window": "hour"}]"#;
    let Some(site) = Site::start(limits, "") else { return };
    for remaining in ["1", "0"] {
        let got = site.chat(&chat("gpt-4o", ""));
        assert_eq!(got.status, 200, "{}", got.body);
        assert_eq!(got.header("x-ratelimit-limit-requests"), Some("2"));
        assert_eq!(got.header("x-ratelimit-remaining-requests"), Some(remaining));
        let reset = got.header("x-ratelimit-reset-requests").expect("a reset");
        assert!(reset.starts_with("1m") || reset.ends_with('s'), "{reset}");
        assert_eq!(got.header("retry-after"), None);
    }
    let got = site.chat(&chat("gpt-4o", ""));
    assert_eq!(got.status, 429, "{}", got.body);
    let error = &got.json()["error"];
    assert_eq!((&error["type"], &error["code"]), (&json!("requests"), &json!("rate_limit_exceeded")));
    let message = error["message"].as_str().expect("a message");
    let start = "Rate limit reached for gpt-4o on requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in ";
    assert!(message.starts_with(start), "{message}");
    let ms: u64 = got.header("retry-after-ms").and_then(|ms| ms.parse().ok()).expect("milliseconds");
    assert!((50_000..=61_000).contains(&ms), "{ms}");
    assert_eq!(got.header("retry-after"), Some(&*ms.div_ceil(1000).to_string()));
    assert_eq!(got.header("x-ratelimit-remaining-requests"), Some("0"));
    assert_eq!(got.log["error.type"], "rate_limit_exceeded");
    // A request that was refused counts nowhere, another key is not concerned, and what is invalid consumes nothing.
    assert_eq!(site.used("requests"), [2.0, 2.0]);
    assert_eq!(
        site.call("sk-env", Method::Post, "/v1/chat/completions", &chat("gpt-4o", ""), Takes::All).status,
        200
    );
    assert_eq!(site.chat(&chat("gpt-4o", r#","n":"x""#)).status, 400);
    assert_eq!(site.chat(&chat("gpt-9", "")).status, 404);
    assert_eq!(site.used("requests"), [2.0, 3.0]);
    // Endpoints without generated text count as well.
    let got = site.post("/v1/moderations", r#"{"input":"x"}"#);
    assert_eq!(got.status, 429, "{}", got.body);

    // Anthropic's API has words and fields of its own.
    let body = r#"{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
    let got = site.post("/v1/messages", body);
    assert_eq!(got.status, 429, "{}", got.body);
    assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    assert_eq!(got.header("anthropic-ratelimit-requests-limit"), Some("2"));
    let reset = got.header("anthropic-ratelimit-requests-reset").expect("a reset");
    assert!(reset.ends_with('Z') && reset.len() == 20, "{reset}");
    assert!(got.header("x-ratelimit-limit-requests").is_none() && got.header("retry-after").is_some());
}

#[test]
fn a_budget_that_does_not_cover_a_request_is_an_exhausted_quota() {
    let limits = r#""limits": [{"usd": 0.001, "window": "day"}],
        "models": {"gpt-4o": {"engine": {}}, "mock": {"engine": {}, "price": {"input": 1, "output": 10}}, "*": {"engine": {}}}"#;
    let Some(site) = Site::start(limits, "") else { return };
    // 90 tokens at $10 a million are less than a tenth of a cent; 200 are not.
    let got = site.chat(&chat("mock", r#","max_tokens":200"#));
    assert_eq!(got.status, 429, "{}", got.body);
    let error = &got.json()["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("insufficient_quota"), &json!("insufficient_quota"))
    );
    assert!(
        error["message"].as_str().is_some_and(|text| text.starts_with("You exceeded your current quota"))
    );
    assert_eq!((got.header("x-should-retry"), got.header("retry-after")), (Some("false"), None));
    let got = site.chat(&chat("mock", r#","max_tokens":50"#));
    assert_eq!(got.status, 200, "{}", got.body);
    let usage = &got.json()["usage"];
    let tokens = |name: &str| usage[name].as_f64().expect("a count");
    let want = (tokens("prompt_tokens") + 10.0 * tokens("completion_tokens")) / 1e6;
    let used = site.used("usd")[0];
    assert!((used - want).abs() < 1e-12, "{used} {want}");
    assert_eq!(got.log["cost_usd"].as_f64(), Some(used));
    let body = r#"{"model":"mock","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}"#;
    let got = site.post("/v1/messages", body);
    assert_eq!((got.status, &got.json()["error"]["type"]), (402, &json!("billing_error")), "{}", got.body);
    // A model that is reached by a pattern and has no price.
    let got = site.chat(&chat("unknown", ""));
    assert_eq!(got.status, 400, "{}", got.body);
    assert!(got.body.contains("`price`"), "{}", got.body);
}

#[test]
fn what_bounds_the_output_must_be_clear() {
    let limits = r#""limits": [{"tokens": 5000, "window": "minute"}], "models": {"gpt-4o": {"engine": {}}}"#;
    let Some(site) = Site::start(limits, "") else { return };
    let got = site.chat(&chat("gpt-4o", r#","max_tokens":10,"max_tokens":10000"#));
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("max_tokens")), "{}", got.body);
    // The model's own limit is the reserve of a request without one, and never fits here.
    let got = site.chat(&chat("gpt-4o", ""));
    assert_eq!(got.status, 429, "{}", got.body);
    assert!(got.body.contains("Request too large for gpt-4o on tokens per min (TPM): Limit 5000, Requested"));
    assert_eq!(
        (got.json()["error"]["type"].as_str(), got.header("x-should-retry")),
        (Some("tokens"), Some("false"))
    );
    let got = site.chat(&chat("gpt-4o", r#","max_tokens":100,"n":2"#));
    assert_eq!(got.status, 200, "{}", got.body);
    let total = got.json()["usage"]["total_tokens"].as_f64().expect("a count");
    assert_eq!(site.used("tokens"), [total]);
    assert_eq!(got.header("x-ratelimit-limit-tokens"), Some("5000"));
}

#[test]
fn a_store_that_is_away_lets_requests_through_or_denies_them() {
    let budget = r#""limits": [{"usd": 5, "window": "day"}], "models": {"gpt-4o": {"engine": {}}}"#;
    let count = r#""limits": [{"requests": 5, "window": "minute"}], "models": {"gpt-4o": {"engine": {}}}"#;
    for (limits, store, denied) in [
        (count, "", false),
        (count, r#", "on_failure": "deny""#, true),
        (budget, "", true),
        (budget, r#", "on_failure": "allow""#, false),
    ] {
        let Some(mut site) = Site::start(limits, store) else { return };
        let check = |site: &Site, what: &str| {
            let start = Instant::now();
            let got = site.chat(&chat("gpt-4o", r#","max_tokens":5"#));
            assert_eq!(got.status, if denied { 503 } else { 200 }, "{what} {store} {}", got.body);
            assert_eq!(got.header("x-portcullis-store"), Some("down"), "{what}");
            assert!(
                got.log["store_failure"].as_str().is_some_and(|why| why.starts_with("store: ")),
                "{}",
                got.log
            );
            // One command before the answer, one after it.
            assert!(start.elapsed() < Duration::from_millis(3000), "{what}: {:?}", start.elapsed());
            if denied {
                assert_eq!(got.json()["error"]["code"], "store_unavailable");
            }
        };
        site.redis.command(&["CLIENT", "PAUSE", "2500"]);
        check(&site, "slow");
        std::thread::sleep(Duration::from_millis(2600));
        assert_eq!(site.chat(&chat("gpt-4o", r#","max_tokens":5"#)).status, 200);
        site.webdis.close();
        check(&site, "down");
    }
}

#[test]
fn a_full_redis_still_counts() {
    // The first has no limit whose script frees memory by itself.
    for measures in
        [r#""requests": 2, "window": "minute"}"#, r#""concurrent": 9}, {"requests": 2, "window": "minute"}"#]
    {
        let settings = format!(r#""limits": [{{{measures}], "models": {{"gpt-4o": {{"engine": {{}}}}}}"#);
        let Some(site) = Site::start(&settings, r#", "on_failure": "deny""#) else { return };
        site.redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        site.redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
        for status in [200, 200, 429] {
            let got = site.chat(&chat("gpt-4o", r#","max_tokens":5"#));
            assert_eq!((got.status, got.header("x-portcullis-store")), (status, None), "{}", got.log);
        }
        assert_eq!(site.used("requests"), [2.0]);
    }
}

#[test]
fn what_is_passed_through_counts_as_requests_alone() {
    let upstream = crate::setting::Server::start(|_, _| crate::setting::whole(200, r#"{"object":"list"}"#));
    let with = |limits: &str| {
        format!(
            r#""upstreams": {{"up": {{"url": "{}"}}}}, "passthrough": "up", "limits": [{limits}]"#,
            upstream.url
        )
    };
    let Some(site) = Site::start(&with(r#"{"requests": 1, "window": "minute"}"#), "") else { return };
    let get = |site: &Site| site.call("sk-ci", Method::Get, "/v1/files", "", Takes::All);
    let got = get(&site);
    assert_eq!((got.status, got.header("x-ratelimit-limit-requests")), (200, Some("1")), "{}", got.body);
    assert_eq!(get(&site).status, 429);
    let Some(site) = Site::start(&with(r#"{"tokens": 1000, "window": "minute"}"#), "") else { return };
    assert_eq!(get(&site).status, 403);
}
