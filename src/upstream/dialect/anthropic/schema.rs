//! The schemas of tools' arguments, whose root Anthropic restricts: an object, and no combination of schemas.

use crate::api::tool::Json;
use crate::json;
use crate::upstream::rewrite;
use std::borrow::Cow;

/// What a tool without parameters takes.
const NOTHING: &str = r#"{"type":"object","properties":{}}"#;

/// The combinations that the API refuses at the root.
const COMBINATIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// A schema with a root that the API accepts, and whether it is less strict than the caller's; `None` where it is no
/// schema of an object.
pub(super) fn of_object(schema: Option<Json<'_>>) -> Option<(Cow<'_, str>, bool)> {
    let Some(Json(schema)) = schema.filter(|schema| !matches!(schema.0, "null" | "true")) else {
        return Some((NOTHING.into(), false));
    };
    let members = rewrite::members(schema.as_bytes())?;
    if members.is_empty() {
        return Some((NOTHING.into(), false));
    }
    // A keyword without a value, as some clients write those they do not use.
    let is_null = |member: &(Cow<'_, str>, &str)| member.1 == "null" && member.0 != "default";
    let has_null = members.iter().any(is_null);
    let kind = members.iter().rev().find(|(name, _)| name == "type").map(|(_, value)| *value);
    let is_combined = members.iter().any(|(name, _)| COMBINATIONS.contains(&&**name));
    match kind {
        Some("\"object\"") if !is_combined && !has_null => return Some((schema.into(), false)),
        Some("\"object\"") | None => {}
        Some(kind) if kind.contains("\"object\"") => {}
        Some(_) => return None,
    }
    let mut out = String::from("{\"type\":\"object\"");
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut add = |object: &str| {
        for (name, value) in rewrite::members(object.as_bytes()).unwrap_or_default() {
            if !properties.iter().any(|(known, _)| *known == name) {
                properties.push((name.into_owned(), value.to_owned()));
            }
        }
    };
    for (name, value) in members.iter().filter(|member| !is_null(member)) {
        match &**name {
            "type" => {}
            "properties" => add(value),
            name if COMBINATIONS.contains(&name) => {
                for branch in json::lossy_from_str::<Vec<Json<'_>>>(value).unwrap_or_default() {
                    for (name, value) in rewrite::members(branch.0.as_bytes()).unwrap_or_default() {
                        if name == "properties" {
                            add(value);
                        }
                    }
                }
            }
            name => {
                out.push(',');
                json::push_string(name, &mut out);
                out.push(':');
                out.push_str(value);
            }
        }
    }
    let has_properties = members.iter().any(|(name, _)| name == "properties");
    if has_properties || !properties.is_empty() || !members.iter().any(|(name, _)| name == "$ref") {
        out.push_str(",\"properties\":{");
        for (i, (name, value)) in properties.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            json::push_string(name, &mut out);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
    }
    out.push('}');
    Some((out.into(), is_combined))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_an_object() {
        for (schema, want) in [
            ("{}", Some((NOTHING, false))),
            ("{ }", Some((NOTHING, false))),
            ("null", Some((NOTHING, false))),
            (r#"{ "type" : "object", "x": 1.0 }"#, Some((r#"{ "type" : "object", "x": 1.0 }"#, false))),
            (
                r#"{"properties":{"a":{"type":"string"}},"required":["a"]}"#,
                Some((r#"{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}"#, false)),
            ),
            (r#"{"type":["object","null"]}"#, Some((r#"{"type":"object","properties":{}}"#, false))),
            (
                r##"{"$ref":"#/$defs/a","$defs":{"a":{}}}"##,
                Some((r##"{"type":"object","$ref":"#/$defs/a","$defs":{"a":{}}}"##, false)),
            ),
            (
                r#"{"type":"object","properties":{"k":{}},"oneOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{},"k":{"x":1}}}]}"#,
                Some((r#"{"type":"object","properties":{"k":{},"a":{},"b":{}}}"#, true)),
            ),
            (
                r#"{"anyOf":[{"type":"object","properties":{"a":{}}}]}"#,
                Some((r#"{"type":"object","properties":{"a":{}}}"#, true)),
            ),
            (
                r#"{"type":"object","properties":null,"required":null,"default":null}"#,
                Some((r#"{"type":"object","default":null,"properties":{}}"#, false)),
            ),
            (r#"{"type":"string"}"#, None),
            ("[]", None),
            ("7", None),
        ] {
            let got = of_object(Some(Json(schema)));
            assert_eq!(got.as_ref().map(|(schema, less)| (&**schema, *less)), want, "{schema}");
        }
        assert_eq!(of_object(None), Some((NOTHING.into(), false)));
    }
}
