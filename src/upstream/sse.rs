//! Server-sent events (WHATWG HTML, section 9.2.6), taken from bytes that come in whatever pieces.

use crate::api::tool::Json;
use crate::json;
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
    /// Where the line begins that is being looked at, counted from where the event begins.
    line: usize,
    /// What is known of the `data` that the event being looked for has so far.
    data: DataSoFar,
}

/// The `data` of an event whose end is not found.
#[derive(Debug, Default)]
enum DataSoFar {
    #[default]
    None,
    /// One line: where it begins and ends, counted from where the event begins.
    Line(usize, usize),
    /// Several lines that belong together.
    Lines,
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
    /// Whether its blank line is missing: the next event was found without it.
    pub(super) is_open: bool,
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
                    if let Some(end) = self.line_ends() {
                        (self.scanned, self.after_cr) = (self.start + end, false);
                        let mut event = self.take();
                        event.is_open = true;
                        return Ok(Some(event));
                    }
                }
                _ if !self.in_line => {
                    self.in_line = true;
                    self.line = self.scanned - 1 - self.start;
                }
                _ => {}
            }
        }
        match self.buffer.len() - self.start > LONGEST_EVENT {
            true => Err(TooLong),
            false => Ok(None),
        }
    }

    /// A line has ended that is not blank. Some servers write no blank line between events (`data: {…}\ndata: {…}\n`): where
    /// two lines of data follow each other of which the first is a JSON object and the second begins one, or is the end
    /// marker, they are no JSON together, so that the first is an event of its own. Returns where it ends, counted from
    /// where the event begins.
    fn line_ends(&mut self) -> Option<usize> {
        if self.cut || matches!(self.data, DataSoFar::Lines) {
            return None;
        }
        let event = self.buffer.get(self.start..self.scanned).unwrap_or_default();
        let second = data_of(event.get(self.line..)?)?;
        let DataSoFar::Line(from, to) = self.data else {
            self.data = DataSoFar::Line(self.line, event.len());
            return None;
        };
        let first = event.get(from..to).and_then(data_of).unwrap_or_default();
        let begins = second.starts_with(b"{") || second.eq_ignore_ascii_case(b"[DONE]");
        if !begins || !first.starts_with(b"{") || json::answer_from_slice::<Json<'_>>(first).is_err() {
            self.data = DataSoFar::Lines;
            return None;
        }
        // The line break may have two bytes.
        Some(to + usize::from(event.get(to - 1..=to) == Some(b"\r\n")))
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

    /// What is left when the stream has ended: an event whose blank line is missing, another if a line of data without
    /// a line break follows it, or nothing.
    pub(super) fn rest(&mut self) -> Option<Event<'_>> {
        self.scanned = self.buffer.len();
        if std::mem::take(&mut self.in_line)
            && let Some(end) = self.line_ends()
        {
            self.scanned = self.start + end;
        }
        (self.start < self.scanned).then(|| self.take())
    }

    fn take(&mut self) -> Event<'_> {
        let raw = self.buffer.get(self.start..self.scanned).unwrap_or_default();
        self.start = self.scanned;
        let first = !std::mem::replace(&mut self.begun, true);
        (self.in_line, self.data) = (false, DataSoFar::None);
        match std::mem::take(&mut self.cut) {
            true => Event { raw, name: Cow::Borrowed(b""), data: None, stray: None, is_open: false },
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
        let mut event = Event { raw, name: Cow::Borrowed(b""), data: None, stray: None, is_open: false };
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

/// The value of a line of `data`, without the white space around it.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"data:").map(<[u8]>::trim_ascii)
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
        while let Some(event) = parser.rest() {
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

    /// Of servers that write no blank line between events; `x` is one that does not count.
    #[test]
    fn lines_of_data_that_are_json_objects_are_events_of_their_own() {
        for (stream, want) in [
            (
                "data: {\"a\":1}\ndata: {\"b\":\"\"}\ndata:[DONE]\n",
                vec![("", "{\"a\":1}"), ("", "{\"b\":\"\"}"), ("", "[DONE]")],
            ),
            ("data: {}\r\ndata: {}\r\n\r\ndata: {}\r\r", vec![("", "{}"), ("", "{}"), ("", "{}")]),
            ("event: a\ndata: {}\nevent: b\nid: 1\ndata: {}\n", vec![("a", "{}"), ("b", "{}")]),
            ("data: {}\n: wait\ndata: {\n\n", vec![("", "{}"), ("", "{")]),
            ("data: {}\ndata: [DONE]", vec![("", "{}"), ("", "[DONE]")]),
            ("data: {\"a\":NaN}\ndata: {}\n", vec![("", "{\"a\":NaN}"), ("", "{}")]),
            // One document in several lines, and what is no object.
            ("data: {\"a\":\ndata: {}}\n\n", vec![("", "{\"a\":\n{}}")]),
            ("data: {}\ndata: x\n\n", vec![("", "{}\nx")]),
            ("data: 1\ndata: {}\n\n", vec![("", "1\n{}")]),
            ("data: {}\nevent: late\n\n", vec![("late", "{}")]),
        ] {
            let want: Vec<_> = want.iter().map(|(n, d)| ((*n).to_owned(), Some((*d).to_owned()))).collect();
            assert_eq!(events(&[stream.as_bytes()]), want, "{stream:?}");
            for i in 0..=stream.len() {
                let (one, other) = stream.as_bytes().split_at(i);
                assert_eq!(events(&[one, other]), want, "{stream:?} cut at {i}");
            }
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
            Ok(Some(Event { raw: b"\n", name: Cow::Borrowed(b""), data: None, stray: None, is_open: false }))
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
