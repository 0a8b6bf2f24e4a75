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
        /// The most tokens to generate; 16 by default.
        "max_tokens" max_tokens: Int,
        /// The sampling temperature, 0 to 2.
        "temperature" temperature: Number,
        /// The probability mass sampled from, 0 to 1.
        "top_p" top_p: Number,
        /// How many choices to generate, 1 to 128.
        "n" n: Int,
        /// Whether to stream the answer as server-sent events.
        "stream" stream: bool,
        /// Options of the stream.
        "stream_options" stream_options: StreamOptions<'a>,
        /// How many log probabilities to return for each token, 0 to 5.
        "logprobs" logprobs: Int,
        /// Whether the answer begins with the prompt.
        "echo" echo: bool,
        /// The stop sequences.
        "stop" stop: Stop<'a>,
        /// The penalty of tokens that occurred, -2 to 2.
        "presence_penalty" presence_penalty: Number,
        /// The penalty of tokens by how often they occurred, -2 to 2.
        "frequency_penalty" frequency_penalty: Number,
        /// How many choices to generate, of which the `n` best are returned, up to 20.
        "best_of" best_of: Int,
        /// The bias of tokens by their id, -100 to 100.
        "logit_bias" logit_bias: Members<'a, Number>,
        /// The seed of the sampling.
        "seed" seed: Int,
        /// The end user.
        "user" user: Text<'a>,
    }
}

impl Request<'_> {
    /// How many choices are generated for each prompt.
    pub fn choices(&self) -> u64 {
        self.n.map_or(1, Int::unsigned)
    }

    /// The output limit of each choice, in tokens.
    pub fn token_limit(&self) -> u64 {
        self.max_tokens.map_or(16, Int::unsigned)
    }

    /// Whether the answer is a stream of server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// What to complete, in its four forms. An empty array is [`Prompt::Texts`].
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt<'a> {
    /// One text.
    Text(Text<'a>),
    /// Several texts, each with a completion of its own.
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
        // The type of the first item is that of all.
        let mut first = json.clone();
        match if first.open(b'[')? { first.peek() } else { b'"' } {
            b'"' => Read::read(json).map(Self::Texts),
            b'[' => Read::read(json).map(Self::TokenLists),
            _ => Read::read(json).map(Self::Tokens),
        }
    }
}
