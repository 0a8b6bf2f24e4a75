//! Calls to upstreams, over `wasi:http/outgoing-handler`.

use super::body::{CallerBody, UpstreamBody, nanos};
use super::convert::{from_wasi_fields, to_wasi_fields, to_wasi_method};
use super::upload::Upload;
use crate::http::{Incoming, ReadError};
use crate::transport::Timeouts;
use crate::transport::{Answered, Outgoing, Pending, SendError, SendErrorKind, Transport};
#[cfg(feature = "spin")]
use crate::transport::{RedisError, RedisValue};
use std::time::Duration;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, FutureIncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasi::io::poll::{Pollable, poll};

/// The host's ways out, for one request.
#[derive(Default)]
pub(super) struct OutgoingHandler {
    #[cfg(feature = "spin")]
    redis: super::spin::Redis,
}

/// A request on its way.
pub(super) struct Call {
    upload: Upload,
    answer: FutureIncomingResponse,
}

type Head = Result<Answered<UpstreamBody>, SendError>;

impl Transport for OutgoingHandler {
    type Call = Call;
    type Body = UpstreamBody;
    type Upload = CallerBody;

    fn start(&self, request: &Outgoing<'_>) -> Result<Call, SendError> {
        let (answer, body) = begin(request)?;
        let upload = body.map(|body| Upload::of_parts(body, request.body)).unwrap_or_default();
        Ok(Call { upload, answer })
    }

    fn head(&self, call: &mut Call) -> Option<Head> {
        // Only a caller's body can break off, and this one is here.
        let _ = call.upload.go_on();
        take(&call.answer, &mut call.upload)
    }

    fn wait(&self, on: &[Pending<'_, Self>], at_most: Option<Duration>) {
        let mut readable: Vec<Pollable> = Vec::with_capacity(on.len() + 2);
        for pending in on {
            match pending {
                Pending::Head(call) => {
                    readable.push(call.answer.subscribe());
                    readable.extend(call.upload.subscribe());
                }
                Pending::Body(body) => {
                    readable.push(body.subscribe());
                    readable.extend(body.upload.subscribe());
                }
            }
        }
        readable.extend(at_most.map(|time| subscribe_duration(nanos(time))));
        match readable.as_slice() {
            [] => {}
            [one] => one.block(),
            several => drop(poll(&several.iter().collect::<Vec<_>>())),
        }
    }

    fn pass(&self, request: &Outgoing<'_>, upload: &mut CallerBody) -> Head {
        // A request without a body must stay one: not every server bears a `GET` with one.
        let Some(first) = upload.read().map_err(callers)? else {
            let headers = request.headers.iter().filter(|(name, value)| !is_length(name) || **value == *b"0");
            let headers = headers.cloned().collect();
            let (answer, _) = begin(&Outgoing { headers, body: &[], ..*request })?;
            return wait_for(&answer, Upload::default());
        };
        let outgoing = outgoing(request, None)?;
        let body = outgoing.body().map_err(|()| unreachable("the host gives the body only once"))?;
        let answer = outgoing_handler::handle(outgoing, options(request.timeouts)).map_err(failed)?;
        let upload = Upload::of_caller(body, first, upload.take());
        wait_for(&answer, upload.map_err(|()| unreachable("the host gives the body only once"))?)
    }

    #[cfg(feature = "spin")]
    fn redis(&self, address: &str, command: &[&str]) -> Result<Vec<RedisValue>, RedisError> {
        self.redis.execute(address, command)
    }
}

fn is_length(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length")
}

/// Hands a request without its body to the host.
fn begin(request: &Outgoing<'_>) -> Result<(FutureIncomingResponse, Option<OutgoingBody>), SendError> {
    let length: usize = request.body.iter().map(|part| part.len()).sum();
    let outgoing = outgoing(request, (length > 0).then_some(length))?;
    let body = match length {
        0 => None,
        _ => Some(outgoing.body().map_err(|()| unreachable("the host gives the body only once"))?),
    };
    let answer = outgoing_handler::handle(outgoing, options(request.timeouts)).map_err(failed)?;
    Ok((answer, body))
}

fn outgoing(request: &Outgoing<'_>, length: Option<usize>) -> Result<OutgoingRequest, SendError> {
    let own = length.map(|length| ("content-length".into(), length.to_string().into_bytes().into()));
    let outgoing = OutgoingRequest::new(to_wasi_fields(request.headers.iter().cloned().chain(own)));
    let scheme = if request.https { Scheme::Https } else { Scheme::Http };
    outgoing
        .set_method(&to_wasi_method(request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(request.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(request.path)))
        .map_err(|()| unreachable("the host takes the request's line for malformed"))?;
    Ok(outgoing)
}

/// Waits for the head of an answer, and sends what is to be sent meanwhile.
fn wait_for(answer: &FutureIncomingResponse, mut upload: Upload) -> Head {
    let head = answer.subscribe();
    loop {
        upload.go_on().map_err(callers)?;
        let ready = match upload.subscribe() {
            Some(readable) => poll(&[&head, &readable]).contains(&0),
            None => {
                head.block();
                true
            }
        };
        if ready && let Some(head) = take(answer, &mut upload) {
            return head;
        }
    }
}

/// The head of an answer, if it is there. It takes along what of the request is not sent yet.
fn take(answer: &FutureIncomingResponse, upload: &mut Upload) -> Option<Head> {
    let twice = || Err(ErrorCode::InternalError(Some("the answer was taken before".to_owned())));
    let response = match answer.get()?.unwrap_or_else(|()| twice()) {
        Ok(response) => response,
        Err(code) => return Some(Err(failed(code))),
    };
    let (status, headers) = (response.status(), from_wasi_fields(&response.headers()));
    let body = UpstreamBody::new(response, headers.content_length(), std::mem::take(upload));
    let body = body.map_err(|()| unreachable("the host gives the answer only once"));
    Some(body.map(|body| Answered { status, headers, body }))
}

fn options(timeouts: Timeouts) -> Option<RequestOptions> {
    if timeouts == Timeouts::default() {
        return None;
    }
    let options = RequestOptions::new();
    // A host may support none of these; it then waits as long as it waits.
    let _ = options.set_connect_timeout(timeouts.connect.map(nanos));
    let _ = options.set_first_byte_timeout(timeouts.first_byte.map(nanos));
    let _ = options.set_between_bytes_timeout(timeouts.between_bytes.map(nanos));
    Some(options)
}

fn callers(error: ReadError) -> SendError {
    SendError { kind: SendErrorKind::Caller, reason: error.reason }
}

fn unreachable(reason: &str) -> SendError {
    SendError { kind: SendErrorKind::Unreachable, reason: reason.to_owned() }
}

/// Whether a timeout ran out.
fn is_timeout(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout
    )
}

/// What the embedded host reports for a request that it ended, or did not begin, because the caller had closed
/// its connection (`host/src/outgoing`).
const CALLER_GONE: &str = "the caller closed its connection";

fn failed(code: ErrorCode) -> SendError {
    let kind = match code {
        ErrorCode::InternalError(Some(ref message)) if message == CALLER_GONE => SendErrorKind::Caller,
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => SendErrorKind::Denied,
        ref code if is_timeout(code) => SendErrorKind::Timeout,
        _ => SendErrorKind::Unreachable,
    };
    SendError { kind, reason: format!("{code:?}") }
}
