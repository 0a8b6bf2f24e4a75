//! The form of the vocabulary data: what `build/tokens.rs` writes, `vocab.rs` and `class.rs` read.
//!
//! This file is compiled into the build script too, so that both sides agree.

/// Tokens in one bucket of the hash table.
pub(crate) const SLOTS: usize = 4;

/// Bytes of one bucket.
pub(crate) const BUCKET_BYTES: usize = 12;

/// The id of a slot that holds no token. No vocabulary is that large: ids have 18 bits.
pub(crate) const NO_TOKEN: u32 = (1 << 18) - 1;

/// Bytes of where a token lies in the text.
pub(crate) const SPAN_BYTES: usize = 4;

/// Bytes of [`Pairs`].
pub(crate) const PAIRS_BYTES: usize = 6;

/// Bytes of the id of a token of two bytes.
pub(crate) const PAIR_ID_BYTES: usize = 3;

/// Bits of a token's length in its span.
const LENGTH_BITS: u32 = 8;

/// The bytes of the longest token a span can hold.
pub(crate) const MAX_TOKEN_BYTES: usize = (1 << LENGTH_BITS) - 1;

/// Code points in one block of the class table, two to a byte.
pub(crate) const BLOCK: usize = 128;

/// The class of a character in the patterns that split a text before the merges.
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
pub(crate) fn pack_span(offset: usize, length: usize) -> u32 {
    assert!(
        offset < 1 << (32 - LENGTH_BITS) && length <= MAX_TOKEN_BYTES,
        "{offset} and {length} fit a span"
    );
    (offset as u32) << LENGTH_BITS | length as u32
}

/// The offset and length of a span.
pub(crate) fn unpack_span(span: u32) -> (usize, usize) {
    ((span >> LENGTH_BITS) as usize, (span & MAX_TOKEN_BYTES as u32) as usize)
}

/// One bucket, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The low 16 bits of each id, the first lowest.
    low: u64,
    /// A tag of six bits for each id, the first lowest, and above them the high two bits of each id.
    high: u32,
}

/// The lowest bit of each tag.
const TAGS: u32 = 0o01_01_01_01;

impl Bucket {
    /// A bucket of ids, each with its tag.
    pub(crate) fn new(entries: [(u32, u32); SLOTS]) -> Self {
        let mut bucket = Self { low: 0, high: 0 };
        for (slot, (id, tag)) in entries.into_iter().enumerate() {
            bucket.low |= u64::from(id & 0xffff) << (16 * slot);
            bucket.high |= tag << (6 * slot) | (id >> 16) << (24 + 2 * slot);
        }
        bucket
    }

    pub(crate) fn to_bytes(self) -> [u8; BUCKET_BYTES] {
        let mut bytes = [0; BUCKET_BYTES];
        bytes[..8].copy_from_slice(&self.low.to_le_bytes());
        bytes[8..].copy_from_slice(&self.high.to_le_bytes());
        bytes
    }

    #[inline]
    pub(crate) fn from_bytes(&[a, b, c, d, e, f, g, h, low @ ..]: &[u8; BUCKET_BYTES]) -> Self {
        Self { low: u64::from_le_bytes([a, b, c, d, e, f, g, h]), high: u32::from_le_bytes(low) }
    }

    /// The ids with this tag, and rarely another one.
    #[inline]
    pub(crate) fn tagged(self, tag: u32) -> impl Iterator<Item = u32> {
        // All four are compared at once: a difference of zero borrows, which shows in its highest bit.
        let differences = (self.high ^ (tag * TAGS)) & (TAGS * 63);
        let mut equal = differences.wrapping_sub(TAGS) & !differences & (TAGS << 5);
        std::iter::from_fn(move || {
            let slot = (equal != 0).then(|| equal.trailing_zeros() / 6)?;
            equal &= equal - 1;
            Some((self.low >> (16 * slot)) as u32 & 0xffff | (self.high >> (24 + 2 * slot) & 3) << 16)
        })
    }
}

/// The two buckets a token can be in, and the tag that distinguishes it from most others in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The buckets' numbers. They may be equal.
    pub(crate) buckets: [usize; 2],
    /// Six bits.
    pub(crate) tag: u32,
}

/// The bytes that are compared and hashed at once. So many follow the last token in the text.
pub(crate) const WORD_BYTES: usize = 8;

/// The place of `bytes` in a table of `buckets` buckets.
pub(crate) fn place(bytes: &[u8], buckets: usize) -> Place {
    match bytes.last_chunk() {
        Some(last) if bytes.len() > WORD_BYTES => {
            let mut state = bytes.len() as u64;
            for chunk in bytes.as_chunks().0 {
                state = mix(state ^ u64::from_le_bytes(*chunk));
            }
            scale(mix(mix(state ^ u64::from_le_bytes(*last))), buckets)
        }
        _ => place_word(word(bytes), bytes.len(), buckets),
    }
}

/// [`place`] for up to [`WORD_BYTES`] bytes, as the number that [`word`] returns.
#[inline]
pub(crate) fn place_word(word: u64, length: usize, buckets: usize) -> Place {
    scale(mix(mix(word ^ length as u64)), buckets)
}

/// Up to [`WORD_BYTES`] bytes as a number, the first lowest, with zeros for missing bytes.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        // The halves overlap where there are less than eight bytes, and agree there.
        (Some(head), Some(tail), _) => {
            let tail = u64::from(u32::from_le_bytes(*tail)) << (8 * (bytes.len() - 4));
            u64::from(u32::from_le_bytes(*head)) | tail
        }
        (.., &[a, b, c]) => u64::from(u32::from_le_bytes([a, b, c, 0])),
        (.., &[a, b]) => u64::from(u16::from_le_bytes([a, b])),
        (.., &[a]) => u64::from(a),
        _ => 0,
    }
}

/// Multiplies and mixes; 64 bits are one instruction for wasm, 128 are not.
#[inline]
fn mix(bits: u64) -> u64 {
    let product = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15); // 2^64 over the golden ratio
    product ^ (product >> 29)
}

#[inline]
fn scale(hash: u64, buckets: usize) -> Place {
    // A product's high half scales 32 random bits to the number of buckets, which is no power of two.
    let scale = |bits: u32| ((u64::from(bits) * buckets as u64) >> 32) as usize;
    Place { buckets: [scale((hash >> 32) as u32), scale(hash as u32)], tag: hash as u32 & 63 }
}

/// Which of 32 pairs of bytes are tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// A bit for each pair, the first lowest.
    pub(crate) tokens: u32,
    /// How many tokens are in the groups before.
    pub(crate) before: u16,
}

impl Pairs {
    pub(crate) fn to_bytes(self) -> [u8; PAIRS_BYTES] {
        let ([a, b, c, d], [e, f]) = (self.tokens.to_le_bytes(), self.before.to_le_bytes());
        [a, b, c, d, e, f]
    }

    #[inline]
    pub(crate) fn from_bytes(&[a, b, c, d, e, f]: &[u8; PAIRS_BYTES]) -> Self {
        Self { tokens: u32::from_le_bytes([a, b, c, d]), before: u16::from_le_bytes([e, f]) }
    }

    /// Where among all the tokens of two bytes this group's pair `number` is, if it is one.
    #[inline]
    pub(crate) fn position(self, number: u16) -> Option<usize> {
        let bit = 1 << number;
        let below = self.tokens & (bit - 1);
        (self.tokens & bit != 0).then(|| usize::from(self.before) + below.count_ones() as usize)
    }
}
