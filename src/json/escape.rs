//! Strings and numbers as JSON.

use super::reader::special;

/// Appends a string.
pub(crate) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // What needs no escape goes over in one piece; what needs one is ASCII, so both sides of it are text.
    while let Some(at) = special(rest.as_bytes()) {
        out.push_str(&rest[..at]);
        push_escape(rest.as_bytes()[at], out);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn push_escape(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
        _ => {
            out.push_str("\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]].map(char::from));
        }
    }
}

/// Appends a whole number.
pub(crate) fn push_integer(mut number: u64, out: &mut String) {
    // 2^64 has twenty digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_those_of_serde_json() {
        let every: String = (0..=0x200).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"", "a\\", "\n\r\t", "é\u{1}漢\"😀", &every] {
            let mut out = String::new();
            push_string(text, &mut out);
            let back: String = serde_json::from_str(&out).expect("JSON");
            assert_eq!(back, text, "{out}");
        }
    }

    #[test]
    fn integers_are_those_of_the_standard_library() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = String::new();
            push_integer(number, &mut out);
            assert_eq!(out, number.to_string());
        }
    }
}
