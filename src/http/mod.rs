//! HTTP messages as plain values, which the edge makes of the host's and the host's of.

mod body;
mod headers;

pub use body::{Body, BodyItem, Incoming, Piece, ReadError, Relay};
pub use headers::{
    Fields, HOP_BY_HOP, Headers, MAX_FIELDS, MAX_OUTGOING_FIELDS, RequestHeaders, field_size, is_hosts_own,
    media_type,
};

use std::fmt;

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

/// A response. The body is pulled by the edge, piece by piece.
pub struct Response<B> {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Body<B>,
}
