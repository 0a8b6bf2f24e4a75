//! The heavy requests of chat that Responses and Messages have too.

use super::{branches, chain, cyclic, list, message, parts, response, unique, words};

/// A pattern that matches a text in many ways.
pub(super) const PATTERN: &str = r#"{"type":"object","properties":{"a":{"type":"string","pattern":"^(\\w?){6000}$(?:a)"}},"required":["a"]}"#;

const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";

pub(super) fn all() -> Vec<(String, &'static str, String)> {
    let mut all = of_schemas();
    all.extend(of_tools().into_iter().map(|(name, path, body)| (name.to_owned(), path, body)));
    all
}

/// Each schema as a format and as the parameters of 8 tools.
fn of_schemas() -> Vec<(String, &'static str, String)> {
    let schemas = [
        ("unique items in one another", unique(9)),
        ("cyclic allOf", cyclic(32)),
        ("a chain of references", chain(50_000)),
        ("allOf of many objects", parts(40_000)),
        ("anyOf of many references below arrays", branches(100_000, 50)),
        ("a pattern with many ways", PATTERN.to_owned()),
    ];
    let names = list(8, |i| format!("t{i}"));
    let user = format!(r#"{{"role":"user","content":"{names}"}}"#);
    schemas
        .iter()
        .flat_map(|(name, schema)| {
            let functions = list(8, |i| {
                format!(r#"{{"type":"function","name":"t{i}","strict":false,"parameters":{schema}}}"#)
            });
            let tools = list(8, |i| format!(r#"{{"name":"t{i}","input_schema":{schema}}}"#));
            [
                (
                    format!("{name}, as the format of a response"),
                    RESPONSES,
                    response(
                        r#""x""#,
                        &format!(
                            r#","text":{{"format":{{"type":"json_schema","name":"s","strict":false,"schema":{schema}}}}}"#
                        ),
                    ),
                ),
                (
                    format!("{name}, 8 tools of a response"),
                    RESPONSES,
                    response(&format!("{names:?}"), &format!(r#","tools":[{functions}]"#)),
                ),
                (
                    format!("{name}, as the format of a message"),
                    MESSAGES,
                    message(
                        &user,
                        &format!(
                            r#","output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}"#
                        ),
                    ),
                ),
                (
                    format!("{name}, 8 tools of a message"),
                    MESSAGES,
                    message(&user, &format!(r#","tools":[{tools}]"#)),
                ),
            ]
        })
        .collect()
}

fn of_tools() -> Vec<(&'static str, &'static str, String)> {
    const MANY: usize = 200_000;
    let text = words(2 << 20);
    let user = format!(r#"{{"role":"user","content":"{text}"}}"#);
    let names = list(256, |i| format!("c{i}"));
    let custom = list(256, |i| format!(r#"{{"type":"custom","name":"c{i}"}}"#));
    let odd = list(2_000, |i| format!(r#"{{"type":"function","name":"tool {i}"}}"#));
    let many = list(20_000, |i| {
        format!(r#"{{"name":"tool_{i}","input_schema":{{"type":"object","properties":{{}}}}}}"#)
    });
    let newlines = "\\n".repeat(19 << 19);
    let tool = |tool: &str| response(r#""x""#, &format!(r#","stream":true,"tools":[{tool}]"#));
    vec![
        (
            "custom tools of a response with a long text",
            RESPONSES,
            response(&format!("\"{names} {}\"", words(12 << 20)), &format!(r#","tools":[{custom}]"#)),
        ),
        (
            "functions with unusual names and a long text in a response",
            RESPONSES,
            response(&format!("{text:?}"), &format!(r#","tools":[{odd}]"#)),
        ),
        ("escaped newlines in a response", RESPONSES, response(&format!("\"{newlines}\""), "")),
        (
            "files of a hosted tool",
            RESPONSES,
            tool(&format!(
                r#"{{"type":"file_search","vector_store_ids":[{}]}}"#,
                list(MANY, |_| "\"a\"".to_owned())
            )),
        ),
        (
            "headers of a hosted tool",
            RESPONSES,
            tool(&format!(
                r#"{{"type":"mcp","server_label":"a","headers":{{{}}}}}"#,
                list(MANY, |i| format!(r#""{i}":"""#))
            )),
        ),
        (
            "conditions of a hosted tool",
            RESPONSES,
            tool(&format!(
                r#"{{"type":"file_search","vector_store_ids":[],"filters":{{"type":"and","filters":[{}]}}}}"#,
                list(MANY, |_| r#"{"type":"eq","key":"k","value":1}"#.to_owned())
            )),
        ),
        (
            "functions of a namespace",
            RESPONSES,
            tool(&format!(
                r#"{{"type":"namespace","name":"n","tools":[{}]}}"#,
                list(MANY, |i| format!(r#"{{"type":"function","name":"f{i}"}}"#))
            )),
        ),
        ("hosted tools", RESPONSES, tool(&list(MANY, |_| r#"{"type":"web_search"}"#.to_owned()))),
        (
            "a message with many tools and a long text",
            MESSAGES,
            message(&user, &format!(r#","tools":[{many}]"#)),
        ),
        (
            "escaped newlines in a message",
            MESSAGES,
            message(&format!(r#"{{"role":"user","content":"{newlines}"}}"#), ""),
        ),
    ]
}
