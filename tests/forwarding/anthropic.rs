//! An upstream with Anthropic's API, seen by a caller of OpenAI's API.

use crate::fake::*;

fn config(settings: &str) -> String {
    format!(
        r#"{{"upstreams":{{"claude":{{"url":"http://claude/v1","api":"anthropic","key":"sk-ant"{settings}}},"b":{{"url":"http://b/v1"}}}},
            "models":{{"m":{{"targets":[{{"upstream":"claude","model":"claude-x"}}]}},
                       "both":{{"targets":[{{"upstream":"claude"}},{{"upstream":"b"}}]}}}}}}"#
    )
}

fn claude(does: Does) -> Fake {
    Fake::new(&[("claude", &[does]), ("b", &[Does::json(200, r#"{"choices":[{}]}"#)])])
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"hi"}],
    "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;

const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"häß€🦀\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

#[test]
fn a_chat_becomes_a_message_and_back() {
    let fake = claude(Does::json(200, MESSAGE).header("content-length", "7").header("request-id", "req_a"));
    let request =
        request("POST", "/v1/chat/completions", &[("anthropic-beta", "x"), ("anthropic-version", "1")]);
    let got = send(&fake, &config(r#","max_tokens":77"#), &request, &body("m", false));
    let seen = &fake.seen()[0];
    assert_eq!(seen.line, "POST http://claude/v1/messages");
    let want = r#"{"model":"claude-x","max_tokens":77,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#;
    assert_eq!(seen.body, want);
    let header =
        |name: &str| seen.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| &**v).collect::<Vec<_>>();
    assert_eq!((header("x-api-key"), header("authorization")), (vec!["sk-ant"], vec![]));
    assert_eq!((header("anthropic-version"), header("anthropic-beta")), (vec!["2023-06-01"], vec!["x"]));
    assert_eq!(
        (got.status, got.header("content-length"), got.header("request-id")),
        (200, None, Some("req_a"))
    );
    let answer: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
    assert_eq!(answer["choices"][0]["message"]["content"], "hi");
    assert_eq!(got.log["gen_ai.usage.output_tokens"], 2);
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_chunks() {
    let whole = send(
        &claude(Does::answer(200, "text/event-stream", &[STREAM])),
        &config(""),
        &chat(),
        &body("m", true),
    );
    assert_eq!(whole.status, 200);
    assert!(whole.body.contains("häß€🦀") && whole.body.ends_with("data: [DONE]\n\n"), "{}", whole.body);
    assert_eq!(whole.log["gen_ai.usage.input_tokens"], 3);
    for i in 1..STREAM.len() {
        let mut does = Does::answer(200, "text/event-stream", &[]);
        does.body =
            [&STREAM.as_bytes()[..i], &STREAM.as_bytes()[i..]].map(|piece| (0, Ok(piece.to_vec()))).to_vec();
        assert_eq!(
            send(&claude(does), &config(""), &chat(), &body("m", true)).body,
            whole.body,
            "cut at {i}"
        );
    }
}

#[test]
fn errors_are_translated_with_their_status() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let want = r#"{"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}"#;
    for does in [
        Does::json(529, error).header("retry-after", "30"),
        Does::json(200, error),
        Does::answer(200, "text/event-stream", &[&format!("event: error\ndata: {error}\n\n")]),
    ] {
        let got = send(&claude(does.clone()), &config(""), &chat(), &body("m", true));
        assert_eq!(
            (got.status, &*got.body, got.header("content-type")),
            (529, want, Some("application/json"))
        );
        assert_eq!(send(&claude(does), &config(""), &chat(), &body("both", false)).status, 200);
    }
    // An error that is not in the API's format becomes an error object with the same status.
    let got =
        send(&claude(Does::answer(503, "text/html", &["<h1>busy"])), &config(""), &chat(), &body("m", false));
    assert_eq!((got.status, got.header("content-type")), (503, Some("application/json")));
    assert!(got.body.contains("The upstream `claude` returned status 503"), "{}", got.body);
    // No answer: the next target is tried.
    for none in ["{}", r#"{"any":"thing"}"#] {
        let got = send(&claude(Does::json(200, none)), &config(""), &chat(), &body("m", false));
        assert_eq!(got.status, 502);
        let got = send(&claude(Does::json(200, none)), &config(""), &chat(), &body("both", false));
        assert_eq!((got.status, got.header("x-portcullis-target")), (200, Some("b")));
    }
}

#[test]
fn a_stream_that_breaks_off_is_reported() {
    let half = STREAM.split("event: message_delta").next().expect("a half");
    for does in [
        Does::answer(200, "text/event-stream", &[half]),
        Does::answer(200, "text/event-stream", &[half]).breaks(false),
        Does::answer(200, "text/event-stream", &[half, "event: x\ndata: {\n\n"]),
    ] {
        let got = send(&claude(does), &config(""), &chat(), &body("m", true));
        assert!(got.body.contains("häß€🦀") && got.body.contains("data: {\"error\""), "{}", got.body);
        assert!(!got.body.contains("[DONE]") && got.log["broken"].is_string(), "{got:?}");
    }
}

#[test]
fn no_parameter_is_dropped_without_notice() {
    let chat_body =
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":7,"logprobs":true,"n":1}"#;
    let vars = |unknown: &'static str, config: &str| {
        [
            ("PORTCULLIS_CONFIG", config.to_owned()),
            ("PORTCULLIS_API_KEYS", "sk-caller".to_owned()),
            ("PORTCULLIS_UNKNOWN_PARAMS", unknown.to_owned()),
        ]
    };
    for (unknown, status) in [("pass", 400), ("reject", 400), ("drop", 200)] {
        let fake = claude(Does::json(200, MESSAGE));
        let vars = vars(unknown, &config(""));
        let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (*n, &**v)).collect();
        let got = send_with(&fake, &vars, &chat(), chat_body);
        assert_eq!(got.status, status, "{unknown}: {got:?}");
        match status {
            200 => assert_eq!(got.header("x-portcullis-dropped"), Some("logprobs, seed")),
            _ => {
                assert!(
                    got.body.contains("\"param\": \"logprobs\"")
                        && got.body.contains("unsupported_parameter"),
                    "{got:?}"
                );
                assert!(fake.seen().is_empty());
            }
        }
    }
    // Another target may support what this one does not.
    let fake = claude(Does::json(200, MESSAGE));
    let got = send(&fake, &config(""), &chat(), &chat_body.replace("\"m\"", "\"both\""));
    assert_eq!((got.status, got.header("x-portcullis-target"), &*fake.trace()), (200, Some("b"), "b@0"));
}

#[test]
fn text_completions_are_not_translated() {
    let request = request("POST", "/v1/completions", &[]);
    let got = send(&claude(Does::json(200, MESSAGE)), &config(""), &request, r#"{"model":"m","prompt":"x"}"#);
    assert_eq!(got.status, 404);
    assert!(got.body.contains("Did you mean to use v1/chat/completions?"), "{}", got.body);
}

/// The status, the body that the upstream gets for a chat, and the names of the dropped parameters.
fn sent(body: &str) -> (u16, serde_json::Value, String) {
    let fake = claude(Does::json(200, MESSAGE));
    let got = send(&fake, &config(""), &chat(), body);
    let seen = fake.seen();
    let body =
        seen.first().map_or(serde_json::Value::Null, |seen| serde_json::from_str(&seen.body).expect("JSON"));
    (got.status, body, got.header("x-portcullis-dropped").unwrap_or_default().to_owned())
}

#[test]
fn anthropic_members_in_a_chat_are_forwarded() {
    let (status, body, dropped) = sent(
        r#"{"model":"m","messages":[{"role":"system","content":"s","cache_control":{"type":"ephemeral"}},
            {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"}]},
            {"role":"assistant","content":null,"thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"SIG"},
              {"type":"redacted_thinking","data":"D"}],
             "tool_calls":[{"id":"t:1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"t:1","content":"r","cache_control":{"type":"ephemeral"}}],
            "tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}}],
            "thinking":{"type":"enabled","budget_tokens":10000},"top_k":5,"metadata":{"a":"b"},"mcp_servers":[1]}"#,
    );
    assert_eq!(status, 200);
    let ephemeral = serde_json::json!({"type": "ephemeral"});
    assert_eq!(body["system"][0]["cache_control"], ephemeral);
    let content = |message: usize| &body["messages"][message]["content"];
    assert_eq!(content(0)[0]["cache_control"], serde_json::json!({"type": "ephemeral", "ttl": "1h"}));
    assert!(content(0)[1]["cache_control"].is_null());
    assert_eq!(content(1)[0], serde_json::json!({"type": "thinking", "thinking": "hm", "signature": "SIG"}));
    assert_eq!(content(1)[1], serde_json::json!({"type": "redacted_thinking", "data": "D"}));
    assert_eq!((&content(1)[2]["id"], &content(2)[0]["tool_use_id"]), (&"t_1".into(), &"t_1".into()));
    assert_eq!(
        (&content(2)[0]["cache_control"], &body["tools"][0]["cache_control"]),
        (&ephemeral, &ephemeral)
    );
    assert_eq!(body["thinking"], serde_json::json!({"type": "enabled", "budget_tokens": 10000}));
    assert_eq!((&body["max_tokens"], &body["mcp_servers"]), (&14096.into(), &serde_json::json!([1])));
    assert_eq!(dropped, "metadata, top_k");
}

#[test]
fn a_cache_point_keeps_its_time_to_live_beside_parts_that_are_dropped() {
    let fake = claude(Does::json(200, MESSAGE));
    let settings = config("");
    let vars = [
        ("PORTCULLIS_CONFIG", &*settings),
        ("PORTCULLIS_API_KEYS", "sk-caller"),
        ("PORTCULLIS_UNKNOWN_PARAMS", "drop"),
    ];
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"hologram"},
        {"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#;
    let got = send_with(&fake, &vars, &chat(), body);
    assert_eq!(got.status, 200, "{got:?}");
    let sent: serde_json::Value = serde_json::from_str(&fake.seen()[0].body).expect("JSON");
    let point = &sent["messages"][0]["content"][0]["cache_control"];
    assert_eq!(*point, serde_json::json!({"type": "ephemeral", "ttl": "1h"}), "{sent}");
    assert_eq!(got.header("x-portcullis-dropped"), Some("messages[0].content[0]"));
}

#[test]
fn every_dropped_parameter_is_named() {
    for (messages, more, want) in [
        (r#"{"role":"user","content":"x","name":"n"}"#, "", "messages[0].name"),
        (
            r#"{"role":"user","content":"x"},{"role":"assistant","content":"a","reasoning_content":"hm"},{"role":"user","content":"y"}"#,
            "",
            "messages[1].reasoning_content",
        ),
        (r#"{"role":"user","content":"x"}"#, r#","temperature":1.5"#, "temperature"),
        (
            r#"{"role":"user","content":"x"}"#,
            r#","store":true,"prompt_cache_key":"k""#,
            "store, prompt_cache_key",
        ),
        // A documented parameter that no code of the translation names, and one given twice.
        (
            r#"{"role":"user","content":"x"}"#,
            r#","suffix":"s","moderation":{"model":"o"},"moderation":{"model":"o"}"#,
            "suffix, moderation",
        ),
        (
            r#"{"role":"user","content":"x"}"#,
            r#","store":false,"metadata":{},"service_tier":"auto","user":null"#,
            "",
        ),
    ] {
        let (status, _, dropped) = sent(&format!(r#"{{"model":"m","messages":[{messages}]{more}}}"#));
        assert_eq!((status, &*dropped), (200, want), "{messages} {more}");
    }
}

#[test]
fn thinking_is_returned_with_its_signature() {
    let message = r#"{"content":[{"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#;
    let got = send(&claude(Does::json(200, message)), &config(""), &chat(), &body("m", false));
    let answer: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["reasoning_content"], "hm");
    assert_eq!(
        message["thinking_blocks"],
        serde_json::json!([{"type": "thinking", "thinking": "hm", "signature": "SIG"}])
    );
    let stream = STREAM.replace(
        "event: content_block_start",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":9,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"SIG\"}}\n\nevent: content_block_start",
    );
    // With any `content-type`, or without one.
    for label in ["text/event-stream", "application/json", ""] {
        let got = send(&claude(Does::answer(200, label, &[&stream])), &config(""), &chat(), &body("m", true));
        assert_eq!(
            (got.status, got.header("content-type")),
            (200, Some("text/event-stream; charset=utf-8")),
            "{label}"
        );
        assert!(
            got.body.contains(r#""signature":"SIG""#) && got.body.ends_with("data: [DONE]\n\n"),
            "{}",
            got.body
        );
    }
}

#[test]
fn tools_and_choices_of_other_apis_are_translated() {
    let tools = r#""tools":[
        {"type":"function","function":{"name":"a","parameters":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}},
        {"type":"function","name":"b","parameters":{"type":"object","properties":{}}},
        {"name":"c","description":"d","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}},
        {"type":"builtin_function","function":{"name":"$web_search"}}]"#;
    for (choice, want) in [
        (r#""any""#, r#"{"type":"any"}"#),
        (r#"{"type":"any"}"#, r#"{"type":"any"}"#),
        (r#"{"type":"tool","name":"b"}"#, r#"{"type":"tool","name":"b"}"#),
        (r#"{"type":"auto"}"#, "null"),
    ] {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{tools},"tool_choice":{choice}}}"#
        );
        let (status, sent, dropped) = sent(&body);
        assert_eq!((status, &*dropped), (200, "tools[3]"), "{choice}");
        let names: Vec<_> =
            sent["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let cached = |i: usize| sent["tools"][i]["cache_control"].is_object();
        assert_eq!([cached(0), cached(1), cached(2)], [true, false, true]);
        let want: serde_json::Value = serde_json::from_str(want).expect("JSON");
        assert_eq!(sent["tool_choice"], want, "{choice}");
    }
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{tools},"tool_choice":"some"}}"#
    );
    assert_eq!(sent(&body).0, 400);
}

#[test]
fn arguments_that_are_objects_stay() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":{"x":1}}},
        {"id":"b","type":"function","function":{"name":"f","arguments":"{\"y\":2}"}}]},
        {"role":"tool","tool_call_id":"a","content":"r"},{"role":"tool","tool_call_id":"b","content":"r"}]}"#;
    let (_, sent, _) = sent(body);
    let input = |i: usize| sent["messages"][1]["content"][i]["input"].to_string();
    assert_eq!([input(0), input(1)], [r#"{"x":1}"#, r#"{"y":2}"#]);
}
