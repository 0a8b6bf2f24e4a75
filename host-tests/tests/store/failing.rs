//! Stores that are down, slow, full, that refuse the key or reply with nonsense, each with `allow` and `deny`.

use host_tests::programs::print_line;
use host_tests::{Answer, Gateway, Upstream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::redis::{Redis, WEBDIS_KEY};
use crate::{CHAT, Site, chat, completion, logged, used};

const TIMEOUT_MS: u64 = 300;

/// No request may wait for a store that never replies: its response waits for one command, its end for another. The rest is
/// for a loaded machine.
const SLACK: Duration = Duration::from_secs(4);

/// Sends requests whose store fails: each gets a response, with or without limits.
async fn check(what: &str, url: &str, key: &str) {
    let upstream = Upstream::answering(Answer::json(200, &completion("Hello"))).await;
    for on_failure in ["allow", "deny"] {
        let config = json!({
            "store": {"url": url, "api": "webdis", "key": key, "timeout_ms": TIMEOUT_MS, "on_failure": on_failure},
            "upstreams": {"up": {"url": upstream.url("/v1")}},
            "models": {"m": {"targets": [{"upstream": "up"}]},
                       "kept": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 60}}},
            "keys": [{"name": "limited", "key": "sk-limited",
                      "limits": [{"requests": 100, "window": "hour"}, {"tokens": 10_000, "window": "day"}, {"concurrent": 3}]},
                     {"name": "free", "key": "sk-free"}]
        });
        let gateway = Gateway::start(&[("PORTCULLIS_CONFIG", &config.to_string())]).await;
        let sent = |path: &'static str, key: &'static str, body: Value| {
            let gateway = &gateway;
            async move {
                let start = Instant::now();
                let reply =
                    gateway.post(path, &body).key(key).header("anthropic-version", "2023-06-01").await;
                let took = start.elapsed();
                let timeout = Duration::from_millis(TIMEOUT_MS);
                assert!(took < timeout + SLACK, "{what}, {on_failure}: {took:?}");
                let line = logged(gateway, &reply).await;
                let ended = start.elapsed();
                assert!(ended < 2 * timeout + SLACK, "{what}, {on_failure}: {ended:?}");
                let status = reply.status;
                let why = line["store_failure"].as_str().unwrap_or_default();
                assert!(why.starts_with("store: "), "{what}, {on_failure}: {line}");
                assert!(!line.to_string().contains(WEBDIS_KEY), "{what}: {line}");
                print_line(
                    "store",
                    &format!("{what}, {on_failure}, {path}: {status} in {} ms, {why}", took.as_millis()),
                );
                reply
            }
        };
        for path in [CHAT, "/v1/messages"] {
            let reply = sent(path, "sk-limited", chat("m", "Hello")).await;
            assert_eq!(reply.header("x-portcullis-store"), Some("down"), "{what}, {on_failure}: {reply:?}");
            match (on_failure, path) {
                ("allow", _) => assert_eq!(reply.status, 200, "{what}: {reply:?}"),
                (_, CHAT) => {
                    let code = &reply.json()["error"]["code"];
                    assert_eq!((reply.status, code), (503, &json!("store_unavailable")), "{what}: {reply:?}");
                }
                _ => {
                    let kind = &reply.json()["error"]["type"];
                    assert_eq!((reply.status, kind), (503, &json!("overloaded_error")), "{what}: {reply:?}");
                }
            }
        }
        // The cache goes without its store, whatever limits do.
        let reply = sent(CHAT, "sk-free", chat("kept", "Hello")).await;
        assert_eq!(
            (reply.status, reply.header("x-portcullis-cache"), reply.header("x-portcullis-store")),
            (200, Some("bypass"), Some("down")),
            "{what}, {on_failure}: {reply:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_replies_with_nonsense_is_down() {
    let html = Answer::new(200, &[("content-type", "text/html")], "<html>It works!</html>");
    let json = |text: &str| Answer::new(200, &[("content-type", "application/json")], text);
    for (what, answer) in [
        ("a page", html),
        ("an empty body", json("")),
        ("two replies", json(r#"{"EVAL":[1],"x":[1]}"#)),
        ("another type", json(r#"{"EVAL":{"granted":true},"GET":{"a":1}}"#)),
        ("half an object", json(r#"{"EVAL":[1,"#)),
        ("a reply of 9 MB", json(&format!(r#"{{"GET":"{}"}}"#, "x".repeat(9 << 20)))),
        ("a redirect", Answer::new(302, &[("location", "http://127.0.0.1:1/")], "")),
        ("an error of the server", Answer::new(500, &[], "no")),
        ("a closed connection", Answer::close()),
        ("a reset connection", Answer::reset()),
        ("a reply that breaks off", json(r#"{"EVAL":[1,2,3,4,5,6]}"#).cut()),
    ] {
        let store = Upstream::answering(answer).await;
        check(what, &store.url(""), WEBDIS_KEY).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_reply_in_time_is_down() {
    let silent = Upstream::answering(Answer::stall()).await;
    check("silence", &silent.url(""), WEBDIS_KEY).await;
    let stalls = Answer::new(200, &[("content-type", "application/json")], r#"{"EVAL":[1,2,3,4,5,6]}"#);
    let stalls = Upstream::answering(stalls.cut().then_stall()).await;
    check("silence within a reply", &stalls.url(""), WEBDIS_KEY).await;
    let (_socket, refusing) = Upstream::refusing();
    check("nothing listens", &refusing, WEBDIS_KEY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_fails_is_a_store_that_is_down() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    check("a wrong key", &webdis.url(), "gateway:wrong").await;
    // For longer than the test runs; a command of a test is not needed meanwhile.
    redis.command(&["CLIENT", "PAUSE", "600000"]);
    check("a Redis that is paused", &webdis.url(), WEBDIS_KEY).await;
}

/// A full Redis refuses to keep more answers; limits hold nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_still_counts_and_keeps_no_answer() {
    for on_failure in ["allow", "deny"] {
        full(on_failure).await;
    }
}

async fn full(on_failure: &str) {
    let upstream = Upstream::answering(Answer::json(200, &completion("Hello"))).await;
    let Some(mut site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 60}}},
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"requests": 2, "window": "hour"}, {"tokens": 1000, "window": "day"}]}]
    })) else {
        return;
    };
    site.config["store"]["on_failure"] = on_failure.into();
    site.redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    site.redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let gateway = site.gateway(1000).await;
    for status in [200, 200, 429] {
        let reply = gateway.post(CHAT, &chat("m", "Hello")).key("sk-ci").await;
        let line = logged(&gateway, &reply).await;
        assert_eq!((reply.status, reply.header("x-portcullis-cache")), (status, Some("miss")), "{line}");
        assert_eq!(reply.header("x-portcullis-store"), None, "{reply:?}");
        let why = line["store_failure"].as_str().unwrap_or_default();
        assert_eq!(why.contains("OOM"), status == 200, "{line}");
    }
    assert_eq!(used(&gateway, "sk-ci").await, [2.0, 14.0]);
}
