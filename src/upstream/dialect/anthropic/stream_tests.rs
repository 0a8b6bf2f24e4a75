use super::*;
use crate::upstream::sse::Parser;

/// The events of a turn that some events of a message become, and whether they are complete.
fn decoded(events: &[&str]) -> (Vec<String>, bool) {
    let mut stream = Stream::default();
    let mut parser = Parser::default();
    for event in events {
        parser.push(format!("data: {event}\n\n").as_bytes());
    }
    let mut out = Vec::new();
    while let Ok(Some(event)) = parser.next() {
        match stream.event(&event, &mut out) {
            StreamState::On => {}
            StreamState::Done | StreamState::ErrorSent(_) => break,
            StreamState::InvalidResponse(why) => return (vec![why.to_owned()], false),
        }
    }
    (out.iter().map(shown).collect(), stream.is_complete())
}

fn shown(event: &turn::Event<'_>) -> String {
    match event {
        turn::Event::Start { id, .. } => format!("start {}", id.as_deref().unwrap_or_default()),
        turn::Event::Text { text, .. } => format!("text {text}"),
        turn::Event::Thinking { text, .. } => format!("thinking {text}"),
        turn::Event::ThinkingSignature { signature, .. } => format!("signed {signature}"),
        turn::Event::RedactedThinking { data, .. } => format!("redacted {data}"),
        turn::Event::ToolCall { index, id, name, .. } => format!("call {index} {id} {name}"),
        turn::Event::ToolInput { index, input, .. } => format!("input {index} {input}"),
        turn::Event::Finish { reason, .. } => format!("finish {reason:?}"),
        turn::Event::Usage(usage) => format!("usage {} {}", usage.input, usage.output),
        turn::Event::Error { status, kind, message, .. } => format!("error {status} {kind} {message}"),
        turn::Event::End => "end".to_owned(),
        other => format!("{other:?}"),
    }
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":15,"output_tokens":1,"cache_read_input_tokens":100}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

fn begin(index: u32, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn delta(index: u32, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

fn ended(index: u32) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

fn finished(reason: &str, usage: &str) -> String {
    format!(r#"{{"type":"message_delta","delta":{{"stop_reason":{reason}}},"usage":{usage}}}"#)
}

#[test]
fn blocks_are_told_apart_by_their_index() {
    let events = [
        START.to_owned(),
        begin(0, r#"{"type":"tool_use","id":"t1","name":"f","input":{}}"#),
        begin(1, r#"{"type":"tool_use","id":"t2","name":"g","input":{}}"#),
        delta(0, r#"{"type":"input_json_delta","partial_json":""}"#),
        delta(0, r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#),
        delta(1, r#"{"type":"input_json_delta","partial_json":"{\"b\":2}"}"#),
        delta(0, r#"{"type":"input_json_delta","partial_json":"1}"}"#),
        begin(2, r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#),
        delta(2, r#"{"type":"input_json_delta","partial_json":"[7]"}"#),
        begin(3, r#"{"type":"tool_use","id":"t3","name":"h","input":{"whole":1}}"#),
        begin(4, r#"{"type":"tool_use","id":"t4","name":"h","input":{}}"#),
        ended(1),
        ended(0),
        ended(3),
        finished(r#""tool_use""#, r#"{"output_tokens":5}"#),
        STOP.to_owned(),
    ];
    let events: Vec<&str> = events.iter().map(|event| &**event).collect();
    let (got, complete) = decoded(&events);
    let want = [
        "start m",
        "usage 115 1",
        "call 0 t1 f",
        "call 1 t2 g",
        "input 0 {\"a\":",
        "input 1 {\"b\":2}",
        "input 0 1}",
        "call 2 t3 h",
        "call 3 t4 h",
        "input 2 {\"whole\":1}",
        "input 3 {}",
        "finish ToolCalls",
        "usage 115 5",
        "end",
    ];
    assert_eq!((got, complete), (want.map(str::to_owned).to_vec(), true));
}

#[test]
fn halves_of_a_pair_find_each_other_across_deltas() {
    let events = [
        begin(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"\ud83d"}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"\ude00"}"#),
        delta(0, r#"{"type":"signature_delta","signature":"SIG"}"#),
        ended(0),
        begin(1, r#"{"type":"redacted_thinking","data":"D"}"#),
        begin(2, r#"{"type":"text","text":"a"}"#),
        delta(2, r#"{"type":"text_delta","text":"\ud83d"}"#),
        delta(2, r#"{"type":"text_delta","text":"\uDE00 \ud83d"}"#),
        ended(2),
    ];
    let events: Vec<&str> = events.iter().map(|event| &**event).collect();
    let want =
        ["thinking ", "thinking 😀", "signed SIG", "redacted D", "text a", "text 😀 ", "text \u{fffd}"];
    assert_eq!(decoded(&events).0, want);
}

#[test]
fn zeros_do_not_erase_what_was_counted() {
    for (usage, want) in [
        (r#"{"input_tokens":0,"output_tokens":5}"#, "usage 115 5"),
        (r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}"#, "usage 115 1"),
        (r#"{"input_tokens":20,"output_tokens":7}"#, "usage 120 7"),
        ("null", "usage 115 1"),
    ] {
        let (got, _) = decoded(&[START, &finished(r#""end_turn""#, usage), STOP]);
        assert_eq!(got[3], want, "{usage}");
    }
}

#[test]
fn a_stream_is_complete_with_a_stop_reason() {
    for (reason, complete) in [(r#""end_turn""#, true), (r#""""#, false), ("null", false)] {
        assert_eq!(decoded(&[START, &finished(reason, "null")]).1, complete, "{reason}");
    }
    assert_eq!(decoded(&[START, STOP]).0, ["the message ended without a stop reason"]);
}

#[test]
fn errors_and_what_is_no_message() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(decoded(&[START, error]).0[2..], ["error 529 overloaded_error Overloaded"]);
    for event in ["[]", "{}", "{", r#"{"choices":[]}"#, r#"{"type":"message_start"}"#] {
        assert!(
            !decoded(&[event]).1 && decoded(&[event]).0[0].contains("none of the Messages API"),
            "{event}"
        );
    }
    assert_eq!(decoded(&[r#"{"type":"ping"}"#, r#"{"type":"new_event"}"#]), (vec![], false));
    for input in [
        vec![begin(0, r#"{"type":"tool_use","id":"t","name":"f","input":"x"}"#)],
        vec![
            begin(0, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#),
            delta(0, r#"{"type":"input_json_delta","partial_json":"[1]"}"#),
        ],
    ] {
        let events: Vec<&str> = input.iter().map(|event| &**event).collect();
        assert_eq!(decoded(&events).0, [INPUT]);
    }
}

#[test]
fn streams_of_other_servers_are_read() {
    let text = |text: &str| format!(r#"{{"type":"text_delta","text":"{text}"}}"#);
    // No beginning of the block, counts with a fraction, and the end of a chat completion.
    let start = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":15.0}}}"#;
    let stop = finished("\"end_turn\"", r#"{"output_tokens":5.0}"#);
    let (events, complete) = decoded(&[start, &delta(0, &text("hi")), &stop, "[DONE]"]);
    assert_eq!(events, ["start m", "usage 15 0", "text hi", "finish Stop", "usage 15 5", "end"]);
    assert!(complete);
    assert!(!decoded(&[start, "[DONE]"]).1);
    // A call's input as text.
    for (input, want) in
        [("\"\"", "input 0 {}"), ("null", "input 0 {}"), (r#""{\"a\":1}""#, r#"input 0 {"a":1}"#)]
    {
        let call = format!(r#"{{"type":"tool_use","id":"t","name":"f","input":{input}}}"#);
        let (events, _) = decoded(&[start, &begin(0, &call), &ended(0)]);
        assert_eq!(events.last().map(String::as_str), Some(want), "{input}");
    }
}
