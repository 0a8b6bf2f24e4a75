//! The form of the vocabulary data: what `build/tokens.rs` writes, `vocab.rs` and `class.rs` read.
//!
//! This file is compiled into the build script too, so that both sides agree.

/// Hash table entries in one bucket.
pub(crate) const SLOTS: usize = 4;

/// Bytes of one hash table entry: a token id in the low 18 bits and a tag in the high 6.
pub(crate) const ENTRY_BYTES: usize = 3;

/// Bytes of one bucket.
pub(crate) const BUCKET_BYTES: usize = SLOTS * ENTRY_BYTES;

/// Bits of a token id in an entry.
pub(crate) const ID_BITS: u32 = 18;

/// The id of an entry that holds no token. No vocabulary is that large.
pub(crate) const NO_TOKEN: u32 = (1 << ID_BITS) - 1;

/// Bits of a token's length in its span.
const LENGTH_BITS: u32 = 8;

/// The bytes of the longest token a span can hold.
pub(crate) const MAX_TOKEN_BYTES: usize = (1 << LENGTH_BITS) - 1;

/// Code points in one block of the class table, two to a byte.
pub(crate) const BLOCK: usize = 128;

/// What a character is to the patterns that split a text before the merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// None of the following.
    Other,
    /// `\p{Lu}` and `\p{Lt}`.
    Upper,
    /// `\p{Ll}`.
    Lower,
    /// `\p{Lm}` and `\p{Lo}`: letters without case.
    Letter,
    /// `\p{M}`.
    Mark,
    /// `\p{N}`.
    Number,
    /// `\s` except the line breaks.
    Space,
    /// `\r` and `\n`.
    Break,
}

impl Class {
    /// Every class, in the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::Other,
        Self::Upper,
        Self::Lower,
        Self::Letter,
        Self::Mark,
        Self::Number,
        Self::Space,
        Self::Break,
    ];
}

/// Packs where a token lies in the text.
///
/// # Panics
///
/// If the text or the token is too long for the span.
#[allow(dead_code, reason = "the build script packs them")]
pub(crate) fn pack_span(offset: usize, length: usize) -> u32 {
    assert!(
        offset < 1 << (32 - LENGTH_BITS) && length <= MAX_TOKEN_BYTES,
        "{offset} and {length} fit a span"
    );
    (offset as u32) << LENGTH_BITS | length as u32
}

/// The offset and length that [`pack_span`] was given.
pub(crate) fn unpack_span(span: u32) -> (usize, usize) {
    ((span >> LENGTH_BITS) as usize, (span & MAX_TOKEN_BYTES as u32) as usize)
}

/// The two buckets a token may lie in, and the tag that tells most others in them from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The buckets' numbers. They may be equal.
    pub(crate) buckets: [usize; 2],
    /// Six bits.
    pub(crate) tag: u32,
}

/// The place of `bytes` in a table of `buckets` buckets.
pub(crate) fn place(bytes: &[u8], buckets: usize) -> Place {
    let hash = hash(bytes);
    // A product's high half scales 32 random bits to the number of buckets, which is no power of two.
    let scale = |bits: u32| ((u64::from(bits) * buckets as u64) >> 32) as usize;
    Place { buckets: [scale((hash >> 32) as u32), scale(hash as u32)], tag: hash as u32 & 63 }
}

/// Multiplies and mixes, eight bytes at a time; 64 bits are one instruction for wasm, 128 are not.
fn hash(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut state = bytes.len() as u64;
    for chunk in &mut chunks {
        state = mix(state ^ u64::from_le_bytes(chunk.try_into().expect("a chunk of eight")));
    }
    let rest = chunks.remainder();
    let rest = match (rest.first_chunk(), rest.last_chunk(), rest) {
        // The two may overlap; together with the length they still tell every tail from every other.
        (Some(head), Some(tail), _) => {
            u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
        }
        (.., &[a, b, c]) => u64::from(u32::from_le_bytes([a, b, c, 0])),
        (.., &[a, b]) => u64::from(u16::from_le_bytes([a, b])),
        (.., &[a]) => u64::from(a),
        _ => 0,
    };
    mix(mix(state ^ rest))
}

fn mix(bits: u64) -> u64 {
    let product = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15); // 2^64 over the golden ratio
    product ^ (product >> 29)
}
