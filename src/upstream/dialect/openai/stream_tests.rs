use super::*;
use crate::upstream::sse::Parser;
use serde_json::{Value, json};

fn decoded(chunks: &[Value], done: bool) -> (Vec<Event<'static>>, Option<&'static str>) {
    let mut stream = Stream::default();
    let mut parser = Parser::default();
    for chunk in chunks {
        parser.push(format!("data: {chunk}\n\n").as_bytes());
    }
    if done {
        parser.push(b"data: [DONE]\n\n");
    }
    let mut out = Vec::new();
    while let Ok(Some(event)) = parser.next() {
        match stream.event(&event, &mut out) {
            StreamState::On => {}
            StreamState::Done => return (out, None),
            StreamState::ErrorSent(why) | StreamState::InvalidResponse(why) => return (out, Some(why)),
        }
    }
    (out, (!stream.is_complete()).then_some("incomplete"))
}

fn chunk(delta: Value, finish: Value) -> Value {
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

#[test]
fn text_and_reasoning_become_events() {
    let (events, why) = decoded(
        &[
            chunk(json!({"role": "assistant", "content": ""}), json!(null)),
            chunk(json!({"reasoning_content": "hm", "content": null}), json!(null)),
            chunk(json!({"content": "hi"}), json!("")),
            chunk(json!({}), json!("length")),
            json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ],
        true,
    );
    assert_eq!(why, None);
    assert_eq!(
        events,
        [
            Event::Start { id: Some("c".into()), model: Some("m".into()) },
            Event::Thinking { choice: 0, text: "hm".into() },
            Event::Text { choice: 0, text: "hi".into(), logprobs: None },
            Event::Finish { choice: 0, reason: FinishReason::Length, stop_sequence: None },
            Event::Usage(turn::Usage { input: 3, output: 2, ..turn::Usage::default() }),
            Event::End,
        ]
    );
}

#[test]
fn calls_keep_their_inputs_apart() {
    let piece = |call: Value| chunk(json!({"tool_calls": [call]}), json!(null));
    let (events, _) = decoded(
        &[
            piece(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}})),
            piece(json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}})),
            piece(json!({"index": 0, "function": {"arguments": "{\"x\":1}"}})),
            // Another call with an index that is taken, whole.
            piece(json!({"index": 0, "id": "c", "function": {"name": "h", "arguments": "{\"y\":2}"}})),
            piece(json!({"id": "d", "function": {"name": "i"}})),
            chunk(json!({}), json!("stop")),
        ],
        true,
    );
    let inputs: Vec<(u32, &str)> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolInput { index, input, .. } => Some((*index, &**input)),
            _ => None,
        })
        .collect();
    assert_eq!(inputs, [(1, "{}"), (0, "{\"x\":1}"), (2, "{\"y\":2}"), (3, "{}")]);
    assert!(events.contains(&Event::Finish {
        choice: 0,
        reason: FinishReason::ToolCalls,
        stop_sequence: None
    }));
}

#[test]
fn a_stream_needs_a_finish_reason_for_each_choice() {
    assert!(decoded(&[chunk(json!({"content": "a"}), json!(null))], true).1.is_some());
    assert!(decoded(&[chunk(json!({"content": "a"}), json!(""))], false).1.is_some());
    assert_eq!(decoded(&[chunk(json!({"content": "a"}), json!("stop"))], false).1, None);
    let (events, why) = decoded(&[json!({"error": {"message": "no", "code": 503}})], true);
    assert!(
        why.is_some() && matches!(&events[0], Event::Error { status: 503, message, .. } if message == "no")
    );
}

/// The names and inputs of the calls that some pieces become, and their ids.
fn calls(pieces: &[Value]) -> Vec<(String, String, String)> {
    let mut chunks: Vec<Value> =
        pieces.iter().map(|piece| chunk(json!({"tool_calls": [piece]}), json!(null))).collect();
    chunks.push(chunk(json!({}), json!("tool_calls")));
    let (events, why) = decoded(&chunks, true);
    assert_eq!(why, None);
    let mut all: Vec<(String, String, String)> = Vec::new();
    for event in events {
        match event {
            Event::ToolCall { id, name, .. } => all.push((id.into(), name.into(), String::new())),
            Event::ToolInput { index, input, .. } => all[index as usize].2.push_str(&input),
            _ => {}
        }
    }
    all
}

#[test]
fn calls_come_in_the_pieces_of_any_server() {
    let piece = |id: &str, name: &str, arguments: &str| json!({"index": 0, "id": id, "function": {"name": name, "arguments": arguments}});
    let without_id =
        |name: &str, arguments: &str| json!({"index": 0, "function": {"name": name, "arguments": arguments}});
    for (pieces, want) in [
        // The name comes after the id, in pieces, or again with every piece.
        (vec![piece("a", "", ""), without_id("f", ""), without_id("", "{}")], vec![("a", "f", "{}")]),
        (
            vec![piece("a", "get_", ""), without_id("weather", ""), without_id("", "{}")],
            vec![("a", "get_weather", "{}")],
        ),
        (
            vec![piece("a", "f", "{\"a\""), piece("a", "f", ":1"), without_id("f", "}"), without_id("f", "")],
            vec![("a", "f", "{\"a\":1}")],
        ),
        (vec![piece("a", "", "{\"a\""), without_id("f", ":1}")], vec![("a", "f", "{\"a\":1}")]),
        // Two calls of one index, without ids.
        (
            vec![without_id("f", "{\"x\":\"}\"}"), without_id("g", "{}"), without_id("g", "{\"y\":2}")],
            vec![("", "f", "{\"x\":\"}\"}"), ("", "g", "{}"), ("", "g", "{\"y\":2}")],
        ),
        // An index and an input of other types.
        (
            vec![json!({"index": "0", "id": "a", "function": {"name": "f", "arguments": {"a": 1}}})],
            vec![("a", "f", "{\"a\":1}")],
        ),
    ] {
        let want: Vec<_> =
            want.into_iter().map(|(id, name, input)| (id.into(), name.into(), input.into())).collect();
        assert_eq!(calls(&pieces), want, "{pieces:?}");
    }
}

#[test]
fn a_call_comes_before_the_text_that_follows_it() {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]});
    let (events, _) = decoded(
        &[
            chunk(call, json!(null)),
            chunk(json!({"content": "bye"}), json!(null)),
            chunk(json!({}), json!("stop")),
        ],
        true,
    );
    assert!(matches!(
        &events[1..],
        [
            Event::ToolCall { .. },
            Event::Text { .. },
            Event::ToolInput { .. },
            Event::Finish { .. },
            Event::End
        ]
    ));
}

#[test]
fn a_finish_reason_with_every_chunk_ends_nothing() {
    let (events, why) = decoded(
        &[
            chunk(json!({"reasoning_content": "hm"}), json!("stop")),
            chunk(json!({"content": "a"}), json!("STOP")),
            chunk(json!({"content": "b"}), json!("MAX_TOKENS")),
            // The whole message again.
            json!({"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": null}]}),
        ],
        true,
    );
    let text = |text: &'static str| Event::Text { choice: 0, text: text.into(), logprobs: None };
    let finish = Event::Finish { choice: 0, reason: FinishReason::Length, stop_sequence: None };
    assert_eq!(events[2..], [text("a"), text("b"), finish, Event::End]);
    assert_eq!(why, None);
    for reason in ["abort", "insufficient_system_resource"] {
        assert!(decoded(&[chunk(json!({"content": "a"}), json!(reason))], true).1.is_some());
    }
}

#[test]
fn reasoning_has_many_names() {
    for delta in [
        json!({"reasoning": "hm"}),
        json!({"reasoning_text": "hm"}),
        json!({"reasoning": "hm", "reasoning_content": "hm"}),
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
        json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}),
        json!({"reasoning": {"content": "x"}, "reasoning_content": "hm"}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        json!({"content": {"type": "thinking", "thinking": "hm"}}),
    ] {
        let (events, _) = decoded(&[chunk(delta.clone(), json!(null))], false);
        assert_eq!(events[1..], [Event::Thinking { choice: 0, text: "hm".into() }], "{delta}");
    }
    let signed = json!({"reasoning_details": [{"type": "reasoning.text", "signature": "S"}]});
    let (events, _) = decoded(&[chunk(signed, json!(null))], false);
    assert_eq!(events[1..], [Event::ThinkingSignature { choice: 0, signature: "S".into() }]);
}

#[test]
fn usage_is_read_wherever_it_is() {
    let usage = json!({"prompt_tokens": 3.0, "completion_tokens": 2});
    for last in [
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": usage}}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
               "usage": {"input_tokens": 3, "output_tokens": 2}}),
    ] {
        let (events, _) = decoded(std::slice::from_ref(&last), true);
        let want = Event::Usage(turn::Usage { input: 3, output: 2, ..turn::Usage::default() });
        assert!(events.contains(&want), "{last}: {events:?}");
    }
}

#[test]
fn members_of_other_types_are_left_out() {
    let (events, why) = decoded(
        &[
            json!({"id": "", "model": "", "choices": [], "prompt_filter_results": []}),
            json!({"id": 7, "created": 1.5, "usage": "none",
                   "choices": [{"index": null, "delta": {"content": "a"}, "logprobs": []}]}),
            json!({"choices": [{"text": "b", "logprobs": {"content": "x"}, "finish_reason": "eos"}]}),
        ],
        true,
    );
    let text = |text: &'static str| Event::Text { choice: 0, text: text.into(), logprobs: None };
    assert_eq!(events[..3], [Event::Start { id: None, model: None }, text("a"), text("b")]);
    assert_eq!(why, None);
}
