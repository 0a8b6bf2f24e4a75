//! Bodies: [`Incoming`] arrives, [`Body`] goes out.

use std::time::Duration;

/// Bytes that arrive in pieces from outside: a caller's body or an upstream's answer.
///
/// Dropping it cancels the transfer: the sender notices that it is no longer read.
pub trait Incoming {
    /// The next piece, waiting for it; `None` at the end. A piece is never empty.
    ///
    /// # Errors
    ///
    /// If the body breaks off.
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError>;

    /// The next piece, or [`Piece::Pending`] once a timeout has passed without one.
    ///
    /// # Errors
    ///
    /// If the body breaks off.
    fn read_within(&mut self, _timeout: Duration) -> Result<Piece, ReadError> {
        Ok(self.read()?.map_or(Piece::End, Piece::Bytes))
    }
}

/// What can be read of a body by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes, at least one.
    Bytes(Vec<u8>),
    /// Nothing yet.
    Pending,
    /// The body has ended.
    End,
}

/// A body broke off before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The host's description, for the log.
    pub reason: String,
    /// Whether a timeout ran out.
    pub timed_out: bool,
}

/// A response's body. Dropping it cancels what is left: a stream is no longer generated, an upstream's request ends.
pub enum Body<B> {
    /// All of it.
    Full(Vec<u8>),
    /// Items, each made when it is pulled; its bytes are to reach the caller before the next is pulled.
    Stream(Box<dyn Iterator<Item = BodyItem>>),
    /// An upstream's answer. Its bytes go to the caller as they come, unread.
    Relay(Relay<B>),
}

/// What a streamed body does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyItem {
    /// Sends these bytes, at least one.
    Data(Vec<u8>),
    /// Waits before the next item.
    Pause(Duration),
    /// Nothing has arrived for a while. Not every host ends a request whose caller is gone, so the edge checks for the
    /// caller now.
    Silence,
    /// The answer is incomplete, for this reason, which the log gets. The bytes before it report that to the caller in
    /// the format of its API, so the body ends as usual. Nothing follows.
    Failed(String),
    /// Breaks the connection off, so that the caller notices that something is missing; the reason goes to the log.
    /// Nothing follows.
    Abort(String),
}

impl BodyItem {
    /// The bytes it sends; none for the other items.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Data(bytes) => bytes,
            Self::Pause(_) | Self::Silence | Self::Failed(_) | Self::Abort(_) => Vec::new(),
        }
    }
}

/// An upstream's answer on its way to the caller.
pub struct Relay<B> {
    /// What goes to the caller first: it was read already.
    pub head: Vec<u8>,
    /// Where the bytes come from.
    pub from: B,
    /// What is sent when the upstream breaks off, such as an event that reports it; `None`: the caller's connection
    /// breaks off too.
    pub if_broken: Option<Vec<u8>>,
}
