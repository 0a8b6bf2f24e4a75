//! Bytes as text: base64 and percent-encoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The digits of base64 (RFC 4648, section 4), by their values.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The base64 digit of the six low bits of a number.
#[expect(clippy::indexing_slicing, reason = "six bits are below 64")]
pub fn base64_digit(bits: u64) -> char {
    char::from(BASE64[(bits & 63) as usize])
}

/// Bytes as base64 (RFC 4648, section 4).
pub fn base64(bytes: impl Iterator<Item = u8>) -> String {
    let mut out = String::with_capacity(bytes.size_hint().0 * 4 / 3 + 4);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            out.push(base64_digit(u64::from(bits >> held)));
        }
    }
    if held > 0 {
        out.push(base64_digit(u64::from(bits << (6 - held))));
    }
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// Appends a text with everything percent-encoded but letters, digits, `-`, `_` and `~` (RFC 3986, section 2.1). A dot is
/// encoded as well: segments of dots have a meaning in a path.
pub fn push_percent_encoded(text: &str, out: &mut String) {
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
    out.extend(utf8_percent_encode(text, &PLAIN));
}

/// Bytes as lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (bytes, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("a:b?>", "YTpiPz4=")]
        {
            assert_eq!(base64(bytes.bytes()), want);
        }
    }

    #[test]
    fn all_but_letters_digits_and_three_marks_are_escaped() {
        let mut out = String::new();
        push_percent_encoded("aZ9-_.~/ +%?é\0", &mut out);
        assert_eq!(out, "aZ9-_%2E~%2F%20%2B%25%3F%C3%A9%00");
    }

    #[test]
    fn hexadecimal_digits_are_lowercase() {
        assert_eq!(hex(&[0, 0x1f, 0xab]), "001fab");
    }
}
