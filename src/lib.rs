//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.

pub mod api;
pub mod auth;
pub mod check;
pub mod config;
pub mod ctx;
pub mod encode;
pub mod engine;
pub mod error;
pub mod http;
pub mod router;
pub mod upstream;
