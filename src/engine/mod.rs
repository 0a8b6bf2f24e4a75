//! The built-in engine: answers without a model, deterministic and countable.

pub mod tokens;
