//! Calls to upstreams, over `wasi:http/outgoing-handler`.

use super::body::{Upstream, write};
use super::convert::{from_wasi_fields, to_wasi_fields, to_wasi_method};
use crate::config::Timeouts;
use crate::upstream::{Answered, Outgoing, SendError, SendErrorKind, Transport};
use std::time::Duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{ErrorCode, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};

/// The host's way out.
pub(super) struct OutgoingHandler;

impl Transport for OutgoingHandler {
    type Body = Upstream;

    fn send(&self, request: &Outgoing<'_>) -> Result<Answered<Upstream>, SendError> {
        let length: usize = request.body.iter().map(|part| part.len()).sum();
        let own = (length > 0).then(|| ("content-length".into(), length.to_string().into_bytes().into()));
        let fields = to_wasi_fields(request.headers.iter().cloned().chain(own));
        let outgoing = OutgoingRequest::new(fields);
        let scheme = if request.https { Scheme::Https } else { Scheme::Http };
        outgoing
            .set_method(&to_wasi_method(request.method))
            .and_then(|()| outgoing.set_scheme(Some(&scheme)))
            .and_then(|()| outgoing.set_authority(Some(request.authority)))
            .and_then(|()| outgoing.set_path_with_query(Some(request.path)))
            .map_err(|()| unreachable("the host takes the request's line for malformed"))?;
        let body = outgoing.body().map_err(|()| unreachable("the host gives the body only once"))?;
        let answer = outgoing_handler::handle(outgoing, options(request.timeouts)).map_err(failed)?;
        send_body(body, request.body);
        answer.subscribe().block();
        let response = answer
            .get()
            .and_then(Result::ok)
            .unwrap_or(Err(ErrorCode::InternalError(Some("the answer was not ready".to_owned()))))
            .map_err(failed)?;
        Ok(Answered {
            status: response.status(),
            headers: from_wasi_fields(&response.headers()),
            body: Upstream::new(response).map_err(|()| unreachable("the host gives the answer only once"))?,
        })
    }
}

/// Sends the body. An upstream that answers before it has read all may well close the stream: what it
/// answers, or the failure to, then comes with the head.
fn send_body(body: OutgoingBody, parts: &[&[u8]]) {
    if let Ok(stream) = body.write() {
        for part in parts.iter().filter(|part| !part.is_empty()) {
            if write(&stream, part).is_err() {
                break;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}

fn options(timeouts: Timeouts) -> Option<RequestOptions> {
    if timeouts == Timeouts::default() {
        return None;
    }
    let nanos = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    // A host may support none of these; it then waits as long as it waits.
    let _ = options.set_connect_timeout(nanos(timeouts.connect));
    let _ = options.set_first_byte_timeout(nanos(timeouts.first_byte));
    let _ = options.set_between_bytes_timeout(nanos(timeouts.between_bytes));
    Some(options)
}

fn unreachable(reason: &str) -> SendError {
    SendError { kind: SendErrorKind::Unreachable, reason: reason.to_owned() }
}

fn failed(code: ErrorCode) -> SendError {
    let kind = match code {
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => SendErrorKind::Timeout,
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => SendErrorKind::Denied,
        _ => SendErrorKind::Unreachable,
    };
    SendError { kind, reason: format!("{code:?}") }
}
