//! Removes comments, indentation and spaces. Names are not changed.
//!
//! It supports only as much of the languages as the page needs, whose scripts end each statement with a semicolon. The
//! page's suite in `host-tests` runs the result in a browser.

/// HTML: lines without their indentation, no line breaks between tags, no quotes around words.
pub(crate) fn html(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let is_between_tags = out.ends_with('>') && line.starts_with('<');
        if !out.is_empty() && !is_between_tags {
            out.push(' ');
        }
        out.push_str(line);
    }
    let mut parts = out.split("=\"");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (value, rest) = part.split_once('"').expect("a quoted value ends");
        let is_word =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        match is_word {
            true => plain.extend(["=", value, rest]),
            false => plain.extend(["=\"", value, "\"", rest]),
        }
    }
    plain
}

/// CSS: one line, with spaces only where they separate words.
pub(crate) fn css(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    out.push_str(rest);
    let mut squeezed = String::with_capacity(out.len());
    for word in out.split_whitespace() {
        let ends = squeezed.ends_with(['{', '}', ';', ',', ':', '>']);
        if !squeezed.is_empty() && !ends && !word.starts_with(['{', '}', '>']) {
            squeezed.push(' ');
        }
        squeezed.push_str(word);
    }
    squeezed.replace(";}", "}")
}

/// JavaScript: without comments, and with spaces only where they separate words.
///
/// # Panics
///
/// Where a text or a regular expression does not end.
pub(crate) fn js(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut is_spaced = false;
    let mut i = 0;
    while i < bytes.len() {
        let last = out.last().copied().unwrap_or(b';');
        let end = match bytes[i] {
            b' ' | b'\n' => {
                is_spaced = true;
                i += 1;
                continue;
            }
            b'/' if bytes[i + 1] == b'/' => {
                i += source[i..].find('\n').unwrap_or(source.len() - i);
                continue;
            }
            quote @ (b'"' | b'\'') => quoted(bytes, i, quote),
            b'`' => template(bytes, i),
            b'/' if b"(,=:[!&|?{};".contains(&last) => regex(bytes, i),
            _ => i + 1,
        };
        let separates = is_word(last) && is_word(bytes[i]) || last == bytes[i] && b"+-".contains(&last);
        if is_spaced && separates {
            out.push(b' ');
        }
        is_spaced = false;
        out.extend_from_slice(&bytes[i..end]);
        i = end;
    }
    String::from_utf8(out).expect("texts are copied as a whole")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_$#".contains(&byte)
}

/// Where the text that begins at `start` ends.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut i = start + 1;
    while bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    i + 1
}

/// Where the template that begins at `start` ends. Expressions in it are not changed.
fn template(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while bytes[i] != b'`' {
        i = match &bytes[i..i + 2] {
            [b'\\', _] => i + 2,
            b"${" => inserted(bytes, i + 2),
            _ => i + 1,
        };
    }
    i + 1
}

/// Where the expression inserted into a template ends, its brace included.
fn inserted(bytes: &[u8], start: usize) -> usize {
    let (mut i, mut depth) = (start, 1);
    while depth > 0 {
        i = match bytes[i] {
            quote @ (b'"' | b'\'') => quoted(bytes, i, quote),
            b'`' => template(bytes, i),
            brace => {
                depth += i32::from(brace == b'{') - i32::from(brace == b'}');
                i + 1
            }
        };
    }
    i
}

/// Where the regular expression that begins at `start` ends, its flags not included.
fn regex(bytes: &[u8], start: usize) -> usize {
    let (mut i, mut is_in_set) = (start + 1, false);
    while is_in_set || bytes[i] != b'/' {
        match bytes[i] {
            b'[' => is_in_set = true,
            b']' => is_in_set = false,
            _ => {}
        }
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    i + 1
}
