//! The class of a character, by the tables that `build.rs` made from regex-syntax, whose Unicode version is
//! the one of tiktoken-rs.

use super::layout::{BLOCK, Class};

static INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes.index"));
static BLOCKS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes.blocks"));

/// The classes of ASCII, which are most of most texts.
static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'A'..=b'Z' => Class::Upper,
            b'a'..=b'z' => Class::Lower,
            b'0'..=b'9' => Class::Number,
            b'\r' | b'\n' => Class::Break,
            b' ' | b'\t' | 0x0b | 0x0c => Class::Space,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// The class of the character at byte `at`, which is a boundary, and its length; `None` at the end.
#[inline(always)] // the loops over a text's bytes are what splitting costs
pub(super) fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    match ASCII.get(usize::from(*text.as_bytes().get(at)?)) {
        Some(&class) => Some((class, 1)),
        None => wide(text, at),
    }
}

#[inline(never)]
fn wide(text: &str, at: usize) -> Option<(Class, usize)> {
    text[at..].chars().next().map(|character| (class(character), character.len_utf8()))
}

fn class(character: char) -> Class {
    let point = character as usize;
    let block = usize::from(INDEX[point / BLOCK]) * BLOCK;
    let pair = BLOCKS[(block + point % BLOCK) / 2];
    Class::ALL[usize::from(pair >> (point % 2 * 4) & 7)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_agrees_with_the_table() {
        for byte in 0..128u8 {
            assert_eq!(ASCII[usize::from(byte)], class(char::from(byte)), "{byte}");
        }
    }

    #[test]
    fn every_plane_has_classes() {
        for (character, want) in [
            ('ß', Class::Lower),
            ('Ǆ', Class::Upper),
            ('ǅ', Class::Upper),  // titlecase
            ('ʰ', Class::Letter), // modifier
            ('漢', Class::Letter),
            ('\u{301}', Class::Mark),
            ('\u{903}', Class::Mark),  // spacing
            ('\u{20dd}', Class::Mark), // enclosing
            ('٣', Class::Number),
            ('Ⅷ', Class::Number),
            ('²', Class::Number),
            ('\u{a0}', Class::Space),
            ('\u{85}', Class::Space),
            ('\u{2028}', Class::Space),
            ('\u{200b}', Class::Other), // zero width space is none
            ('€', Class::Other),
            ('😀', Class::Other),
            ('𝐀', Class::Upper),
            ('𠀀', Class::Letter),
            ('\u{e0100}', Class::Mark),
            ('\u{10ffff}', Class::Other),
        ] {
            assert_eq!(class(character), want, "{character:?}");
            assert_eq!(class_at(&character.to_string(), 0), Some((want, character.len_utf8())));
        }
        assert_eq!(class_at("a", 1), None);
    }
}
