//! Forwarding: the caller's bytes to an upstream, its answer back, as it comes.
//!
//! What crosses is decided here, by [`headers`]; who carries it is a [`Transport`], so that all of it
//! is tested without a network.

mod headers;
pub mod rewrite;

use crate::config::{Timeouts, Upstream};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, Incoming, Relay, Response};
use std::borrow::Cow;

/// Carries requests to upstreams.
pub trait Transport {
    /// An answer's body.
    type Body: Incoming;

    /// Sends a request and waits for the head of the answer.
    fn send(&self, request: &Outgoing<'_>) -> Result<Answered<Self::Body>, SendError>;
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
    /// Header fields, without those the transport makes (`host`, `content-length`).
    pub headers: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    /// The body, in the order its parts go out; empty for none.
    pub body: &'a [&'a [u8]],
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
    /// What the host says of it, for the log.
    pub reason: String,
}

/// Kinds of failing to get an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// A timeout ran out.
    Timeout,
    /// The host does not let the component talk to this authority.
    Denied,
    /// Anything else: no connection, no TLS, no HTTP.
    Unreachable,
}

/// A request on its way to an upstream.
pub struct Forward<'a> {
    /// Where it goes.
    pub upstream: &'a Upstream,
    /// The method's name.
    pub method: &'a str,
    /// The path below the upstream's base URL: `/chat/completions`.
    pub path: &'a str,
    /// The caller's query, without its question mark.
    pub query: Option<&'a str>,
    /// The caller's header fields.
    pub headers: &'a Headers,
    /// The body, in parts.
    pub body: &'a [&'a [u8]],
    /// The id both sides log.
    pub request_id: &'a str,
}

/// Forwards a request and relays the answer. An upstream's own error arrives with its status and body;
/// only where there is no answer at all the error is ours.
pub fn forward<T: Transport>(
    forward: &Forward<'_>,
    transport: &T,
    ctx: &Ctx<'_>,
) -> Result<Response<T::Body>, Failure> {
    let upstream = forward.upstream;
    let mut path = format!("{}{}", upstream.base_path, forward.path);
    if let Some(query) = forward.query {
        path.push('?');
        path.push_str(query);
    }
    let request = Outgoing {
        method: forward.method,
        https: upstream.https,
        authority: &upstream.authority,
        path: &path,
        headers: headers::to_upstream(forward.headers, upstream, forward.request_id),
        body: forward.body,
        timeouts: upstream.timeouts,
    };
    let answered = transport.send(&request).map_err(|error| failure(&error, upstream, ctx))?;
    let headers = headers::to_caller(&answered.headers);
    let is_stream = headers.get("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
    let broken = ApiError::new(
        Kind::UpstreamUnavailable,
        format!("The upstream `{}` broke off before the end of its answer.", upstream.name),
    );
    let if_broken = is_stream.then_some(broken);
    Ok(Response {
        status: answered.status,
        headers,
        body: Body::Relay(Relay { from: answered.body, if_broken }),
    })
}

/// No answer came: what the caller is told, and what the log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the caller.
    pub error: ApiError,
    /// For the log.
    pub reason: String,
}

fn failure(error: &SendError, upstream: &Upstream, ctx: &Ctx<'_>) -> Failure {
    let name = &upstream.name;
    let told = match error.kind {
        SendErrorKind::Timeout => ApiError::new(
            Kind::UpstreamTimeout,
            format!("The upstream `{name}` did not answer within {} ms.", (ctx.elapsed)().as_millis()),
        ),
        SendErrorKind::Denied => ApiError::new(
            Kind::UpstreamUnavailable,
            format!(
                "The host does not let the gateway talk to the upstream `{name}`. Its operator adds the upstream's \
                 address to the hosts that may be called (Spin: `allowed_outbound_hosts`)."
            ),
        ),
        SendErrorKind::Unreachable => {
            ApiError::new(Kind::UpstreamUnavailable, format!("The upstream `{name}` could not be reached."))
        }
    };
    Failure { error: told, reason: error.reason.clone() }
}

#[cfg(test)]
mod tests;
