use super::*;
use crate::engine::{FinishReason, TokenTiming, TokenUsage};
use crate::http::StreamStep;

fn speech(text: &str) -> TokenizedText {
    TokenizedText::new(text, Encoding::O200kBase, usize::MAX).0
}

fn says(text: &str) -> Choice {
    Choice { content: Some(speech(text)), finish_reason: Some(FinishReason::Stop), ..Choice::default() }
}

fn calls(calls: &[(&str, &str, bool)], legacy: bool) -> Choice {
    let call = |(name, input, custom): &(&str, &str, bool)| Call {
        id: format!("call_{name}"),
        name: (*name).to_owned(),
        input: speech(input),
        custom: *custom,
    };
    let finish = if legacy { FinishReason::FunctionCall } else { FinishReason::ToolCalls };
    Choice {
        calls: calls.iter().map(call).collect(),
        legacy,
        finish_reason: Some(finish),
        ..Choice::default()
    }
}

fn answer(choices: Vec<Choice>) -> Answer {
    Answer {
        id: "chatcmpl-1".into(),
        created: 7,
        model: "gpt-4o".into(),
        encoding: Encoding::O200kBase,
        service_tier: "default",
        logprobs: false,
        said: engine::Answer {
            choices,
            counts: TokenUsage { prompt: 3, completion: 2, ..TokenUsage::default() },
            pace: TokenTiming::default(),
            cut_after_chunks: None,
        },
    }
}

fn text(response: Response<()>) -> String {
    let bytes = match response.body {
        Body::Full(bytes) => bytes,
        Body::BodySource(frames) => frames
            .flat_map(|frame| match frame {
                StreamStep::Data(bytes) => bytes,
                StreamStep::Abort => b"ABORT\n\n".to_vec(),
                StreamStep::Pause(time) => format!("{}ms\n\n", time.as_millis()).into_bytes(),
            })
            .collect(),
        Body::Relay(_) | Body::Read(_) => panic!("the engine relays nothing"),
    };
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_whole_answer_has_the_members_in_the_documented_order() {
    assert_eq!(
        text(answer(vec![says("Hi you")]).whole()),
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","system_fingerprint":"fp_portcullis1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi you","refusal":null,"annotations":[],"tool_calls":null,"function_call":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"}"#
    );
}

#[test]
fn calls_are_told_in_their_three_forms() {
    let message = |choice: Choice| {
        let json = text(answer(vec![choice]).whole());
        let (_, message) = json.split_once(r#""message":"#).expect("a message");
        message.split_once(r#","logprobs""#).expect("its end").0.to_owned()
    };
    assert_eq!(
        message(calls(&[("f", "{}", false), ("g", "any", true)], false)),
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"call_f","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_g","type":"custom","custom":{"name":"g","input":"any"}}],"function_call":null}"#
    );
    assert_eq!(
        message(calls(&[("f", "{}", false)], true)),
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":null,"function_call":{"name":"f","arguments":"{}"}}"#
    );
}

/// What of each event comes after `"choices":`.
fn deltas(stream: &str) -> Vec<String> {
    let event = |event: &str| {
        let json = event.strip_prefix("data: ").unwrap_or(event).to_owned();
        let choices = json.find("\"choices\":").map(|i| json[i + 10..json.len() - 1].to_owned());
        choices.unwrap_or(json)
    };
    stream.split_terminator("\n\n").map(event).collect()
}

const FIRST: &str =
    r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]"#;

#[test]
fn choices_are_streamed_in_turns_and_each_begins_and_ends() {
    let last = r#""delta":{},"logprobs":null,"finish_reason":"stop"}]"#;
    let piece = |text| format!(r#""delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]"#);
    assert_eq!(
        deltas(&text(answer(vec![says("one two"), says("")]).stream(StreamOptions::default()))),
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
fn a_call_is_streamed_as_its_name_and_then_its_arguments() {
    let stream = deltas(&text(
        answer(vec![calls(&[("f", r#"{"a":1}"#, false), ("g", "one two", true)], false)])
            .stream(StreamOptions::default()),
    ));
    let delta = |event: &String| {
        let (_, delta) = event.split_once(r#""delta":"#).expect("a delta");
        delta.split_once(r#","logprobs""#).expect("its end").0.to_owned()
    };
    let told: Vec<String> = stream[..stream.len() - 1].iter().map(delta).collect();
    assert_eq!(told[0], r#"{"role":"assistant","content":null,"refusal":null}"#);
    assert_eq!(
        told[1],
        r#"{"tool_calls":[{"index":0,"id":"call_f","type":"function","function":{"name":"f","arguments":""}}]}"#
    );
    assert_eq!(told[2], r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]}"#);
    let custom = told.iter().position(|told| told.contains("custom")).expect("the custom tool");
    assert_eq!(
        told[custom..],
        [
            r#"{"tool_calls":[{"index":1,"id":"call_g","type":"custom","custom":{"name":"g","input":""}}]}"#,
            r#"{"tool_calls":[{"index":1,"custom":{"input":"one"}}]}"#,
            r#"{"tool_calls":[{"index":1,"custom":{"input":" two"}}]}"#,
            "{}"
        ]
    );
    assert!(stream[stream.len() - 2].ends_with(r#""finish_reason":"tool_calls"}]"#), "{stream:?}");
    let legacy =
        deltas(&text(answer(vec![calls(&[("f", "{}", false)], true)]).stream(StreamOptions::default())));
    let told: Vec<String> = legacy[..legacy.len() - 1].iter().map(delta).collect();
    assert_eq!(
        told[1..],
        [r#"{"function_call":{"name":"f","arguments":""}}"#, r#"{"function_call":{"arguments":"{}"}}"#, "{}"]
    );
}

#[test]
fn usage_is_null_until_the_totals() {
    let options = StreamOptions { include_usage: true, ..StreamOptions::default() };
    let stream = text(answer(vec![says("a")]).stream(options));
    let events = deltas(&stream);
    assert!(events[..3].iter().all(|e| e.ends_with(r#","usage":null"#)), "{stream}");
    assert!(events[3].starts_with(r#"[],"usage":{"prompt_tokens":3,"#), "{stream}");
}

#[test]
fn obfuscation_makes_lengths_alike() {
    let options = StreamOptions { include_obfuscation: true, ..StreamOptions::default() };
    let stream = text(answer(vec![says("a bb ccc dddd eeeee")]).stream(options));
    for event in stream.split_terminator("\n\n").filter(|event| !event.ends_with("[DONE]")) {
        let json = event.strip_prefix("data: ").expect("a data line");
        assert!(json.contains(r#","obfuscation":""#) && json.len() % 64 == 0, "{} {json}", json.len());
    }
    assert!(!text(answer(vec![says("a")]).stream(StreamOptions::default())).contains("obfuscation"));
}

#[test]
fn log_probabilities_are_told_as_the_live_api_tells_them() {
    let odds = |speech: TokenizedText| {
        let odds =
            vec![engine::TokenLogprobs { logprob: -0.5, top: vec![(24912, -0.5)] }; speech.tokens().len()];
        Choice { content: Some(speech.with_odds(odds)), ..Choice::default() }
    };
    let likely = |text: &str| Answer { logprobs: true, ..answer(vec![odds(speech(text))]) };
    let entry = r#"{"token":"Hello","logprob":-0.5,"bytes":[72,101,108,108,111],"top_logprobs":[{"token":"hello","logprob":-0.5,"bytes":[104,101,108,108,111]}]}"#;
    if crate::tokens::EXACT {
        let whole = text(likely("Hello").whole());
        assert!(whole.contains(&format!(r#""logprobs":{{"content":[{entry}],"refusal":null}}"#)), "{whole}");
        let stream = deltas(&text(likely("Hello").stream(StreamOptions::default())));
        assert!(stream[0].contains(r#""logprobs":{"content":[],"refusal":null}"#), "{stream:?}");
        assert!(
            stream[1].contains(&format!(r#""logprobs":{{"content":[{entry}],"refusal":null}}"#)),
            "{stream:?}"
        );
        assert!(stream[2].contains(r#""delta":{},"logprobs":null"#), "{stream:?}");
    }
    // A character of several tokens is told once it is whole, with all of them.
    let stream = text(likely("\u{1f9d1}\u{200d}\u{1f680} 𓀀").stream(StreamOptions::default()));
    assert!(stream.contains(r#""token":"\\x"#), "{stream}");
    let told: String =
        stream.split(r#""delta":{"content":""#).skip(1).filter_map(|e| e.split('"').next()).collect();
    assert_eq!(told, "\u{1f9d1}\u{200d}\u{1f680} 𓀀");
}

#[test]
fn a_stream_can_be_cut_and_take_its_time() {
    let mut answer = answer(vec![says("one two three")]);
    answer.said.cut_after_chunks = Some(2);
    let events = deltas(&text(answer.clone().stream(StreamOptions::default())));
    // A host that has something left to send gets the time to do so.
    assert_eq!(events[2..], ["50ms", "ABORT"]);
    answer.said.cut_after_chunks = Some(0);
    assert_eq!(text(answer.stream(StreamOptions::default())), "ABORT\n\n");
}
