use super::*;
use crate::api::tool::Json;
use crate::turn::{Content, Effort, JsonSchema, Message, Part, Reasoning, Role, Sampling, Tool};
use serde_json::{Value, json};

fn user(text: &str) -> Message<'_> {
    Message { role: Role::User, name: None, content: Content::Text(text) }
}

fn turn<'a>() -> Request<'a> {
    Request { input: Input::Messages(vec![user("x")]), ..Request::default() }
}

/// The request, the fields that are unsupported and those that are dropped.
fn written(turn: &Request<'_>) -> (Value, Vec<Field>, Vec<Field>) {
    written_for("claude", turn)
}

fn written_for(model: &str, turn: &Request<'_>) -> (Value, Vec<Field>, Vec<Field>) {
    let Translated { body, left_out } = request(turn, model, 4096, &[]).expect("translatable");
    let fields = |all: &[crate::turn::Unsupported]| all.iter().map(|one| one.field).collect();
    (serde_json::from_slice(&body).expect("JSON"), fields(&left_out.unsupported), fields(&left_out.dropped))
}

fn function(name: &str) -> Tool<'_> {
    Tool { name, ..Tool::default() }
}

#[test]
fn a_plain_turn_is_a_plain_request() {
    let turn = Request {
        stream: true,
        stop: vec!["a".into()],
        end_user: Some("u".into()),
        sampling: Sampling { temperature: Some(0.5), top_k: Some(5), ..Sampling::default() },
        ..turn()
    };
    let extra = [
        Extra { name: "betas".into(), value: Json("[1.0]") },
        Extra { name: "stream".into(), value: Json("7") },
    ];
    let Translated { body, left_out } = request(&turn, "claude", 99, &extra).expect("translatable");
    assert_eq!(
        String::from_utf8(body).expect("UTF-8"),
        concat!(
            r#"{"model":"claude","max_tokens":99,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"#,
            r#""metadata":{"user_id":"u"},"stop_sequences":["a"],"stream":true,"temperature":0.5,"top_k":5,"betas":[1.0]}"#
        )
    );
    assert_eq!(
        (left_out.unsupported, left_out.dropped, left_out.dropped_members),
        (vec![], vec![], vec!["stream".to_owned()])
    );
}

#[test]
fn sampling_stays_in_the_apis_ranges() {
    let with = |sampling| written(&Request { sampling, ..turn() });
    let temperature = |temperature| Sampling { temperature: Some(temperature), ..Sampling::default() };
    for (given, sent, named) in [(1.5, 1.0, true), (2.0, 1.0, true), (1.0, 1.0, false), (0.0, 0.0, false)] {
        let (body, _, dropped) = with(temperature(given));
        assert_eq!(
            (&body["temperature"], dropped.contains(&Field::Temperature)),
            (&json!(sent), named),
            "{given}"
        );
    }
    let (body, _, dropped) = with(Sampling { top_p: Some(0.9), ..temperature(0.5) });
    assert_eq!((&body["top_p"], dropped), (&json!(null), vec![Field::TopP]));
    let (body, _, dropped) = with(Sampling { top_p: Some(0.9), ..Sampling::default() });
    assert_eq!((&body["top_p"], dropped), (&json!(0.9), vec![]));
}

#[test]
fn a_budget_fits_below_the_limit() {
    let with = |budget, max_tokens| {
        let reasoning = Reasoning { enabled: Some(true), budget, ..Reasoning::default() };
        let (body, _, dropped) = written(&Request { reasoning, max_tokens, ..turn() });
        (body["thinking"].clone(), body["max_tokens"].as_u64().expect("a number"), dropped)
    };
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    assert_eq!(with(Some(10_000), None), (enabled(10_000), 14_096, vec![]));
    assert_eq!(with(Some(2000), None), (enabled(2000), 4096, vec![]));
    assert_eq!(with(Some(2000), Some(8000)), (enabled(2000), 8000, vec![]));
    assert_eq!(with(Some(8000), Some(2000)), (enabled(1999), 2000, vec![Field::ThinkingBudget]));
    assert_eq!(with(Some(10), None), (enabled(1024), 4096, vec![Field::ThinkingBudget]));
    assert_eq!(with(Some(8000), Some(1024)), (json!(null), 1024, vec![Field::Thinking]));
    assert_eq!(with(None, Some(500)), (json!({"type": "adaptive"}), 500, vec![]));
}

#[test]
fn thinking_is_left_out_where_the_api_refuses_it() {
    let reasoning = Reasoning { enabled: Some(true), budget: Some(1024), ..Reasoning::default() };
    let call =
        || Part::ToolCall { id: "t".into(), name: "f".into(), input: "{}".into(), kind: ToolKind::Function };
    let result = || {
        Part::ToolResult(crate::turn::ToolResult {
            id: "t".into(),
            name: None,
            content: vec![],
            is_error: true,
        })
    };
    let assistant = |parts| Message { role: Role::Assistant, name: None, content: Content::Parts(parts) };
    let tool = || Message { role: Role::Tool, name: None, content: Content::Parts(vec![result()]) };
    let signed = || Part::Thinking { text: "hm".into(), signature: Some("S".into()) };
    let with = |messages| {
        let turn =
            Request { input: Input::Messages(messages), reasoning, tools: vec![function("f")], ..turn() };
        let (body, _, dropped) = written(&turn);
        (body["thinking"].is_object(), dropped)
    };
    assert_eq!(with(vec![user("x"), assistant(vec![signed(), call()]), tool()]), (true, vec![]));
    assert_eq!(with(vec![user("x"), assistant(vec![call()]), tool()]), (false, vec![Field::Thinking]));
    assert_eq!(
        with(vec![user("x"), assistant(vec![Part::Text("so".into())])]),
        (false, vec![Field::Thinking])
    );
    // Forced calls, and sampling that thinking excludes.
    let forced =
        Request { reasoning, tools: vec![function("f")], tool_choice: ToolChoice::Required, ..turn() };
    let (body, _, dropped) = written(&forced);
    assert_eq!((&body["thinking"], dropped), (&json!(null), vec![Field::Thinking]));
    let sampling =
        Sampling { temperature: Some(0.2), top_p: Some(0.5), top_k: Some(4), ..Sampling::default() };
    let (body, _, dropped) = written(&Request { reasoning, sampling, ..turn() });
    assert!(
        body["thinking"].is_object() && body["temperature"].is_null() && body["top_k"].is_null(),
        "{body}"
    );
    assert_eq!(dropped, [Field::Temperature, Field::TopP, Field::TopK]);
}

#[test]
fn tools_and_their_choice() {
    let tools = |tools, tool_choice, parallel_tool_calls| {
        let (body, _, dropped) = written(&Request { tools, tool_choice, parallel_tool_calls, ..turn() });
        (body["tools"].clone(), body["tool_choice"].clone(), dropped)
    };
    let f = json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]);
    for (choice, parallel, want) in [
        (ToolChoice::Auto, true, json!(null)),
        (ToolChoice::Auto, false, json!({"type": "auto", "disable_parallel_tool_use": true})),
        (ToolChoice::None, false, json!({"type": "none"})),
        (ToolChoice::Required, true, json!({"type": "any"})),
        (
            ToolChoice::Named("f"),
            false,
            json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}),
        ),
    ] {
        assert_eq!(tools(vec![function("f")], choice, parallel), (f.clone(), want, vec![]));
    }
    assert_eq!(
        tools(vec![], ToolChoice::Required, false),
        (json!(null), json!(null), vec![Field::ToolChoice])
    );
    assert_eq!(tools(vec![], ToolChoice::Auto, false), (json!(null), json!(null), vec![]));
    // Only the allowed ones are offered.
    let allowed =
        Request { tools: vec![function("f"), function("g")], allowed_tools: Some(vec!["f"]), ..turn() };
    assert_eq!(written(&allowed).0["tools"], f);
    // A history of calls needs the tools, though the request offers none any more.
    let call =
        Part::ToolCall { id: "t".into(), name: "f".into(), input: "{}".into(), kind: ToolKind::Function };
    let history = Message { role: Role::Assistant, name: None, content: Content::Parts(vec![call]) };
    let (body, _, _) = written(&Request { input: Input::Messages(vec![user("x"), history]), ..turn() });
    assert_eq!((&body["tools"][0]["name"], &body["tool_choice"]), (&json!("f"), &json!({"type": "none"})));
}

#[test]
fn what_changes_the_answer_is_unsupported() {
    let sampling = Sampling {
        seed: Some(1),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(-1.0),
        logit_bias: vec![("1", 1.0)],
        ..Sampling::default()
    };
    let custom = Tool { kind: ToolKind::Custom, ..function("c") };
    let all = Request {
        choices: 2,
        logprobs: Some(0),
        sampling,
        format: Format::JsonObject,
        stop: vec![" ".into()],
        tools: vec![custom],
        ..turn()
    };
    let (_, unsupported, _) = written(&all);
    let want = [
        Field::Choices,
        Field::Logprobs,
        Field::Seed,
        Field::FrequencyPenalty,
        Field::PresencePenalty,
        Field::LogitBias,
        Field::CustomTool,
        Field::Stop,
        Field::Format,
    ];
    assert_eq!(unsupported, want);
    let zeros = Sampling { frequency_penalty: Some(0.0), presence_penalty: Some(0.0), ..Sampling::default() };
    assert_eq!(written(&Request { sampling: zeros, ..turn() }).1, []);
}

#[test]
fn a_strict_schema_and_an_effort_are_output_settings() {
    let schema = |strict| {
        Format::JsonSchema(JsonSchema {
            name: Some("n"),
            description: None,
            schema: Some(Json("{ \"z\":1.0 }")),
            strict,
        })
    };
    let (body, unsupported, _) = written(&Request { format: schema(Some(true)), ..turn() });
    assert_eq!(
        (&body["output_config"]["format"], unsupported),
        (&json!({"type": "json_schema", "schema": {"z": 1.0}}), vec![])
    );
    for strict in [Some(false), None] {
        assert_eq!(written(&Request { format: schema(strict), ..turn() }).1, [Field::Format]);
    }
    for (effort, want) in [(Effort::Minimal, "low"), (Effort::High, "high"), (Effort::Max, "max")] {
        let reasoning = Reasoning { effort: Some(effort), ..Reasoning::default() };
        assert_eq!(written(&Request { reasoning, ..turn() }).0["output_config"], json!({"effort": want}));
    }
}

#[test]
fn an_effort_becomes_the_thinking_that_the_model_has() {
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    let adaptive = json!({"type": "adaptive"});
    for (model, effort, thinking, name) in [
        ("claude-sonnet-4-5-20250929", Effort::Low, enabled(1024), None),
        ("claude-sonnet-4-5", Effort::High, enabled(8192), None),
        ("claude-sonnet-4-5", Effort::None, Value::Null, None),
        ("claude-opus-4-5", Effort::Max, enabled(16_384), Some("high")),
        ("claude-sonnet-4-6", Effort::Xhigh, adaptive.clone(), Some("high")),
        ("claude-sonnet-5", Effort::Minimal, adaptive.clone(), Some("low")),
        ("claude-sonnet-5", Effort::None, json!({"type": "disabled"}), None),
        ("claude-opus-5-5", Effort::None, Value::Null, None),
        ("claude-opus-5-5", Effort::Max, adaptive, Some("max")),
        ("claude-3-haiku-20240307", Effort::High, Value::Null, None),
        ("claude-to-come", Effort::High, Value::Null, Some("high")),
    ] {
        let reasoning = Reasoning { effort: Some(effort), ..Reasoning::default() };
        let (body, unsupported, _) = written_for(model, &Request { reasoning, ..turn() });
        let case = format!("{model} {effort:?}: {body}");
        assert_eq!((&body["thinking"], unsupported), (&thinking, vec![]), "{case}");
        assert_eq!(body["output_config"]["effort"].as_str(), name, "{case}");
        assert!(body["thinking"]["budget_tokens"].as_u64() < body["max_tokens"].as_u64(), "{case}");
    }
}

#[test]
fn no_more_tokens_are_requested_than_the_model_has() {
    let requested = |tokens, budget| Request {
        max_tokens: Some(tokens),
        reasoning: Reasoning { budget, ..Reasoning::default() },
        ..turn()
    };
    let (body, _, dropped) = written_for("claude-opus-4-1", &requested(64_000, None));
    assert_eq!((&body["max_tokens"], dropped), (&json!(32_000), vec![Field::MaxTokens]));
    let (body, _, dropped) = written_for("claude-opus-4-1", &requested(32_000, None));
    assert_eq!((&body["max_tokens"], dropped), (&json!(32_000), vec![]));
    let (body, _, dropped) = written_for("claude-opus-4-1", &requested(64_000, Some(50_000)));
    assert_eq!((&body["max_tokens"], &body["thinking"]["budget_tokens"]), (&json!(32_000), &json!(31_999)));
    assert_eq!(dropped, [Field::MaxTokens, Field::ThinkingBudget]);
    let (body, _, dropped) = written_for("claude-to-come", &requested(640_000, None));
    assert_eq!((&body["max_tokens"], dropped), (&json!(640_000), vec![]));
}

#[test]
fn the_last_four_cache_points_stay() {
    let parts: Vec<Part<'_>> =
        (0..6).flat_map(|_| [Part::Text("a".into()), Part::CachePoint { ttl: None }]).collect();
    let message = Message { role: Role::User, name: None, content: Content::Parts(parts) };
    let (body, _, dropped) = written(&Request { input: Input::Messages(vec![message]), ..turn() });
    let cached: Vec<bool> = body["messages"][0]["content"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| block["cache_control"].is_object())
        .collect();
    assert_eq!((cached, dropped), (vec![false, false, true, true, true, true], vec![Field::CachePoint]));
}

#[test]
fn users_and_tools_have_the_values_that_the_api_takes() {
    for (id, is_kept) in
        [("u-1", true), ("12345", true), ("me@example.com", false), ("+1 555 123-4567", false)]
    {
        let (body, ..) = written(&Request { end_user: Some(id.into()), ..turn() });
        let sent = body["metadata"]["user_id"].as_str().expect("an id").to_owned();
        assert_eq!((sent == id, sent.len() == 64), (is_kept, !is_kept), "{id}: {sent}");
    }
    let long = "u".repeat(300);
    let (body, ..) = written(&Request { end_user: Some((&*long).into()), ..turn() });
    assert_eq!(body["metadata"]["user_id"].as_str().map(str::len), Some(64));
    let tools = vec![Tool { description: Some(""), ..function("f") }, function("g"), function("f")];
    let (body, _, names) = written(&Request { tools, ..turn() });
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(2));
    assert_eq!((&body["tools"][0]["description"], names), (&Value::Null, vec![Field::Tools]));
}

#[test]
fn strict_schemas_have_the_keywords_that_the_api_enforces() {
    let schema = Json(r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}"#);
    let format = Format::JsonSchema(JsonSchema {
        name: None,
        description: None,
        schema: Some(schema),
        strict: Some(true),
    });
    let tools = vec![
        Tool { parameters: Some(schema), strict: Some(true), ..function("f") },
        Tool { parameters: Some(schema), ..function("g") },
    ];
    let (body, _, names) = written(&Request { format, tools, ..turn() });
    let minimum = |schema: &Value| schema["properties"]["n"]["minimum"].clone();
    assert_eq!(minimum(&body["output_config"]["format"]["schema"]), Value::Null);
    assert_eq!(minimum(&body["tools"][0]["input_schema"]), Value::Null);
    assert_eq!(minimum(&body["tools"][1]["input_schema"]), 1);
    assert_eq!(names, [Field::ToolSchema, Field::Format]);
}

#[test]
fn names_of_tools_have_legal_characters() {
    for (name, is_legal) in [("f", true), ("a_B-9", true), ("mcp.server/f", false), ("", false)] {
        let turn = Request { tools: vec![function(name)], ..turn() };
        let field = request(&turn, "claude", 9, &[]).map_err(|why| why.field.field).err();
        assert_eq!(field, (!is_legal).then_some(Field::Tools), "{name}");
    }
    let long = "f".repeat(129);
    assert!(request(&Request { tools: vec![function(&long)], ..turn() }, "claude", 9, &[]).is_err());
}
