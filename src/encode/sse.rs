//! Framing of server-sent events (WHATWG HTML, section 9.2.6). Payloads are JSON, which has no line breaks.

/// Ends a complete stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends one event.
pub fn push_event(out: &mut Vec<u8>, json: &[u8]) {
    debug_assert!(!json.contains(&b'\n') && !json.contains(&b'\r'), "one line");
    out.reserve(json.len() + 8);
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(json);
    out.extend_from_slice(b"\n\n");
}

/// Appends one event that has a name.
pub fn push_named_event(out: &mut Vec<u8>, name: &str, json: &[u8]) {
    out.reserve(json.len() + name.len() + 16);
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    push_event(out, json);
}

/// Where each event of some whole events ends.
pub(super) fn event_ends(events: &[u8]) -> impl Iterator<Item = usize> {
    events.windows(2).zip(2..).filter(|(pair, _)| pair == b"\n\n").map(|(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_and_a_blank_one() {
        let mut out = Vec::new();
        push_event(&mut out, b"{\"a\":1}");
        push_event(&mut out, b"{}");
        assert_eq!(out, b"data: {\"a\":1}\n\ndata: {}\n\n");
    }
}
