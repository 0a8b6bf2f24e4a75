//! Merging a piece's bytes to tokens, always the pair that makes the lowest token, the leftmost of equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::layout::NO_TOKEN;
use super::vocab::Vocabulary;

/// Up to so many bytes, looking at every pair for the lowest is faster than keeping them in order.
const SHORT: usize = 64;

/// Gives `emit` the tokens of a piece.
pub(super) fn merge(vocabulary: &Vocabulary, piece: &[u8], emit: &mut impl FnMut(u32)) {
    match vocabulary.find(piece) {
        Some(id) => emit(id),
        None if piece.len() <= SHORT => merge_short(vocabulary, piece, emit),
        None => merge_long(vocabulary, piece, emit),
    }
}

/// The token that two neighbours make, or [`NO_TOKEN`], which is above every token.
#[inline]
fn pair(vocabulary: &Vocabulary, bytes: &[u8]) -> u32 {
    vocabulary.find(bytes).unwrap_or(NO_TOKEN)
}

fn merge_short(vocabulary: &Vocabulary, piece: &[u8], emit: &mut impl FnMut(u32)) {
    let mut starts = [0; SHORT + 1];
    let mut pairs = [NO_TOKEN; SHORT];
    let mut count = piece.len();
    for at in 0..count {
        starts[at + 1] = at + 1;
        if at + 1 < count {
            pairs[at] = pair(vocabulary, &piece[at..at + 2]);
        }
    }
    while let Some((at, &lowest)) = pairs[..count].iter().enumerate().min_by_key(|(_, pair)| **pair)
        && lowest != NO_TOKEN
    {
        starts.copy_within(at + 2..=count, at + 1);
        pairs.copy_within(at + 1..count, at);
        count -= 1;
        // Part `at` has grown, so the pairs that it ends and begins are others.
        for left in at.saturating_sub(1)..=at {
            pairs[left] = match starts[..=count].get(left + 2) {
                Some(&end) => pair(vocabulary, &piece[starts[left]..end]),
                None => NO_TOKEN,
            };
        }
    }
    for part in starts[..=count].windows(2) {
        vocabulary.find(&piece[part[0]..part[1]]).into_iter().for_each(&mut *emit);
    }
}

/// The parts of a piece as a list: at each part's first byte, what follows from it.
struct Part {
    /// Where the part before begins.
    before: u32,
    /// Where the part after begins: the end of this one.
    after: u32,
    /// The token this part makes with the one after.
    pair: u32,
}

fn merge_long(vocabulary: &Vocabulary, piece: &[u8], emit: &mut impl FnMut(u32)) {
    let length = piece.len() as u32; // 4 GiB is more than a wasm memory holds
    let mut parts: Vec<_> = (0..length)
        .map(|at| {
            let pair = piece.get(at as usize..at as usize + 2).map_or(NO_TOKEN, |two| pair(vocabulary, two));
            Part { before: at.saturating_sub(1), after: at + 1, pair }
        })
        .collect();
    // The lowest token first, then the leftmost, in one number that compares fast.
    let key = |pair: u32, at: u32| Reverse(u64::from(pair) << 32 | u64::from(at));
    let known = parts.iter().zip(0..).filter(|(part, _)| part.pair != NO_TOKEN);
    let mut heap: BinaryHeap<_> = known.map(|(part, at)| key(part.pair, at)).collect();
    while let Some(Reverse(lowest)) = heap.pop() {
        let (token, at) = ((lowest >> 32) as u32, lowest as u32);
        // What was merged since is in the heap still.
        if parts[at as usize].pair != token {
            continue;
        }
        let gone = parts[at as usize].after;
        let after = parts[gone as usize].after;
        parts[gone as usize].pair = NO_TOKEN;
        parts[at as usize].after = after;
        if after < length {
            parts[after as usize].before = at;
        }
        for left in [parts[at as usize].before, at] {
            let next = parts[left as usize].after;
            let end = if next < length { parts[next as usize].after } else { next };
            let made =
                if next < length { pair(vocabulary, &piece[left as usize..end as usize]) } else { NO_TOKEN };
            parts[left as usize].pair = made;
            if made != NO_TOKEN {
                heap.push(key(made, left));
            }
        }
    }
    let mut start = 0;
    while start < length {
        let end = parts[start as usize].after;
        vocabulary.find(&piece[start as usize..end as usize]).into_iter().for_each(&mut *emit);
        start = end;
    }
}
