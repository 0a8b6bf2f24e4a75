//! The built-in engine: answers without a model, the same ones for the same request.

mod reply;
pub mod tokens;

pub use reply::{Choice, FinishReason, Sampling, count, sample};

/// The engine's `system_fingerprint`: it changes when its answers do.
pub const FINGERPRINT: &str = "fp_portcullis1";
