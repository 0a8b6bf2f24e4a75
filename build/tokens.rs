//! The data of `src/tokens/`, from tiktoken-rs and regex-syntax.
//!
//! Everything is written in the form in which it is read, so that an instance has nothing to do at its start:
//!
//! - `text.bin`: the bytes of all tokens of both vocabularies. A token that is a prefix or suffix of another one
//!   is stored inside it, and one that is in both vocabularies is stored once.
//! - `<name>.spans`: for each token id, its position in the text.
//! - `<name>.index`: the hash table from bytes to ids. A token can be in two buckets of four entries each.
//! - `<name>.pairs`, `<name>.pair_ids`: the tokens of two bytes, and their ids. They are in the hash table too,
//!   but most lookups during merging are for such pairs.
//! - `classes.index`, `classes.blocks`: the class of each code point, as the number of its block and the
//!   distinct blocks.

use std::collections::HashMap;
use std::path::PathBuf;

use layout::{BLOCK, Bucket, Class, NO_TOKEN, PAIR_ID_BYTES, Pairs, SLOTS};
use regex_syntax::hir::{Class as HirClass, HirKind};

#[allow(dead_code, reason = "the reading side is for the crate")]
#[path = "../src/tokens/exact/layout.rs"]
mod layout;

pub(crate) fn write() {
    println!("cargo::rerun-if-changed=build/tokens.rs");
    println!("cargo::rerun-if-changed=src/tokens/exact/layout.rs");
    let cl100k = tokens(&tiktoken_rs::cl100k_base().expect("tiktoken-rs bundles cl100k_base"));
    let o200k = tokens(&tiktoken_rs::o200k_base().expect("tiktoken-rs bundles o200k_base"));
    let (text, offsets) = pack(cl100k.iter().chain(&o200k).map(Vec::as_slice).collect());
    put("text.bin", &text);
    for (name, tokens) in [("cl100k", &cl100k), ("o200k", &o200k)] {
        let span = |token: &Vec<u8>| layout::pack_span(offsets[token.as_slice()], token.len()).to_le_bytes();
        put(&format!("{name}.spans"), &tokens.iter().flat_map(span).collect::<Vec<_>>());
        put(&format!("{name}.index"), &index(tokens));
        let (pairs, ids) = pairs(tokens);
        put(&format!("{name}.pairs"), &pairs);
        put(&format!("{name}.pair_ids"), &ids);
    }
    let (index, blocks) = classes();
    put("classes.index", &index);
    put("classes.blocks", &blocks);
}

fn put(name: &str, bytes: &[u8]) {
    let directory = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the directory"));
    std::fs::write(directory.join(name), bytes).expect("the output directory can be written");
}

/// The bytes of the ordinary tokens, by id. The special tokens follow after a gap in the ids.
fn tokens(bpe: &tiktoken_rs::CoreBPE) -> Vec<Vec<u8>> {
    let tokens: Vec<_> = (0..NO_TOKEN).map_while(|id| bpe.decode_bytes(&[id]).ok()).collect();
    // o200k_base has no larger gap: 199998 is unused, 199999 is special.
    assert!(tokens.len() == 100_256 || tokens.len() == 199_998, "{} tokens", tokens.len());
    tokens
}

/// One text that contains every token, and the position of each.
fn pack(mut tokens: Vec<&[u8]>) -> (Vec<u8>, HashMap<&[u8], usize>) {
    tokens.sort_unstable();
    tokens.dedup();
    // A prefix of a token sorts directly before a token that begins with it.
    let begins = |pair: &[&[u8]]| pair[1].starts_with(pair[0]);
    let (beginnings, mut rest) = hosted(&tokens, begins);
    rest.sort_unstable_by(|a, b| a.iter().rev().cmp(b.iter().rev()));
    let (endings, rest) = hosted(&rest, |pair| pair[1].ends_with(pair[0]));

    let mut text = Vec::new();
    let mut offsets = HashMap::with_capacity(tokens.len());
    for token in rest {
        offsets.insert(token, text.len());
        text.extend_from_slice(token);
    }
    // From the last to the first, so that a container which is itself inside another one already has its offset.
    for (token, host) in endings.into_iter().rev() {
        offsets.insert(token, offsets[host] + host.len() - token.len());
    }
    for (token, host) in beginnings.into_iter().rev() {
        offsets.insert(token, offsets[host]);
    }
    text.extend([0; layout::WORD_BYTES]);
    (text, offsets)
}

/// A token and the token that contains it.
type Hosted<'t> = (&'t [u8], &'t [u8]);

/// Splits sorted tokens into those that the next one contains and the others.
fn hosted<'t>(tokens: &[&'t [u8]], inside: impl Fn(&[&[u8]]) -> bool) -> (Vec<Hosted<'t>>, Vec<&'t [u8]>) {
    let (mut guests, mut others) = (Vec::new(), Vec::new());
    for pair in tokens.windows(2) {
        if inside(pair) {
            guests.push((pair[0], pair[1]));
        } else {
            others.push(pair[0]);
        }
    }
    others.extend(tokens.last());
    (guests, others)
}

/// The hash table of a vocabulary, 95 % full.
fn index(tokens: &[Vec<u8>]) -> Vec<u8> {
    let count = tokens.len() * 20 / 19 / SLOTS;
    let places: Vec<_> = tokens.iter().map(|token| layout::place(token, count)).collect();
    let mut buckets = vec![[NO_TOKEN; SLOTS]; count];
    for mut homeless in 0..tokens.len() as u32 {
        let [mut bucket, second] = places[homeless as usize].buckets;
        if !buckets[bucket].contains(&NO_TOKEN) && buckets[second].contains(&NO_TOKEN) {
            bucket = second;
        }
        // If both buckets are full, the token replaces another one, which moves to its other bucket.
        for step in 0.. {
            assert!(step < 10_000, "the table is too full");
            let ids = &mut buckets[bucket];
            if let Some(free) = ids.iter_mut().find(|id| **id == NO_TOKEN) {
                *free = homeless;
                break;
            }
            // The rarest tokens first, so that frequent ones stay in their first bucket.
            let rarest = (0..SLOTS).max_by_key(|&slot| ids[slot]).filter(|_| step < 20);
            std::mem::swap(&mut ids[rarest.unwrap_or(step % SLOTS)], &mut homeless);
            let [first, second] = places[homeless as usize].buckets;
            bucket = if bucket == first { second } else { first };
        }
    }
    let tag = |id: u32| places.get(id as usize).map_or(0, |place| place.tag);
    buckets.into_iter().flat_map(|ids| Bucket::new(ids.map(|id| (id, tag(id)))).to_bytes()).collect()
}

/// The pairs of bytes that are tokens, and their ids.
fn pairs(tokens: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let mut of = vec![None; 1 << 16];
    for (token, id) in tokens.iter().zip(0u32..) {
        if let &[first, second] = token.as_slice() {
            of[usize::from(u16::from_be_bytes([first, second]))] = Some(id);
        }
    }
    let mut pairs = Vec::new();
    let mut ids = Vec::new();
    for group in of.chunks(32) {
        let before = (ids.len() / PAIR_ID_BYTES) as u16;
        let mut tokens = 0;
        for (number, id) in group.iter().enumerate().filter_map(|(number, id)| Some((number, (*id)?))) {
            tokens |= 1 << number;
            ids.extend(id.to_le_bytes().into_iter().take(PAIR_ID_BYTES));
        }
        pairs.extend(Pairs { tokens, before }.to_bytes());
    }
    (pairs, ids)
}

/// The number of each code point's block, and the blocks, with two code points per byte.
fn classes() -> (Vec<u8>, Vec<u8>) {
    let mut of = vec![Class::Other; char::MAX as usize + 1];
    for (class, pattern) in [
        (Class::Upper, r"[\p{Lu}\p{Lt}]"),
        (Class::Lower, r"\p{Ll}"),
        (Class::Letter, r"[\p{Lm}\p{Lo}]"),
        (Class::Mark, r"\p{M}"),
        (Class::Number, r"\p{N}"),
        (Class::Space, r"\s"),
        (Class::Break, r"[\r\n]"),
    ] {
        let hir = regex_syntax::parse(pattern).expect("the pattern is a class");
        let HirKind::Class(HirClass::Unicode(ranges)) = hir.kind() else { panic!("{pattern} is a class") };
        for range in ranges.ranges() {
            of[range.start() as usize..=range.end() as usize].fill(class);
        }
    }
    let mut numbers = HashMap::new();
    let mut blocks = Vec::new();
    let mut index = Vec::new();
    for block in of.chunks(BLOCK) {
        let block: Vec<u8> = block.chunks(2).map(|two| two[0] as u8 | (two[1] as u8) << 4).collect();
        let next = numbers.len();
        let number = *numbers.entry(block.clone()).or_insert(next);
        if number == next {
            blocks.extend(block);
        }
        index.push(u8::try_from(number).expect("there are at most 256 distinct blocks"));
    }
    (index, blocks)
}
