//! The schemas that the API enforces, of strict tools and structured outputs: a part of JSON Schema.
//! <https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations>

use crate::json::Value;
use crate::upstream::dialect::less;

/// The keywords that the API refuses.
const REFUSED: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "propertyNames",
];

/// The formats of strings that the API enforces.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema without what the API refuses; `None` if it has nothing of that.
pub(super) fn schema(schema: &str) -> Option<String> {
    less::without(schema, &is_refused)
}

fn is_refused(name: &str, value: &Value<'_>) -> bool {
    match (name, value) {
        ("minItems", Value::Number(least)) => !matches!(&**least, "0" | "1"),
        ("format", Value::String(format)) => !FORMATS.contains(&&**format),
        // Looking around and word boundaries.
        ("pattern", Value::String(pattern)) => {
            ["(?=", "(?!", "(?<", "\\b", "\\B"].iter().any(|part| pattern.contains(part))
        }
        _ => REFUSED.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_refuses_is_left_out() {
        let enforceable = r#"{"type":"object","properties":{"minimum":{"type":"string","format":"email","pattern":"^a$"},"l":{"type":"array","items":{"enum":["x"]},"minItems":1}},"required":["l"],"additionalProperties":false}"#;
        assert_eq!(schema(enforceable), None);
        let given = r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9},"s":{"anyOf":[{"type":"string","maxLength":3,"format":"int64"},{"type":"null"}]},"l":{"type":"array","items":{"type":"number","multipleOf":2},"minItems":2},"p":{"type":"string","pattern":"^(?!a)"}},"$defs":{"d":{"type":"string","minLength":1}}}"#;
        let want = r#"{"type":"object","properties":{"n":{"type":"integer"},"s":{"anyOf":[{"type":"string"},{"type":"null"}]},"l":{"type":"array","items":{"type":"number"}},"p":{"type":"string"}},"$defs":{"d":{"type":"string"}}}"#;
        assert_eq!(schema(given).as_deref(), Some(want));
    }
}
