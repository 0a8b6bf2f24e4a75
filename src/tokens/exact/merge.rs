//! Merging a piece's bytes into tokens: always the pair whose token has the lowest id, the leftmost of equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::layout::{NO_TOKEN, WORD_BYTES};
use super::vocab::Vocabulary;

/// Calls `emit` with the tokens of the piece of `length` bytes that a text begins with, and their lengths.
pub(super) fn merge(vocabulary: &Vocabulary, text: &[u8], length: usize, emit: &mut impl FnMut(u32, usize)) {
    let piece = &text[..length];
    let whole = match text.first_chunk() {
        // Most pieces. Reading the bytes after one as well and masking them avoids a branch on its length.
        Some(word) if (1..=WORD_BYTES).contains(&length) => vocabulary.find_word(cut(*word, length), length),
        _ => vocabulary.find(piece),
    };
    match whole {
        Some(id) => emit(id, length),
        None if length <= Short::<64>::LONGEST => Short::<64>::new(vocabulary, piece).merge(emit),
        None if length <= Short::<256>::LONGEST => Short::<256>::new(vocabulary, piece).merge(emit),
        None => merge_in_windows(vocabulary, piece, WINDOW, emit),
    }
}

/// The first bytes of a word as a number, one to eight of them.
#[inline]
fn cut(word: [u8; WORD_BYTES], length: usize) -> u64 {
    u64::from_le_bytes(word) & (u64::MAX >> (64 - 8 * length))
}

/// Pairs in one group: looking through a group and through the groups takes about equally long.
const GROUP: usize = 16;

/// No pair: above every other.
const NONE: u32 = u32::MAX;

/// A piece of less than `N` bytes, up to 256, while it is merged: all of it on the stack.
struct Short<'v, const N: usize> {
    vocabulary: &'v Vocabulary,
    /// The piece, behind which at least [`WORD_BYTES`] zeros follow.
    bytes: [u8; N],
    length: usize,
    /// At each part's first byte: where the part before begins.
    before: [u8; N],
    /// At each part's first byte: where the part after begins, which is the end of this one.
    after: [u8; N],
    /// At each part's first byte: the token that it and the part after make, above that position.
    pairs: [u32; N],
    /// The least pair of each group: the least of all is the next to merge.
    least: [u32; GROUP],
}

impl<'v, const N: usize> Short<'v, N> {
    const LONGEST: usize = N - WORD_BYTES;

    fn new(vocabulary: &'v Vocabulary, piece: &[u8]) -> Self {
        let length = piece.len();
        let mut short = Self {
            vocabulary,
            bytes: [0; N],
            length,
            before: std::array::from_fn(|at| at.saturating_sub(1) as u8),
            after: std::array::from_fn(|at| (at as u8).saturating_add(1)),
            pairs: [NONE; N],
            least: [NONE; GROUP],
        };
        short.bytes[..length].copy_from_slice(piece);
        for (at, pair) in piece.array_windows().enumerate() {
            if let Some(id) = vocabulary.find_pair(*pair) {
                short.pairs[at] = id << 8 | at as u32;
            }
        }
        (0..length.div_ceil(GROUP)).for_each(|group| short.compare(group));
        short
    }

    fn merge(mut self, emit: &mut impl FnMut(u32, usize)) {
        while let Some(&least) = self.least[..N / GROUP].iter().min()
            && least != NONE
        {
            self.join(usize::from(least as u8));
        }
        let mut start = 0;
        while start < self.length {
            let end = usize::from(self.after[start]);
            self.find(start, end).into_iter().for_each(|id| emit(id, end - start));
            start = end;
        }
    }

    /// Merges the part at `at` with the one after, and updates the pairs with their neighbours.
    fn join(&mut self, at: usize) {
        let gone = usize::from(self.after[at]);
        let end = usize::from(self.after[gone]);
        self.after[at] = end as u8;
        self.before[end] = at as u8;
        self.pairs[gone] = NONE;
        self.compare(gone / GROUP);
        self.pairs[at] = NONE;
        if end < self.length {
            self.pair(at, usize::from(self.after[end]));
        }
        self.compare(at / GROUP);
        if at > 0 {
            let left = usize::from(self.before[at]);
            self.pair(left, end);
            self.compare(left / GROUP);
        }
    }

    fn pair(&mut self, start: usize, end: usize) {
        self.pairs[start] = self.find(start, end).map_or(NONE, |id| id << 8 | start as u32);
    }

    /// Finds the least pair of a group again.
    fn compare(&mut self, group: usize) {
        let pairs = self.pairs[group * GROUP..].first_chunk::<GROUP>();
        self.least[group] =
            pairs.map_or(NONE, |pairs| pairs.iter().fold(NONE, |least, &pair| least.min(pair)));
    }

    fn find(&self, start: usize, end: usize) -> Option<u32> {
        let bytes = &self.bytes[start..];
        match (bytes.first_chunk(), end - start) {
            (Some(word), length @ 1..=WORD_BYTES) => self.vocabulary.find_word(cut(*word, length), length),
            (_, length) => self.vocabulary.find(&bytes[..length]),
        }
    }
}

/// The most bytes that are merged at a time: each takes some 30 bytes of memory meanwhile.
const WINDOW: usize = 32 * 1024;

/// How many ends of a window are tried before it is made larger.
const SEAMS: usize = 8;

/// Merges a piece of any length, a window of it at a time.
///
/// Tokens are those of the whole piece if and only if each two neighbours are what their bytes merge to. Within a
/// window they are; a window ends where its last token and the first one of the next window are as well.
fn merge_in_windows(vocabulary: &Vocabulary, piece: &[u8], window: usize, emit: &mut impl FnMut(u32, usize)) {
    // Of a run of one character, or of a few in turn, all windows are equal: they are merged once.
    let mut latest: (&[u8], Vec<(u32, usize)>) = (&[], Vec::new());
    let mut merged = |start: usize, size: usize| {
        let bytes = &piece[start..piece.len().min(start.saturating_add(size))];
        if bytes != latest.0 {
            let mut tokens = Vec::with_capacity(bytes.len() / 8);
            merge_long(vocabulary, bytes, &mut |id, length| tokens.push((id, length)));
            latest = (bytes, tokens);
        }
        latest.1.clone()
    };
    let (mut start, mut size) = (0, window);
    let mut tokens = merged(start, size);
    while piece.len() - start > size {
        // The end of a window is not that of the piece: the tokens near it may be others.
        let most = tokens.len() / 8 * 7;
        let seam = (most.saturating_sub(SEAMS)..most).rev().find_map(|last| {
            let length = tokens[..=last].iter().map(|(_, length)| length).sum::<usize>();
            let next = merged(start + length, window);
            let (before, after) = (tokens[last], *next.first()?);
            let known = tokens.get(last + 1) == Some(&after);
            let bytes = start + length - before.1..start + length + after.1;
            let fits = known || {
                let mut both = Vec::new();
                merge_long(vocabulary, &piece[bytes], &mut |id, length| both.push((id, length)));
                both == [before, after]
            };
            fits.then_some((last, length, next))
        });
        match seam {
            Some((last, length, next)) => {
                tokens[..=last].iter().for_each(|&(id, length)| emit(id, length));
                (start, size, tokens) = (start + length, window, next);
            }
            None => {
                size *= 2;
                tokens = merged(start, size);
            }
        }
    }
    tokens.into_iter().for_each(|(id, length)| emit(id, length));
}

fn merge_long(vocabulary: &Vocabulary, piece: &[u8], emit: &mut impl FnMut(u32, usize)) {
    let mut merge = Merge { vocabulary, piece, parts: Vec::new(), queue: Queue::default() };
    merge.start();
    while let Some((pair, at)) = merge.queue.pop() {
        // A pair that no longer exists, since a part of it was merged, is still in the queue.
        if merge.parts[at as usize].pair == pair {
            merge.join(at);
        }
    }
    let mut start = 0;
    while let Some(part) = merge.parts.get(start) {
        let end = part.after as usize;
        vocabulary.find(&piece[start..end]).into_iter().for_each(|id| emit(id, end - start));
        start = end;
    }
}

/// A long piece while it is merged. Positions have 32 bits: a wasm memory holds no more.
struct Merge<'p> {
    vocabulary: &'p Vocabulary,
    piece: &'p [u8],
    /// A list: what is known of a part is at its first byte.
    parts: Vec<Part>,
    queue: Queue,
}

struct Part {
    /// Where the part before begins.
    before: u32,
    /// Where the part after begins, which is the end of this one.
    after: u32,
    /// The token that this part and the one after make.
    pair: u32,
}

impl Merge<'_> {
    fn start(&mut self) {
        let length = self.piece.len() as u32;
        let part = |at: u32| Part { before: at.saturating_sub(1), after: at + 1, pair: NO_TOKEN };
        self.parts = (0..length).map(part).collect();
        self.queue.added.reserve_exact(self.piece.len());
        for end in 2..=length {
            self.pair(end - 2, end);
        }
    }

    /// Merges the part at `at` with the one after, and updates the pairs with their neighbours.
    fn join(&mut self, at: u32) {
        let gone = self.parts[at as usize].after as usize;
        let end = self.parts[gone].after;
        self.parts[gone].pair = NO_TOKEN;
        self.parts[at as usize].after = end;
        if let Some(next) = self.parts.get_mut(end as usize) {
            next.before = at;
            let end = next.after;
            self.pair(at, end);
        } else {
            self.parts[at as usize].pair = NO_TOKEN;
        }
        if at > 0 {
            self.pair(self.parts[at as usize].before, end);
        }
    }

    /// Looks for the token from `start`, where a part begins, to `end`, where the next one ends.
    fn pair(&mut self, start: u32, end: u32) {
        let pair = match self.piece[start as usize..end as usize] {
            [first, second] => self.vocabulary.find_pair([first, second]),
            ref bytes => self.vocabulary.find(bytes),
        };
        self.parts[start as usize].pair = pair.unwrap_or(NO_TOKEN);
        if let Some(pair) = pair {
            self.queue.push(pair, start);
        }
    }
}

/// Pairs to merge: the lowest token first, then the leftmost.
///
/// Most pairs are known from the start, and sorting them once costs less than a heap. The same holds for
/// those added since, once all the sorted ones are used.
#[derive(Default)]
struct Queue {
    /// The next to merge last.
    sorted: Vec<Reverse<u64>>,
    added: BinaryHeap<Reverse<u64>>,
}

impl Queue {
    fn push(&mut self, pair: u32, at: u32) {
        self.added.push(Reverse(u64::from(pair) << 32 | u64::from(at)));
    }

    fn pop(&mut self) -> Option<(u32, u32)> {
        if self.sorted.is_empty() {
            self.sorted = std::mem::take(&mut self.added).into_vec();
            self.sorted.sort_unstable();
        }
        let Reverse(key) = match self.added.peek() {
            Some(added) if self.sorted.last().is_some_and(|sorted| added > sorted) => self.added.pop(),
            _ => self.sorted.pop(),
        }?;
        Some(((key >> 32) as u32, key as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Encoding;

    #[test]
    fn windows_merge_to_the_tokens_of_the_whole() {
        let mut state = 1_u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for encoding in Encoding::ALL {
            let vocabulary = Vocabulary::of(encoding);
            for letters in ["\n", "a", "ab", "=-", "aeiou", "etaoinshr", "0aB "] {
                for window in [40, 100, 333] {
                    let piece: Vec<u8> =
                        (0..3000).map(|_| letters.as_bytes()[below(letters.len() as u64) as usize]).collect();
                    let (mut whole, mut windows) = (Vec::new(), Vec::new());
                    merge_long(vocabulary, &piece, &mut |id, length| whole.push((id, length)));
                    merge_in_windows(vocabulary, &piece, window, &mut |id, length| {
                        windows.push((id, length))
                    });
                    assert_eq!(windows, whole, "{letters} {window}");
                }
            }
        }
    }
}
