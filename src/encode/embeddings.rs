//! Vectors to bytes.

use crate::api::embeddings::{Embedding, List, Usage, Vector};
use crate::coding::base64;
use crate::http::Response;

/// The answer to an embeddings request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The requested model.
    pub model: String,
    /// The vectors, by input.
    pub vectors: Vec<Vec<f32>>,
    /// Whether they are written as base64.
    pub base64: bool,
    /// Tokens of the inputs.
    pub tokens: u64,
}

impl Answer {
    /// The answer as JSON.
    pub fn whole<B>(&self) -> Response<B> {
        let data = self.vectors.iter().zip(0..).map(|(vector, index)| Embedding {
            object: "embedding",
            index,
            embedding: match self.base64 {
                true => Vector::Base64(base64(vector.iter().flat_map(|number| number.to_le_bytes()))),
                false => Vector::Float(vector),
            },
        });
        let usage = Usage { prompt_tokens: self.tokens, total_tokens: self.tokens };
        super::json(200, &List { object: "list", data: data.collect(), model: &self.model, usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Body;

    #[test]
    fn base64_is_the_standards() {
        for (bytes, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{0}\u{7f}", "AH8="),
        ] {
            assert_eq!(base64(bytes.bytes()), want);
        }
    }

    #[test]
    fn vectors_are_written_in_two_ways() {
        let mut answer =
            Answer { model: "m".into(), vectors: vec![vec![1.0, -0.5]], base64: false, tokens: 3 };
        let text = |answer: &Answer| match answer.whole::<()>().body {
            Body::Full(bytes) => String::from_utf8(bytes).expect("UTF-8"),
            _ => panic!("an answer is whole"),
        };
        assert_eq!(
            text(&answer),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        );
        answer.base64 = true;
        assert!(text(&answer).contains(r#""embedding":"AACAPwAAAL8=""#), "{}", text(&answer));
    }
}
