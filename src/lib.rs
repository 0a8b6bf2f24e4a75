//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.

pub mod config;
pub mod engine;
pub mod error;
pub mod http;
