//! Vectors of texts: the same ones for the same text, near for texts that share words.
//!
//! Each token has a direction of its own; a text has the sum of its tokens' directions, at unit length.
//! A request for fewer dimensions cuts the vector, which then gets unit length again, as the API's.

use crate::random::{Rng, mix};
use crate::tokens::Encoding;
use std::collections::BTreeMap;

/// The vector of some tokens, of at least one dimension.
pub fn embed(tokens: &[u32], encoding: Encoding, dimensions: u32) -> Vec<f32> {
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for &token in tokens {
        *counts.entry(meaning(token, encoding)).or_default() += 1;
    }
    let mut sum = vec![0_i64; dimensions.max(1) as usize];
    for (token, count) in counts {
        let mut rng = Rng::new(mix(token, 0xe3b));
        // A frequent word counts more, but not in proportion: 16, 27, 35, 42 …
        let weight = 16 * i64::from(count) / (1 + i64::from(count) / 4);
        // Eight numbers of seven bits and a sign come out of one rng.
        for eight in sum.chunks_mut(8) {
            let bytes = rng.next_u64().to_le_bytes();
            eight.iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += weight * i64::from(byte as i8));
        }
    }
    // Integers add up the same in any order; only the length is a matter of floats, by IEEE operations alone.
    let length = sum.iter().map(|x| (*x as f64) * (*x as f64)).sum::<f64>().sqrt();
    sum.iter().map(|x| if length > 0.0 { (*x as f64 / length) as f32 } else { 0.0 }).collect()
}

/// What a token stands for, whatever its case and the space before it.
fn meaning(token: u32, encoding: Encoding) -> u64 {
    let bytes = encoding.token_bytes(token).map(|bytes| bytes.to_ascii_lowercase()).unwrap_or_default();
    crate::random::hash(bytes.strip_prefix(b" ").filter(|rest| !rest.is_empty()).unwrap_or(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, dimensions: u32) -> Vec<f32> {
        embed(&Encoding::Cl100kBase.encode(text), Encoding::Cl100kBase, dimensions)
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn vectors_have_unit_length_and_texts_with_the_same_words_are_near() {
        let cat = of("The cat sits on the mat", 1536);
        assert!((dot(&cat, &cat) - 1.0).abs() < 1e-5);
        let near = dot(&cat, &of("the Cat sat on a mat", 1536));
        let far = dot(&cat, &of("Quarterly revenue rose by seven percent", 1536));
        assert!(near > 0.5 && far.abs() < 0.2, "{near} {far}");
        assert_eq!(cat, of("The cat sits on the mat", 1536));
    }

    #[test]
    fn fewer_dimensions_are_the_beginning_of_more() {
        let (many, few) = (of("hello world", 1536), of("hello world", 256));
        let scale = many[0] / few[0];
        assert!(many.iter().zip(&few).all(|(many, few)| (many - few * scale).abs() < 1e-6));
        assert!((dot(&few, &few) - 1.0).abs() < 1e-5);
        assert_eq!(of("x", 1).len(), 1);
    }
}
