//! Tokens: text to ids and back, token for token as tiktoken.
//!
//! Text never becomes special tokens: `<|endoftext|>` in a message is ordinary text, as it is for the
//! API. No state is kept and nothing is computed at start-up; all data is in the component, ready to use.
//!
//! Without the cargo feature `vocab` there are no vocabularies, and everything here is an estimate with the
//! same properties: any text becomes tokens, and their bytes joined are the text again. See [`EXACT`].

use std::borrow::Cow;

#[cfg(any(test, not(feature = "vocab")))]
#[cfg_attr(feature = "vocab", allow(unreachable_pub, reason = "here for its tests alone"))]
mod estimate;
#[cfg(feature = "vocab")]
mod exact;

#[cfg(not(feature = "vocab"))]
use estimate as table;
#[cfg(feature = "vocab")]
use exact as table;

pub use crate::model::Encoding;
pub use table::TokenBytes;

/// Whether counts are tiktoken's, or estimates because the feature `vocab` is off.
pub const EXACT: bool = cfg!(feature = "vocab");

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 2] = [Self::O200kBase, Self::Cl100kBase];

    /// The encoding of a model; see [`crate::model::nearest`] for models that are not in the table.
    pub fn for_model(name: &str) -> Self {
        crate::model::nearest(name).encoding
    }

    /// Its name in tiktoken.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
        }
    }

    /// The ids of a text's tokens.
    ///
    /// Takes time near linear in the text, which may have up to 4 GiB, and memory for the ids only; a word of
    /// more than 248 bytes also takes 30 bytes of memory for each of its bytes while it is merged.
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4 + 1);
        self.each(text, &mut |id, _| ids.push(id));
        ids
    }

    /// How many tokens a text has, without keeping them.
    pub fn count(self, text: &str) -> usize {
        let mut count = 0;
        self.each(text, &mut |_, _| count += 1);
        count
    }

    /// A text's tokens one after the other, computed on demand: the id and the length in bytes of each.
    ///
    /// Only one word is encoded ahead of the caller, so the first few tokens of a long text are cheap.
    pub fn tokens(self, text: &str) -> Tokens<'_> {
        Tokens { encoding: self, rest: text, ready: Vec::new() }
    }

    /// The bytes of a token. They can be part of a character, since many characters need several tokens. `None` if
    /// there is no such token.
    pub fn token_bytes(self, id: u32) -> Option<TokenBytes> {
        let special = self.special_tokens().iter().find(|&&(_, special)| special == id);
        special.map(|(name, _)| TokenBytes::from(*name)).or_else(|| table::bytes(self, id))
    }

    /// The bytes of all tokens, joined. Ids that are no tokens are left out.
    pub fn decode_bytes(self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        ids.iter().filter_map(|&id| self.token_bytes(id)).for_each(|token| bytes.extend_from_slice(&token));
        bytes
    }

    /// The text of all tokens, joined. Bytes that are not valid UTF-8 become U+FFFD, as in the API.
    pub fn decode(self, ids: &[u32]) -> String {
        match String::from_utf8_lossy(&self.decode_bytes(ids)) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }

    /// tiktoken's special tokens, with their ids.
    pub fn special_tokens(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::O200kBase => &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)],
            Self::Cl100kBase => &[
                ("<|endoftext|>", 100_257),
                ("<|fim_prefix|>", 100_258),
                ("<|fim_middle|>", 100_259),
                ("<|fim_suffix|>", 100_260),
                ("<|endofprompt|>", 100_276),
            ],
        }
    }

    /// One more than the largest id, which is tiktoken's `n_vocab`. Some ids below it are no tokens.
    ///
    /// It does not bound the ids of estimates.
    pub fn vocabulary_size(self) -> u32 {
        match self {
            Self::O200kBase => 200_019,
            Self::Cl100kBase => 100_277,
        }
    }

    /// Calls `emit` with each token's id and length. Words, numbers, punctuation and white space are merged separately.
    fn each(self, mut rest: &str, emit: &mut impl FnMut(u32, usize)) {
        while !rest.is_empty() {
            let piece = table::split(self, rest);
            table::merge(self, rest, piece, emit);
            rest = &rest[piece..];
        }
    }
}

/// An iterator over the tokens of a text; see [`Encoding::tokens`].
#[derive(Debug, Clone)]
pub struct Tokens<'t> {
    encoding: Encoding,
    rest: &'t str,
    /// The remaining tokens of the last piece, in reverse order.
    ready: Vec<(u32, u32)>,
}

impl Iterator for Tokens<'_> {
    type Item = (u32, usize);

    fn next(&mut self) -> Option<(u32, usize)> {
        if self.ready.is_empty() && !self.rest.is_empty() {
            let piece = table::split(self.encoding, self.rest);
            table::merge(self.encoding, self.rest, piece, &mut |id, length| {
                self.ready.push((id, length as u32));
            });
            self.ready.reverse();
            self.rest = &self.rest[piece..];
        }
        self.ready.pop().map(|(id, length)| (id, length as usize))
    }

    /// Faster than repeated calls of `next`.
    fn for_each<F: FnMut((u32, usize))>(self, mut f: F) {
        self.ready.into_iter().rev().for_each(|(id, length)| f((id, length as usize)));
        self.encoding.each(self.rest, &mut |id, length| f((id, length)));
    }
}

impl std::iter::FusedIterator for Tokens<'_> {}
