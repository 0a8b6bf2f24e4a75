use super::*;
use crate::turn::{Block, FinishReason, Usage};
use serde_json::json;

#[test]
fn a_message_is_an_answer() {
    let answer = answer(
        br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[
             {"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"redacted_thinking","data":"D"},
             {"type":"text","text":"h\u00e9 \ud83d"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},
             {"type":"tool_use","id":"t1","name":"f","input":{ "a":[1.0] }}],
             "stop_reason":"tool_use","stop_sequence":null,
             "usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":5,
                      "cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":1},
                      "output_tokens_details":{"thinking_tokens":4},"x":{}}}"#,
    )
    .expect("a message");
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("msg_1"), Some("claude-x")));
    let choice = &answer.choices[0];
    assert_eq!(
        choice.blocks,
        [
            Block::Thinking { text: "hm".into(), signature: Some("SIG".into()) },
            Block::RedactedThinking { data: "D".into() },
            Block::Text { text: "hé \u{fffd}".into(), logprobs: None },
            Block::ToolCall {
                index: 0,
                id: "t1".into(),
                name: "f".into(),
                input: r#"{ "a":[1.0] }"#.into(),
                kind: ToolKind::Function
            },
        ]
    );
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
    let usage = Usage {
        input: 15,
        cached_input: 3,
        cache_write: 2,
        cache_write_hour: 1,
        output: 5,
        reasoning: 4,
        ..Usage::default()
    };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn each_stop_reason_has_a_finish_reason() {
    for (stop_reason, want) in [
        (json!("end_turn"), Some(FinishReason::Stop)),
        (json!("stop_sequence"), Some(FinishReason::Stop)),
        (json!("pause_turn"), Some(FinishReason::Pause)),
        (json!("max_tokens"), Some(FinishReason::Length)),
        (json!("model_context_window_exceeded"), Some(FinishReason::Length)),
        (json!("refusal"), Some(FinishReason::Refusal)),
        (json!(""), None),
        (json!(null), None),
    ] {
        let message = json!({"content": [], "stop_reason": stop_reason, "stop_sequence": "x"}).to_string();
        let answer = answer(message.as_bytes()).expect("a message");
        assert_eq!(answer.choices[0].finish, want);
        assert_eq!(answer.choices[0].stop_sequence.as_deref(), Some("x"));
    }
}

#[test]
fn what_is_no_message_is_none() {
    for body in [
        "{}",
        "[]",
        "",
        r#"{"id":"m","model":"c","content":[{"type":"text"}]}"#,
        r#"{"content":[{"type":"tool_use","id":"t","name":"f","input":"x"}]}"#,
        r#"{"content":[{"type":"tool_use","id":"t","name":"f","input":[1]}]}"#,
    ] {
        assert_eq!(answer(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn messages_of_other_servers_are_read() {
    let read = |content: &str| {
        let body = format!(
            r#"{{"id":"m","content":{content},"stop_reason":"end_turn","usage":{{"input_tokens":3.0}}}}"#
        );
        let answer = answer(body.as_bytes()).expect("a message");
        assert_eq!(answer.usage.map(|usage| usage.input), Some(3));
        answer.choices.into_iter().flat_map(|choice| choice.blocks).collect::<Vec<_>>()
    };
    assert_eq!(read("\"hi\""), [turn::Block::Text { text: "hi".into(), logprobs: None }]);
    let call = read(r#"[{"type":"tool_use","name":"f","input":"{\"a\":1}"}]"#);
    assert!(
        matches!(&call[0], turn::Block::ToolCall { id, input, .. } if id.is_empty() && input == "{\"a\":1}")
    );
}
