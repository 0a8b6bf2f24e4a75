use super::*;
use crate::upstream::sse::Parser;
use serde_json::{Value, json};

/// A message of text, thought and two calls, one of them without input.
const MESSAGE: [&str; 20] = [
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
    r#"{"type": "ping"}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"H\u00e9"}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"llo"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}"#,
    r#"{"type":"something_new","delta":{"x":1}}"#,
    r#"{"type":"message_stop"}"#,
];

fn run(events: &[&str], includes_usage: bool) -> (Vec<String>, Stream, Vec<&'static str>) {
    let mut stream = Stream::new(1_700_000_000, includes_usage);
    let (mut parser, mut out, mut flows) = (Parser::default(), Vec::new(), Vec::new());
    for data in events {
        parser.push(format!("event: x\ndata: {data}\n\n").as_bytes());
        let event = parser.next().expect("short").expect("whole");
        flows.push(match stream.event(&event, &mut out) {
            StreamState::On => "on",
            StreamState::Done => "done",
            StreamState::ErrorSent(_) => "told",
            StreamState::InvalidResponse(_) => "senseless",
        });
    }
    let text = String::from_utf8(out).expect("UTF-8");
    let events =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").expect("data").to_owned());
    (events.collect(), stream, flows)
}

#[test]
fn a_message_becomes_chunks() {
    let (chunks, stream, flows) = run(&MESSAGE, false);
    assert_eq!(flows.last(), Some(&"done"));
    assert_eq!(chunks.last().map(String::as_str), Some("[DONE]"));
    assert_eq!(
        chunks[0],
        concat!(
            r#"{"id":"msg_1","object":"chat.completion.chunk","created":1700000000,"model":"claude-x","choices":[{"index":0,"#,
            r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#
        )
    );
    let chunks: Vec<Value> =
        chunks[..chunks.len() - 1].iter().map(|c| serde_json::from_str(c).expect("JSON")).collect();
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    let input =
        |index: u32, json: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": json}}]});
    let call = |index: u32, id: &str, name: &str| {
        let function = json!({"name": name, "arguments": ""});
        json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})
    };
    let want = [
        json!({"role": "assistant", "content": "", "refusal": null}),
        json!({"reasoning_content": "hm"}),
        json!({"content": "Hé"}),
        json!({"content": "llo"}),
        call(0, "t1", "f"),
        input(0, "{\"a\":"),
        input(0, "1}"),
        call(1, "t2", "g"),
        input(1, "{}"),
        json!({}),
    ];
    assert_eq!(deltas, want.iter().collect::<Vec<_>>());
    assert_eq!(chunks.last().expect("chunks")["choices"][0]["finish_reason"], "tool_calls");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert!(stream.is_complete());
    assert_eq!(stream.tokens(), Some(Tokens { input: 14, output: 9 }));
}

#[test]
fn an_input_may_come_whole_with_its_call() {
    let start = MESSAGE[15].replace("\"input\":{}", "\"input\":{ \"a\":1.0 }");
    let (chunks, ..) = run(&[MESSAGE[0], &start, MESSAGE[16]], false);
    let last: Value = serde_json::from_str(chunks.last().expect("chunks")).expect("JSON");
    assert_eq!(last["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "{ \"a\":1.0 }");
}

#[test]
fn usage_comes_last_where_it_is_asked_for() {
    let (chunks, ..) = run(&MESSAGE, true);
    let chunks: Vec<Value> =
        chunks[..chunks.len() - 1].iter().map(|c| serde_json::from_str(c).expect("JSON")).collect();
    let (last, others) = chunks.split_last().expect("chunks");
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"],
        json!({"prompt_tokens": 14, "completion_tokens": 9, "total_tokens": 23, "prompt_tokens_details": {"cached_tokens": 4}})
    );
}

#[test]
fn an_error_is_told_and_ends_the_stream() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let (chunks, stream, flows) = run(&[MESSAGE[0], error], false);
    assert_eq!(flows, ["on", "told"]);
    assert_eq!(
        chunks[1],
        r#"{"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}"#
    );
    assert!(!stream.is_complete());
}

#[test]
fn what_is_no_event_makes_no_sense() {
    for data in ["{", "[]", "{}", "[DONE]", r#"{"type":7}"#] {
        assert_eq!(run(&[MESSAGE[0], data], false).2[1], "senseless", "{data}");
    }
}
