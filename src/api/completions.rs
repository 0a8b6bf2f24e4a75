//! `POST /v1/completions`: the request.

use super::chat::{Stop, StreamOptions};
use super::value::Members;
use super::{Int, Number, Text};
use crate::json::{ParseError, Read, Reader};

object! {
    /// The body of `POST /v1/completions`.
    pub struct Request<'a> {
        /// The id of the model. Required.
        "model" model: Text<'a>,
        /// What to complete. Required.
        "prompt" prompt: Prompt<'a>,
        /// What comes after the completion.
        "suffix" suffix: Text<'a>,
        /// The most tokens to generate; 16 unless told.
        "max_tokens" max_tokens: Int,
        /// How far the sampling strays, 0 to 2.
        "temperature" temperature: Number,
        /// The share of probability sampled from, 0 to 1.
        "top_p" top_p: Number,
        /// How many choices to make, 1 to 128.
        "n" n: Int,
        /// Whether to answer as server-sent events.
        "stream" stream: bool,
        /// How to stream.
        "stream_options" stream_options: StreamOptions<'a>,
        /// How many log probabilities to tell at each token, 0 to 5.
        "logprobs" logprobs: Int,
        /// Whether to begin the answer with the prompt.
        "echo" echo: bool,
        /// Where to stop.
        "stop" stop: Stop<'a>,
        /// How much to shun tokens that occurred, -2 to 2.
        "presence_penalty" presence_penalty: Number,
        /// How much to shun tokens by how often they occurred, -2 to 2.
        "frequency_penalty" frequency_penalty: Number,
        /// How many choices to make and pick the `n` best of, up to 20.
        "best_of" best_of: Int,
        /// Token id → bias, -100 to 100.
        "logit_bias" logit_bias: Members<'a, Number>,
        /// Asks for a repeatable answer.
        "seed" seed: Int,
        /// The end user.
        "user" user: Text<'a>,
    }
}

impl Request<'_> {
    /// How many choices the caller wants for each prompt.
    pub fn choices(&self) -> u64 {
        self.n.map_or(1, Int::unsigned)
    }

    /// The most tokens to generate for each choice.
    pub fn token_limit(&self) -> u64 {
        self.max_tokens.map_or(16, Int::unsigned)
    }

    /// Whether the answer goes out as server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// What to complete, in its four forms. An empty array is [`Prompt::Texts`].
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt<'a> {
    /// One text.
    Text(Text<'a>),
    /// Several texts, each completed by itself.
    Texts(Vec<Text<'a>>),
    /// One text, as tokens.
    Tokens(Vec<Int>),
    /// Several texts, as tokens.
    TokenLists(Vec<Vec<Int>>),
}

impl<'a> Read<'a> for Prompt<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        if json.peek() == b'"' {
            return Text::read(json).map(Self::Text);
        }
        // The first entry says what all must be.
        let mut first = json.clone();
        match if first.open(b'[')? { first.peek() } else { b'"' } {
            b'"' => Read::read(json).map(Self::Texts),
            b'[' => Read::read(json).map(Self::TokenLists),
            _ => Read::read(json).map(Self::Tokens),
        }
    }
}
