use super::*;
use crate::turn::Usage as Counts;
use serde_json::json;

#[test]
fn a_completion_is_an_answer() {
    let body = json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "reasoning": "hm",
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
                       {"id": "2", "type": "function", "function": {"name": "g", "arguments": ""}}]}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 3},
                  "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 1}}});
    let answer = answer(body.to_string().as_bytes()).expect("a completion");
    let call = |index, id: &'static str, name: &'static str, input: &'static str| Block::ToolCall {
        index,
        id: id.into(),
        name: name.into(),
        input: input.into(),
        kind: ToolKind::Function,
    };
    assert_eq!(
        answer.choices[0].blocks,
        [
            Block::Thinking { text: "hm".into(), signature: None },
            Block::Text { text: "ab".into(), logprobs: None },
            call(0, "1", "f", r#"{"a":1}"#),
            call(1, "2", "g", "{}"),
        ]
    );
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
    let usage = Counts {
        input: 9,
        cached_input: 4,
        input_audio: 3,
        output: 5,
        output_audio: 1,
        reasoning: 2,
        ..Counts::default()
    };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn thinking_blocks_go_before_their_text() {
    let body = json!({"choices": [{"message": {"content": null, "reasoning_content": "hm", "thinking_blocks": [
        {"type": "thinking", "thinking": "hm", "signature": "S"}, {"type": "redacted_thinking", "data": "D"}]}}]});
    let answer = answer(body.to_string().as_bytes()).expect("a completion");
    let want = [
        Block::Thinking { text: "hm".into(), signature: Some("S".into()) },
        Block::RedactedThinking { data: "D".into() },
    ];
    assert_eq!((&answer.choices[0].blocks[..], answer.choices[0].finish), (&want[..], None));
}

#[test]
fn what_is_no_completion_is_none() {
    for body in ["", "{}", "[]", r#"{"choices":[]}"#, r#"{"choices":[{}]}"#] {
        assert_eq!(answer(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn answers_of_any_server_are_read() {
    let read = |body: serde_json::Value| answer(body.to_string().as_bytes()).expect("a completion");
    // Copilot's API: text and calls in two choices.
    let call =
        json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "\"{\\\"a\\\":1}\""}});
    let split = read(json!({"choices": [
        {"finish_reason": "tool_calls", "message": {"content": "I call"}},
        {"finish_reason": "tool_calls", "message": {"tool_calls": [call]}}]}));
    assert_eq!(split.choices.len(), 1);
    assert!(matches!(&split.choices[0].blocks[1], Block::ToolCall { input, .. } if input == "{\"a\":1}"));
    // Two choices with an index stay apart.
    let choice = |index| json!({"index": index, "message": {"content": "a"}, "finish_reason": "stop"});
    assert_eq!(read(json!({"choices": [choice(0), choice(1)]})).choices.len(), 2);
    let odd = read(json!({"id": 7, "usage": {"prompt_tokens": "3", "completion_tokens": 2.0}, "choices": [
        {"index": 0, "text": "hi", "logprobs": [], "finish_reason": "stop"}]}));
    assert_eq!(odd.choices[0].blocks, [Block::Text { text: "hi".into(), logprobs: None }]);
    assert_eq!(odd.usage, Some(Counts { output: 2, ..Counts::default() }));
    let aborted = json!({"choices": [{"message": {"content": "a"}, "finish_reason": "abort"}]});
    assert_eq!(answer(aborted.to_string().as_bytes()), None);
}
