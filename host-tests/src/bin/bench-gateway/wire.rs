//! Reads HTTP/1.1 responses from a connection without copying, only to find where each one ends.

/// Finds the end of one HTTP/1.1 response after another.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    state: State,
    /// A line that is incomplete so far: of the head, or with the size of a chunk.
    partial: Vec<u8>,
    status: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// The number of bytes still to come of a body of known length.
    Length(usize),
    /// The line with the size of a chunk.
    Size,
    /// The number of bytes still to come of a chunk, including its line end.
    Chunk(usize),
    /// The line after the last chunk.
    Last,
}

/// What a [`Reader`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A piece of the body.
    Body(&'a [u8]),
    /// The end of a response with this status.
    End(u16),
}

impl Reader {
    /// Consumes `bytes` from the front up to the next finding; `None` when it needs more.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Found<'a>>, String> {
        loop {
            // A body of known length ends with its last byte, not with the first one after it.
            if self.state == State::Length(0) {
                return Ok(Some(self.end()));
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            match self.state {
                State::Head => {
                    let Some(head) = self.until(b"\r\n\r\n", bytes) else { return Ok(None) };
                    let (status, framing) = read_head(&head)?;
                    self.status = status;
                    self.state = framing;
                }
                State::Length(left) => {
                    let piece = take(bytes, left);
                    self.state = State::Length(left - piece.len());
                    return Ok(Some(Found::Body(piece)));
                }
                State::Size => {
                    let Some(line) = self.until(b"\r\n", bytes) else { return Ok(None) };
                    let digits = std::str::from_utf8(&line).ok().map(str::trim);
                    let size = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
                    let size = size.ok_or_else(|| format!("not a chunk's size: {line:?}"))?;
                    self.state = if size == 0 { State::Last } else { State::Chunk(size + 2) };
                }
                State::Chunk(left) => {
                    let piece = take(bytes, left);
                    let left = left - piece.len();
                    self.state = if left == 0 { State::Size } else { State::Chunk(left) };
                    // The last two bytes of `left` are the line end.
                    let piece = &piece[..piece.len().saturating_sub(2_usize.saturating_sub(left))];
                    if !piece.is_empty() {
                        return Ok(Some(Found::Body(piece)));
                    }
                }
                State::Last => {
                    if self.until(b"\r\n", bytes).is_none() {
                        return Ok(None);
                    }
                    return Ok(Some(self.end()));
                }
            }
        }
    }

    fn end<'a>(&mut self) -> Found<'a> {
        self.state = State::Head;
        Found::End(self.status)
    }

    /// The bytes before `mark`, once it has arrived; `bytes` then continue after it.
    fn until(&mut self, mark: &[u8], bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let before = self.partial.len();
        // The mark may have begun in an earlier piece.
        self.partial.extend_from_slice(bytes);
        let from = before.saturating_sub(mark.len() - 1);
        let Some(at) = memchr::memmem::find(&self.partial[from..], mark).map(|at| from + at) else {
            *bytes = &[];
            return None;
        };
        *bytes = &bytes[at + mark.len() - before..];
        self.partial.truncate(at);
        Some(std::mem::take(&mut self.partial))
    }
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (piece, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    piece
}

fn read_head(head: &[u8]) -> Result<(u16, State), String> {
    let text = std::str::from_utf8(head).map_err(|_| "the head of a response is not text".to_owned())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| format!("not the head of a response: {text:?}"))?;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().map_err(|_| format!("not a length: {value:?}"))?;
            return Ok((status, State::Length(length)));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok((status, State::Size));
        }
    }
    Err(format!("this response has neither a length nor chunks: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statuses and bodies of the responses in these pieces.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(u16, Vec<u8>)>, String> {
        let (mut reader, mut answers, mut body) = (Reader::default(), Vec::new(), Vec::new());
        for mut piece in pieces {
            while let Some(found) = reader.next(&mut piece)? {
                match found {
                    Found::Body(bytes) => body.extend_from_slice(bytes),
                    Found::End(status) => answers.push((status, std::mem::take(&mut body))),
                }
            }
        }
        Ok(answers)
    }

    const WIRE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
        HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n\
        HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\na: b\r\n\r\n3\r\nab\r\r\n1\r\n\n\r\n0\r\n\r\n\
        HTTP/1.1 404 Not\r\ncontent-length: 1\r\n\r\n!";

    #[test]
    fn responses_are_read_at_any_split() {
        let want =
            [(200, b"hello".to_vec()), (503, Vec::new()), (200, b"ab\r\n".to_vec()), (404, b"!".to_vec())];
        assert_eq!(read([WIRE]).expect("well-formed"), want);
        for size in 1..40 {
            assert_eq!(read(WIRE.chunks(size)).expect("well-formed"), want, "pieces of {size}");
        }
    }

    #[test]
    fn a_malformed_response_is_an_error() {
        for wire in
            ["SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"]
        {
            assert!(read([wire.as_bytes()]).is_err(), "{wire:?}");
        }
    }
}
