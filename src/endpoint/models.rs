//! `GET /v1/models` and `GET /v1/models/{model}`.

use super::resolve::is_unnamed;
use super::{Call, forward, key_limit};
use crate::api::answer::{Model, ModelList};
use crate::config::{Api, Backend, Plan, UnknownParams};
use crate::encode;
use crate::error::{ApiError, Kind};
use crate::http::Response;
use crate::log::Record;
use crate::model;
use crate::router::{passed_path, passes_through, upstream_query};
use crate::transport::Transport;
use crate::upstream::{Endpoint, ForwardRequest, forward};

/// When the models were made: the gateway does not know, and the member must be there.
const CREATED: u64 = 1_700_000_000;

fn listed(id: &str) -> Model<'_> {
    Model { id, object: "model", created: CREATED, owned_by: "portcullis" }
}

/// Lists the models the caller may use. Where one upstream serves every model, its own list is relayed.
pub fn list<T: Transport>(call: &Call<'_, T>, record: &mut Record) -> Result<Response<T::Body>, ApiError> {
    if call.caller.is_limited() {
        key_limit::check_query(call.request.query.as_deref())?;
    }
    let served = &call.config.served;
    if let Some(Backend::Upstream(plan)) = &served.others
        && !served.are_named()
        && !call.caller.is_limited()
    {
        return ask_upstream(call, plan, "/models", record);
    }
    let engine = match served.others {
        Some(Backend::Engine) => Some(model::unnamed(model::Endpoint::Chat)),
        _ => None,
    };
    let mut ids: Vec<&str> =
        served.listed().chain(engine.into_iter().flatten().map(|spec| spec.id)).collect();
    ids.retain(|id| call.caller.may_use(id));
    // What no list of ours has and the key names all the same: it is served by a pattern or an upstream.
    for id in call.caller.models().iter().filter(|id| !id.contains('*')) {
        if !ids.contains(&&**id)
            && matches!(served.find(id), Some((backend, named)) if named || *backend != Backend::Engine)
        {
            ids.push(id);
        }
    }
    let data = ids.into_iter().map(listed).collect();
    Ok(encode::json(200, &ModelList { object: "list", data }))
}

/// Shows one model. One the caller may not use does not exist.
pub fn retrieve<T: Transport>(
    call: &Call<'_, T>,
    id: &str,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    record.model = Some(id.to_owned());
    if call.caller.is_limited() {
        key_limit::check_query(call.request.query.as_deref())?;
    }
    let served = &call.config.served;
    match served.find(id).filter(|_| call.caller.may_use(id)) {
        Some((Backend::Upstream(plan), _))
            if !served.listed().any(|name| name == id)
                && is_asked(call, plan)
                && passes_through(&call.request.path) =>
        {
            // The upstream gets the id as it is spelled: it may be encoded.
            let path = passed_path(&call.request.path).unwrap_or_default();
            ask_upstream(call, plan, &path, record)
        }
        Some((Backend::Engine, false)) if !is_unnamed(id, model::Endpoint::Completions) => Err(unknown(id)),
        Some(_) => Ok(encode::json(200, &listed(id))),
        None => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(Kind::ModelNotFound, format!("The model '{id}' does not exist")).at("model")
}

/// Whether the first upstream of a plan knows models by the names callers use.
fn is_asked<T>(call: &Call<'_, T>, plan: &Plan) -> bool {
    let target = &plan.targets[0];
    target.model.is_none() && call.config.upstreams[target.upstream].api == Api::OpenAi
}

/// Asks the first upstream of a plan, and no other: each has its own models.
fn ask_upstream<T: Transport>(
    call: &Call<'_, T>,
    plan: &Plan,
    path: &str,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let query = upstream_query(&call.request.path, call.request.query.as_deref());
    let headers = call.upstream_headers();
    let ask = ForwardRequest {
        endpoint: Endpoint::Other(path),
        method: "GET",
        query: query.as_deref(),
        headers: &headers,
        body: &[],
        model: "",
        unknown: UnknownParams::Pass,
        request_id: call.id,
    };
    let plan = Plan::to_one(plan.targets[0].upstream);
    forward::note(forward(&ask, &plan, &call.config.upstreams, call.transport, call.ctx), record)
}
