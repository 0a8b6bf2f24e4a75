use super::*;
use serde_json::{Value, json};

fn completed(message: &Value) -> (Value, Tokens) {
    let (body, tokens) = completion(message.to_string().as_bytes(), 1_700_000_000).expect("a message");
    (serde_json::from_slice(&body).expect("JSON"), tokens)
}

#[test]
fn a_message_is_a_completion() {
    let (body, tokens) = completion(
        br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"h\u00e9"},
             {"type":"text","text":"llo"}],"stop_reason":"end_turn","stop_sequence":null,
             "usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":5,"x":{}}}"#,
        1_700_000_000,
    )
    .expect("a message");
    assert_eq!(
        String::from_utf8(body).expect("UTF-8"),
        concat!(
            r#"{"id":"msg_1","object":"chat.completion","created":1700000000,"model":"claude-x","choices":[{"index":0,"#,
            r#""message":{"role":"assistant","content":"héllo","refusal":null},"logprobs":null,"finish_reason":"stop"}],"#,
            r#""usage":{"prompt_tokens":15,"completion_tokens":5,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":3}}}"#
        )
    );
    assert_eq!(tokens, Tokens { input: 15, output: 5 });
}

#[test]
fn calls_thoughts_and_what_has_no_place() {
    let (body, _) = completed(&json!({
        "id": "m", "model": "c", "stop_reason": "tool_use", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}},
    }));
    assert_eq!(body["usage"]["completion_tokens_details"], json!({"reasoning_tokens": 7}));
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    assert_eq!(message["reasoning_content"], "hm");
    let call =
        json!([{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1]}"}}]);
    assert_eq!(message["tool_calls"], call);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn each_end_has_its_word() {
    for (stop_reason, want) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ] {
        let message = json!({"id": "m", "model": "c", "content": [], "stop_reason": stop_reason});
        assert_eq!(completed(&message).0["choices"][0]["finish_reason"], want);
    }
}

#[test]
fn what_is_no_message_is_none() {
    for body in ["{}", "[]", "", r#"{"id":"m","model":"c","content":[{"type":"text"}]}"#] {
        assert_eq!(completion(body.as_bytes(), 0), None, "{body}");
    }
}

#[test]
fn errors_get_openais_shape_and_keep_their_words() {
    let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"Over\u006coaded"},"request_id":"r"}"#;
    assert_eq!(
        error_body(error).map(|body| String::from_utf8(body).expect("UTF-8")).as_deref(),
        Some(r#"{"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}"#)
    );
    assert_eq!(error_body(b"<html>"), None);
}
