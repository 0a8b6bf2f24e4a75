//! Conversations of several turns through an upstream of another API.

use crate::fake::*;
use serde_json::{Value, json};

const CONFIG: &str = r#"{"upstreams":{"up":{"url":"http://up/v1","api":"anthropic"}},"models":{"m":{"targets":[{"upstream":"up","model":"claude-sonnet-4-5"}]}}}"#;

/// The blocks that the upstream answers a turn with: thinking of two kinds and a call, in the last turn a text.
fn blocks(turn: usize) -> Vec<Value> {
    let thinking = json!({"type": "thinking", "thinking": format!("Thought {turn}, häß 🦀."), "signature": format!("SIG{turn}/+==")});
    let redacted = json!({"type": "redacted_thinking", "data": format!("DATA{turn}")});
    match turn {
        5 => vec![thinking, json!({"type": "text", "text": "Done."})],
        2 => vec![thinking, redacted, call(turn)],
        3 => vec![thinking, json!({"type": "text", "text": "Once more."}), call(turn)],
        _ => vec![thinking, call(turn)],
    }
}

fn call(turn: usize) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{turn}"), "name": "step", "input": {"n": turn}})
}

fn whole(turn: usize) -> String {
    let reason = if turn == 5 { "end_turn" } else { "tool_use" };
    json!({"id": format!("msg_{turn}"), "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
           "content": blocks(turn), "stop_reason": reason, "usage": {"input_tokens": 3, "output_tokens": 2}})
    .to_string()
}

fn streamed(turn: usize) -> String {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}}),
    ];
    for (index, block) in blocks(turn).iter().enumerate() {
        let deltas = match block["type"].as_str() {
            Some("thinking") => vec![
                json!({"type": "thinking_delta", "thinking": block["thinking"]}),
                json!({"type": "signature_delta", "signature": block["signature"]}),
            ],
            Some("text") => vec![json!({"type": "text_delta", "text": block["text"]})],
            Some("tool_use") => {
                vec![json!({"type": "input_json_delta", "partial_json": block["input"].to_string()})]
            }
            _ => vec![],
        };
        let start = match block["type"].as_str() {
            Some("thinking") => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Some("text") => json!({"type": "text", "text": ""}),
            Some("tool_use") => json!({"type": "tool_use", "id": block["id"], "name": "step", "input": {}}),
            _ => block.clone(),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.extend(
            deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let reason = if turn == 5 { "end_turn" } else { "tool_use" };
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2}}),
    );
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
        .collect()
}

/// What the upstream was sent: after the user's message, each of its own turns as it was, and the results.
fn check_history(seen: &Value, turns: usize) {
    let messages = seen["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 1 + 2 * turns, "{seen}");
    for turn in 1..=turns {
        let (own, result) = (&messages[2 * turn - 1], &messages[2 * turn]);
        assert_eq!(own["role"], "assistant");
        let content: Vec<Value> = own["content"].as_array().expect("blocks").clone();
        assert_eq!(content, blocks(turn), "turn {turn} of {turns}");
        assert_eq!(result["content"][0]["tool_use_id"], format!("toolu_{turn}"));
    }
    assert_eq!(seen["thinking"]["type"], "enabled", "{seen}");
}

/// The assistant's message that a client accumulates of chunks, as OpenAI's SDK for Python does.
fn accumulated(body: &str) -> Value {
    let mut message = json!({"role": "assistant", "content": null});
    let (mut calls, mut thinking): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for data in
        body.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).filter(|data| *data != "[DONE]")
    {
        let chunk: Value = serde_json::from_str(data).expect("JSON");
        let delta = &chunk["choices"][0]["delta"];
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            message["content"] = (message["content"].as_str().unwrap_or_default().to_owned() + text).into();
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            if call["id"].is_string() {
                calls.push(call.clone());
            } else if let Some(last) = calls.last_mut() {
                let arguments = &mut last["function"]["arguments"];
                *arguments = (arguments.as_str().unwrap_or_default().to_owned()
                    + call["function"]["arguments"].as_str().unwrap_or_default())
                .into();
            }
        }
        for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
            // As the accumulators of OpenAI's SDKs do: all pieces of a block have its index.
            let index = block["index"].as_u64().expect("an index") as usize;
            if index == thinking.len() {
                thinking.push(block.clone());
                continue;
            }
            for (name, more) in block.as_object().expect("a block") {
                let own = &mut thinking[index][name];
                *own = match (&**name, own.as_str(), more.as_str()) {
                    ("thinking" | "signature", Some(before), Some(more)) => (before.to_owned() + more).into(),
                    _ => more.clone(),
                };
            }
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message["thinking_blocks"] = thinking.into();
    message
}

#[test]
fn five_turns_of_thinking_and_tools_lose_no_signature() {
    for stream in [false, true] {
        let mut messages = vec![json!({"role": "user", "content": "Take five steps."})];
        for turn in 1..=5 {
            let body = json!({"model": "m", "stream": stream, "messages": messages, "max_completion_tokens": 8000,
                "thinking": {"type": "enabled", "budget_tokens": 2000},
                "tools": [{"type": "function", "function": {"name": "step", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}}]});
            let does = match stream {
                true => Does::answer(200, "text/event-stream", &[&streamed(turn)]),
                false => Does::json(200, &whole(turn)),
            };
            let fake = Fake::new(&[("up", &[does])]);
            let got = send(&fake, CONFIG, &chat(), &body.to_string());
            assert_eq!((got.status, got.header("x-portcullis-dropped")), (200, None), "{got:?}");
            check_history(&serde_json::from_str(&fake.seen()[0].body).expect("JSON"), turn - 1);
            let answer = match stream {
                true => accumulated(&got.body),
                false => {
                    serde_json::from_str::<Value>(&got.body).expect("JSON")["choices"][0]["message"].clone()
                }
            };
            messages.push(answer);
            messages.push(json!({"role": "tool", "tool_call_id": format!("toolu_{turn}"), "content": format!("took {turn}")}));
        }
    }
}

#[test]
fn five_turns_of_responses_lose_no_signature() {
    let (shown, hidden) = (json!({"effort": "low", "summary": "auto"}), json!({"effort": "low"}));
    for (stream, reasoning) in [(false, &shown), (true, &shown), (false, &hidden), (true, &hidden)] {
        let mut input = vec![json!({"role": "user", "content": "Take five steps."})];
        for turn in 1..=5 {
            let body = json!({"model": "m", "stream": stream, "input": input, "store": false, "max_output_tokens": 8000,
                "reasoning": reasoning, "include": ["reasoning.encrypted_content"],
                "tools": [{"type": "function", "name": "step", "strict": false, "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}]});
            let does = match stream {
                true => Does::answer(200, "text/event-stream", &[&streamed(turn)]),
                false => Does::json(200, &whole(turn)),
            };
            let fake = Fake::new(&[("up", &[does])]);
            let got = send(&fake, CONFIG, &request("POST", "/v1/responses", &[]), &body.to_string());
            assert_eq!(got.status, 200, "{got:?}");
            check_history(&serde_json::from_str(&fake.seen()[0].body).expect("JSON"), turn - 1);
            let response: Value = match stream {
                false => serde_json::from_str(&got.body).expect("JSON"),
                true => {
                    super::grammar::events(&got.body).expect("events").pop().expect("an end").1["response"]
                        .clone()
                }
            };
            input.extend(response["output"].as_array().expect("items").clone());
            if turn < 5 {
                input.push(json!({"type": "function_call_output", "call_id": format!("toolu_{turn}"), "output": format!("took {turn}")}));
            }
        }
    }
}
