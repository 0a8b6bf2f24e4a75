//! The formats of the endpoints, and the models that they serve.

use super::*;

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
