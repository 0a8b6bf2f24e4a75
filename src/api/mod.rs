//! The wire types of OpenAI's and Anthropic's APIs: the members that a request's body may have, and those of answers.
//! Whether a request is valid is not decided here.
//!
//! Everything borrows from the body where JSON allows it (a string without escapes is a slice of the body). Every
//! member is optional here and `null` is the same as absent; [`crate::check`] decides which ones must be present, and
//! within which bounds. Of a member that is present twice the last value counts, as in most JSON readers.

#[macro_use]
mod wire;

pub mod answer;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod message;
pub mod messages;
pub mod models;
pub mod moderations;
pub mod responses;
pub mod tool;
mod value;

pub use value::{Extra, Int, Loose, Members, Number, Text};
