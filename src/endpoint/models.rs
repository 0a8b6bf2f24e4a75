//! `GET /v1/models` and `GET /v1/models/{model}`.
//!
//! Callers that send `anthropic-version` read Anthropic's shapes, all others OpenAI's.

use super::resolve::is_unnamed;
use super::{Call, forward, restricted_key};
use crate::api::models::{AnthropicModel, AnthropicModelList, Model, ModelList};
use crate::config::{Api, Backend, Plan, UnknownParams};
use crate::encode;
use crate::error::{ApiError, Kind};
use crate::http::{Body, Incoming, Response};
use crate::json::Value;
use crate::log::Record;
use crate::model;
use crate::router::{decode, passed_path, upstream_query};
use crate::transport::Transport;
use crate::upstream::{Endpoint, ForwardRequest, forward};

/// The release of a model that the table does not know, where the member is required: 2023-11-14.
const CREATED: u64 = 1_700_000_000;
const CREATED_AT: &str = "2023-11-14T22:13:20Z";

/// The longest list of an upstream that is read to be written in another shape, in bytes.
const MAX_LIST: usize = 8 * 1024 * 1024;

/// The models on a page of Anthropic's list, unless `limit` is another number up to [`MAX_PAGE`].
const PAGE: usize = 20;
const MAX_PAGE: usize = 1000;

/// The API whose shape the caller reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    OpenAi,
    Anthropic,
}

impl Shape {
    fn of<T>(call: &Call<'_, T>) -> Self {
        match call.request.headers.get("anthropic-version") {
            Some(_) => Self::Anthropic,
            None => Self::OpenAi,
        }
    }

    /// The shape of the first upstream's own list.
    fn of_upstream<T>(call: &Call<'_, T>, plan: &Plan) -> Self {
        match plan.first_target().upstream_in(&call.config.upstreams).api {
            Api::Anthropic(_) => Self::Anthropic,
            _ => Self::OpenAi,
        }
    }
}

/// The last value of a parameter of the query, decoded.
fn parameter<T>(call: &Call<'_, T>, name: &str) -> Option<String> {
    let pairs = call.request.query.as_deref().unwrap_or_default().split('&');
    let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.rfind(|(key, _)| decode(key) == name).map(|(_, value)| decode(value))
}

/// Whether the caller is Codex, whose reader requires a member `models`.
fn is_codex<T>(call: &Call<'_, T>) -> bool {
    parameter(call, "client_version").is_some()
}

/// Lists the models that the caller may use. Where one upstream serves every model, its own list is the answer.
///
/// # Errors
///
/// Those of the upstream; 400 where a key restricted to models names one in the query.
pub fn list<T: Transport>(call: &Call<'_, T>, record: &mut Record) -> Result<Response<T::Body>, ApiError> {
    if call.caller.restricts_models() {
        restricted_key::check_query(call.request.query.as_deref())?;
    }
    let served = &call.config.served;
    if let Some(Backend::Upstream(plan)) = &served.others
        && !served.are_named()
        && !call.caller.restricts_models()
    {
        return list_of_upstream(call, plan, record);
    }
    let shape = Shape::of(call);
    let serves_table = served.others == Some(Backend::Engine) || served.has_engine_patterns();
    let table = serves_table.then(|| own_models(shape, served.are_named()));
    let by_engine =
        |id: &str| !served.are_named() || served.names(id) && served.find(id) == Some(&Backend::Engine);
    let mut ids: Vec<&str> = served.listed().collect();
    for id in table.into_iter().flatten() {
        if by_engine(id) && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.retain(|id| call.caller.may_use(id));
    // What the key names although no list has it: a pattern or an upstream serves it.
    for id in call.caller.models().iter().filter(|id| !id.contains('*')) {
        if !ids.contains(&&**id)
            && served.find(id).is_some_and(|backend| served.names(id) || *backend != Backend::Engine)
        {
            ids.push(id);
        }
    }
    Ok(written(call, &ids.into_iter().map(Listed::by_id).collect::<Vec<_>>()))
}

/// The models of the table that the engine serves: as long as the operator names none, those of the caller's API, and
/// where it names a pattern all of them.
fn own_models(shape: Shape, all: bool) -> Vec<&'static str> {
    let specs: Vec<_> = match (shape, all) {
        (Shape::OpenAi, true) => model::MODELS.iter().filter(|spec| !spec.endpoints.is_empty()).collect(),
        (Shape::OpenAi, false) => model::unnamed(model::Endpoint::Chat).collect(),
        (Shape::Anthropic, _) => model::MODELS.iter().filter(|spec| spec.is_claude()).collect(),
    };
    specs.into_iter().map(|spec| spec.id).collect()
}

/// What a list states about a model.
struct Listed<'a> {
    id: &'a str,
    display_name: &'a str,
    owned_by: &'a str,
    /// Unix seconds.
    created: u64,
    /// RFC 3339.
    created_at: String,
    input: Option<u32>,
    output: Option<u32>,
}

impl<'a> Listed<'a> {
    /// A model by its id, with what the table knows of it.
    fn by_id(id: &'a str) -> Self {
        let spec = model::find(id);
        let released = spec.and_then(|spec| spec.released);
        Self {
            id,
            display_name: spec.filter(|spec| spec.id == id).and_then(|spec| spec.display_name).unwrap_or(id),
            owned_by: "portcullis",
            created: CREATED,
            created_at: released.map_or_else(|| CREATED_AT.to_owned(), |day| format!("{day}T00:00:00Z")),
            input: spec.map(|spec| spec.input.unwrap_or(spec.window)),
            output: spec.map(|spec| spec.output),
        }
    }

    /// A model as an upstream lists it, in either shape.
    fn of_upstream(value: &'a Value<'_>) -> Option<Self> {
        let text = |name| value.get_non_null(name).and_then(Value::as_str);
        let number = |name| match value.get_non_null(name) {
            Some(Value::Number(spelled)) => spelled.parse::<u64>().ok(),
            _ => None,
        };
        let limit = |name| number(name).and_then(|tokens| u32::try_from(tokens).ok());
        let mut listed = Self::by_id(text("id")?);
        listed.display_name = text("display_name").unwrap_or(listed.display_name);
        listed.owned_by = text("owned_by").unwrap_or("upstream");
        listed.created = number("created").unwrap_or(CREATED);
        if let Some(time) = text("created_at") {
            listed.created_at = time.to_owned();
        }
        listed.input = limit("max_input_tokens").or(listed.input);
        listed.output = limit("max_tokens").or(listed.output);
        Some(listed)
    }

    fn openai(&self) -> Model<'_> {
        Model { id: self.id, object: "model", created: self.created, owned_by: self.owned_by }
    }

    fn anthropic(&self) -> AnthropicModel<'_> {
        AnthropicModel {
            kind: "model",
            id: self.id,
            display_name: self.display_name,
            created_at: self.created_at.clone(),
            max_input_tokens: self.input,
            max_tokens: self.output,
        }
    }
}

/// The list in the caller's shape.
fn written<T: Transport>(call: &Call<'_, T>, listed: &[Listed<'_>]) -> Response<T::Body> {
    if Shape::of(call) == Shape::OpenAi {
        let data = listed.iter().map(Listed::openai).collect();
        return encode::json(200, &ModelList { object: "list", data, models: is_codex(call).then_some([]) });
    }
    let limit =
        parameter(call, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let place = |name| parameter(call, name).and_then(|id| listed.iter().position(|model| model.id == id));
    let (page, has_more) = match (place("before_id"), place("after_id")) {
        (Some(end), None) => (listed.get(end.saturating_sub(limit)..end).unwrap_or_default(), end > limit),
        (_, after) => {
            let rest = listed.get(after.map_or(0, |i| i + 1)..).unwrap_or_default();
            (rest.get(..limit).unwrap_or(rest), rest.len() > limit)
        }
    };
    let data: Vec<_> = page.iter().map(Listed::anthropic).collect();
    let (first_id, last_id) = (page.first().map(|model| model.id), page.last().map(|model| model.id));
    encode::json(200, &AnthropicModelList { data, has_more, first_id, last_id })
}

/// An upstream's list: as it is for a caller of the same API, else written in the caller's shape.
fn list_of_upstream<T: Transport>(
    call: &Call<'_, T>,
    plan: &Plan,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let same = Shape::of(call) == Shape::of_upstream(call, plan);
    let query = upstream_query(&call.request.path, call.request.query.as_deref());
    // The parameters of one API mean nothing to the other.
    let response = ask_upstream(call, plan, "/models", query.as_deref().filter(|_| same), record)?;
    if response.status != 200 || same && !(Shape::of(call) == Shape::OpenAi && is_codex(call)) {
        return Ok(response);
    }
    let invalid = || {
        let message = "The upstream's list of models could not be read.";
        ApiError::new(Kind::UpstreamUnavailable, message)
    };
    let body = gathered(response.body).ok_or_else(invalid)?;
    let value = Value::parse(&body).ok_or_else(invalid)?;
    if same {
        // All that the upstream states stays, for readers that know more of it than this gateway.
        let text = std::str::from_utf8(&body).map_err(|_| invalid())?.trim_start();
        let codex = match text.strip_prefix('{') {
            Some(rest) if value.get("models").is_none() && !value.all_members().is_empty() => {
                format!("{{\"models\":[],{rest}")
            }
            _ => text.to_owned(),
        };
        let headers = response.headers.without("content-length");
        return Ok(Response { status: 200, headers, body: Body::Full(codex.into_bytes()) });
    }
    let data = value.get_non_null("data").and_then(Value::as_array).ok_or_else(invalid)?;
    Ok(written(call, &data.iter().filter_map(Listed::of_upstream).collect::<Vec<_>>()))
}

/// The whole body of an upstream's answer; `None` if it is too long, breaks off or is a stream.
fn gathered<B: Incoming>(body: Body<B>) -> Option<Vec<u8>> {
    let mut relay = match body {
        Body::Full(bytes) => return Some(bytes),
        Body::Relay(relay) => relay,
        Body::Stream(_) => return None,
    };
    while let Some(piece) = relay.from.read().ok()? {
        if relay.head.len() + piece.len() > MAX_LIST {
            return None;
        }
        relay.head.extend_from_slice(&piece);
    }
    Some(relay.head)
}

/// Retrieves one model. One that the caller may not use does not exist.
///
/// # Errors
///
/// 404 for an unknown model; those of the upstream; 400 where a key restricted to models names one in the query.
pub fn retrieve<T: Transport>(
    call: &Call<'_, T>,
    id: &str,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    record.model = Some(id.to_owned());
    if call.caller.restricts_models() {
        restricted_key::check_query(call.request.query.as_deref())?;
    }
    let served = &call.config.served;
    let is_own = || {
        let endpoints = [model::Endpoint::Completions, model::Endpoint::Messages];
        endpoints.into_iter().any(|endpoint| is_unnamed(id, endpoint))
    };
    match served.find(id).filter(|_| call.caller.may_use(id)) {
        Some(Backend::Upstream(plan))
            if !served.listed().any(|name| name == id) && knows_callers_names(call, plan) =>
        {
            match passed_path(&call.request.path) {
                // The upstream gets the id as it is spelled: it may be encoded.
                Some(path) => {
                    let query = upstream_query(&call.request.path, call.request.query.as_deref());
                    ask_upstream(call, plan, &path, query.as_deref(), record)
                }
                None => Ok(one(call, id)),
            }
        }
        Some(Backend::Engine) if !served.names(id) && !is_own() => Err(unknown(id)),
        Some(_) => Ok(one(call, id)),
        None => Err(unknown(id)),
    }
}

/// One model in the caller's shape.
fn one<T: Transport>(call: &Call<'_, T>, id: &str) -> Response<T::Body> {
    let listed = Listed::by_id(id);
    match Shape::of(call) {
        Shape::OpenAi => encode::json(200, &listed.openai()),
        Shape::Anthropic => encode::json(200, &listed.anthropic()),
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(Kind::ModelNotFound, format!("The model '{id}' does not exist")).at("model")
}

/// Whether the first upstream of a plan knows models by the names callers use, and answers in their shape.
fn knows_callers_names<T>(call: &Call<'_, T>, plan: &Plan) -> bool {
    let target = plan.first_target();
    target.model.is_none()
        && target.upstream_in(&call.config.upstreams).api.is_openai()
        && Shape::of(call) == Shape::OpenAi
}

/// Sends a request to the first upstream of a plan, and to no other: each has its own models.
fn ask_upstream<T: Transport>(
    call: &Call<'_, T>,
    plan: &Plan,
    path: &str,
    query: Option<&str>,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let headers = call.upstream_headers();
    let request = ForwardRequest {
        endpoint: Endpoint::Other(path),
        method: "GET",
        query,
        headers: &headers,
        body: &[],
        turn: None,
        model: "",
        unknown: UnknownParams::Pass,
        request_id: call.id,
        error_event: encode::OPENAI_ERRORS.event,
        needs_usage: false,
        withholds_usage: false,
        meter: &record.usage,
    };
    let plan = Plan::to_one(plan.first_target().upstream);
    let forwarded = forward(&request, &plan, &call.config.upstreams, call.transport, call.ctx);
    forward::respond(forwarded, None, &encode::OPENAI_ERRORS, record)
}
