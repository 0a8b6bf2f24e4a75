//! What the fuzz targets do with an input, without a fuzzer: `tests/corpus.rs` does the same with those
//! that were kept.
//!
//! An input of `bodies` is a request's body. In those of `validation` and `engine` two bytes come first that
//! choose who judges, as letters in those that were written by hand.

pub mod bodies;
pub mod engine;
pub mod validation;

#[path = "../../tests/nowhere/mod.rs"]
mod nowhere;

/// A target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 3] =
    [("bodies", bodies::run), ("validation", validation::run), ("engine", engine::run)];

/// The two bytes that choose, as numbers from 0 for the letter `A`, and the body.
fn chosen(data: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (&[one, other], body) = data.split_first_chunk::<2>()?;
    let number = |byte: u8| usize::from(byte.wrapping_sub(b'A'));
    Some((number(one), number(other), body))
}
