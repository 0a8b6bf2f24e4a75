//! What the wire tells of a token.

use crate::engine::tokens::Encoding;
use std::borrow::Cow;
use std::fmt::Write;

/// The bytes of a token.
pub(super) struct Bytes(pub(super) Cow<'static, [u8]>);

impl Bytes {
    pub(super) fn of(encoding: Encoding, id: u32) -> Self {
        Self(encoding.token_bytes(id).map(|bytes| bytes.to_vec()).unwrap_or_default().into())
    }
}

/// A token's text. Bytes that are no text are written out as `\xf0\x9f`, after a prefix.
pub(super) fn written(bytes: &Bytes, prefix: &str) -> Cow<'static, str> {
    match std::str::from_utf8(&bytes.0) {
        Ok(text) => text.to_owned().into(),
        Err(_) => {
            let mut out = prefix.to_owned();
            for byte in &*bytes.0 {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
            out.into()
        }
    }
}
