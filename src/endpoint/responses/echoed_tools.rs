//! The tools of a request and the choice of one, as a response repeats them: completed as the live API completes them.

use crate::api::responses::{Namespace, Request, Tool, ToolChoice, Verbatim};
use crate::api::tool::Json;
use crate::check::is_documented_tool;
use crate::json::{self, Value, Write, push_string, writes};
use std::collections::BTreeMap;

/// The tools of a request. Those of types that OpenAI's document does not have are left out.
pub(super) struct Tools<'a>(pub(super) &'a [Verbatim<'a, Tool<'a>>]);

impl Write for Tools<'_> {
    fn write(&self, out: &mut String) {
        let size = |tool: &Verbatim<'_, Tool<'_>>| tool.json.0.len() + 64;
        out.reserve(self.0.iter().map(size).sum());
        push_tools(self.0, is_repeated, out);
    }
}

fn push_tools(tools: &[Verbatim<'_, Tool<'_>>], is_repeated: fn(&Tool<'_>) -> bool, out: &mut String) {
    out.push('[');
    for (i, tool) in tools.iter().filter(|tool| is_repeated(&tool.value)).enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        push_tool(tool, out);
    }
    out.push(']');
}

fn is_repeated(tool: &Tool<'_>) -> bool {
    match tool.kind.as_deref() {
        Some("namespace") => tool.tools.iter().flatten().any(is_of_namespace),
        kind => kind.is_some_and(is_documented_tool),
    }
}

/// Whether a namespace may have such a tool.
fn is_of_namespace(tool: &Tool<'_>) -> bool {
    matches!(tool.kind.as_deref(), Some("function" | "custom"))
}

fn push_tool(tool: &Verbatim<'_, Tool<'_>>, out: &mut String) {
    match tool.value.kind.as_deref() {
        Some("function") => push_function(&tool.value, out),
        Some("namespace") => match json::from_str::<Namespace<'_>>(tool.json.0) {
            Ok(namespace) => push_namespace(&namespace, out),
            Err(_) => out.push_str(tool.json.0),
        },
        kind => match Value::parse(tool.json.0.as_bytes()) {
            Some(value) => push_completed(&value, completion(kind.unwrap_or_default()), out),
            None => out.push_str(tool.json.0),
        },
    }
}

fn push_function(tool: &Tool<'_>, out: &mut String) {
    let Tool { name, description, parameters, strict, .. } = tool;
    let completed = match strict {
        None => parameters.and_then(|json| strict_schema(json.0)),
        Some(_) => None,
    };
    let parameters = completed.as_deref().map(Json).or(*parameters);
    writes!(
        out; "type" = "function", "allowed_callers" ? tool.allowed_callers, "defer_loading" ? tool.defer_loading,
        "description" = description, "name" = name, "output_schema" = tool.output_schema, "parameters" = parameters,
        "strict" = strict.unwrap_or(true),
    );
}

fn push_namespace(namespace: &Namespace<'_>, out: &mut String) {
    struct Functions<'a>(&'a [Verbatim<'a, Tool<'a>>]);
    impl Write for Functions<'_> {
        fn write(&self, out: &mut String) {
            push_tools(self.0, is_of_namespace, out);
        }
    }
    let tools = Functions(namespace.tools.as_deref().unwrap_or_default());
    writes!(
        out; "type" = "namespace", "description" = namespace.description, "name" = namespace.name, "tools" = tools,
    );
}

/// What becomes of a member of a tool.
struct Member {
    name: &'static str,
    /// The JSON that stands for it where it is absent.
    absent: Option<&'static str>,
    given: Given,
}

enum Given {
    /// Repeated, without members that are null.
    Repeated,
    /// Repeated as the caller wrote it.
    Verbatim,
    /// Its strings are secrets.
    Redacted,
    /// Left out.
    Omitted,
    /// An object that is completed itself.
    Completed(&'static [Member]),
}

const fn filled(name: &'static str, absent: &'static str) -> Member {
    Member { name, absent: Some(absent), given: Given::Repeated }
}

const fn omitted(name: &'static str) -> Member {
    Member { name, absent: None, given: Given::Omitted }
}

const REDACTED: &str = "<redacted>";

/// How the live API completes a tool of a type, as recorded up to August 2026.
fn completion(kind: &str) -> &'static [Member] {
    match kind {
        "file_search" => FILE_SEARCH,
        "image_generation" => IMAGE_GENERATION,
        "mcp" => MCP,
        "tool_search" => TOOL_SEARCH,
        "web_search" | "web_search_2025_08_26" => WEB_SEARCH,
        "web_search_preview" | "web_search_preview_2025_03_11" => WEB_SEARCH_PREVIEW,
        _ => &[],
    }
}

static FILE_SEARCH: &[Member] = &[
    filled("filters", "null"),
    filled("max_num_results", "20"),
    Member {
        name: "ranking_options",
        absent: Some(r#"{"ranker":"auto","score_threshold":0.0}"#),
        given: Given::Completed(&[filled("ranker", r#""auto""#), filled("score_threshold", "0.0")]),
    },
];

static IMAGE_GENERATION: &[Member] = &[
    filled("background", r#""auto""#),
    filled("moderation", r#""auto""#),
    filled("n", "1"),
    filled("output_compression", "100"),
    filled("output_format", r#""png""#),
    omitted("partial_images"),
    filled("quality", r#""auto""#),
    filled("size", r#""auto""#),
];

static MCP: &[Member] = &[
    filled("allowed_tools", "null"),
    Member { name: "authorization", absent: None, given: Given::Redacted },
    Member { name: "headers", absent: Some("null"), given: Given::Redacted },
    filled("require_approval", r#""always""#),
    filled("server_description", "null"),
];

static TOOL_SEARCH: &[Member] = &[
    filled("description", "null"),
    Member { name: "parameters", absent: Some("null"), given: Given::Verbatim },
];

static WEB_SEARCH: &[Member] = &[
    omitted("external_web_access"),
    filled("return_token_budget", r#""default""#),
    filled("search_content_types", r#"["text"]"#),
    filled("search_context_size", r#""medium""#),
    USER_LOCATION,
];

static WEB_SEARCH_PREVIEW: &[Member] = &[filled("search_context_size", r#""medium""#), USER_LOCATION];

const USER_LOCATION: Member = Member {
    name: "user_location",
    absent: Some(r#"{"type":"approximate","city":null,"country":"US","region":null,"timezone":null}"#),
    given: Given::Completed(&[
        filled("city", "null"),
        filled("country", "null"),
        filled("region", "null"),
        filled("timezone", "null"),
        filled("type", r#""approximate""#),
    ]),
};

/// Writes an object as the live API repeats it: the type, then the other members by name. A member that is null is the
/// same as one that is absent.
fn push_completed(value: &Value<'_>, completion: &'static [Member], out: &mut String) {
    let mut members: BTreeMap<&str, Option<&Value<'_>>> = value
        .members()
        .filter(|(_, member)| **member != Value::Null)
        .map(|(name, value)| (name, Some(value)))
        .collect();
    for member in completion {
        if matches!(member.given, Given::Omitted) {
            members.remove(member.name);
        } else if member.absent.is_some() {
            members.entry(member.name).or_default();
        }
    }
    out.push('{');
    let kind = members.remove_entry("type");
    for (name, value) in kind.into_iter().chain(members) {
        let member = completion.iter().find(|member| member.name == name);
        if !out.ends_with('{') {
            out.push(',');
        }
        push_string(name, out);
        out.push(':');
        match value {
            Some(value) => push_given(value, member.map_or(&Given::Repeated, |member| &member.given), out),
            None => out.push_str(member.and_then(|member| member.absent).unwrap_or("null")),
        }
    }
    out.push('}');
}

fn push_given(value: &Value<'_>, given: &'static Given, out: &mut String) {
    match (given, value) {
        (Given::Verbatim, value) => value.push_json(out),
        (Given::Redacted, Value::Object(_)) => {
            out.push('{');
            for (i, (name, _)) in value.members().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_string(name, out);
                out.push(':');
                push_string(REDACTED, out);
            }
            out.push('}');
        }
        (Given::Redacted, _) => push_string(REDACTED, out),
        (Given::Completed(members), Value::Object(_)) => push_completed(value, members, out),
        (_, Value::Object(_)) => push_completed(value, &[], out),
        (_, Value::Array(items)) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_given(item, &Given::Repeated, out);
            }
            out.push(']');
        }
        (_, value) => value.push_json(out),
    }
}

/// The choice of a tool. Types that the live API repeats are those of its document, and `web_search`; a choice that it does
/// not know has no effect.
pub(super) fn tool_choice<'a>(request: &Request<'a>) -> &'a str {
    const KNOWN: &[&str] = &[
        "allowed_tools",
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "custom",
        "file_search",
        "function",
        "image_generation",
        "mcp",
        "programmatic_tool_calling",
        "shell",
        "web_search",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ];
    match &request.tool_choice {
        Some(Verbatim { value: ToolChoice::Tool(tool), .. })
            if !tool.kind.as_deref().is_some_and(|kind| KNOWN.contains(&kind)) =>
        {
            r#""auto""#
        }
        Some(choice) => choice.json.0,
        None => r#""auto""#,
    }
}

/// A schema as strict mode requires it: every object lists all its properties as required and has no others. That is what
/// the live API makes of the parameters of a function that is sent without `strict`.
fn strict_schema(schema: &str) -> Option<String> {
    let value = Value::parse(schema.as_bytes())?;
    let mut out = String::new();
    push_strict(&value, &mut out);
    Some(out)
}

fn push_strict(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Object(members) => {
            let is_schema = value.get("properties").is_some_and(Value::is_object);
            out.push('{');
            let mut first = true;
            let mut key = |name: &str, out: &mut String| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                push_string(name, out);
                out.push(':');
            };
            for (name, member) in members {
                if is_schema && matches!(&**name, "required" | "additionalProperties") {
                    continue;
                }
                key(name, out);
                push_strict(member, out);
            }
            if is_schema {
                let names =
                    value.get("properties").into_iter().flat_map(Value::members).map(|(name, _)| name);
                key("required", out);
                out.push_str(&json::to_string(&names.collect::<Vec<_>>()));
                key("additionalProperties", out);
                out.push_str("false");
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_strict(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(tools: &str) -> String {
        let tools: Vec<Verbatim<'_, Tool<'_>>> = json::from_str(tools).expect("tools");
        json::to_string(&Tools(&tools))
    }

    #[test]
    fn tools_are_completed_as_recorded() {
        for (tool, want) in [
            (
                r#"{"type":"function","name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}"#,
                r#"{"type":"function","description":null,"name":"f","output_schema":null,"parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"strict":true}"#,
            ),
            (
                r#"{"type":"function","name":"f","parameters":{"properties":{}},"strict":false,"defer_loading":true,"allowed_callers":null}"#,
                r#"{"type":"function","defer_loading":true,"description":null,"name":"f","output_schema":null,"parameters":{"properties":{}},"strict":false}"#,
            ),
            (
                r#"{"type":"web_search","external_web_access":true}"#,
                r#"{"type":"web_search","return_token_budget":"default","search_content_types":["text"],"search_context_size":"medium","user_location":{"type":"approximate","city":null,"country":"US","region":null,"timezone":null}}"#,
            ),
            (
                r#"{"user_location":{"city":"Mexico City","country":null},"search_context_size":"low","type":"web_search_preview"}"#,
                r#"{"type":"web_search_preview","search_context_size":"low","user_location":{"type":"approximate","city":"Mexico City","country":null,"region":null,"timezone":null}}"#,
            ),
            (
                r#"{"type":"mcp","server_label":"l","server_url":"https://x/y","authorization":"secret","headers":{"a":"secret"}}"#,
                r#"{"type":"mcp","allowed_tools":null,"authorization":"<redacted>","headers":{"a":"<redacted>"},"require_approval":"always","server_description":null,"server_label":"l","server_url":"https://x/y"}"#,
            ),
            (
                r#"{"type":"file_search","vector_store_ids":["vs_1"],"ranking_options":{"score_threshold":0.5,"ranker":null}}"#,
                r#"{"type":"file_search","filters":null,"max_num_results":20,"ranking_options":{"ranker":"auto","score_threshold":0.5},"vector_store_ids":["vs_1"]}"#,
            ),
            (
                r#"{"type":"image_generation","input_fidelity":null,"partial_images":0,"output_format":"jpeg","action":null}"#,
                r#"{"type":"image_generation","background":"auto","moderation":"auto","n":1,"output_compression":100,"output_format":"jpeg","quality":"auto","size":"auto"}"#,
            ),
            (
                r#"{"type":"tool_search","execution":"client","parameters":{"type":"object","default":null}}"#,
                r#"{"type":"tool_search","description":null,"execution":"client","parameters":{"type":"object","default":null}}"#,
            ),
            (
                r#"{"type":"custom","name":"c","description":"d","format":{"type":"grammar","syntax":"lark","definition":"x"}}"#,
                r#"{"type":"custom","description":"d","format":{"type":"grammar","definition":"x","syntax":"lark"},"name":"c"}"#,
            ),
            (
                r#"{"type":"shell","environment":{"type":"container_auto","memory_limit":null,"skills":[{"type":"skill_reference","skill_id":"s","version":null}]}}"#,
                r#"{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"s"}]}}"#,
            ),
            (
                r#"{"name":"n","type":"namespace","tools":[{"type":"function","name":"f","parameters":null},{"type":"x"}]}"#,
                r#"{"type":"namespace","description":null,"name":"n","tools":[{"type":"function","description":null,"name":"f","output_schema":null,"parameters":null,"strict":true}]}"#,
            ),
        ] {
            assert_eq!(repeated(&format!("[{tool}]")), format!("[{want}]"));
        }
    }

    #[test]
    fn tools_of_unknown_types_are_left_out() {
        let tools =
            r#"[{"type":"x"},{"type":"local_shell"},{"type":"namespace","name":"n","tools":[{"type":"x"}]}]"#;
        assert_eq!(repeated(tools), r#"[{"type":"local_shell"}]"#);
    }
}
