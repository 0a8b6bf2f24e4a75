//! `POST /v1/embeddings`: the request and the answer.

use super::completions::Prompt;
use super::{Int, Text};
use crate::json::{Write, writes};

object! {
    /// The body of `POST /v1/embeddings`.
    pub struct Request<'a> {
        /// The id of the model. Required.
        "model" model: Text<'a>,
        /// What to embed. Required.
        "input" input: Prompt<'a>,
        /// The encoding of the vectors.
        "encoding_format" encoding_format: EncodingFormat,
        /// How many dimensions they have.
        "dimensions" dimensions: Int,
        /// The end user.
        "user" user: Text<'a>,
    }
}

strings! {
    /// The encoding of vectors.
    pub enum EncodingFormat {
        /// As numbers.
        "float" Float,
        /// As base64 of little-endian 32-bit floats.
        "base64" Base64,
    }
}

writes! {
    /// The answer.
    #[derive(Debug)]
    pub struct List<'a> {
        /// `list`
        "object" = object: &'static str,
        /// One for each input, in order.
        "data" = data: Vec<Embedding<'a>>,
        /// The requested model.
        "model" = model: &'a str,
        /// Token counts.
        "usage" = usage: Usage,
    }
}

writes! {
    /// The vector of one input.
    #[derive(Debug)]
    pub struct Embedding<'a> {
        /// `embedding`
        "object" = object: &'static str,
        /// Which input it belongs to.
        "index" = index: u32,
        /// The vector.
        "embedding" = embedding: Vector<'a>,
    }
}

/// A vector, in one of its two spellings.
#[derive(Debug)]
pub enum Vector<'a> {
    /// As numbers.
    Float(&'a [f32]),
    /// As base64.
    Base64(String),
}

impl Write for Vector<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Float(numbers) => numbers.write(out),
            Self::Base64(text) => text.write(out),
        }
    }
}

writes! {
    /// Token counts of a request that gets no text back.
    #[derive(Debug, Clone, Copy)]
    pub struct Usage {
        /// Tokens of the inputs.
        "prompt_tokens" = prompt_tokens: u64,
        /// The same.
        "total_tokens" = total_tokens: u64,
    }
}
