//! Calls to upstreams, over `wasi:http/outgoing-handler`.

use super::body::{Caller, Unsent, Upstream, nanos, read_now};
use super::convert::{from_wasi_fields, to_wasi_fields, to_wasi_method};
use crate::config::Timeouts;
use crate::http::{Incoming, Piece};
use crate::upstream::{Answered, Outgoing, Pending, SendError, SendErrorKind, Transport};
use std::time::Duration;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, FutureIncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::InputStream;

/// The host's way out.
pub(super) struct OutgoingHandler;

/// A request on its way.
pub(super) struct Call {
    unsent: Option<Unsent>,
    answer: FutureIncomingResponse,
}

type Head = Result<Answered<Upstream>, SendError>;

impl Transport for OutgoingHandler {
    type Call = Call;
    type Body = Upstream;
    type Upload = Caller;

    fn start(&self, request: &Outgoing<'_>) -> Result<Call, SendError> {
        let (answer, body) = begin(request)?;
        Ok(Call { unsent: body.and_then(|body| Unsent::send(body, request.body)), answer })
    }

    fn head(&self, call: &mut Call) -> Option<Head> {
        call.unsent = call.unsent.take().and_then(Unsent::go_on);
        take(&call.answer, &mut call.unsent)
    }

    fn wait(&self, on: &[Pending<'_, Self>], at_most: Option<Duration>) {
        let mut news: Vec<Pollable> = Vec::with_capacity(on.len() + 2);
        for pending in on {
            match pending {
                Pending::Head(call) => {
                    news.push(call.answer.subscribe());
                    news.extend(call.unsent.as_ref().map(Unsent::subscribe));
                }
                Pending::Body(body) => news.push(body.subscribe()),
            }
        }
        news.extend(at_most.map(|time| subscribe_duration(nanos(time))));
        match news.as_slice() {
            [] => {}
            [one] => one.block(),
            several => drop(poll(&several.iter().collect::<Vec<_>>())),
        }
    }

    fn pass(&self, request: &Outgoing<'_>, upload: &mut Caller) -> Head {
        let no_body = |error: crate::http::ReadError| unreachable(&error.reason);
        // A request without a body must stay one: not every server bears a `GET` with one.
        let Some(first) = upload.read().map_err(no_body)? else {
            let headers = request.headers.iter().filter(|(name, value)| !is_length(name) || **value == *b"0");
            let headers = headers.cloned().collect();
            let (answer, _) = begin(&Outgoing { headers, body: &[], ..*request })?;
            return wait_for(&answer, &mut None);
        };
        let outgoing = outgoing(request, None)?;
        let body = outgoing.body().map_err(|()| unreachable("the host gives the body only once"))?;
        let answer = outgoing_handler::handle(outgoing, options(request.timeouts)).map_err(failed)?;
        let mut unsent =
            Unsent::begin(body).map_err(|()| unreachable("the host gives the body only once"))?;
        unsent.push(first);
        let mut unsent = pump(unsent, upload.stream().map_err(no_body)?, &answer)?;
        wait_for(&answer, &mut unsent)
    }
}

/// Moves the caller's body to the upstream, until it is sent, the upstream no longer wants it, or it has
/// answered, well or not: the rest is then not sent. What is returned is a body that is not at its end.
///
/// By reading and writing: `splice` ends jco 1.35 with an error of its own, server and all.
fn pump(
    mut unsent: Unsent,
    from: &InputStream,
    answer: &FutureIncomingResponse,
) -> Result<Option<Unsent>, SendError> {
    loop {
        // Room and more to send are of use only together: what is missing is waited for.
        let missing = match unsent.is_flushed() {
            Ok(true) => match read_now(from) {
                Ok(Piece::Bytes(piece)) => {
                    unsent.push(piece);
                    continue;
                }
                Ok(Piece::Later) => from.subscribe(),
                Ok(Piece::End) => {
                    unsent.finish();
                    return Ok(None);
                }
                Err(_) => return Err(unreachable("the caller's body broke off")),
            },
            Ok(false) => unsent.subscribe(),
            // The upstream has its reasons, and its answer tells them.
            Err(_) => return Ok(None),
        };
        let head = answer.subscribe();
        drop(poll(&[&missing, &head]));
        if head.ready() {
            return Ok(Some(unsent));
        }
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

fn wait_for(answer: &FutureIncomingResponse, unsent: &mut Option<Unsent>) -> Head {
    loop {
        if let Some(head) = take(answer, unsent) {
            return head;
        }
        answer.subscribe().block();
    }
}

/// The head of an answer, if it is there.
fn take(answer: &FutureIncomingResponse, unsent: &mut Option<Unsent>) -> Option<Head> {
    let twice = || Err(ErrorCode::InternalError(Some("the answer was taken before".to_owned())));
    let response = match answer.get()?.unwrap_or_else(|()| twice()) {
        Ok(response) => response,
        Err(code) => return Some(Err(failed(code))),
    };
    let (status, headers) = (response.status(), from_wasi_fields(&response.headers()));
    let body = Upstream::new(response, unsent.take());
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

fn failed(code: ErrorCode) -> SendError {
    let kind = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => SendErrorKind::Denied,
        ref code if is_timeout(code) => SendErrorKind::Timeout,
        _ => SendErrorKind::Unreachable,
    };
    SendError { kind, reason: format!("{code:?}") }
}
