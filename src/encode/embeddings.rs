//! Vectors to bytes, in pieces: a vector takes up to 40 KB, whatever the size of its input.

use super::{around_list, json_text_in_pieces};
use crate::api::embeddings::{Embedding, List, Usage, Vector};
use crate::coding::base64;
use crate::http::Response;
use crate::json::{Write, to_string};

/// The answer to an embeddings request.
#[derive(Debug, Clone)]
pub struct Answer<V> {
    /// The requested model.
    pub model: String,
    /// The vectors, by input.
    pub vectors: V,
    /// Whether they are written as base64.
    pub base64: bool,
    /// Tokens of the inputs.
    pub tokens: u64,
}

impl<V: Iterator<Item = Vec<f32>> + 'static> Answer<V> {
    /// The answer as JSON.
    pub fn in_pieces<B>(self) -> Response<B> {
        let usage = Usage { prompt_tokens: self.tokens, total_tokens: self.tokens };
        let json = to_string(&List { object: "list", data: Vec::new(), model: &self.model, usage });
        let (start, end) = around_list(&json, "\"data\":[");
        let (mut start, mut end) = (Some(start.to_owned()), Some(end.to_owned()));
        let mut vectors = self.vectors.zip(0..);
        json_text_in_pieces(move |out| {
            out.push_str(&start.take().unwrap_or_default());
            if let Some((vector, index)) = vectors.next() {
                out.push_str(if index > 0 { "," } else { "" });
                let embedding = match self.base64 {
                    true => Vector::Base64(base64(vector.iter().flat_map(|number| number.to_le_bytes()))),
                    false => Vector::Float(&vector),
                };
                Embedding { object: "embedding", index, embedding }.write(out);
                return true;
            }
            let Some(end) = end.take() else { return false };
            out.push_str(&end);
            true
        })
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
        let text = |base64| {
            let vectors = vec![vec![1.0, -0.5]].into_iter();
            match (Answer { model: "m".into(), vectors, base64, tokens: 3 }).in_pieces::<()>().body {
                Body::Full(bytes) => String::from_utf8(bytes).expect("UTF-8"),
                _ => panic!("a short answer is whole"),
            }
        };
        assert_eq!(
            text(false),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        );
        assert!(text(true).contains(r#""embedding":"AACAPwAAAL8=""#), "{}", text(true));
    }
}
