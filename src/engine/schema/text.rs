//! Strings: of a format, of a pattern, or some words.

use super::{LONGEST, NoInstance, type_of};
use crate::budget::Budget;
use crate::engine::filler::WORDS;
use crate::engine::rng::Rng;
use crate::engine::value::Value;
use crate::pattern::Pattern;

/// A string of a schema.
pub(super) fn make(schema: &Value<'_>, draw: &mut Rng, budget: &Budget) -> Result<String, NoInstance> {
    let bound = |name| schema.get(name).and_then(Value::as_count).and_then(|n| usize::try_from(n).ok());
    let least = bound("minLength").unwrap_or(0);
    let most = bound("maxLength").unwrap_or(usize::MAX);
    if least > most {
        return Err(NoInstance::Impossible);
    }
    if least > LONGEST {
        return Err(NoInstance::TooLong);
    }
    let format = schema.get("format").and_then(Value::as_str);
    let text = format.and_then(|format| formatted(format, draw));
    let text = text.filter(|text| (least..=most).contains(&text.len()));
    let Some(source) = schema.get("pattern").and_then(Value::as_str) else {
        return Ok(text.unwrap_or_else(|| words(least, most, draw)));
    };
    let refused = || NoInstance::Pattern(source.to_owned());
    let pattern = Pattern::of_request(source, budget).map_err(|_| refused())?;
    match text {
        // A pattern beside a format mostly says the same, and less plainly: zod's allow an address like `a.-@b.cd`.
        Some(text) if pattern.is_match_within(&text, budget) => Ok(text),
        _ => pattern.make(least, most, budget, &mut |bound| draw.below(bound)).ok_or_else(refused),
    }
}

/// Whether a schema is any string's.
pub(super) fn is_any(schema: &Value<'_>) -> bool {
    const FORMS: [&str; 6] = ["const", "enum", "format", "pattern", "minLength", "maxLength"];
    type_of(schema) == Some("string") && FORMS.iter().all(|form| schema.get(form).is_none())
}

fn word(draw: &mut Rng) -> &'static str {
    WORDS[(draw.next() % WORDS.len() as u64) as usize]
}

/// One or two words, or as many as the length asks for.
fn words(least: usize, most: usize, draw: &mut Rng) -> String {
    let mut text = word(draw).to_owned();
    if draw.below(2) == 0 {
        text.push(' ');
        text.push_str(word(draw));
    }
    while text.len() < least {
        text.push(' ');
        text.push_str(word(draw));
    }
    // All words are ASCII: bytes are characters. None ends in a space that was not asked for.
    text.truncate(most);
    if text.ends_with(' ') {
        text.pop();
        text.push('s');
    }
    text
}

/// A string of a format, if it is known.
fn formatted(format: &str, draw: &mut Rng) -> Option<String> {
    let mut between = |from: u64, to: u64| from + draw.below(to - from + 1);
    let date = |between: &mut dyn FnMut(u64, u64) -> u64| {
        format!("{}-{:02}-{:02}", between(2020, 2029), between(1, 12), between(1, 28))
    };
    let time = |between: &mut dyn FnMut(u64, u64) -> u64| {
        format!("{:02}:{:02}:{:02}Z", between(0, 23), between(0, 59), between(0, 59))
    };
    Some(match format {
        "date-time" => format!("{}T{}", date(&mut between), time(&mut between)),
        "date" => date(&mut between),
        "time" => time(&mut between),
        "duration" => format!("P{}DT{}H", between(1, 9), between(1, 23)),
        "ipv4" => format!("192.0.2.{}", between(1, 254)),
        "ipv6" => format!("2001:db8::{:x}", between(1, 0xffff)),
        "uuid" => {
            let (high, low) = (draw.next(), draw.next());
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            )
        }
        "email" | "idn-email" => format!("{}@example.com", word(draw)),
        "hostname" | "idn-hostname" => format!("{}.example.com", word(draw)),
        "uri" | "iri" | "uri-reference" | "iri-reference" | "url" => {
            format!("https://example.com/{}", word(draw))
        }
        "json-pointer" => format!("/{}", word(draw)),
        "regex" => format!("^{}$", word(draw)),
        _ => return None,
    })
}
