//! `POST /v1/responses/compact`: the user's messages of a conversation, and the rest as one opaque item.

use super::{counted_by, stateless, to_turn};
use crate::api::responses::{Content, Input, Item, Request};
use crate::check;
use crate::config::Backend;
use crate::encode;
use crate::encode::responses::{ERRORS, usage_json};
use crate::endpoint::Call;
use crate::endpoint::forward;
use crate::endpoint::reserve::Metering;
use crate::endpoint::resolve::{ServedModels, Validated};
use crate::engine;
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::ids::ResponseIds;
use crate::json::{Write, push_string, writes};
use crate::log::Record;
use crate::model;
use crate::transport::Transport;
use crate::turn::Usage;
use crate::upstream::{Endpoint, has_native};
use std::borrow::Cow;

/// How many tokens the engine takes to compact a conversation.
const COMPACTION_TOKENS: u64 = 128;

/// Compacts a conversation, by the engine or an upstream that can.
///
/// # Errors
///
/// If the body cannot be read, the request is not valid, or the model's upstream has another API.
pub fn compact<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let models = ServedModels::of_generation(model::Endpoint::Responses, call);
    let (request, valid) = Validated::split(&body, check::request(&body, &models)?);
    call.begin(&valid.resolved, record);
    let model = &valid.resolved.model;
    let is_native = match valid.resolved.backend {
        Backend::Upstream(plan) => has_native(plan, &call.config.upstreams, Endpoint::Compact),
        Backend::Engine => false,
    };
    if !is_native {
        stateless::check(&request)?;
        // An upstream of another API cannot read the engine's compaction item.
        if let Backend::Upstream(_) = valid.resolved.backend {
            let message = format!(
                "Conversations of the model '{model}' cannot be compacted: its upstream does not have the Responses API."
            );
            return Err(ApiError::new(Kind::Invalid, message).at("model"));
        }
    }
    let input = || engine::input_tokens(&to_turn::turn(&request), counted_by(&request));
    call.reserve(model, || input() + COMPACTION_TOKENS, record)?;
    let metering = Metering { needs_usage: call.reservation.has_limits(), ..Metering::default() };
    if let Some(outcome) = forward::native(call, Endpoint::Compact, &valid, metering, ERRORS, record) {
        return outcome;
    }
    record.by_engine();
    let input = input();
    let usage = Usage { input, output: COMPACTION_TOKENS, ..Usage::default() };
    let mut ids = ResponseIds::new(call.ctx.random);
    let id = ids.next("resp_");
    let mut output = String::from("[");
    for text in user_texts(&request) {
        push_message(&ids.next("msg_"), &text, &mut output);
        output.push(',');
    }
    // Opaque to the caller; an answer of the engine does not depend on it.
    let encrypted = ids.next("gAAAAA");
    writes!(&mut output; "id" = ids.next("cmp_"), "type" = "compaction", "encrypted_content" = encrypted);
    output.push(']');
    let mut json = String::new();
    writes!(
        &mut json; "id" = id, "object" = "response.compaction", "created_at" = call.ctx.created(),
        "output" = crate::api::tool::Json(&output), "usage" = crate::api::tool::Json(&usage_json(usage)),
    );
    Ok(encode::json_bytes(200, json.into_bytes()))
}

fn user_texts<'a>(request: &'a Request<'_>) -> Vec<Cow<'a, str>> {
    let is_message = |item: &&Item<'_>| item.kind.as_deref().is_none_or(|kind| kind == "message");
    let by_user = |item: &&Item<'_>| item.role.as_deref() == Some("user");
    match &request.input {
        Some(Input::Text(text)) => vec![Cow::Borrowed(text)],
        Some(Input::Items(items)) => items.iter().filter(is_message).filter(by_user).map(text_of).collect(),
        None => Vec::new(),
    }
}

fn text_of<'a>(item: &'a Item<'_>) -> Cow<'a, str> {
    match &item.content {
        Some(Content::Text(text)) => Cow::Borrowed(text),
        Some(Content::Parts(parts)) => {
            parts.iter().filter_map(|part| part.text.as_deref()).collect::<String>().into()
        }
        None => Cow::Borrowed(""),
    }
}

fn push_message(id: &str, text: &str, out: &mut String) {
    out.push_str(r#"{"id":"#);
    id.write(out);
    out.push_str(r#","type":"message","status":"completed","content":[{"type":"input_text","text":"#);
    push_string(text, out);
    out.push_str(r#"}],"role":"user"}"#);
}
