//! The component of `spin.toml`, with Spin's variables and its interface to Redis played by the test.

mod host;
mod outbound;
#[path = "../../../tests/redis/mod.rs"]
mod server;

use host::{Missing, Reply, Spin};
use host_tests::{Answer, Upstream};
use serde_json::{Value, json};
use server::{Redis, Resp};

const CHAT: &str = "/v1/chat/completions";

/// A chat that the engine or an upstream answers.
fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}]})
}

/// A host whose gateway has a store with these fields beside its address, and these other settings.
fn with_store(redis: &Redis, store: &Value, settings: &Value) -> Spin {
    let url = format!("redis://{}", redis.address());
    let spin = Spin::new(&[&url]);
    let mut config = settings.clone();
    config["store"] = json!({"url": url, "api": "redis"});
    for (name, value) in store.as_object().into_iter().flatten() {
        config["store"][name] = value.clone();
    }
    spin.set("config", Ok(&config.to_string()));
    spin
}

fn one_key(limits: &Value) -> Value {
    json!({"keys": [{"name": "ci", "key": "sk-ci", "limits": limits}]})
}

fn error_code(reply: &Reply) -> Value {
    serde_json::from_str::<Value>(&reply.body).expect("JSON")["error"]["code"].clone()
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn settings_come_from_spin_s_variables() {
    let spin = Spin::new(&[]);
    let mut instance = spin.instance().await;

    // A failing provider must not open the gateway, and the failure must not persist.
    spin.set("api_keys", Err(Missing::Provider("vault: permission denied for token s.123".to_owned())));
    let reply = instance.send("GET", "/v1/models", "sk-test", None).await;
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(reply.body.contains("PORTCULLIS_API_KEYS"), "{reply:?}");
    assert!(
        !reply.body.contains("vault") && !reply.body.contains("s.123"),
        "the provider's error belongs in the log: {reply:?}"
    );

    // The other variables are undefined, like those that are not in the manifest, or empty, as in spin.toml.
    spin.set("api_keys", Ok(""));
    spin.set("config", Ok(r#"{"keys": [{"name": "ci", "key": "$CI_KEY"}]}"#));
    spin.set("ci_key", Ok("sk-test"));
    spin.set("upstream_url", Ok(""));
    let reply = instance.send("GET", "/v1/models", "sk-test", None).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.contains("gpt-4o"), "{reply:?}");
    assert_eq!(instance.send("GET", "/v1/models", "sk-wrong", None).await.status, 401);

    let mut bare = Spin::new(&[]).instance().await;
    let reply = bare.send("GET", "/v1/models", "sk-test", None).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(reply.body.contains("PORTCULLIS_API_KEYS"), "the error names the setting: {reply:?}");
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn limits_are_counted_in_redis() {
    let Some(redis) = Redis::start() else { return };
    let limits =
        json!([{"requests": 3, "window": "hour"}, {"tokens": 100_000, "window": "day"}, {"concurrent": 1}]);
    // Two hosts share their counters.
    let hosts = [
        with_store(&redis, &json!({}), &one_key(&limits)),
        with_store(&redis, &json!({}), &one_key(&limits)),
    ];
    let mut tokens = 0;
    for nth in 0..6 {
        let reply = hosts[nth % 2].post(CHAT, "sk-ci", &chat("gpt-4o", "Count me.")).await;
        // Reserved and settled by one connection.
        assert_eq!(reply.opened, 1, "{reply:?}");
        assert_eq!(reply.header("x-portcullis-store"), None, "{reply:?}");
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"), "{reply:?}");
        if nth < 3 {
            assert_eq!(reply.status, 200, "{reply:?}");
            let body: Value = serde_json::from_str(&reply.body).expect("JSON");
            tokens += body["usage"]["total_tokens"].as_u64().expect("a count");
            assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(&*(2 - nth).to_string()));
        } else {
            assert_eq!((reply.status, error_code(&reply)), (429, json!("rate_limit_exceeded")), "{reply:?}");
        }
    }
    let mut instance = hosts[0].instance().await;
    let usage = instance.send("GET", "/v1/portcullis/usage", "sk-ci", None).await;
    let usage: Value = serde_json::from_str(&usage.body).expect("JSON");
    let used: Vec<_> =
        usage["data"].as_array().expect("a list").iter().map(|limit| limit["used"].clone()).collect();
    assert_eq!(used, [json!(3), json!(tokens), json!(0)], "{usage}");
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn a_kept_answer_comes_from_redis() {
    let Some(redis) = Redis::start() else { return };
    let answer = |text: &str| {
        Answer::json(
            200,
            &json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}),
        )
    };
    let upstream = Upstream::script([answer("first é \"%/\\ 😀"), answer("second")]).await;
    let mut settings =
        one_key(&json!([{"requests": 9, "window": "hour"}, {"tokens": 1000, "window": "hour"}]));
    settings["upstreams"] = json!({"up": {"url": upstream.url("/v1")}});
    settings["models"] = json!({"m": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 600}}});
    let spin = with_store(&redis, &json!({}), &settings);
    for want in ["miss", "hit", "hit"] {
        let reply = spin.post(CHAT, "sk-ci", &chat("m", "Again?")).await;
        assert_eq!((reply.status, reply.header("x-portcullis-cache")), (200, Some(want)), "{reply:?}");
        let body: Value = serde_json::from_str(&reply.body).expect("JSON");
        assert_eq!(body["choices"][0]["message"]["content"], "first é \"%/\\ 😀");
    }
    let mut streamed = chat("m", "Again?");
    streamed["stream"] = true.into();
    let reply = spin.post(CHAT, "sk-ci", &streamed).await;
    assert_eq!(reply.header("x-portcullis-cache"), Some("hit"), "{reply:?}");
    assert!(reply.body.ends_with("data: [DONE]\n\n") && reply.body.contains("first é"), "{reply:?}");
    assert_eq!(upstream.requests().len(), 1);
    // Four requests were counted, and the tokens of the first alone.
    let usage = spin.instance().await.send("GET", "/v1/portcullis/usage", "sk-ci", None).await;
    let usage: Value = serde_json::from_str(&usage.body).expect("JSON");
    assert_eq!([&usage["data"][0]["used"], &usage["data"][1]["used"]], [&json!(4), &json!(7)], "{usage}");
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn a_redis_that_fails_is_a_store_that_is_down() {
    let Some(redis) = Redis::start() else { return };
    let settings = one_key(&json!([{"requests": 100, "window": "hour"}]));
    let denied = with_store(&redis, &json!({"url": "redis://127.0.0.1:1"}), &settings);
    let locked = || redis.command(&["CONFIG", "SET", "requirepass", "right:/@ %"]);
    let wrong_key = with_store(&redis, &json!({"key": ":wrong:/@"}), &settings);
    let right_key = with_store(&redis, &json!({"key": ":right:/@ %"}), &settings);
    for (what, spin, set_up, reason) in [
        ("not permitted", &denied, None, "allowed_outbound_hosts"),
        ("wrong password", &wrong_key, Some(&locked as &dyn Fn() -> Resp), "uthentication"),
    ] {
        set_up.map(|set_up| set_up());
        let reply = spin.post(CHAT, "sk-ci", &chat("gpt-4o", "Hello")).await;
        assert_eq!(
            (reply.status, reply.header("x-portcullis-store")),
            (200, Some("down")),
            "{what}: {reply:?}"
        );
        assert!(reply.log.contains(reason), "{what}: {reply:?}");
        assert!(!reply.log.contains("wrong:/@") && !reply.log.contains("wrong%3A"), "{what}: {reply:?}");
        let mut config: Value = serde_json::from_str(&spin.get("config")).expect("JSON");
        config["store"]["on_failure"] = "deny".into();
        spin.set("config", Ok(&config.to_string()));
        let reply = spin.post(CHAT, "sk-ci", &chat("gpt-4o", "Hello")).await;
        assert_eq!(
            (reply.status, error_code(&reply)),
            (503, json!("store_unavailable")),
            "{what}: {reply:?}"
        );
    }
    let reply = right_key.post(CHAT, "sk-ci", &chat("gpt-4o", "Hello")).await;
    assert_eq!((reply.status, reply.header("x-portcullis-store")), (200, None), "{reply:?}");
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn the_store_s_address_is_one_of_redis() {
    let spin = Spin::new(&[]);
    for (store, want) in [
        (json!({"url": "http://127.0.0.1:6379", "api": "redis"}), "store.url"),
        (json!({"url": "redis://127.0.0.1:6379", "api": "redis", "timeout_ms": 50}), "store.timeout_ms"),
    ] {
        spin.set("config", Ok(&json!({"store": store}).to_string()));
        let reply = spin.post(CHAT, "sk-ci", &chat("gpt-4o", "Hello")).await;
        assert_eq!(reply.status, 500, "{reply:?}");
        assert!(reply.log.contains(want), "{reply:?}");
    }
}
