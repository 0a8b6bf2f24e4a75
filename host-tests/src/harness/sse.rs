//! Parses a stream of server-sent events, one event at a time.

/// Buffers the bytes of a stream until an event is complete.
#[derive(Default)]
pub(crate) struct Events {
    pending: Vec<u8>,
}

impl Events {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The data of the next complete event. Comments and events without data are skipped.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let end = self.pending.windows(2).position(|pair| pair == b"\n\n")?;
            let event: Vec<u8> = self.pending.drain(..end + 2).collect();
            let event = String::from_utf8(event).expect("events are UTF-8");
            let data: Vec<_> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            if !data.is_empty() {
                return Some(data.join("\n"));
            }
        }
    }

    /// The bytes after the last complete event.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_complete_at_any_split() {
        let stream =
            b"data: {\"a\":1}\n\n: comment\n\nevent: e\ndata: one\ndata:two\n\ndata: [DONE]\n\ndata: half";
        for size in [1, 2, 7, stream.len()] {
            let mut events = Events::default();
            let mut seen = Vec::new();
            for piece in stream.chunks(size) {
                events.push(piece);
                seen.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(seen, ["{\"a\":1}", "one\ntwo", "[DONE]"], "in pieces of {size}");
            assert_eq!(events.rest(), b"data: half");
        }
    }
}
