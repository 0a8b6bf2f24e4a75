//! The members of a response that repeat the request, completed as the live API completes them.

use super::echoed_tools::{Tools, tool_choice};
use crate::api::responses::{Format, Request, Verbatim};
use crate::api::tool::Json;
use crate::encode::responses::Echo;
use crate::json::{Write, writes};
use crate::model::{Family, ModelSpec};
use std::rc::Rc;

/// The echo of a request to a model.
pub(super) fn echo(request: &Request<'_>, model: &str, spec: Option<&ModelSpec>) -> Echo {
    let int = |int: Option<crate::api::Int>| int.map(crate::api::Int::unsigned);
    let reasons = spec.is_some_and(|spec| spec.family == Family::Reasoning);
    let mut before_output = String::new();
    writes!(
        &mut before_output; "instructions" = request.instructions.filter(|json| json.0.starts_with('"')),
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
        "tool_choice" = Json(tool_choice(request)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

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
