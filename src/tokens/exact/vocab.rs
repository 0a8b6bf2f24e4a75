//! A vocabulary: bytes to ids by a hash table, ids to bytes by a list of spans.

use super::layout::{
    self, BUCKET_BYTES, Bucket, PAIR_ID_BYTES, PAIRS_BYTES, Pairs, Place, SPAN_BYTES, WORD_BYTES,
};
use crate::tokens::Encoding;

/// The text that contains every token of both vocabularies.
static TEXT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/text.bin"));

/// The data of one vocabulary.
macro_rules! vocabulary {
    ($name:literal) => {
        Vocabulary {
            spans: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".spans")).as_chunks().0,
            index: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".index")).as_chunks().0,
            pairs: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".pairs")).as_chunks().0,
            pair_ids: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".pair_ids")).as_chunks().0,
        }
    };
}

static O200K: Vocabulary = vocabulary!("o200k");
static CL100K: Vocabulary = vocabulary!("cl100k");

/// The length in bytes of the longest token in either vocabulary, a run of spaces.
const LONGEST: usize = 128;

/// The ordinary tokens of an encoding. An id is also the token's rank: lower ids are merged first.
pub(super) struct Vocabulary {
    /// Where each token lies in the text.
    spans: &'static [[u8; SPAN_BYTES]],
    /// The hash table.
    index: &'static [[u8; BUCKET_BYTES]],
    /// Which two bytes are a token.
    pairs: &'static [[u8; PAIRS_BYTES]],
    /// The ids of those that are, in the order of their bytes.
    pair_ids: &'static [[u8; PAIR_ID_BYTES]],
}

impl Vocabulary {
    /// The vocabulary of an encoding.
    pub(super) fn of(encoding: Encoding) -> &'static Self {
        match encoding {
            Encoding::O200kBase => &O200K,
            Encoding::Cl100kBase => &CL100K,
        }
    }

    /// The token that is exactly these bytes.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<u32> {
        match bytes.len() {
            0 => None,
            1..=WORD_BYTES => self.find_word(layout::word(bytes), bytes.len()),
            // Most of a text's words are handled above, and no token is longer than `LONGEST`.
            _ if bytes.len() > LONGEST => None,
            _ => self.probe(layout::place(bytes, self.index.len()), |offset, length| {
                TEXT.get(offset..offset + length) == Some(bytes)
            }),
        }
    }

    /// The token that is exactly these one to eight bytes, as [`layout::word`] makes them a number.
    #[inline]
    pub(super) fn find_word(&self, word: u64, length: usize) -> Option<u32> {
        let unused = 64 - 8 * length;
        self.probe(layout::place_word(word, length, self.index.len()), |offset, found| {
            let text = TEXT.get(offset..).and_then(<[u8]>::first_chunk);
            found == length && text.is_some_and(|text| u64::from_le_bytes(*text) << unused == word << unused)
        })
    }

    /// The token that is exactly these two bytes. Most lookups of a merge are of this kind, and most find nothing.
    #[inline]
    pub(super) fn find_pair(&self, pair: [u8; 2]) -> Option<u32> {
        let pair = u16::from_be_bytes(pair);
        let position = Pairs::from_bytes(self.pairs.get(usize::from(pair / 32))?).position(pair % 32)?;
        self.pair_ids.get(position).map(|&[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// The token at this place in the hash table whose offset and length in the text satisfy `is`.
    #[inline]
    fn probe(&self, place: Place, is: impl Fn(usize, usize) -> bool) -> Option<u32> {
        place.buckets.into_iter().find_map(|bucket| {
            Bucket::from_bytes(self.index.get(bucket)?)
                .tagged(place.tag)
                .find(|&id| self.span(id).is_some_and(|(offset, length)| is(offset, length)))
        })
    }

    /// Where a token lies in the text.
    #[inline]
    fn span(&self, id: u32) -> Option<(usize, usize)> {
        self.spans.get(id as usize).map(|span| layout::unpack_span(u32::from_le_bytes(*span)))
    }

    /// The bytes of a token; `None` if there is no ordinary token with this id.
    #[inline]
    pub(super) fn bytes(&self, id: u32) -> Option<&'static [u8]> {
        let (offset, length) = self.span(id)?;
        TEXT.get(offset..offset + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_found_by_its_bytes() {
        for (encoding, size) in [(Encoding::O200kBase, 199_998), (Encoding::Cl100kBase, 100_256)] {
            let vocabulary = Vocabulary::of(encoding);
            for id in 0..size {
                let bytes = vocabulary.bytes(id).unwrap();
                assert!((1..=LONGEST).contains(&bytes.len()), "{id}");
                assert_eq!(vocabulary.find(bytes), Some(id), "{bytes:?}");
                if let Ok(pair) = bytes.try_into() {
                    assert_eq!(vocabulary.find_pair(pair), Some(id), "{bytes:?}");
                }
            }
            assert_eq!(vocabulary.bytes(size), None);
            assert_eq!(vocabulary.bytes(u32::MAX), None);
        }
    }

    #[test]
    fn what_is_no_token_is_not_found() {
        for bytes in [&b""[..], b"zqxjk", b"\xff\xfe\xfd", &[b' '; 129]] {
            for encoding in Encoding::ALL {
                assert_eq!(Vocabulary::of(encoding).find(bytes), None, "{bytes:?}");
            }
        }
        for pair in 0..=u16::MAX {
            let pair = pair.to_le_bytes();
            for vocabulary in Encoding::ALL.map(Vocabulary::of) {
                assert_eq!(vocabulary.find_pair(pair), vocabulary.find(&pair), "{pair:?}");
            }
        }
    }
}
