//! The built-in engine: answers without a model, the same ones for the same request.

mod answer;
mod asked;
mod calls;
mod chat;
mod draw;
mod embedding;
mod framing;
mod math;
mod media;
mod moderation;
mod odds;
mod pace;
mod sampler;
mod sampling;
mod schema;
mod speech;
mod text;
pub mod tokens;
mod value;
mod words;

pub use answer::{Answer, Call, Choice, Counts, FinishReason, Outcome};
pub use chat::answer as chat;
pub use embedding::embed;
pub use moderation::moderate;
pub use pace::Pace;
pub use sampler::{Manner, Sampler};
pub use sampling::Sampling;
pub use speech::{Odds, Piece, Speech, Token};
pub use text::answer as text;

/// The engine's `system_fingerprint`: it changes when its answers do.
pub const FINGERPRINT: &str = "fp_portcullis1";
