//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.

pub mod api;
pub mod auth;
pub mod check;
pub mod config;
pub mod ctx;
pub mod encode;
pub mod endpoint;
pub mod engine;
pub mod error;
pub mod gateway;
pub mod http;
pub mod log;
pub mod router;
pub mod upstream;

#[cfg(target_family = "wasm")]
mod component;
