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
