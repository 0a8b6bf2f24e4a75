//! HTTP messages as plain values: what the edge hands in and takes out.

use crate::error::ApiError;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::time::Duration;

/// A request method. Names are case-sensitive (RFC 9110, section 9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `OPTIONS`
    Options,
    /// Any other, by its name.
    Other(String),
}

impl Method {
    /// The name as it stands in the request line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Options => "OPTIONS",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most bytes the header fields of a message may take, counted as [`Headers::size`] does: those of a request
/// and those of an upstream's answer.
///
/// Wasmtime ends a component that makes a message of more than [`MAX_OUTGOING_FIELDS`]. The difference is left
/// for the fields that the gateway and its operator add.
pub const MAX_FIELDS: usize = 96 * 1024;

/// The most bytes of header fields that every host takes from a component, counted as [`Headers::size`] does.
pub const MAX_OUTGOING_FIELDS: usize = 128 * 1024;

/// Bytes that a field counts for: its name, its value, and 72 for each field, as Wasmtime counts them
/// (`wasmtime-wasi-http`, `field_map.rs`).
pub fn field_size(name: &str, value: &[u8]) -> usize {
    name.len().saturating_add(value.len()).saturating_add(72)
}

/// Header fields in the order they came; names compare without case (RFC 9110, section 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, Vec<u8>)>);

impl Headers {
    /// The first value of a field, if it is visible ASCII or UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Adds a field after those there are; one of the same name stays.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The same fields but those of one name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Bytes of all fields: the sum of their [`field_size`].
    pub fn size(&self) -> usize {
        self.iter().map(|(name, value)| field_size(name, value)).fold(0, usize::saturating_add)
    }

    /// Gives up the fields, in order.
    pub fn into_vec(self) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        self.0
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Where a request's header fields are until someone looks at them.
pub trait Fields {
    /// The first value of a field, if it is visible ASCII or UTF-8.
    fn get(&self, name: &str) -> Option<String>;

    /// Every field, in order.
    fn all(&self) -> Headers;
}

/// The header fields of a request, asked for when they are looked at.
///
/// A host takes about half as long to hand over one field among all as to look one up, and SDKs send a dozen and
/// more: who needs two or three of them asks for those.
#[derive(Default)]
pub struct RequestHeaders {
    outside: Option<Box<dyn Fields>>,
    all: OnceCell<Headers>,
}

impl RequestHeaders {
    /// Fields that stay where they are for now.
    pub fn outside(fields: Box<dyn Fields>) -> Self {
        Self { outside: Some(fields), all: OnceCell::new() }
    }

    /// The first value of a field, if it is visible ASCII or UTF-8.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match (self.all.get(), &self.outside) {
            (None, Some(outside)) => outside.get(name).map(Cow::Owned),
            (all, _) => all?.get(name).map(Cow::Borrowed),
        }
    }

    /// Every field, in order. What is looked at from now on is not asked for again.
    pub fn all(&self) -> &Headers {
        self.all.get_or_init(|| self.outside.as_ref().map(|outside| outside.all()).unwrap_or_default())
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for RequestHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self { outside: None, all: OnceCell::from(Headers::from_iter(fields)) }
    }
}

/// A request's head. The body stays outside until someone may read it.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, without the query: `/v1/models`.
    pub path: String,
    /// The query, without its question mark, if there is one.
    pub query: Option<String>,
    /// The header fields.
    pub headers: RequestHeaders,
}

/// Bytes that arrive in pieces from outside: a caller's body or an upstream's answer.
///
/// Dropping it is the cancel: who no longer reads tells the sender so.
pub trait Incoming {
    /// The next piece, waiting for it; `None` at the end. A piece is never empty.
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError>;

    /// The next piece, waiting no longer than a time for it.
    fn read_within(&mut self, _patience: Duration) -> Result<Piece, ReadError> {
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
    /// Nothing any more.
    End,
}

/// A body broke off before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// What the host says of it, for the log.
    pub reason: String,
    /// Whether a timeout ran out.
    pub timed_out: bool,
}

/// Tokens of a request and of its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of the request.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// A response. The body is pulled by the edge, piece by piece.
pub struct Response<B> {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Body<B>,
}

/// A response's body. Dropping it is the cancel: a stream stops being made, an upstream is let go.
pub enum Body<B> {
    /// All of it.
    Full(Vec<u8>),
    /// Pieces, made when asked for; each is to reach the caller before the next is made.
    BodySource(Box<dyn Iterator<Item = StreamStep>>),
    /// An upstream's answer, read on its way.
    Read(Box<dyn BodySource>),
    /// An upstream's answer. Its bytes go to the caller as they come, unread.
    Relay(Relay<B>),
}

/// What a body made piece by piece does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStep {
    /// Sends these bytes.
    Data(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Breaks the connection off, so that the caller sees that something is missing.
    Abort,
}

/// Pieces of a body that can go wrong on the way.
pub trait BodySource {
    /// The next piece, made when asked for; it is to reach the caller before the next is asked for.
    fn next(&mut self) -> Option<Frame>;

    /// What is known once there are no more, or no more are wanted.
    fn outcome(&self) -> Outcome;
}

/// A piece of a body that was read on its way.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// Bytes, at least one.
    Bytes(Vec<u8>),
    /// Nothing for a while. Not every host ends a request whose caller is gone: now is the time to look.
    Silence,
    /// What the caller is told, in an event; nothing follows.
    Error(ApiError),
}

/// How a body that was read on its way ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why it did not end well, if it did not.
    pub broken: Option<String>,
    /// The tokens the upstream counted.
    pub tokens: Option<Tokens>,
}

/// An upstream's answer on its way to the caller.
pub struct Relay<B> {
    /// What goes to the caller first: it was read already.
    pub head: Vec<u8>,
    /// Where the bytes come from.
    pub from: B,
    /// What the caller is told, in an event, when the upstream breaks off; `None`: the caller's
    /// connection breaks off too.
    pub if_broken: Option<ApiError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_the_first_value_counts() {
        let headers: Headers = [("Content-Type", "a"), ("content-type", "b")].into_iter().collect();
        assert_eq!(headers.get("CONTENT-TYPE"), Some("a"));
        assert_eq!(headers.get("accept"), None);
    }

    #[test]
    fn each_field_counts_with_its_name_its_value_and_an_overhead() {
        let headers: Headers = [("abc", "de"), ("f", "")].into_iter().collect();
        assert_eq!(headers.size(), 3 + 2 + 72 + 1 + 72);
        assert_eq!(Headers::default().size(), 0);
    }

    #[test]
    fn fields_are_asked_for_one_by_one_until_all_were_asked_for() {
        struct Host(std::rc::Rc<std::cell::Cell<u32>>);
        impl Fields for Host {
            fn get(&self, name: &str) -> Option<String> {
                self.0.set(self.0.get() + 1);
                (name == "a").then(|| "1".to_owned())
            }
            fn all(&self) -> Headers {
                self.0.set(self.0.get() + 100);
                [("a", "1"), ("b", "2")].into_iter().collect()
            }
        }
        let asked = std::rc::Rc::default();
        let headers = RequestHeaders::outside(Box::new(Host(std::rc::Rc::clone(&asked))));
        assert_eq!((headers.get("a").as_deref(), headers.get("x"), asked.get()), (Some("1"), None, 2));
        assert_eq!((headers.all().iter().count(), asked.get()), (2, 102));
        assert_eq!(
            (headers.get("B").as_deref(), headers.all().get("a"), asked.get()),
            (Some("2"), Some("1"), 102)
        );
    }

    #[test]
    fn a_value_that_is_no_text_is_not_given_as_text() {
        let headers: Headers = [("x", vec![0xff])].into_iter().collect();
        assert_eq!(headers.get("x"), None);
        assert_eq!(headers.iter().next(), Some(("x", &[0xff][..])));
    }
}
