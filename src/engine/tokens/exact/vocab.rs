//! A vocabulary: bytes to ids by a hash table, ids to bytes by a list of spans.

use super::layout::{self, BUCKET_BYTES, ENTRY_BYTES, ID_BITS, NO_TOKEN, SLOTS};
use crate::engine::tokens::Encoding;

/// The text the spans of both vocabularies point into.
static TEXT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/text.bin"));

static O200K: Vocabulary = Vocabulary {
    spans: include_bytes!(concat!(env!("OUT_DIR"), "/o200k.spans")),
    index: include_bytes!(concat!(env!("OUT_DIR"), "/o200k.index")),
};

static CL100K: Vocabulary = Vocabulary {
    spans: include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.spans")),
    index: include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.index")),
};

/// The bytes of the longest token, in either vocabulary: so many spaces.
const LONGEST: usize = 128;

/// The ordinary tokens of an encoding. An id is also the token's rank: lower ids are merged first.
pub(super) struct Vocabulary {
    spans: &'static [u8],
    index: &'static [u8],
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
        if bytes.len() > LONGEST {
            return None;
        }
        let place = layout::place(bytes, self.index.len() / BUCKET_BYTES);
        place.buckets.into_iter().find_map(|bucket| {
            let bucket = &self.index[bucket * BUCKET_BYTES..][..BUCKET_BYTES];
            bucket.chunks_exact(ENTRY_BYTES).take(SLOTS).find_map(|entry| {
                let entry = u32::from_le_bytes([entry[0], entry[1], entry[2], 0]);
                let id = entry & NO_TOKEN;
                (entry >> ID_BITS == place.tag && self.bytes(id) == Some(bytes)).then_some(id)
            })
        })
    }

    /// The bytes of a token; `None` if there is no ordinary token with this id.
    #[inline]
    pub(super) fn bytes(&self, id: u32) -> Option<&'static [u8]> {
        let span = self.spans.get(id as usize * 4..)?.first_chunk()?;
        let (offset, length) = layout::unpack_span(u32::from_le_bytes(*span));
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
    }
}
