//! `POST /v1/embeddings`.

use super::Call;
use super::forward::Forwarding;
use super::reserve::Metering;
use super::resolve::ServedModels;
use crate::api::Int;
use crate::api::completions::Prompt;
use crate::api::embeddings::{EncodingFormat, Request};
use crate::check::{self, error_text};
use crate::config::Plan;
use crate::encode::OPENAI_ERRORS;
use crate::encode::embeddings::Answer;
use crate::engine;
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::model;
use crate::router;
use crate::tokens::Encoding;
use crate::transport::Transport;
use crate::turn::Usage;
use crate::upstream::Endpoint;

/// The most tokens an input may have.
const LONGEST: usize = 8192;
/// The most tokens of a request.
const MAX_TOKENS: u64 = 300_000;

/// Embeds one or several texts by the engine. Where a deployment in the path names the model, the body goes to the
/// upstream that embeddings are passed through to, with that model.
///
/// # Errors
///
/// What the live API refuses; those of the upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    if let Some((upstream, model)) = call.config.passthrough.zip(router::deployment(&call.request.path)) {
        if !call.caller.may_use(&model) {
            return Err(error_text::model_not_found(&model));
        }
        record.model = Some(model.clone());
        call.reserve(
            &model,
            || Encoding::for_model(&model).count(&String::from_utf8_lossy(&body)) as u64,
            record,
        )?;
        let forwarding = Forwarding {
            endpoint: Endpoint::of(model::Endpoint::Embeddings),
            plan: &Plan::to_one(upstream),
            model: &model,
            body: &body,
            dropped: &[],
            translation: None,
            metering: Metering { needs_usage: call.reservation.has_limits(), ..Metering::default() },
            streams: false,
            errors: OPENAI_ERRORS,
        };
        return forwarding.send(call, record);
    }
    let checked =
        check::request::<Request<'_>, _>(&body, &ServedModels::of_engine(model::Endpoint::Embeddings, call))?;
    call.begin(&checked.resolved, record);
    let dimensions = checked.resolved.policy.spec.map_or(model::DIMENSIONS, |spec| spec.dimensions);
    let answer = answer(&checked.request, &checked.resolved.model, dimensions)?;
    call.reserve(&checked.resolved.model, || answer.tokens, record)?;
    record.by_engine();
    record.usage.report(Usage { input: answer.tokens, ..Usage::default() });
    record.usage.complete();
    let mut response = answer.in_pieces();
    super::note_dropped(&mut response, &checked.dropped);
    Ok(response)
}

/// The vectors of a request, which have so many dimensions unless it sets fewer.
fn answer(
    request: &Request<'_>,
    model: &str,
    dimensions: u32,
) -> Result<Answer<impl Iterator<Item = Vec<f32>> + 'static + use<>>, ApiError> {
    let encoding = Encoding::for_model(model);
    let inputs = inputs(request.input.as_ref(), encoding)?;
    let one = !matches!(request.input, Some(Prompt::Texts(_) | Prompt::TokenLists(_)));
    if let Some(index) = inputs.iter().position(|input| input.len() > LONGEST) {
        let path = if one { "input".to_owned() } else { format!("input[{index}]") };
        return Err(error_text::long_input(&path, LONGEST));
    }
    let tokens = inputs.iter().map(|input| input.len() as u64).sum();
    if tokens > MAX_TOKENS {
        return Err(error_text::long_inputs(MAX_TOKENS));
    }
    let wanted = request.dimensions.and_then(|wanted| u32::try_from(wanted.value).ok());
    let dimensions = wanted.map_or(dimensions, |wanted| wanted.min(dimensions));
    let vectors = inputs.into_iter().map(move |input| engine::embed(&input, encoding, dimensions));
    let base64 = request.encoding_format == Some(EncodingFormat::Base64);
    Ok(Answer { model: model.to_owned(), vectors, base64, tokens })
}

/// The inputs as tokens.
fn inputs(input: Option<&Prompt<'_>>, encoding: Encoding) -> Result<Vec<Vec<u32>>, ApiError> {
    let id = |token: &Int| {
        let id = u32::try_from(token.value).ok().filter(|id| encoding.token_bytes(*id).is_some());
        id.ok_or_else(|| error_text::invalid_token(token.value, encoding.vocabulary_size() - 1))
    };
    let ids = |list: &[Int]| list.iter().map(id).collect::<Result<Vec<u32>, ApiError>>();
    match input {
        None => Ok(Vec::new()),
        Some(Prompt::Text(text)) => Ok(vec![encoding.encode(text)]),
        Some(Prompt::Texts(texts)) => Ok(texts.iter().map(|text| encoding.encode(text)).collect()),
        Some(Prompt::Tokens(list)) => Ok(vec![ids(list)?]),
        Some(Prompt::TokenLists(lists)) => lists.iter().map(|list| ids(list)).collect(),
    }
}
