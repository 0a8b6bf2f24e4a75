//! Framing of server-sent events (WHATWG HTML, section 9.2.6). Payloads are JSON.

/// Ends a complete stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends one event. Line breaks between the tokens of the JSON, as those of a schema that is repeated as its caller
/// wrote it, become spaces: they would end the event's line. Within strings JSON has none.
pub fn push_event(out: &mut Vec<u8>, json: &[u8]) {
    out.reserve(json.len() + 8);
    out.extend_from_slice(b"data: ");
    let start = out.len();
    out.extend_from_slice(json);
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
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
        push_named_event(&mut out, "x", b"{\"schema\":{\r\n\n}}");
        assert_eq!(out, b"data: {\"a\":1}\n\ndata: {}\n\nevent: x\ndata: {\"schema\":{   }}\n\n");
    }
}
