use super::*;
use serde_json::{Value, json};

fn translated(body: &Value) -> Result<(Value, Vec<String>), ApiError> {
    let (out, lacking) = translate(body.to_string().as_bytes(), "claude", 4096)?;
    Ok((serde_json::from_slice(&out).expect("JSON"), lacking))
}

/// The messages and the system prompt of a chat with these messages.
fn turns(messages: Value) -> Value {
    let (out, lacking) = translated(&json!({"model": "m", "messages": messages})).expect("translated");
    assert_eq!(lacking, Vec::<String>::new());
    json!([out["system"], out["messages"]])
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn a_plain_chat_is_a_plain_message() {
    let (out, lacking) = translate(
        br#"{"model":"m","messages":[{"role":"user","content":"h\u00e9"}],"temperature":1.0e-1,"stream":true,"stop":"x",
             "max_tokens":null,"user":"u","top_k":5,"thinking":{"type":"enabled"}}"#,
        "claude",
        99,
    )
    .expect("translated");
    assert_eq!(lacking, Vec::<String>::new());
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        concat!(
            r#"{"model":"claude","max_tokens":99,"messages":[{"role":"user","content":[{"type":"text","text":"hé"}]}],"#,
            r#""metadata":{"user_id":"u"},"stop_sequences":["x"],"stream":true,"temperature":1.0e-1,"top_k":5,"#,
            r#""thinking":{"type":"enabled"}}"#
        )
    );
}

#[test]
fn the_newer_name_of_a_limit_wins() {
    for (limits, want) in [
        (json!({"max_tokens": 5}), 5),
        (json!({"max_completion_tokens": 7}), 7),
        (json!({"max_tokens": 5, "max_completion_tokens": 7}), 7),
        (json!({"max_completion_tokens": 7, "max_tokens": 5}), 7),
        (json!({}), 4096),
    ] {
        let mut body = json!({"messages": []});
        body.as_object_mut().expect("an object").extend(limits.as_object().expect("an object").clone());
        assert_eq!(translated(&body).expect("translated").0["max_tokens"], want, "{body}");
    }
}

#[test]
fn system_prompts_stand_apart_and_turns_are_one_a_side() {
    assert_eq!(
        turns(json!([
            {"role": "system", "content": "a"},
            {"role": "developer", "content": [{"type": "text", "text": "b"}]},
            {"role": "user", "content": "c"},
            {"role": "user", "content": "d"},
            {"role": "assistant", "content": "e"},
            {"role": "assistant", "content": null, "refusal": "f"},
        ])),
        json!([
            [text("a"), text("b")],
            [
                {"role": "user", "content": [text("c"), text("d")]},
                {"role": "assistant", "content": [text("e"), text("f")]},
            ]
        ])
    );
}

#[test]
fn calls_and_their_results_find_each_other() {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
    assert_eq!(
        turns(json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "", "tool_calls": [call("1", "{\"a\": 1.0}"), call("2", "")]},
            {"role": "tool", "tool_call_id": "1", "content": "one"},
            {"role": "tool", "tool_call_id": "2", "name": "f", "content": [{"type": "text", "text": "two"}]},
            {"role": "user", "content": "and?"},
        ]))[1],
        json!([
            {"role": "user", "content": [text("go")]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "2", "name": "f", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": [text("one")]},
                {"type": "tool_result", "tool_use_id": "2", "content": [text("two")]},
                text("and?"),
            ]},
        ])
    );
}

#[test]
fn text_that_says_nothing_is_left_out() {
    let call = json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    assert_eq!(
        turns(json!([
            {"role": "system", "content": ""},
            {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "go"}]},
            {"role": "assistant", "content": " \n", "refusal": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": ""},
            {"role": "assistant", "content": ""},
        ])),
        json!([
            null,
            [
                {"role": "user", "content": [text("go")]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
            ]
        ])
    );
    // Where nothing else is said, it is for the upstream to say what is wrong with that.
    assert_eq!(
        turns(json!([{"role": "user", "content": ""}]))[1],
        json!([{"role": "user", "content": [text("")]}])
    );
}

#[test]
fn images_and_files_are_sources() {
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let file = json!({"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,QUJD"}});
    assert_eq!(
        turns(json!([{"role": "user", "content": [
            image("data:image/png;base64,iVBO"), image("https://h/x.png"), file,
        ]}]))[1][0]["content"],
        json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            {"type": "image", "source": {"type": "url", "url": "https://h/x.png"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}, "title": "x.pdf"},
        ])
    );
}

#[test]
fn whatever_is_to_be_cached_is() {
    let cached = json!({"type": "ephemeral"});
    let part =
        |kind: &str, name: &str, value: Value| json!({"type": kind, name: value, "cache_control": cached});
    let (out, _) = translated(&json!({
        "messages": [{"role": "user", "content": [
            part("text", "text", json!("a")),
            part("image_url", "image_url", json!({"url": "https://h/x.png"})),
            part("file", "file", json!({"file_data": "data:application/pdf;base64,QUJD"})),
        ]}],
        "tools": [part("function", "function", json!({"name": "f"}))],
    }))
    .expect("translated");
    let blocks = out["messages"][0]["content"].as_array().expect("blocks");
    assert_eq!(blocks.len(), 3);
    for block in blocks.iter().chain([&out["tools"][0]]) {
        assert_eq!(block["cache_control"], cached, "{block}");
    }
}

#[test]
fn tools_keep_their_schemas_byte_for_byte() {
    let body = br#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{ "z":1.0, "a":{} }}},
        {"type":"function","function":{"name":"g"}},{"type":"function","function":{"name":"h","parameters":{}}}]}"#;
    let (out, _) = translate(body, "claude", 1).expect("translated");
    let out = String::from_utf8(out).expect("UTF-8");
    assert!(out.contains(r#"{"name":"f","description":"d","input_schema":{ "z":1.0, "a":{} }}"#), "{out}");
    // Anthropic wants a schema of an object.
    for name in ["g", "h"] {
        let tool = format!(r#"{{"name":"{name}","input_schema":{{"type":"object","properties":{{}}}}}}"#);
        assert!(out.contains(&tool), "{out}");
    }
}

#[test]
fn what_must_keep_to_a_schema_does() {
    let format = |strict: &str| {
        format!(
            r#"{{"messages":[],"response_format":{{"type":"json_schema","json_schema":{{"name":"n","strict":{strict},"schema":{{ "z":1.0 }}}}}},
                "tools":[{{"type":"function","function":{{"name":"f","strict":{strict}}}}}]}}"#
        )
    };
    let (out, lacking) = translate(format("true").as_bytes(), "claude", 1).expect("translated");
    let out = String::from_utf8(out).expect("UTF-8");
    assert!(
        out.contains(r#""output_config":{"format":{"type":"json_schema","schema":{ "z":1.0 }}}"#),
        "{out}"
    );
    assert!(out.contains(r#""properties":{}},"strict":true}]"#) && lacking.is_empty(), "{out}");
    // What it only should keep to may be no schema Anthropic can hold it to.
    for strict in ["false", "null"] {
        let (out, lacking) = translate(format(strict).as_bytes(), "claude", 1).expect("translated");
        let out = String::from_utf8(out).expect("UTF-8");
        assert!(!out.contains("output_config") && !out.contains("strict"), "{out}");
        assert_eq!(lacking, ["response_format"]);
    }
}

#[test]
fn an_effort_is_one_of_theirs() {
    for effort in ["low", "medium", "high", "xhigh"] {
        let (out, lacking) =
            translated(&json!({"messages": [], "reasoning_effort": effort})).expect("translated");
        assert_eq!((&out["output_config"], lacking), (&json!({"effort": effort}), vec![]));
    }
    // What is said in Anthropic's own words goes on as it is, unless it is said in OpenAI's, too.
    let own = json!({"messages": [], "output_config": {"effort": "max"}});
    assert_eq!(translated(&own).expect("translated").0["output_config"], own["output_config"]);
    let both = json!({"messages": [], "output_config": {"effort": "max"}, "reasoning_effort": "low"});
    let (out, lacking) = translated(&both).expect("translated");
    assert_eq!(
        (&out["output_config"], lacking),
        (&json!({"effort": "low"}), vec!["output_config".to_owned()])
    );
}

#[test]
fn a_user_has_one_name() {
    for (user, lacking) in [
        (json!({"user": "u"}), vec![]),
        (json!({"safety_identifier": "u"}), vec![]),
        (json!({"user": "u", "safety_identifier": "u"}), vec![]),
        (json!({"safety_identifier": "u", "user": "v"}), vec!["user".to_owned()]),
    ] {
        let mut body = json!({"messages": []});
        body.as_object_mut().expect("an object").extend(user.as_object().expect("an object").clone());
        let (out, lacks) = translated(&body).expect("translated");
        assert_eq!((&out["metadata"], lacks), (&json!({"user_id": "u"}), lacking), "{body}");
    }
}

#[test]
fn a_choice_of_tools_has_other_words() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let f = json!({"type": "function", "function": {"name": "f"}});
    for (choice, parallel, want) in [
        (json!("auto"), json!(true), json!({"type": "auto"})),
        (json!("none"), json!(false), json!({"type": "none"})),
        (json!("required"), json!(null), json!({"type": "any"})),
        (f, json!(false), json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true})),
        (json!(null), json!(false), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (json!(null), json!(true), json!(null)),
    ] {
        let body =
            json!({"messages": [], "tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel});
        let (out, _) = translated(&body).expect("translated");
        assert_eq!(out["tool_choice"], want, "{body}");
    }
}

#[test]
fn what_anthropic_lacks_is_named_and_what_goes_without_saying_is_not() {
    for (name, fine, lacking) in [
        ("n", json!(1), json!(2)),
        ("logprobs", json!(false), json!(true)),
        ("seed", json!(null), json!(1)),
        ("frequency_penalty", json!(0), json!(0.5)),
        ("presence_penalty", json!(0.0), json!(-1)),
        ("logit_bias", json!({}), json!({"1": 1})),
        ("response_format", json!({"type": "text"}), json!({"type": "json_object"})),
        ("modalities", json!(["text"]), json!(["text", "audio"])),
        ("store", json!(false), json!(true)),
        ("metadata", json!({}), json!({"a": "b"})),
        ("service_tier", json!("auto"), json!("flex")),
        ("reasoning_effort", json!(null), json!("minimal")),
        ("functions", json!(null), json!([])),
    ] {
        for (value, want) in [(fine, vec![]), (lacking, vec![name.to_owned()])] {
            let body = json!({"messages": [], name: value});
            let (out, lacking) = translated(&body).expect("translated");
            assert_eq!(lacking, want, "{body}");
            assert!(out.get(name).is_none(), "{out}");
        }
    }
    let (_, lacking) = translated(&json!({
        "messages": [
            {"role": "user", "name": "x", "content": [
                {"type": "image_url", "image_url": {"url": "https://h/x.png", "detail": "high"}}]},
        ],
    }))
    .expect("translated");
    let want = ["messages[0].name", "messages[0].content[0].image_url.detail"];
    assert_eq!(lacking, want);
}

#[test]
fn what_cannot_be_said_at_all_is_refused_where_it_stands() {
    for (body, param) in [
        (json!({"messages": [{"role": "function", "name": "f", "content": "x"}]}), "messages[0].role"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}),
            "messages[0].content[0].type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]}),
            "messages[0].content[0].image_url.url",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
            "messages[0].content[0].file",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[1]"}}]}]}),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (json!({"messages": [], "tools": [{"type": "custom", "custom": {"name": "c"}}]}), "tools[0].type"),
        (json!({"messages": [], "tool_choice": {"type": "allowed_tools"}}), "tool_choice"),
        (json!({"messages": 7}), "messages"),
        (json!({"messages": [{"role": "user", "content": 7}]}), "messages[0].content"),
    ] {
        let error = translated(&body).expect_err("refused");
        assert_eq!((error.status(), error.param()), (400, Some(param)), "{body}: {error}");
    }
}
