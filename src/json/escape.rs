//! Strings and numbers as JSON, and what escapes stand for.

/// Appends a string.
pub(crate) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    push_escaped(text, out);
    out.push('"');
}

/// Appends the inside of a string.
pub(crate) fn push_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    // What needs no escape goes over in one piece; what needs one is ASCII, so both sides of it are text.
    while let Some((before, after)) = special(rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        push_escape(after.bytes().next().unwrap_or_default(), out);
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn push_escape(byte: u8, out: &mut String) {
    match byte {
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
        _ => {
            out.push_str("\\u00");
            out.extend(
                [byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit((*digit).into(), 16)),
            );
        }
    }
}

/// Appends a whole number.
pub(crate) fn push_integer(mut number: u64, out: &mut String) {
    // 2^64 has twenty digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    for digit in digits.iter_mut().rev() {
        at -= 1;
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(at..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// The character of a surrogate pair; `None` if the two are none.
pub(super) fn surrogate_pair(high: u32, low: u32) -> Option<char> {
    let halves = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    halves.then(|| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))).flatten()
}

/// How many bytes stand before the next one that is escaped in a string: a quote, a backslash or a control
/// character.
#[inline]
pub(super) fn special(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // The lowest bit set is that of the first byte below `n`, for n up to 128; higher ones may err.
    let below = |word: u64, n: u64| word.wrapping_sub(EACH * n) & !word & (EACH << 7);
    let mut at = 0;
    // Eight bytes at a time: prompts are long.
    let (words, rest) = bytes.as_chunks();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (EACH * u64::from(b'"'));
        let backslash = word ^ (EACH * u64::from(b'\\'));
        let found = below(quote, 1) | below(backslash, 1) | below(word, 0x20);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).map(|place| at + place)
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
