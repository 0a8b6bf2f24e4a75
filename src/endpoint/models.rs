//! `GET /v1/models` and `GET /v1/models/{model}`.

use super::{Call, log_failure};
use crate::api::answer::{Model, ModelList};
use crate::config::Backend;
use crate::encode;
use crate::error::{ApiError, Kind};
use crate::http::Response;
use crate::log::Record;
use crate::upstream::{Forward, Transport, forward};

/// The models the engine lists as long as nobody names any.
const ENGINE_MODELS: [&str; 7] = [
    "gpt-4",
    "gpt-4-turbo",
    "gpt-4-turbo-preview",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-16k",
];

/// Models only the text endpoint has, as long as nobody names any.
const ENGINE_TEXT_MODELS: [&str; 3] = ["gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"];

/// Whether the engine serves a model that nobody named.
pub(super) fn engine_serves(model: &str, text_endpoint: bool) -> bool {
    ENGINE_MODELS.contains(&model) || (text_endpoint && ENGINE_TEXT_MODELS.contains(&model))
}

/// When the models were made: the gateway does not know, and the member must be there.
const CREATED: u64 = 1_700_000_000;

fn model(id: &str) -> Model<'_> {
    Model { id, object: "model", created: CREATED, owned_by: "portcullis" }
}

/// Lists the models the caller may use. Where one upstream serves every model, its own list is relayed.
pub fn list<T: Transport>(call: &Call<'_, T>, record: &mut Record) -> Result<Response<T::Body>, ApiError> {
    if let Some(response) = ask_upstream(call, "/models", record) {
        return response;
    }
    let named = call.config.served.named.iter().map(|(id, _)| &**id);
    let engine = match call.config.served.others {
        Some(Backend::Engine) => &ENGINE_MODELS[..],
        _ => &[],
    };
    let data = named.chain(engine.iter().copied()).filter(|id| call.caller.may_use(id)).map(model).collect();
    Ok(encode::json(200, &ModelList { object: "list", data }))
}

/// Shows one model. One the caller may not use does not exist.
pub fn retrieve<T: Transport>(
    call: &Call<'_, T>,
    id: &str,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    record.model = Some(id.to_owned());
    let found = call.config.served.find(id).filter(|_| call.caller.may_use(id));
    match found {
        Some((Backend::Upstream(_), false)) => {
            // The path as it came is what the upstream is asked for: it may be encoded.
            let path = call.request.path.strip_prefix("/v1").unwrap_or_default();
            if let Some(response) = ask_upstream(call, path, record) {
                return response;
            }
        }
        Some((_, true)) => return Ok(encode::json(200, &model(id))),
        Some((Backend::Engine, false)) if engine_serves(id, true) => {
            return Ok(encode::json(200, &model(id)));
        }
        _ => {}
    }
    Err(ApiError::new(Kind::ModelNotFound, format!("The model '{id}' does not exist")).at("model"))
}

/// Asks the upstream that serves every model, unless models are named or the key opens only some.
fn ask_upstream<T: Transport>(
    call: &Call<'_, T>,
    path: &str,
    record: &mut Record,
) -> Option<Result<Response<T::Body>, ApiError>> {
    let Some(Backend::Upstream(target)) = &call.config.served.others else { return None };
    if call.config.served.are_named() || call.caller.is_limited() {
        return None;
    }
    let upstream = &call.config.upstreams[target.upstream];
    record.target = Some(upstream.name.clone());
    let request = Forward {
        upstream,
        method: "GET",
        path,
        query: call.request.query.as_deref(),
        headers: &call.request.headers,
        body: &[],
        request_id: call.id,
    };
    Some(forward(&request, call.transport, call.ctx).map_err(|failure| log_failure(failure, record)))
}
