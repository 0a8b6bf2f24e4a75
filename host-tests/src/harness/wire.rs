//! HTTP/1.1 on the upstream's side, parsed by hand: tests check the bytes on the wire.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it reached an upstream.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, without its framing.
    pub body: Bytes,
    /// The number of the upstream's connection that it arrived on, from 0.
    pub connection: usize,
}

impl Recorded {
    /// A header's value, where there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the header is text"))
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When the body is not JSON; the message contains it.
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON, {error}: {}", String::from_utf8_lossy(&self.body)),
        }
    }
}

/// An upstream's end of a connection.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    number: usize,
    /// Bytes read from the stream but not yet parsed.
    read: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, number: usize) -> Self {
        Self { stream, number, read: BytesMut::new() }
    }

    /// The next request; `None` when the other side closed the connection instead.
    pub(super) async fn request(&mut self) -> io::Result<Option<Recorded>> {
        while self.read.is_empty() {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
        let line = self.line().await?;
        let mut words = line.split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(malformed(&line));
        };
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            let name: HeaderName = name.parse().map_err(|_| malformed(&line))?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| malformed(&line))?);
        }
        let body = self.body(&headers).await?;
        Ok(Some(Recorded { method, path, headers, body, connection: self.number }))
    }

    async fn body(&mut self, headers: &HeaderMap) -> io::Result<Bytes> {
        if let Some(length) = headers.get(http::header::CONTENT_LENGTH) {
            let length = length.to_str().ok().and_then(|length| length.parse().ok());
            return self.exactly(length.ok_or_else(|| malformed("content-length"))?).await;
        }
        let mut body = BytesMut::new();
        if headers.contains_key(http::header::TRANSFER_ENCODING) {
            loop {
                let line = self.line().await?;
                let size = usize::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
                body.extend_from_slice(&self.exactly(size).await?);
                if !self.line().await?.is_empty() {
                    return Err(malformed("a chunk is longer than its size"));
                }
                if size == 0 {
                    break;
                }
            }
        }
        Ok(body.freeze())
    }

    /// The next line without its end.
    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.read.split_to(end)).into_owned();
                self.read.advance(2);
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, size: usize) -> io::Result<Bytes> {
        while self.read.len() < size {
            self.more().await?;
        }
        Ok(self.read.split_to(size).freeze())
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits until the other side closes the connection.
    pub(super) async fn closed(&mut self) {
        // A reset closes the connection as well.
        while matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {}
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed: {what}"))
}
