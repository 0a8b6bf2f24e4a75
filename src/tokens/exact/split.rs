//! Where a text is split before the merges: the patterns of tiktoken's encodings, implemented by hand.
//!
//! cl100k_base:
//!
//! ```text
//! '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
//! ```
//!
//! o200k_base, where UPPER is `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and LOWER `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`:
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?UPPER*LOWER+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?UPPER+LOWER*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//! ```
//!
//! An alternative is taken if no earlier one matches, and none looks behind its start. So the length of the
//! first match is a function of the rest of the text.

use super::class::class_at;
use super::layout::Class;

/// The length of the first match of cl100k_base's pattern; 0 if the text is empty.
pub(super) fn cl100k(text: &str) -> usize {
    let Some((first, width)) = class_at(text, 0) else { return 0 };
    let contraction = contraction(text, 0);
    if contraction > 0 {
        return contraction;
    }
    match first {
        Class::Upper | Class::Lower | Class::Letter => letters(text, width),
        Class::Number => number(text),
        Class::Break => space(text).or_end(),
        Class::Other | Class::Mark | Class::Space => match letters(text, width) {
            end if end > width => end,
            _ => signs(text, b"\r\n").unwrap_or_else(|| space(text).or_end()),
        },
    }
}

/// The length of the first match of o200k_base's pattern; 0 if the text is empty.
pub(super) fn o200k(text: &str) -> usize {
    let Some((first, width)) = class_at(text, 0) else { return 0 };
    let word = match first {
        Class::Upper | Class::Lower | Class::Letter => mixed(text, 0).or_else(|| capitals(text, 0)),
        // A mark can precede the word and can also be a word, which is tried before one in capitals.
        Class::Mark => mixed(text, width).or(Some(width)),
        Class::Other | Class::Space => mixed(text, width).or_else(|| capitals(text, width)),
        Class::Number => return number(text),
        Class::Break => None,
    };
    match word {
        Some(end) => end + contraction(text, end),
        None => signs(text, b"\r\n/").unwrap_or_else(|| space(text).or_break()),
    }
}

/// `UPPER*LOWER+` from `start`: where it ends.
fn mixed(text: &str, start: usize) -> Option<usize> {
    let (mut end, mut caseless) = (start, None);
    while let Some((class, width)) = class_at(text, end) {
        match class {
            Class::Upper => end += width,
            Class::Letter | Class::Mark => {
                end += width;
                caseless = Some(end);
            }
            Class::Lower => {
                let end = ascii_letters::<0>(text, end);
                return Some(run(text, end, |class| class == Class::Lower || is_caseless(class)));
            }
            _ => break,
        }
    }
    // No lowercase letter follows, so UPPER* backtracks for LOWER+: to the last character that is both.
    caseless
}

/// `UPPER+LOWER*` from `start`, where [`mixed`] found nothing: then only capitals are left to match.
fn capitals(text: &str, start: usize) -> Option<usize> {
    Some(run(text, start, |class| class == Class::Upper)).filter(|&end| end > start)
}

/// The length of `'(?i:[sdmt]|ll|ve|re)` at `at`; 0 if it is not there.
#[inline]
fn contraction(text: &str, at: usize) -> usize {
    let Some(rest) = text.as_bytes()[at..].strip_prefix(b"'") else { return 0 };
    match rest {
        [b's' | b'S' | b'd' | b'D' | b'm' | b'M' | b't' | b'T', ..] => 2,
        [b'l' | b'L', b'l' | b'L', ..] | [b'v' | b'V' | b'r' | b'R', b'e' | b'E', ..] => 3,
        [0xc5, 0xbf, ..] => 3, // U+017F, the long s: the same letter when case is ignored
        _ => 0,
    }
}

/// `\p{N}{1,3}`
fn number(text: &str) -> usize {
    let mut end = 0;
    for _ in 0..3 {
        match class_at(text, end) {
            Some((Class::Number, width)) => end += width,
            _ => break,
        }
    }
    end
}

/// ` ?[^\s\p{L}\p{N}]+`, then any number of the bytes in `after`.
fn signs(text: &str, after: &[u8]) -> Option<usize> {
    let start = usize::from(text.starts_with(' '));
    let end = run(text, start, |class| matches!(class, Class::Other | Class::Mark));
    let tail = text.as_bytes()[end..].iter().take_while(|byte| after.contains(byte)).count();
    (end > start).then_some(end + tail)
}

/// A run of `\s`, which the last alternatives split in different ways.
struct Space {
    /// After the last line break.
    line: Option<usize>,
    /// Before the last character, which belongs to what follows; unless there is only one.
    ahead: usize,
    end: usize,
    /// Nothing follows the run.
    last: bool,
}

fn space(text: &str) -> Space {
    let mut space = Space { line: None, ahead: 0, end: 0, last: false };
    while let Some((class @ (Class::Space | Class::Break), width)) = class_at(text, space.end) {
        space.ahead = space.end;
        space.end += width;
        if class == Class::Break {
            space.line = Some(space.end);
        }
    }
    space.last = space.end == text.len();
    space
}

impl Space {
    /// `\s++$|\s*[\r\n]|\s+(?!\S)|\s`
    fn or_end(self) -> usize {
        if self.last { self.end } else { self.or_break() }
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`
    fn or_break(self) -> usize {
        self.line.unwrap_or(if self.last || self.ahead == 0 { self.end } else { self.ahead })
    }
}

/// Where a run of characters for which `belong` holds ends.
#[inline]
fn run(text: &str, mut at: usize, belong: impl Fn(Class) -> bool) -> usize {
    while let Some((class, width)) = class_at(text, at)
        && belong(class)
    {
        at += width;
    }
    at
}

/// Where a run of `\p{L}` ends.
fn letters(text: &str, at: usize) -> usize {
    run(text, ascii_letters::<{ b'a' ^ b'A' }>(text, at), is_letter)
}

/// Where a run of ASCII letters ends, or earlier, in the text's last bytes: eight at a time. They are lowercase
/// once the bits of `CASE` are set.
#[inline]
fn ascii_letters<const CASE: u8>(text: &str, mut at: usize) -> usize {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    while let Some(chunk) = text.as_bytes()[at..].first_chunk() {
        let bytes = u64::from_le_bytes(*chunk);
        let low = (bytes | (u64::from(CASE) * EACH)) & !HIGH;
        // Each sum stays within its byte, and reaches the high bit from `a` on, and from behind `z` on.
        let (from_a, past_z) = (low + u64::from(128 - b'a') * EACH, low + u64::from(127 - b'z') * EACH);
        let others = !(from_a & !past_z & !bytes) & HIGH;
        let run = (others.trailing_zeros() / 8) as usize;
        at += run;
        if run < 8 {
            break;
        }
    }
    at
}

fn is_letter(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Letter)
}

fn is_caseless(class: Class) -> bool {
    matches!(class, Class::Letter | Class::Mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(first: fn(&str) -> usize, mut text: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        while !text.is_empty() {
            let piece;
            (piece, text) = text.split_at(first(text));
            assert!(!piece.is_empty(), "{text:?}");
            pieces.push(piece);
        }
        pieces
    }

    #[test]
    fn eight_letters_at_once_are_those_one_by_one() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = *b"abcxyzmn";
                bytes[place] = byte;
                // What is no ASCII is the first byte of a character of two.
                let text = match byte {
                    0..128 => String::from_utf8(bytes.to_vec()).expect("ASCII"),
                    _ => format!("{}\u{e9}{}", &"abcxyzmn"[..place], &"abcxyzmn"[place + 1..]),
                };
                let run = |letter: fn(&u8) -> bool| text.bytes().take_while(letter).count();
                let lower = ascii_letters::<0>(&text, 0);
                assert_eq!(lower, run(u8::is_ascii_lowercase).min(8), "{text:?}");
                let any = ascii_letters::<{ b'a' ^ b'A' }>(&text, 0);
                assert_eq!(any, run(u8::is_ascii_alphabetic).min(8), "{text:?}");
            }
        }
    }

    #[test]
    fn both_cut_alike() {
        for (text, want) in [
            ("", &[][..]),
            ("hello world", &["hello", " world"]),
            ("1234567", &["123", "456", "7"]),
            ("a  b", &["a", " ", " b"]),
            ("a   1", &["a", "  ", " ", "1"]), // a number takes no space
            ("a\t\tb", &["a", "\t", "\tb"]),
            ("a \n \n  b", &["a", " \n \n", " ", " b"]),
            ("end.\n\n", &["end", ".\n\n"]),
            ("a  ", &["a", "  "]),
            (" ++x", &[" ++", "x"]),
            ("(x)", &["(x", ")"]),
            ("\u{3000}x", &["\u{3000}x"]),     // any space stands before a word
            ("\u{3000}+", &["\u{3000}", "+"]), // but before signs only the ASCII one
            ("漢字かな", &["漢字かな"]),
            ("👍🏽!", &["👍🏽!"]),
        ] {
            assert_eq!(pieces(cl100k, text), want, "{text:?}");
            assert_eq!(pieces(o200k, text), want, "{text:?}");
        }
    }

    #[test]
    fn each_cuts_its_own_way() {
        for (text, cl100k_want, o200k_want) in [
            // Contractions are pieces, or end words.
            ("I'll", &["I", "'ll"][..], &["I'll"][..]),
            ("IT'S", &["IT", "'S"], &["IT'S"]),
            ("x'\u{17f}y", &["x", "'\u{17f}", "y"], &["x'\u{17f}", "y"]),
            ("'sx", &["'s", "x"], &["'sx"]),
            ("o'clock", &["o", "'clock"], &["o", "'clock"]),
            // Case cuts words in o200k_base alone.
            ("camelCase", &["camelCase"], &["camel", "Case"]),
            ("HTTPServer", &["HTTPServer"], &["HTTPServer"]),
            ("aBC", &["aBC"], &["a", "BC"]),
            ("AB漢CD", &["AB漢CD"], &["AB漢", "CD"]), // UPPER* backtracks over CD
            ("漢AB", &["漢AB"], &["漢", "AB"]),
            // Marks are signs in cl100k_base, parts of words in o200k_base.
            ("e\u{301}a", &["e", "\u{301}a"], &["e\u{301}a"]),
            ("\u{301}A", &["\u{301}A"], &["\u{301}", "A"]),
            ("\u{301}Ab", &["\u{301}Ab"], &["\u{301}Ab"]),
            ("+\u{301}", &["+\u{301}"], &["+\u{301}"]),
            // Slashes go with line breaks.
            ("//\n/x", &["//\n", "/x"], &["//\n/", "x"]),
            // Line breaks before spaces that end the text.
            ("a\n  ", &["a", "\n  "], &["a", "\n", "  "]),
        ] {
            assert_eq!(pieces(cl100k, text), cl100k_want, "{text:?}");
            assert_eq!(pieces(o200k, text), o200k_want, "{text:?}");
        }
    }
}
