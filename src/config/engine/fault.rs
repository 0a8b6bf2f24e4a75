//! Errors that rules answer with.

use crate::config::ConfigError;
use crate::config::node::{Node, Setting};
use crate::http;

/// An error a rule answers with.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The status, 400 to 599.
    pub status: FaultStatus,
    /// What is wrong.
    pub message: String,
    /// The error's `type`; the one the API has with the status, if none is given.
    pub r#type: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// The error's `code`.
    pub code: Option<String>,
    /// Header fields, such as `retry-after`.
    pub headers: HeaderFields,
}

impl Setting for Fault {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["status", "message", "type", "param", "code", "headers"])?;
        let usual = || "A rule of the engine answers this request with an error.".to_owned();
        Ok(Self {
            status: fields.needed("status")?,
            message: fields.maybe("message")?.unwrap_or_else(usual),
            r#type: fields.maybe("type")?,
            param: fields.maybe("param")?,
            code: fields.maybe("code")?,
            headers: fields.or_default("headers")?,
        })
    }
}

impl Fault {
    /// The error's `type`.
    pub fn kind(&self) -> &str {
        let usual = match self.status.0 {
            429 => "requests",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        self.r#type.as_deref().unwrap_or(usual)
    }
}

/// The status of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultStatus(pub u16);

impl Setting for FaultStatus {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        match at.count(599).ok().and_then(|status| u16::try_from(status).ok()) {
            Some(status @ 400..) => Ok(Self(status)),
            _ => Err(at.wrong("the status of an error is 400 to 599")),
        }
    }
}

/// Header fields of an answer, in the order they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderFields(pub Vec<(String, String)>);

impl Setting for HeaderFields {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let field = |(name, at): (&str, Node<'_>)| {
            let value = String::read(at)?;
            let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if name.is_empty() || !name.bytes().all(token) {
                return Err(at.wrong("this is no name of a header field"));
            }
            // A request's id is the caller's or made anew, and the log has it.
            if http::is_hosts_own(name) || name.eq_ignore_ascii_case("x-request-id") {
                return Err(at.wrong("this header field is not a rule's to set"));
            }
            if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
                return Err(at.wrong("the value has a character no header field can carry"));
            }
            Ok((name.to_owned(), value))
        };
        at.entries()?.into_iter().map(field).collect::<Result<_, _>>().map(Self)
    }
}
