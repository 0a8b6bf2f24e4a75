use super::*;
use crate::api::tool::Json;
use crate::turn::{Content, Media, Message, Part, Role, Sampling, Source, ToolResult};
use serde_json::{Value, json};

fn written(turn: &Request<'_>, server: Server) -> (Value, Vec<Field>) {
    let Translated { body, left_out } = request(turn, "m", server, &[]).expect("translatable");
    (serde_json::from_slice(&body).expect("JSON"), left_out.dropped.iter().map(|one| one.field).collect())
}

#[test]
fn a_turn_is_a_chat() {
    let result =
        |content| Part::ToolResult(ToolResult { id: "t".into(), name: None, content, is_error: false });
    let image = Part::Media(Media::Image {
        source: Source::Base64 { media_type: "image/png".into(), data: "AA".into() },
        detail: None,
    });
    let messages = vec![
        Message { role: Role::System, name: None, content: Content::Text("be") },
        Message { role: Role::User, name: None, content: Content::Text("hi") },
        Message {
            role: Role::Assistant,
            name: None,
            content: Content::Parts(vec![
                Part::Thinking { text: "hm".into(), signature: None },
                Part::ToolCall {
                    id: "t".into(),
                    name: "f".into(),
                    input: "{}".into(),
                    kind: ToolKind::Function,
                },
            ]),
        },
        // Anthropic's form: results beside text, with an image.
        Message {
            role: Role::User,
            name: None,
            content: Content::Parts(vec![
                Part::Text("and".into()),
                result(vec![Part::Text("r".into()), image]),
            ]),
        },
    ];
    let turn = Request {
        input: Input::Messages(messages),
        max_tokens: Some(7),
        sampling: Sampling { temperature: Some(0.5), top_k: Some(3), ..Sampling::default() },
        tools: vec![Tool { name: "f", parameters: Some(Json("{\"type\":\"object\"}")), ..Tool::default() }],
        tool_choice: ToolChoice::Named("f"),
        parallel_tool_calls: false,
        stream: true,
        stop: vec!["x".into()],
        ..Request::default()
    };
    let (body, dropped) = written(&turn, Server::Compatible);
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "be"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "reasoning_content": "hm",
                 "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "t", "content": "r"},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                    {"type": "text", "text": "and"}]},
            ],
            "max_tokens": 7, "temperature": 0.5, "top_k": 3, "stop": ["x"],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
            "stream": true, "stream_options": {"include_usage": true},
        })
    );
    assert_eq!(dropped, []);
    let (body, dropped) = written(&turn, Server::OpenAi);
    assert_eq!(
        (&body["max_completion_tokens"], &body["max_tokens"], &body["top_k"]),
        (&json!(7), &json!(null), &json!(null))
    );
    assert_eq!(
        (&body["messages"][2]["reasoning_content"], dropped),
        (&json!(null), vec![Field::Thinking, Field::TopK])
    );
}

#[test]
fn a_message_of_thinking_alone_is_left_out_and_named() {
    let thinking = vec![Part::Thinking { text: "hm".into(), signature: None }];
    let messages = vec![
        Message { role: Role::User, name: None, content: Content::Text("hi") },
        Message { role: Role::Assistant, name: None, content: Content::Parts(thinking) },
    ];
    let turn = Request { input: Input::Messages(messages), ..Request::default() };
    let (body, dropped) = written(&turn, Server::OpenAi);
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(1), "{body}");
    assert_eq!(dropped, [Field::Thinking]);
}

#[test]
fn custom_tools_and_formats() {
    let turn = Request {
        input: Input::Messages(vec![Message {
            role: Role::User,
            name: Some("n"),
            content: Content::Text("hi"),
        }]),
        tools: vec![Tool {
            name: "c",
            kind: ToolKind::Custom,
            grammar: Some(("lark", "g")),
            ..Tool::default()
        }],
        format: Format::JsonSchema(JsonSchema {
            name: None,
            description: None,
            schema: Some(Json("{}")),
            strict: Some(true),
        }),
        logprobs: Some(2),
        choices: 3,
        ..Request::default()
    };
    let (body, _) = written(&turn, Server::OpenAi);
    assert_eq!(
        body["tools"],
        json!([{"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "g"}}}}])
    );
    assert_eq!(
        body["response_format"],
        json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": {}, "strict": true}})
    );
    assert_eq!(
        (&body["n"], &body["top_logprobs"], &body["messages"][0]["name"]),
        (&json!(3), &json!(2), &json!("n"))
    );
}

fn hello() -> Input<'static> {
    Input::Messages(vec![Message { role: Role::User, name: None, content: Content::Text("hi") }])
}

#[test]
fn a_long_end_user_becomes_its_digest() {
    let user = |id: String| {
        let turn = Request { input: hello(), end_user: Some(id.into()), ..Request::default() };
        written(&turn, Server::Compatible).0["user"].clone()
    };
    assert_eq!(user("é".repeat(64)), "é".repeat(64));
    assert_eq!(user("a".repeat(65)), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}

#[test]
fn a_known_model_gets_an_effort_that_it_takes() {
    for (model, effort, has_tools, want) in [
        ("gpt-4o", Some(Effort::Medium), true, json!(null)),
        ("gpt-5.5", Some(Effort::Medium), true, json!("none")),
        ("gpt-5.5", None, true, json!(null)),
        ("gpt-5.5", Some(Effort::Medium), false, json!("medium")),
        ("o3-mini", Some(Effort::Low), true, json!("low")),
        ("claude-sonnet-5-5", Some(Effort::High), true, json!("high")),
        ("qwen3:4b", Some(Effort::Low), true, json!("low")),
    ] {
        let mut turn = Request { input: hello(), ..Request::default() };
        turn.reasoning.effort = effort;
        turn.tools.extend(has_tools.then(|| Tool { name: "f", ..Tool::default() }));
        let Translated { body, left_out } =
            request(&turn, model, Server::Compatible, &[]).expect("translatable");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["reasoning_effort"], want, "{model} {effort:?}");
        let is_replaced = effort.is_some() && ![json!("low"), json!("medium"), json!("high")].contains(&want);
        let dropped: Vec<Field> = left_out.dropped.iter().map(|one| one.field).collect();
        assert_eq!(dropped == [Field::Thinking], is_replaced, "{model} {effort:?}");
    }
}

#[test]
fn no_more_tokens_are_requested_than_the_model_has() {
    let turn = |tokens| Request {
        input: Input::Messages(vec![Message { role: Role::User, name: None, content: Content::Text("hi") }]),
        max_tokens: Some(tokens),
        ..Request::default()
    };
    for (model, tokens, want, names) in [
        ("gpt-4o", 32_000, 16_384, vec![Field::MaxTokens]),
        ("gpt-4o-2024-05-13", 4_000, 4_000, vec![]),
        ("llama-3.3-70b", 32_000, 32_000, vec![]),
    ] {
        let written = request(&turn(tokens), model, Server::OpenAi, &[]).expect("translatable");
        let body: Value = serde_json::from_slice(&written.body).expect("JSON");
        assert_eq!(body["max_completion_tokens"], want, "{model}");
        assert_eq!(
            written.left_out.dropped.iter().map(|one| one.field).collect::<Vec<_>>(),
            names,
            "{model}"
        );
    }
}

#[test]
fn servers_of_open_models_get_one_system_message() {
    let message = |role, text| Message { role, name: None, content: Content::Text(text) };
    let all = vec![
        message(Role::System, "a"),
        message(Role::Developer, ""),
        message(Role::Developer, "b"),
        message(Role::User, "x"),
        message(Role::Developer, "c"),
    ];
    let turn = Request { input: Input::Messages(all), ..Request::default() };
    let (body, _) = written(&turn, Server::Compatible);
    let want = json!([{"role": "system", "content": "a\n\nb"}, {"role": "user", "content": "x"}, {"role": "system", "content": "c"}]);
    assert_eq!(body["messages"], want);
    let (body, _) = written(&turn, Server::OpenAi);
    assert_eq!(body["messages"][2], json!({"role": "developer", "content": "b"}));
}

#[test]
fn patterns_that_servers_refuse_are_left_out() {
    let refused = [r"^(?!__.*__$)[^\p{Cc}]{1,9}$", r"\p{L}+", "(?<year>a)", "^(?=a)", "[", r"\u{61}"];
    for pattern in refused {
        let schema = json!({"type": "object", "patternProperties": {pattern: {}, "^a$": {"pattern": pattern}}, "properties": {
            "pattern": {"type": "string", "pattern": pattern, "minLength": 1},
            "l": {"items": {"anyOf": [{"pattern": pattern}, {"pattern": "^a$"}]}, "default": {"pattern": pattern}}}});
        let text = schema.to_string();
        let turn = |strict| Request {
            input: Input::Messages(vec![Message {
                role: Role::User,
                name: None,
                content: Content::Text("hi"),
            }]),
            tools: vec![Tool { name: "f", parameters: Some(Json(&text)), strict, ..Tool::default() }],
            ..Request::default()
        };
        let want = json!({"type": "object", "patternProperties": {"^a$": {}}, "properties": {
            "pattern": {"type": "string", "minLength": 1},
            "l": {"items": {"anyOf": [{}, {"pattern": "^a$"}]}, "default": {"pattern": pattern}}}});
        for strict in [None, Some(false)] {
            let (body, dropped) = written(&turn(strict), Server::OpenAi);
            assert_eq!(
                (&body["tools"][0]["function"]["parameters"], &*dropped),
                (&want, &[Field::ToolSchema][..])
            );
        }
        // OpenAI enforces the schema of a strict tool, so that the caller has to know.
        let (body, dropped) = written(&turn(Some(true)), Server::OpenAi);
        assert_eq!((&body["tools"][0]["function"]["parameters"], &*dropped), (&schema, &[][..]));
    }
}
