use super::*;
use crate::turn::ToolKind;

fn head() -> MessageHead {
    MessageHead {
        id: "msg_1".into(),
        model: "m".into(),
        usage: Usage { input: 5, output: 7, ..Usage::default() },
        counts: Optional::default(),
        context_management: false,
        container: None,
    }
}

/// The JSON of a whole message, and the data of the last events but `message_stop`.
fn written(head: &MessageHead) -> (json::Value<'static>, json::Value<'static>) {
    let parse = |text: String| json::Value::parse(Box::leak(text.into_boxed_str()).as_bytes()).expect("JSON");
    let mut encoder = Encoder::new(head.clone());
    let mut out = Vec::new();
    encoder.event(&Event::Text { choice: 0, text: "hi".into(), logprobs: None }, &mut out);
    let whole = parse(encoder.into_message());
    let mut encoder = Encoder::new(head.clone());
    encoder.event(&Event::Text { choice: 0, text: "hi".into(), logprobs: None }, &mut out);
    encoder.event(&Event::End, &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    let delta = text.lines().rfind(|line| line.contains("message_delta") && line.starts_with("data: "));
    (whole, parse(delta.expect("an event")["data: ".len()..].to_owned()))
}

#[test]
fn members_that_only_some_requests_lead_to_are_left_out() {
    let (whole, delta) = written(&head());
    for name in ["container", "context_management"] {
        assert!(whole.get(name).is_none() && delta.get(name).is_none(), "{name}");
    }
    let usage =
        |message: &json::Value<'_>| message.get("usage").map(json::Value::to_json).unwrap_or_default();
    assert!(!usage(&whole).contains("iterations") && !usage(&delta).contains("iterations"));
}

#[test]
fn a_managed_context_is_one_iteration_without_edits() {
    let counts = Optional { iterations: true, server_tools: false };
    let (whole, delta) = written(&MessageHead { counts, context_management: true, ..head() });
    for message in [&whole, &delta] {
        assert_eq!(
            message.get("context_management").map(json::Value::to_json).as_deref(),
            Some(r#"{"applied_edits":[]}"#)
        );
        let iterations = message.get("usage").and_then(|usage| usage.get("iterations"));
        let [only] = iterations.and_then(json::Value::as_array).expect("a list") else { panic!("not one") };
        let members = [("type", r#""message""#), ("input_tokens", "5"), ("output_tokens", "7")];
        for (name, want) in members {
            assert_eq!(only.get(name).map(json::Value::to_json).as_deref(), Some(want), "{name}");
        }
    }
}

#[test]
fn the_container_is_named_at_the_end() {
    let container = Container { id: "container_1".into(), expires_at: "2026-11-28T00:00:00.000Z".into() };
    let (whole, delta) = written(&MessageHead { container: Some(container), ..head() });
    let want = r#"{"id":"container_1","expires_at":"2026-11-28T00:00:00.000Z"}"#;
    let own = whole.get("container").map(json::Value::to_json);
    let streamed = delta.get("delta").and_then(|delta| delta.get("container")).map(json::Value::to_json);
    assert_eq!((own.as_deref(), streamed.as_deref()), (Some(want), Some(want)));
}

#[test]
fn no_piece_of_interleaved_calls_is_lost_where_an_input_is_no_object() {
    let mut encoder = Encoder::new(head());
    let call = |index| Event::ToolCall {
        choice: 0,
        index,
        id: format!("toolu_{index}").into(),
        name: "f".into(),
        kind: ToolKind::Function,
    };
    let input = |index, input: &'static str| Event::ToolInput { choice: 0, index, input: input.into() };
    let mut out = Vec::new();
    for event in [call(0), input(0, "tr"), call(1), input(1, "{}"), input(0, "ue"), Event::End] {
        encoder.event(&event, &mut out);
    }
    let text = String::from_utf8(out).expect("UTF-8");
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing: {text}"));
    assert!(place(r#""partial_json":"tr""#) < place(r#""partial_json":"ue""#));
    assert!(
        place(r#""partial_json":"ue""#) < place("toolu_1")
            && place("toolu_1") < place(r#""partial_json":"{}""#)
    );
}
