//! General categories as sets: `\p{L}`, `\p{Lu}`, `\p{Uppercase_Letter}`, `\p{gc=Lu}`.

use super::Set;
use super::names::CATEGORIES;

/// For each run of code points with one category, its number and the length, in seven bits a byte, the lowest first.
static RUNS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/categories.runs"));

/// Several categories. All but the last are those whose short names begin with the group's.
const GROUPS: [(&str, &str); 8] = [
    ("L", "Letter"),
    ("M", "Mark"),
    ("N", "Number"),
    ("P", "Punctuation"),
    ("S", "Symbol"),
    ("Z", "Separator"),
    ("C", "Other"),
    ("LC", "Cased_Letter"),
];

/// The characters of a category or a group of them; `None` if there is none of that name.
pub(super) fn set(name: &str) -> Option<Set> {
    let prefixes = ["General_Category=", "gc="];
    let name = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let is_named = |names: &&(&str, &str)| names.0 == name || names.1 == name;
    let short = GROUPS.iter().chain(&CATEGORIES).find(is_named)?.0;
    let belongs = |category: &str| match short {
        "LC" => matches!(category, "Lu" | "Ll" | "Lt"),
        short => category.starts_with(short),
    };
    let mut ranges = Vec::new();
    let (mut start, mut bytes) = (0, RUNS.iter());
    while let Some(category) = bytes.next() {
        let mut length = 0;
        for place in (0..).step_by(7) {
            let byte = *bytes.next()?;
            length |= u32::from(byte & 0x7f) << place;
            if byte < 0x80 {
                break;
            }
        }
        let ends = (char::from_u32(start), char::from_u32(start + length - 1));
        if let (Some(from), Some(to)) = ends
            && belongs(CATEGORIES[usize::from(*category)].0)
        {
            ranges.push((from, to));
        }
        start += length;
    }
    Some(Set::new(ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_one_category() {
        let all: Vec<Set> = CATEGORIES.iter().filter_map(|(short, _)| set(short)).collect();
        assert_eq!(all.len(), CATEGORIES.len());
        for c in ('\0'..=char::MAX).step_by(61).chain(['\u{d7ff}', '\u{e000}', char::MAX]) {
            assert_eq!(all.iter().filter(|set| set.contains(c)).count(), 1, "{c:?}");
        }
    }

    #[test]
    fn names_are_those_of_ecmascript() {
        for (name, yes, no) in [
            ("L", "aZéßʰ漢", "1 _\u{301}"),
            ("Letter", "a", "1"),
            ("Lu", "AÉ", "aǅ漢"),
            ("Uppercase_Letter", "A", "a"),
            ("gc=Ll", "aé", "A"),
            ("General_Category=Lt", "ǅ", "a"),
            ("LC", "aAǅ", "漢"),
            ("M", "\u{301}", "a"),
            ("N", "1Ⅷ²", "a"),
            ("Nd", "1٣", "Ⅷ²"),
            ("P", "-_(»!", "+a"),
            ("S", "+€^©", "-"),
            ("Z", " \u{2028}\u{2029}", "\n"),
            ("Cc", "\n\0\u{9f}", " "),
            ("Cf", "\u{200d}\u{feff}", "a"),
            ("Zl", "\u{2028}", "\u{2029}"),
            ("Cn", "\u{10ffff}", "a"),
            ("C", "\0\u{e000}\u{10ffff}", "a"),
        ] {
            let set = set(name).expect(name);
            assert!(yes.chars().all(|c| set.contains(c)) && !no.chars().any(|c| set.contains(c)), "{name}");
        }
        assert_eq!(set("Cs").expect("a category").0, []);
        for name in ["", "l", "letter", "X", "Greek", "Script=Greek", "gc=", "Lu "] {
            assert_eq!(set(name), None, "{name}");
        }
    }
}
