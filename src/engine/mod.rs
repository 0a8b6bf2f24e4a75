//! The built-in engine: answers without a model, the same ones for the same request.

mod answer;
mod chat;
mod completions;
mod embedding;
mod filler;
mod latency;
mod logits;
mod math;
mod media_tokens;
mod moderation;
mod offer;
mod prompt_tokens;
mod rng;
mod rule_context;
mod sampler;
mod sampling;
mod schema;
mod tokenized_text;
mod tool_calls;
mod value;

pub use answer::{Answer, Call, Choice, FinishReason, Outcome, TokenUsage};
pub use chat::answer as chat;
pub use completions::answer as text;
pub use embedding::embed;
pub use latency::TokenTiming;
pub use moderation::moderate;
pub use sampler::{Origin, Sampler, SamplingMode};
pub use sampling::Sampling;
pub use tokenized_text::{Piece, Token, TokenLogprobs, TokenizedText};

/// The engine's `system_fingerprint`: it changes when its answers do.
pub const FINGERPRINT: &str = "fp_portcullis1";
