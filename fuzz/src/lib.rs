//! The fuzz targets without the fuzzer, so that `tests/corpus.rs` can run them on the corpus.
//!
//! An input of `bodies` is a request body. An input of the other targets begins with two bytes that select
//! the model, the mode, the settings or the APIs; inputs written by hand use letters for them.

pub mod bodies;
pub mod engine;
pub mod translation;
pub mod validation;

#[path = "../../tests/nowhere/mod.rs"]
mod nowhere;

/// A target: its name and the function that runs it on an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 4] = [
    ("bodies", bodies::run),
    ("validation", validation::run),
    ("engine", engine::run),
    ("translation", translation::run),
];

/// The two selecting bytes, as numbers from 0 for the letter `A`, and the body.
fn chosen(data: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (&[one, other], body) = data.split_first_chunk::<2>()?;
    let number = |byte: u8| usize::from(byte.wrapping_sub(b'A'));
    Some((number(one), number(other), body))
}
