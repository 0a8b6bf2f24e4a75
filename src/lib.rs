//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.
//!
//! # The house
//!
//! Each room may use those to its left (`tests/tidy.rs` holds it to that):
//!
//! ```text
//! error http json budget pattern api → config ctx log auth router check → engine upstream → encode → endpoint → gateway → component
//! ```
//!
//! Everything but `component` is plain Rust without I/O and is tested natively. `component` alone touches WASI
//! and is compiled for wasm alone.
//!
//! # A request's way
//!
//! ```text
//!  host ──▶ component ──▶ gateway::Gateway::handle
//!                            │ router     (method, path) → Route, or 404, 405
//!                            │ auth       Authorization → Caller, or 401
//!                            ▼
//!                         endpoint::<route>
//!                            │ read       the body, within its limit, or 413, 415
//!                            │ check      bytes → api::…::Request, or 400 in OpenAI's words
//!                            │ config     model → Backend
//!                            ├─▶ engine   Request → tokens ─▶ encode: JSON, or chunk by chunk
//!                            └─▶ upstream the caller's bytes ─▶ Transport ─▶ the answer, unread
//!                            ▼
//!  host ◀── component ◀── http::Response, whose body the edge pulls; log::Record, one line
//! ```
//!
//! The outside comes in as arguments: settings as (name, value) pairs, time and randomness in a
//! [`ctx::Ctx`], the network as an [`transport::Transport`], the caller's body as [`http::Incoming`]. So an
//! exchange can be replayed byte for byte.

pub mod api;
pub mod auth;
pub mod budget;
pub mod check;
pub mod config;
pub mod ctx;
pub mod encode;
pub mod endpoint;
pub mod engine;
pub mod error;
pub mod gateway;
pub mod http;
pub mod json;
pub mod log;
pub mod model;
pub mod pattern;
pub mod router;
pub mod tokens;
pub mod transport;
pub mod turn;
pub mod upstream;

#[cfg(target_family = "wasm")]
mod component;
