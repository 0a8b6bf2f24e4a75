//! A checked request on its way to its upstreams, and its answer back.

use super::estimated_usage::{InputTokens, WithUsage, complete};
use super::generation::AnswerWriter;
use super::reserve::Metering;
use super::resolve::Validated;
use super::{Call, stream_or_whole};
use crate::config::{Backend, Plan, UnknownParams};
use crate::encode::{self, ErrorFormat, EventStream};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, Incoming, Response};
use crate::log::Record;
use crate::model;
use crate::router;
use crate::transport::Transport;
use crate::upstream::{
    Endpoint, ForwardRequest, Forwarded, Reply, TurnRequest, forward, has_native, rewrite,
};
use std::borrow::Cow;
use std::rc::Rc;

/// A request, and the format of its answers, for upstreams of other APIs than the endpoint's.
pub(super) struct Translation<'a> {
    /// The request.
    pub(super) request: TurnRequest<'a>,
    /// Writes the answers.
    pub(super) writer: Box<dyn AnswerWriter>,
    /// Counts the tokens of the input of a body that was read before, as the endpoint's own API counts them.
    pub(super) input_tokens: fn(&[u8]) -> u64,
}

/// A checked request for upstreams.
pub(super) struct Forwarding<'a> {
    /// The endpoint.
    pub(super) endpoint: Endpoint<'a>,
    /// Where the request goes.
    pub(super) plan: &'a Plan,
    /// The caller's name of the model.
    pub(super) model: &'a str,
    /// The body, as it came.
    pub(super) body: &'a Rc<Vec<u8>>,
    /// The parameters to leave out of it.
    pub(super) dropped: &'a [Cow<'a, str>],
    /// The request as a turn, if a target has another API and the endpoint can be translated.
    pub(super) translation: Option<Translation<'a>>,
    /// What limits require of the answer.
    pub(super) metering: Metering,
    /// Whether the answer is a stream.
    pub(super) streams: bool,
    /// How the endpoint's errors look.
    pub(super) errors: ErrorFormat,
}

impl Forwarding<'_> {
    /// Sends the request and returns the answer.
    ///
    /// # Errors
    ///
    /// If no upstream gave an answer.
    pub(super) fn send<T: Transport>(
        self,
        call: &Call<'_, T>,
        record: &mut Record,
    ) -> Result<Response<T::Body>, ApiError> {
        let dropped = self.dropped;
        let without = (!dropped.is_empty()).then(|| rewrite::without(self.body, dropped)).flatten();
        let body = without.as_deref().unwrap_or(self.body.as_slice()).into();
        let limit =
            self.metering.output_limit.map(|most| (rewrite::limit_member(self.endpoint, self.model), most));
        let reports_apart = matches!(self.endpoint, Endpoint::Chat | Endpoint::Completions);
        let requests_usage = self.metering.needs_usage && self.streams && reports_apart;
        let (body, withholds_usage) = rewrite::metered(body, limit, requests_usage);
        let query = router::upstream_query(&call.request.path, call.request.query.as_deref());
        let headers = call.upstream_headers();
        let request = ForwardRequest {
            endpoint: self.endpoint,
            method: "POST",
            query: query.as_deref(),
            headers: &headers,
            body: &body,
            turn: self.translation.as_ref().map(|translation| &translation.request),
            model: self.model,
            unknown: call.config.unknown_params.unwrap_or(UnknownParams::Pass),
            request_id: call.id,
            error_event: self.errors.event,
            needs_usage: self.metering.needs_usage,
            withholds_usage,
            meter: &record.usage,
        };
        let forwarded = forward(&request, self.plan, &call.config.upstreams, call.transport, call.ctx);
        let target = forwarded.index.and_then(|index| self.plan.targets.get(index));
        record.rates = target.and_then(|target| call.config.prices.at_target(self.model, self.plan, target));
        let mut all = dropped.to_vec();
        all.extend(forwarded.dropped.iter().map(|name| Cow::Owned(name.clone())));
        let translated = self.translation.as_ref().map(|translation| {
            let known = self.metering.prompt_tokens;
            let input = InputTokens { known, body: self.body.clone(), count: translation.input_tokens };
            (translation, input)
        });
        let response = respond(forwarded, translated, &self.errors, record)?;
        let mut response = stream_or_whole::as_requested(
            response,
            self.endpoint.generates(),
            self.streams,
            self.body,
            &record.usage,
        )?;
        super::note_dropped(&mut response, &all);
        Ok(response)
    }
}

/// Forwards a request as it is, if an upstream of its model has the endpoint.
///
/// # Errors
///
/// If no upstream gave an answer.
pub(super) fn native<T: Transport>(
    call: &Call<'_, T>,
    endpoint: Endpoint<'static>,
    valid: &Validated<'_>,
    metering: Metering,
    errors: ErrorFormat,
    record: &mut Record,
) -> Option<Result<Response<T::Body>, ApiError>> {
    let Backend::Upstream(plan) = valid.resolved.backend else { return None };
    let forwarding = Forwarding {
        endpoint,
        plan,
        model: &valid.resolved.model,
        body: valid.body,
        dropped: &valid.dropped,
        translation: None,
        metering,
        streams: false,
        errors,
    };
    has_native(plan, &call.config.upstreams, endpoint).then(|| forwarding.send(call, record))
}

/// Answers an endpoint that counts tokens: by an upstream that has it, else by the gateway's `own` count.
///
/// # Errors
///
/// Over a limit, or if no upstream gave an answer.
pub(super) fn count<T: Transport>(
    call: &Call<'_, T>,
    endpoint: Endpoint<'static>,
    valid: &Validated<'_>,
    errors: ErrorFormat,
    record: &mut Record,
    own: impl FnOnce() -> Response<T::Body>,
) -> Result<Response<T::Body>, ApiError> {
    call.begin(&valid.resolved, record);
    call.reserve(&valid.resolved.model, || 0, record)?;
    // An upstream may turn out not to have the endpoint.
    let lacks = |response: &Response<T::Body>| matches!(response.status, 404 | 405 | 501);
    match native(call, endpoint, valid, Metering::default(), errors, record) {
        Some(outcome) if !outcome.as_ref().is_ok_and(lacks) => outcome,
        _ => {
            record.by_engine();
            Ok(own())
        }
    }
}

/// Writes the response of a forwarded request, and records what the log needs. `translated` is for answers of other APIs.
///
/// # Errors
///
/// If no upstream gave an answer.
pub(super) fn respond<B: Incoming + 'static>(
    forwarded: Forwarded<B>,
    translated: Option<(&Translation<'_>, InputTokens)>,
    errors: &ErrorFormat,
    record: &mut Record,
) -> Result<Response<B>, ApiError> {
    record.target = Some(forwarded.target);
    record.provider = Some(forwarded.provider);
    record.attempts = Some(forwarded.attempts);
    record.reason = forwarded.reason;
    record.upstream_id = forwarded.upstream_id;
    let json = |status, mut headers: Headers, body: Vec<u8>| {
        headers = headers.without("content-type");
        headers.push("content-type", "application/json");
        Response { status, headers, body: Body::Full(body) }
    };
    // Only a translated request has an answer of another API.
    let translated = || {
        translated
            .ok_or_else(|| ApiError::new(Kind::Internal, "The answer is of another API than the request."))
    };
    let encoding = |translation: &Translation<'_>| model::nearest(translation.request.turn.model).encoding;
    Ok(match forwarded.answer? {
        Reply::Response(response) => response,
        Reply::Answer { headers, mut answer } => {
            let (translation, input) = translated()?;
            complete(&mut answer, &input, encoding(translation), &record.usage);
            json(200, headers, translation.writer.whole(&answer))
        }
        Reply::Events { headers, stream } => {
            let (translation, input) = translated()?;
            let stream = WithUsage::new(stream, input, encoding(translation), record.usage.clone());
            let events = EventStream::new(stream, translation.writer.encoder(), record.usage.clone());
            let mut response = encode::event_stream(Body::Stream(Box::new(events)));
            let own = ["content-type", "cache-control"];
            for (name, value) in
                headers.iter().filter(|(name, _)| !own.iter().any(|own| name.eq_ignore_ascii_case(own)))
            {
                response.headers.push(name.to_owned(), value);
            }
            response
        }
        Reply::Failure { headers, failure } => json(failure.status, headers, (errors.body)(&failure)),
    })
}
