//! [`TokenizedText`]: a text and its tokens.

use crate::tokens::Encoding;
use std::ops::Range;

/// The most bytes that one token has, with room to spare.
const LONGEST_TOKEN: usize = 256;

/// A text, its tokens, and the log probability of each, where requested.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenizedText {
    text: String,
    tokens: Vec<Token>,
    odds: Vec<TokenLogprobs>,
}

/// One token of a [`TokenizedText`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its id in the speech's encoding.
    pub id: u32,
    /// The end of the text whose characters are complete with this token. A token that leaves a
    /// character unfinished adds none of it.
    end: u32,
}

/// How likely a token was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenLogprobs {
    /// The logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens with their logarithms, the likeliest first.
    pub top: Vec<(u32, f32)>,
}

/// Whole characters, and their tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'s> {
    /// What is new of the text.
    pub text: &'s str,
    /// The tokens; more than one where a character takes several.
    pub tokens: Range<usize>,
}

impl TokenizedText {
    /// Tokenizes a text, and returns whether all of it fits into so many tokens.
    pub fn new(text: &str, encoding: Encoding, most: usize) -> (Self, bool) {
        let mut tokens = Vec::with_capacity((text.len() / 4 + 1).min(most));
        // Text without white space is tokenized as one piece: not more of it than the tokens may be of.
        let reach = text.floor_char_boundary(most.saturating_mul(LONGEST_TOKEN));
        let mut ids = encoding.tokens(&text[..reach]);
        let mut end_byte = 0;
        let push = |(id, length)| {
            end_byte += length;
            tokens.push(Token { id, end: floor(text, end_byte) });
        };
        // A token has one byte at least.
        if most >= text.len() {
            ids.for_each(push);
            return (Self { text: text.to_owned(), tokens, odds: Vec::new() }, true);
        }
        ids.by_ref().take(most).for_each(push);
        let whole = ids.next().is_none() && reach == text.len();
        let mut speech = Self { text: String::new(), tokens, odds: Vec::new() };
        let end = floor(text, end_byte) as usize;
        speech.text.push_str(&text[..end]);
        if end < end_byte {
            speech.break_off();
        }
        (speech, whole)
    }

    /// The text of some tokens, whatever their bytes are.
    pub fn of_tokens(ids: impl IntoIterator<Item = u32>, encoding: Encoding) -> Self {
        let mut speech = Self::default();
        let mut unfinished = Vec::new();
        for id in ids {
            if let Some(bytes) = encoding.token_bytes(id) {
                unfinished.extend_from_slice(&bytes);
            }
            finish_characters(&mut unfinished, &mut speech.text);
            speech.tokens.push(Token { id, end: speech.text.len() as u32 });
        }
        if !unfinished.is_empty() {
            speech.break_off();
        }
        speech
    }

    /// The last character is never finished; as in the API, U+FFFD stands for it.
    fn break_off(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        if let Some(last) = self.tokens.last_mut() {
            last.end = self.text.len() as u32;
        }
    }

    /// The same speech with its odds, one for each token.
    pub fn with_odds(mut self, odds: Vec<TokenLogprobs>) -> Self {
        self.odds = odds;
        self
    }

    /// Ends the speech before a byte of its text, which begins a character.
    pub(super) fn cut_at(&mut self, byte: usize, encoding: Encoding) {
        let mut odds = None;
        while let Some(last) = self.tokens.last() {
            // What ends in the middle of a character is not over at its end either.
            let whole =
                encoding.token_bytes(last.id).is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok());
            if whole && last.end as usize <= byte {
                break;
            }
            self.tokens.pop();
            odds = self.odds.pop();
        }
        // What is left of a token that the cut goes through gets tokens of its own.
        let mut end_byte = self.tokens.last().map_or(0, |last| last.end as usize);
        for (id, length) in encoding.tokens(self.text.get(end_byte..byte).unwrap_or_default()) {
            end_byte += length;
            self.tokens.push(Token { id, end: floor(&self.text, end_byte) });
            if let Some(odds) = &odds {
                let top = odds.top.first().map(|_| (id, odds.logprob));
                self.odds.push(TokenLogprobs { logprob: odds.logprob, top: top.into_iter().collect() });
            }
        }
        self.text.truncate(byte);
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tokens.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The log probability of each token; empty unless requested.
    pub fn odds(&self) -> &[TokenLogprobs] {
        &self.odds
    }

    /// The piece that begins with a token. The texts of all pieces joined are the text.
    pub fn piece(&self, from: usize) -> Option<Piece<'_>> {
        let rest = self.tokens.get(from..).filter(|rest| !rest.is_empty())?;
        let start = from.checked_sub(1).map_or(0, |before| self.tokens[before].end);
        let last = rest.iter().position(|token| token.end > start).unwrap_or(rest.len() - 1);
        let text = self.text.get(start as usize..rest[last].end as usize).unwrap_or_default();
        Some(Piece { text, tokens: from..from + last + 1 })
    }

    /// What one token adds to the text: nothing, where it leaves a character unfinished.
    pub fn text_of(&self, token: usize) -> &str {
        let start = token.checked_sub(1).map_or(0, |before| self.tokens[before].end);
        let end = self.tokens.get(token).map_or(start, |token| token.end);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Every piece, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let piece = self.piece(next)?;
            next = piece.tokens.end;
            Some(piece)
        })
    }
}

/// The end of the last character that is over at a byte.
fn floor(text: &str, byte: usize) -> u32 {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    // Bodies are far below 4 GiB.
    byte as u32
}

/// Moves what is whole characters to the text, and U+FFFD for what can never be one.
fn finish_characters(unfinished: &mut Vec<u8>, text: &mut String) {
    let mut rest = &unfinished[..];
    loop {
        match std::str::from_utf8(rest) {
            Ok(good) => {
                text.push_str(good);
                rest = &[];
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                rest = bad;
                if let Some(length) = error.error_len() {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &bad[length..];
                    continue;
                }
            }
        }
        break;
    }
    let left = rest.len();
    unfinished.drain(..unfinished.len() - left);
}

#[cfg(test)]
mod tests {
    use super::*;

    const O200K: Encoding = Encoding::O200kBase;

    fn pieces(speech: &TokenizedText) -> Vec<&str> {
        speech.pieces().map(|piece| piece.text).collect()
    }

    #[test]
    fn pieces_are_whole_characters_and_join_to_the_text() {
        for text in ["", "Hello there, world", "👩🏽‍🚀 naïve 漢字かな交じり文 𝔘𝔫𝔦", "\u{0}\u{10ffff}", "  \n"]
        {
            for encoding in Encoding::ALL {
                let (speech, whole) = TokenizedText::new(text, encoding, usize::MAX);
                assert!(whole && speech.text() == text);
                assert_eq!(pieces(&speech).concat(), text);
                assert!(pieces(&speech).iter().all(|piece| !piece.is_empty()), "{text:?}");
                assert_eq!(speech.tokens().len(), encoding.count(text));
                let ids = speech.tokens().iter().map(|token| token.id);
                assert_eq!(TokenizedText::of_tokens(ids, encoding), speech, "{text:?}");
            }
        }
    }

    #[test]
    fn a_character_broken_off_is_one_replacement_character() {
        let text = "ok 𓀀"; // a hieroglyph takes several tokens
        let all = O200K.encode(text);
        for most in 0..all.len() {
            let (speech, whole) = TokenizedText::new(text, O200K, most);
            assert!(!whole);
            assert_eq!(speech.text(), String::from_utf8_lossy(&O200K.decode_bytes(&all[..most])));
            assert_eq!(pieces(&speech).concat(), speech.text());
            assert_eq!(TokenizedText::of_tokens(all[..most].iter().copied(), O200K), speech);
        }
    }

    #[test]
    #[cfg(feature = "vocab")] // estimates have no token for every byte
    fn bytes_that_form_no_character_are_told_as_the_api_tells_them() {
        let byte = |byte: u8| (0..256).find(|&id| O200K.token_bytes(id).is_some_and(|b| *b == [byte]));
        let ids: Vec<u32> = [0xe2, 0x82, b'a', 0xff, 0xc3].into_iter().filter_map(byte).collect();
        assert_eq!(ids.len(), 5);
        let speech = TokenizedText::of_tokens(ids, O200K);
        assert_eq!(speech.text(), "\u{fffd}a\u{fffd}\u{fffd}");
        assert_eq!(pieces(&speech), ["\u{fffd}a", "\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn a_cut_leaves_tokens_that_say_what_is_left() {
        let text = "Hello there, 漢字 wonderful world";
        for byte in (0..=text.len()).filter(|&byte| text.is_char_boundary(byte)) {
            let (mut speech, _) = TokenizedText::new(text, O200K, usize::MAX);
            let odds = vec![TokenLogprobs::default(); speech.tokens().len()];
            speech = speech.with_odds(odds);
            speech.cut_at(byte, O200K);
            assert_eq!(speech.text(), &text[..byte]);
            assert_eq!(pieces(&speech).concat(), &text[..byte]);
            assert_eq!(speech.odds().len(), speech.tokens().len());
            let ids: Vec<u32> = speech.tokens().iter().map(|token| token.id).collect();
            assert_eq!(O200K.decode(&ids), &text[..byte]);
        }
    }
}
