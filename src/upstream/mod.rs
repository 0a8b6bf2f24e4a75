//! Forwarding a request to upstreams, and their answer back as it arrives.
//!
//! [`target_order`] and [`retry`] decide which target is tried and when, [`attempts`] tries them, [`attempt`] and
//! [`peek`] decide whether a response can be passed on, [`deliver`] passes it on: streams of the caller's API by
//! [`native_stream`], others as events of a turn by [`turn_stream`]. [`pass`](self::pass()) passes on what is not read.
//! [`dialect`] has the upstreams' APIs, [`headers`] the fields that cross. The network is a [`Transport`], so that
//! everything here is tested without one.

mod attempt;
mod attempts;
mod call_ids;
mod deliver;
mod delivered;
mod dialect;
mod failure;
mod headers;
mod idle;
mod native_stream;
mod pass;
mod peek;
mod peeked_json;
mod retry;
pub mod rewrite;
pub(crate) mod sse;
mod target_order;
mod turn_stream;
mod usage;

use crate::config::{Plan, UnknownParams, Upstream};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::http::{Headers, Incoming, Piece, Response};
use crate::transport::{SendErrorKind, Transport};
use crate::turn::{Answer, Failure, UsageMeter};
use attempt::Failed;
use attempts::Attempts;
pub use dialect::{Endpoint, Extra, TurnRequest, has_native, needs_turn};
pub use headers::of_restricted_key;
pub use pass::{PassRequest, pass};
use std::time::Duration;
pub use turn_stream::TurnStream;

/// Writes an error as an event of the caller's API, for a stream that has begun. The number is that of the event, for
/// APIs that number events.
pub type ErrorEvent = fn(&Failure, u64) -> Vec<u8>;

/// How long an upstream may take from its last event to the end of its answer. A connection whose answer has ended
/// serves another request.
const ENDING: Duration = Duration::from_millis(100);

/// How many pieces are read after the last event.
const ENDING_PIECES: usize = 16;

/// How long nothing arrives before a body reports silence: `BodyItem::Silence`, or `turn::Event::Ping`.
const SILENCE: Duration = Duration::from_millis(250);

/// A caller's request for upstreams.
pub struct ForwardRequest<'a> {
    /// The endpoint of the caller's API.
    pub endpoint: Endpoint<'a>,
    /// The method's name.
    pub method: &'a str,
    /// The caller's query, without its question mark.
    pub query: Option<&'a str>,
    /// The caller's header fields.
    pub headers: &'a Headers,
    /// The body, checked; empty for none. It goes to targets of the caller's API.
    pub body: &'a [u8],
    /// The same for targets of another API, if [`needs_turn`] is true and the endpoint has turns.
    pub turn: Option<&'a TurnRequest<'a>>,
    /// The caller's name of the model.
    pub model: &'a str,
    /// What happens to parameters that a target cannot express. They cannot be passed, so without
    /// [`UnknownParams::Drop`] the target is refused.
    pub unknown: UnknownParams,
    /// The id both sides log.
    pub request_id: &'a str,
    /// How a stream of the caller's API that breaks off ends.
    pub error_event: ErrorEvent,
    /// Whether the usage of every answer must be known: none passes unread.
    pub needs_usage: bool,
    /// Whether the caller did not request the chunk of a stream that has the usage, which is then kept back.
    pub withholds_usage: bool,
    /// Gets the usage that the upstream reports in an answer of the caller's API, or in a whole one of another.
    pub meter: &'a UsageMeter,
}

/// An upstream's answer.
pub enum Reply<B> {
    /// In the caller's API, as it came.
    Response(Response<B>),
    /// A whole answer of another API.
    Answer {
        /// The header fields that cross.
        headers: Headers,
        /// The answer.
        answer: Answer<'static>,
    },
    /// A stream of another API.
    Events {
        /// The header fields that cross.
        headers: Headers,
        /// The events.
        stream: TurnStream<B>,
    },
    /// An error that is not in the caller's API.
    Failure {
        /// The header fields that cross.
        headers: Headers,
        /// The error, with its status.
        failure: Failure,
    },
}

/// The result of a request, for the caller and for the log.
pub struct Forwarded<B> {
    /// The answer. An upstream's own error is one; the error is the gateway's where there is no answer at all.
    pub answer: Result<Reply<B>, ApiError>,
    /// The upstream that answered, or was tried last.
    pub target: String,
    /// Its place among the plan's targets; `None` for a request without a plan.
    pub index: Option<usize>,
    /// Its provider, as OpenTelemetry names it.
    pub provider: &'static str,
    /// How many requests were sent.
    pub attempts: u32,
    /// What went wrong on the way.
    pub reason: Option<String>,
    /// The parameters that were left out for this target.
    pub dropped: Vec<String>,
    /// The upstream's id of the request.
    pub upstream_id: Option<String>,
}

/// Forwards a request by its plan, and returns the answer.
pub fn forward<T: Transport>(
    request: &ForwardRequest<'_>,
    plan: &Plan,
    upstreams: &[Upstream],
    transport: &T,
    ctx: &Ctx<'_>,
) -> Forwarded<T::Body> {
    let prepare = |target| dialect::prepare(request, plan, target, target.upstream_in(upstreams));
    let outcome = Attempts::new(plan, upstreams, transport, ctx, &prepare).run();
    let upstream = plan.targets.get(outcome.target).unwrap_or(plan.first_target()).upstream_in(upstreams);
    let reasons = outcome.reasons;
    let taken = outcome.result.as_ref().ok();
    let upstream_id = taken.and_then(|taken| headers::own_id(&taken.headers, request.request_id));
    let forwarded = |answer, dropped| Forwarded {
        answer,
        target: upstream.name.clone(),
        index: Some(outcome.target),
        provider: dialect::of(upstream).provider(),
        attempts: outcome.attempts,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        dropped,
        upstream_id,
    };
    match outcome.result {
        Ok(mut taken) => {
            let dropped = std::mem::take(&mut taken.dropped);
            forwarded(deliver::deliver(taken, upstream, request, ctx), dropped)
        }
        Err(Failed::Refused(error)) => forwarded(Err(error), Vec::new()),
        Err(Failed::NoResponse(kind)) => forwarded(Err(no_answer(kind, upstream, ctx)), Vec::new()),
    }
}

/// The caller's error where there is no answer. The host's own message goes to the log alone.
fn no_answer(kind: SendErrorKind, upstream: &Upstream, ctx: &Ctx<'_>) -> ApiError {
    let name = &upstream.name;
    let (kind, message) = match kind {
        SendErrorKind::Timeout => (
            Kind::UpstreamTimeout,
            format!("The upstream `{name}` did not answer within {} ms.", (ctx.elapsed)().as_millis()),
        ),
        SendErrorKind::Denied => (
            Kind::UpstreamUnavailable,
            format!(
                "The host does not allow connections to the upstream `{name}`. Its operator adds the upstream's \
                 address to the hosts that may be called (Spin: `allowed_outbound_hosts`)."
            ),
        ),
        SendErrorKind::Unreachable => {
            (Kind::UpstreamUnavailable, format!("The upstream `{name}` could not be reached."))
        }
        SendErrorKind::Broken => (
            Kind::UpstreamUnavailable,
            format!("The upstream `{name}` broke off before the end of its answer."),
        ),
        SendErrorKind::InvalidResponse => {
            (Kind::UpstreamUnavailable, format!("The upstream `{name}` sent an invalid answer."))
        }
        SendErrorKind::Caller => return ApiError::body_broke_off(),
    };
    ApiError::new(kind, message)
}

/// Reads what may follow the last event of a stream, so that its connection can be reused.
fn read_ending(from: &mut impl Incoming) {
    for _ in 0..ENDING_PIECES {
        if !matches!(from.read_within(ENDING), Ok(Piece::Bytes(_))) {
            break;
        }
    }
}
