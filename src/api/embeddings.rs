//! `POST /v1/embeddings`: the request and the answer.

use super::completions::Prompt;
use super::{Int, Text};
use serde::{Serialize, Serializer};

object! {
    /// The body of `POST /v1/embeddings`.
    pub struct Request<'a> {
        /// The id of the model. Required.
        "model" model: Text<'a>,
        /// What to embed. Required.
        "input" input: Prompt<'a>,
        /// How the vectors are written.
        "encoding_format" encoding_format: EncodingFormat,
        /// How many dimensions they have.
        "dimensions" dimensions: Int,
        /// The end user.
        "user" user: Text<'a>,
    }
}

strings! {
    /// How vectors are written.
    pub enum EncodingFormat {
        /// As numbers.
        "float" Float,
        /// As base64 of little-endian 32-bit floats.
        "base64" Base64,
    }
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct List<'a> {
    /// `list`
    pub object: &'static str,
    /// One for each input, in order.
    pub data: Vec<Embedding<'a>>,
    /// The model that was asked for.
    pub model: &'a str,
    /// Token counts.
    pub usage: Usage,
}

/// The vector of one input.
#[derive(Debug, Serialize)]
pub struct Embedding<'a> {
    /// `embedding`
    pub object: &'static str,
    /// Which input it belongs to.
    pub index: u32,
    /// The vector.
    pub embedding: Vector<'a>,
}

/// A vector, in one of its two spellings.
#[derive(Debug)]
pub enum Vector<'a> {
    /// As numbers.
    Float(&'a [f32]),
    /// As base64.
    Base64(String),
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Float(numbers) => serializer.collect_seq(numbers.iter()),
            Self::Base64(text) => serializer.serialize_str(text),
        }
    }
}

/// Token counts of a request that gets no text back.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    /// Tokens of the inputs.
    pub prompt_tokens: u64,
    /// The same.
    pub total_tokens: u64,
}
