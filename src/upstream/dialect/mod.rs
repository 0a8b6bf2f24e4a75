//! The APIs of upstreams, one module each: [`Dialect`] owns every fact about one.
//!
//! A request reaches a target in one of two ways. Where the target's API is the caller's, the caller's bytes go out
//! with another name for the model. Elsewhere the dialect writes the turn, and reads the answer as events of a turn.

mod anthropic;
mod azure;
mod less;
mod openai;

use super::attempts::Prepared;
use super::peeked_json::Needs;
use super::{ForwardRequest, headers, rewrite, sse};
use crate::api::tool::Json;
use crate::check;
use crate::coding;
use crate::config::{Api, Plan, Target, UnknownParams, Upstream};
use crate::error::{ApiError, Kind};
use crate::model;
use crate::turn::{Answer, Event, Field, Request, Unsupported};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// What a request is for: an endpoint of one of the callers' APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// OpenAI's `/chat/completions`.
    Chat,
    /// OpenAI's `/completions`.
    Completions,
    /// OpenAI's `/responses`.
    Responses,
    /// OpenAI's `/responses/input_tokens`.
    InputTokens,
    /// OpenAI's `/responses/compact`.
    Compact,
    /// Anthropic's `/messages`.
    Messages,
    /// Anthropic's `/messages/count_tokens`.
    CountTokens,
    /// Any other path below the base URL.
    Other(&'a str),
}

impl Endpoint<'static> {
    /// The endpoint that takes the models of an API.
    pub const fn of(api: model::Endpoint) -> Self {
        match api {
            model::Endpoint::Chat => Self::Chat,
            model::Endpoint::Completions => Self::Completions,
            model::Endpoint::Responses => Self::Responses,
            model::Endpoint::Messages => Self::Messages,
            model::Endpoint::Embeddings => Self::Other("/embeddings"),
            model::Endpoint::Moderations => Self::Other("/moderations"),
        }
    }
}

impl Endpoint<'_> {
    /// The same endpoint in the table of models, if it generates text.
    pub fn generates(self) -> Option<model::Endpoint> {
        match self {
            Self::Chat => Some(model::Endpoint::Chat),
            Self::Completions => Some(model::Endpoint::Completions),
            Self::Responses => Some(model::Endpoint::Responses),
            Self::Messages => Some(model::Endpoint::Messages),
            Self::InputTokens | Self::Compact | Self::CountTokens | Self::Other(_) => None,
        }
    }
}

/// One upstream API.
pub(super) trait Dialect {
    /// The provider, as OpenTelemetry's `gen_ai.provider.name` has it.
    fn provider(&self) -> &'static str;

    /// The header field that carries the key.
    fn credentials(&self, key: &str) -> (&'static str, String);

    /// The header field that names the version of the API, if there is one.
    fn version(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// The path below the base URL of an endpoint whose requests and answers are the upstream's as they are; `None` of
    /// one whose requests need a translation.
    fn native_path<'e>(&self, endpoint: Endpoint<'e>) -> Option<&'e str>;

    /// Whether the endpoint's requests and answers are the upstream's as they are.
    fn is_native(&self, endpoint: Endpoint<'_>) -> bool {
        self.native_path(endpoint).is_some()
    }

    /// The path below the base URL of the turns that [`Dialect::request`] writes.
    fn turn_path(&self) -> &'static str;

    /// The whole path of a request for a model: the base URL's path, and one below it.
    fn whole_path(&self, base: &str, path: &str, _model: &str) -> String {
        format!("{base}{path}")
    }

    /// Writes a turn as a request.
    fn request(
        &self,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable>;

    /// The status that belongs to a type of error.
    fn status_of(&self, _kind: &str) -> Option<u16> {
        None
    }

    /// What a whole answer to a turn must have.
    fn needs(&self) -> Needs;

    /// Reads a whole answer; `None` if it is none.
    fn answer(&self, body: &[u8]) -> Option<Answer<'static>>;

    /// What reads a stream.
    fn decoder(&self) -> Box<dyn Decoder>;
}

/// Reads the events of one stream.
pub(super) trait Decoder {
    /// Adds what an event becomes.
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event<'static>>) -> StreamState;

    /// Whether the answer is complete, even if no event reported its end (`[DONE]`, `message_stop`).
    fn is_complete(&self) -> bool;

    /// Adds what ends a turn: its usage and its end.
    fn end(&mut self, out: &mut Vec<Event<'static>>);
}

/// What an event means for the stream.
pub(super) enum StreamState {
    /// More may follow.
    On,
    /// It was the last one.
    Done,
    /// It was an error, which went to the caller; nothing may follow.
    ErrorSent(&'static str),
    /// It is none of the API's.
    InvalidResponse(&'static str),
}

/// The dialect of an upstream.
pub(super) fn of(upstream: &Upstream) -> &dyn Dialect {
    match &upstream.api {
        Api::OpenAi(api) => api,
        Api::Azure(api) => api,
        Api::Anthropic(api) => api,
    }
}

/// A request for targets of another API than the caller's.
pub struct TurnRequest<'a> {
    /// The turn.
    pub turn: Request<'a>,
    /// Undocumented members, sent to the target unchanged.
    pub extra: Vec<Extra<'a>>,
    /// Members that no other API has and without which the answer is the same: they are left out, and named in
    /// `x-portcullis-dropped`.
    pub ignored: Vec<String>,
    /// Members that change the answer and that no other API has: they are left out, and named, only if the operator allows
    /// it; else the target refuses the request.
    pub unsupported: Vec<String>,
    /// The caller's own name for a field, such as `messages[2].content`.
    pub param_name: fn(&Request<'_>, Unsupported) -> String,
}

/// A member of the caller's request that no documentation has.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Json<'a>,
}

/// A request in the target's API.
pub(super) struct Translated {
    pub(super) body: Vec<u8>,
    pub(super) left_out: LeftOut,
}

/// What a translation left out or changed.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// What changes the answer: left out only if the operator allows it.
    pub(super) unsupported: Vec<Unsupported>,
    /// What was left out or brought into the API's range.
    pub(super) dropped: Vec<Unsupported>,
    /// Undocumented members that the request has already.
    pub(super) dropped_members: Vec<String>,
}

impl LeftOut {
    pub(super) fn unsupported(&mut self, field: Field, index: Option<usize>) {
        self.unsupported.push(Unsupported { field, index });
    }

    pub(super) fn drop(&mut self, field: Field, index: Option<usize>) {
        let new = Unsupported { field, index };
        if !self.dropped.contains(&new) {
            self.dropped.push(new);
        }
    }

    pub(super) fn drop_member(&mut self, name: &str) {
        self.dropped_members.push(name.to_owned());
    }
}

/// The most tokens of an answer that a target may generate: as many as the caller allows, or the output limit of the
/// target's model where that is known and lower. APIs refuse more, and clients such as Claude Code request the limit of
/// another model.
pub(super) fn output_tokens(requested: Option<u64>, model: &str, left_out: &mut LeftOut) -> Option<u64> {
    let limit = output_limit(model);
    if requested.is_some_and(|requested| requested > limit) {
        left_out.drop(Field::MaxTokens, None);
    }
    requested.map(|requested| requested.min(limit))
}

/// The output limit of a model in tokens; none is known of a model that is not in the table.
pub(super) fn output_limit(model: &str) -> u64 {
    let limit = crate::model::find(model).map(|spec| spec.output).filter(|limit| *limit > 0);
    limit.map_or(u64::MAX, u64::from)
}

/// The identifier of an end user. One with more characters than the API takes, as Claude Code sends in
/// `metadata.user_id`, becomes its SHA-256 in hexadecimal, which is as stable.
pub(super) fn end_user(id: &str, most: usize) -> Cow<'_, str> {
    if id.chars().count() <= most { Cow::Borrowed(id) } else { Cow::Owned(hashed(id)) }
}

/// The SHA-256 of a text in hexadecimal: 64 characters.
pub(super) fn hashed(text: &str) -> String {
    coding::hex(&Sha256::digest(text))
}

/// Why a request cannot be written in the target's API, whatever the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Untranslatable {
    pub(super) field: Unsupported,
    /// What the API accepts there.
    pub(super) takes: &'static str,
}

impl Untranslatable {
    pub(super) fn at(field: Field, index: Option<usize>, takes: &'static str) -> Self {
        Self { field: Unsupported { field, index }, takes }
    }
}

/// Whether a plan has a target that needs the request as a turn.
pub fn needs_turn(plan: &Plan, upstreams: &[Upstream], endpoint: Endpoint<'_>) -> bool {
    plan.targets.iter().any(|target| !of(target.upstream_in(upstreams)).is_native(endpoint))
}

/// Whether a plan has a target that has the endpoint as it is.
pub fn has_native(plan: &Plan, upstreams: &[Upstream], endpoint: Endpoint<'_>) -> bool {
    plan.targets.iter().any(|target| of(target.upstream_in(upstreams)).is_native(endpoint))
}

/// What a whole answer of an endpoint must have.
fn needs(dialect: &dyn Dialect, endpoint: Endpoint<'_>, is_native: bool) -> Needs {
    match endpoint {
        Endpoint::InputTokens | Endpoint::Compact | Endpoint::CountTokens | Endpoint::Other(_) => {
            Needs::Nothing
        }
        _ if is_native => Needs::ChoicesIfAny,
        _ => dialect.needs(),
    }
}

/// Makes the request for a target.
pub(super) fn prepare<'a>(
    request: &'a ForwardRequest<'a>,
    plan: &Plan,
    target: &Target,
    upstream: &'a Upstream,
) -> Result<Prepared<'a>, ApiError> {
    let dialect = of(upstream);
    let name = plan.name_at(target, request.model);
    let model = name.as_deref().unwrap_or(request.model);
    let mut fields = headers::to_upstream(request.headers, upstream, dialect, request.request_id);
    if !request.body.is_empty() && request.headers.get("content-type").is_none() {
        // The body was read as JSON, whatever the caller labelled it.
        fields.push(("content-type".into(), b"application/json".into()));
    }
    let native_path = dialect.native_path(request.endpoint);
    if let Some((name, version)) = dialect.version()
        && !(native_path.is_some() && request.headers.get(name).is_some())
    {
        fields.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        let own = upstream.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let version = own.map_or(version, |(_, value)| value.expose());
        fields.push((name.into(), version.as_bytes().into()));
    }
    let needs = needs(dialect, request.endpoint, native_path.is_some());
    let prepared = |path, body, dropped| Prepared {
        method: request.method,
        path: dialect.whole_path(&upstream.base_path, path, model),
        headers: fields,
        body,
        dropped,
        needs,
    };
    if let Some(path) = native_path {
        let renamed = name.as_deref().and_then(|name| rewrite::with_model(request.body, name));
        let body = renamed.unwrap_or_else(|| vec![Cow::Borrowed(request.body)]);
        let mut prepared = prepared(path, body, Vec::new());
        // A query is of the caller's API.
        if let Some(query) = request.query {
            prepared.path.push(if prepared.path.contains('?') { '&' } else { '?' });
            prepared.path.push_str(query);
        }
        return Ok(prepared);
    }
    let Some(TurnRequest { turn, extra, ignored, unsupported, param_name }) = request.turn else {
        return Err(match request.endpoint {
            Endpoint::Completions => check::error_text::wrong_endpoint(model::Endpoint::Chat),
            _ => ApiError::new(Kind::WrongEndpoint, "The API of this upstream does not have the endpoint."),
        });
    };
    let translated = dialect.request(turn, model, extra).map_err(|why| {
        let param = param_name(turn, why.field);
        let message = format!("Unsupported value: '{param}'. This model accepts {} there.", why.takes);
        ApiError::new(Kind::UnsupportedValue, message).at(param)
    })?;
    let Translated { body, left_out } = translated;
    let named = left_out.unsupported.iter().map(|field| param_name(turn, *field));
    let mut dropped: Vec<String> = unsupported.iter().cloned().chain(named).collect();
    if let Some(param) = dropped.first().filter(|_| request.unknown != UnknownParams::Drop) {
        let param = param.clone();
        let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
        return Err(ApiError::new(Kind::UnsupportedParameter, message).at(param));
    }
    dropped.extend(ignored.iter().cloned());
    dropped.extend(left_out.dropped.iter().map(|field| param_name(turn, *field)));
    dropped.extend(left_out.dropped_members);
    let mut seen = std::collections::HashSet::new();
    dropped.retain(|name| seen.insert(name.clone()));
    Ok(prepared(dialect.turn_path(), vec![Cow::Owned(body)], dropped))
}
