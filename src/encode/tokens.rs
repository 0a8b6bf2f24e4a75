//! How tokens and their log probabilities are written.

use crate::api::answer::{LikelyToken, TokenLogprob};
use crate::turn;
use std::borrow::Cow;
use std::fmt::Write;

/// A token's text. Bytes that are no text are written as in Python, ` \\xf0\\x9f`, after a prefix.
pub(super) fn text<'a>(bytes: &'a [u8], prefix: &str) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let mut out = prefix.to_owned();
            for byte in bytes {
                match byte {
                    b' '..=b'~' => out.push(char::from(*byte)),
                    // Writing to a string cannot fail.
                    _ => drop(write!(out, "\\x{byte:02x}")),
                }
            }
            out.into()
        }
    }
}

/// The log probabilities of tokens, as chats have them.
pub(super) fn logprobs<'a>(tokens: &'a [turn::TokenLogprob<'_>]) -> Vec<TokenLogprob<'a>> {
    fn token(bytes: &[u8], logprob: f32) -> LikelyToken<'_> {
        LikelyToken { token: text(bytes, ""), logprob, bytes: bytes.into() }
    }
    let entry = |of: &'a turn::TokenLogprob<'_>| TokenLogprob {
        token: token(&of.bytes, of.logprob),
        top_logprobs: of.top.iter().map(|(bytes, logprob)| token(bytes, *logprob)).collect(),
    };
    tokens.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_no_text_shows_its_bytes() {
        for (bytes, want) in [
            (&b" hello"[..], " hello"),
            ("é".as_bytes(), "é"),
            (b" \xf0\x9f\x91", r"bytes: \xf0\x9f\x91"),
            (b"\xa9", r"bytes:\xa9"),
        ] {
            assert_eq!(text(bytes, "bytes:"), want);
        }
    }
}
