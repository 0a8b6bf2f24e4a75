//! What the wire tells of a token.

use crate::tokens::Encoding;
use std::borrow::Cow;
use std::fmt::Write;

/// The bytes of a token.
pub(super) struct Bytes(pub(super) Cow<'static, [u8]>);

impl Bytes {
    pub(super) fn of(encoding: Encoding, id: u32) -> Self {
        Self(encoding.token_bytes(id).map(|bytes| bytes.to_vec()).unwrap_or_default().into())
    }
}

/// A token's text. One that is no text is written out as Python shows bytes, ` \xf0\x9f`, after a prefix.
pub(super) fn written(bytes: &Bytes, prefix: &str) -> Cow<'static, str> {
    match std::str::from_utf8(&bytes.0) {
        Ok(text) => text.to_owned().into(),
        Err(_) => {
            let mut out = prefix.to_owned();
            for byte in &*bytes.0 {
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
            assert_eq!(written(&Bytes(Cow::Borrowed(bytes)), "bytes:"), want);
        }
    }
}
