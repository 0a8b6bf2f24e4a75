//! The OpenAI wire: what a request body may say, and nothing about whether it should.
//!
//! Everything borrows from the body where JSON allows it (a string without escapes is a slice of the
//! body). Every member is optional here and `null` is the same as absent; which ones must be there, and
//! within which bounds, is judged by [`crate::check`]. A member named twice counts once, with its last
//! value, as most JSON readers have it.

#[macro_use]
mod wire;

pub mod answer;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod message;
pub mod models;
pub mod moderations;
pub mod tool;
mod value;

pub use value::{Int, Loose, Members, Number, Text};
