//! The parameters of `POST /v1/completions`, and what must be true of several at once.

use super::error_text;
use super::param::{Param, param};
use super::params;
use super::shape::{Array, Chars, Path, STRING, Scope, Shape};
use crate::api::completions::{Prompt, Request};
use crate::error::{ApiError, Kind};
use crate::json::Value;

static TOKENS: Shape = Shape::Array(&Array {
    noun: "an array of integers",
    min: 1,
    max: usize::MAX,
    item: &Shape::Integer(None, None),
});

/// In the order of checks: `max_tokens` was seen to come before `temperature`.
pub(super) static PARAMS: &[&Param] = &[
    &param("prompt", Shape::Rule(prompt)),
    &param("suffix", STRING_HERE),
    &param("max_tokens", Shape::Integer(Some(0), None)),
    &param("temperature", Shape::Decimal(0.0, 2.0)),
    &param("top_p", Shape::Decimal(0.0, 1.0)),
    &param("n", Shape::Integer(Some(1), Some(128))),
    &param("best_of", Shape::Integer(Some(1), Some(20))),
    // More than five are silently fewer.
    &param("logprobs", Shape::Integer(Some(0), None)),
    &param("echo", Shape::Bool),
    &param("stop", params::STOP_SEQUENCES),
    &param("presence_penalty", Shape::Decimal(-2.0, 2.0)),
    &param("frequency_penalty", Shape::Decimal(-2.0, 2.0)),
    &param("logit_bias", params::BIASES),
    &params::USER,
    &params::SEED,
    &param("stream", Shape::Bool),
    &params::STREAM_OPTIONS,
];
const STRING_HERE: Shape = Shape::String(&Chars { min: 0, max: usize::MAX, pattern: None });

fn prompt(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let good = match value {
        Value::String(_) => true,
        Value::Array(items) if items.is_empty() => return Err(error_text::empty_array(path)),
        Value::Array(items) => {
            let all = |shape: &Shape| items.iter().all(|item| shape.validate(item, path, scope).is_ok());
            all(&STRING) || all(&Shape::Integer(None, None)) || all(&TOKENS)
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(error_text::not_a_prompt(value)) }
}

/// What must be true of several parameters at once, or of the model. The first rule that does not hold is told.
pub(super) static LATE: &[fn(&Request<'_>, Scope) -> Option<ApiError>] =
    &[stream_options, best_of, echo_with_logprobs, prompt_tokens, logit_bias];

fn stream_options(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let idle = request.stream_options.is_some() && !request.streams();
    idle.then(|| error_text::only_allowed_when("stream_options", "stream"))
}

fn best_of(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let best_of = request.best_of?.unsigned();
    let n = request.choices();
    (best_of < n).then(|| {
        ApiError::new(
            Kind::Invalid,
            format!(
                "You requested that the server return more choices than it will generate (HINT: you must set 'n' \
                 (currently {n}) to be at most 'best_of' (currently {best_of}), or omit either parameter if you \
                 don't specifically want to use them.)"
            ),
        )
    })
}

fn echo_with_logprobs(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    scope.spec?;
    (request.echo == Some(true) && request.logprobs.is_some()).then(|| {
        ApiError::new(
            Kind::InvalidCombination,
            "Setting 'echo' and 'logprobs' at the same time is not supported for this model.",
        )
    })
}

fn prompt_tokens(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let largest = scope.spec?.encoding.largest_token();
    let wrong = |tokens: &[crate::api::Int]| {
        tokens.iter().map(|token| token.value).find(|token| !(0..=i64::from(largest)).contains(token))
    };
    let token = match request.prompt.as_ref()? {
        Prompt::Tokens(tokens) => wrong(tokens),
        Prompt::TokenLists(lists) => lists.iter().find_map(|tokens| wrong(tokens)),
        Prompt::Text(_) | Prompt::Texts(_) => None,
    };
    token.map(|token| error_text::invalid_token(token, largest))
}

fn logit_bias(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    super::cross_field::logit_bias(request.logit_bias.as_ref()?, scope)
}
