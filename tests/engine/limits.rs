//! Limits: of models, of the work that one request may cause, of what an error repeats.

use super::*;

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
