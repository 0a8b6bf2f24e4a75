//! Cached responses: a stream is collected into the same response as a plain one, and a plain response is converted to a
//! stream without loss.

use portcullis::ctx::Ctx;
use portcullis::encode::convert::{Gatherer, MAX_ANSWER, addressed, is_complete, stream};
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Method, Request};
use portcullis::model::Endpoint;
use portcullis::turn::Usage;
use serde_json::{Value, json};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

fn path(api: Endpoint) -> &'static str {
    match api {
        Endpoint::Chat => "/v1/chat/completions",
        Endpoint::Completions => "/v1/completions",
        Endpoint::Messages => "/v1/messages",
        _ => "/v1/responses",
    }
}

/// The engine's response to a request.
fn answer(api: Endpoint, body: &Value) -> Vec<u8> {
    let config = json!({"models": {"gpt-4o": {"engine": {}}, "gpt-4": {"engine": {}}, "o4-mini": {"engine": {}},
        "gpt-3.5-turbo-instruct": {"engine": {}}, "claude-sonnet-4-5": {"engine": {}}, "gpt-5.5": {"engine": {}}}});
    let settings = [
        ("PORTCULLIS_ALLOW_ANONYMOUS".to_owned(), "true".to_owned()),
        ("PORTCULLIS_CONFIG".to_owned(), config.to_string()),
    ];
    let elapsed = || Duration::ZERO;
    let ctx = Ctx { now: Duration::from_secs(1_700_000_000), random: [1, 2], elapsed: &elapsed };
    let request = Request {
        method: Method::Post,
        path: path(api).to_owned(),
        query: None,
        headers: [("anthropic-version", "2023-06-01")].into_iter().collect(),
    };
    let mut upload = Whole(Some(body.to_string().into_bytes()));
    let response = Gateway::new(&settings).handle(&request, &mut upload, &Nowhere, &ctx).response;
    let bytes = match response.body {
        Body::Full(bytes) => bytes,
        Body::Stream(items) => items.flat_map(BodyItem::into_bytes).collect(),
        Body::Relay(_) => panic!("the engine does not forward"),
    };
    assert_eq!(response.status, 200, "{body} {}", String::from_utf8_lossy(&bytes));
    bytes
}

fn gather(api: Endpoint, events: &[u8], piece: usize) -> Option<Value> {
    let mut gatherer = Gatherer::new(api);
    events.chunks(piece).for_each(|piece| gatherer.push(piece));
    gatherer.finish(None).map(|answer| serde_json::from_slice(&answer).expect("JSON"))
}

/// The value without null and empty members, which streams omit.
fn without_empty(value: &Value) -> Value {
    let is_set = |value: &Value| !value.is_null() && value != &json!([]);
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| is_set(value))
            .map(|(name, value)| (name.clone(), without_empty(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

fn requests() -> Vec<(Endpoint, Value)> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"], "additionalProperties": false});
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    let function = json!({"type": "function", "function": {"name": "weather", "parameters": schema}});
    let flat = json!({"type": "function", "name": "weather", "parameters": schema, "strict": true});
    let custom = json!({"type": "custom", "name": "weather"});
    vec![
        (Endpoint::Chat, json!({"model": "gpt-4o", "messages": user("Grüße an 😀\n\"Anna\" \\")})),
        (
            Endpoint::Chat,
            json!({"model": "gpt-4o", "messages": user("Hi there"), "n": 3, "logprobs": true, "top_logprobs": 2}),
        ),
        (
            Endpoint::Chat,
            json!({"model": "gpt-4o", "messages": user("weather"), "tools": [function], "tool_choice": "required"}),
        ),
        (
            Endpoint::Chat,
            json!({"model": "gpt-4o", "messages": user("weather"), "functions": [function["function"]], "function_call": {"name": "weather"}}),
        ),
        (
            Endpoint::Chat,
            json!({"model": "gpt-4o", "messages": user("Plan"), "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": schema, "strict": true}}}),
        ),
        (Endpoint::Chat, json!({"model": "gpt-5.5", "messages": user("Think"), "reasoning_effort": "high"})),
        (
            Endpoint::Chat,
            json!({"model": "gpt-4o", "messages": user("a long text about the sea"), "max_tokens": 3}),
        ),
        (
            Endpoint::Completions,
            json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["One", "Two"], "n": 2, "logprobs": 2, "max_tokens": 8}),
        ),
        (Endpoint::Completions, json!({"model": "gpt-3.5-turbo-instruct", "prompt": "Say ü", "echo": true})),
        (
            Endpoint::Messages,
            json!({"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": user("Grüße 😀")}),
        ),
        (
            Endpoint::Messages,
            json!({"model": "claude-sonnet-4-5", "max_tokens": 2000, "messages": user("Think"), "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ),
        (
            Endpoint::Messages,
            json!({"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": user("weather"), "tools": [{"name": "weather", "input_schema": schema}], "tool_choice": {"type": "any"}}),
        ),
        (
            Endpoint::Messages,
            json!({"model": "claude-sonnet-4-5", "max_tokens": 2, "messages": user("a long text about the sea")}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "gpt-4o", "input": "Grüße 😀", "include": ["message.output_text.logprobs"], "top_logprobs": 2}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "o4-mini", "input": "Think", "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "gpt-4o", "input": "weather", "tools": [flat], "tool_choice": "required"}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "gpt-5.5", "input": "weather", "tools": [custom], "tool_choice": "required"}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "gpt-4o", "input": "a long text about the sea", "max_output_tokens": 16}),
        ),
    ]
}

fn streamed(api: Endpoint, request: &Value) -> Vec<u8> {
    let mut request = request.clone();
    request["stream"] = true.into();
    if matches!(api, Endpoint::Chat | Endpoint::Completions) {
        request["stream_options"] = json!({"include_usage": true});
    }
    answer(api, &request)
}

#[test]
fn a_stream_is_collected_into_the_plain_response() {
    for (api, request) in requests() {
        let whole: Value = serde_json::from_slice(&answer(api, &request)).expect("JSON");
        let events = streamed(api, &request);
        for piece in [1, 7, 1000, events.len()] {
            let gathered = gather(api, &events, piece).unwrap_or_else(|| panic!("{request} is not kept"));
            assert_eq!(without_empty(&gathered), without_empty(&whole), "{request}");
        }
    }
}

#[test]
fn a_plain_response_survives_the_conversion_to_a_stream() {
    for (api, request) in requests() {
        let bytes = answer(api, &request);
        assert!(is_complete(api, &bytes), "{request}");
        let whole: Value = serde_json::from_slice(&bytes).expect("JSON");
        let events = stream(api, &bytes, true).expect("an answer");
        let gathered = gather(api, &events, 11).unwrap_or_else(|| panic!("{request} is not kept"));
        assert_eq!(without_empty(&gathered), without_empty(&whole), "{request}");
    }
}

/// Members that other servers than the engine put into responses.
#[test]
fn members_of_any_server_are_kept() {
    for (api, whole) in [
        (
            Endpoint::Chat,
            json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "f",
                "provider": "P", "service_tier": "default",
                "choices": [{"index": 0, "finish_reason": "stop", "native_finish_reason": "end",
                    "message": {"role": "assistant", "content": "hi", "reasoning_content": "hm", "refusal": null,
                        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 0}}],
                        "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "S"}],
                        "audio": {"id": "a", "data": "AAAA", "transcript": "hi", "expires_at": 5},
                        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"},
                                        "extra_content": {"google": {"thought_signature": "T"}}}]}}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.1}}),
        ),
        (
            Endpoint::Messages,
            json!({"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "pause_turn",
                "stop_sequence": null, "container": {"id": "x"},
                "content": [
                    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
                    {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result", "url": "u"}]},
                    {"type": "text", "text": "hi", "citations": [{"type": "web_search_result_location", "url": "u"}]},
                    {"type": "redacted_thinking", "data": "D"}],
                "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 0}}),
        ),
        (
            Endpoint::Responses,
            json!({"id": "r", "object": "response", "status": "completed", "model": "m", "error": null, "output": [
                {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search"}},
                {"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": [
                    {"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation", "url": "u"}], "logprobs": []},
                    {"type": "refusal", "refusal": "no"}]}],
                "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}),
        ),
    ] {
        let bytes = whole.to_string().into_bytes();
        assert!(is_complete(api, &bytes), "{whole}");
        let events = stream(api, &bytes, true).expect("an answer");
        assert_eq!(gather(api, &events, 5).map(|got| without_empty(&got)), Some(without_empty(&whole)));
    }
}

#[test]
fn chunks_of_other_servers_are_gathered() {
    let chunks = |chunks: &[Value]| -> Vec<u8> {
        chunks
            .iter()
            .flat_map(|chunk| format!("data: {chunk}\n\n").into_bytes())
            .chain(*b"data: [DONE]\n\n")
            .collect()
    };
    let delta =
        |delta: Value| json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
    let end = json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let usage = json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    let zeros = json!({"id": "", "choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}});
    let call = |index: u64, id: Value, name: Value, arguments: &str| json!({"tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]});
    let calls =
        |answer: Option<Value>| answer.map(|answer| answer["choices"][0]["message"]["tool_calls"].clone());
    // Azure's first chunk has no choice and an empty id; names come once or with every piece.
    let events = chunks(&[
        json!({"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        delta(call(0, "1".into(), "f".into(), "{\"a\"")),
        delta(call(1, "2".into(), "g".into(), "")),
        delta(call(0, "".into(), "f".into(), ":1}")),
        delta(call(1, Value::Null, Value::Null, "{}")),
        end.clone(),
        usage.clone(),
        zeros,
    ]);
    let got = gather(Endpoint::Chat, &events, 100);
    let want = json!([{"id": "1", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                      {"id": "2", "function": {"name": "g", "arguments": "{}"}}]);
    assert_eq!(calls(got.clone()), Some(want));
    assert_eq!(
        got.map(|got| (got["id"].clone(), got["usage"]["prompt_tokens"].clone())),
        Some(("c".into(), 1.into()))
    );
    // Gemini counts every call as the first.
    let events = chunks(&[
        delta(call(0, "1".into(), "f".into(), "{}")),
        delta(call(0, "2".into(), "g".into(), "{}")),
        end.clone(),
        usage.clone(),
    ]);
    assert_eq!(
        calls(gather(Endpoint::Chat, &events, 100)).map(|calls| calls.as_array().map(Vec::len)),
        Some(Some(2))
    );
    // The pieces of reasoning name their block.
    let thinking = |index: u64, more: Value| {
        let mut block = json!({"index": index, "type": "thinking"});
        for (name, value) in more.as_object().into_iter().flatten() {
            block[name] = value.clone();
        }
        delta(json!({"thinking_blocks": [block]}))
    };
    let events = chunks(&[
        thinking(0, json!({"thinking": "a"})),
        thinking(0, json!({"thinking": "b"})),
        thinking(0, json!({"thinking": "", "signature": "S"})),
        thinking(1, json!({"thinking": "c", "signature": "T"})),
        end.clone(),
        usage.clone(),
    ]);
    let got = gather(Endpoint::Chat, &events, 100).expect("kept");
    let want = json!([{"type": "thinking", "thinking": "ab", "signature": "S"},
                      {"type": "thinking", "thinking": "c", "signature": "T"}]);
    assert_eq!(got["choices"][0]["message"]["thinking_blocks"], want);
    // A stream without a usage is kept only with the one that was counted for it.
    let events = chunks(&[delta(json!({"content": "hi"})), end]);
    assert_eq!(gather(Endpoint::Chat, &events, 100), None);
    let mut gatherer = Gatherer::new(Endpoint::Chat);
    gatherer.push(&events);
    let counted = Usage { input: 5, output: 7, ..Usage::default() };
    let kept: Value = serde_json::from_slice(&gatherer.finish(Some(counted)).expect("kept")).expect("JSON");
    assert_eq!(kept["usage"]["total_tokens"], 12);
}

#[test]
fn an_incomplete_response_is_not_cached() {
    for (api, request) in requests() {
        let events = streamed(api, &request);
        let text = String::from_utf8(events.clone()).expect("UTF-8");
        // Cut at any event, it lacks its end; what follows the end of an answer may be missing.
        let ends: Vec<usize> = text.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        let most = ends.len() - 3;
        for end in &ends[..most] {
            assert_eq!(gather(api, &events[..*end], 4096), None, "{request}\n{}", &text[..*end]);
        }
        let error = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"m\"}}\n\n";
        assert_eq!(gather(api, &[&events[..ends[0]], error, &events[ends[0]..]].concat(), 4096), None);
    }
    let long =
        json!({"stop_reason": "end_turn", "content": [{"type": "text", "text": "x".repeat(MAX_ANSWER)}]});
    assert!(!is_complete(Endpoint::Messages, long.to_string().as_bytes()));
    for (api, answer) in [
        (Endpoint::Chat, json!({"error": {"message": "m"}})),
        (Endpoint::Chat, json!({"choices": []})),
        (Endpoint::Chat, json!({"choices": [{"message": {}, "finish_reason": null}]})),
        (Endpoint::Chat, json!({"choices": [{"message": {}, "finish_reason": "error"}]})),
        (Endpoint::Messages, json!({"type": "message", "stop_reason": null})),
        (Endpoint::Responses, json!({"status": "queued", "output": []})),
        (Endpoint::Responses, json!({"status": "completed", "error": {}, "output": []})),
        (Endpoint::Embeddings, json!({"data": []})),
    ] {
        assert!(!is_complete(api, answer.to_string().as_bytes()), "{answer}");
    }
    assert!(!is_complete(Endpoint::Chat, b"{") && stream(Endpoint::Chat, b"[]", true).is_none());
}

#[test]
fn a_kept_response_repeats_nothing_of_another_request() {
    let answer =
        json!({"id": "r", "metadata": {"a": "b"}, "user": "alice", "store": false, "status": "completed"});
    let to = |request: Value| -> Value {
        let bytes =
            addressed(answer.to_string().as_bytes(), request.to_string().as_bytes()).expect("an object");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    assert_eq!(
        to(json!({})),
        json!({"id": "r", "metadata": {}, "user": null, "store": true, "status": "completed"})
    );
    assert_eq!(
        to(
            json!({"metadata": {"c": "d"}, "user": "bob", "store": false, "prompt_cache_key": "not a member"})
        ),
        json!({"id": "r", "metadata": {"c": "d"}, "user": "bob", "store": false, "status": "completed"})
    );
}
