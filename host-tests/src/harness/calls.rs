//! How often the component calls its host on each path of a request.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_host::{Options, Program};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{CHUNKED, chunk, event, head};
use super::{Answer, Call, Gateway, Live, Upstream, background, build, component, patiently};

/// The calls of one request on an instance that has served another one before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostCalls {
    /// What the request is.
    pub path: String,
    /// How often it called each function, by `interface.function`.
    pub by_name: BTreeMap<String, u64>,
}

impl HostCalls {
    /// All calls.
    pub fn total(&self) -> u64 {
        self.by_name.values().sum()
    }
}

/// How many events, or pieces of a body, the streamed answers have. Each is sent when the caller has received the one
/// before, the first together with the head and the last together with the end of the body, so that the number of reads
/// does not depend on timing.
const PIECES: usize = 20;

/// How many equal requests are counted. The one with the fewest calls is taken: where the system delivers one write in
/// two reads, the component has to read, and call its host, once more.
const COUNTED: usize = 5;

const CHAT: &str = "/v1/chat/completions";
const KEY: &str = "sk-caller";

/// Counts the calls on each path.
///
/// # Panics
///
/// When a component does not build, or a request is not answered as it should be.
pub async fn host_calls() -> Vec<HostCalls> {
    let building = background().spawn_blocking(|| {
        let nulls = ["null-component", "null-proxy"].map(|name| {
            let null = Program::load(&build(name, &[])).expect("the component loads");
            null.counting_calls().expect("the component links")
        });
        (component().counting_calls().expect("the component links"), nulls)
    });
    let (program, [null, null_proxy]) = building.await.expect("the components were built");
    let whole =
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "one two three four five"}]});
    let streamed = with(&whole, "stream", json!(true));
    let post = |gateway: &Gateway| gateway.post(CHAT, &whole);
    let engine = Counting::start(&program, &[]).await;
    let completion = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}});
    let upstream = Upstream::answering(Answer::json(200, &completion)).await;
    let proxy = Counting::start(&null_proxy, &[("UPSTREAM", &upstream.addr().to_string())]).await;
    let forwarding = Counting::before(&program, &upstream, false).await;
    let mut counts = vec![
        Counting::start(&null, &[]).await.count("null component", post).await,
        proxy.count("null proxy", post).await,
        engine.count("`GET /health`", |gateway| gateway.get("/health").no_key()).await,
        engine.count("wrong key", |gateway| gateway.post(CHAT, &whole).key("sk-other")).await,
        engine.count("`GET /v1/models`", |gateway| gateway.get("/v1/models")).await,
        engine.count("chat, engine", post).await,
        engine.count("stream of 9 events, engine", |gateway| gateway.post(CHAT, &streamed)).await,
        forwarding.count("chat, upstream", post).await,
    ];
    for (path, splice) in [("stream of 20 events, upstream", false), ("the same, spliced", true)] {
        let mut upstream = Upstream::by_hand().await;
        let forwarding = Counting::before(&program, &upstream, splice).await;
        let call = |gateway: &Gateway| gateway.post(CHAT, &streamed);
        counts.push(forwarding.count_by_hand(path, call, &mut upstream, Kind::Events).await);
    }
    let mut upstream = Upstream::by_hand().await;
    let forwarding = Counting::before(&program, &upstream, false).await;
    let call = |gateway: &Gateway| gateway.get("/v1/files/file-1/content");
    let file = forwarding.count_by_hand("file in 20 pieces, upstream", call, &mut upstream, Kind::File);
    counts.push(file.await);
    counts
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

/// What an upstream answers by hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Events,
    File,
}

/// A gateway that prints the calls of each request.
struct Counting(Gateway);

impl Counting {
    async fn start(program: &Program, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().chain(&[("PORTCULLIS_API_KEYS", KEY)]);
        let settings = settings.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Self(Gateway::serve(program, Options { settings, ..Gateway::options() }).await)
    }

    /// A gateway that forwards all models to `upstream`.
    async fn before(program: &Program, upstream: &Upstream, splice: bool) -> Self {
        let config = json!({
            "upstreams": {"local": {"url": upstream.url("/v1"), "splice": splice}},
            "models": {"*": {"targets": [{"upstream": "local"}]}},
            "passthrough": "local",
        });
        Self::start(program, &[("PORTCULLIS_CONFIG", &config.to_string())]).await
    }

    /// The calls of a request on an instance that has served an equal one before.
    async fn count(&self, path: &'static str, call: impl Fn(&Gateway) -> Call) -> HostCalls {
        let before = self.lines().len();
        for number in 1..=1 + COUNTED {
            let reply = call(&self.0).await;
            assert!(reply.status < 500, "{path}: {reply:?}");
            self.wait_for(before + number).await;
        }
        self.fewest(path)
    }

    /// The same, with an upstream that sends each piece when the one before has arrived.
    async fn count_by_hand(
        &self,
        path: &'static str,
        call: impl Fn(&Gateway) -> Call,
        upstream: &mut Upstream,
        kind: Kind,
    ) -> HostCalls {
        for number in 1..=1 + COUNTED {
            let running = call(&self.0).spawn();
            let mut exchange = upstream.next().await;
            let content = if kind == Kind::Events { "text/event-stream" } else { "application/octet-stream" };
            let start = head(200, &[("content-type", content)], CHUNKED);
            exchange.raw([start, piece(kind, 0)].concat()).await;
            let mut live = running.live().await;
            receive(&mut live, kind).await;
            for number in 1..PIECES - 1 {
                exchange.raw(piece(kind, number)).await;
                receive(&mut live, kind).await;
            }
            exchange.finish(piece(kind, PIECES - 1)).await;
            assert!(live.rest().await.status == 200, "{path}");
            self.wait_for(number).await;
            self.0.connection_is_back().await;
        }
        self.fewest(path)
    }

    /// The lines that count calls.
    fn lines(&self) -> Vec<Value> {
        let lines = self.0.logs().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        lines.filter(|line| line["host_calls"].is_u64()).collect()
    }

    async fn wait_for(&self, count: usize) {
        let enough = async {
            while self.lines().len() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        patiently("the calls of a request", enough).await;
    }

    /// The counted request with the fewest calls.
    fn fewest(&self, path: &'static str) -> HostCalls {
        let mut lines = self.lines();
        let counted = lines.split_off(lines.len() - COUNTED);
        let calls = counted.into_iter().map(|line| {
            let by_name = serde_json::from_value(line["by_name"].clone()).expect("counts by name");
            HostCalls { path: path.to_owned(), by_name }
        });
        calls.min_by_key(HostCalls::total).expect("requests were counted")
    }
}

/// A piece of the body as a chunk.
fn piece(kind: Kind, number: usize) -> Vec<u8> {
    match kind {
        Kind::File => chunk(&[b'a'; 1024]),
        Kind::Events if number + 1 == PIECES => chunk(event("[DONE]").as_bytes()),
        Kind::Events => {
            let finish = if number + 2 == PIECES { json!("stop") } else { Value::Null };
            let data = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [
                {"index": 0, "delta": {"content": "word "}, "finish_reason": finish}]});
            chunk(event(&data.to_string()).as_bytes())
        }
    }
}

async fn receive(live: &mut Live, kind: Kind) {
    match kind {
        Kind::Events => assert!(live.event().await.is_some()),
        Kind::File => assert!(live.piece().await.expect("the answer goes on").is_some()),
    }
}
