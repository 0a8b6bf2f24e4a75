use super::*;
use crate::api::tool::Json;
use crate::turn::Sampling;
use serde_json::{Value, json};

fn written(turn: &Request<'_>, server: Server) -> (Value, Vec<Field>) {
    let Translated { body, names } = request(turn, "m", server, &[]).expect("translatable");
    (serde_json::from_slice(&body).expect("JSON"), names.dropped.iter().map(|one| one.field).collect())
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

#[test]
fn a_long_end_user_becomes_its_digest() {
    let user = |id: String| {
        let turn = Request { end_user: Some(id.into()), ..Request::default() };
        written(&turn, Server::Compatible).0["user"].clone()
    };
    assert_eq!(user("é".repeat(64)), "é".repeat(64));
    assert_eq!(user("a".repeat(65)), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}
