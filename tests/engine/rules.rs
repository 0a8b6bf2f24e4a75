//! The rules of the engine: texts, refusals, errors, faults, and which request each is for.

use super::*;

#[test]
fn rules_lead_an_agent_through_a_tool_call_to_its_last_message() {
    let first = chat(RULES, json!({"messages": user_says("What's the weather?"), "tools": weather()}));
    let message = &first["choices"][0]["message"];
    assert_eq!(first["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"city":"Paris"}"#);
    let id = message["tool_calls"][0]["id"].clone();
    let messages = json!([
        {"role": "user", "content": "What's the weather?"},
        message,
        {"role": "tool", "tool_call_id": id, "content": "18 degrees"},
    ]);
    let last = chat(RULES, json!({"messages": messages, "tools": weather()}));
    assert_eq!(last["choices"][0]["message"]["content"], "It is 18 degrees in Paris.");
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
}

#[test]
fn rules_return_refusals_errors_and_broken_responses() {
    let body =
        |user: &str, stream: bool| json!({"model": "gpt-4o", "messages": user_says(user), "stream": stream});
    let at = |user: &str, stream| send(RULES, "/v1/chat/completions", &body(user, stream));
    let (status, retry, text) = at("overload", false);
    assert_eq!((status, retry.as_deref()), (429, Some("2")));
    assert!(text.contains("rate_limit_exceeded"), "{text}");
    assert_eq!(at("please hang up", false).2, "BROKEN");
    let (_, _, cut) = at("break off", true);
    assert!(cut.ends_with("BROKEN") && cut.matches("data: ").count() == 3, "{cut}");
    let refused = chat(RULES, json!({"messages": user_says("My PASSWORD?")}));
    assert_eq!(refused["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(refused["choices"][0]["message"]["refusal"], "I can't help with passwords.");
    let flaky = |seed: i64| {
        send(
            RULES,
            "/v1/chat/completions",
            &json!({"model": "gpt-4o", "messages": user_says("flaky"), "seed": seed}),
        )
        .0
    };
    let failed = (0..200).filter(|seed| flaky(*seed) == 503).count();
    assert!((70..130).contains(&failed), "{failed}");
    assert_eq!(flaky(5), flaky(5));
}

#[test]
fn a_rule_calls_only_tools_that_the_request_allows() {
    let rules = json!([{"then": {"tool_calls": [{"name": "a", "arguments": {"x": 1}}, {"name": "b"}]}}]);
    for (members, want) in [
        (json!({"tools": [tool("a"), tool("b")]}), vec!["a", "b"]),
        (json!({"tools": [tool("b"), tool("c")]}), vec!["b"]),
        (json!({"tools": [tool("c")]}), vec![]),
        (json!({}), vec![]),
        (json!({"functions": [{"name": "c"}]}), vec![]),
        (json!({"tools": [tool("a"), tool("b")], "tool_choice": "none"}), vec![]),
        (json!({"tools": [tool("a"), tool("b")], "parallel_tool_calls": false}), vec!["a"]),
        (
            json!({"tools": [tool("a"), tool("b")],
                   "tool_choice": {"type": "function", "function": {"name": "b"}}}),
            vec!["b"],
        ),
        (
            json!({"tools": [tool("a"), tool("b"), tool("c")],
                   "tool_choice": {"type": "function", "function": {"name": "c"}}}),
            vec![],
        ),
        (
            json!({"tools": [tool("a"), tool("b")], "tool_choice": {"type": "allowed_tools", "allowed_tools":
                   {"mode": "auto", "tools": [{"type": "function", "function": {"name": "b"}}]}}}),
            vec!["b"],
        ),
    ] {
        let mut members = members;
        members["messages"] = user_says("hi");
        let choice = ruled(&rules, &members);
        assert_eq!(names(&choice), want, "{members}");
        if want.is_empty() {
            assert_eq!(choice["message"]["content"], "no rule", "{members}");
        } else if want[0] == "a" {
            assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], r#"{"x":1}"#);
        }
    }
    let functions =
        ruled(&rules, &json!({"messages": user_says("hi"), "functions": [{"name": "b"}, {"name": "a"}]}));
    assert_eq!(functions["message"]["function_call"]["name"], "a");
    assert_eq!(functions["finish_reason"], "function_call");
}

#[test]
fn rules_match_tools_system_messages_and_response_formats() {
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}}});
    let system =
        |role: &str, text: &str| json!([{"role": role, "content": text}, {"role": "user", "content": "x"}]);
    let two = json!([{"role": "system", "content": "You are terse."}, {"role": "user", "content": "x"},
                     {"role": "developer", "content": [{"type": "text", "text": "Now rhyme."}]}]);
    for (when, members, want) in [
        (json!({"tool": {"equals": "write"}}), json!({"tools": [tool("read"), tool("write")]}), true),
        (json!({"tool": {"equals": "write"}}), json!({"tools": [tool("write_file")]}), false),
        (json!({"tool": {"regex": "^write"}}), json!({"tools": [tool("write_file")]}), true),
        (json!({"tool": {"contains": ""}}), json!({}), false),
        (json!({"tool": {"equals": "f"}}), json!({"functions": [{"name": "f"}]}), true),
        (
            json!({"tool": {"equals": "sh"}}),
            json!({"tools": [{"type": "custom", "custom": {"name": "sh"}}], "tool_choice": "none"}),
            true,
        ),
        (json!({"system": {"contains": "terse"}}), json!({"messages": system("system", "Be terse.")}), true),
        (
            json!({"system": {"contains": "terse"}}),
            json!({"messages": system("developer", "Be terse.")}),
            true,
        ),
        (json!({"system": {"contains": "terse"}}), json!({"messages": system("user", "Be terse.")}), false),
        (json!({"system": {"equals": "You are terse.\nNow rhyme."}}), json!({"messages": two}), true),
        (json!({"system": {"equals": ""}}), json!({}), true),
        (json!({"response_format": "json_schema"}), json!({"response_format": schema}), true),
        (json!({"response_format": "json_schema"}), json!({}), false),
        (
            json!({"response_format": "json_object"}),
            json!({"response_format": {"type": "json_object"},
            "messages": system("system", "Answer in JSON.")}),
            true,
        ),
        (json!({"response_format": "text"}), json!({"response_format": schema}), false),
        (json!({"response_format": "text"}), json!({"response_format": {"type": "text"}}), true),
        (json!({"response_format": "text"}), json!({}), true),
    ] {
        let mut members = members;
        if members.get("messages").is_none() {
            members["messages"] = user_says("x");
        }
        let choice = ruled(&json!([{"when": when, "then": {"text": "it applies"}}]), &members);
        let want = if want { "it applies" } else { "no rule" };
        assert_eq!(choice["message"]["content"], want, "{when} {members}");
    }
}

#[test]
fn a_rule_can_match_the_retry_count() {
    let rules = r#"{"engine":{"rules":[
        {"when":{"retry":0},"then":{"error":{"status":503}}},
        {"when":{"retry":1},"then":{"error":{"status":429}}}]}}"#;
    let chat = json!({"model": "gpt-4o", "messages": user_says("hi")});
    let text = json!({"model": "gpt-4o", "prompt": "hi"});
    for (count, want) in [("", 503), ("x", 503), ("0", 503), ("1", 429), ("2", 200)] {
        for (path, body) in [("/v1/chat/completions", &chat), ("/v1/completions", &text)] {
            let header = ("x-stainless-retry-count", count);
            let (status, ..) = send_as(header, ("PORTCULLIS_CONFIG", rules), path, body);
            assert_eq!(status, want, "{count:?} {path}");
        }
    }
    assert_eq!(send(rules, "/v1/chat/completions", &chat).0, 503);
}

#[test]
fn a_response_is_complete_when_its_latency_ends() {
    let config = r#"{"engine": {"latency": {"ttft_ms": 2500, "per_token_ms": 1000}}}"#;
    for stream in [false, true] {
        let body = json!({"model": "gpt-4o", "input": "Hello there", "stream": stream});
        let (_, _, text) = send(config, "/v1/responses", &body);
        let last = text.lines().rfind(|line| line.contains("completed_at")).expect("an object");
        let answer: Value = serde_json::from_str(last.trim_start_matches("data: ")).expect("JSON");
        let response = if stream { &answer["response"] } else { &answer };
        // Two tokens, one second apart.
        assert_eq!(
            response["completed_at"],
            json!(response["created_at"].as_u64().unwrap_or(0) + 3),
            "{last}"
        );
    }
}
