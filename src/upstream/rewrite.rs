//! Changes to a request's body on its way to an upstream. Whatever is not named keeps its bytes:
//! the spelling of numbers, the order of members, unknown ones and repeated ones.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The body with another model's name, in the parts it is made of; `None` if it is no JSON object.
pub fn with_model<'a>(body: &'a [u8], model: &str) -> Option<Vec<Cow<'a, [u8]>>> {
    let name = serde_json::to_vec(model).ok()?;
    let mut parts = Vec::new();
    let mut at = 0;
    for (_, value) in members(body)?.iter().filter(|(member, _)| member == "model") {
        let start = value.get().as_ptr() as usize - body.as_ptr() as usize;
        parts.push(Cow::Borrowed(&body[at..start]));
        parts.push(Cow::Owned(name.clone()));
        at = start + value.get().len();
    }
    parts.push(Cow::Borrowed(&body[at..]));
    Some(parts)
}

/// The body without some of its members; `None` if it is no JSON object.
pub fn without(body: &[u8], names: &[Cow<'_, str>]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    out.push(b'{');
    for (member, value) in members(body)?.iter().filter(|(member, _)| !names.contains(member)) {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend(serde_json::to_vec(member).ok()?);
        out.push(b':');
        out.extend_from_slice(value.get().as_bytes());
    }
    out.push(b'}');
    Some(out)
}

/// The members of a JSON object in their order, their values as they are spelled.
pub(super) fn members(body: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(crate::api::Text(name)) = map.next_key()? {
                members.push((name, map.next_value()?));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_slice(body).deserialize_map(Members).ok()
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
        assert_eq!(String::from_utf8(out).expect("UTF-8"), r#"{"b":[1, 2 ],"c":"\u00e9"}"#);
    }
}
