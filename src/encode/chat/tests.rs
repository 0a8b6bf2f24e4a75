use super::*;
use crate::encode::Encoder as _;

fn head() -> Head {
    Head {
        id: "chatcmpl-1".into(),
        created: 7,
        model: "gpt-4o".into(),
        system_fingerprint: Some("fp_1"),
        service_tier: Some("default"),
        null_calls: true,
        ..Head::default()
    }
}

const USAGE: Usage = Usage {
    input: 3,
    output: 2,
    cached_input: 0,
    cache_write: 0,
    cache_write_hour: 0,
    output_audio: 0,
    input_audio: 0,
    reasoning: 0,
    accepted_prediction: 0,
    rejected_prediction: 0,
};

fn text(choice: u32, text: &'static str) -> Event<'static> {
    Event::Text { choice, text: text.into(), logprobs: None }
}

fn finish(choice: u32, reason: FinishReason) -> Event<'static> {
    Event::Finish { choice, reason, stop_sequence: None }
}

fn call(index: u32, id: &'static str, name: &'static str, kind: ToolKind) -> Event<'static> {
    Event::ToolCall { choice: 0, index, id: id.into(), name: name.into(), kind }
}

fn input(index: u32, input: &'static str) -> Event<'static> {
    Event::ToolInput { choice: 0, index, input: input.into() }
}

/// The whole answer that some events are.
fn whole_of(head: &Head, events: &[Event<'static>]) -> String {
    let mut answer = Answer::default();
    for event in events {
        answer.take(event.clone()).expect("no error");
    }
    String::from_utf8(whole(head, &answer)).expect("UTF-8")
}

/// The stream that some events are.
fn stream_of(head: Head, options: StreamOptions, events: &[Event<'static>]) -> String {
    let mut encoder = Encoder::new(head, options);
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event, &mut out));
    String::from_utf8(out).expect("UTF-8")
}

/// The data of each event of a stream.
fn data(stream: &str) -> Vec<&str> {
    stream.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").expect("a data line")).collect()
}

/// What of each chunk comes after `"choices":`.
fn choices(stream: &str) -> Vec<String> {
    let of_chunk = |json: &str| match json.find("\"choices\":") {
        Some(at) => json[at + 10..json.len() - 1].to_owned(),
        None => json.to_owned(),
    };
    data(stream).into_iter().map(of_chunk).collect()
}

/// The delta of each chunk that has one.
fn deltas(stream: &str) -> Vec<String> {
    let delta = |json: &&str| {
        let (_, delta) = json.split_once(r#""delta":"#)?;
        Some(delta.split_once(r#","logprobs""#)?.0.to_owned())
    };
    data(stream).iter().filter_map(delta).collect()
}

#[test]
fn a_whole_answer_has_the_members_in_the_documented_order() {
    let events = [text(0, "Hi"), text(0, " you"), finish(0, FinishReason::Stop), Event::Usage(USAGE)];
    assert_eq!(
        whole_of(&head(), &events),
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","system_fingerprint":"fp_1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi you","refusal":null,"annotations":[],"tool_calls":null,"function_call":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"}"#
    );
}

#[test]
fn a_backend_names_the_answer_and_what_it_has_not_is_left_out() {
    let events = [
        Event::Start { id: Some("msg_1".into()), model: Some("claude".into()) },
        Event::Thinking { choice: 0, text: "Hm".into() },
        Event::ThinkingSignature { choice: 0, signature: "sig".into() },
        Event::RedactedThinking { choice: 0, data: "xx".into() },
        text(0, "Hi"),
        Event::Ping,
        finish(0, FinishReason::Length),
        Event::End,
    ];
    let head = Head { created: 7, ..Head::default() };
    let whole = whole_of(&head, &events);
    assert!(
        whole.starts_with(r#"{"id":"msg_1","object":"chat.completion","created":7,"model":"claude","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,"reasoning_content":"Hm","thinking_blocks":[{"type":"thinking","thinking":"Hm","signature":"sig"},{"type":"redacted_thinking","data":"xx"}],"annotations":[]},"logprobs":null,"finish_reason":"length"}]"#),
        "{whole}"
    );
    let stream = stream_of(head, StreamOptions::default(), &events);
    assert!(
        stream.starts_with(
            r#"data: {"id":"msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":["#
        ),
        "{stream}"
    );
    assert_eq!(
        deltas(&stream),
        [
            r#"{"role":"assistant","content":"","refusal":null}"#,
            r#"{"reasoning_content":"Hm","thinking_blocks":[{"index":0,"type":"thinking","thinking":"Hm"}]}"#,
            r#"{"thinking_blocks":[{"index":0,"type":"thinking","thinking":"","signature":"sig"}]}"#,
            r#"{"thinking_blocks":[{"index":1,"type":"redacted_thinking","data":"xx"}]}"#,
            r#"{"content":"Hi"}"#,
            "{}",
        ]
    );
}

#[test]
fn calls_have_their_three_forms() {
    let message = |head: &Head, events: &[Event<'static>]| {
        let json = whole_of(head, events);
        let (_, message) = json.split_once(r#""message":"#).expect("a message");
        message.split_once(r#","logprobs""#).expect("its end").0.to_owned()
    };
    let both = [
        call(0, "call_f", "f", ToolKind::Function),
        input(0, "{}"),
        call(1, "call_g", "g", ToolKind::Custom),
        input(1, "any"),
    ];
    assert_eq!(
        message(&head(), &both),
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"call_f","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_g","type":"custom","custom":{"name":"g","input":"any"}}],"function_call":null}"#
    );
    let legacy = Head { legacy_functions: true, ..head() };
    assert_eq!(
        message(&legacy, &both[..2]),
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":null,"function_call":{"name":"f","arguments":"{}"}}"#
    );
    let live = Head { null_calls: false, ..head() };
    assert_eq!(
        message(&live, &[text(0, "a")]),
        r#"{"role":"assistant","content":"a","refusal":null,"annotations":[]}"#
    );
}

#[test]
fn what_ends_a_choice_has_the_words_of_the_api() {
    use FinishReason as R;
    let (legacy, forced) = (Head { legacy_functions: true, ..head() }, Head { forced_tool: true, ..head() });
    for (head, reason, want) in [
        (&head(), R::Stop, "stop"),
        (&head(), R::Length, "length"),
        (&head(), R::ToolCalls, "tool_calls"),
        (&head(), R::ContentFilter, "content_filter"),
        (&head(), R::Refusal, "content_filter"),
        (&head(), R::Pause, "stop"),
        (&legacy, R::ToolCalls, "function_call"),
        (&forced, R::ToolCalls, "stop"),
        (&forced, R::Length, "length"),
    ] {
        assert_eq!(head.finish_reason(reason), want);
    }
}

#[test]
fn each_choice_begins_with_its_role_and_ends_with_its_reason() {
    let events = [
        text(0, ""),
        text(1, ""),
        text(0, "one"),
        finish(1, FinishReason::Stop),
        text(0, " two"),
        finish(0, FinishReason::Stop),
        Event::End,
    ];
    const FIRST: &str =
        r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]"#;
    let last = r#""delta":{},"logprobs":null,"finish_reason":"stop"}]"#;
    let piece = |text| format!(r#""delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]"#);
    assert_eq!(
        choices(&stream_of(head(), StreamOptions::default(), &events)),
        [
            format!(r#"[{{"index":0,{FIRST}"#),
            format!(r#"[{{"index":1,{FIRST}"#),
            format!(r#"[{{"index":0,{}"#, piece("one")),
            format!(r#"[{{"index":1,{last}"#),
            format!(r#"[{{"index":0,{}"#, piece(" two")),
            format!(r#"[{{"index":0,{last}"#),
            "[DONE]".to_owned(),
        ]
    );
}

#[test]
fn a_call_is_streamed_as_its_name_and_then_its_input() {
    let events = [
        call(0, "call_f", "f", ToolKind::Function),
        input(0, "{\""),
        call(1, "call_g", "g", ToolKind::Custom),
        input(1, "one"),
        finish(0, FinishReason::ToolCalls),
    ];
    let several = Head { role_alone: true, ..head() };
    let stream = stream_of(several, StreamOptions::default(), &events);
    assert_eq!(
        deltas(&stream),
        [
            r#"{"role":"assistant","content":null,"refusal":null}"#,
            r#"{"tool_calls":[{"index":0,"id":"call_f","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"call_g","type":"custom","custom":{"name":"g","input":""}}]}"#,
            r#"{"tool_calls":[{"index":1,"custom":{"input":"one"}}]}"#,
            "{}"
        ]
    );
    assert!(stream.contains(r#""finish_reason":"tool_calls"}]"#), "{stream}");
    let stream = stream_of(head(), StreamOptions::default(), &events[..2]);
    assert_eq!(
        deltas(&stream),
        [
            r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_f","type":"function","function":{"name":"f","arguments":""}}],"refusal":null}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]}"#,
        ],
        "one call begins with the role"
    );
    let legacy = Head { legacy_functions: true, ..head() };
    assert_eq!(
        deltas(&stream_of(legacy, StreamOptions::default(), &events[..2]))[1..],
        [r#"{"function_call":{"name":"f","arguments":""}}"#, r#"{"function_call":{"arguments":"{\""}}"#]
    );
}

#[test]
fn some_models_report_more_counts() {
    let counts = |usage_details| {
        let head = Head { usage_details, ..head() };
        let answer = Answer { usage: Some(USAGE), ..Answer::default() };
        String::from_utf8(whole(&head, &answer)).expect("UTF-8")
    };
    let plain = counts(UsageDetails::default());
    assert!(!plain.contains("text_tokens") && !plain.contains("cache_write_tokens"), "{plain}");
    let audio = counts(UsageDetails { by_modality: true, ..UsageDetails::default() });
    assert_eq!(audio.matches("\"text_tokens\":").count(), 2, "{audio}");
    assert!(audio.contains("\"image_tokens\":0"), "{audio}");
    let newest = counts(UsageDetails { cache_write: true, ..UsageDetails::default() });
    assert!(newest.contains("\"cache_write_tokens\":"), "{newest}");
}

#[test]
fn usage_is_null_until_the_last_chunk() {
    let options = StreamOptions { include_usage: true, ..StreamOptions::default() };
    let events = [text(0, "a"), finish(0, FinishReason::Stop), Event::Usage(USAGE), Event::End];
    let stream = stream_of(head(), options, &events);
    let chunks = choices(&stream);
    assert!(chunks[..3].iter().all(|chunk| chunk.ends_with(r#","usage":null"#)), "{stream}");
    assert!(chunks[3].starts_with(r#"[],"usage":{"prompt_tokens":3,"#), "{stream}");
}

#[test]
fn obfuscation_makes_lengths_alike() {
    let options = StreamOptions { include_obfuscation: true, ..StreamOptions::default() };
    let events = [text(0, "a"), text(0, " bb"), text(0, " ccc dddd"), finish(0, FinishReason::Stop)];
    for json in data(&stream_of(head(), options, &events)) {
        assert!(json.contains(r#","obfuscation":""#) && json.len() % 64 == 0, "{} {json}", json.len());
    }
    assert!(!stream_of(head(), StreamOptions::default(), &events).contains("obfuscation"));
}

#[test]
fn log_probabilities_are_those_of_the_part_they_belong_to() {
    let token = |bytes: &'static [u8]| TokenLogprob {
        bytes: bytes.into(),
        logprob: -0.5,
        top: vec![(b"hello".as_slice().into(), -0.5)],
    };
    let with = |bytes| Event::Text { choice: 0, text: "Hello".into(), logprobs: Some(vec![token(bytes)]) };
    let head = Head { logprobs: true, ..head() };
    let entry = r#"{"token":"Hello","logprob":-0.5,"bytes":[72,101,108,108,111],"top_logprobs":[{"token":"hello","logprob":-0.5,"bytes":[104,101,108,108,111]}]}"#;
    let whole = whole_of(&head, &[with(b"Hello")]);
    assert!(whole.contains(&format!(r#""logprobs":{{"content":[{entry}],"refusal":null}}"#)), "{whole}");
    let events = [with(b"Hello"), finish(0, FinishReason::Stop)];
    let stream = choices(&stream_of(head.clone(), StreamOptions::default(), &events));
    assert!(stream[0].contains(r#""logprobs":{"content":[],"refusal":null}"#), "{stream:?}");
    assert!(
        stream[1].contains(&format!(r#""logprobs":{{"content":[{entry}],"refusal":null}}"#)),
        "{stream:?}"
    );
    assert!(stream[2].contains(r#""delta":{},"logprobs":null"#), "{stream:?}");
    let bytes = stream_of(head.clone(), StreamOptions::default(), &[with(b" \xf0\x9f")]);
    assert!(bytes.contains(r#""token":" \\xf0\\x9f""#), "{bytes}");
    let refusal = Event::Refusal { choice: 0, text: "No".into(), logprobs: Some(vec![token(b"No")]) };
    let stream = choices(&stream_of(head, StreamOptions::default(), &[refusal]));
    assert!(stream[0].contains(r#""content":null,"refusal":null},"logprobs":{"content":null,"refusal":[]}"#));
    assert!(stream[1].contains(r#""logprobs":{"content":null,"refusal":[{"token":"No""#), "{stream:?}");
}

#[test]
fn an_error_is_the_last_event() {
    let error =
        Event::Error { status: 529, kind: "overloaded_error".into(), code: None, message: "Busy.".into() };
    assert_eq!(
        stream_of(head(), StreamOptions::default(), &[error]),
        "data: {\"error\":{\"message\":\"Busy.\",\"type\":\"overloaded_error\",\"param\":null,\"code\":null}}\n\n"
    );
}

#[test]
fn pieces_of_reasoning_name_their_block() {
    let thinking = |text: &'static str| Event::Thinking { choice: 0, text: text.into() };
    let signature = |own: &'static str| Event::ThinkingSignature { choice: 0, signature: own.into() };
    let redacted = || Event::RedactedThinking { choice: 0, data: "xx".into() };
    for (events, want) in [
        (
            vec![thinking("a"), thinking("b"), signature("s"), thinking("c"), signature("t")],
            vec![0, 0, 0, 1, 1],
        ),
        (vec![thinking("a"), redacted(), redacted(), thinking("b")], vec![0, 1, 2, 3]),
        (vec![redacted(), thinking("a"), signature("s")], vec![0, 1, 1]),
        (vec![signature("s"), signature("t")], vec![0, 1]),
        (vec![thinking("a"), text(0, "Hi"), thinking("b")], vec![0, 1]),
    ] {
        let stream = stream_of(Head::default(), StreamOptions::default(), &events);
        let indices: Vec<_> = deltas(&stream)
            .iter()
            .filter_map(|delta| {
                delta.split_once(r#""thinking_blocks":[{"index":"#)?.1.get(..1)?.parse::<u32>().ok()
            })
            .collect();
        assert_eq!(indices, want, "{events:?}");
    }
}
