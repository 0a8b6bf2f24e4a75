//! What depends on the model, and on what the messages are to each other.

use super::*;

#[test]
fn classic_models() {
    let prediction = r#""prediction":{"type":"content","content":"x"}"#;
    each(
        &Named,
        "gpt-4",
        &[
            (
                prediction,
                "Unsupported parameter: 'prediction' is not supported with this model. @prediction #unsupported_parameter",
            ),
            (r#""reasoning_effort":"foo""#, "Unrecognized request argument supplied: reasoning_effort @- #-"),
            (r#""reasoning_effort":{}"#, "Unrecognized request argument supplied: reasoning_effort @- #-"),
            (
                r#""metadata":{}"#,
                "The 'metadata' parameter is only allowed when 'store' is enabled. @metadata #-",
            ),
            (
                r#""parallel_tool_calls":false"#,
                "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified. @parallel_tool_calls #-",
            ),
            (
                r#""response_format":{"type":"json_object"}"#,
                "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model. @response_format #-",
            ),
            (
                r#""modalities":["audio"]"#,
                "Invalid value for 'modalities'. Only ['text'] and ['text', 'audio'] are supported. @modalities #invalid_value",
            ),
            (
                r#""modalities":["text","audio"]"#,
                "The selected model does not support audio modality. @modalities #invalid_value",
            ),
            (
                r#""service_tier":"foo""#,
                "Invalid value: 'foo'. Supported values are: 'auto' and 'default'. @service_tier #invalid_value",
            ),
            (r#""stop":[],"seed":-1,"user":"","logit_bias":{}"#, "good"),
            (r#""max_tokens":1000000000"#, "good"), // the window is checked where tokens are counted
        ],
    );
    each(
        &Named,
        "gpt-4o",
        &[
            (
                r#""max_tokens":20480"#,
                "max_tokens is too large: 20480. This model supports at most 16384 completion tokens, whereas you provided 20480. @max_tokens #invalid_value",
            ),
            (prediction, "good"),
            (r#""service_tier":"priority""#, "good"),
            (
                r#""web_search_options":{}"#,
                "Web search options not supported with this model. @web_search_options #-",
            ),
            (
                r#""verbosity":"low""#,
                "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: 'medium'. @verbosity #unsupported_value",
            ),
        ],
    );
}

#[test]
fn classic_models_report_faults_in_one_order() {
    // Each with the one after it, the first is reported.
    let faults = [
        (r#""stop":123"#, "stop"),
        (r#""modalities":["audio"]"#, "modalities"),
        (r#""logprobs":"foo""#, "logprobs"),
        (r#""stream_options":{"include_usage":"foo"}"#, "stream_options.include_usage"),
        (r#""store":"foo""#, "store"),
        (r#""prediction":{"type":"content","content":"x"}"#, "prediction"),
        (r#""top_logprobs":1"#, "top_logprobs"),
    ];
    for pair in faults.windows(2) {
        let body = body("gpt-4", &format!("{},{}", pair[1].0, pair[0].0));
        assert_eq!(
            request::<Chat<'_>, _>(body.as_bytes(), &Named).unwrap_err().param(),
            Some(pair[0].1),
            "{body}"
        );
    }
    let late = [
        (r#""top_logprobs":1"#, "The 'top_logprobs'"),
        (r#""stream_options":{}"#, "The 'stream_options'"),
        (r#""reasoning_effort":"low""#, "Unrecognized"),
        (r#""response_format":{"type":"json_object"}"#, "Invalid parameter: 'response_format'"),
        (r#""parallel_tool_calls":true"#, "Invalid value for 'parallel_tool_calls'"),
        (r#""metadata":{"a":"b"}"#, "The 'metadata'"),
        (r#""logit_bias":{"1":1000}"#, "Logit bias value"),
    ];
    for pair in late.windows(2) {
        let outcome = outcome(&Named, &body("gpt-4", &format!("{},{}", pair[1].0, pair[0].0)));
        assert!(outcome.starts_with(pair[0].1), "{outcome}");
    }
}

#[test]
fn models_that_reason() {
    each(
        &Named,
        "gpt-5.6-terra",
        &[
            (
                r#""max_tokens":0,"temperature":-0.5"#,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead. @max_tokens #unsupported_parameter",
            ),
            (
                r#""stop":["x"]"#,
                "Unsupported parameter: 'stop' is not supported with this model. @stop #unsupported_parameter",
            ),
            (
                r#""temperature":0.5"#,
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported. @temperature #unsupported_value",
            ),
            (r#""temperature":1,"top_p":1,"presence_penalty":0"#, "good"),
            (
                r#""top_p":0.5"#,
                "Unsupported parameter: 'top_p' is not supported with this model. @top_p #unsupported_parameter",
            ),
            (
                r#""presence_penalty":0.5"#,
                "Unsupported parameter: 'presence_penalty' is not supported with this model. @presence_penalty #unsupported_parameter",
            ),
            (r#""temperature":0.5,"top_p":0.5,"reasoning_effort":"none""#, "good"),
            (r#""presence_penalty":0.5,"reasoning_effort":"none""#, "good"),
            (r#""logprobs":true,"reasoning_effort":"none""#, "good"),
            (
                r#""reasoning_effort":"max""#,
                "Unsupported value: 'reasoning_effort' does not support 'max' with this model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'. @reasoning_effort #unsupported_value",
            ),
            (
                r#""reasoning_effort":{"a":"b"}"#,
                "Unsupported value: 'reasoning_effort' does not support {'a': 'b'} with this model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'. @reasoning_effort #unsupported_value",
            ),
            (
                r#""reasoning_effort":true"#,
                "Unsupported value: 'reasoning_effort' does not support true with this model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'. @reasoning_effort #unsupported_value",
            ),
            (
                r#""audio":{"voice":"alloy","format":"wav"}"#,
                "Unknown parameter: 'audio'. @audio #unknown_parameter",
            ),
            (r#""modalities":null"#, "good"),
            (
                r#""n":9"#,
                "Invalid 'n': integer above maximum value. Expected a value <= 8, but got 9 instead. @n #integer_above_max_value",
            ),
            (
                r#""prompt_cache_retention":"x""#,
                "Invalid prompt_cache_retention argument @prompt_cache_retention #-",
            ),
            (
                r#""prompt_cache_retention":"in_memory""#,
                "This model is compatible only with 24h extended prompt caching @prompt_cache_retention #-",
            ),
            (r#""service_tier":"ultrafast""#, "Invalid service_tier argument @service_tier #-"),
        ],
    );
    let logprobs =
        request::<Chat<'_>, _>(body("gpt-5-nano", r#""logprobs":true"#).as_bytes(), &Named).unwrap_err();
    assert_eq!(
        (logprobs.status(), logprobs.message()),
        (403, "You are not allowed to request logprobs from this model")
    );
    each(
        &Named,
        "o1-mini",
        &[(
            r#""messages":[{"role":"system","content":"x"}]"#,
            "Unsupported value: 'messages[0].role' does not support 'system' with this model. @messages[0].role #unsupported_value",
        )],
    );
}

#[test]
fn some_models_reason_only_when_they_are_told_to() {
    for model in ["gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.4-mini"] {
        each(
            &Named,
            model,
            &[
                (r#""temperature":0,"top_p":0.5,"presence_penalty":1,"logprobs":true"#, "good"),
                (
                    r#""temperature":0.5,"reasoning_effort":"low""#,
                    "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported. @temperature #unsupported_value",
                ),
                (
                    r#""temperature":3"#,
                    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead. @temperature #decimal_above_max_value",
                ),
                (
                    r#""top_p":-0.5"#,
                    "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 instead. @top_p #decimal_below_min_value",
                ),
            ],
        );
    }
    for model in ["gpt-5", "gpt-5.5", "o3", "o4-mini"] {
        let outcome = outcome(&Named, &body(model, r#""temperature":0"#));
        assert!(
            outcome.starts_with("Unsupported value: 'temperature' does not support 0 "),
            "{model}: {outcome}"
        );
    }
}

#[test]
fn the_o_series_lacks_parameters() {
    let lacks = |name: &str| {
        format!(
            "Unsupported parameter: '{name}' is not supported with this model. @{name} #unsupported_parameter"
        )
    };
    for model in ["o1", "o3-mini"] {
        each(&Named, model, &[(r#""temperature":0"#, &lacks("temperature")), (r#""temperature":1"#, "good")]);
    }
    for model in ["o1", "o3", "o3-mini", "o4-mini"] {
        each(&Named, model, &[(r#""parallel_tool_calls":false"#, &lacks("parallel_tool_calls"))]);
    }
    for model in ["o3", "o4-mini"] {
        each(&Named, model, &[(r#""stop":"x""#, &lacks("stop"))]);
    }
    let wordy = "Unsupported value: 'verbosity' does not support 'high' with this model. Supported values are: 'medium'. @verbosity #unsupported_value";
    each(&Named, "o3", &[(r#""verbosity":"high""#, wordy), (r#""verbosity":"medium""#, "good")]);
    each(&Named, "gpt-5", &[(r#""verbosity":"high""#, "good")]);
    each(&Named, "o1", &[(r#""stop":"x""#, "good")]);
    each(&Named, "o3-mini", &[(r#""stop":["x"]"#, "good")]);
    each(&Named, "gpt-5", &[(r#""parallel_tool_calls":false"#, "good")]);
}

#[test]
fn models_that_speak() {
    each(
        &Named,
        "gpt-4o-audio-preview",
        &[
            (
                "",
                "This model requires that either input content or output modality contain audio. @model #invalid_value",
            ),
            (r#""modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}"#, "good"),
            (
                r#""n":"foo""#,
                "[{'type': 'int_parsing', 'loc': ('body', 'n'), 'msg': 'Input should be a valid integer, unable to parse string as an integer', 'input': 'foo'}] @- #-",
            ),
            (
                r#""presence_penalty":3"#,
                "[{'type': 'less_than_equal', 'loc': ('body', 'presence_penalty'), 'msg': 'Input should be less than or equal to 2', 'input': 3, 'ctx': {'le': 2.0}}] @- #-",
            ),
            (
                r#""max_tokens":0"#,
                "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead. @max_tokens #integer_below_min_value",
            ),
        ],
    );
    let outcome = outcome(&Named, &body("gpt-4o-audio-preview", r#""stop":[]"#));
    assert!(
        outcome.contains(
            "{'type': 'too_short', 'loc': ('body', 'stop', 'list[list[int]]'), 'msg': 'List should have"
        ),
        "{outcome}"
    );
}

#[test]
fn messages_belong_together() {
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
    let user = r#"{"role":"user","content":"hi"}"#;
    let answer = r#"{"role":"tool","tool_call_id":"c1","content":"1"}"#;
    let rows = [
        (vec![user, call, answer], "good"),
        (vec![user, call, answer, user], "good"),
        (
            vec![user, answer],
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. @messages.[1].role #-",
        ),
        (
            vec![user, call, user],
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: c1 @messages.[2].role #-",
        ),
        (
            vec![user, call, r#"{"role":"tool","tool_call_id":"c2","content":"1"}"#],
            "Invalid parameter: 'tool_call_id' of 'c2' not found in 'tool_calls' of previous message. @messages.[2].tool_call_id #-",
        ),
        (
            vec![user, call, r#"{"role":"tool","content":"1"}"#],
            "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'. @messages.[2].tool_call_id #-",
        ),
        (
            vec![r#"{"role":"user","content":null}"#],
            "Invalid value for 'content': expected a string, got null. @messages.[0].content #-",
        ),
        (
            vec![r#"{"role":"user"}"#],
            "Invalid value for 'content': expected a string, got null. @messages.[0].content #-",
        ),
        (vec![r#"{"role":"user","content":""}"#, r#"{"role":"user","content":[]}"#], "good"),
        (
            vec![r#"{"role":"developer"}"#],
            "Missing required parameter: 'messages[0].content'. @messages[0].content #missing_required_parameter",
        ),
        (
            vec![r#"{"role":"developer","content":null}"#],
            "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got null instead. @messages[0].content #invalid_type",
        ),
        // A wrong role anywhere comes before an empty list of calls.
        (
            vec![r#"{"role":"assistant","tool_calls":[]}"#, r#"{"role":"x"}"#],
            "Invalid value: 'x'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'. @messages[1].role #invalid_value",
        ),
        (
            vec![
                r#"{"role":"assistant","tool_calls":[{"id":null,"type":"function","function":{"name":"f","arguments":""}}]}"#,
            ],
            "Invalid type for 'messages[0].tool_calls[0].id': expected a string, but got null instead. @messages[0].tool_calls[0].id #invalid_type",
        ),
        (
            vec![
                user,
                r#"{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}"#,
            ],
            "Invalid 'messages[1]'. Image URLs are only allowed for messages with role 'user', but this message with role 'assistant' contains an image URL. @messages[1] #invalid_value",
        ),
    ];
    for (messages, want) in rows {
        let body = body("gpt-4o", &format!("\"messages\":[{}]", messages.join(",")));
        assert_eq!(outcome(&Named, &body), want, "{body}");
    }
    let image = |url: &str| {
        format!(
            r#""messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]"#
        )
    };
    let data = image("data:image/png;base64,iVBORw0KGgo=");
    each(&Named, "gpt-4o", &[(&data, "good"), (&image("https://x/y.png"), "good")]);
    each(
        &Named,
        "gpt-4",
        &[(
            &data,
            "Invalid content type. image_url is only supported by certain models. @messages.[0].content.[0].type #-",
        )],
    );
    assert!(
        outcome(&Named, &body("gpt-4", &image("https://x/y.png")))
            .starts_with("Invalid image URL: 'messages[0].content[0].image_url.url'.")
    );
}

#[test]
fn text_completions() {
    let outcome = |resolver: &dyn ModelResolver<Resolved = ValidationPolicy>, members: &str| {
        let body = format!("{{\"model\":\"gpt-3.5-turbo-instruct\",{members}}}");
        request::<api::completions::Request<'_>, _>(body.as_bytes(), resolver)
            .map_or_else(|error| error.to_string(), |_| "good".to_owned())
    };
    for (members, want) in [
        (r#""prompt":"a","logprobs":5,"best_of":3,"n":2"#, "good"),
        (r#""prompt":["a","b"]"#, "good"),
        (r#""prompt":[1,2]"#, "good"),
        (r#""prompt":[[1],[2]]"#, "good"),
        (r#""max_tokens":1"#, "Missing required parameter: 'prompt'."),
        (r#""prompt":1"#, "1 is not valid under any of the given schemas - 'prompt'"),
        (r#""prompt":["a",1]"#, "['a', 1] is not valid under any of the given schemas - 'prompt'"),
        (
            r#""prompt":"a","max_tokens":-1,"temperature":3"#,
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 0, but got -1 instead.",
        ),
        (r#""prompt":"a","zzz":1"#, "Unrecognized request argument supplied: zzz"),
        (
            r#""prompt":"a","n":5,"best_of":4"#,
            "You requested that the server return more choices than it will generate (HINT: you must set 'n' (currently \
             5) to be at most 'best_of' (currently 4), or omit either parameter if you don't specifically want to use \
             them.)",
        ),
        (
            r#""prompt":[12345,123456]"#,
            "Invalid token in prompt: 123456. Minimum value is 0, maximum value is 100257 (inclusive).",
        ),
        (
            r#""prompt":"a","echo":true,"logprobs":1"#,
            "Setting 'echo' and 'logprobs' at the same time is not supported for this model.",
        ),
    ] {
        assert_eq!(outcome(&Named, members), want, "{members}");
    }
    assert_eq!(outcome(&LIVE, r#""prompt":"a","echo":true,"logprobs":1"#), "good", "to a model nobody named");
    assert_eq!(outcome(&SCHEMA, r#""prompt":null"#), "good");
}
