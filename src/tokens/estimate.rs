//! Tokens without a vocabulary: an estimate.
//!
//! A token is a space and up to six letters of a word, a run of one punctuation character or space, up to three
//! digits, or up to three bytes of anything else, the same for both encodings. English prose and source code have up to a
//! quarter more of these than of the vocabularies' tokens; scripts other than Latin have one for nearly every
//! character, which for Chinese is about right and for Russian up to four times as many.
//!
//! An id contains its token's bytes, so decoding needs no table either:
//!
//! | bits 31 and 30 | the others |
//! |---|---|
//! | `1?` | a word: bit 30 a space before, bit 29 a capital first, below them the letters in base 27 |
//! | `01` | a run: the byte in bits 8 to 15, its count in bits 0 to 7 |
//! | `00` | one to three bytes: their count in bits 24 and 25, below them the bytes, the first lowest |

use std::ops::Deref;

use super::Encoding;

const WORD: u32 = 1 << 31;
const SPACE: u32 = 1 << 30;
const CAPITAL: u32 = 1 << 29;
const RUN: u32 = 1 << 30;

/// The most letters of a word in one token: 27 to the sixth is below 2 to the 29th.
const LETTERS: usize = 6;

/// The shortest and the longest run in one token.
const RUNS: std::ops::RangeInclusive<usize> = 4..=64;

/// The most other bytes in one token.
const RAW: usize = 3;

/// The bytes of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenBytes {
    bytes: [u8; *RUNS.end()],
    length: u8,
}

impl TokenBytes {
    fn new(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut token = Self { bytes: [0; *RUNS.end()], length: 0 };
        for (slot, byte) in token.bytes.iter_mut().zip(bytes) {
            *slot = byte;
            token.length += 1;
        }
        token
    }
}

impl Deref for TokenBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl From<&'static str> for TokenBytes {
    /// Special tokens are shorter than the longest run, so they fit.
    fn from(text: &'static str) -> Self {
        Self::new(text.bytes())
    }
}

/// The length in bytes of the first piece of a text, which is one token, or two for a character of four
/// bytes; 0 if the text is empty.
pub(super) fn split(_: Encoding, text: &str) -> usize {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else { return 0 };
    let run = run(bytes, |byte| byte == first && !byte.is_ascii_alphanumeric() && byte.is_ascii());
    if RUNS.contains(&run) {
        return run;
    }
    let space = usize::from(first == b' ' && bytes.len() > 1);
    let rest = &bytes[space..];
    space
        + match rest[0] {
            byte if byte.is_ascii_alphabetic() => {
                match self::run(&rest[1..], |byte| byte.is_ascii_lowercase()) {
                    // Capitals only: an abbreviation or a constant.
                    0 => self::run(rest, |byte| byte.is_ascii_uppercase()).clamp(1, RAW - space),
                    lower => (1 + lower).min(LETTERS),
                }
            }
            // A space is not part of a number's token, as in the vocabularies.
            b'0'..=b'9' if space == 1 => 0,
            b'0'..=b'9' => self::run(rest, |byte| byte.is_ascii_digit()).min(RAW),
            byte if byte.is_ascii_whitespace() => {
                self::run(rest, |byte| byte.is_ascii_whitespace()).min(RAW - space)
            }
            byte if byte.is_ascii() => {
                self::run(rest, |byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b' ')
                    .min(2)
            }
            _ => characters(&text[space..], RAW - space, space == 0),
        }
}

/// How many bytes from the start are `alike`, up to the length of a token.
fn run(bytes: &[u8], alike: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take(*RUNS.end()).take_while(|byte| alike(**byte)).count()
}

/// The bytes of the whole characters outside ASCII that fit in `room`; of at least one if one `must` be.
fn characters(text: &str, room: usize, must: bool) -> usize {
    let ends = text.char_indices().take_while(|(_, character)| !character.is_ascii());
    let mut ends = ends.map(|(at, character)| at + character.len_utf8());
    let first = ends.next().filter(|&end| must || end <= room).unwrap_or(0);
    ends.take_while(|&end| end <= room).last().unwrap_or(first)
}

/// Calls `emit` with the tokens of the piece that a text begins with, and their lengths.
pub(super) fn merge(_: Encoding, text: &str, length: usize, emit: &mut impl FnMut(u32, usize)) {
    let bytes = &text.as_bytes()[..length];
    if bytes.len() > 1
        && let Some(id) = word(bytes)
    {
        return emit(id, length);
    }
    if RUNS.contains(&bytes.len()) && bytes.iter().all(|&byte| byte == bytes[0]) {
        return emit(RUN | u32::from(bytes[0]) << 8 | length as u32, length);
    }
    for raw in bytes.chunks(RAW) {
        let packed = raw.iter().rev().fold(0, |packed, &byte| packed << 8 | u32::from(byte));
        emit((raw.len() as u32) << 24 | packed, raw.len());
    }
}

fn word(piece: &[u8]) -> Option<u32> {
    let (space, letters) = piece.strip_prefix(b" ").map_or((0, piece), |letters| (SPACE, letters));
    let capital = if letters.first()?.is_ascii_uppercase() { CAPITAL } else { 0 };
    if letters.len() > LETTERS || !letters[1..].iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    let digits = letters.iter().map(|letter| letter.to_ascii_lowercase().wrapping_sub(b'a' - 1));
    let number = digits
        .rev()
        .try_fold(0, |number, digit| (1..=26).contains(&digit).then(|| number * 27 + u32::from(digit)));
    Some(WORD | space | capital | number?)
}

/// The bytes of a token; `None` if no text has such a token.
pub(super) fn bytes(_: Encoding, id: u32) -> Option<TokenBytes> {
    let token = if id & WORD != 0 {
        let mut number = id & (CAPITAL - 1);
        let mut letters = std::iter::from_fn(|| {
            let digit = (number % 27) as u8;
            number /= 27;
            (digit > 0).then(|| b'a' - 1 + digit)
        });
        let first = letters.next()?;
        let first = if id & CAPITAL != 0 { first.to_ascii_uppercase() } else { first };
        let space = (id & SPACE != 0).then_some(b' ');
        TokenBytes::new(space.into_iter().chain([first]).chain(letters))
    } else if id & RUN != 0 {
        let count = id as u8;
        TokenBytes::new(std::iter::repeat_n((id >> 8) as u8, usize::from(count)))
    } else {
        TokenBytes::new(id.to_le_bytes().into_iter().take((id >> 24) as usize))
    };
    // One text has one id, so an id whose text encodes to another id is not a token.
    let mut made = None;
    let text = std::str::from_utf8(&token);
    match text {
        Ok(text) if !text.is_empty() => {
            merge(Encoding::O200kBase, text, text.len(), &mut |id, _| made = Some(id))
        }
        // A part of a character.
        _ => made = (id >> 24 == token.len() as u32 && !token.is_empty()).then_some(id),
    }
    (made == Some(id)).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str) -> Vec<u32> {
        let (mut ids, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at(split(Encoding::O200kBase, rest));
            merge(Encoding::O200kBase, piece, piece.len(), &mut |id, _| ids.push(id));
        }
        ids
    }

    fn token(id: u32) -> Option<TokenBytes> {
        bytes(Encoding::O200kBase, id)
    }

    #[test]
    fn texts_are_cut_to_tokens() {
        for (text, want) in [
            ("", &[][..]),
            ("Hello, world!", &["Hello", ",", " world", "!"]),
            ("tokenization", &["tokeni", "zation"]),
            ("a HTTPServer", &["a", " HT", "TPS", "erver"]),
            ("in 2024", &["in", " ", "202", "4"]),
            ("x == y;\n    z", &["x", " ==", " y", ";\n", "    ", "z"]),
            ("----------", &["----------"]),
            ("né", &["n", "é"]),
            ("да нет", &["д", "а", " н", "е", "т"]),
            ("漢字", &["漢", "字"]),
            (" ", &[" "]),
        ] {
            let tokens: Vec<_> = encode(text).into_iter().map(|id| token(id).unwrap()).collect();
            let tokens: Vec<_> = tokens.iter().map(|token| std::str::from_utf8(token).unwrap()).collect();
            assert_eq!(tokens, want, "{text:?}");
        }
    }

    #[test]
    fn joined_tokens_are_the_text() {
        let parts = [
            "a", "Zq", "É", "漢", "😀", " ", "\n", "\t", "9", "--", "'s", "\u{301}", "\u{0}", "the", "=",
            "    ",
        ];
        for first in parts {
            for second in parts {
                for third in parts {
                    let text = [first, second, third, second, first, second.repeat(70).as_str()].concat();
                    let joined: Vec<u8> =
                        encode(&text).iter().flat_map(|&id| token(id).unwrap().to_vec()).collect();
                    assert_eq!(joined, text.as_bytes(), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn ids_no_text_has_are_no_tokens() {
        for id in [
            0,
            15_339,
            199_999,
            WORD,
            WORD | CAPITAL,
            u32::MAX,
            RUN,
            RUN | 3,
            RUN | 0x2041,
            4 << 24,
            1 << 24 | 0x100,
        ] {
            assert_eq!(token(id), None, "{id:#x}");
        }
    }

    /// The figures that the documentation states.
    #[cfg(feature = "vocab")]
    #[test]
    fn estimates_are_near_the_counts() {
        for (name, text, most) in [
            ("prose", include_str!("../../LICENSE"), 1.25),
            ("code", include_str!("exact/split.rs"), 1.25),
            ("russian", "Все люди рождаются свободными и равными в своём достоинстве и правах.", 4.0),
            ("chinese", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。", 2.0),
        ] {
            let estimate = encode(text).len() as f64;
            for encoding in Encoding::ALL {
                let ratio = estimate / encoding.count(text) as f64;
                assert!((0.85..most).contains(&ratio), "{name}: {ratio} of {}", encoding.name());
            }
        }
    }
}
