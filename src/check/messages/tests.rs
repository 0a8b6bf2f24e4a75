use super::*;
use crate::check::tests::Named;

/// The error of a request with these members, or `good`.
fn judged(members: &str) -> String {
    let body = format!(r#"{{"model":"claude-sonnet-4-6","max_tokens":128000,{members}}}"#);
    match request(body.as_bytes(), &Named, Purpose::Answer, || true) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

const HI: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

#[test]
fn successive_messages_of_one_role_are_one_turn() {
    let call = |id: &str| {
        format!(
            r#"{{"role":"assistant","content":[{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}]}}"#
        )
    };
    let result = |id: &str| {
        format!(
            r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"1"}}]}}"#
        )
    };
    let user = r#"{"role":"user","content":"hi"}"#.to_owned();
    let open = |message: usize, id: &str| {
        format!(
            "messages.{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    };
    let unexpected = |message: usize, id: &str| {
        format!(
            "messages.{message}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
             `tool_result` block must have a corresponding `tool_use` block in the previous message."
        )
    };
    for (messages, want) in [
        (vec![user.clone(), call("a"), result("a")], "good".to_owned()),
        (vec![user.clone(), call("a"), call("b"), result("b"), result("a")], "good".to_owned()),
        (vec![user.clone(), call("a"), result("a"), user.clone(), call("b"), result("b")], "good".to_owned()),
        (vec![user.clone(), call("a"), call("b"), result("b")], open(2, "a")),
        (vec![user.clone(), call("a"), user.clone(), call("b"), result("b")], open(1, "a")),
        (vec![user.clone(), call("a"), result("a"), call("b"), result("a")], unexpected(4, "a")),
        (vec![result("a")], unexpected(0, "a")),
        (vec![user, call("a")], open(1, "a")),
    ] {
        assert_eq!(judged(&format!(r#""messages":[{}]"#, messages.join(","))), want);
    }
}

#[test]
fn a_search_result_may_be_the_result_of_a_tool() {
    let content = r#"{"type":"search_result","source":"https://a.example","title":"A",
        "content":[{"type":"text","text":"b"}],"citations":{"enabled":true}}"#;
    let members = format!(
        r#""messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"a",
            "name":"f","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a",
            "content":[{content}]}}]}}]"#
    );
    assert_eq!(judged(&members), "good");
}

#[test]
fn strict_schemas_have_limits_together() {
    let optional: Vec<String> = (0..13).map(|i| format!(r#""p{i}":{{"type":"string"}}"#)).collect();
    let unions: Vec<String> = (0..9).map(|i| format!(r#""p{i}":{{"type":["string","null"]}}"#)).collect();
    let names: Vec<String> = (0..9).map(|i| format!(r#""p{i}""#)).collect();
    let optional = format!(r#"{{"type":"object","properties":{{{}}}}}"#, optional.join(","));
    let unions = format!(
        r#"{{"type":"object","properties":{{{}}},"required":[{}]}}"#,
        unions.join(","),
        names.join(",")
    );
    let cycle = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/Node"}},"$defs":{"Node":{"type":"object",
        "properties":{"next":{"$ref":"#/$defs/Node"}}}}}"##;
    let tools = |strict: bool, schema: &str, count: usize| {
        let tool = |i| format!(r#"{{"name":"f{i}","strict":{strict},"input_schema":{schema}}}"#);
        let tools: Vec<String> = (0..count).map(tool).collect();
        format!(r#"{HI},"tools":[{}]"#, tools.join(","))
    };
    let format =
        |schema: &str| format!(r#""output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}"#);
    let too_many_optional = "Schemas contains too many optional parameters (26), which would make grammar \
        compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24).";
    let too_many_unions = "Schemas contains too many parameters with union types (18 parameters with type arrays or \
        anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters \
        (limit: 16 parameters with unions).";
    let circular = "Circular reference detected in schema definitions: Node -> Node. Self-referencing or \
        mutually-referencing definitions are not supported.";
    for (members, want) in [
        (tools(true, &optional, 1), "good".to_owned()),
        (tools(true, &optional, 2), too_many_optional.to_owned()),
        (tools(false, &optional, 2), "good".to_owned()),
        (format!("{},{}", tools(true, &optional, 1), format(&optional)), too_many_optional.to_owned()),
        (tools(true, &unions, 2), too_many_unions.to_owned()),
        (tools(true, cycle, 1), format!("tools.0.custom: Invalid schema: {circular}")),
        (tools(false, cycle, 1), "good".to_owned()),
        (
            tools(false, &optional, 2).replace("\"f1\"", "\"f0\""),
            "tools: Tool names must be unique.".to_owned(),
        ),
        (format!("{HI},{}", format(cycle)), format!("output_config.format.schema: {circular}")),
    ] {
        assert_eq!(judged(&members), want, "{members}");
    }
}
