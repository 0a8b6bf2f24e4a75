//! Forwarding: the caller's bytes to an upstream, its answer back, as it comes.
//!
//! [`order`] and [`retry`] decide whom to ask and when, [`attempts`] asks, [`attempt`] and [`peek`] look
//! whether an answer is one, [`deliver`] hands it on, streams by [`events`]; [`pass`](self::pass()) hands on
//! what nobody reads. [`dialect`] knows what upstreams speak, [`headers`] what crosses. Who carries it all is
//! a [`Transport`], so that everything here is tested without a network.

mod attempt;
mod attempts;
mod deliver;
mod dialect;
mod events;
mod failure;
mod headers;
mod pass;
mod peek;
mod retry;
pub mod rewrite;
mod sse;
mod target_order;

use crate::config::{Plan, UnknownParams, Upstream};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::http::{Headers, Response, Tokens};
use crate::transport::{SendErrorKind, Transport};
use attempt::Failed;
use attempts::Attempts;
pub use dialect::Endpoint;
pub use headers::of_limited_key;
pub use pass::pass;

/// What a caller asks of the upstreams.
pub struct ForwardRequest<'a> {
    /// What of the API it is.
    pub endpoint: Endpoint<'a>,
    /// The method's name.
    pub method: &'a str,
    /// The caller's query, without its question mark.
    pub query: Option<&'a str>,
    /// The caller's header fields.
    pub headers: &'a Headers,
    /// The body, judged; empty for none.
    pub body: &'a [u8],
    /// The caller's name of the model.
    pub model: &'a str,
    /// What happens to parameters an upstream has no place for. To pass them is not possible then, so
    /// anything but dropping them is refusing the request.
    pub unknown: UnknownParams,
    /// The id both sides log.
    pub request_id: &'a str,
}

/// What came of a request, for the caller and for the log.
pub struct Forwarded<B> {
    /// The answer. An upstream's own error is one; the error is ours only where there is no answer at all.
    pub answer: Result<Response<B>, ApiError>,
    /// Who gave it, or was asked last.
    pub target: String,
    /// Whose API that one speaks, as OpenTelemetry names it.
    pub provider: &'static str,
    /// How often someone was asked.
    pub attempts: u32,
    /// What went wrong on the way.
    pub reason: Option<String>,
    /// The tokens the upstream counted, where they are known by now.
    pub tokens: Option<Tokens>,
    /// The parameters that were left out for this target.
    pub dropped: Vec<String>,
    /// What the upstream calls the request, for whoever asks its makers about it.
    pub upstream_id: Option<String>,
}

/// Forwards a request as its plan says, and takes the answer back.
pub fn forward<T: Transport>(
    ask: &ForwardRequest<'_>,
    plan: &Plan,
    upstreams: &[Upstream],
    transport: &T,
    ctx: &Ctx<'_>,
) -> Forwarded<T::Body> {
    let prepare = |target| dialect::prepare(ask, plan, target, &upstreams[target.upstream]);
    let outcome = Attempts { plan, upstreams, transport, ctx, prepare: &prepare }.run();
    let upstream = &upstreams[plan.targets[outcome.target].upstream];
    let reasons = outcome.reasons;
    let taken = outcome.result.as_ref().ok();
    let upstream_id = taken.and_then(|taken| headers::own_id(&taken.headers, ask.request_id));
    let told = |answer, tokens, dropped| Forwarded {
        answer,
        target: upstream.name.clone(),
        provider: upstream.api.provider(),
        attempts: outcome.attempts,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        tokens,
        dropped,
        upstream_id,
    };
    match outcome.result {
        Ok(mut taken) => {
            let dropped = std::mem::take(&mut taken.dropped);
            match deliver::deliver(taken, upstream, ask, ctx) {
                Ok((response, tokens)) => told(Ok(response), tokens, dropped),
                Err(error) => told(Err(error), None, dropped),
            }
        }
        Err(Failed::Refused(error)) => told(Err(error), None, Vec::new()),
        Err(Failed::NoResponse(kind)) => told(Err(no_answer(kind, upstream, ctx)), None, Vec::new()),
    }
}

/// What the caller is told where there is no answer. The host's words go to the log alone.
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
                "The host does not let the gateway talk to the upstream `{name}`. Its operator adds the upstream's \
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
