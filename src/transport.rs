//! [`Transport`]: what forwarding needs of the outside.

use crate::http::{Headers, Incoming};
use std::borrow::Cow;
use std::time::Duration;

/// Carries requests to upstreams, and waits.
pub trait Transport {
    /// A request that was sent. Dropping it cancels it.
    type Call;
    /// An answer's body.
    type Body: Incoming + 'static;
    /// The body of the caller's request.
    type Upload: Incoming;

    /// Sends a request, without waiting for anything.
    ///
    /// # Errors
    ///
    /// If the host refuses the request.
    fn start(&self, request: &Outgoing<'_>) -> Result<Self::Call, SendError>;

    /// The head of the answer, once, if it is there by now.
    fn head(&self, call: &mut Self::Call) -> Option<Result<Answered<Self::Body>, SendError>>;

    /// Waits until one of these can be read, or a time is over.
    fn wait(&self, on: &[Pending<'_, Self>], at_most: Option<Duration>);

    /// Sends a request whose body is the caller's, as it comes, and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn pass(
        &self,
        request: &Outgoing<'_>,
        upload: &mut Self::Upload,
    ) -> Result<Answered<Self::Body>, SendError>;

    /// Executes a command, its name and arguments, by the host's own interface to Redis, and waits for the reply. An array
    /// is its items, anything else one item. `address` is a URL with the scheme `redis` or `rediss`.
    ///
    /// # Errors
    ///
    /// If there is no reply, or one that is an error. By default: the host has no such interface.
    fn redis(&self, _address: &str, _command: &[&str]) -> Result<Vec<RedisValue>, RedisError> {
        let reason = "this host has no interface to Redis".to_owned();
        Err(RedisError::Connection(SendError { kind: SendErrorKind::Denied, reason }))
    }
}

/// A value in a reply of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisValue {
    /// No value.
    Nil,
    /// An integer.
    Integer(i64),
    /// A string or a status.
    Bytes(Vec<u8>),
}

/// Why Redis has not executed a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisError {
    /// There is no connection.
    Connection(SendError),
    /// The command failed. The host's description, for the log: Redis's own error, or how the connection broke off.
    Command(String),
}

/// What can be waited for.
pub enum Pending<'a, T: Transport + ?Sized> {
    /// The head of an answer.
    Head(&'a T::Call),
    /// More of an answer's body.
    Body(&'a T::Body),
}

/// A request to an upstream.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The method's name.
    pub method: &'a str,
    /// Whether to use TLS.
    pub https: bool,
    /// Host and port.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header fields, without those the transport makes (`host`, and `content-length` for `body`).
    pub headers: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    /// The body, in the order its parts go out; empty for none.
    pub body: &'a [Cow<'a, [u8]>],
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// An upstream's answer, its body unread.
pub struct Answered<B> {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: B,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError {
    /// What kind of failure it was.
    pub kind: SendErrorKind,
    /// The host's description, for the log.
    pub reason: String,
}

/// Kinds of failing to get an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// A timeout ran out.
    Timeout,
    /// The host does not let the component talk to this authority.
    Denied,
    /// No connection, no TLS, no HTTP.
    Unreachable,
    /// There was an answer, and it broke off before anything of it could be passed on.
    Broken,
    /// The answer is invalid: no JSON where it claims to be, or a redirect.
    InvalidResponse,
    /// The caller closed its connection, or its body broke off, which is no fault of the upstream's.
    Caller,
}

/// How long an upstream may take; `None` leaves it to the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect.
    pub connect: Option<Duration>,
    /// From the request to the answer's head, and to a stream's first event.
    pub first_byte: Option<Duration>,
    /// Between two reads of the answer's body.
    pub between_bytes: Option<Duration>,
}

impl Timeouts {
    /// What Wasmtime waits in each case where no time is set.
    const DEFAULT: Duration = Duration::from_secs(600);

    /// How long an answer may consist of comments and white space alone, with which upstreams keep connections open: as
    /// long as it may take with nothing at all, so that no upstream is given up earlier because it sends them.
    pub fn without_content(&self) -> Duration {
        let times = [self.connect, self.first_byte, self.between_bytes];
        times.iter().fold(Duration::ZERO, |sum, time| sum.saturating_add(time.unwrap_or(Self::DEFAULT)))
    }
}
