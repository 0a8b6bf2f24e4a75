//! Strings: of a format, of a pattern, or some words.

use super::facts::Facts;
use super::references::Document;
use super::{LONGEST, NoInstance, Patterns};
use crate::engine::filler::WORDS;
use crate::json::Node;
use crate::pattern::Pattern;
use crate::random::Rng;
use std::rc::Rc;

/// How often a text of one pattern is tried against the others.
const TRIES: usize = 16;

/// A string that meets all demands.
pub(super) fn make<'t>(
    facts: &Facts<'t>,
    document: &Document<'t>,
    patterns: Patterns,
    rng: &mut Rng,
) -> Result<String, NoInstance> {
    let bound = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let (least, most) = (bound(facts.min_length), bound(facts.max_length));
    if least > most {
        return Err(NoInstance::Impossible);
    }
    if least > LONGEST {
        return Err(NoInstance::TooLong);
    }
    document.budget.search(least)?;
    let format = facts.format.and_then(Node::as_str);
    let text = format.as_deref().and_then(|format| fitted(format, least, most, rng));
    if text.is_none() && format.as_deref().is_some_and(is_known) && facts.patterns.is_empty() {
        return Err(NoInstance::Unmet(if least > 0 && most == usize::MAX {
            "minLength"
        } else {
            "maxLength"
        }));
    }
    let mut compiled: Vec<(Node<'t>, Rc<Pattern>)> = Vec::new();
    for source in &facts.patterns {
        match document.pattern(*source)? {
            Some(pattern) => compiled.push((*source, pattern)),
            None if patterns == Patterns::Understood => {}
            None => {
                document.spend(1)?;
                return Err(refused(*source));
            }
        }
    }
    let Some((source, first)) = compiled.first() else {
        return Ok(text.unwrap_or_else(|| words(least, most, rng)));
    };
    let is_match =
        |text: &str| compiled.iter().all(|(_, pattern)| pattern.is_match(text, document.budget) == Ok(true));
    // A pattern beside a format mostly means the same, and is less plain: zod's allow an address like `a.-@b.cd`.
    if let Some(text) = text.filter(|text| is_match(text)) {
        return Ok(text);
    }
    for _ in 0..if compiled.len() > 1 { TRIES } else { 1 } {
        let made = first.make(least, most, document.budget, &mut |bound| rng.below(bound));
        if let Some(text) = made.filter(|text| compiled.len() == 1 || is_match(text)) {
            return Ok(text);
        }
    }
    document.spend(1)?;
    Err(refused(*source))
}

fn refused(source: Node<'_>) -> NoInstance {
    NoInstance::Pattern(source.as_str().unwrap_or_default().into_owned())
}

/// Whether a schema is any string's.
pub(super) fn is_any(schema: Node<'_>) -> bool {
    const FORMS: [&str; 6] = ["const", "enum", "format", "pattern", "minLength", "maxLength"];
    schema.get("type").is_some_and(|kind| kind.is_str("string"))
        && FORMS.iter().all(|form| schema.get(form).is_none())
}

fn word(rng: &mut Rng) -> &'static str {
    WORDS[(rng.next_u64() % WORDS.len() as u64) as usize]
}

/// One or two words, or as many as the length requires.
fn words(least: usize, most: usize, rng: &mut Rng) -> String {
    let mut text = word(rng).to_owned();
    if rng.below(2) == 0 {
        text.push(' ');
        text.push_str(word(rng));
    }
    while text.len() < least {
        text.push(' ');
        text.push_str(word(rng));
    }
    // All words are ASCII: bytes are characters. None ends in a space that was not requested.
    text.truncate(most);
    if text.ends_with(' ') {
        text.pop();
        text.push('s');
    }
    text
}

/// Whether strings of a format are made.
fn is_known(format: &str) -> bool {
    formatted(format, &mut Rng::new(0)).is_some()
}

/// A string of a format whose length is within bounds; `None` if the format is not known, or there is none.
fn fitted(format: &str, least: usize, most: usize, rng: &mut Rng) -> Option<String> {
    let usual = formatted(format, rng)?;
    if (least..=most).contains(&usual.len()) {
        return Some(usual);
    }
    // The shortest one, and where it can be made longer by characters of its own.
    let (short, at, own) = match format {
        "email" | "idn-email" => ("a@b.co", 0, 'a'),
        "hostname" | "idn-hostname" => ("a", 0, 'a'),
        "uri" | "iri" | "url" => ("a:b", 3, 'b'),
        "uri-reference" | "iri-reference" | "json-pointer" => ("/", 1, 'a'),
        "regex" => ("a", 1, 'a'),
        "ipv4" => ("1.1.1.1", 7, '1'),
        "ipv6" => ("::1", 3, '1'),
        "duration" => ("P1D", 1, '1'),
        "date-time" => ("2025-01-01T00:00:00.0Z", 21, '0'),
        "time" => ("00:00:00.0Z", 10, '0'),
        _ => return None,
    };
    // Parts of addresses and names have bounds of their own.
    let longest = match format {
        "email" | "idn-email" => 64 + "@b.co".len(),
        "hostname" | "idn-hostname" => 63,
        "ipv4" => "1.1.1.111".len(),
        "ipv6" => "::1111".len(),
        _ => usize::MAX,
    };
    let length = least.max(short.len());
    if length > most || length > longest {
        return None;
    }
    let mut text = short.to_owned();
    text.insert_str(at, &own.to_string().repeat(length - short.len()));
    Some(text)
}

/// A string of a format, if it is known.
fn formatted(format: &str, rng: &mut Rng) -> Option<String> {
    let mut between = |from: u64, to: u64| from + rng.below(to - from + 1);
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
            let (high, low) = (rng.next_u64(), rng.next_u64());
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            )
        }
        "email" | "idn-email" => format!("{}@example.com", word(rng)),
        "hostname" | "idn-hostname" => format!("{}.example.com", word(rng)),
        "uri" | "iri" | "uri-reference" | "iri-reference" | "url" => {
            format!("https://example.com/{}", word(rng))
        }
        "json-pointer" => format!("/{}", word(rng)),
        "regex" => format!("^{}$", word(rng)),
        _ => return None,
    })
}
