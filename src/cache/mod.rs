//! The exact cache: answers by what was requested.
//!
//! Equal requests have one [`Key`]; the value is the endpoint's whole answer. Where it is kept is `store`'s business.

mod canonical;

pub use canonical::NotCanonical;

use sha2::{Digest, Sha256};
use std::fmt;

/// Raised whenever the same request would get another key, or a value would be read differently.
const FORMAT: u8 = 1;

/// Top-level members of a request that do not change the answer: how it is sent, and for whom.
const LEFT_OUT: [&str; 9] = [
    // It is in the key by the name it was routed by.
    "model",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "store",
    "service_tier",
];

/// What an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct KeyInput<'a> {
    /// The path of the endpoint: `/v1/chat/completions`.
    pub endpoint: &'a str,
    /// The model, by the caller's name.
    pub model: &'a str,
    /// The upstreams the model goes to, each with its name for the model. Other targets may answer differently.
    pub targets: &'a [(&'a str, &'a str)],
    /// Whose answer it is; `None` where all callers share their answers.
    pub caller: Option<&'a str>,
    /// The query that goes to upstreams.
    pub query: Option<&'a str>,
    /// The values of `anthropic-version` and `anthropic-beta`.
    pub versions: [Option<&'a str>; 2],
    /// The body, as it came.
    pub body: &'a [u8],
}

/// The key of an answer: equal for equal requests, and nothing can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// In hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Key {
    /// The key of the answer to a request.
    ///
    /// # Errors
    ///
    /// Where the body has no canonical form: such a request is not looked up and its answer not kept.
    pub fn of(input: &KeyInput<'_>) -> Result<Self, NotCanonical> {
        let mut hash = Buffered { hash: Sha256::new(), pending: Vec::with_capacity(BUFFER) };
        hash.take(&[FORMAT]);
        hash.text(Some(input.endpoint));
        hash.text(Some(input.model));
        hash.take(&(input.targets.len() as u64).to_le_bytes());
        for (upstream, name) in input.targets {
            hash.text(Some(upstream));
            hash.text(Some(name));
        }
        hash.text(input.caller);
        hash.text(input.query);
        input.versions.into_iter().for_each(|version| hash.text(version));
        canonical::write(input.body, |name| LEFT_OUT.contains(&name), &mut |piece| hash.take(piece))?;
        hash.flush();
        Ok(Self(hash.hash.finalize().into()))
    }
}

/// Gathers the many short pieces of a canonical form.
struct Buffered {
    hash: Sha256,
    pending: Vec<u8>,
}

const BUFFER: usize = 4096;

impl Buffered {
    fn take(&mut self, piece: &[u8]) {
        if self.pending.len() + piece.len() > BUFFER {
            self.flush();
        }
        match piece.len() > BUFFER {
            true => self.hash.update(piece),
            false => self.pending.extend_from_slice(piece),
        }
    }

    fn text(&mut self, text: Option<&str>) {
        // No text is as long as none.
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        self.take(&length.to_le_bytes());
        self.take(text.unwrap_or_default().as_bytes());
    }

    fn flush(&mut self) {
        self.hash.update(&self.pending);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: KeyInput<'_> = KeyInput {
        endpoint: "/v1/chat/completions",
        model: "gpt-4o",
        targets: &[("openai", "gpt-4o")],
        caller: Some("ci"),
        query: None,
        versions: [None, None],
        body: br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}"#,
    };

    fn key(input: KeyInput<'_>) -> Key {
        Key::of(&input).expect("a key")
    }

    #[test]
    fn what_does_not_change_the_answer_does_not_change_the_key() {
        for body in [
            r#"{"messages":[{"content":"Hi","role":"user"}],"model":"gpt-4o"}"#,
            r#"{"messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"messages":[{"role":"user","content":"Hi","name":null}],"user":"u","metadata":{"a":"b"},
                "safety_identifier":"s","prompt_cache_key":"k","store":true,"service_tier":"flex"}"#,
        ] {
            assert_eq!(key(KeyInput { body: body.as_bytes(), ..QUESTION }), key(QUESTION), "{body}");
        }
    }

    #[test]
    fn everything_else_changes_the_key() {
        let others = [
            KeyInput { endpoint: "/v1/responses", ..QUESTION },
            KeyInput { model: "gpt-4", ..QUESTION },
            KeyInput { targets: &[("openai", "gpt-4")], ..QUESTION },
            KeyInput { targets: &[("openai", "gpt-4o"), ("azure", "gpt-4o")], ..QUESTION },
            KeyInput { targets: &[("azure", "gpt-4o")], ..QUESTION },
            KeyInput { caller: Some("dev"), ..QUESTION },
            KeyInput { caller: None, ..QUESTION },
            KeyInput { caller: Some(""), ..QUESTION },
            KeyInput { query: Some("beta=true"), ..QUESTION },
            KeyInput { versions: [Some("2023-06-01"), None], ..QUESTION },
            KeyInput { versions: [None, Some("2023-06-01")], ..QUESTION },
            KeyInput { body: br#"{"messages":[{"role":"user","content":"Hi!"}]}"#, ..QUESTION },
            KeyInput { body: br#"{"messages":[{"role":"user","content":"Hi"}],"x":0}"#, ..QUESTION },
            KeyInput { body: br#"{"messages":[{"role":"user","content":"Hi","user":"u"}]}"#, ..QUESTION },
        ];
        let mut keys: Vec<_> = others.iter().map(|input| key(*input).to_string()).collect();
        keys.push(key(QUESTION).to_string());
        assert!(keys.iter().all(|key| key.len() == 64));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), others.len() + 1);
    }

    /// Keys in a store outlive a release: a change of this key needs a new [`FORMAT`].
    #[test]
    fn a_key_stays_what_it_is() {
        let want = "a495329a64d64250368937bac6f94e54219441043169e1400c5cf6f83d0a206f";
        assert_eq!(key(QUESTION).to_string(), want);
    }

    #[test]
    fn long_texts_are_hashed_as_short_ones() {
        let body = |text: &str| format!("{{\"messages\":\"{text}\"}}");
        let long = "x".repeat(3 * BUFFER);
        let one = body(&format!("{long}\\u0061"));
        let other = body(&format!("{long}a"));
        assert_eq!(
            key(KeyInput { body: one.as_bytes(), ..QUESTION }),
            key(KeyInput { body: other.as_bytes(), ..QUESTION })
        );
        let other = body(&format!("{long}b"));
        assert_ne!(
            key(KeyInput { body: one.as_bytes(), ..QUESTION }),
            key(KeyInput { body: other.as_bytes(), ..QUESTION })
        );
    }
}
