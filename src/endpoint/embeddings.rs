//! `POST /v1/embeddings`.

use super::Call;
use crate::api::completions::Prompt;
use crate::api::embeddings::{EncodingFormat, Request};
use crate::check::wording;
use crate::encode::embeddings::Answer;
use crate::engine::{self, tokens::Encoding};
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;

/// The models of the engine's that embed, as long as nobody names any.
pub(super) const MODELS: [&str; 3] =
    ["text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"];

/// The most tokens an input may have.
const LONGEST: usize = 8192;
/// The most inputs of a request.
const MOST: usize = 2048;
/// The most tokens of a request.
const MOST_TOKENS: u64 = 300_000;

/// Embeds one or several texts by the engine.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let request: Request<'_> = super::lenient(&body)?;
    let model = request.model.as_deref().filter(|model| !model.is_empty()).ok_or_else(wording::no_model)?;
    call.engine_has(model, &MODELS, record)?;
    let answer = answer(&request, model)?;
    record.target = Some("engine".to_owned());
    record.input_tokens = Some(answer.tokens);
    Ok(answer.whole())
}

fn answer(request: &Request<'_>, model: &str) -> Result<Answer, ApiError> {
    if let Some(name) = request.extra.first() {
        return Err(super::unknown(name));
    }
    let encoding = Encoding::for_model(model);
    let inputs = inputs(request, encoding)?;
    let whole = engine::embedding_dimensions(model);
    let dimensions = match request.dimensions.map(|dimensions| dimensions.value) {
        None => whole,
        Some(_) if model.starts_with("text-embedding-ada-002") => {
            return Err(ApiError::new(Kind::Invalid, "This model does not support specifying dimensions."));
        }
        Some(wanted @ ..1) => {
            return Err(ApiError::new(
                Kind::IntegerBelowMin,
                format!(
                    "Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got {wanted} instead."
                ),
            )
            .at("dimensions"));
        }
        Some(wanted) => u32::try_from(wanted).ok().filter(|wanted| *wanted <= whole).ok_or_else(|| {
            ApiError::new(
                Kind::Invalid,
                format!(
                    "Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {whole} for this model."
                ),
            )
            .at("dimensions")
        })?,
    };
    let mut tokens = 0;
    for input in &inputs {
        if input.is_empty() {
            return Err(invalid_input());
        }
        if input.len() > LONGEST {
            return Err(wording::text_context_length(LONGEST as u32, input.len() as u64, 0));
        }
        tokens += input.len() as u64;
    }
    if tokens > MOST_TOKENS {
        return Err(ApiError::new(
            Kind::Invalid,
            format!("Requested {tokens} tokens, max {MOST_TOKENS} tokens per request"),
        ));
    }
    let vectors = inputs.iter().map(|input| engine::embed(input, encoding, dimensions)).collect();
    let base64 = request.encoding_format == Some(EncodingFormat::Base64);
    Ok(Answer { model: model.to_owned(), vectors, base64, tokens })
}

/// The inputs as tokens.
fn inputs(request: &Request<'_>, encoding: Encoding) -> Result<Vec<Vec<u32>>, ApiError> {
    let ids = |list: &[crate::api::Int]| {
        let id = |token: &crate::api::Int| {
            let id = u32::try_from(token.value).ok().filter(|id| encoding.token_bytes(*id).is_some());
            id.ok_or_else(invalid_input)
        };
        list.iter().map(id).collect::<Result<Vec<u32>, ApiError>>()
    };
    let missing =
        || ApiError::new(Kind::MissingParameter, "Missing required parameter: 'input'.").at("input");
    match request.input.as_ref().ok_or_else(missing)? {
        Prompt::Text(text) => Ok(vec![encoding.encode(text)]),
        Prompt::Texts(texts) if texts.is_empty() => Err(invalid_input()),
        Prompt::Texts(texts) if texts.len() > MOST => Err(too_many(texts.len())),
        Prompt::Texts(texts) => Ok(texts.iter().map(|text| encoding.encode(text)).collect()),
        Prompt::Tokens(list) => Ok(vec![ids(list)?]),
        Prompt::TokenLists(lists) if lists.len() > MOST => Err(too_many(lists.len())),
        Prompt::TokenLists(lists) => lists.iter().map(|list| ids(list)).collect(),
    }
}

fn invalid_input() -> ApiError {
    ApiError::new(
        Kind::Invalid,
        "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
    )
}

fn too_many(inputs: usize) -> ApiError {
    ApiError::new(
        Kind::ArrayAboveMax,
        format!(
            "Invalid 'input': array too long. Expected an array with maximum length {MOST}, but got an array with length {inputs} instead."
        ),
    )
    .at("input")
}
