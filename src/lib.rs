//! Portcullis: an OpenAI-compatible LLM gateway that is one WebAssembly component.
//!
//! # Modules
//!
//! Each may import those to its left (`tests/tidy.rs` checks it):
//!
//! ```text
//! error http json coding budget pattern random ids time transport → model tokens api turn cost → config ctx log auth router check → store → engine upstream limits cache → encode → endpoint → gateway → component
//! ```
//!
//! Everything but `component` is plain Rust without I/O and is tested natively. `component` alone uses WASI and is
//! compiled for wasm only.
//!
//! # A request's path
//!
//! ```text
//!  host ──▶ component ──▶ gateway::Gateway::handle
//!                            │ router     (method, path) → Route, or 404, 405
//!                            │ auth       credentials → Caller, or 401
//!                            ▼
//!                         endpoint::<route>
//!                            │ read       the body, within its limit, or 413, 415
//!                            │ check      bytes → api::…::Request, or 400 in the API's own words; resolves the model
//!                            │            → Resolved: backend, policy
//!                            │ cache      an answer that is kept (upstreams only)
//!                            │ reserve    the limits that apply, or 429
//!                            ├─▶ engine   turn::Request → turn::Events ─▶ encode: whole, or event by event
//!                            ├─▶ upstream of the same API: the caller's bytes ─▶ Transport ─▶ the answer as it arrives
//!                            └─▶ upstream of another API: turn::Request → dialect ─▶ Transport ─▶ turn::Events ─▶ encode
//!                            ▼
//!  host ◀── component ◀── http::Response, whose body the component pulls
//!               └──────▶ gateway::Gateway::close, once the body has ended: limits are settled,
//!                       the answer is kept, one log line
//! ```
//!
//! The environment is passed as arguments: settings as (name, value) pairs, time and randomness in a [`ctx::Ctx`], the
//! network as a [`transport::Transport`], the caller's body as [`http::Incoming`]. So an exchange can be replayed byte
//! for byte.

#![warn(clippy::indexing_slicing)]

pub mod api;
pub mod auth;
pub mod budget;
pub mod cache;
pub mod check;
pub mod coding;
pub mod config;
pub mod cost;
pub mod ctx;
pub mod encode;
pub mod endpoint;
#[expect(
    clippy::indexing_slicing,
    reason = "indices into the tables of a request's own tokens and schemas, in loops that are measured"
)]
pub mod engine;
pub mod error;
pub mod gateway;
pub mod http;
pub mod ids;
pub mod json;
pub mod limits;
pub mod log;
pub mod model;
#[expect(clippy::indexing_slicing, reason = "indices into a program that the compiler has made")]
pub mod pattern;
pub mod random;
pub mod router;
pub mod store;
pub mod time;
#[expect(clippy::indexing_slicing, reason = "indices into the built-in tables, in loops that are measured")]
pub mod tokens;
pub mod transport;
pub mod turn;
pub mod upstream;

#[cfg(target_family = "wasm")]
mod component;
