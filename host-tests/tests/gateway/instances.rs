//! A reused instance responds like a fresh one.

use host_tests::{Call, Gateway, Options, PATIENCE, Reply};
use serde_json::{Value, json};

use super::{CHAT, KEYS, chat, streamed};

/// A gateway with this setting whose instances are reused for `reuse` requests.
pub(super) async fn reusing(reuse: u32, setting: (&str, &str)) -> Gateway {
    let settings = vec![(setting.0.to_owned(), setting.1.to_owned())];
    Gateway::start_with(Options { settings, reuse, ..Gateway::options() }).await
}

/// Requests of every kind, valid and invalid, independent of each other.
fn calls(gateway: &Gateway) -> Vec<Call> {
    let completion = |more: Value| {
        let mut body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["one two", "three"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        gateway.post("/v1/completions", &body)
    };
    vec![
        gateway.get("/v1/models"),
        gateway.post(CHAT, &chat("one two three")),
        gateway.post(CHAT, &streamed("one two three")),
        gateway.call("POST", CHAT).body("{"),
        completion(json!({"n": 2, "echo": true})),
        completion(json!({"stream": true, "max_tokens": 1})),
        gateway.get("/v1/models").no_key(),
        gateway.post(CHAT, &json!({"model": "gpt-0", "messages": []})),
        gateway.get("/nowhere"),
    ]
}

/// A response without ids and timestamps.
fn essence(reply: &Reply) -> (u16, Option<String>, Vec<Value>) {
    let strip = |text: &str| -> Value {
        let mut value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        if let Some(object) = value.as_object_mut() {
            // The `created` of a model is fixed, but it is not at the top level.
            object.remove("id");
            object.remove("created");
        }
        value
    };
    let body = match reply.header("content-type") {
        Some(kind) if kind.starts_with("text/event-stream") => {
            reply.events().iter().map(|e| strip(e)).collect()
        }
        _ => vec![strip(reply.text())],
    };
    (reply.status, reply.header("content-type").map(str::to_owned), body)
}

/// Sends a call and waits until the instance that handled it is idle.
pub(super) async fn settled(gateway: &Gateway, call: Call) -> Reply {
    let reply = call.await;
    let id = reply.header("x-request-id").expect("every answer has one");
    gateway.log(|line| line.contains(id)).await;
    let idle = async {
        while gateway.idle_instances().len() as u64 != gateway.instances_made() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.expect("the instance becomes idle");
    reply
}

#[tokio::test]
async fn a_reused_instance_responds_as_a_fresh_one() {
    let mut fresh = Vec::new();
    let gateway = reusing(1, KEYS).await;
    for call in calls(&gateway) {
        fresh.push(essence(&call.await));
    }
    assert_eq!(gateway.instances_made(), fresh.len() as u64);

    let gateway = reusing(u32::MAX, KEYS).await;
    let mut memory = Vec::new();
    for round in 0..30 {
        for (call, fresh) in calls(&gateway).into_iter().zip(&fresh) {
            let reply = settled(&gateway, call).await;
            assert_eq!(essence(&reply), *fresh, "round {round}");
        }
        memory.push(gateway.idle_instances()[0].memory);
    }
    assert_eq!(gateway.instances_made(), 1);
    assert_eq!(memory[1], memory[29], "memory grows with the requests: {memory:?}");
}

#[tokio::test]
async fn ids_are_unique() {
    for reuse in [1, u32::MAX] {
        let gateway = reusing(reuse, KEYS).await;
        let mut ids = std::collections::HashSet::new();
        for _ in 0..20 {
            let reply = gateway.post(CHAT, &chat("hi")).await;
            let id = reply.json()["id"].as_str().expect("an id").to_owned();
            let request_id = reply.header("x-request-id").expect("every answer has one").to_owned();
            assert!(ids.insert(id) && ids.insert(request_id), "{reply:?}");
        }
    }
}

/// Measures the time from the compiled component to the first token count.
#[tokio::test]
#[ignore = "measures, and asserts nothing about time: cargo test -p host-tests --test gateway -- --ignored --nocapture how_soon"]
async fn time_until_a_fresh_instance_has_counted_tokens() {
    const TIMES: usize = 300;
    let body = json!({"model": "text-embedding-3-small", "input": "Count this.", "dimensions": 1});
    let gateways = [reusing(1, KEYS).await, reusing(u32::MAX, KEYS).await];
    let mut taken = [Vec::new(), Vec::new()];
    // Alternating, so that other load on the machine affects both.
    for _ in 0..TIMES {
        for (gateway, taken) in gateways.iter().zip(&mut taken) {
            let call = gateway.post("/v1/embeddings", &body);
            let start = std::time::Instant::now();
            let reply = call.await;
            taken.push(start.elapsed());
            assert_eq!(reply.json()["usage"]["prompt_tokens"], 3, "{reply:?}");
        }
    }
    for (name, mut taken) in ["a fresh instance", "one that waits"].into_iter().zip(taken) {
        taken.sort();
        let (least, median) = (taken[0], taken[TIMES / 2]);
        eprintln!("request to counted answer, {name}: median {median:?}, fastest {least:?}");
    }
}
