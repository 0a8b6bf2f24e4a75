//! Limits: hits of the cache, hedged requests, leases, stores that fail between the reservation and its end.

use host_tests::{Answer, PATIENCE, Upstream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::{CHAT, Site, chat, chunk, completion, logged, redis::Resp, settled, usage_chunk, used};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hit_uses_a_request_and_neither_tokens_nor_money() {
    let upstream = Upstream::answering(Answer::json(200, &completion("Kept."))).await;
    let Some(site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 600},
                         "price": {"input": 100_000, "output": 1_000_000}}},
        // Room for one request's reserve at a time.
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"requests": 4, "window": "hour"}, {"tokens": 45, "window": "hour"},
                                                            {"usd": 300, "window": "day"}, {"concurrent": 1}]}]
    })) else {
        return;
    };
    let gateway = site.gateway(1000).await;
    let send = |text: &'static str| gateway.post(CHAT, &chat("m", text)).key("sk-ci");
    for (nth, want) in [(1, "miss"), (2, "hit"), (3, "hit")] {
        let reply = send("Again?").await;
        assert_eq!((reply.status, reply.header("x-portcullis-cache")), (200, Some(want)), "{reply:?}");
        let left = (4 - nth).to_string();
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(&*left), "{reply:?}");
        let line = logged(&gateway, &reply).await;
        if want == "hit" {
            assert_eq!(reply.header("x-portcullis-cost-usd"), Some("0"), "{reply:?}");
            assert_eq!(
                (&line["cost_usd"], &line["gen_ai.usage.output_tokens"]),
                (&json!(0), &Value::Null),
                "{line}"
            );
        }
        assert_eq!(used(&gateway, "sk-ci").await, [f64::from(nth), 7.0, 2.5, 0.0]);
    }
    // Another request no longer fits into the tokens, and consumes nothing; a hit needs none.
    let body = |text: &str, most: u64| {
        let mut body = chat("m", text);
        body["max_tokens"] = most.into();
        body
    };
    let refused = gateway.post(CHAT, &body("Anew?", 39)).key("sk-ci").await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (429, &json!("tokens")), "{refused:?}");
    let hit = send("Again?").await;
    assert_eq!((hit.status, hit.header("x-portcullis-cache")), (200, Some("hit")), "{hit:?}");
    logged(&gateway, &hit).await;
    // The requests are used up: a hit is one, too.
    let refused = send("Again?").await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (429, &json!("requests")), "{refused:?}");
    assert_eq!(used(&gateway, "sk-ci").await, [4.0, 7.0, 2.5, 0.0]);
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_attempts_of_a_hedged_request_count() {
    let mut upstream = Upstream::by_hand().await;
    let url = |name: &str| upstream.url(&format!("/{name}/v1"));
    let Some(site) = Site::new(&json!({
        "upstreams": {"a": {"url": url("a")}, "b": {"url": url("b")}},
        "models": {"one": {"targets": [{"upstream": "a"}], "retries": 0},
                   "two": {"targets": [{"upstream": "a"}, {"upstream": "b"}], "hedge_ms": 50}},
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"tokens": 1000, "window": "hour"}]}]
    })) else {
        return;
    };
    let gateway = site.gateway(1000).await;
    // An attempt without an answer counts its prompt.
    let running = gateway.post(CHAT, &chat("one", "Count.")).key("sk-ci").spawn();
    upstream.next().await.reset();
    let reply = running.reply().await;
    assert_eq!(logged(&gateway, &reply).await["attempts"], 1);
    let [prompt] = used(&gateway, "sk-ci").await[..] else { panic!("one limit") };
    assert!(prompt > 0.0);

    let running = gateway.post(CHAT, &chat("two", "Count.")).key("sk-ci").spawn();
    let mut slow = upstream.next().await;
    let fast = upstream.next().await;
    assert_ne!(slow.request.path, fast.request.path);
    // While both are sent, both are reserved: each prompt, and 20 tokens of output.
    assert_eq!(used(&gateway, "sk-ci").await, [prompt + 2.0 * (prompt + 20.0)]);
    fast.answer(Answer::json(200, &completion("First!"))).await;
    let reply = running.reply().await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "First!");
    slow.closed().await;
    assert_eq!(logged(&gateway, &reply).await["attempts"], 2);
    // What is reported for the answer, and the prompt of the cancelled attempt.
    assert_eq!(used(&gateway, "sk-ci").await, [prompt + 7.0 + prompt]);
}

/// When the only lease of a Redis ends, in ms since the epoch.
fn lease(site: &Site) -> Option<i64> {
    let keys = site.keys("concurrent");
    let [key] = keys.as_slice() else { return None };
    match site.redis.command(&["ZRANGE", key, "0", "-1", "WITHSCORES"]) {
        Resp::Array(items) => items.last()?.clone().into_text()?.parse().ok(),
        other => panic!("no array: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_while_the_body_moves() {
    let mut upstream = Upstream::by_hand().await;
    let Some(site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}]}},
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"concurrent": 1, "lease_s": 9}]}]
    })) else {
        return;
    };
    let gateway = site.gateway(1000).await;
    let mut streamed = chat("m", "Go on.");
    streamed["stream"] = true.into();
    let running = gateway.post(CHAT, &streamed).key("sk-ci").spawn();
    let mut exchange = upstream.next().await;
    let first = lease(&site).expect("a lease");
    exchange.head(200, &[("content-type", "text/event-stream")]).await;
    exchange.event(&chunk(&json!({"content": "x"}), None)).await;
    let mut live = running.live().await;
    // Once a third of its time is over, the next piece of the body renews it.
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(live.event().await.is_some());
        match lease(&site) {
            Some(renewed) if renewed > first => break,
            Some(_) => {}
            None => panic!("the lease of a body that moves was lost"),
        }
        assert!(Instant::now() < until, "the lease is renewed");
        tokio::time::sleep(Duration::from_millis(200)).await;
        exchange.event(&chunk(&json!({"content": "x"}), None)).await;
    }
    let second = gateway.post(CHAT, &chat("m", "Me too?")).key("sk-ci").await;
    assert_eq!(
        (second.status, &second.json()["error"]["code"]),
        (429, &json!("rate_limit_exceeded")),
        "{second:?}"
    );
    exchange.event(&chunk(&json!({}), Some("stop"))).await;
    exchange.event("[DONE]").await;
    exchange.end().await;
    let id = live.header("x-request-id").map(str::to_owned);
    live.rest().await;
    settled(&gateway, id.as_deref()).await;
    assert_eq!((lease(&site), used(&gateway, "sk-ci").await), (None, vec![0.0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_keeps_its_leases_only_for_their_time() {
    let mut upstream = Upstream::by_hand().await;
    let Some(site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}]}, "other": {"engine": {}}},
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"concurrent": 1, "lease_s": 4},
                                                            {"tokens": 100, "window": "hour"}]}]
    })) else {
        return;
    };
    let killed = site.gateway(1000).await;
    let gateway = site.gateway(1000).await;
    let running = killed.post(CHAT, &chat("m", "Count.")).key("sk-ci").spawn();
    let mut exchange = upstream.next().await;
    assert!(lease(&site).is_some());
    drop(killed);
    running.hang_up();
    exchange.closed().await;
    // The lease ends by itself; the tokens stay counted.
    let reserved = used(&gateway, "sk-ci").await[1];
    assert!(reserved > 20.0, "{reserved}");
    let until = Instant::now() + PATIENCE;
    loop {
        let reply = gateway.post(CHAT, &chat("other", "Count.")).key("sk-ci").await;
        if reply.status == 200 {
            logged(&gateway, &reply).await;
            break;
        }
        assert_eq!((reply.status, Instant::now() < until), (429, true), "{reply:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let after = used(&gateway, "sk-ci").await;
    assert!(after[0] == 0.0 && after[1] > reserved, "{after:?} after {reserved}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_before_the_end_leaves_the_reservation() {
    let mut upstream = Upstream::by_hand().await;
    let Some(mut site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}]}},
        "keys": [{"name": "ci", "key": "sk-ci", "limits": [{"tokens": 1000, "window": "hour"}]}]
    })) else {
        return;
    };
    let gateway = site.gateway(1000).await;
    let mut streamed = chat("m", "Count.");
    streamed["stream"] = true.into();
    let running = gateway.post(CHAT, &streamed).key("sk-ci").spawn();
    let mut exchange = upstream.next().await;
    let reserved = used(&gateway, "sk-ci").await;
    assert!(reserved[0] > 20.0, "{reserved:?}");
    site.webdis.close();
    exchange.head(200, &[("content-type", "text/event-stream")]).await;
    exchange.event(&chunk(&json!({"content": "Hello"}), None)).await;
    exchange.event(&chunk(&json!({}), Some("stop"))).await;
    exchange.event(&usage_chunk()).await;
    exchange.event("[DONE]").await;
    exchange.end().await;
    // The caller gets all of it.
    let reply = running.reply().await;
    assert_eq!(reply.events().last().map(String::as_str), Some("[DONE]"), "{reply:?}");
    let line = logged(&gateway, &reply).await;
    assert!(
        line["store_failure"].as_str().is_some_and(|why| why.starts_with("store: unreachable")),
        "{line}"
    );
    assert_eq!(line["gen_ai.usage.output_tokens"], 2, "{line}");
    site.webdis.reopen();
    assert_eq!(used(&gateway, "sk-ci").await, reserved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_look_alike_have_their_own_counters() {
    let odd = "é\"\\\u{1}\n/.json?a=b&c {}%2F'";
    // A key of each name, with as many requests as its place in the list.
    let names = ["a", "a:b", "name:a", "anonymous", "key-1", "{portcullis:default}", odd];
    let keys: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(i, name)| json!({"name": name, "key": format!("sk-{i}")}))
        // Two keys of one name are one caller.
        .chain([json!({"name": "a", "key": "sk-other"})])
        .collect();
    let models = ["b:c", "c", odd];
    let Some(mut site) = Site::new(&json!({
        "models": models.iter().map(|model| ((*model).to_owned(), json!({"engine": {}}))).collect::<serde_json::Map<_, _>>(),
        "keys": keys,
        "limits": [{"per": "key", "requests": 100, "window": "hour"}, {"per": "key+model", "requests": 100, "window": "hour"}]
    })) else {
        return;
    };
    let gateway = site.gateway(1000).await;
    let send = |gateway: &host_tests::Gateway, key: String, model: &'static str| {
        let call = gateway.post(CHAT, &chat(model, odd)).key(&key);
        async move {
            let reply = call.await;
            assert_eq!(
                (reply.status, reply.header("x-portcullis-store")),
                (200, None),
                "{key} {model}: {reply:?}"
            );
            reply
        }
    };
    for (i, _) in names.iter().enumerate() {
        for nth in 0..=i {
            let reply = send(&gateway, format!("sk-{i}"), models[nth % models.len()]).await;
            logged(&gateway, &reply).await;
        }
    }
    for (i, name) in names.iter().enumerate() {
        let want: Vec<f64> = std::iter::once(i + 1)
            .chain((0..models.len()).map(|model| (0..=i).filter(|nth| nth % models.len() == model).count()))
            .map(|count| count as f64)
            .collect();
        let mut all = used(&gateway, &format!("sk-{i}")).await;
        // Models are listed by name.
        all[1..].sort_by(f64::total_cmp);
        let mut sorted = want.clone();
        sorted[1..].sort_by(f64::total_cmp);
        assert_eq!(all, sorted, "{name}");
    }
    assert_eq!(used(&gateway, "sk-other").await[0], 1.0, "it shares the counter of `a`");
    // A namespace is none of another's beginning.
    site.config["store"]["namespace"] = "default.2".into();
    let other = site.gateway(1000).await;
    let reply = send(&other, "sk-0".to_owned(), "c").await;
    logged(&other, &reply).await;
    assert_eq!((used(&other, "sk-0").await[0], used(&gateway, "sk-0").await[0]), (1.0, 1.0));
    // No name stands in the store.
    for key in site.keys("") {
        assert!(key.bytes().all(|b| b.is_ascii_graphic()) && !key.contains("name"), "{key}");
    }
}
