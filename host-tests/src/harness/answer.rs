//! The scripted responses of an upstream, correct or faulty.

use std::io;
use std::time::Duration;

use serde_json::Value;

use super::wire::Wire;

/// A response that an [`Upstream`](super::Upstream) sends without the test's help.
#[derive(Clone, Debug)]
pub struct Answer {
    delay: Duration,
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// What happens to the connection after the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for the next request.
    Keep,
    /// It is closed.
    Close,
    /// It is reset, as after a crash of the upstream.
    Reset,
    /// It stays open, and nothing more is sent.
    Stall,
}

impl Answer {
    /// A complete response with a body of known length.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = head(status, headers, &format!("content-length: {}", body.len()));
        bytes.extend_from_slice(body);
        Self { delay: Duration::ZERO, pieces: vec![bytes], end: End::Keep }
    }

    /// A complete JSON response.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, &[("content-type", "application/json")], body.to_string())
    }

    /// A stream of server-sent events with these data, each event in a separate chunk.
    pub fn events<'a>(data: impl IntoIterator<Item = &'a str>) -> Self {
        let headers = [("content-type", "text/event-stream")];
        let mut pieces = vec![head(200, &headers, CHUNKED)];
        pieces.extend(data.into_iter().map(|data| chunk(event(data).as_bytes())));
        pieces.push(chunk(b""));
        Self { delay: Duration::ZERO, pieces, end: End::Keep }
    }

    /// Exactly these bytes; then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { delay: Duration::ZERO, pieces: vec![bytes.into()], end: End::Close }
    }

    /// No response: the connection is closed.
    pub fn close() -> Self {
        Self::raw("")
    }

    /// No response: the connection is reset.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::raw("") }
    }

    /// No response: the connection stays open without a byte.
    pub fn stall() -> Self {
        Self { end: End::Stall, ..Self::raw("") }
    }

    /// The same response without its end, as from an upstream that crashed: a stream without its last chunk, another
    /// body without its last byte.
    pub fn cut(mut self) -> Self {
        match self.pieces.as_mut_slice() {
            [whole] => drop(whole.pop()),
            _ => drop(self.pieces.pop()),
        }
        self.end = End::Close;
        self
    }

    /// The same response, then a reset of the connection.
    pub fn then_reset(self) -> Self {
        Self { end: End::Reset, ..self }
    }

    /// The same response, then an open connection without a further byte.
    pub fn then_stall(self) -> Self {
        Self { end: End::Stall, ..self }
    }

    /// The same response after a delay.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(super) async fn write(&self, wire: &mut Wire) -> io::Result<End> {
        tokio::time::sleep(self.delay).await;
        for piece in &self.pieces {
            wire.write(piece).await?;
        }
        Ok(self.end)
    }
}

pub(super) const CHUNKED: &str = "transfer-encoding: chunked";

/// The head of a response; `framing` is the header field that states how its body ends.
pub(super) fn head(status: u16, headers: &[(&str, &str)], framing: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Scripted\r\n{headers}{framing}\r\n\r\n").into_bytes()
}

/// `bytes` as a chunk; without bytes it is the last chunk.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// `data` as a server-sent event.
pub(super) fn event(data: &str) -> String {
    let lines: String = data.split('\n').map(|line| format!("data: {line}\n")).collect();
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_framed_as_http_1_1() {
        let answer = Answer::new(200, &[("a", "b")], "xy");
        assert_eq!(answer.pieces, [b"HTTP/1.1 200 Scripted\r\na: b\r\ncontent-length: 2\r\n\r\nxy"]);
        assert_eq!(answer.cut().pieces, [b"HTTP/1.1 200 Scripted\r\na: b\r\ncontent-length: 2\r\n\r\nx"]);
        let events = Answer::events(["a\nb"]);
        assert_eq!(events.pieces[1..], [&b"11\r\ndata: a\ndata: b\n\n\r\n"[..], b"0\r\n\r\n"]);
        assert_eq!(events.cut().pieces.len(), 2);
    }
}
