//! Server-sent events (WHATWG HTML, section 9.2.6), taken from bytes that come in whatever pieces.

use std::borrow::Cow;

/// An event longer than this is not kept whole: a picture in one would only fill the memory.
pub(super) const LONGEST_EVENT: usize = 1024 * 1024;

/// Cuts a stream into events. It keeps the bytes of one unfinished event and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    /// Where the event begins that is being looked for.
    start: usize,
    /// What lies before was looked at.
    scanned: usize,
    /// Whether the line being looked at has something in it.
    in_line: bool,
    /// Whether the last byte looked at was a CR: an LF after it belongs to the same line break.
    after_cr: bool,
    /// Whether the first event was given out; the stream's BOM is before it.
    begun: bool,
    /// Whether the beginning of the event being looked for was given out: it was too long.
    cut: bool,
}

/// A piece of a stream that ends in a blank line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// All its bytes, blank line included.
    pub(super) raw: &'a [u8],
    /// Its `event` field; empty where it has none.
    pub(super) name: Cow<'a, [u8]>,
    /// Its `data` fields, joined; `None` where they are empty, as in a comment or a lone blank line.
    pub(crate) data: Option<Cow<'a, [u8]>>,
    /// An error that an upstream writes outside `data`: the value of a field `error` (llama.cpp until autumn 2025), or
    /// bare JSON.
    pub(super) stray: Option<&'a [u8]>,
}

/// An event is longer than [`LONGEST_EVENT`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Parser {
    /// Takes more bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Event<'_>>, TooLong> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                // Alone at the beginning it ends an event that was given out before it came.
                match self.scanned - self.start {
                    1 if !self.cut => return Ok(Some(self.take())),
                    _ => continue,
                }
            }
            match byte {
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    if !std::mem::take(&mut self.in_line) {
                        if self.after_cr && self.buffer.get(self.scanned) == Some(&b'\n') {
                            self.after_cr = false;
                            self.scanned += 1;
                        }
                        return Ok(Some(self.take()));
                    }
                }
                _ => self.in_line = true,
            }
        }
        match self.buffer.len() - self.start > LONGEST_EVENT {
            true => Err(TooLong),
            false => Ok(None),
        }
    }

    /// Gives out what is there of an event that is too long, unread. The rest comes as an event without data.
    pub(super) fn cut(&mut self) -> &[u8] {
        (self.begun, self.cut) = (true, true);
        self.scanned = self.buffer.len();
        self.buffer.get(std::mem::replace(&mut self.start, self.scanned)..).unwrap_or_default()
    }

    /// Whether what was given out last is the beginning of an event.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether no event is begun.
    pub(super) fn is_idle(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// What is left when the stream has ended: an event whose blank line is missing, or nothing.
    pub(super) fn rest(&mut self) -> Option<Event<'_>> {
        self.scanned = self.buffer.len();
        self.in_line = false;
        (self.start < self.scanned).then(|| self.take())
    }

    fn take(&mut self) -> Event<'_> {
        let raw = self.buffer.get(self.start..self.scanned).unwrap_or_default();
        self.start = self.scanned;
        let first = !std::mem::replace(&mut self.begun, true);
        match std::mem::take(&mut self.cut) {
            true => Event { raw, name: Cow::Borrowed(b""), data: None, stray: None },
            false => Event::read(raw, first),
        }
    }
}

impl<'a> Event<'a> {
    /// Whether it is called an error.
    pub(super) fn is_error(&self) -> bool {
        *self.name == *b"error"
    }

    fn read(raw: &'a [u8], first: bool) -> Self {
        let mut event = Event { raw, name: Cow::Borrowed(b""), data: None, stray: None };
        let text = if first { raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw) } else { raw };
        if text.first() == Some(&b'{') {
            event.stray = Some(text.trim_ascii_end());
            return event;
        }
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let (field, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => event.name = Cow::Borrowed(value),
                b"data" => match &mut event.data {
                    None => event.data = Some(Cow::Borrowed(value)),
                    Some(data) => {
                        data.to_mut().push(b'\n');
                        data.to_mut().extend_from_slice(value);
                    }
                },
                b"error" => event.stray = Some(value),
                // Comments, `id`, `retry`, and unknown fields are to be ignored.
                _ => {}
            }
        }
        // Empty data is none: the standard dispatches no such event, and some upstreams live by sending them.
        event.data = event.data.filter(|data| !data.is_empty());
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a stream that comes in these pieces: name and data.
    fn events(pieces: &[&[u8]]) -> Vec<(String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let mut parser = Parser::default();
        let (mut events, mut raw) = (Vec::new(), Vec::new());
        for piece in pieces {
            parser.push(piece);
            while let Some(event) = parser.next().expect("short") {
                raw.extend_from_slice(event.raw);
                events.push((text(&event.name), event.data.as_deref().map(text)));
            }
        }
        if let Some(event) = parser.rest() {
            raw.extend_from_slice(event.raw);
            events.push((text(&event.name), event.data.as_deref().map(text)));
        }
        assert_eq!(raw, pieces.concat(), "every byte is in one event");
        // An event without data matters only for its bytes.
        events.retain(|(name, data)| data.is_some() || !name.is_empty());
        events
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        for (stream, want) in [
            ("data: a\n\n", vec![("", "a")]),
            ("data:a\n\ndata:  b\n\n", vec![("", "a"), ("", " b")]),
            ("data: a\ndata: b\ndata\n\n", vec![("", "a\nb\n")]),
            ("event: ping\ndata: {}\nid: 7\nretry: 5\n\n", vec![("ping", "{}")]),
            (": comment\n\ndata: a\n: b\n\n", vec![("", "a")]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![("", "a")]),
            ("\n\n\ndata: a\n\n\n\n", vec![("", "a")]),
            (
                "data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n",
                vec![("", "a"), ("", "b"), ("", "c"), ("", "d")],
            ),
            ("data: a:b: c\nDATA: x\n data: y\n\n", vec![("", "a:b: c")]),
            ("data: a", vec![("", "a")]),
            ("data:\n\ndata: \n\ndata\n\ndata: a\n\n", vec![("", "a")]),
            ("", vec![]),
        ] {
            let want: Vec<_> = want.iter().map(|(n, d)| ((*n).to_owned(), Some((*d).to_owned()))).collect();
            assert_eq!(events(&[stream.as_bytes()]), want, "{stream:?}");
        }
    }

    #[test]
    fn any_cut_gives_the_same_events() {
        let stream = "\u{feff}: hi\r\n\r\nevent: x\rdata: {\"t\":\"häß€🦀\"}\r\rdata: 1\ndata: 2\n\n\r\n\r\nid: 3\r\ndata: [DONE]\r\n\r\n";
        let bytes = stream.as_bytes();
        let whole = events(&[bytes]);
        assert_eq!(whole.len(), 3);
        for i in 0..=bytes.len() {
            assert_eq!(events(&[&bytes[..i], &bytes[i..]]), whole, "cut at {i}");
            for j in i..=bytes.len() {
                assert_eq!(events(&[&bytes[..i], &bytes[i..j], &bytes[j..]]), whole, "cut at {i} and {j}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(&single), whole);
    }

    #[test]
    fn an_event_is_given_out_with_its_last_byte() {
        for stream in ["data: a\n\n", "data: a\r\r", "data: a\r\n\r\n", "data: a\n\r\n"] {
            let mut parser = Parser::default();
            parser.push(stream.as_bytes());
            let event = parser.next().expect("short").expect("whole");
            assert_eq!(event.raw, stream.as_bytes());
            assert_eq!(parser.next(), Ok(None));
        }
        // Whether an LF follows cannot be known; it goes after.
        let mut parser = Parser::default();
        parser.push(b"data: a\r\n\r");
        assert_eq!(parser.next().expect("short").expect("whole").raw, b"data: a\r\n\r");
        parser.push(b"\n");
        assert_eq!(
            parser.next(),
            Ok(Some(Event { raw: b"\n", name: Cow::Borrowed(b""), data: None, stray: None }))
        );
    }

    #[test]
    fn what_is_too_long_goes_out_in_parts_that_say_nothing() {
        // Wherever it is cut, even between the halves of a line break, its end is found and what follows is read.
        let long = b"data: [\r\ndata: 1]\r\n\r\n";
        for at in 1..long.len() - 1 {
            let mut parser = Parser::default();
            parser.push(&long[..at]);
            assert_eq!(parser.next(), Ok(None), "cut at {at}");
            assert_eq!(parser.cut(), &long[..at]);
            assert!(parser.is_cut());
            parser.push(&long[at..]);
            parser.push(b"data: 2\n\n");
            // As after any event, an LF that may follow it is one of its own.
            let mut rest = Vec::new();
            let next = loop {
                match parser.next().expect("short").expect("whole") {
                    Event { raw, data: None, .. } => rest.extend_from_slice(raw),
                    Event { data, .. } => break data.map(Cow::into_owned),
                }
            };
            assert_eq!((&*rest, next.as_deref()), (&long[at..], Some(&b"2"[..])), "cut at {at}");
            assert!(!parser.is_cut());
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let mut parser = Parser::default();
        for _ in 0..1000 {
            parser.push(&[b'x'; 1000]);
            assert_eq!(parser.next(), Ok(None));
        }
        for _ in 0..50 {
            parser.push(&[b'x'; 1000]);
        }
        assert_eq!(parser.next(), Err(TooLong));
        let mut parser = Parser::default();
        for _ in 0..10_000 {
            parser.push(b"data: 0123456789\n\n");
            assert!(parser.next().expect("short").is_some());
        }
        assert!(parser.buffer.capacity() < 1000, "{}", parser.buffer.capacity());
    }
}
