//! A [`Transport`] over real sockets, for tests without a host: HTTP/1.1, one connection a request. There is no
//! `connection: close`: with it, webdis waits for ever for a body of more than 4 KiB.

#![allow(clippy::disallowed_methods, reason = "sockets and child processes need time and the environment")]
#![allow(dead_code, reason = "not every test that includes this uses all of it")]

use portcullis::http::{Headers, Incoming, Piece, ReadError};
use portcullis::transport::{Answered, Outgoing, Pending, SendError, SendErrorKind, Transport};
use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a socket rests between two looks.
const LOOK: Duration = Duration::from_micros(100);

/// The network.
pub(crate) struct Sockets;

/// A connection, and what was read of it.
pub(crate) struct Connection {
    stream: TcpStream,
    read: RefCell<Vec<u8>>,
    ended: RefCell<bool>,
}

/// An answer's body.
pub(crate) struct SocketBody {
    connection: Connection,
    /// How many bytes are still to come, where that is known.
    left: Option<usize>,
}

/// A caller's body.
pub(crate) struct Upload(pub(crate) Option<Vec<u8>>);

impl Incoming for Upload {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}

impl Connection {
    /// Reads what is there; whether that was something new.
    fn look(&self) -> bool {
        let mut piece = [0; 64 * 1024];
        if *self.ended.borrow() {
            return true;
        }
        match (&self.stream).read(&mut piece) {
            Ok(0) => *self.ended.borrow_mut() = true,
            Ok(length) => self.read.borrow_mut().extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => *self.ended.borrow_mut() = true,
        }
        true
    }

    fn look_until(&self, until: Instant) -> bool {
        while !self.look() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}

impl Incoming for SocketBody {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        match self.read_within(Duration::from_secs(30))? {
            Piece::Bytes(bytes) => Ok(Some(bytes)),
            Piece::End => Ok(None),
            Piece::Pending => Err(ReadError { reason: "nothing for 30 s".to_owned(), timed_out: true }),
        }
    }

    fn read_within(&mut self, patience: Duration) -> Result<Piece, ReadError> {
        let until = Instant::now() + patience;
        loop {
            let bytes = std::mem::take(&mut *self.connection.read.borrow_mut());
            if !bytes.is_empty() {
                self.left = self.left.map(|left| left - bytes.len());
                return Ok(Piece::Bytes(bytes));
            }
            if self.left == Some(0) {
                return Ok(Piece::End);
            }
            if *self.connection.ended.borrow() {
                return match self.left {
                    None => Ok(Piece::End),
                    Some(_) => Err(ReadError { reason: "it broke off".to_owned(), timed_out: false }),
                };
            }
            if !self.connection.look_until(until) {
                return Ok(Piece::Pending);
            }
        }
    }
}

fn unreachable(reason: impl ToString) -> SendError {
    SendError { kind: SendErrorKind::Unreachable, reason: reason.to_string() }
}

impl Transport for Sockets {
    type Call = Connection;
    type Body = SocketBody;
    type Upload = Upload;

    fn start(&self, request: &Outgoing<'_>) -> Result<Connection, SendError> {
        let mut stream = TcpStream::connect(request.authority).map_err(unreachable)?;
        let length: usize = request.body.iter().map(|part| part.len()).sum();
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n",
            request.method, request.path, request.authority
        )
        .into_bytes();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        request.body.iter().for_each(|part| bytes.extend_from_slice(part));
        stream.write_all(&bytes).map_err(unreachable)?;
        stream.set_nonblocking(true).map_err(unreachable)?;
        Ok(Connection { stream, read: RefCell::default(), ended: RefCell::default() })
    }

    fn head(&self, call: &mut Connection) -> Option<Result<Answered<SocketBody>, SendError>> {
        call.look();
        let read = call.read.borrow();
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            return call.ended.borrow().then(|| Err(unreachable("it hung up")));
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let rest = read[end + 4..].to_vec();
        drop(read);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let Some(status) = status else { return Some(Err(unreachable("no HTTP"))) };
        let fields = lines.filter_map(|line| line.split_once(':'));
        let headers: Headers =
            fields.map(|(name, value)| (name.to_owned(), value.trim().as_bytes().to_vec())).collect();
        let left = headers.get("content-length").and_then(|length| length.parse().ok());
        let stream = call.stream.try_clone().expect("a socket can be cloned");
        let connection =
            Connection { stream, read: RefCell::new(rest), ended: RefCell::new(*call.ended.borrow()) };
        Some(Ok(Answered { status, headers, body: SocketBody { connection, left } }))
    }

    fn wait(&self, on: &[Pending<'_, Self>], at_most: Option<Duration>) {
        let until = at_most.map(|time| Instant::now() + time);
        let ready = |pending: &Pending<'_, Self>| match pending {
            Pending::Head(call) => call.look(),
            Pending::Body(body) => !body.connection.read.borrow().is_empty() || body.connection.look(),
        };
        while !on.iter().any(ready) {
            if until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn pass(&self, request: &Outgoing<'_>, upload: &mut Upload) -> Result<Answered<SocketBody>, SendError> {
        let body = upload.0.take().unwrap_or_default();
        let mut call =
            self.start(&Outgoing { body: &[body.into()], headers: request.headers.clone(), ..*request })?;
        loop {
            if let Some(answer) = self.head(&mut call) {
                return answer;
            }
            self.wait(&[Pending::Head(&call)], None);
        }
    }
}
