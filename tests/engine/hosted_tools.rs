//! The tools of Responses that OpenAI's document describes: which values of which members are valid, and how a response
//! repeats them.

use super::*;

/// A tool of each type with every member that the document has. A name that ends with `!` is that of a required member. A
/// string that begins with `free` may be any string; of any other the document has a list.
const TOOLS: &[&str] = &[
    r#"{"type!":"function","name!":"free","description":"free","parameters":{},"strict":false,"output_schema":{},
        "defer_loading":true,"allowed_callers":["direct"]}"#,
    r#"{"type!":"custom","name!":"free","description":"free","defer_loading":true,"allowed_callers":["direct"],
        "format":{"type!":"grammar","syntax!":"lark","definition!":"free"}}"#,
    r#"{"type!":"custom","name!":"free","format":{"type!":"text"}}"#,
    r#"{"type!":"namespace","name!":"free","description":"free","tools!":[{"type!":"function","name!":"free",
        "description":"free","parameters":{},"strict":true,"output_schema":{},"defer_loading":true,
        "allowed_callers":["direct"]},{"type!":"custom","name!":"free","format":{"type!":"text"}}]}"#,
    r#"{"type!":"apply_patch","allowed_callers":["programmatic"]}"#,
    r#"{"type!":"code_interpreter","allowed_callers":["direct"],"container!":{"type!":"auto","file_ids":["free"],
        "memory_limit":"1g","network_policy":{"type!":"allowlist","allowed_domains!":["free"],
        "domain_secrets":[{"domain!":"free","name!":"free","value!":"free"}]}}}"#,
    r#"{"type!":"code_interpreter","container!":{"type!":"auto","network_policy":{"type!":"disabled"}}}"#,
    r#"{"type!":"computer"}"#,
    r#"{"type!":"computer_use_preview","environment!":"browser","display_width!":1,"display_height!":1}"#,
    r#"{"type!":"file_search","vector_store_ids!":["free"],"max_num_results":1,
        "ranking_options":{"ranker":"auto","score_threshold":0.5,
        "hybrid_search":{"embedding_weight!":0.5,"text_weight!":0.5}},
        "filters":{"type!":"and","filters!":[{"type!":"eq","key!":"free","value!":"free"},
        {"type!":"or","filters!":[{"type!":"in","key!":"free","value!":["free",1]}]}]}}"#,
    r#"{"type!":"image_generation","model":"free","quality":"low","size":"free","output_format":"webp",
        "output_compression":0,"moderation":"low","background":"opaque","input_fidelity":"high",
        "input_image_mask":{"image_url":"free","file_id":"free"},"partial_images":3,"action":"edit"}"#,
    r#"{"type!":"local_shell"}"#,
    r#"{"type!":"mcp","server_label!":"free","server_url":"free://a","connector_id":"connector_gmail",
        "tunnel_id":"tunnel_0123456789abcdef0123456789abcdef","authorization":"free","server_description":"free",
        "headers":{},"allowed_tools":["free"],"allowed_callers":["direct"],"require_approval":"never",
        "defer_loading":false}"#,
    r#"{"type!":"mcp","server_label!":"free","allowed_tools":{"tool_names":["free"],"read_only":true},
        "require_approval":{"always":{"tool_names":["free"]},"never":{"read_only":true}}}"#,
    r#"{"type!":"programmatic_tool_calling"}"#,
    r#"{"type!":"shell","allowed_callers":["direct"],"environment":{"type!":"container_auto","file_ids":["free"],
        "memory_limit":"64g","network_policy":{"type!":"disabled"},"skills":[
        {"type!":"skill_reference","skill_id!":"free","version":"free"},
        {"type!":"inline","name!":"free","description!":"free",
        "source!":{"type!":"base64","media_type!":"application/zip","data!":"free"}}]}}"#,
    r#"{"type!":"shell","environment":{"type!":"local","skills":[{"name!":"free","description!":"free","path!":"free"}]}}"#,
    r#"{"type!":"shell","environment":{"type!":"container_reference","container_id!":"free"}}"#,
    r#"{"type!":"tool_search","execution":"client","description":"free","parameters":{}}"#,
    r#"{"type!":"web_search","external_web_access":true,"filters":{"allowed_domains":["free"]},
        "search_context_size":"low","user_location":{"type":"approximate","country":"free","region":"free",
        "city":"free","timezone":"free"}}"#,
    r#"{"type!":"web_search_2025_08_26","filters":{"allowed_domains":[]}}"#,
    r#"{"type!":"web_search_preview","search_content_types":["image"],"search_context_size":"high",
        "user_location":{"type":"approximate","city":"free"}}"#,
    r#"{"type!":"web_search_preview_2025_03_11"}"#,
];

/// Members, and what they are in, that have values of another type than in the table too.
const ALSO: &[(&str, &str, &[&str])] = &[
    ("", "container", &["string"]),
    ("", "allowed_tools", &["array", "object"]),
    ("", "require_approval", &["object"]),
    ("/filters", "value", &["string", "number", "boolean", "array"]),
    ("/filters/filters/1/filters/0/value/", "0", &["string", "number"]),
    ("/filters/filters/1/filters/0/value/", "1", &["string", "number"]),
];

/// The only members of a repeated tool that are null, which is how the live API fills them in.
const FILLED_WITH_NULL: &[&str] = &[
    "allowed_tools",
    "city",
    "country",
    "description",
    "filters",
    "headers",
    "output_schema",
    "parameters",
    "region",
    "server_description",
    "timezone",
];

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The response to a request with a tool, or none if the request is refused.
fn repeated(mode: &str, tool: &Value) -> Option<Value> {
    let body = json!({"model": "gpt-4o", "input": "hi", "tools": [tool]});
    let (status, _, text) = send_with(("PORTCULLIS_VALIDATION", mode), "/v1/responses", &body);
    assert!(matches!(status, 200 | 400), "{status} {text}\n{tool}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    (status == 200).then(|| body["tools"].clone())
}

/// Takes the marks off the names of required members; returns where each value is, and whether it is required.
fn unmarked(marked: &Value, at: &str, places: &mut Vec<(String, bool)>) -> Value {
    match marked {
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| {
                let bare = name.trim_end_matches('!');
                let at = format!("{at}/{bare}");
                places.push((at.clone(), bare != name));
                (bare.to_owned(), unmarked(member, &at, places))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(i, item)| {
                let at = format!("{at}/{i}");
                places.push((at.clone(), true));
                unmarked(item, &at, places)
            });
            Value::Array(items.collect())
        }
        other => other.clone(),
    }
}

fn replaced(tool: &Value, place: &str, value: Value) -> Value {
    let mut tool = tool.clone();
    *tool.pointer_mut(place).expect("a place in the tool") = value;
    tool
}

/// The tool without a member; none if the place is an item.
fn without(tool: &Value, place: &str) -> Option<Value> {
    let mut tool = tool.clone();
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    tool.pointer_mut(parent)?.as_object_mut()?.remove(name)?;
    Some(tool)
}

fn assert_nulls_are_filled_in(value: &Value, tool: &Value) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            assert!(!member.is_null() || FILLED_WITH_NULL.contains(&&**name), "{name} is null: {tool}");
            assert_nulls_are_filled_in(member, tool);
        }),
        Value::Array(items) => items.iter().for_each(|item| assert_nulls_are_filled_in(item, tool)),
        _ => {}
    }
}

/// Every member of every tool with values of every type.
#[test]
fn a_tool_is_valid_as_documented_and_repeated_without_null() {
    let others = [json!(7.5), json!(true), json!("free"), json!([]), json!({})];
    for mode in ["schema", "live"] {
        for marked in TOOLS {
            let mut places = Vec::new();
            let tool = unmarked(&serde_json::from_str(marked).expect("a tool"), "", &mut places);
            assert!(repeated(mode, &tool).is_some(), "{mode}: {tool}");
            for (place, required) in places {
                let name = place.rsplit('/').next().unwrap_or_default();
                let value = tool.pointer(&place).expect("a place in the tool");
                let is_this =
                    |(within, member, _): &&(&str, &str, _)| place.starts_with(within) && *member == name;
                let also = ALSO.iter().find(is_this).map_or(&[][..], |(_, _, also)| also);
                for other in others.iter().filter(|other| type_of(other) != type_of(value)) {
                    let changed = replaced(&tool, &place, other.clone());
                    let valid = also.contains(&type_of(other));
                    assert_eq!(repeated(mode, &changed).is_some(), valid, "{mode}: {place} in {changed}");
                }
                let listed = value.as_str().is_some_and(|text| !text.starts_with("free"));
                let is_type_of_tool = ["/type", "/tools/0/type", "/tools/1/type"].contains(&&*place);
                if listed && !is_type_of_tool {
                    let changed = replaced(&tool, &place, json!("strange"));
                    assert_eq!(repeated(mode, &changed), None, "{mode}: {changed}");
                }
                let null = repeated(mode, &replaced(&tool, &place, Value::Null));
                let absent = without(&tool, &place).map(|tool| repeated(mode, &tool));
                assert_eq!(null.is_none(), required, "{mode}: {place} is null in {tool}");
                if let Some(absent) = absent {
                    assert_eq!(null, absent, "{mode}: {place} is null, or absent, in {tool}");
                }
                if let Some(null) = null {
                    assert_nulls_are_filled_in(&null, &tool);
                }
            }
        }
    }
}

#[test]
fn bounds_of_tools_hold() {
    for tool in [
        json!({"type": "apply_patch", "allowed_callers": []}),
        json!({"type": "image_generation", "output_compression": 101}),
        json!({"type": "image_generation", "partial_images": -1}),
        json!({"type": "image_generation", "input_image_mask": {"strange": 1}}),
        json!({"type": "mcp", "server_label": "l", "headers": {"a": 1}}),
        json!({"type": "mcp", "server_label": "l", "allowed_tools": {"strange": 1}}),
        json!({"type": "mcp", "server_label": "l", "require_approval": {"strange": 1}}),
        json!({"type": "mcp", "server_label": "l", "tunnel_id": "tunnel_0123456789ABCDEF0123456789ABCDEF"}),
        json!({"type": "file_search", "vector_store_ids": [],
               "filters": {"type": "eq", "key": "k", "value": 1, "strange": 1}}),
        json!({"type": "file_search", "vector_store_ids": [], "filters": {"type": "eq", "key": "k", "value": [[]]}}),
        json!({"type": "code_interpreter", "container": {"type": "auto", "file_ids": vec!["f"; 51]}}),
        json!({"type": "shell", "environment": {"type": "local",
               "skills": vec![json!({"name": "n", "description": "d", "path": "p"}); 201]}}),
        json!({"type": "namespace", "name": "", "tools": [{"type": "function", "name": "f"}]}),
        json!({"type": "namespace", "name": "n", "tools": []}),
        json!({"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "a b"}]}),
    ] {
        assert_eq!(repeated("schema", &tool), None, "{tool}");
    }
}

/// The list of types grows: one that is not documented is no reason to refuse a request.
#[test]
fn a_tool_of_another_type_is_accepted_and_not_repeated() {
    for mode in ["schema", "live"] {
        let tool = json!({"type": "strange", "name": ["n"], "strict": "yes", "tools": {}});
        assert_eq!(repeated(mode, &tool), Some(json!([])));
        let body = json!({"model": "gpt-4o", "input": "hi", "tool_choice": {"type": "strange"}});
        let (_, _, text) = send_with(("PORTCULLIS_VALIDATION", mode), "/v1/responses", &body);
        assert!(text.contains(r#""tool_choice":"auto""#), "{text}");
    }
}
