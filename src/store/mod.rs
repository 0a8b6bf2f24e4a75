//! [`Store`]: state that outlives a request, in a Redis or Valkey that is reached over HTTP, or by the host.
//!
//! One command goes each way, and what must be atomic is one [`Script`]. [`upstash`] and [`webdis`] are the protocols over
//! HTTP, as pure functions; [`redis`] is the host's own interface.

mod redis;
mod upstash;
mod webdis;

use crate::coding::hex;
use crate::config::{Store as Settings, StoreApi};
use crate::http::{Headers, Incoming, Piece};
use crate::json::Value;
use crate::transport::{Answered, Outgoing, Pending, SendError, SendErrorKind, Timeouts, Transport};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The most bytes of a reply that are read.
const MAX_REPLY: usize = 1 << 20;

/// The same of a reply that is a value of the cache, in which every character may be escaped.
const MAX_VALUE: usize = 8 << 20;

/// The store, as one request uses it.
pub struct Store<'a, T> {
    settings: &'a Settings,
    transport: &'a T,
    elapsed: &'a dyn Fn() -> Duration,
}

/// A script that Redis executes as one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// Its text, in Lua.
    pub source: &'static str,
    /// The SHA-1 of the text in hexadecimal digits. Redis keeps the scripts that it has executed, by this name.
    pub sha1: &'static str,
}

/// A reply to a command: the items of an array, or one item for anything else. An array has no arrays in it: webdis
/// loses them, and Spin's interface has none, so no script may reply with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(pub Vec<Item>);

/// One value of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// No value.
    Nil,
    /// An integer.
    Integer(i64),
    /// A string or a status.
    Text(String),
}

/// Why a command has no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// What kind of failure it was.
    pub kind: StoreErrorKind,
    /// For the log; it holds no secret.
    pub reason: String,
}

/// Kinds of failing to execute a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// No connection, or one that broke off.
    Unreachable,
    /// `store.timeout_ms` was over.
    Timeout,
    /// The server refuses the credentials or the command: a status of HTTP other than 200.
    Refused,
    /// Redis reports an error for the command.
    Command,
    /// The reply is none of the protocol's.
    Unreadable,
    /// The caller closed its connection, and the host sends nothing more for it.
    CallerGone,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StoreErrorKind::Unreachable => "unreachable",
            StoreErrorKind::Timeout => "timeout",
            StoreErrorKind::Refused => "refused",
            StoreErrorKind::Command => "command failed",
            StoreErrorKind::Unreadable => "unreadable reply",
            StoreErrorKind::CallerGone => "not sent",
        };
        write!(f, "store: {kind}: {}", self.reason)
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// Whether Redis does not have a script that was to be executed by its SHA-1, as after a restart.
    fn is_unknown_script(&self) -> bool {
        self.kind == StoreErrorKind::Command && self.reason.starts_with("NOSCRIPT")
    }
}

impl Reply {
    /// The text of the first item, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self.0.first()? {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items as integers, those in the digits of a text among them.
    ///
    /// # Errors
    ///
    /// If an item is no integer.
    pub fn integers(&self) -> Result<Vec<i64>, StoreError> {
        let integer = |item: &Item| match item {
            Item::Integer(number) => Some(*number),
            Item::Text(digits) => digits.parse().ok(),
            Item::Nil => None,
        };
        self.0.iter().map(integer).collect::<Option<_>>().ok_or_else(|| unreadable("no list of integers"))
    }
}

/// A request as a protocol builds it.
struct Encoded {
    path: &'static str,
    content_type: &'static str,
    authorization: Option<String>,
    body: String,
}

impl<'a, T: Transport> Store<'a, T> {
    /// The store of some settings. `elapsed` is the time since the request arrived.
    pub fn new(settings: &'a Settings, transport: &'a T, elapsed: &'a dyn Fn() -> Duration) -> Self {
        Self { settings, transport, elapsed }
    }

    /// Its settings.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Executes a command: its name and arguments. Over HTTP it returns within `store.timeout_ms`.
    ///
    /// # Errors
    ///
    /// If no reply came in time, or one that is an error.
    pub fn execute(&self, command: &[&str]) -> Result<Reply, StoreError> {
        self.execute_until(command, (self.elapsed)() + self.settings.timeout)
    }

    /// Executes a script with some keys and arguments. Over HTTP it returns within `store.timeout_ms`.
    ///
    /// # Errors
    ///
    /// As [`Store::execute`].
    pub fn eval(&self, script: Script, keys: &[String], arguments: &[String]) -> Result<Reply, StoreError> {
        let until = (self.elapsed)() + self.settings.timeout;
        let count = keys.len().to_string();
        let command = |name, script| {
            let operands = keys.iter().chain(arguments).map(String::as_str);
            [name, script, count.as_str()].into_iter().chain(operands).collect::<Vec<_>>()
        };
        // The text takes longer than all else, above all percent-encoded. Spin's interface has no code for the error.
        if self.settings.api != StoreApi::Redis {
            match self.execute_until(&command("EVALSHA", script.sha1), until) {
                Err(error) if error.is_unknown_script() => {}
                reply => return reply,
            }
        }
        self.execute_until(&command("EVAL", script.source), until)
    }

    fn execute_until(&self, command: &[&str], until: Duration) -> Result<Reply, StoreError> {
        let key = self.settings.key.as_ref();
        match self.settings.api {
            StoreApi::Upstash => {
                self.over_http(command, &upstash::encode(key, command), upstash::decode, until)
            }
            StoreApi::Webdis => self.over_http(command, &webdis::encode(key, command), webdis::decode, until),
            StoreApi::Redis => {
                let userinfo = redis::userinfo(key);
                let address = redis::address(self.settings, &userinfo);
                let reply = self.transport.redis(&address, command);
                self.without_secrets(redis::decode(reply, most(command)), Some(&userinfo))
            }
        }
    }

    fn over_http(
        &self,
        command: &[&str],
        encoded: &Encoded,
        decode: fn(u16, &[u8]) -> Result<Reply, StoreError>,
        until: Duration,
    ) -> Result<Reply, StoreError> {
        let (status, body) = self.exchange(encoded, most(command), until)?;
        let credentials = encoded.authorization.as_deref().and_then(|value| value.split(' ').nth(1));
        self.without_secrets(decode(status, &body), credentials)
    }

    /// The reason of an error goes to the log, and a server may repeat the credentials it got.
    fn without_secrets(
        &self,
        reply: Result<Reply, StoreError>,
        credentials: Option<&str>,
    ) -> Result<Reply, StoreError> {
        let secrets = [self.settings.key.as_ref().map(|key| key.expose()), credentials];
        let is_repeated = |reason: &str| {
            secrets.iter().flatten().any(|secret| !secret.is_empty() && reason.contains(secret))
        };
        reply.map_err(|error| match is_repeated(&error.reason) {
            true => StoreError { reason: "its error repeats the store's key".to_owned(), ..error },
            false => error,
        })
    }

    /// The status and the body of the answer to a request.
    fn exchange(
        &self,
        encoded: &Encoded,
        longest: usize,
        until: Duration,
    ) -> Result<(u16, Vec<u8>), StoreError> {
        let left = || until.checked_sub((self.elapsed)()).filter(|left| !left.is_zero());
        let path = format!("{}{}", self.settings.base_path, encoded.path);
        let mut headers: Vec<(Cow<'_, str>, Cow<'_, [u8]>)> =
            vec![("content-type".into(), encoded.content_type.as_bytes().into())];
        let authorization = encoded.authorization.as_deref();
        headers.extend(authorization.map(|value| ("authorization".into(), value.as_bytes().into())));
        let body = [Cow::Borrowed(encoded.body.as_bytes())];
        let request = Outgoing {
            method: "POST",
            https: self.settings.https,
            authority: &self.settings.authority,
            path: &path,
            headers,
            body: &body,
            // Every wait below ends by itself, and each timeout of the host is another call.
            timeouts: Timeouts::default(),
        };
        let mut call = self.transport.start(&request).map_err(unsent)?;
        let Answered { status, headers, mut body } = loop {
            // Before the first wait there is no answer, and to look for one is another call of the host.
            let Some(left) = left() else { return Err(self.timeout()) };
            self.transport.wait(&[Pending::Head(&call)], Some(left));
            if let Some(answer) = self.transport.head(&mut call) {
                break answer.map_err(unsent)?;
            }
        };
        let mut bytes = Vec::new();
        while !is_whole(&headers, bytes.len()) {
            let Some(left) = left() else { return Err(self.timeout()) };
            match body.read_within(left) {
                Ok(Piece::Bytes(piece)) => bytes.extend_from_slice(&piece),
                Ok(Piece::End) => break,
                Ok(Piece::Pending) => {}
                Err(error) => {
                    let kind = match error.timed_out {
                        true => StoreErrorKind::Timeout,
                        false => StoreErrorKind::Unreachable,
                    };
                    return Err(StoreError { kind, reason: error.reason });
                }
            }
            if bytes.len() > longest {
                return Err(unreadable("the reply is too long"));
            }
        }
        Ok((status, bytes))
    }

    fn timeout(&self) -> StoreError {
        let reason = format!("no reply within {} ms", self.settings.timeout.as_millis());
        StoreError { kind: StoreErrorKind::Timeout, reason }
    }
}

/// The most bytes of the reply to a command that are read.
fn most(command: &[&str]) -> usize {
    if command.first() == Some(&"GET") { MAX_VALUE } else { MAX_REPLY }
}

/// Whether a body of so many bytes is complete: to wait for the end of one that is would be another call of the host.
fn is_whole(headers: &Headers, length: usize) -> bool {
    headers.get("content-length").and_then(|declared| declared.parse().ok()) == Some(length)
}

impl Settings {
    /// The name of a key: the namespace as the cluster's hash tag, what kind of state it is, the SHA-256 of what it is
    /// about, each part preceded by its length, and the window.
    pub fn key_name(&self, kind: &str, about: &[&str], window: &str) -> String {
        let mut hash = Sha256::new();
        for part in about {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        format!("{{portcullis:{}}}:{kind}:{}:{window}", self.namespace, hex(&hash.finalize()))
    }
}

fn unsent(error: SendError) -> StoreError {
    let kind = match error.kind {
        SendErrorKind::Timeout => StoreErrorKind::Timeout,
        SendErrorKind::Caller => StoreErrorKind::CallerGone,
        _ => StoreErrorKind::Unreachable,
    };
    StoreError { kind, reason: error.reason }
}

fn unreadable(reason: &str) -> StoreError {
    StoreError { kind: StoreErrorKind::Unreadable, reason: reason.to_owned() }
}

/// Redis's own error. A long one is cut: it may repeat the command.
fn command_failed(message: &str) -> StoreError {
    let end = message.floor_char_boundary(200);
    StoreError { kind: StoreErrorKind::Command, reason: message.get(..end).unwrap_or_default().to_owned() }
}

/// An answer's JSON, unless its status is an error that the protocol has no words for.
fn json(status: u16, body: &[u8]) -> Result<Value<'_>, StoreError> {
    match Value::parse(body) {
        Some(value) => Ok(value),
        None if status == 200 => Err(unreadable("it is no JSON")),
        None => Err(refused(status)),
    }
}

fn refused(status: u16) -> StoreError {
    StoreError { kind: StoreErrorKind::Refused, reason: format!("it answered {status}") }
}

/// What a protocol's JSON has as the result of a command.
fn reply(value: &Value<'_>) -> Result<Reply, StoreError> {
    match value {
        Value::Array(list) => list.iter().map(item).collect::<Result<_, _>>().map(Reply),
        one => Ok(Reply(vec![item(one)?])),
    }
}

fn item(value: &Value<'_>) -> Result<Item, StoreError> {
    Ok(match value {
        Value::Null => Item::Nil,
        Value::String(text) => Item::Text(text.clone().into_owned()),
        Value::Number(digits) => {
            Item::Integer(digits.parse().map_err(|_| unreadable("a number is no integer"))?)
        }
        Value::Array(_) | Value::Bool(_) | Value::Object(_) => {
            return Err(unreadable("a value is none of Redis's"));
        }
    })
}

#[cfg(test)]
mod tests;
