//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.

pub mod api;
pub mod check;
pub mod config;
pub mod error;
pub mod http;
