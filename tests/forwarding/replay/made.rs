//! Streams of our own, one for each thing that the APIs' streams do.

use super::Recorded;
use serde_json::{Value, json};

/// The streams of an API: `chat`, `responses` or `messages`.
pub(super) fn streams(api: &str) -> Vec<Recorded> {
    match api {
        "chat" => chat(),
        "responses" => responses(),
        "messages" => messages(),
        other => panic!("no API {other}"),
    }
}

/// Chunks of chat completions: no event has a name, and `[DONE]` ends the stream.
fn chat() -> Vec<Recorded> {
    let choice =
        |delta: Value, reason: Option<&str>| json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    let chunk = |choices: Value, usage: Option<Value>| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06",
               "choices": choices, "usage": usage})
    };
    let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}});
    let stream = |name: &str, deltas: &[Value], reason: &str| {
        let mut events: Vec<String> =
            deltas.iter().map(|delta| chunk(choice(delta.clone(), None), None).to_string()).collect();
        events.push(chunk(choice(json!({}), Some(reason)), None).to_string());
        // Usage comes after the reason, without choices.
        events.push(chunk(json!([]), Some(usage.clone())).to_string());
        events.push("[DONE]".to_owned());
        Recorded {
            name: format!("made: {name}"),
            events: events.into_iter().map(|data| (None, data)).collect(),
        }
    };
    let head = |index: u32, id: &str, name: &str, arguments: &str| {
        json!({"tool_calls": [{"index": index, "id": id, "type": "function",
               "function": {"name": name, "arguments": arguments}}]})
    };
    let more = |index: u32, arguments: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]});
    let mut all = vec![
        stream(
            "text",
            &[
                json!({"role": "assistant", "content": ""}),
                json!({"content": "häß"}),
                json!({"content": "€🦀\n\n"}),
            ],
            "stop",
        ),
        stream("nothing", &[json!({"role": "assistant", "content": ""})], "stop"),
        stream("cut", &[json!({"role": "assistant", "content": "one, two"})], "length"),
        stream("withheld", &[json!({"role": "assistant", "content": "no"})], "content_filter"),
        stream(
            "refusal",
            &[
                json!({"role": "assistant", "content": null, "refusal": ""}),
                json!({"refusal": "I can"}),
                json!({"refusal": "not."}),
            ],
            "stop",
        ),
        stream(
            "one call",
            &[head(0, "call_1", "f", ""), more(0, "{\"a\""), more(0, ": \"}\"}")],
            "tool_calls",
        ),
        stream("arguments in one piece", &[head(0, "call_1", "f", "{\"a\":1}")], "tool_calls"),
        stream("no arguments", &[head(0, "call_1", "f", "")], "tool_calls"),
        stream(
            "calls one after another",
            &[head(0, "call_1", "f", ""), more(0, "{}"), head(1, "call_2", "g", ""), more(1, "{\"b\":2}")],
            "tool_calls",
        ),
        stream(
            "calls that interleave",
            &[
                head(0, "call_1", "f", ""),
                head(1, "call_2", "g", ""),
                more(1, "{\"b\":"),
                more(0, "{\"a\":"),
                head(2, "call_3", "h", ""),
                more(0, "1}"),
                more(2, "{\"c\":3}"),
                more(1, "2}"),
            ],
            "tool_calls",
        ),
        stream(
            "calls that share an index",
            &[head(0, "call_1", "f", "{\"a\":1}"), head(0, "call_2", "f", "{\"a\":2}")],
            "tool_calls",
        ),
        stream(
            "text and a call",
            &[json!({"role": "assistant", "content": "Let me look."}), head(0, "call_1", "f", "{}")],
            "tool_calls",
        ),
        stream(
            "text beside an empty list of calls",
            &[
                json!({"role": "assistant", "content": "a", "tool_calls": []}),
                json!({"content": "b", "tool_calls": []}),
            ],
            "stop",
        ),
        stream(
            "a call, then text",
            &[head(0, "call_1", "f", "{\"a\":"), more(0, "1}"), json!({"content": "Done."})],
            "tool_calls",
        ),
        stream("a call that ends with stop", &[head(0, "call_1", "f", "{\"a\":1}")], "stop"),
        stream(
            "reasoning",
            &[
                json!({"role": "assistant", "reasoning_content": "First, "}),
                json!({"reasoning_content": "think."}),
                json!({"content": "Yes."}),
            ],
            "stop",
        ),
        stream(
            "reasoning by another name, then a call",
            &[json!({"reasoning": "Hm."}), head(0, "call_1", "f", "{}")],
            "tool_calls",
        ),
        stream(
            "a legacy function",
            &[
                json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}}),
                json!({"function_call": {"arguments": "{\"a\":1}"}}),
            ],
            "function_call",
        ),
        stream(
            "signed thinking",
            &[
                json!({"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}], "reasoning_content": "Hm."}),
                json!({"thinking_blocks": [{"type": "thinking", "signature": "U0lH"}]}),
                json!({"content": "Yes."}),
            ],
            "stop",
        ),
    ];
    // The usage beside the reason, as some servers have it, and no `[DONE]`.
    let events = [
        chunk(choice(json!({"role": "assistant", "content": "x"}), None), None),
        chunk(choice(json!({"content": "y"}), Some("stop")), Some(usage.clone())),
    ];
    let events = events.iter().map(|event| (None, event.to_string())).collect();
    all.push(Recorded { name: "made: usage beside the reason".to_owned(), events });
    all
}

/// Events of Responses: each is named as its type, and numbered from 0.
fn responses() -> Vec<Recorded> {
    let message = |text: &str| {
        json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}]})
    };
    let call = |n: u32| {
        json!({"id": format!("fc_{n}"), "type": "function_call", "status": "completed",
        "arguments": "{\"city\": \"Zürich\"}", "call_id": format!("call_{n}"), "name": "weather"})
    };
    let custom = json!({"id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_9",
        "input": "*** Begin Patch\n", "name": "apply_patch"});
    let reasoning = |summary: &[&str]| {
        let parts: Vec<Value> =
            summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
        json!({"id": "rs_1", "type": "reasoning", "summary": parts})
    };
    let refusal = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "refusal", "refusal": "I can not help with that."}]});
    let search =
        json!({"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}});
    let cut = {
        let mut cut = message("one, tw");
        cut["status"] = "incomplete".into();
        cut
    };
    vec![
        response("text", &[message("häß €🦀\u{2028}\n\ndata: x")], "completed"),
        response("long text", &[message(&"A word, and a longer word. ".repeat(20))], "completed"),
        response("reasoning without a summary", &[reasoning(&[]), message("Yes.")], "completed"),
        response(
            "a summary of two parts, and calls",
            &[reasoning(&["**One**\n\n", "Two"]), call(1), call(2)],
            "completed",
        ),
        response("a custom tool", &[custom], "completed"),
        response("a hosted tool", &[search, message("Found.")], "completed"),
        response("refusal", &[refusal], "completed"),
        response("cut", &[cut], "incomplete"),
        response("nothing", &[], "completed"),
    ]
}

fn response(name: &str, items: &[Value], status: &str) -> Recorded {
    let object = |status: &str, output: Value, usage: Value| {
        json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "error": null,
               "model": "gpt-5", "output": output, "usage": usage, "metadata": {}})
    };
    let mut events: Vec<Value> = Vec::new();
    let begun = object("in_progress", json!([]), Value::Null);
    events.push(json!({"type": "response.created", "response": begun}));
    events.push(json!({"type": "response.in_progress", "response": begun}));
    for (item, at) in items.iter().zip(0_u32..) {
        let mut push = |name: &str, members: Value| {
            let mut event = json!({"type": format!("response.{name}"), "output_index": at});
            for (member, value) in members.as_object().into_iter().flatten() {
                event[member] = value.clone();
            }
            events.push(event);
        };
        let id = &item["id"];
        let mut added = item.clone();
        if added["status"].is_string() {
            added["status"] = "in_progress".into();
        }
        for member in ["content", "summary"] {
            if added[member].is_array() {
                added[member] = json!([]);
            }
        }
        for member in ["arguments", "input"] {
            if added[member].is_string() {
                added[member] = "".into();
            }
        }
        push("output_item.added", json!({"item": added}));
        for (part, index) in item["content"].as_array().into_iter().flatten().zip(0_u32..) {
            let member = if part["type"] == "refusal" { "refusal" } else { "text" };
            let event = if member == "refusal" { "refusal" } else { "output_text" };
            let mut empty = part.clone();
            empty[member] = "".into();
            push("content_part.added", json!({"item_id": id, "content_index": index, "part": empty}));
            for delta in pieces(part[member].as_str().unwrap_or_default()) {
                push(
                    &format!("{event}.delta"),
                    json!({"item_id": id, "content_index": index, "delta": delta, "obfuscation": "aZ9"}),
                );
            }
            push(
                &format!("{event}.done"),
                json!({"item_id": id, "content_index": index, member: part[member]}),
            );
            push("content_part.done", json!({"item_id": id, "content_index": index, "part": part}));
        }
        for (part, index) in item["summary"].as_array().into_iter().flatten().zip(0_u32..) {
            let empty = json!({"type": "summary_text", "text": ""});
            push(
                "reasoning_summary_part.added",
                json!({"item_id": id, "summary_index": index, "part": empty}),
            );
            for delta in pieces(part["text"].as_str().unwrap_or_default()) {
                push(
                    "reasoning_summary_text.delta",
                    json!({"item_id": id, "summary_index": index, "delta": delta}),
                );
            }
            push(
                "reasoning_summary_text.done",
                json!({"item_id": id, "summary_index": index, "text": part["text"]}),
            );
            push("reasoning_summary_part.done", json!({"item_id": id, "summary_index": index, "part": part}));
        }
        for (kind, event, member) in [
            ("function_call", "function_call_arguments", "arguments"),
            ("custom_tool_call", "custom_tool_call_input", "input"),
        ] {
            if item["type"] == kind {
                for delta in pieces(item[member].as_str().unwrap_or_default()) {
                    push(&format!("{event}.delta"), json!({"item_id": id, "delta": delta}));
                }
                push(&format!("{event}.done"), json!({"item_id": id, member: item[member]}));
            }
        }
        if item["type"] == "web_search_call" {
            for step in ["in_progress", "searching", "completed"] {
                push(&format!("web_search_call.{step}"), json!({"item_id": id}));
            }
        }
        push("output_item.done", json!({"item": item}));
    }
    let usage = json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 14});
    events
        .push(json!({"type": format!("response.{status}"), "response": object(status, items.into(), usage)}));
    let numbered = events.into_iter().zip(0_u32..).map(|(mut event, number)| {
        event["sequence_number"] = number.into();
        (event["type"].as_str().map(str::to_owned), event.to_string())
    });
    Recorded { name: format!("made: {name}"), events: numbered.collect() }
}

/// A text in pieces of up to four characters.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|piece| piece.iter().collect()).collect()
}

/// Events of Messages: each is named as its type, and blocks come one after another.
fn messages() -> Vec<Recorded> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let call = |n: u32, input: Value| json!({"type": "tool_use", "id": format!("toolu_{n}"), "name": "weather", "input": input});
    let thinking =
        json!({"type": "thinking", "thinking": "Let me think, häß.", "signature": "RXFRQkNrZ0lCUkFC"});
    let redacted = json!({"type": "redacted_thinking", "data": "ZGF0YQ=="});
    let server =
        json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}});
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []});
    vec![
        message("text", &[text("häß €🦀\n\nevent: x")], "end_turn"),
        message("nothing", &[], "end_turn"),
        message("cut", &[text("one, tw")], "max_tokens"),
        message("a stop sequence", &[text("one, ")], "stop_sequence"),
        message("a refusal", &[text("I can not")], "refusal"),
        message("thinking", &[thinking.clone(), text("Yes.")], "end_turn"),
        message(
            "calls",
            &[text("I look."), call(1, json!({"city": "Zürich"})), call(2, json!({"city": "Bern"}))],
            "tool_use",
        ),
        message("a call without arguments", &[call(1, json!({}))], "tool_use"),
        message(
            "thinking, redacted thinking and a call",
            &[thinking, redacted, call(1, json!({"a": [1, {"b": null}]}))],
            "tool_use",
        ),
        message("a tool of the server's", &[text("I search."), server, result, text("Found.")], "end_turn"),
    ]
}

fn message(name: &str, blocks: &[Value], reason: &str) -> Recorded {
    let usage = json!({"input_tokens": 12, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1});
    let mut events = vec![
        json!({"type": "message_start", "message": {"model": "claude-sonnet-4-5", "id": "msg_1",
        "type": "message", "role": "assistant", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}}),
    ];
    for (block, at) in blocks.iter().zip(0_u32..) {
        let delta = |delta: Value| json!({"type": "content_block_delta", "index": at, "delta": delta});
        let mut start = block.clone();
        let mut deltas = Vec::new();
        match block["type"].as_str().unwrap_or_default() {
            "text" => {
                start["text"] = "".into();
                for text in pieces(block["text"].as_str().unwrap_or_default()) {
                    deltas.push(delta(json!({"type": "text_delta", "text": text})));
                }
            }
            "thinking" => {
                (start["thinking"], start["signature"]) = ("".into(), "".into());
                for text in pieces(block["thinking"].as_str().unwrap_or_default()) {
                    deltas.push(delta(json!({"type": "thinking_delta", "thinking": text})));
                }
                deltas.push(delta(json!({"type": "signature_delta", "signature": block["signature"]})));
            }
            "tool_use" | "server_tool_use" => {
                start["input"] = json!({});
                // The first delta is empty; a call without arguments has no other.
                deltas.push(delta(json!({"type": "input_json_delta", "partial_json": ""})));
                let input =
                    if block["input"] == json!({}) { String::new() } else { block["input"].to_string() };
                for json in pieces(&input) {
                    deltas.push(delta(json!({"type": "input_json_delta", "partial_json": json})));
                }
            }
            _ => {}
        }
        events.push(json!({"type": "content_block_start", "index": at, "content_block": start}));
        if at == 0 {
            events.push(json!({"type": "ping"}));
        }
        events.extend(deltas);
        events.push(json!({"type": "content_block_stop", "index": at}));
    }
    let sequence = if reason == "stop_sequence" { json!("three") } else { Value::Null };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence}, "usage": {"output_tokens": 21}}));
    events.push(json!({"type": "message_stop"}));
    let named =
        events.into_iter().map(|event| (event["type"].as_str().map(str::to_owned), event.to_string()));
    Recorded { name: format!("made: {name}"), events: named.collect() }
}
