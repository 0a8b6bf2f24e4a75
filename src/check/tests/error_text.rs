//! Sentences that do not depend on the model.

use super::*;

#[test]
fn the_model_comes_first() {
    for (body, want) in [
        (r#"{"messages":7}"#, "you must provide a model parameter @- #-"),
        (r#"{"model":null,"zzz":1}"#, "you must provide a model parameter @- #-"),
        (r#"{"model":""}"#, "you must provide a model parameter @- #-"),
        (
            r#"{"model":"gpt-9"}"#,
            "The model `gpt-9` does not exist or you do not have access to it. @- #model_not_found",
        ),
        (
            r#"{"model":"davinci-002"}"#,
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use \
             v1/completions? @model #-",
        ),
        (
            r#"{"model":"gpt-4"}"#,
            "Missing required parameter: 'messages'. @messages #missing_required_parameter",
        ),
    ] {
        assert_eq!(outcome(&Named, body), want, "{body}");
    }
    let error = request::<api::completions::Request<'_>, _>(br#"{"model":"gpt-4","prompt":"a"}"#, &Named)
        .unwrap_err();
    assert!(
        error.message().starts_with("This is a chat model and not supported in the v1/completions endpoint.")
    );
    assert_eq!((error.status(), error.param()), (404, Some("model")));
    let error = request::<api::completions::Request<'_>, _>(
        br#"{"model":"text-embedding-3-small","prompt":"a"}"#,
        &Named,
    )
    .unwrap_err();
    assert_eq!((error.status(), error.message()), (403, "You are not allowed to sample from this model"));
}

#[test]
fn what_is_not_a_json_object_is_not_parsed() {
    let deep = format!(r#"{{"model":"m",{HI},"zzz":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let surrogate = body("m", r#""user":"\ud800""#);
    let hidden =
        body("m", r#""tools":[{"type":"function","function":{"name":"f","parameters":{"a":"\udc00"}}}]"#);
    for json in [
        "",
        "null",
        "[]",
        "\"a\"",
        "{",
        r#"{"model":"m"} x"#,
        "\u{feff}{}",
        r#"{"model":7}"#,
        r#"{"model":["m"]}"#,
        &deep,
        &surrogate,
        &hidden,
        &body("m", r#""seed":01"#),
    ] {
        let outcome = outcome(&LIVE, json);
        assert!(
            outcome.starts_with("We could not parse the JSON body of your request. (HINT:"),
            "{json:.80}: {outcome}"
        );
    }
    assert!(request::<Chat<'_>, _>(b"{\"model\":\"\xff\"}", &LIVE).is_err(), "not UTF-8");
}

#[test]
fn types_are_told_with_the_apis_nouns() {
    each(
        &LIVE,
        "m",
        &[
            (
                r#""n":"2""#,
                "Invalid type for 'n': expected an integer, but got a string instead. @n #invalid_type",
            ),
            (
                r#""n":1.5"#,
                "Invalid type for 'n': expected an integer, but got a decimal number instead. @n #invalid_type",
            ),
            (
                r#""top_p":true"#,
                "Invalid type for 'top_p': expected a decimal, but got a boolean instead. @top_p #invalid_type",
            ),
            (
                r#""user":{}"#,
                "Invalid type for 'user': expected a string, but got an object instead. @user #invalid_type",
            ),
            (
                r#""tools":"x""#,
                "Invalid type for 'tools': expected an array of objects, but got a string instead. @tools #invalid_type",
            ),
            (
                r#""functions":1"#,
                "Invalid type for 'functions': expected an array of function definitions, but got an integer instead. @functions #invalid_type",
            ),
            (
                r#""stop":123"#,
                "Invalid type for 'stop': expected one of a string or array of strings, but got an integer instead. @stop #invalid_type",
            ),
            (
                r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":7"#,
                "Invalid type for 'tool_choice': expected one of one of 'none', 'auto', or 'required' or object, but got an integer instead. @tool_choice #invalid_type",
            ),
            (
                r#""service_tier":[]"#,
                "Invalid type for 'service_tier': expected one of 'auto', 'default', 'fast', 'flex', or 'priority', but got an array instead. @service_tier #invalid_type",
            ),
            (
                r#""messages":null"#,
                "Invalid type for 'messages': expected an array of objects, but got null instead. @messages #invalid_type",
            ),
            (
                r#""messages":["x"]"#,
                "Invalid type for 'messages[0]': expected an object, but got a string instead. @messages[0] #invalid_type",
            ),
        ],
    );
}

#[test]
fn numbers_keep_their_spelling() {
    each(
        &LIVE,
        "m",
        &[
            (
                r#""n":0"#,
                "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead. @n #integer_below_min_value",
            ),
            (
                r#""n":129"#,
                "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead. @n #integer_above_max_value",
            ),
            (
                r#""temperature":100.0"#,
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 100.0 instead. @temperature #decimal_above_max_value",
            ),
            (
                r#""presence_penalty":-3"#,
                "Invalid 'presence_penalty': decimal below minimum value. Expected a value >= -2, but got -3 instead. @presence_penalty #decimal_below_min_value",
            ),
            (
                r#""top_p":1e400"#,
                "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1e400 instead. @top_p #decimal_above_max_value",
            ),
            // An app that sent 2048.0 got this error in 2025.
            (
                r#""n":1.0"#,
                "Invalid type for 'n': expected an integer, but got a decimal number instead. @n #invalid_type",
            ),
            (
                r#""max_tokens":1e3"#,
                "Invalid type for 'max_tokens': expected an integer, but got a decimal number instead. @max_tokens #invalid_type",
            ),
            (r#""seed":-0"#, "good"),
            (r#""seed":9007199254740993"#, "good"),
            (r#""max_tokens":100000000000000000000"#, "good"),
            (r#""n":2,"n":1"#, "good"),
            (r#""n":null,"stop":null,"stream":null"#, "good"),
            (
                r#""temperature":1,"temperature":9"#,
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 9 instead. @temperature #decimal_above_max_value",
            ),
        ],
    );
    let twice = body("m", r#""seed":1,"seed":9007199254740993"#);
    assert_eq!(
        request::<Chat<'_>, _>(twice.as_bytes(), &LIVE).unwrap().request.seed.unwrap().value,
        9_007_199_254_740_993
    );
    // JSON Schema's integers are the numbers without a fraction.
    each(&SCHEMA, "m", &[(r#""n":1.0"#, "good"), (r#""max_tokens":-5"#, "good")]);
}

#[test]
fn enumerations_lists_and_lengths() {
    let long = format!(r#""user":"{}""#, "u".repeat(70));
    let many = format!(
        r#""metadata":{{{}}}"#,
        (0..17).map(|i| format!("\"k{i}\":\"v\"")).collect::<Vec<_>>().join(",")
    );
    let name = format!(r#""metadata":{{"{}":"v"}}"#, "k".repeat(70));
    each(
        &LIVE,
        "m",
        &[
            (
                r#""messages":[{"role":"bogus","content":"hi"}]"#,
                "Invalid value: 'bogus'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'. @messages[0].role #invalid_value",
            ),
            (
                r#""modalities":["x"]"#,
                "Invalid value: 'x'. Supported values are: 'text' and 'audio'. @modalities[0] #invalid_value",
            ),
            (
                r#""messages":[{"role":"developer","content":[{"type":"x"}]}]"#,
                "Invalid value: 'x'. Value must be 'text'. @messages[0].content[0].type #invalid_value",
            ),
            (
                r#""messages":[]"#,
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead. @messages #empty_array",
            ),
            (
                r#""stop":["a","b","c","d","e"]"#,
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 instead. @stop #array_above_max_length",
            ),
            (
                &long,
                "Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 70 instead. @user #string_above_max_length",
            ),
            (
                &many,
                "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead. @metadata #object_above_max_properties",
            ),
            (
                &name,
                "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 70 instead. @metadata.kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk #property_name_above_max_length",
            ),
            (r#""messages":[{"role":"user","content":"hi","name":"John Doe"}]"#, "good"),
            (
                r#""tools":[{"type":"function","function":{"name":""}}]"#,
                "Invalid 'tools[0].function.name': empty string. Expected a string with minimum length 1, but got an empty string instead. @tools[0].function.name #empty_string",
            ),
        ],
    );
}

#[test]
fn unknown_names_are_refused_passed_or_dropped() {
    each(
        &LIVE,
        "m",
        &[
            (r#""zzz":null"#, "Unknown parameter: 'zzz'. @zzz #unknown_parameter"),
            (
                r#""temperatur":1"#,
                "Unknown parameter: 'temperatur'. Did you mean 'temperature'? @temperatur #unknown_parameter",
            ),
            (
                r#""stor":1"#,
                "Unknown parameter: 'stor'. Did you mean 'stop' or 'store'? @stor #unknown_parameter",
            ),
            (
                r#""stor":1,"store":true"#,
                "Unknown parameter: 'stor'. Did you mean 'stop'? @stor #unknown_parameter",
            ),
            (
                r#""stream_options":{"bogus":1}"#,
                "Unknown parameter: 'stream_options.bogus'. @stream_options.bogus #unknown_parameter",
            ),
            (
                r#""response_format":{"type":"json_schema","schema":{}}"#,
                "Unknown parameter: 'response_format.schema'. @response_format.schema #unknown_parameter",
            ),
            (
                r#""messages":[{"role":"developer","content":[{"type":"text","text":"a","cache_control":{}}]}]"#,
                "Unknown parameter: 'messages[0].content[0].cache_control'. @messages[0].content[0].cache_control #unknown_parameter",
            ),
            (
                r#""messages":[{"role":"system","content":[{"type":"text","text":"a","cache_control":{}}],"x":1}]"#,
                "good",
            ),
            (r#""messages":[{"role":"user","content":"a","tool_calls":7}]"#, "good"),
        ],
    );
    let strange = body("m", r#""zzz":1,"yyy":[]"#);
    let passed =
        request::<Chat<'_>, _>(strange.as_bytes(), &Open(Validation::Live, UnknownParams::Pass)).unwrap();
    assert!(passed.dropped.is_empty());
    let dropped =
        request::<Chat<'_>, _>(strange.as_bytes(), &Open(Validation::Live, UnknownParams::Drop)).unwrap();
    assert_eq!(dropped.dropped, ["zzz", "yyy"]);
}

#[test]
fn parameters_that_need_each_other() {
    let tool = r#""tools":[{"type":"function","function":{"name":"f","parameters":{}}}]"#;
    each(
        &LIVE,
        "m",
        &[
            (
                r#""stream_options":{}"#,
                "The 'stream_options' parameter is only allowed when 'stream' is enabled. @stream_options #-",
            ),
            (
                r#""top_logprobs":1"#,
                "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled. @top_logprobs #-",
            ),
            (
                r#""logprobs":true,"top_logprobs":21"#,
                "Invalid value for 'top_logprobs': must be less than or equal to 20. @top_logprobs #-",
            ),
            (
                r#""max_tokens":1,"max_completion_tokens":1"#,
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported. @max_tokens #invalid_parameter_combination",
            ),
            (
                r#""tool_choice":"auto""#,
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified. @tool_choice #-",
            ),
            (
                r#""function_call":"auto""#,
                "Invalid value for 'function_call': 'function_call' is only allowed when 'functions' are specified. @function_call #-",
            ),
            (
                &format!(r#"{tool},"tool_choice":{{"type":"function","function":{{"name":"g"}}}}"#),
                "Invalid value for 'function_call': no function named 'g' was specified in the 'functions' parameter. @function_call #-",
            ),
            (
                r#""response_format":{"type":"json_object"}"#,
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'. @messages #-",
            ),
            (
                r#""response_format":{"type":"json_object"},"messages":[{"role":"user","content":"as JSON"}]"#,
                "good",
            ),
            (
                r#""logit_bias":{"1":10000}"#,
                "Logit bias value 10000.0 is invalid or outside of range [-100, 100] @logit_bias #-",
            ),
            (
                r#""logit_bias":{"AI":1}"#,
                "Invalid key in 'logit_bias': AI. You should only be submitting non-negative integers. @logit_bias #-",
            ),
            // What depends on the model, where none is named.
            (r#""metadata":{"k":"v"}"#, "good"),
            (r#""parallel_tool_calls":true"#, "good"),
            (r#""reasoning_effort":"low","prediction":{"type":"content","content":"x"}"#, "good"),
        ],
    );
}
