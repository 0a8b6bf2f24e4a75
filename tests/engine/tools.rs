//! Which tools are called without a rule, and with which arguments.

use super::*;

#[test]
fn auto_calls_any_tool_of_the_request_once() {
    let rules = json!([{"then": {"tool_calls": "auto"}}]);
    let first = ruled(&rules, &json!({"messages": user_says("How warm is it?"), "tools": weather()}));
    assert_eq!(names(&first), ["get_weather"]);
    assert_eq!(first["finish_reason"], "tool_calls");
    let arguments = first["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("a text");
    let arguments: Value = serde_json::from_str(arguments).expect("JSON");
    assert!(arguments["city"].is_string() && arguments["days"].is_u64(), "{arguments}");

    let id = first["message"]["tool_calls"][0]["id"].clone();
    let messages = json!([{"role": "user", "content": "How warm is it?"}, first["message"],
                          {"role": "tool", "tool_call_id": id, "content": "18 degrees"}]);
    let after = json!({"messages": messages, "tools": weather()});
    assert_eq!(ruled(&rules, &after)["message"]["content"], "no rule");
    let always = json!([{"when": {"tool_result": true}, "then": {"tool_calls": "auto"}}]);
    assert_eq!(names(&ruled(&always, &after)), ["get_weather"]);

    let two = json!({"messages": user_says("use beta"), "tools": [tool("alpha"), tool("beta")]});
    assert_eq!(names(&ruled(&rules, &two)), ["beta"]);
    let none = json!({"messages": user_says("hi"), "tools": [tool("alpha")], "tool_choice": "none"});
    assert_eq!(ruled(&rules, &none)["message"]["content"], "no rule");
    assert_eq!(ruled(&rules, &json!({"messages": user_says("hi")}))["message"]["content"], "no rule");
    let legacy = ruled(&rules, &json!({"messages": user_says("hi"), "functions": [{"name": "f"}]}));
    assert_eq!(legacy["message"]["function_call"]["name"], "f");
    let custom =
        json!({"messages": user_says("hi"), "tools": [{"type": "custom", "custom": {"name": "run"}}]});
    assert_eq!(ruled(&rules, &custom)["message"]["tool_calls"][0]["custom"]["input"], "hi");
}

#[test]
fn tools_are_called_as_tool_choice_requires() {
    for (members, finish, called) in [
        (json!({"messages": user_says("use get_weather"), "tools": weather()}), "tool_calls", true),
        (json!({"messages": user_says("hello"), "tools": weather()}), "stop", false),
        (
            json!({"messages": user_says("hello"), "tools": weather(), "tool_choice": "required"}),
            "tool_calls",
            true,
        ),
        (
            json!({"messages": user_says("use get_weather"), "tools": weather(), "tool_choice": "none"}),
            "stop",
            false,
        ),
        (
            json!({"messages": user_says("hello"), "tools": weather(),
                   "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}),
            "stop",
            true,
        ),
    ] {
        let answer = chat("{}", members.clone());
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], finish, "{members}");
        assert_eq!(choice["message"]["tool_calls"].is_array(), called, "{members}");
        if called {
            let arguments =
                choice["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("a string");
            let arguments: Value = serde_json::from_str(arguments).expect("JSON");
            assert!(
                arguments["city"].is_string() && (1..=7).contains(&arguments["days"].as_i64().unwrap_or(0))
            );
        }
    }
}

#[test]
fn an_agent_with_required_tool_calls_reaches_its_final_tool() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let tools = json!([tool("look_up"), tool("weigh"), tool("final_result")]);
    let mut messages = user_says("Please weigh it.");
    let mut called = Vec::new();
    for _ in 0..4 {
        let answer = chat("{}", json!({"messages": messages, "tools": tools, "tool_choice": "required"}));
        let message = &answer["choices"][0]["message"];
        let call = &message["tool_calls"][0];
        called.push(call["function"]["name"].as_str().expect("a name").to_owned());
        let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "done"});
        messages.as_array_mut().expect("an array").extend([message.clone(), result]);
    }
    // After all tools were called, the first one is called again.
    assert_eq!(called, ["weigh", "look_up", "final_result", "weigh"]);
    messages.as_array_mut().expect("an array").push(json!({"role": "user", "content": "And again."}));
    let answer = chat("{}", json!({"messages": messages, "tools": tools, "tool_choice": "required"}));
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "look_up");
}

#[test]
fn tool_calls_stay_within_max_tokens() {
    let tools = json!([{"type": "function", "function": {"name": "get_the_current_weather_of_a_city"}}]);
    for most in [1, 2, 6, 7, 8, 40] {
        let answer = chat(
            "{}",
            json!({"messages": user_says("x"), "tools": tools, "tool_choice": "required", "max_tokens": most}),
        );
        let counted = answer["usage"]["completion_tokens"].as_u64().expect("a count");
        let finish = answer["choices"][0]["finish_reason"].as_str().expect("a finish reason");
        assert!(counted <= most && (counted == most) >= (finish == "length"), "{most} {answer}");
    }
}

#[test]
fn an_unsupported_pattern_in_a_tool_schema_is_ignored() {
    let pattern =
        r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$";
    let schema = json!({"type": "object", "required": ["to", "count", "code"], "properties": {
        "to": {"type": "string", "format": "email", "pattern": pattern},
        "code": {"type": "string", "pattern": r"^(?=a)\w+$"},
        "count": {"type": "integer", "minimum": -9007199254740991_i64, "maximum": 9007199254740991_i64}}});
    let tools = json!([{"type": "function", "function": {"name": "send", "parameters": schema}}]);
    let answer = chat("{}", json!({"messages": user_says("x"), "tools": tools, "tool_choice": "required"}));
    let arguments = &answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    let arguments: Value = serde_json::from_str(arguments.as_str().expect("a string")).expect("JSON");
    assert!(arguments["to"].as_str().is_some_and(|to| to.ends_with("@example.com")), "{arguments}");
    assert!(arguments["code"].is_string() && (0..100).contains(&arguments["count"].as_i64().unwrap_or(-1)));
    // The strict subset does not allow such a pattern, and as a response format the schema is refused.
    let format = |strict: bool| {
        let schema = json!({"type": "object", "required": ["code"], "additionalProperties": false,
                            "properties": {"code": schema["properties"]["code"]}});
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "x", "strict": strict, "schema": schema}});
        let body = json!({"model": "gpt-4o", "messages": user_says("x"), "response_format": format});
        send("{}", "/v1/chat/completions", &body)
    };
    let (status, _, text) = format(true);
    assert!(status == 400 && text.contains("regex lookaround is not supported"), "{text}");
    assert_eq!(format(false).0, 200);
}

#[test]
fn a_constant_of_another_type_is_named_where_a_schema_is_strict() {
    let schema = |own: &str| -> Value {
        let properties: Value = serde_json::from_str(own).expect("JSON");
        let names: Vec<&String> = properties.as_object().expect("an object").keys().collect();
        json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
    };
    let other = schema(r#"{"a":{"type":"string","const":1}}"#);
    let either = schema(r#"{"a":{"anyOf":[{"type":"string","const":1},{"type":"null"}]}}"#);
    let same = schema(r#"{"a":{"type":"string","const":"x"},"b":{"type":"integer","const":1.0}}"#);
    let named = "no value of 'const' is valid under the schema that it stands in.";
    for (schema, strict, want) in [
        (&other, true, Err(named)),
        (&either, true, Ok(r#"{"a":null}"#)),
        (&same, true, Ok(r#"{"a":"x","b":1.0}"#)),
        // What is not strict is accepted whatever it is.
        (&other, false, Ok("{}")),
    ] {
        let function = json!({"name": "f", "strict": strict, "parameters": schema});
        let tool = json!({"model": "gpt-4o", "messages": user_says("hi"), "tool_choice": "required",
            "tools": [{"type": "function", "function": function}]});
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "f", "strict": strict, "schema": schema}});
        let format = json!({"model": "gpt-4o", "messages": user_says("hi"), "response_format": format});
        for body in [tool, format] {
            let (status, _, text) = send("{}", "/v1/chat/completions", &body);
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            let message = &answer["choices"][0]["message"];
            let got =
                message["tool_calls"][0]["function"]["arguments"].as_str().or(message["content"].as_str());
            match want {
                Ok(want) if strict || got.is_some() => assert_eq!((status, got), (200, Some(want)), "{text}"),
                // An answer must be valid even so.
                _ => assert!(status == 400 && text.contains(named), "{body} {text}"),
            }
        }
    }
}
