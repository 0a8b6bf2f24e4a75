//! Filler words, for where any text will do.

use crate::random::{Rng, mix, scatter};
use crate::tokens::Encoding;

/// Plain words of up to six letters. Each is one token with the space before it, in both encodings.
#[rustfmt::skip]
pub(super) const WORDS: [&str; 256] = [
    "river", "stone", "garden", "window", "light", "paper", "music", "forest", "summer", "winter", "silver", "golden",
    "copper", "bridge", "market", "harbor", "island", "valley", "corner", "table", "chair", "door", "floor", "wall",
    "roof", "street", "city", "farm", "field", "road", "path", "wheel", "train", "boat", "plane", "bird",
    "horse", "cat", "dog", "fish", "tree", "leaf", "flower", "grass", "seed", "fruit", "apple", "bread",
    "water", "milk", "coffee", "sugar", "salt", "honey", "cheese", "dinner", "lunch", "book", "page", "letter",
    "word", "story", "poem", "song", "dance", "paint", "color", "shape", "line", "circle", "square", "point",
    "edge", "north", "south", "east", "west", "left", "right", "above", "below", "near", "far", "early",
    "late", "today", "week", "month", "year", "hour", "minute", "second", "clock", "time", "day", "night",
    "dawn", "sky", "cloud", "rain", "snow", "wind", "storm", "sun", "moon", "star", "earth", "sea",
    "lake", "ocean", "beach", "sand", "hill", "rock", "cave", "desert", "jungle", "green", "blue", "red",
    "white", "black", "brown", "gray", "yellow", "orange", "purple", "small", "large", "tall", "short", "wide",
    "narrow", "deep", "high", "low", "warm", "cold", "hot", "dry", "wet", "soft", "hard", "quick",
    "slow", "quiet", "loud", "bright", "dark", "clear", "plain", "simple", "open", "closed", "full", "empty",
    "new", "old", "young", "fresh", "clean", "sharp", "round", "flat", "long", "strong", "calm", "happy",
    "kind", "brave", "honest", "gentle", "proud", "ready", "people", "friend", "mother", "father", "sister", "child",
    "king", "queen", "doctor", "artist", "writer", "singer", "player", "farmer", "hunter", "sailor", "walk", "run",
    "jump", "swim", "read", "write", "speak", "listen", "think", "learn", "teach", "build", "make", "find",
    "keep", "hold", "carry", "bring", "send", "give", "take", "buy", "sell", "close", "begin", "start",
    "stop", "turn", "move", "stay", "wait", "watch", "look", "see", "hear", "touch", "smell", "taste",
    "feel", "plan", "idea", "dream", "hope", "wish", "fact", "truth", "reason", "cause", "result", "number",
    "sum", "part", "whole", "group", "team", "game", "ball", "card", "coin", "key", "lock", "box",
    "bag", "cup", "plate", "glass",
];

/// The words of a text without end: sentences of four to eleven words.
///
/// Each item is a word with the space before it where one belongs, or the full stop of a sentence.
pub(super) struct Prose {
    rng: Rng,
    /// How many words the sentence still has.
    left: u64,
    begun: bool,
}

impl Prose {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(mix(seed, 0x77)), left: 0, begun: false }
    }

    /// Appends the next word or full stop.
    pub(super) fn push(&mut self, out: &mut String) {
        if self.left == 0 && self.begun {
            self.begun = false;
            out.push('.');
            return;
        }
        let word = WORDS[(self.rng.next_u64() % 256) as usize];
        if self.begun {
            out.push(' ');
            out.push_str(word);
            self.left -= 1;
            return;
        }
        self.begun = true;
        self.left = 3 + self.rng.below(8);
        if !out.is_empty() {
            out.push(' ');
        }
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
}

/// A text of exactly so many tokens.
pub(super) fn prose_of(tokens: u32, encoding: Encoding, seed: u64) -> String {
    let mut prose = Prose::new(seed);
    let (mut out, mut count) = (String::new(), 0);
    while count < tokens {
        let start = out.len();
        prose.push(&mut out);
        // Words and full stops are split before they are merged: each counts for itself.
        let more = encoding.count(&out[start..]) as u32;
        if count + more > tokens {
            // A capital letter may take a token more; the words themselves take one.
            out.truncate(start);
            out.push(' ');
            out.push_str(WORDS[(scatter(seed) % 256) as usize]);
            count += 1;
        } else {
            count += more;
        }
    }
    out
}

/// A text of so many bytes at the least; its last word may go on.
pub(super) fn prose(seed: u64, bytes: usize) -> String {
    let mut prose = Prose::new(seed);
    let mut out = String::with_capacity(bytes + 8);
    while out.len() < bytes {
        prose.push(&mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_token_with_its_space() {
        let mut sorted = WORDS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), WORDS.len());
        for word in WORDS {
            assert!(word.len() <= 6 && word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
            for encoding in Encoding::ALL {
                assert_eq!(encoding.count(&format!(" {word}")), 1, "{word}");
            }
        }
    }

    #[test]
    fn prose_has_sentences() {
        let text = prose(3, 200);
        assert!(text.len() >= 200 && text.contains(". ") && !text.contains("  "), "{text}");
        assert_eq!(text, prose(3, 200));
        assert_ne!(text, prose(4, 200));
        for tokens in [0, 1, 2, 3, 10, 1000] {
            for (encoding, seed) in Encoding::ALL.into_iter().zip(0..) {
                assert_eq!(encoding.count(&prose_of(tokens, encoding, seed)), tokens as usize);
            }
        }
    }
}
