//! The engine through the gateway: whole exchanges, run natively without the component.

#![cfg(feature = "vocab")] // without it token counts differ

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Method, Request};
use serde_json::{Value, json};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

const RULES: &str = include_str!("../examples/agent-rules.json");

/// The status, the `retry-after` field and the body, with `BROKEN` where the connection breaks off.
fn send(config: &str, path: &str, body: &Value) -> (u16, Option<String>, String) {
    send_with(("PORTCULLIS_CONFIG", config), path, body)
}

fn send_with(setting: (&str, &str), path: &str, body: &Value) -> (u16, Option<String>, String) {
    send_as(("accept", "*/*"), setting, path, body)
}

fn send_as(
    header: (&'static str, &str),
    setting: (&str, &str),
    path: &str,
    body: &Value,
) -> (u16, Option<String>, String) {
    let vars = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), setting];
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: [header].into_iter().collect(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Whole(Some(body.to_string().into_bytes()));
    let response = Gateway::new(&vars).handle(&request, &mut upload, &Nowhere, &ctx).response;
    let retry = response.headers.get("retry-after").map(str::to_owned);
    let mut out = Vec::new();
    match response.body {
        Body::Full(bytes) => out = bytes,
        Body::Stream(items) => items.for_each(|item| match item {
            BodyItem::Abort(_) => out.extend(b"BROKEN"),
            item => out.extend(item.into_bytes()),
        }),
        Body::Relay(_) => panic!("the engine does not forward"),
    }
    (response.status, retry, String::from_utf8(out).expect("UTF-8"))
}

fn chat(config: &str, members: Value) -> Value {
    let mut body = json!({"model": "gpt-4o"});
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    let (status, _, text) = send(config, "/v1/chat/completions", &body);
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    assert_eq!(status, 200, "{text}");
    answer
}

fn user_says(user: &str) -> Value {
    json!([{"role": "user", "content": user}])
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
        "required": ["city", "days"], "additionalProperties": false}}}])
}

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

/// The choice of a chat under these rules, followed by a rule that answers every request with `no rule`.
fn ruled(rules: &Value, members: &Value) -> Value {
    let mut rules = rules.clone();
    rules.as_array_mut().expect("a list").push(json!({"then": {"text": "no rule"}}));
    chat(&json!({"engine": {"rules": rules}}).to_string(), members.clone())["choices"][0].clone()
}

fn names(choice: &Value) -> Vec<&str> {
    let calls = choice["message"]["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    calls.iter().map(|call| call["function"]["name"].as_str().expect("a name")).collect()
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}})
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
fn the_same_request_gives_the_same_answer() {
    for body in [
        json!({"model": "gpt-4o", "messages": user_says("Hello there, world"), "n": 3, "seed": 4, "logprobs": true, "top_logprobs": 5}),
        json!({"model": "gpt-4", "messages": user_says("Hello there, world"), "stream": true, "temperature": 2, "n": 2}),
    ] {
        let once = send("{}", "/v1/chat/completions", &body);
        assert_eq!(once, send("{}", "/v1/chat/completions", &body));
    }
}

#[test]
fn text_completions_echo_and_return_log_probabilities() {
    let body = json!({"model": "davinci-002", "prompt": "one two three", "max_tokens": 0, "echo": true, "logprobs": 2});
    let (status, _, text) = send("{}", "/v1/completions", &body);
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &answer["choices"][0]["text"]), (200, &json!("one two three")));
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"], json!(["one", " two", " three"]));
    assert_eq!(logprobs["text_offset"], json!([0, 3, 7]));
    assert_eq!(logprobs["token_logprobs"][0], Value::Null);
    let bad = json!({"model": "davinci-002", "prompt": [100_300]});
    let (status, _, text) = send("{}", "/v1/completions", &bad);
    assert!(status == 400 && text.contains("Invalid token in prompt: 100300."), "{text}");
    // The published schema accepts any integer as a token.
    let body = json!({"model": "gpt-4o", "prompt": [[-3175, 13225, 4397419933658234486i64], [2.0]], "echo": true, "max_tokens": 0});
    let (status, _, text) = send_with(("PORTCULLIS_VALIDATION", "schema"), "/v1/completions", &body);
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &answer["choices"][0]["text"]), (200, &json!("Hello")), "{text}");
}

#[test]
fn embeddings_and_moderations_have_the_format_of_the_api() {
    let body = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8});
    let (status, _, text) = send("{}", "/v1/embeddings", &body);
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, answer["data"][1]["embedding"].as_array().map(Vec::len)), (200, Some(8)));
    assert_eq!(answer["usage"], json!({"prompt_tokens": 2, "total_tokens": 2}));
    let config = RULES.replace(r#""slow""#, r#""omni-moderation-latest""#);
    let (status, _, text) = send(&config, "/v1/moderations", &json!({"input": ["fine", "a bomb"]}));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, 200, "{text}");
    assert_eq!(
        (&answer["results"][0]["flagged"], &answer["results"][1]["flagged"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(answer["results"][1]["categories"]["illicit/violent"], true);
}

#[test]
fn parts_are_moderated_together_with_their_types() {
    let rules = r#"{"engine":{"moderation":[{"input":{"equals":"one\ntwo"},"categories":["hate"]}]}}"#;
    let text = |text: &str| json!({"type": "text", "text": text});
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    for (input, hate, kinds, seen) in [
        (json!([text("one"), text("two")]), true, json!(["text"]), json!(["text"])),
        (json!([text("one")]), false, json!(["text"]), json!(["text"])),
        (json!([text("one"), image, text("two")]), true, json!(["text"]), json!(["text", "image"])),
        (json!([image]), false, json!([]), json!(["image"])),
    ] {
        let (status, _, body) = send(rules, "/v1/moderations", &json!({"input": input}));
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let result = &answer["results"][0];
        assert_eq!((status, &result["categories"]["hate"]), (200, &json!(hate)), "{input}");
        assert_eq!(result["category_applied_input_types"]["hate"], kinds, "{input}");
        assert_eq!(result["category_applied_input_types"]["violence"], seen, "{input}");
    }
}

#[test]
fn inputs_of_embeddings_have_limits() {
    let long = "word ".repeat(8193);
    let message = |input: Value| {
        let (status, _, text) =
            send("{}", "/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": input}));
        let error: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (status, &error["error"]["param"], &error["error"]["code"]),
            (400, &Value::Null, &Value::Null)
        );
        error["error"]["message"].as_str().expect("a message").to_owned()
    };
    assert_eq!(message(json!(long)), "Invalid 'input': maximum input length is 8192 tokens.");
    assert_eq!(message(json!(["a", long])), "Invalid 'input[1]': maximum input length is 8192 tokens.");
    assert_eq!(
        message(json!(vec!["word ".repeat(200); 1501])),
        "Invalid 'input': maximum request size is 300000 tokens per request."
    );
    let token = "Invalid token in prompt: 100300. Minimum value is 0, maximum value is 100276 (inclusive).";
    assert_eq!(message(json!([[1], [2, 100_300]])), token);
}

#[test]
fn prompts_must_fit_the_context_window_of_a_configured_model() {
    let fault = |model: &str, body: Value| {
        let path = if body["prompt"].is_null() { "/v1/chat/completions" } else { "/v1/completions" };
        let (status, _, text) = send_with(("PORTCULLIS_MODELS", model), path, &body);
        let error = serde_json::from_str::<Value>(&text).expect("JSON")["error"].clone();
        (status, error["message"].as_str().unwrap_or_default().to_owned(), error["code"].clone())
    };
    let words = |count: usize| " a".repeat(count);
    let too_long = json!("context_length_exceeded");
    let small = json!({"model": "gpt-4", "messages": user_says(&words(9000))});
    let want = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9007 tokens. \
                Please reduce the length of the messages.";
    assert_eq!(fault("gpt-4", small.clone()), (400, want.to_owned(), too_long.clone()));

    let with = |extra: Value| {
        let mut body = small.clone();
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        fault("gpt-4", body)
    };
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]);
    let (_, message, code) = with(json!({"tools": tools}));
    assert_eq!(code, too_long);
    assert!(
        message.ends_with(" in the functions). Please reduce the length of the messages or functions."),
        "{message}"
    );
    let (_, message, _) = with(json!({"tools": tools, "max_tokens": 5, "messages": user_says(&words(8160))}));
    assert!(
        message.contains("(8167 in the messages, ")
            && message.contains(" in the functions, and 5 in the completion)"),
        "{message}"
    );
    assert!(
        message.ends_with("Please reduce the length of the messages, functions, or completion."),
        "{message}"
    );
    let (_, message, _) = with(json!({"max_tokens": 5, "messages": user_says(&words(8185))}));
    let want = "This model's maximum context length is 8192 tokens. However, you requested 8197 tokens (8192 in the \
                messages, 5 in the completion). Please reduce the length of the messages or completion.";
    assert_eq!(message, want);

    // The error precedes any event, also in a stream.
    let large = json!({"model": "gpt-5-nano", "stream": true, "messages": user_says(&words(272_000))});
    let want = "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 272006 tokens. \
                Please reduce the length of the messages.";
    assert_eq!(fault("gpt-5-nano", large), (400, want.to_owned(), too_long));

    let text = json!({"model": "gpt-3.5-turbo-instruct", "prompt": words(3000), "max_tokens": 2000});
    let want = "This model's maximum context length is 4097 tokens, however you requested 5000 tokens (3000 in your \
                prompt; 2000 for the completion). Please reduce your prompt; or completion length.";
    assert_eq!(fault("gpt-3.5-turbo-instruct", text), (400, want.to_owned(), Value::Null));
}

#[test]
fn a_reasoning_model_needs_enough_output_tokens() {
    let send_limited = |most: u64| {
        let body = json!({"model": "gpt-5.6-terra", "messages": user_says("hi"), "max_completion_tokens": most,
                          "reasoning_effort": "high"});
        send_with(("PORTCULLIS_MODELS", "gpt-5.6-terra"), "/v1/chat/completions", &body)
    };
    let (status, _, text) = send_limited(1);
    let want = "Could not finish the message because max_tokens or model output limit was reached. Please try again \
                with higher max_tokens.";
    assert!(status == 400 && text.contains(want), "{text}");
    let (status, _, text) = send_limited(16);
    assert!(status == 200 && text.contains(r#""finish_reason":"length""#), "{text}");
}

#[test]
fn a_pattern_lists_the_known_models_and_serves_every_name() {
    let list = |models: &str| {
        let vars = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_MODELS", models)];
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let request = Request {
            method: Method::Get,
            path: "/v1/models".to_owned(),
            query: None,
            headers: Default::default(),
        };
        let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
        let mut upload = Whole(None);
        let response = Gateway::new(&vars).handle(&request, &mut upload, &Nowhere, &ctx).response;
        let Body::Full(bytes) = response.body else { panic!("a list is not streamed") };
        let list: Value = serde_json::from_slice(&bytes).expect("JSON");
        let ids = list["data"].as_array().expect("an array").iter().map(|model| model["id"].clone());
        ids.map(|id| id.as_str().expect("a string").to_owned()).collect::<Vec<_>>()
    };
    let all = list("my-model,*");
    assert_eq!(all[0], "my-model");
    for known in ["gpt-4o", "gpt-5", "o3", "text-embedding-3-small"] {
        assert!(all.iter().any(|id| id == known), "{known} in {all:?}");
    }
    let some = list("gpt-4*");
    assert!(some.len() > 3 && some.iter().all(|id| id.starts_with("gpt-4")), "{some:?}");
    let body = json!({"model": "anything", "temperature": 2, "messages": [{"role": "user", "content": "x"}]});
    let (status, _, text) = send_with(("PORTCULLIS_MODELS", "*"), "/v1/chat/completions", &body);
    assert_eq!(status, 200, "{text}");
}

#[test]
fn a_long_answer_with_log_probabilities_is_complete() {
    let text = "the river runs under a bridge of stone, ".repeat(60);
    let answer =
        chat("{}", json!({"messages": user_says(&text), "n": 2, "logprobs": true, "top_logprobs": 3}));
    let tokens = |choice: &Value| choice["logprobs"]["content"].as_array().map_or(0, Vec::len) as u64;
    let choices = answer["choices"].as_array().expect("choices");
    assert_eq!(choices[0]["message"]["content"], text);
    assert!(choices.iter().all(|choice| choice["finish_reason"] == "stop" && tokens(choice) > 500));
    let all: u64 = choices.iter().map(tokens).sum();
    assert_eq!(answer["usage"]["completion_tokens"], all);
    let first = &choices[0]["logprobs"]["content"];
    let written: String =
        (0..tokens(&choices[0]) as usize).filter_map(|i| first[i]["token"].as_str()).collect();
    assert_eq!(written, text);
}

#[test]
fn patterns_of_rules_stop_at_the_work_budget() {
    let config = r#"{"engine":{"rules":[{"when":{"user":{"regex":"(a?){200}b"}},"then":{"text":"found"}}]}}"#;
    let of = |user: &str| {
        let body = json!({"model": "gpt-4o", "messages": user_says(user)});
        send(config, "/v1/chat/completions", &body)
    };
    let (status, _, text) = of("aab");
    assert!(status == 200 && text.contains("found"), "{text}");
    let (status, _, text) = of(&"a".repeat(300_000));
    assert!(status == 400 && text.contains(r#""param": "messages""#) && text.contains("work"), "{text}");
}

#[test]
fn an_instance_is_generated_only_so_far_as_it_is_used() {
    let mut schema = json!({"type": "integer"});
    for _ in 0..4 {
        schema = json!({"type": "array", "minItems": 40, "items": schema});
    }
    let schema = json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}});
    // Eight megabytes were generated for eight times 8,192 tokens, which would exceed the work budget.
    let answer = chat("{}", json!({"messages": user_says("x"), "n": 8, "response_format": format}));
    for choice in answer["choices"].as_array().expect("choices") {
        assert_eq!(choice["finish_reason"], "length");
    }
    assert_eq!(answer["usage"]["completion_tokens"], 65_536);
}

#[test]
fn many_stop_sequences_draw_on_the_work_budget() {
    let of = |stops: usize, text: &str| {
        let body = json!({
            "model": "gpt-4o",
            "max_tokens": 16_384,
            "messages": user_says(text),
            "stop_sequences": vec!["Q"; stops],
        });
        let setting = ("PORTCULLIS_VALIDATION", "schema");
        send_with(setting, "/v1/messages", &body)
    };
    assert_eq!(of(10_000, "a short text").0, 200);
    let (status, _, text) = of(100_000, &"a long text ".repeat(10_000));
    assert!(status == 400 && text.contains("stop_sequences: ") && text.contains("work"), "{text}");
}

#[test]
fn sound_and_video_are_no_files_to_responses() {
    let file = |member: &str, value: &str| json!({"type": "input_file", member: value});
    let mime = |path: &str, mime: &str| {
        json!({"type": "invalid_request_error", "param": path, "code": "invalid_value", "message": format!(
            "Invalid file data: '{path}'. Expected a base64-encoded data URL with a valid file MIME type (e.g. \
             'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{mime}'. Please see \
             https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types."
        )})
    };
    let url = json!({"type": "invalid_request_error", "param": "input", "code": "unsupported_file",
        "message": "The file type you uploaded is not supported. Please try again with a pdf"});
    for (part, in_message, in_output) in [
        (file("file_url", "https://a.example/b.pdf?c=d.mp3"), Value::Null, Value::Null),
        (file("file_url", "https://a.example/b.mp3?c=d"), url.clone(), url.clone()),
        (file("file_url", "https://a.example/v1.mp4/file"), Value::Null, Value::Null),
        (file("file_url", "https://a.example/CLIP.MOV"), url.clone(), url.clone()),
        (
            file("file_data", "data:audio/mpeg;base64,QUJD"),
            mime("input[0].content[0].file_data", "audio/mpeg"),
            mime("input[1].output[0].file_data", "audio/mpeg"),
        ),
        (file("file_data", "data:application/pdf;base64,QUJD"), Value::Null, Value::Null),
    ] {
        let message = json!([{"role": "user", "content": [part]}]);
        let output = json!([
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [part]},
        ]);
        for (input, want) in [(message, in_message), (output, in_output)] {
            let (status, _, text) = send("{}", "/v1/responses", &json!({"model": "gpt-4o", "input": input}));
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(
                (status, &answer["error"]),
                (if want.is_null() { 200 } else { 400 }, &want),
                "{input}"
            );
        }
    }
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

#[test]
fn errors_repeat_long_names_and_values_only_in_part() {
    let long = "x".repeat(1_000_000);
    let messages = user_says("hi");
    let named: Value = [(long.clone(), json!(1))].into_iter().collect::<serde_json::Map<_, _>>().into();
    for (path, members) in [
        ("/v1/chat/completions", json!({"model": long})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": [{"role": long}]})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": messages, "metadata": named})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": messages, "logit_bias": named})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": messages, "tool_choice": long})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": messages, long.clone(): 1})),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": {long.clone(): 1}})),
        ("/v1/embeddings", json!({"model": long, "input": "a"})),
        ("/v1/responses", json!({"model": long, "input": "a"})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "a", long.clone(): 1})),
        ("/v1/messages", json!({"model": long, "max_tokens": 1, "messages": messages})),
        (
            "/v1/messages",
            json!({"model": "gpt-4o", "max_tokens": 1, "messages": [{"role": long, "content": "a"}]}),
        ),
    ] {
        let version = ("anthropic-version", "2023-06-01");
        let (status, _, text) = send_as(version, ("PORTCULLIS_LOG", "off"), path, &members);
        assert!((400..500).contains(&status), "{path} {status} {}", text.len());
        assert!(text.len() < 10_000, "{path} {} {}", text.len(), text.split_at(100).0);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{path}");
    }
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
