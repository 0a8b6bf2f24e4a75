//! Requests of a key that is restricted to models: they name one model, in one place.
//!
//! The gateway reads the member `model`. An upstream may read more: JSON readers that ignore the case of names (Go's),
//! readers that take the first of two members, routers that take lists of models. Whatever could name a second model
//! is refused.

use crate::check::error_text::not_json;
use crate::error::{ApiError, Kind};
use crate::json::{ParseError, Reader};
use crate::router::{decode, fold_case};

/// Members that hold the caller's own text or schemas, in any API: a `model` in there is data.
const CONTENT: [&str; 18] = [
    "messages",
    "input",
    "prompt",
    "suffix",
    "system",
    "instructions",
    "functions",
    "function_call",
    "response_format",
    "text",
    "output_config",
    "output_format",
    "prediction",
    "logit_bias",
    "stop",
    "stop_sequences",
    "metadata",
    "client_metadata",
];

/// Members of a tool that hold the caller's own text or schemas.
const TOOL_CONTENT: [&str; 6] =
    ["function", "parameters", "input_schema", "output_schema", "input_examples", "description"];

/// Other names by which routers in front of models (OpenRouter, LiteLLM, Vercel, Azure) take a model or a list of
/// them, without their `_` and `-`.
const SELECTORS: [&str; 16] = [
    "models",
    "modellist",
    "modelid",
    "modelname",
    "basemodel",
    "fallback",
    "fallbacks",
    "fallbackmodel",
    "fallbackmodels",
    "contextwindowfallbacks",
    "contentpolicyfallbacks",
    "defaultfallbacks",
    "engine",
    "deployment",
    "deploymentid",
    "preset",
];

/// The form in which names are compared, by the loosest reader.
fn loose(name: &str) -> String {
    fold_case(name).replace(['_', '-'], "")
}

fn selects(name: &str) -> bool {
    name == "model" || SELECTORS.contains(&name)
}

/// Checks that a body and a query name no model beside the one member `model`. One pass over the body, which keeps
/// nothing, and takes whatever the endpoints take: a body that it cannot read is refused, as it could name any model.
///
/// # Errors
///
/// 400, which names the member or the parameter of the query, or for a body that is no JSON object.
pub(super) fn check(
    body: &[u8],
    query: Option<&str>,
    may_use: &dyn Fn(&str) -> bool,
) -> Result<(), ApiError> {
    check_query(query)?;
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    let mut json = Reader::lossy(text);
    let found = check_members(&mut json, may_use).and_then(|found| json.end().map(|()| found));
    found.map_err(|_| not_json())?.map_or(Ok(()), Err)
}

/// Reads the body's object. What is wrong with its members counts only if it is JSON to its end.
fn check_members(
    json: &mut Reader<'_>,
    may_use: &dyn Fn(&str) -> bool,
) -> Result<Option<ApiError>, ParseError> {
    let (mut models, mut first) = (0, None);
    let mut more = json.open(b'{')?;
    while more {
        let name = json.name()?;
        let folded = loose(&name);
        let found = if folded == "model" {
            models += 1;
            json.skip()?;
            let rule = "the request must have exactly one member `model`, spelled like this";
            (models > 1 || name != "model").then(|| refused(&name, rule))
        } else if json.peek() == b'n' || CONTENT.contains(&&*name) {
            json.skip()?;
            None
        } else if SELECTORS.contains(&&*folded) {
            json.skip()?;
            Some(refused(&name, ONE_MODEL))
        } else {
            let content = if name == "tools" { &TOOL_CONTENT[..] } else { &[] };
            let below = nested(json, content, may_use)?;
            below.map(|below| refused(&format!("{name}{below}"), ONE_MODEL))
        };
        first = first.or(found);
        more = json.more(b'}')?;
    }
    Ok(first)
}

/// Checks that a query names no model.
///
/// # Errors
///
/// 400, which names the parameter.
pub(super) fn check_query(query: Option<&str>) -> Result<(), ApiError> {
    for pair in query.unwrap_or_default().split(['&', ';']) {
        let name = decode(pair.split('=').next().unwrap_or_default());
        // Some readers take `model[]` and `model.x` for the member.
        let folded = loose(&name);
        if selects(folded.split(['[', '.']).next().unwrap_or_default().trim()) {
            return Err(refused(&name, "the query must not name a model"));
        }
    }
    Ok(())
}

/// Looks for a model that an upstream might use in what stands beside the content: provider options, plugins, tools
/// that run a model. Returns the path to the first one that the key is not known to allow, as in `[0].model`.
fn nested(
    json: &mut Reader<'_>,
    content: &[&str],
    may_use: &dyn Fn(&str) -> bool,
) -> Result<Option<String>, ParseError> {
    let mut first = None;
    match json.peek() {
        b'[' => {
            let (mut more, mut index) = (json.open(b'[')?, 0_usize);
            while more {
                let found = nested(json, content, may_use)?;
                first = first.or_else(|| found.map(|below| format!("[{index}]{below}")));
                index += 1;
                more = json.more(b']')?;
            }
        }
        b'{' => {
            let mut more = json.open(b'{')?;
            while more {
                let name = json.name()?;
                let folded = loose(&name);
                let found = if json.peek() == b'n' || content.contains(&&*name) {
                    json.skip()?;
                    None
                } else if folded == "model" && json.peek() == b'"' {
                    (!may_use(&json.string()?)).then(String::new)
                } else if selects(&folded) {
                    json.skip()?;
                    Some(String::new())
                } else {
                    nested(json, content, may_use)?
                };
                first = first.or_else(|| found.map(|below| format!(".{name}{below}")));
                more = json.more(b'}')?;
            }
        }
        _ => json.skip()?,
    }
    Ok(first)
}

const ONE_MODEL: &str = "the request must name its model in the member `model` alone";

fn refused(name: &str, rule: &str) -> ApiError {
    // A name is the caller's own, of any length.
    let name: String = name.chars().take(200).collect();
    let message = format!("Your API key is limited to some models, so {rule}. Remove '{name}'.");
    ApiError::new(Kind::Invalid, message).at(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(body: &str, query: Option<&str>) -> Option<String> {
        let refused = check(body.as_bytes(), query, &|model| model == "fast").err()?;
        assert_eq!(refused.status(), 400);
        let param = refused.param().expect("a name").to_owned();
        assert!(refused.message().contains(&param), "{refused}");
        Some(param)
    }

    #[test]
    fn a_second_model_is_refused_by_name() {
        for (body, want) in [
            (r#"{"model":"fast","Model":"secret"}"#, "Model"),
            (r#"{"Model":"secret","model":"fast"}"#, "Model"),
            (r#"{"MODEL":"fast"}"#, "MODEL"),
            (r#"{"model":"secret","model":"fast"}"#, "model"),
            (r#"{"model":null,"model":"fast"}"#, "model"),
            (r#"{"\u006dodel":"secret","model":"fast"}"#, "model"),
            (r#"{"model":"fast","mode\u004c":"secret"}"#, "modeL"),
            (r#"{"model":"fast","Model":"secret","x":{"\ud800":1}}"#, "Model"),
            (r#"{"\udc00":1,"model":"secret","model":"fast"}"#, "model"),
            (r#"{"model":"fast","models":["secret"],"\ud800":1}"#, "models"),
            (r#"{"model":"fast","x":{"model":"\ud800"}}"#, "x.model"),
            (r#"{"model":"fast","models":["secret"]}"#, "models"),
            (r#"{"model":"fast","models":[]}"#, "models"),
            (r#"{"model":"fast","Model\u017f":["secret"]}"#, "Model\u{17f}"),
            (r#"{"model":"fast","fallbacks":["secret"]}"#, "fallbacks"),
            (r#"{"model":"fast","fallbac\u212as":["secret"]}"#, "fallbac\u{212a}s"),
            (
                r#"{"model":"fast","context_window_fallbacks":[{"fast":["secret"]}]}"#,
                "context_window_fallbacks",
            ),
            (r#"{"model":"fast","preset":"secret"}"#, "preset"),
            (r#"{"model":"fast","extra_body":{"model":"secret"}}"#, "extra_body.model"),
            (r#"{"model":"fast","provider":{"x":[{"Models":["secret"]}]}}"#, "provider.x[0].Models"),
            (
                r#"{"model":"fast","providerOptions":{"gateway":{"models":["a"]}}}"#,
                "providerOptions.gateway.models",
            ),
            (r#"{"model":"fast","tools":[{"type":"advisor","model":"secret"}]}"#, "tools[0].model"),
        ] {
            assert_eq!(param(body, None).as_deref(), Some(want), "{body}");
        }
    }

    #[test]
    fn one_model_is_accepted_whatever_the_content() {
        for body in [
            r#"{"model":"fast"}"#,
            r#"{"\u006dodel":"fast"}"#,
            r#"{"model":"fast","models":null,"fallbacks":null}"#,
            r#"{"model":"fast","messages":[{"role":"user","content":"{\"model\":1}","model":"x"}]}"#,
            r#"{"model":"fast","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",
               "properties":{"model":{"type":"string"},"models":{"type":"array"}}}}}]}"#,
            r#"{"model":"fast","tools":[{"name":"f","input_schema":{"properties":{"model":{}}}}]}"#,
            r#"{"model":"fast","tools":[{"type":"advisor","model":"fast"}]}"#,
            r#"{"model":"fast","response_format":{"type":"json_schema","json_schema":{"schema":{"model":1}}}}"#,
            r#"{"model":"fast","metadata":{"model":"x"},"provider":{"order":["a"]},"stream_options":{}}"#,
            r#"{"model":"fast","messages":[{"content":"\ud800"}],"\udfff":1}"#,
            "{}",
        ] {
            assert_eq!(param(body, Some("api-version=1&limit=2&modality=x")), None, "{body}");
            assert!(check(body.as_bytes(), None, &|model| model == "fast").is_ok(), "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let bodies: [&[u8]; 6] = [
            b"not JSON",
            b"{\"model\":\"fast\",\"Model\":\"secret\"",
            b"{\"model\":\"fast\",\"Model\":\"secret\"} x",
            b"[]",
            b"{\"model\":\"fast\",\"x\":\"\xff\"}",
            b"",
        ];
        for body in bodies {
            let refused = check(body, None, &|_| true).expect_err("no JSON object");
            assert_eq!(refused.status(), 400);
        }
    }

    #[test]
    fn a_model_in_the_query_is_refused_by_name() {
        for (query, want) in [
            ("model=secret", "model"),
            ("a=1&Model=secret", "Model"),
            ("m%6fdel=secret", "model"),
            ("model", "model"),
            ("models[]=secret", "models[]"),
            ("a;model=secret", "model"),
            ("fallbacks=secret", "fallbacks"),
            ("deployment-id=secret", "deployment-id"),
        ] {
            assert_eq!(param(r#"{"model":"fast"}"#, Some(query)).as_deref(), Some(want), "{query}");
        }
    }
}
