//! The canonical form of a JSON body: equal for bodies that mean the same.

use crate::json::{Kind, Node, Tape};
use std::borrow::Cow;

/// Why a body has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCanonical {
    /// It is no JSON object, or nests too deeply.
    Unreadable,
    /// A member stands twice in an object; servers differ in which of the two counts.
    Duplicate,
    /// The exponent of a number is beyond 64 bits.
    Number,
}

/// Writes the canonical form of a JSON object to `out`, piece by piece, without the top-level members for which `skip`
/// is true.
///
/// Members are sorted by name, and those that are `null` left out at every depth. Names and strings stand without
/// escapes, numbers as their decimal digits and exponent. Each value begins with a letter for its type, and what can be
/// of any length with its length, so that no two bodies that differ have the same form.
///
/// # Errors
///
/// Where the body has no canonical form.
pub(super) fn write(
    body: &[u8],
    skip: impl Fn(&str) -> bool,
    out: &mut impl FnMut(&[u8]),
) -> Result<(), NotCanonical> {
    let text = std::str::from_utf8(body).map_err(|_| NotCanonical::Unreadable)?;
    let tape = Tape::parse(text).map_err(|_| NotCanonical::Unreadable)?;
    if tape.root().kind() != Kind::Object {
        return Err(NotCanonical::Unreadable);
    }
    object(tape.root(), &|name| !skip(name), out)
}

fn value(node: Node<'_>, out: &mut impl FnMut(&[u8])) -> Result<(), NotCanonical> {
    match node.kind() {
        Kind::Null => out(b"z"),
        Kind::Bool => out(if node.is_bool(true) { b"t" } else { b"f" }),
        Kind::Number => number(node.as_number().unwrap_or("0"), out)?,
        Kind::String => string(&node.as_str().unwrap_or_default(), out),
        Kind::Array => {
            out(b"a");
            for item in node.items() {
                value(item, out)?;
            }
            out(b".");
        }
        Kind::Object => object(node, &|_| true, out)?,
    }
    Ok(())
}

fn object<'t>(
    node: Node<'t>,
    keep: &dyn Fn(&str) -> bool,
    out: &mut impl FnMut(&[u8]),
) -> Result<(), NotCanonical> {
    let name_of = |(name, _): (Node<'t>, Node<'t>)| Some((name.as_str()?, name.id()));
    let mut members: Vec<(Cow<'t, str>, u32)> = node.members().filter_map(name_of).collect();
    members.sort_unstable();
    if members.iter().zip(members.iter().skip(1)).any(|((one, _), (next, _))| one == next) {
        return Err(NotCanonical::Duplicate);
    }
    out(b"o");
    for (name, id) in members {
        // A name is one entry of the tape; its value is the next.
        let member = node.sibling(id + 1);
        if keep(&name) && member.kind() != Kind::Null {
            string(&name, out);
            value(member, out)?;
        }
    }
    out(b".");
    Ok(())
}

fn string(text: &str, out: &mut impl FnMut(&[u8])) {
    out(b"s");
    out(&(text.len() as u64).to_le_bytes());
    out(text.as_bytes());
}

/// Writes a number as `n`, its sign, its significant digits, `e` and the exponent: `1`, `1.0` and `10e-1` are `n1e0.`.
fn number(spelled: &str, out: &mut impl FnMut(&[u8])) -> Result<(), NotCanonical> {
    let (sign, spelled) = match spelled.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", spelled),
    };
    let (decimal, exponent) = spelled.split_once(['e', 'E']).unwrap_or((spelled, "0"));
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    // Zeros at the ends of all digits together are no significant ones.
    let fraction_digits = fraction.trim_end_matches('0');
    let (whole_digits, dropped) = match fraction_digits {
        "" => {
            let digits = whole.trim_end_matches('0');
            (digits, whole.len() - digits.len())
        }
        _ => (whole, 0),
    };
    let (whole_digits, fraction_shown) = match whole_digits.trim_start_matches('0') {
        "" => ("", fraction_digits.trim_start_matches('0')),
        digits => (digits, fraction_digits),
    };
    out(b"n");
    if whole_digits.is_empty() && fraction_shown.is_empty() {
        out(b"0e0.");
        return Ok(());
    }
    let stated = exponent_value(exponent).ok_or(NotCanonical::Number)?;
    // A body is far shorter than 2^63 bytes.
    let shift = dropped as i64 - fraction_digits.len() as i64;
    let exponent = stated.checked_add(shift).ok_or(NotCanonical::Number)?;
    out(sign.as_bytes());
    out(whole_digits.as_bytes());
    out(fraction_shown.as_bytes());
    out(b"e");
    out(exponent.to_string().as_bytes());
    out(b".");
    Ok(())
}

/// The exponent of a number; `None` where it is beyond 64 bits.
fn exponent_value(spelled: &str) -> Option<i64> {
    let (is_negative, digits) = match spelled.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, spelled.strip_prefix('+').unwrap_or(spelled)),
    };
    let digits = digits.trim_start_matches('0');
    let value = if digits.is_empty() { 0 } else { digits.parse::<i64>().ok()? };
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: &str) -> Result<Vec<u8>, NotCanonical> {
        let mut bytes = Vec::new();
        write(json.as_bytes(), |name| name == "stream", &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    #[test]
    fn bodies_that_mean_the_same_have_one_form() {
        for same in [
            &[r#"{"a":1,"b":"x"}"#, r#" { "b" : "x" , "a" : 1.0 } "#, r#"{"\u0061":10e-1,"b":"\u0078"}"#][..],
            &[r#"{"a":[1,{"b":2,"c":3}]}"#, r#"{"a":[1,{"c":3,"b":2}]}"#],
            &[r#"{"a":{"b":null}}"#, r#"{"a":{},"c":null}"#, r#"{"a":{},"stream":true}"#],
            &[r#"{"a":"é\n😀"}"#, r#"{"a":"\u00e9\u000a\ud83d\ude00"}"#],
            &[r#"{"a":100}"#, r#"{"a":1e2}"#, r#"{"a":1.00E+02}"#, r#"{"a":0.1e0003}"#, r#"{"a":100.000}"#],
            &[r#"{"a":0}"#, r#"{"a":-0.0}"#, r#"{"a":0e99999999999999999999}"#],
            &[r#"{"a":-0.5}"#, r#"{"a":-5e-1}"#, r#"{"a":-0.50}"#, r#"{"a":-0.0005e3}"#],
            &[r#"{"a":12345678901234567890123}"#, r#"{"a":1234567890123456789012.3e1}"#],
        ] {
            for json in same {
                assert_eq!(form(json), form(same[0]), "{json} {}", same[0]);
            }
            assert!(form(same[0]).is_ok(), "{}", same[0]);
        }
    }

    #[test]
    fn bodies_that_differ_have_forms_that_differ() {
        let bodies = [
            r#"{}"#,
            r#"{"a":1}"#,
            r#"{"a":-1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":[1,1]}"#,
            r#"{"a":[11]}"#,
            r#"{"a":10}"#,
            r#"{"a":0.1}"#,
            r#"{"a":[null]}"#,
            r#"{"a":[null,null]}"#,
            r#"{"a":true}"#,
            r#"{"a":false}"#,
            r#"{"a":"true"}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":""}"#,
            r#"{"b":1}"#,
            r#"{"A":1}"#,
            r#"{"a":{"stream":1}}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            // Equal as doubles.
            r#"{"a":12345678901234567890123}"#,
            r#"{"a":12345678901234567890124}"#,
            r#"{"a":1e400}"#,
            r#"{"a":1e401}"#,
            r#"{"a":0.1000000000000000055511151231257827}"#,
        ];
        for (i, one) in bodies.iter().enumerate() {
            for other in &bodies[..i] {
                assert_ne!(form(one), form(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn what_servers_may_read_differently_has_no_form() {
        for (json, why) in [
            (r#"{"a":1,"a":1}"#, NotCanonical::Duplicate),
            (r#"{"a":{"b":null,"\u0062":1}}"#, NotCanonical::Duplicate),
            (r#"{"stream":true,"stream":false}"#, NotCanonical::Duplicate),
            (r#"{"a":1e99999999999999999999}"#, NotCanonical::Number),
            (r#"{"a":0.01e-9223372036854775807}"#, NotCanonical::Number),
            (r#"["a"]"#, NotCanonical::Unreadable),
            (r#"{"a":}"#, NotCanonical::Unreadable),
            (r#"{"a":"\ud800"}"#, NotCanonical::Unreadable),
            (&format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000)), NotCanonical::Unreadable),
        ] {
            assert_eq!(form(json), Err(why), "{json:.80}");
        }
        assert!(form(&format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100))).is_ok());
    }

    /// Another spelling of a value, chosen by a sequence of numbers.
    fn respell(value: &serde_json::Value, next: &mut impl FnMut() -> usize) -> String {
        use serde_json::Value;
        let space = |n: usize| " ".repeat(n % 2);
        match value {
            Value::Number(number) => match next() % 3 {
                0 => number.to_string(),
                1 if number.is_i64() => format!("{number}.0"),
                _ if number.is_i64() => format!("{number}0e-1"),
                _ => number.to_string(),
            },
            Value::String(text) => {
                let unit = |unit: u16| match (unit, next() % 2) {
                    (0x20..0x7f, 0) if unit != 0x22 && unit != 0x5c => char::from(unit as u8).to_string(),
                    _ => format!("\\u{unit:04x}"),
                };
                format!("\"{}\"", text.encode_utf16().map(unit).collect::<String>())
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| respell(item, next)).collect();
                format!("[{}{}]", space(next()), items.join(","))
            }
            Value::Object(members) => {
                let mut all: Vec<_> = members.iter().collect();
                let by = next() % all.len().max(1);
                all.rotate_left(by);
                let mut written: Vec<_> = all
                    .into_iter()
                    .map(|(name, value)| {
                        format!("{}:{}", respell(&Value::String(name.clone()), next), respell(value, next))
                    })
                    .collect();
                if next().is_multiple_of(3) {
                    written.push(format!("\"none{}\":null", next()));
                }
                format!("{{{}{}}}", space(next()), written.join(", "))
            }
            other => other.to_string(),
        }
    }

    #[test]
    fn no_spelling_changes_the_form() {
        let body = serde_json::json!({
            "model": "gpt-4o", "temperature": 0.7, "max_tokens": 100, "n": 1, "seed": -5,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Grüße \"x\" \\ 😀\n"}]},
                         {"role": "assistant", "content": "", "tool_calls": []}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object",
                       "properties": {"名": {"type": "string"}, "b": {"enum": [1, 2.5, true, null]}}}}}],
        });
        let want = form(&body.to_string());
        let mut state = 7_usize;
        for _ in 0..500 {
            let json = respell(&body, &mut || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33
            });
            assert_eq!(form(&json), want, "{json}");
        }
    }
}
