//! What the component keeps in a real Redis behind webdis: answers of the cache, counters, leases. In the embedded host.

mod cache;
mod failing;
mod limited;
mod private;

#[path = "../../../tests/redis/mod.rs"]
mod redis;

use host_tests::{Gateway, Options, Reply};
use redis::{Door, Redis, Resp, WEBDIS_KEY};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A Redis, and the settings of gateways that share it.
struct Site {
    redis: Redis,
    webdis: Door,
    config: Value,
}

impl Site {
    /// `config` is `PORTCULLIS_CONFIG` without its store. None where there is no Redis, which is a failure in CI.
    fn new(config: &Value) -> Option<Self> {
        let redis = Redis::start()?;
        let webdis = redis.webdis();
        let mut config = config.clone();
        // Long: nothing here may depend on how loaded the machine is.
        config["store"] =
            json!({"url": webdis.url(), "api": "webdis", "key": WEBDIS_KEY, "timeout_ms": 10_000});
        Some(Self { redis, webdis, config })
    }

    /// A gateway with these settings, whose instances handle so many requests each.
    async fn gateway(&self, reuse: u32) -> Gateway {
        let settings = vec![("PORTCULLIS_CONFIG".to_owned(), self.config.to_string())];
        Gateway::start_with(Options { settings, reuse, ..Gateway::options() }).await
    }

    /// The names of the store's keys that have `part` in them.
    fn keys(&self, part: &str) -> Vec<String> {
        match self.redis.command(&["KEYS", &format!("*{part}*")]) {
            Resp::Array(keys) => keys.into_iter().filter_map(Resp::into_text).collect(),
            other => panic!("no array: {other:?}"),
        }
    }
}

/// A chat with an output limit of 20 tokens.
fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}]})
}

/// A whole answer of an upstream, with 7 tokens.
fn completion(text: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
           "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
                        "message": {"role": "assistant", "content": text, "refusal": null}}],
           "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
}

/// A chunk of an upstream's stream.
fn chunk(delta: &Value, finish_reason: Option<&str>) -> String {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
           "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
    .to_string()
}

/// The last chunk of an upstream's stream, with 7 tokens.
fn usage_chunk() -> String {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
           "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
    .to_string()
}

/// Waits until a request is settled, and returns its log line.
async fn settled(gateway: &Gateway, request_id: Option<&str>) -> Value {
    let id = request_id.expect("every response has an id").to_owned();
    let line = gateway.log(|line| line.starts_with('{') && line.contains(&id)).await;
    serde_json::from_str(&line).expect("a line of JSON")
}

/// Waits until the request of a complete response is settled, and returns its log line.
async fn logged(gateway: &Gateway, reply: &Reply) -> Value {
    settled(gateway, reply.header("x-request-id")).await
}

/// How much of each of its limits a key has used.
async fn used(gateway: &Gateway, key: &str) -> Vec<f64> {
    let reply = gateway.get("/v1/portcullis/usage").key(key).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let rows = reply.json()["data"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["used"].as_f64().expect("a number")).collect()
}
