//! The built-in engine: answers without a model, the same ones for the same request.
//!
//! [`answer()`] takes [`turn::Request`]s and returns an [`Answer`], whose
//! [events](Answer::into_events) or [whole](Answer::whole) an endpoint's encoder writes. It knows no API.

mod answer;
mod chat;
mod completions;
mod embedding;
mod events;
mod filler;
mod latency;
mod logits;
mod media_tokens;
mod moderation;
mod offer;
mod prompt_tokens;
mod rejection;
mod relevance;
mod rule_context;
mod sampler;
mod sampling;
mod schema;
mod tokenized_text;
mod tool_calls;

use crate::budget::Budget;
use crate::config::engine::Engine;
use crate::ctx::Ctx;
use crate::ids::IdForm;
use crate::model::ModelSpec;
use crate::tokens::Encoding;
use crate::turn::{self, Input};
pub use answer::{Answer, Outcome};
pub use completions::MAX_CHOICES;
pub use embedding::embed;
pub use events::Events;
pub use moderation::{Verdict, moderate};
pub use prompt_tokens::CountedBy;
pub use rejection::Rejection;
pub use sampler::{DEFAULT_OUTPUT_LIMIT, Generated, Origin, Sampler, SamplingMode};
pub use sampling::Sampling;
pub use tokenized_text::{Piece, Token, TokenLogprobs, TokenizedText};

/// The engine's `system_fingerprint`: it changes when its answers do.
pub const FINGERPRINT: &str = "fp_portcullis1";

/// What an answer depends on besides the turn.
#[derive(Clone, Copy)]
pub struct Setup<'e> {
    /// The operator's settings of the engine.
    pub config: &'e Engine,
    /// The model's limits, where they apply.
    pub spec: Option<&'e ModelSpec>,
    /// When it arrived, and the randomness of its answer.
    pub ctx: &'e Ctx<'e>,
    /// How often the caller has tried the request before.
    pub retries: u32,
    /// What the request may cost.
    pub budget: &'e Budget,
    /// The form of the ids of tool calls.
    pub call_ids: IdForm,
    /// The API that counts the tokens of the input.
    pub counted_by: CountedBy,
}

/// Answers a conversation, or the prompts of a completion as one answer: turns that differ in nothing but their prompts.
/// Their biases and stop sequences are those of the first.
///
/// # Errors
///
/// If the turn exceeds a limit of its model or of the work one request may cause, or nothing valid under its schema
/// can be generated.
pub fn answer<'e>(turns: &[turn::Request<'_>], setup: Setup<'e>) -> Result<Outcome<'e>, Rejection> {
    match turns {
        [turn @ turn::Request { input: Input::Messages(_), .. }] => chat::answer(turn, setup),
        prompts => completions::answer(prompts, setup),
    }
}

/// How many tokens the input of a turn has, as an API counts them. For a Claude model it is an estimate.
pub fn input_tokens(turn: &turn::Request<'_>, counted_by: CountedBy) -> u64 {
    match &turn.input {
        Input::Messages(_) => prompt_tokens::count(turn, counted_by, None).tokens,
        Input::Prompt(prompt) => completions::prompt_tokens(prompt, Encoding::for_model(turn.model)),
    }
}
