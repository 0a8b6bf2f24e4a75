use super::*;

fn part(text: &str) -> Part<'_> {
    Part::Text(text.into())
}

fn call<'a>(id: &'a str, input: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: "f".into(), input: input.into(), kind: ToolKind::Function }
}

fn result<'a>(id: &'a str, content: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult(ToolResult { id: id.into(), name: None, content, is_error: false })
}

fn message(role: Role, parts: Vec<Part<'_>>) -> Message<'_> {
    Message { role, name: None, content: Content::Parts(parts) }
}

/// System prompt and messages as JSON, or the field that is refused; and the fields that are named.
fn written(messages: &[Message<'_>]) -> (Result<(String, String), Field>, Vec<Field>) {
    let mut left_out = LeftOut::default();
    let read = Conversation::read(messages, &mut left_out);
    let json = read.map(|all| (json::to_string(&all.system), json::to_string(&all.messages)));
    (json.map_err(|why| why.field.field), left_out.dropped.iter().map(|dropped| dropped.field).collect())
}

fn messages(messages: &[Message<'_>]) -> String {
    let (written, dropped) = written(messages);
    assert_eq!(dropped, []);
    written.expect("written").1
}

#[test]
fn ids_have_legal_characters_and_stay_apart() {
    let got = messages(&[
        message(Role::User, vec![part("x")]),
        message(
            Role::Assistant,
            vec![call("functions.f:0", "{}"), call("functions_f_0", "{}"), call("functions f 0", "")],
        ),
        message(Role::Tool, vec![result("functions.f:0", vec![part("r")])]),
        message(Role::Tool, vec![result("functions f 0", vec![])]),
        message(Role::Tool, vec![result("functions_f_0", vec![part(" ")])]),
        message(Role::User, vec![part("go")]),
    ]);
    assert_eq!(
        got,
        concat!(
            r#"[{"role":"user","content":[{"type":"text","text":"x"}]},{"role":"assistant","content":["#,
            r#"{"type":"tool_use","id":"functions_f_0_2","name":"f","input":{}},"#,
            r#"{"type":"tool_use","id":"functions_f_0","name":"f","input":{}},"#,
            r#"{"type":"tool_use","id":"functions_f_0_3","name":"f","input":{}}]},{"role":"user","content":["#,
            r#"{"type":"tool_result","tool_use_id":"functions_f_0_2","content":[{"type":"text","text":"r"}]},"#,
            r#"{"type":"tool_result","tool_use_id":"functions_f_0_3"},"#,
            r#"{"type":"tool_result","tool_use_id":"functions_f_0"},{"type":"text","text":"go"}]}]"#
        )
    );
}

#[test]
fn a_system_prompt_alone_is_a_users_message() {
    let (got, _) = written(&[message(Role::System, vec![part("Say hello.")])]);
    let want = r#"[{"role":"user","content":[{"type":"text","text":"Say hello."}]}]"#;
    assert_eq!(got, Ok(("[]".to_owned(), want.to_owned())));
    assert_eq!(written(&[]).0, Err(Field::Messages));
    assert_eq!(written(&[message(Role::System, vec![part(" \n")])]).0, Err(Field::Messages));
}

#[test]
fn white_space_is_no_text() {
    let user = || message(Role::User, vec![part("x"), part(" ")]);
    let got = messages(&[user(), message(Role::Assistant, vec![part("The answer is \n")])]);
    assert!(
        got.ends_with(r#"{"role":"assistant","content":[{"type":"text","text":"The answer is"}]}]"#),
        "{got}"
    );
    assert_eq!(messages(&[user(), message(Role::Assistant, vec![part("\t")])]), messages(&[user()]));
    assert_eq!(written(&[message(Role::User, vec![part("")])]).0, Err(Field::Messages));
}

#[test]
fn thinking_needs_its_signature() {
    let thinking = |signature: Option<&'static str>| Part::Thinking {
        text: "hm".into(),
        signature: signature.map(Into::into),
    };
    let redacted = Part::RedactedThinking { data: "D".into() };
    let (got, dropped) = written(&[
        message(Role::User, vec![part("x")]),
        message(
            Role::Assistant,
            vec![thinking(Some("SIG")), redacted, thinking(None), thinking(Some("")), call("a", "{}")],
        ),
    ]);
    let got = got.expect("written").1;
    assert!(got.contains(r#"[{"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"redacted_thinking","data":"D"},{"type":"tool_use""#), "{got}");
    assert_eq!(dropped, [Field::Thinking]);
}

#[test]
fn cache_points_stand_on_the_block_before() {
    let got =
        messages(&[message(Role::User, vec![part("a"), Part::CachePoint { ttl: Some("1h") }, part("b")])]);
    let cached = r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}"#;
    assert!(got.contains(cached), "{got}");
    let (_, dropped) = written(&[message(Role::User, vec![Part::CachePoint { ttl: None }, part("b")])]);
    assert_eq!(dropped, [Field::CachePoint]);
}

#[test]
fn images_have_the_type_of_their_bytes() {
    for (media_type, data, want) in [
        ("image/png", "iVBORw0KGgoAAA", Some("image/png")),
        ("image/jpg", "AAAA", Some("image/jpeg")),
        ("Image/JPEG;charset=x", "AAAA", Some("image/jpeg")),
        ("image/png", "/9j/4AAQ", Some("image/jpeg")),
        ("image/svg+xml", "PHN2Zz4", None),
        ("", "AAAA", None),
    ] {
        assert_eq!(image_type(media_type, data), want, "{media_type}");
    }
    let image = |source| Part::Media(Media::Image { source, detail: Some("high") });
    let (got, dropped) = written(&[message(Role::User, vec![image(Source::Url("https://h/x.png".into()))])]);
    assert!(
        got.expect("written")
            .1
            .contains(r#"{"type":"image","source":{"type":"url","url":"https://h/x.png"}}"#)
    );
    assert_eq!(dropped, [Field::ImageDetail]);
    for source in [Source::Url("data:image/png,x".into()), Source::File("f".into())] {
        assert_eq!(written(&[message(Role::User, vec![image(source)])]).0, Err(Field::Media));
    }
}

#[test]
fn the_input_of_a_call_is_an_object() {
    for input in ["[1]", "\"x\"", "{", "7"] {
        let all = [message(Role::User, vec![part("x")]), message(Role::Assistant, vec![call("a", input)])];
        assert_eq!(written(&all).0, Err(Field::ToolInput), "{input}");
    }
    for input in ["", " ", "null", "{ }", "{\"a\":1.0}"] {
        let all = [message(Role::User, vec![part("x")]), message(Role::Assistant, vec![call("a", input)])];
        assert!(written(&all).0.is_ok(), "{input}");
    }
}

#[test]
fn ids_that_return_in_a_later_turn_get_another_name() {
    let turn =
        || [message(Role::Assistant, vec![call("a", "{}")]), message(Role::Tool, vec![result("a", vec![])])];
    let all: Vec<Message<'_>> =
        [message(Role::User, vec![part("x")])].into_iter().chain(turn()).chain(turn()).collect();
    let got = messages(&all);
    let ids: Vec<&str> = got.split("\"id\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let of_results: Vec<&str> =
        got.split("\"tool_use_id\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!((&ids, &of_results), (&vec!["a", "a_2"], &vec!["a", "a_2"]));
}

#[test]
fn a_conversation_begins_with_the_user() {
    let got =
        messages(&[message(Role::Assistant, vec![part("Hello")]), message(Role::User, vec![part("x")])]);
    assert!(
        got.starts_with(r#"[{"role":"user","content":[{"type":"text","text":"."}]},{"role":"assistant""#),
        "{got}"
    );
}

#[test]
fn an_empty_message_among_others_is_left_out_and_named() {
    let user = |text| message(Role::User, vec![part(text)]);
    let (got, names) = written(&[user(""), user("x")]);
    assert_eq!(
        got.map(|got| got.1),
        Ok(r#"[{"role":"user","content":[{"type":"text","text":"x"}]}]"#.to_owned())
    );
    assert_eq!(names, [Field::Messages]);
    let assistant = message(Role::Assistant, vec![part("a")]);
    assert_eq!(written(&[user("x"), assistant, user(" ")]).0, Err(Field::Messages));
}

#[test]
fn calls_and_results_belong_together() {
    let user = || message(Role::User, vec![part("x")]);
    let calls = || message(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]);
    let answer = |id| message(Role::Tool, vec![result(id, vec![])]);
    for (all, want) in [
        // A result may come after a text: both are in the user's next message.
        (vec![user(), calls(), answer("b"), user(), answer("a")], None),
        (vec![user(), calls(), answer("a"), answer("b"), calls(), answer("b"), answer("a")], None),
        // The answer that the caller wants continued.
        (vec![user(), calls()], None),
        (vec![user(), answer("z"), user()], Some(Field::Messages)),
        (vec![user(), calls(), answer("a"), user()], Some(Field::ToolInput)),
        (
            vec![user(), calls(), answer("a"), message(Role::Assistant, vec![part("y")]), user()],
            Some(Field::ToolInput),
        ),
    ] {
        assert_eq!(written(&all).0.err(), want, "{all:?}");
    }
}
