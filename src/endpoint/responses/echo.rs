//! The members of a response that repeat the request, completed as the live API completes them.

use crate::api::responses::{Format, Request, Tool, Verbatim};
use crate::api::tool::Json;
use crate::encode::responses::Echo;
use crate::json::{self, Value, Write, push_string, writes};
use crate::model::{Family, ModelSpec};
use std::rc::Rc;

/// The echo of a request to a model.
pub(super) fn echo(request: &Request<'_>, model: &str, spec: Option<&ModelSpec>) -> Echo {
    let null = Json("null");
    let int = |int: Option<crate::api::Int>| int.map(crate::api::Int::unsigned);
    let reasons = spec.is_some_and(|spec| spec.family == Family::Reasoning);
    let mut before_output = String::new();
    writes!(
        &mut before_output; "instructions" = request.instructions.unwrap_or(null),
        "max_output_tokens" = int(request.max_output_tokens), "max_tool_calls" = int(request.max_tool_calls),
        "model" = model, "moderation" = (),
    );
    let mut after_output = String::new();
    let tier = match request.service_tier.as_deref() {
        None | Some("auto") => "default",
        Some(tier) => tier,
    };
    writes!(
        &mut after_output; "parallel_tool_calls" = request.parallel_tool_calls.unwrap_or(true),
        "presence_penalty" = 0.0, "previous_response_id" = (), "prompt_cache_key" = request.prompt_cache_key,
        "prompt_cache_retention" = request.prompt_cache_retention.as_deref().unwrap_or("in_memory"),
        "reasoning" = Json(&reasoning(request, spec, reasons)), "safety_identifier" = request.safety_identifier,
        "service_tier" = tier, "store" = request.store.unwrap_or(true),
        "temperature" = request.temperature.map_or(1.0, |number| number.value), "text" = Json(&text(request)),
        "tool_choice" = request.tool_choice.as_ref().map_or(Json("\"auto\""), |choice| choice.json),
        "tools" = Tools(request.tools.as_deref().unwrap_or_default()), "top_logprobs" = int(request.top_logprobs).unwrap_or(0),
        "top_p" = request.top_p.map_or(spec.map_or(1.0, |spec| spec.default_top_p), |number| number.value),
        "truncation" = request.truncation.as_deref().unwrap_or("disabled"),
    );
    let mut after_usage = String::new();
    writes!(&mut after_usage; "user" = request.user, "metadata" = request.metadata.unwrap_or(Json("{}")));
    Echo {
        before_output: members(before_output),
        after_output: members(after_output),
        after_usage: members(after_usage),
    }
}

/// The members of an object without its braces.
fn members(mut object: String) -> Rc<String> {
    object.pop();
    object.drain(..1);
    Rc::new(object)
}

fn reasoning(request: &Request<'_>, spec: Option<&ModelSpec>, reasons: bool) -> String {
    let own = request.reasoning.as_ref();
    let effort = own.and_then(|own| own.effort.as_deref());
    let summary = own.and_then(|own| own.summary.as_deref().or(own.generate_summary.as_deref()));
    let mut out = String::new();
    if !reasons {
        writes!(&mut out; "context" = (), "effort" = effort, "summary" = summary);
        return out;
    }
    let default = match spec {
        Some(spec) if !spec.reasons && spec.efforts.contains(&"none") => "none",
        _ => "medium",
    };
    let all_turns = spec.is_some_and(|spec| spec.reads_all_reasoning);
    let context = match own.and_then(|own| own.context.as_deref()) {
        None | Some("auto") if all_turns => "all_turns",
        None | Some("auto") => "current_turn",
        Some(context) => context,
    };
    let mode = own.and_then(|own| own.mode.as_deref()).unwrap_or("standard");
    // The live API picks the summary that a model has, which is the detailed one.
    let summary = summary.map(|summary| if summary == "auto" { "detailed" } else { summary });
    writes!(
        &mut out; "context" = context, "effort" = effort.unwrap_or(default), "mode" = mode, "summary" = summary,
    );
    out
}

fn text(request: &Request<'_>) -> String {
    let text = request.text.as_ref();
    let verbosity = text.and_then(|text| text.verbosity.as_deref()).unwrap_or("medium");
    let mut out = String::new();
    match text.and_then(|text| text.format.as_ref()) {
        Some(Verbatim { value: Format { kind, name, description, schema, strict, .. }, .. })
            if kind.as_deref() == Some("json_schema") =>
        {
            struct Schema<'a>(&'a Option<crate::api::Text<'a>>, Option<&'a str>, Option<Json<'a>>, bool);
            impl Write for Schema<'_> {
                fn write(&self, out: &mut String) {
                    writes!(
                        out; "type" = "json_schema", "description" = self.0, "name" = self.1, "schema" = self.2,
                        "strict" = self.3,
                    );
                }
            }
            let format = Schema(description, name.as_deref(), *schema, strict.unwrap_or(true));
            writes!(&mut out; "format" = format, "verbosity" = verbosity);
        }
        format => {
            let format = format.map_or(Json(r#"{"type":"text"}"#), |format| format.json);
            writes!(&mut out; "format" = format, "verbosity" = verbosity);
        }
    }
    out
}

/// The tools of a request, as an answer repeats them.
struct Tools<'a>(&'a [Verbatim<'a, Tool<'a>>]);

impl Write for Tools<'_> {
    fn write(&self, out: &mut String) {
        let size = |tool: &Verbatim<'_, Tool<'_>>| tool.json.0.len() + 64;
        out.reserve(self.0.iter().map(size).sum());
        out.push('[');
        for (i, tool) in self.0.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            push_tool(tool, out);
        }
        out.push(']');
    }
}

fn push_tool(tool: &Verbatim<'_, Tool<'_>>, out: &mut String) {
    let Tool { kind, name, description, parameters, strict, .. } = &tool.value;
    if kind.as_deref() != Some("function") {
        out.push_str(tool.json.0);
        return;
    }
    let completed = match strict {
        None => parameters.and_then(|json| strict_schema(json.0)),
        Some(_) => None,
    };
    let parameters = completed.as_deref().map(Json).or(*parameters);
    writes!(
        out; "type" = "function", "description" = description, "name" = name, "parameters" = parameters,
        "strict" = strict.unwrap_or(true),
    );
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

    #[test]
    fn a_function_without_strict_is_completed() {
        for (tool, want) in [
            (
                r#"{"type":"function","name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}"#,
                r#"{"type":"function","description":null,"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"strict":true}"#,
            ),
            (
                r#"{"type":"function","name":"f","parameters":{"properties":{}},"strict":false}"#,
                r#"{"type":"function","description":null,"name":"f","parameters":{"properties":{}},"strict":false}"#,
            ),
            (r#"{"type":"web_search"}"#, r#"{"type":"web_search"}"#),
        ] {
            let tool: Verbatim<'_, Tool<'_>> = json::from_str(tool).expect("a tool");
            let mut out = String::new();
            push_tool(&tool, &mut out);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn the_model_has_a_default_top_p() {
        let request: Request<'_> = json::from_str(r#"{"model":"m","input":"hi"}"#).expect("a request");
        for (model, want) in [
            ("gpt-5.1", "\"top_p\":1.0,"),
            ("gpt-5.2", "\"top_p\":0.98,"),
            ("claude-opus-4-7", "\"top_p\":1.0,"),
            ("unknown", "\"top_p\":1.0,"),
        ] {
            let echo = echo(&request, model, crate::model::find(model));
            assert!(echo.after_output.contains(want), "{model}: {}", echo.after_output);
        }
    }
}
