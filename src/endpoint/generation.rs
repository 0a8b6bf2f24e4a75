//! The steps that follow the check, the same for each endpoint whose models generate text: answer by the engine or
//! upstreams, encode.

use super::Call;
use super::cached::{self, Cached};
use super::forward::{Forwarding, Translation};
use super::resolve::{Resolved, Validated};
use crate::budget::Budget;
use crate::config::Backend;
use crate::config::engine::Fault;
use crate::ctx::Ctx;
use crate::encode::{self, Encoder, ErrorFormat, EventStream, Merged};
use crate::engine::{self, CountedBy, Outcome, Rejection, Setup};
use crate::error::ApiError;
use crate::http::{Body, Response};
use crate::log::Record;
use crate::model;
use crate::transport::Transport;
use crate::turn::{self, UsageMeter};
use crate::upstream::{Endpoint, needs_turn};
use std::rc::Rc;

/// A valid request of one endpoint, as the common steps need it.
pub(super) trait Generation {
    /// Whose models the requests are for.
    const ENDPOINT: model::Endpoint;
    /// How its errors look.
    const ERRORS: ErrorFormat;

    /// Whether the answer is a stream.
    fn streams(&self) -> bool;

    /// Whether the answer depends on nothing but the request, so that it can be kept in the cache.
    fn is_cacheable(&self) -> bool {
        true
    }

    /// The request as turns, one for each prompt.
    ///
    /// # Errors
    ///
    /// If the gateway itself cannot answer the request.
    fn turns(&self, resolved: &Resolved<'_>) -> Result<Vec<turn::Request<'_>>, ApiError>;

    /// The request as upstreams of other APIs get it; `None` where the endpoint has no such form.
    ///
    /// # Errors
    ///
    /// If the request has no meaning for upstreams of other APIs.
    fn translation(
        &self,
        _resolved: &Resolved<'_>,
        _ctx: &Ctx<'_>,
    ) -> Result<Option<Translation<'_>>, ApiError> {
        Ok(None)
    }

    /// What the engine needs to answer the request.
    fn setup<'e>(&self, setup: Setup<'e>) -> Setup<'e> {
        setup
    }

    /// The rules by which the tokens of the input are counted.
    fn counted_by(&self) -> CountedBy {
        CountedBy::Chat
    }

    /// Why the engine cannot answer, as the live API words it.
    fn rejection(&self, why: &Rejection) -> ApiError;

    /// Writes the engine's answer: whole, or as a stream.
    fn encode<B>(&self, generated: Generated<'_>) -> Response<B>;

    /// Writes the error of a rule of the engine.
    fn fault<B>(&self, fault: &Fault, _request_id: &str) -> Response<B> {
        encode::fault(fault)
    }
}

/// What the engine generated, and for what.
pub(super) struct Generated<'a> {
    /// What the request's model decides.
    pub(super) resolved: &'a Resolved<'a>,
    /// Time and ids.
    pub(super) ctx: &'a Ctx<'a>,
    /// The request.
    pub(super) turns: &'a [turn::Request<'a>],
    /// The answer.
    pub(super) answer: Rc<engine::Answer>,
    /// Gets what a stream reports.
    pub(super) meter: UsageMeter,
}

impl Generated<'_> {
    /// The answer as a stream.
    pub(super) fn stream<B>(self, encoder: impl Encoder + 'static) -> Response<B> {
        let cut = self.answer.cut_after_chunks();
        let events = EventStream::new(self.answer.into_events(), encoder, self.meter).cut_after(cut);
        encode::event_stream(Body::Stream(Box::new(Merged::new(events))))
    }
}

/// Writes the answers of upstreams of another API in the endpoint's own format.
pub(super) trait AnswerWriter {
    /// A whole answer.
    fn whole(&self, answer: &turn::Answer<'_>) -> Vec<u8>;

    /// What writes a stream.
    fn encoder(&self) -> Box<dyn Encoder>;
}

/// Answers a valid request, by the engine or by upstreams.
///
/// # Errors
///
/// If no backend can answer it.
pub(super) fn answer<T: Transport, G: Generation>(
    call: &Call<'_, T>,
    valid: &Validated<'_>,
    generation: &G,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    record.stream = Some(generation.streams());
    call.begin(&valid.resolved, record);
    let entry = match cached::look_up(call, valid, generation, record) {
        Cached::Hit(response) => {
            // It uses a request, and neither tokens nor money.
            call.reserve(&valid.resolved.model, || 0, record)?;
            return Ok(response);
        }
        Cached::Miss(entry) => Some(entry),
        Cached::Bypass => None,
    };
    // Read only where a target has another API: other targets get the body as it is. What it refuses reserves nothing.
    let mut translation = match valid.resolved.backend {
        Backend::Upstream(plan) if needs_turn(plan, &call.config.upstreams, Endpoint::of(G::ENDPOINT)) => {
            generation.translation(&valid.resolved, call.ctx)?
        }
        _ => None,
    };
    let mut metering = call.reserve_generation(valid, generation, record)?;
    // An answer for the cache passes through this component's memory, and is kept with its usage.
    metering.needs_usage |= entry.is_some();
    match valid.resolved.backend {
        Backend::Engine => by_engine(call, valid, generation, record),
        Backend::Upstream(plan) => {
            if let (Some(translation), Some(most)) = (&mut translation, metering.output_limit) {
                translation.request.turn.max_tokens = Some(most);
            }
            let forwarding = Forwarding {
                endpoint: Endpoint::of(G::ENDPOINT),
                plan,
                model: &valid.resolved.model,
                body: valid.body,
                dropped: &valid.dropped,
                translation,
                metering,
                streams: generation.streams(),
                errors: G::ERRORS,
            };
            let response = forwarding.send(call, record)?;
            Ok(match entry {
                Some(entry) => entry.gather(response, &record.usage, call.pending_entry),
                None => response,
            })
        }
    }
}

fn by_engine<T: Transport, G: Generation>(
    call: &Call<'_, T>,
    valid: &Validated<'_>,
    generation: &G,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let resolved = &valid.resolved;
    let turns = generation.turns(resolved)?;
    let budget = Budget::for_body(valid.body.len());
    let counted_by = generation.counted_by();
    let setup = generation.setup(call.engine(resolved.policy.spec, &budget, counted_by));
    let outcome = engine::answer(&turns, setup).map_err(|why| generation.rejection(&why))?;
    record.by_engine();
    let mut response = match outcome {
        Outcome::Answer(answer) => {
            record.usage.report(answer.usage());
            if !generation.streams() {
                record.usage.complete();
            }
            let meter = record.usage.clone();
            generation.encode(Generated {
                resolved,
                ctx: call.ctx,
                turns: &turns,
                answer: Rc::from(answer),
                meter,
            })
        }
        Outcome::Fault(fault) => {
            record.error = Some(fault.code.as_deref().unwrap_or(fault.kind()).to_owned());
            generation.fault(fault, call.id)
        }
        Outcome::Hangup => encode::hang_up(),
    };
    super::note_dropped(&mut response, &valid.dropped);
    Ok(response)
}
