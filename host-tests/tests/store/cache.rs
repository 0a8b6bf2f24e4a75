//! The cache: hits whole and streamed, what is not kept, and who shares it.

use host_tests::{Answer, Reply, Upstream};
use serde_json::{Value, json};

use crate::{CHAT, Site, chat, chunk, completion, logged, settled, usage_chunk};

const APIS: [&str; 4] = [CHAT, "/v1/completions", "/v1/responses", "/v1/messages"];

fn config(upstream: &Upstream) -> Value {
    json!({"upstreams": {"up": {"url": upstream.url("/v1"), "responses": true},
                         "claude": {"url": upstream.url("/v1"), "api": "anthropic", "key": "sk"}},
           "models": {"m": {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 600}},
                      "claude": {"targets": [{"upstream": "claude"}], "cache": {"ttl_s": 600, "shared": true}}},
           "keys": [{"name": "dev", "key": "sk-dev"}, {"name": "ci", "key": "sk-ci"}]})
}

fn request(path: &str, text: &str, stream: bool) -> Value {
    let mut body = match path {
        "/v1/completions" => json!({"model": "m", "prompt": text}),
        "/v1/responses" => json!({"model": "m", "input": text}),
        "/v1/messages" => chat("claude", text),
        _ => chat("m", text),
    };
    body["stream"] = stream.into();
    body
}

/// An upstream's answer, whole or as a stream.
fn answer(path: &str, text: &str, stream: bool) -> Answer {
    let whole = match path {
        "/v1/completions" => {
            json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
        }
        "/v1/responses" => {
            json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": null, "model": "m",
            "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]}],
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}})
        }
        "/v1/messages" => {
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
            "stop_sequence": null, "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 5, "output_tokens": 2}})
        }
        _ => completion(text),
    };
    if !stream {
        return Answer::json(200, &whole);
    }
    let named =
        |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let data = |data: &str| format!("data: {data}\n\n");
    let events: Vec<String> = match path {
        "/v1/completions" => {
            let part = |text: &str, reason: Option<&str>| {
                data(&json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
                             "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": reason}]})
                .to_string())
            };
            vec![part(text, None), part("", Some("stop")), data(&usage_chunk()), data("[DONE]")]
        }
        "/v1/responses" => vec![
            named(json!({"type": "response.created", "sequence_number": 0,
                         "response": {"id": "resp_1", "object": "response", "status": "in_progress"}})),
            named(
                json!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0,
                         "content_index": 0, "delta": text, "logprobs": []}),
            ),
            named(json!({"type": "response.completed", "sequence_number": 2, "response": whole})),
        ],
        "/v1/messages" => {
            let mut start = whole.clone();
            (start["content"], start["stop_reason"]) = (json!([]), Value::Null);
            vec![
                named(json!({"type": "message_start", "message": start})),
                named(
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                ),
                named(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
                ),
                named(json!({"type": "content_block_stop", "index": 0})),
                named(
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                             "usage": {"output_tokens": 2}}),
                ),
                named(json!({"type": "message_stop"})),
            ]
        }
        _ => vec![
            data(&chunk(&json!({"role": "assistant", "content": ""}), None)),
            data(&chunk(&json!({"content": text}), None)),
            data(&chunk(&json!({}), Some("stop"))),
            data(&usage_chunk()),
            data("[DONE]"),
        ],
    };
    Answer::new(200, &[("content-type", "text/event-stream")], events.concat())
}

/// The text that a client reads of a response.
fn text(path: &str, reply: &Reply, stream: bool) -> String {
    let of_whole = |whole: &Value| match path {
        "/v1/completions" => whole["choices"][0]["text"].clone(),
        "/v1/responses" => whole["output"][0]["content"][0]["text"].clone(),
        "/v1/messages" => whole["content"][0]["text"].clone(),
        _ => whole["choices"][0]["message"]["content"].clone(),
    };
    if !stream {
        assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
        return of_whole(&reply.json()).as_str().expect("a text").to_owned();
    }
    assert!(
        reply.header("content-type").is_some_and(|label| label.starts_with("text/event-stream")),
        "{reply:?}"
    );
    let events: Vec<Value> =
        reply.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let deltas = events.iter().filter_map(|event| match path {
        "/v1/completions" => event["choices"][0]["text"].as_str(),
        "/v1/responses" if event["type"] == "response.output_text.delta" => event["delta"].as_str(),
        "/v1/responses" => None,
        "/v1/messages" => event["delta"]["text"].as_str(),
        _ => event["choices"][0]["delta"]["content"].as_str(),
    });
    deltas.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_answer_is_returned_whole_and_streamed() {
    let all = || APIS.iter().flat_map(|path| [(*path, false), (*path, true)]);
    // An answer has an odd text: it goes through webdis and back.
    let odd = |path: &str, stream| format!("{path} {stream} é漢😀 \"%2F/\\ \n\t\u{1} .json?a=b&c {{}}'");
    let upstream =
        Upstream::script(all().map(|(path, stream)| answer(path, &odd(path, stream), stream))).await;
    let Some(site) = Site::new(&config(&upstream)) else { return };
    let gateway = site.gateway(1000).await;
    for (nth, (path, first_streams)) in all().enumerate() {
        let prompt = format!("{first_streams}");
        for (streams, want) in [(first_streams, "miss"), (false, "hit"), (true, "hit"), (false, "hit")] {
            let reply = gateway.post(path, &request(path, &prompt, streams)).key("sk-dev").await;
            assert_eq!(
                (reply.status, reply.header("x-portcullis-cache")),
                (200, Some(want)),
                "{path} {reply:?}"
            );
            assert_eq!(text(path, &reply, streams), odd(path, first_streams), "{path} {streams}");
            // An answer is kept before its line is logged.
            let line = logged(&gateway, &reply).await;
            assert_eq!(line["cache"], want, "{line}");
            if want == "hit" {
                assert_eq!((&line["target"], &line["cost_usd"]), (&json!("cache"), &json!(0)), "{line}");
            }
        }
        assert_eq!(upstream.requests().len(), nth + 1, "{path} {first_streams}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_and_instances_share_answers_of_their_namespace() {
    let upstream =
        Upstream::script((0..9).map(|nth| Answer::json(200, &completion(&format!("answer {nth}"))))).await;
    let Some(mut site) = Site::new(&config(&upstream)) else { return };
    let hosts = [site.gateway(1).await, site.gateway(1).await, site.gateway(1000).await];
    site.config["store"]["namespace"] = "other".into();
    let other = site.gateway(1).await;
    for (gateway, key, want) in [
        (&hosts[0], "sk-dev", "miss"),
        (&hosts[0], "sk-dev", "hit"),
        (&hosts[1], "sk-dev", "hit"),
        (&hosts[2], "sk-dev", "hit"),
        (&hosts[1], "sk-ci", "miss"),
        (&other, "sk-dev", "miss"),
        (&hosts[2], "sk-ci", "hit"),
    ] {
        let reply = gateway.post(CHAT, &chat("m", "Shared?")).key(key).await;
        assert_eq!((reply.status, reply.header("x-portcullis-cache")), (200, Some(want)), "{key} {reply:?}");
        logged(gateway, &reply).await;
    }
    assert_eq!(upstream.requests().len(), 3);
    assert_eq!((site.keys("default}:cache:").len(), site.keys("other}:cache:").len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_decides_whether_its_answer_is_kept() {
    let upstream =
        Upstream::script((0..9).map(|nth| Answer::json(200, &completion(&format!("answer {nth}"))))).await;
    let Some(site) = Site::new(&config(&upstream)) else { return };
    let gateway = site.gateway(1000).await;
    for (control, want, answer) in [
        ("no-store", "bypass", "answer 0"),
        ("", "miss", "answer 1"),
        ("no-store", "bypass", "answer 2"),
        ("", "hit", "answer 1"),
        ("max-age=0, no-cache", "miss", "answer 3"),
        ("", "hit", "answer 3"),
    ] {
        let reply = gateway.post(CHAT, &chat("m", "x")).key("sk-dev").header("cache-control", control).await;
        assert_eq!(
            (reply.status, reply.header("x-portcullis-cache")),
            (200, Some(want)),
            "{control} {reply:?}"
        );
        assert_eq!(text(CHAT, &reply, false), answer, "{control}");
        logged(&gateway, &reply).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_complete_answer_is_not_kept() {
    let mut upstream = Upstream::by_hand().await;
    let Some(site) = Site::new(&config(&upstream)) else { return };
    let gateway = site.gateway(1000).await;
    let error =
        json!({"error": {"message": "no", "type": "invalid_request_error", "param": null, "code": null}});
    let unfinished = [chunk(&json!({"content": "half"}), None), chunk(&json!({"content": " of it"}), None)];
    let unfinished = || Answer::events(unfinished.iter().map(String::as_str));
    for (what, stream, answer) in [
        ("an error", false, Answer::json(400, &error)),
        ("an error of the server", false, Answer::json(500, &error)),
        ("an error as a stream", true, Answer::events([&*error.to_string()])),
        ("a stream that is cut", true, unfinished().cut()),
        ("a stream that is reset", true, unfinished().then_reset()),
        ("a stream without a finish reason", true, unfinished()),
        ("a whole answer that is cut", false, Answer::json(200, &completion("cut")).cut()),
        ("no completion", false, Answer::json(200, &json!({"choices": []}))),
    ] {
        let running = gateway.post(CHAT, &request(CHAT, what, stream)).key("sk-dev").spawn();
        upstream.next().await.answer(answer).await;
        // What has not begun is tried again.
        let retries = async {
            loop {
                upstream.next().await.answer(Answer::json(400, &error)).await;
            }
        };
        let reply = tokio::select! {
            reply = running.reply() => reply,
            () = retries => unreachable!("it has no end"),
        };
        let line = logged(&gateway, &reply).await;
        assert_eq!(line["cache"], "miss", "{what}: {line}");
        assert_eq!(site.keys("cache"), Vec::<String>::new(), "{what}: {line}");
    }
    // The caller leaves a stream before its end.
    let running = gateway.post(CHAT, &request(CHAT, "left", true)).key("sk-dev").spawn();
    let mut exchange = upstream.next().await;
    exchange.head(200, &[("content-type", "text/event-stream")]).await;
    exchange.event(&chunk(&json!({"content": "half"}), None)).await;
    let mut live = running.live().await;
    assert!(live.event().await.is_some());
    let id = live.header("x-request-id").map(str::to_owned);
    live.hang_up();
    exchange.closed().await;
    settled(&gateway, id.as_deref()).await;
    assert_eq!(site.keys("cache"), Vec::<String>::new());
}
