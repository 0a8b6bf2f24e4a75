//! The cache against a real Redis behind webdis, with a real upstream, without a host.

#![allow(clippy::disallowed_methods, reason = "the gateway's time is the real one here")]

#[path = "../redis/http.rs"]
mod http;
#[path = "../redis/mod.rs"]
mod redis;
mod upstream;

use http::{Sockets, Upload};
use portcullis::config::Config;
use portcullis::ctx::Ctx;
use portcullis::encode::convert::Gatherer;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Headers, Incoming, Method, Request};
use portcullis::log::Ending;
use portcullis::model::Endpoint;
use redis::{Redis, Resp, UPSTASH_KEY, WEBDIS_KEY};
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::{Duration, Instant};
use upstream::Upstream;

const APIS: [(Endpoint, &str); 4] = [
    (Endpoint::Chat, "/v1/chat/completions"),
    (Endpoint::Completions, "/v1/completions"),
    (Endpoint::Responses, "/v1/responses"),
    (Endpoint::Messages, "/v1/messages"),
];

/// A gateway before one upstream of OpenAI's APIs and one of Anthropic's, which are the same server.
struct Bench {
    upstream: Upstream,
    config: Value,
    nth: Cell<u64>,
}

struct Got {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    log: Value,
}

impl Got {
    fn cache(&self) -> Option<&str> {
        assert_eq!(self.log["cache"].as_str(), self.headers.get("x-portcullis-cache"), "{}", self.log);
        self.headers.get("x-portcullis-cache")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

impl Bench {
    fn new(api: &str, url: &str, key: &str) -> Self {
        let upstream = Upstream::start();
        let config = json!({
            "store": {"url": url, "api": api, "key": key, "timeout_ms": 2000},
            "upstreams": {"up": {"url": upstream.url(), "responses": true},
                          "claude": {"url": upstream.url(), "api": "anthropic", "key": "sk"}},
            "models": {"own": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 600}},
                       "claude": {"targets": [{"upstream": "claude"}], "cache": {"ttl_s": 60, "shared": true}},
                       "off": {"targets": [{"upstream": "up"}]}},
            "keys": [{"name": "dev", "key": "sk-dev"}, {"name": "ci", "key": "sk-ci"}]});
        Self { upstream, config, nth: Cell::new(1) }
    }

    fn send(&self, path: &str, headers: &[(&'static str, &str)], body: &str) -> Got {
        let vars = [("PORTCULLIS_CONFIG".to_owned(), self.config.to_string())];
        Config::from_vars(&vars).expect("valid settings");
        let gateway = Gateway::new(&vars);
        let start = Instant::now();
        let elapsed = || start.elapsed();
        self.nth.set(self.nth.get() + 1);
        let ctx =
            Ctx { now: Duration::from_secs(1_800_000_000), random: [self.nth.get(), 7], elapsed: &elapsed };
        let own = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
        let key = [("authorization", "Bearer sk-dev")];
        let with_key = headers.iter().any(|(name, _)| *name == "authorization");
        let key = if with_key { &[][..] } else { &key };
        let headers = own.iter().chain(key).chain(headers).map(|(name, value)| (*name, *value)).collect();
        let request = Request { method: Method::Post, path: path.to_owned(), query: None, headers };
        let exchange = gateway.handle(&request, &mut Upload(Some(body.into())), &Sockets, &ctx);
        let mut ending = Ending::default();
        let mut out = Vec::new();
        match exchange.response.body {
            Body::Full(bytes) => out = bytes,
            Body::Stream(items) => items.for_each(|item| match item {
                BodyItem::Failed(reason) | BodyItem::Abort(reason) => ending.broken = Some(reason),
                other => out.extend(other.into_bytes()),
            }),
            Body::Relay(mut relay) => {
                out = relay.head;
                while let Ok(Some(piece)) = relay.from.read() {
                    out.extend(piece);
                }
            }
        }
        let line = gateway.close(exchange.record, &ending, &Sockets, &elapsed).expect("it is logged");
        let log = serde_json::from_str(&line).expect("a line of JSON");
        Got { status: exchange.response.status, headers: exchange.response.headers, body: out, log }
    }
}

/// A request that asks for `what`.
fn body(api: Endpoint, model: &str, what: &str, stream: bool) -> String {
    let mut body = match api {
        Endpoint::Completions => json!({"model": model, "prompt": what}),
        Endpoint::Responses => json!({"model": model, "input": what}),
        _ => json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": what}]}),
    };
    body["stream"] = stream.into();
    body.to_string()
}

/// The whole answer that a body is.
fn whole(api: Endpoint, got: &Got) -> Value {
    if got.headers.get("content-type").is_some_and(|label| label.starts_with("application/json")) {
        return got.json();
    }
    let mut gatherer = Gatherer::new(api);
    gatherer.push(&got.body);
    // What the caller did not request is not in a stream of chunks.
    let usage = portcullis::turn::Usage { input: 5, output: 2, ..Default::default() };
    let answer =
        gatherer.finish(Some(usage)).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&got.body)));
    serde_json::from_slice(&answer).expect("JSON")
}

/// What a client reads of an answer: text, calls, finish reason, usage.
fn read(answer: &Value) -> Value {
    fn collect(value: &Value, out: &mut Vec<(String, String)>) {
        const READ: [&str; 13] = [
            "id",
            "content",
            "text",
            "arguments",
            "name",
            "finish_reason",
            "stop_reason",
            "status",
            "input",
            "prompt_tokens",
            "completion_tokens",
            "input_tokens",
            "output_tokens",
        ];
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                if READ.contains(&&**name) && !value.is_null() && !value.is_array() {
                    out.push((name.clone(), value.to_string()));
                }
                collect(value, out);
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    collect(answer, &mut out);
    out.sort();
    json!(out)
}

#[test]
fn an_answer_is_given_again_whole_and_streamed() {
    let Some(redis) = Redis::start() else { return };
    let (webdis, upstash) = (redis.webdis(), redis.upstash());
    for (protocol, url, key) in
        [("webdis", webdis.url(), WEBDIS_KEY), ("upstash", upstash.url(), UPSTASH_KEY)]
    {
        redis.command(&["FLUSHALL"]);
        let bench = Bench::new(protocol, &url, key);
        for (api, path) in APIS {
            // By an upstream of the same API, and where there are two by one of another.
            let models: &[&str] = if api == Endpoint::Completions { &["own"] } else { &["own", "claude"] };
            for (model, first_streams) in models.iter().flat_map(|model| [(model, false), (model, true)]) {
                let what = format!("{first_streams} é \"%/\\ 😀");
                let before = bench.upstream.count();
                let first = bench.send(path, &[], &body(api, model, &what, first_streams));
                assert_eq!(
                    (first.status, first.cache()),
                    (200, Some("miss")),
                    "{path} {model} {}",
                    first.log
                );
                let want = read(&whole(api, &first));
                assert!(want.to_string().contains("answer"), "{want}");
                for streams in [false, true, false] {
                    let again = bench.send(path, &[], &body(api, model, &what, streams));
                    assert_eq!(
                        (again.status, again.cache()),
                        (200, Some("hit")),
                        "{path} {model} {}",
                        again.log
                    );
                    assert_eq!(read(&whole(api, &again)), want, "{path} {model} {first_streams} {streams}");
                    assert_eq!(
                        (again.log["cost_usd"].as_f64(), again.log["target"].as_str()),
                        (Some(0.0), Some("cache"))
                    );
                    assert_eq!(again.headers.get("x-portcullis-cost-usd"), Some("0"));
                    assert!(again.log["gen_ai.usage.input_tokens"].is_null(), "{}", again.log);
                }
                assert_eq!(bench.upstream.count(), before + 1, "{path} {model}");
            }
        }
    }
}

#[test]
fn the_usage_of_a_hit_is_that_of_the_answer() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    let chat = "/v1/chat/completions";
    // The caller of the stream did not request the usage, and does not get it; the whole answer has it.
    let first = bench.send(chat, &[], &body(Endpoint::Chat, "own", "x", true));
    assert!(!String::from_utf8_lossy(&first.body).contains("prompt_tokens"));
    let hit = bench.send(chat, &[], &body(Endpoint::Chat, "own", "x", false));
    assert_eq!((hit.cache(), &hit.json()["usage"]["total_tokens"]), (Some("hit"), &json!(7)));
    for (option, has_usage) in [(true, true), (false, false)] {
        let mut request: Value = serde_json::from_str(&body(Endpoint::Chat, "own", "x", true)).expect("JSON");
        request["stream_options"] = json!({"include_usage": option});
        let hit = bench.send(chat, &[], &request.to_string());
        assert_eq!(hit.cache(), Some("hit"));
        assert_eq!(String::from_utf8_lossy(&hit.body).contains("\"prompt_tokens\":5"), has_usage);
    }
}

#[test]
fn callers_have_their_own_answers_unless_they_share_them() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    let (dev, ci) = ([("authorization", "Bearer sk-dev")], [("authorization", "Bearer sk-ci")]);
    for (model, want) in [("own", Some("miss")), ("claude", Some("hit"))] {
        let body = body(Endpoint::Messages, model, "shared", false);
        assert_eq!(bench.send("/v1/messages", &dev, &body).cache(), Some("miss"), "{model}");
        assert_eq!(bench.send("/v1/messages", &ci, &body).cache(), want, "{model}");
        assert_eq!(bench.send("/v1/messages", &dev, &body).cache(), Some("hit"), "{model}");
    }
    let body = |user: &str| {
        json!({"model": "own", "input": "x", "user": user, "metadata": {"of": user}}).to_string()
    };
    let first = bench.send("/v1/responses", &dev, &body("alice"));
    let hit = bench.send("/v1/responses", &dev, &body("bob"));
    assert_eq!((first.cache(), hit.cache()), (Some("miss"), Some("hit")));
    assert_eq!((&hit.json()["user"], &hit.json()["metadata"]["of"]), (&json!("bob"), &json!("bob")));
}

#[test]
fn a_request_decides_about_its_answer() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    let chat = "/v1/chat/completions";
    let text = |got: &Got| got.json()["choices"][0]["message"]["content"].as_str().map(str::to_owned);
    let send = |control: Option<&str>| {
        let headers: Vec<_> = control.iter().map(|control| ("cache-control", *control)).collect();
        bench.send(chat, &headers, &body(Endpoint::Chat, "own", "x", false))
    };
    let first = send(None);
    let bypass = send(Some("no-store"));
    assert_eq!((bypass.cache(), text(&bypass) == text(&first)), (Some("bypass"), false));
    assert_eq!(text(&send(None)), text(&first), "nothing was kept of it");
    let anew = send(Some("max-age=0, no-cache"));
    assert_eq!((anew.cache(), text(&anew) == text(&first)), (Some("miss"), false));
    let hit = send(None);
    assert_eq!((hit.cache(), text(&hit)), (Some("hit"), text(&anew)), "it took the place of the first");
    for (path, body, want) in [
        (chat, r#"{"model":"own","messages":[{"role":"user","content":"x"}],"x":1,"x":1}"#, Some("bypass")),
        (chat, r#"{"model":"off","messages":[{"role":"user","content":"x"}]}"#, None),
        ("/v1/responses", r#"{"model":"own","input":"x","conversation":"conv_1"}"#, Some("bypass")),
    ] {
        assert_eq!(bench.send(path, &[], body).cache(), want, "{body}");
        assert_eq!(bench.send(path, &[], body).cache(), want, "{body}");
    }
}

#[test]
fn what_is_no_whole_answer_is_not_kept() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    for (what, streams, status, again) in [
        ("error", false, 400, "miss"),
        ("cut", true, 200, "miss"),
        ("long 200000", false, 200, "hit"),
        ("long 200000", true, 200, "hit"),
        ("long 1100000", false, 200, "miss"),
    ] {
        for (api, path) in APIS {
            let body = body(api, "own", what, streams);
            let first = bench.send(path, &[], &body);
            assert_eq!(first.status, status, "{path} {what} {}", first.log);
            let second = bench.send(path, &[], &body);
            assert_eq!((second.status, second.cache()), (status, Some(again)), "{path} {what} {streams}");
        }
    }
}

#[test]
fn the_store_holds_digests_and_answers_and_only_for_their_time() {
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    let secret = json!({"model": "off", "messages": [{"role": "user", "content": "prompt"}]}).to_string();
    bench.send("/v1/chat/completions", &[], &secret);
    assert_eq!(redis.dump(), [], "without the cache nothing is in the store");
    let request =
        json!({"model": "own", "input": "the prompt", "user": "alice", "metadata": {"of": "alice"}});
    bench.send("/v1/responses", &[], &request.to_string());
    let keys: Vec<String> = redis.dump().into_iter().map(|(key, _)| key).collect();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let rest = key.strip_prefix("{portcullis:default}:cache:").expect("the key's form");
    assert!(rest.trim_end_matches(':').len() == 64 && !key.contains("gpt"), "{key}");
    let Resp::Integer(ttl) = redis.command(&["TTL", key]) else { panic!("no time") };
    assert!((590..=600).contains(&ttl), "{ttl}");
    let Some(value) = redis.command(&["GET", key]).into_text() else { panic!("no value") };
    let value: Value = serde_json::from_str(&value).expect("the answer");
    assert_eq!((&value["user"], &value["metadata"]), (&Value::Null, &json!({})), "{value}");
    assert!(!value.to_string().contains("the prompt") && !value.to_string().contains("dev"), "{value}");
    // What is in the store need not be an answer.
    redis.command(&["SET", key, "nonsense", "EX", "100"]);
    assert_eq!(bench.send("/v1/responses", &[], &request.to_string()).cache(), Some("miss"));
    assert_eq!(bench.send("/v1/responses", &[], &request.to_string()).cache(), Some("hit"));
}

#[test]
fn without_the_store_the_request_goes_on() {
    let Some(redis) = Redis::start() else { return };
    let mut webdis = redis.webdis();
    let mut bench = Bench::new("webdis", &webdis.url(), WEBDIS_KEY);
    bench.config["store"]["timeout_ms"] = 100.into();
    bench.config["store"]["on_failure"] = "deny".into();
    let body = body(Endpoint::Chat, "own", "x", false);
    assert_eq!(bench.send("/v1/chat/completions", &[], &body).cache(), Some("miss"));
    let is_down = |got: &Got| {
        assert_eq!((got.status, got.cache()), (200, Some("bypass")), "{}", got.log);
        assert_eq!(got.headers.get("x-portcullis-store"), Some("down"));
        assert!(got.log["store_failure"].is_string(), "{}", got.log);
    };
    redis.command(&["CLIENT", "PAUSE", "400"]);
    let start = Instant::now();
    is_down(&bench.send("/v1/chat/completions", &[], &body));
    assert!(start.elapsed() < Duration::from_millis(390), "{:?}", start.elapsed());
    webdis.close();
    is_down(&bench.send("/v1/chat/completions", &[], &body));
}
