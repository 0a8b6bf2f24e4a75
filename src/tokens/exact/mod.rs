//! Tokens by the vocabularies that `build.rs` wrote.

mod class;
#[allow(dead_code, reason = "the writing side is for the build script")]
mod layout;
mod merge;
mod split;
mod vocab;

use std::ops::Deref;

use super::Encoding;
use vocab::Vocabulary;

/// The bytes of one token; estimates need a type of their own here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenBytes(&'static [u8]);

impl Deref for TokenBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl From<&'static str> for TokenBytes {
    fn from(text: &'static str) -> Self {
        Self(text.as_bytes())
    }
}

/// The length in bytes of the first piece of a text; 0 if the text is empty.
pub(super) fn split(encoding: Encoding, text: &str) -> usize {
    match encoding {
        Encoding::O200kBase => split::o200k(text),
        Encoding::Cl100kBase => split::cl100k(text),
    }
}

/// Calls `emit` with the tokens of the piece that a text begins with, and their lengths.
pub(super) fn merge(encoding: Encoding, text: &str, length: usize, emit: &mut impl FnMut(u32, usize)) {
    merge::merge(Vocabulary::of(encoding), text.as_bytes(), length, emit);
}

/// The bytes of an ordinary token.
pub(super) fn bytes(encoding: Encoding, id: u32) -> Option<TokenBytes> {
    Vocabulary::of(encoding).bytes(id).map(TokenBytes)
}
