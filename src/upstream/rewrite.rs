//! Changes to a request's body on its way to an upstream. Whatever is not named keeps its bytes:
//! the spelling of numbers, the order of members, unknown ones and repeated ones.

use super::Endpoint;
use crate::api::Members;
use crate::api::tool::Json;
use crate::json;
use crate::model;
use std::borrow::Cow;
use std::collections::HashSet;

/// The body with another model's name, in the parts it is made of; `None` if it is no JSON object.
pub fn with_model<'a>(body: &'a [u8], model: &str) -> Option<Vec<Cow<'a, [u8]>>> {
    let name = json::to_string(&model).into_bytes();
    let mut parts = Vec::new();
    let mut at = 0;
    for (_, value) in members(body)?.iter().filter(|(member, _)| member == "model") {
        let start = value.as_ptr() as usize - body.as_ptr() as usize;
        parts.push(Cow::Borrowed(body.get(at..start)?));
        parts.push(Cow::Owned(name.clone()));
        at = start + value.len();
    }
    parts.push(Cow::Borrowed(body.get(at..)?));
    Some(parts)
}

/// The body with this model and no other, whether or not it named one; `None` if it is no JSON object.
pub fn set_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let members = members(body)?;
    if members.iter().any(|(member, _)| member == "model") {
        return with_model(body, model).map(|parts| parts.concat());
    }
    let open = body.iter().position(|byte| *byte == b'{')? + 1;
    let (before, after) = body.split_at_checked(open)?;
    let comma = if members.is_empty() { "" } else { "," };
    let own = format!("\"model\":{}{comma}", json::to_string(&model));
    Some([before, own.as_bytes(), after].concat())
}

/// The body with a member that it does not have, before the others; `None` if it is no JSON object.
pub fn with_member(body: &[u8], name: &str, value: &str) -> Option<Vec<u8>> {
    let comma = if members(body)?.is_empty() { "" } else { "," };
    let open = body.iter().position(|byte| *byte == b'{')? + 1;
    let (before, after) = body.split_at_checked(open)?;
    Some([before, format!("{}:{value}{comma}", json::to_string(&name)).as_bytes(), after].concat())
}

/// The body of a streamed chat or completion that requests the usage; `None` if it does so already, or is no JSON object.
pub fn with_usage(body: &[u8]) -> Option<Vec<u8>> {
    let members = members(body)?;
    let Some((_, options)) = members.iter().rev().find(|(name, _)| name == "stream_options") else {
        return with_member(body, "stream_options", r#"{"include_usage":true}"#);
    };
    let options = options.as_bytes();
    let is_requested = self::members(options).is_some_and(|options| {
        options
            .iter()
            .rev()
            .find(|(name, _)| name == "include_usage")
            .is_some_and(|(_, value)| *value == "true")
    });
    if is_requested {
        return None;
    }
    let kept = without(options, &["include_usage".into()]).unwrap_or_else(|| b"{}".to_vec());
    let options = with_member(&kept, "include_usage", "true")?;
    let rest = without(body, &["stream_options".into()])?;
    with_member(&rest, "stream_options", std::str::from_utf8(&options).ok()?)
}

/// The body without some of its members; `None` if it is no JSON object.
pub fn without(body: &[u8], names: &[Cow<'_, str>]) -> Option<Vec<u8>> {
    // A body may have as many unknown members as it has bytes for.
    let names: HashSet<&str> = names.iter().map(|name| &**name).collect();
    let text = std::str::from_utf8(body).ok()?;
    let mut out = String::with_capacity(body.len());
    out.push('{');
    let mut at = text.find('{')? + 1;
    for (member, value) in members(body)? {
        let start = value.as_ptr() as usize - body.as_ptr() as usize;
        // The name with its colon, as it is spelled: half of a surrogate pair could not be written anew.
        let name = text.get(at..start)?.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        at = start + value.len();
        if names.contains(&*member) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(name);
        out.push_str(value);
    }
    out.push('}');
    Some(out.into_bytes())
}

/// The members of a JSON object in their order, their values as they are spelled. The endpoints read bodies as leniently:
/// what they accept is never sent unchanged because it could not be read here.
pub fn members(body: &[u8]) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let members: Members<'_, Json<'_>> = json::lossy_from_slice(body).ok()?;
    Some(members.0.into_iter().map(|(name, value)| (name.0, value.0)).collect())
}

/// The members by which a request to an endpoint limits its output.
pub fn limit_members(endpoint: Endpoint<'_>) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Responses => &["max_output_tokens"],
        Endpoint::Chat => &["max_tokens", "max_completion_tokens"],
        _ => &["max_tokens"],
    }
}

/// The member by which a gateway limits the output of a request to an endpoint for a model.
pub fn limit_member(endpoint: Endpoint<'_>, model: &str) -> &'static str {
    match endpoint {
        Endpoint::Responses => "max_output_tokens",
        // Only servers of OpenAI's own models have the newer name.
        Endpoint::Chat if model::find(model).is_some_and(|spec| !spec.is_claude()) => "max_completion_tokens",
        _ => "max_tokens",
    }
}

/// A body whose usage is counted: with an output limit, and a request for the usage where its answer is a stream of
/// chunks. Returns whether that request was added.
pub fn metered<'b>(
    body: Cow<'b, [u8]>,
    limit: Option<(&str, u64)>,
    requests_usage: bool,
) -> (Cow<'b, [u8]>, bool) {
    let limited = limit.and_then(|(member, most)| {
        // The member may be present as null, and must not appear twice.
        let without = without(&body, &[member.into()])?;
        with_member(&without, member, &most.to_string())
    });
    let body = limited.map_or(body, Cow::Owned);
    let with_usage = if requests_usage { with_usage(&body) } else { None };
    let is_added = with_usage.is_some();
    (with_usage.map_or(body, Cow::Owned), is_added)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(body: &str) -> Option<String> {
        let parts = with_model(body.as_bytes(), "qwen\"3")?;
        Some(String::from_utf8(parts.concat()).expect("UTF-8"))
    }

    #[test]
    fn only_the_models_bytes_change() {
        for (body, want) in [
            (r#"{"model":"a"}"#, r#"{"model":"qwen\"3"}"#),
            (
                "{ \"n\" : 1.0e0,\t\"model\" :  \"a\" , \"x\":{\"model\":\"b\"}, \"n\":-0 }\n",
                "{ \"n\" : 1.0e0,\t\"model\" :  \"qwen\\\"3\" , \"x\":{\"model\":\"b\"}, \"n\":-0 }\n",
            ),
            (r#"{"mod\u0065l":"a","model":null}"#, r#"{"mod\u0065l":"qwen\"3","model":"qwen\"3"}"#),
            (r#"{"é":"ü"}"#, r#"{"é":"ü"}"#),
        ] {
            assert_eq!(renamed(body).as_deref(), Some(want));
        }
        assert_eq!(renamed("[1]"), None);
    }

    #[test]
    fn a_body_gets_a_model() {
        for (body, want) in [
            (r#"{"model":"a"}"#, r#"{"model":"b"}"#),
            (r#"{"model":null,"x":1,"model":"a"}"#, r#"{"model":"b","x":1,"model":"b"}"#),
            (r#" { "x": 1e0}"#, r#" {"model":"b", "x": 1e0}"#),
            ("{ }", r#"{"model":"b" }"#),
        ] {
            let set = set_model(body.as_bytes(), "b").expect("an object");
            assert_eq!(String::from_utf8(set).expect("UTF-8"), want);
        }
        assert_eq!(set_model(b"[]", "b"), None);
    }

    #[test]
    fn a_stream_requests_its_usage() {
        for (body, want) in [
            (r#"{"stream":true}"#, Some(r#"{"stream_options":{"include_usage":true},"stream":true}"#)),
            (r#"{"stream_options":null,"a":1}"#, Some(r#"{"stream_options":{"include_usage":true},"a":1}"#)),
            (
                r#"{"stream_options":{"x":1,"include_usage":false}}"#,
                Some(r#"{"stream_options":{"include_usage":true,"x":1}}"#),
            ),
            (r#"{"stream_options":{"include_usage":true}}"#, None),
            ("[]", None),
        ] {
            let with = with_usage(body.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
            assert_eq!(with.as_deref(), want, "{body}");
        }
    }

    #[test]
    fn every_other_byte_stays_however_odd() {
        for (before, after) in [
            // Numbers no double can hold, repeated members, escapes, control characters that are escaped.
            ("{\"seed\":123456789012345678901234567890,\"t\":1E+2,\"t\":-0.0,\"model\":", "}"),
            (
                "\r\n\t {\"a\\\"model\\\"\":\"\\ud83e\\udd80\\u0000\",\"model\":",
                ",\"z\":[{},[],null,true]}  \n",
            ),
            ("{\"x\":{\"model\":\"keep\"},\"model\":", ",\"Model\":\"keep\",\"model \":\"keep\"}"),
        ] {
            for old in ["\"m\"", "\"\\u006d\"", "null", "7", "{\"a\":[1]}"] {
                let body = format!("{before}{old}{after}");
                assert_eq!(renamed(&body), Some(format!("{before}\"qwen\\\"3\"{after}")), "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_object_has_no_model() {
        for body in
            ["", "7", "\"model\"", "[{\"model\":1}]", "{\"model\":}", "{\"model\":1", "\u{feff}{\"model\":1}"]
        {
            assert_eq!(renamed(body), None, "{body}");
        }
    }

    #[test]
    fn members_go_and_the_others_keep_their_spelling() {
        let body = r#"{ "a": 1e2, "b" : [1, 2 ], "a":3, "c":"\u00e9" }"#;
        let out = without(body.as_bytes(), &["a".into()]).expect("an object");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), r#"{"b" : [1, 2 ],"c":"\u00e9"}"#);
    }

    #[test]
    fn half_of_a_surrogate_pair_hides_no_member() {
        let body = r#"{"a":{"\ud800":1},"\udc00":2, "model":"a","x":"\ud800"}"#;
        let model = r#"{"a":{"\ud800":1},"\udc00":2, "model":"qwen\"3","x":"\ud800"}"#;
        assert_eq!(renamed(body).as_deref(), Some(model));
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.expect("an object")).expect("UTF-8");
        let fewer = r#"{"a":{"\ud800":1},"\udc00":2,"model":"a"}"#;
        assert_eq!(text(without(body.as_bytes(), &["x".into()])), fewer);
        assert!(text(set_model(body.as_bytes(), "b")).contains(r#""model":"b""#));
        assert!(
            text(with_usage(body.as_bytes())).starts_with(r#"{"stream_options":{"include_usage":true},"a""#)
        );
    }
}
