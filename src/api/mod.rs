//! The OpenAI wire as serde sees it.

pub mod answer;
