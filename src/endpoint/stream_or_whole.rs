//! The form of an answer, whole or streamed, as the caller requested it: some upstreams ignore `stream`, and others
//! always stream.

use crate::encode::convert::{Gatherer, MAX_ANSWER, includes_usage, stream};
use crate::error::{ApiError, Kind};
use crate::http::{Body, BodyItem, Headers, Incoming, Relay, Response};
use crate::model::Endpoint;
use crate::turn::UsageMeter;

/// An upstream's answer in the form that the request has; as it is where it has that form, or cannot get it. `api` is that
/// of the answer, if it is one of generated text; `meter` has the usage that a stream reports.
///
/// # Errors
///
/// If a stream that is to become a whole answer breaks off, or is too long.
pub(super) fn as_requested<B: Incoming + 'static>(
    response: Response<B>,
    api: Option<Endpoint>,
    streams: bool,
    request: &[u8],
    meter: &UsageMeter,
) -> Result<Response<B>, ApiError> {
    let label = response.headers.get("content-type").unwrap_or_default();
    let is = |kind: &str| label.get(..kind.len()).is_some_and(|own| own.eq_ignore_ascii_case(kind));
    let (is_stream, is_json) = (is("text/event-stream"), is("application/json"));
    let Some(api) = api else { return Ok(response) };
    if response.status != 200 || response.headers.get("content-encoding").is_some() {
        return Ok(response);
    }
    match streams {
        true if is_json => Ok(streamed(response, api, request)),
        false if is_stream => whole(response, api, meter),
        _ => Ok(response),
    }
}

/// A whole answer as a stream.
fn streamed<B: Incoming + 'static>(response: Response<B>, api: Endpoint, request: &[u8]) -> Response<B> {
    let Response { status, headers, body } = response;
    let body = match gather(body) {
        Ok(body) => body,
        Err(body) => return Response { status, headers, body },
    };
    match stream(api, &body, includes_usage(request)) {
        Some(events) => labelled(headers, "text/event-stream", events),
        None => Response { status, headers, body: Body::Full(body) },
    }
}

/// A body that is no longer than an answer that can be a stream; another one as it is.
fn gather<B: Incoming + 'static>(body: Body<B>) -> Result<Vec<u8>, Body<B>> {
    match body {
        Body::Full(bytes) => Ok(bytes),
        Body::Stream(mut items) => {
            let mut bytes = Vec::new();
            while bytes.len() <= MAX_ANSWER {
                match items.next() {
                    Some(BodyItem::Data(piece)) => bytes.extend(piece),
                    Some(BodyItem::Pause(_) | BodyItem::Silence) => {}
                    None => return Ok(bytes),
                    Some(end) => {
                        let items = [BodyItem::Data(bytes), end];
                        return Err(Body::Stream(Box::new(items.into_iter())));
                    }
                }
            }
            Err(Body::Stream(Box::new(std::iter::once(BodyItem::Data(bytes)).chain(items))))
        }
        Body::Relay(mut relay) => {
            while relay.head.len() <= MAX_ANSWER {
                match relay.from.read() {
                    Ok(Some(piece)) => relay.head.extend(piece),
                    Ok(None) => return Ok(relay.head),
                    Err(error) => {
                        let items = [BodyItem::Data(relay.head), BodyItem::Abort(error.reason)];
                        return Err(Body::Stream(Box::new(items.into_iter())));
                    }
                }
            }
            Err(Body::Relay(relay))
        }
    }
}

/// A stream as a whole answer.
fn whole<B: Incoming>(
    response: Response<B>,
    api: Endpoint,
    meter: &UsageMeter,
) -> Result<Response<B>, ApiError> {
    let Response { headers, body, .. } = response;
    let mut gatherer = Gatherer::new(api);
    match body {
        Body::Full(bytes) => gatherer.push(&bytes),
        Body::Stream(items) => {
            for item in items.filter(|item| matches!(item, BodyItem::Data(_))) {
                gatherer.push(&item.into_bytes());
                if gatherer.has_given_up() {
                    break;
                }
            }
        }
        Body::Relay(Relay { head, mut from, .. }) => {
            gatherer.push(&head);
            // An endless stream would be read for ever.
            while !gatherer.has_given_up()
                && let Ok(Some(piece)) = from.read()
            {
                gatherer.push(&piece);
            }
        }
    }
    let answer = gatherer.finish(Some(meter.get().usage.unwrap_or_default())).ok_or_else(|| {
        let message =
            "The upstream sent a stream in place of a whole answer, and it is incomplete or too long.";
        ApiError::new(Kind::UpstreamUnavailable, message)
    })?;
    Ok(labelled(headers, "application/json", answer))
}

fn labelled<B>(headers: Headers, content_type: &str, body: Vec<u8>) -> Response<B> {
    let about_body = ["content-type", "content-length", "etag", "cache-control"];
    let mut headers = about_body.iter().fold(headers, |headers, name| headers.without(name));
    headers.push("content-type", content_type);
    Response { status: 200, headers, body: Body::Full(body) }
}
