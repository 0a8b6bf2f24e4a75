//! Secrets: the keys of callers and of upstreams.

use super::limits::Limit;
use super::plan::star;
use crate::coding::hex;
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use std::fmt;
use subtle::ConstantTimeEq;

/// A value that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the code that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key that callers may use, by value or by digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its name, for the log.
    pub name: String,
    /// The models it is restricted to, with `*` as in the names of models; `None` for all.
    pub models: Option<Vec<String>>,
    /// Limits of its own.
    pub limits: Vec<Limit>,
    /// Whether it may see the usage of all keys.
    pub admin: bool,
    /// Whether the operator gave it its name.
    pub is_named: bool,
    proof: Proof,
}

#[derive(Debug, Clone, PartialEq)]
enum Proof {
    Plain(Secret),
    Sha256([u8; 32]),
}

/// The prefix of a digest.
const SHA256: &str = "sha256:";

impl Key {
    /// Parses `sk-…` or `sha256:<64 hex digits>`.
    ///
    /// # Errors
    ///
    /// What is wrong, without the value.
    pub fn parse(name: impl Into<String>, text: &str) -> Result<Self, &'static str> {
        let proof = match text.split_at_checked(SHA256.len()) {
            // In any case: a digest that counted as a key could be used by everyone that can read it.
            Some((scheme, hex)) if scheme.eq_ignore_ascii_case(SHA256) => Proof::Sha256(digest(hex)?),
            _ if text.bytes().all(|b| b.is_ascii_graphic()) && !text.is_empty() => {
                Proof::Plain(Secret::new(text))
            }
            _ => return Err("a key is visible ASCII without spaces"),
        };
        Ok(Self { name: name.into(), models: None, limits: Vec::new(), admin: false, is_named: false, proof })
    }

    /// Whether a caller's credential is this key, compared in constant time but for the lengths.
    pub fn matches(&self, presented: &Presented<'_>) -> bool {
        match &self.proof {
            Proof::Plain(secret) => same(secret.expose().as_bytes(), presented.key.as_bytes()),
            Proof::Sha256(want) => same(want, presented.digest()),
        }
    }

    /// What the key is known by in the store: its name where the operator gave it one, else its digest, so that keys keep
    /// their counts when the list they stand in changes.
    pub fn identity(&self) -> String {
        match &self.proof {
            _ if self.is_named => format!("name:{}", self.name),
            Proof::Plain(secret) => format!("{SHA256}{}", hex(&Sha256::digest(secret.expose().as_bytes()))),
            Proof::Sha256(digest) => format!("{SHA256}{}", hex(digest)),
        }
    }

    /// Whether the key may use a model.
    pub fn opens(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|m| star(m, model).is_some()))
    }
}

/// A caller's credential. It is hashed once, however many digests it is compared with.
pub struct Presented<'a> {
    key: &'a str,
    digest: OnceCell<[u8; 32]>,
}

impl<'a> Presented<'a> {
    /// A credential as it arrived.
    pub fn new(key: &'a str) -> Self {
        Self { key, digest: OnceCell::new() }
    }

    fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| Sha256::digest(self.key.as_bytes()).into())
    }
}

fn digest(hex: &str) -> Result<[u8; 32], &'static str> {
    const WANT: &str = "a digest is `sha256:` and 64 hexadecimal digits";
    let mut out = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(WANT);
    }
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| WANT)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| WANT)?;
    }
    Ok(out)
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// The key in an `Authorization` value of the `Bearer` scheme (RFC 6750, section 2.1; the scheme
/// compares without case, RFC 9110, section 11.1).
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, key) = authorization.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_value_or_digest() {
        let hash = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let capitals = &*hash.to_uppercase();
        for (text, presented, want) in [
            ("sk-test", "sk-test", true),
            ("sk-test", "sk-tesu", false),
            ("sk-test", "sk-test1", false),
            ("sk-test", "", false),
            (hash, "test", true),
            (capitals, "test", true),
            (capitals, capitals, false),
            (hash, "Test", false),
            (hash, hash, false),
        ] {
            let key = Key::parse("k", text).expect("valid");
            assert_eq!(key.matches(&Presented::new(presented)), want, "{text} {presented}");
        }
    }

    #[test]
    fn a_malformed_key_is_refused() {
        for text in
            ["", "sk test", "sk-\u{e9}", "sha256:", "sha256:zz", &format!("sha256:{}", "+1".repeat(32))]
        {
            assert!(Key::parse("k", text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = Key::parse("ci", "sk-verysecret").expect("valid");
        assert!(!format!("{key:?}").contains("verysecret"));
    }

    #[test]
    fn the_scheme_has_no_case_and_the_key_must_be_there() {
        for (header, want) in [
            ("Bearer sk-1", Some("sk-1")),
            ("bearer sk-1", Some("sk-1")),
            ("Bearer   sk-1 ", Some("sk-1")),
            ("Basic sk-1", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("xBearer sk-1", None),
        ] {
            assert_eq!(bearer(header), want, "{header:?}");
        }
    }
}
