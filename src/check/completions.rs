//! The parameters of `POST /v1/completions`, and the rules over several at once.

use super::chat::params;
use super::param::{Param, for_all, param};
use super::path::Path;
use super::request_rules::RequestRules;
use super::scope::Scope;
use super::shape::{Array, JsonTypes, STRING, Shape};
use super::{clamp, error_text, limits, logit_bias, plain};
use crate::api::Int;
use crate::api::completions::{Prompt, Request};
use crate::api::{Extra, Text};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::{Endpoint, ModelSpec};

const ANY_INTEGER: Shape = Shape::Integer(None, None);
static TOKENS: Shape =
    Shape::Array(&Array { noun: "an array of integers", min: 1, max: usize::MAX, item: &ANY_INTEGER });

/// The range of `best_of`.
pub(super) const BEST_OF_RANGE: (i64, i64) = (0, 20);

/// In the order in which they are checked: `max_tokens` was seen to come before `temperature`.
pub(super) static PARAMS: &[&Param] = &[
    &param("prompt", &Shape::Rule(JsonTypes::STRING.or(JsonTypes::ARRAY), prompt)),
    &param("suffix", &STRING),
    &param("max_tokens", &Shape::Integer(Some(0), None)),
    &for_all(&params::TEMPERATURE),
    &for_all(&params::TOP_P),
    &for_all(&params::N),
    &param("best_of", &Shape::Integer(Some(BEST_OF_RANGE.0), Some(BEST_OF_RANGE.1))),
    // The live API takes more than five and returns five.
    &param("logprobs", &Shape::Integer(Some(0), None)),
    &param("echo", &Shape::Bool),
    &for_all(&params::STOP),
    &for_all(&params::PRESENCE_PENALTY),
    &for_all(&params::FREQUENCY_PENALTY),
    &for_all(&params::LOGIT_BIAS),
    &for_all(&params::USER),
    &for_all(&params::SEED),
    &param("stream", &Shape::Bool),
    &for_all(&params::STREAM_OPTIONS),
];

fn prompt(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let good = match value {
        Value::String(_) => true,
        // Required, but nullable in the published schema.
        Value::Null => !scope.is_live(),
        Value::Array(items) if items.is_empty() && scope.is_live() => {
            return Err(error_text::empty_array(path));
        }
        Value::Array(items) => {
            let all = |shape: &Shape| items.iter().all(|item| shape.validate(item, path, scope).is_ok());
            all(&STRING) || all(&ANY_INTEGER) || all(&TOKENS)
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(error_text::not_a_prompt(value)) }
}

/// The rules over several parameters at once, or over the model. The first that does not hold is reported.
pub(super) static CROSS_FIELD: &[fn(&Request<'_>, Scope) -> Option<ApiError>] =
    &[stream_options, best_of, echo_with_logprobs, prompt_tokens, logit_bias_values];

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
    scope.live_spec?;
    (request.echo == Some(true) && request.logprobs.is_some()).then(|| {
        ApiError::new(
            Kind::InvalidCombination,
            "Setting 'echo' and 'logprobs' at the same time is not supported for this model.",
        )
    })
}

fn prompt_tokens(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let largest = scope.live_spec?.encoding.largest_token();
    let wrong = |tokens: &[Int]| {
        tokens.iter().map(|token| token.value).find(|token| !(0..=i64::from(largest)).contains(token))
    };
    let token = match request.prompt.as_ref()? {
        Prompt::Tokens(tokens) => wrong(tokens),
        Prompt::TokenLists(lists) => lists.iter().find_map(|tokens| wrong(tokens)),
        Prompt::Text(_) | Prompt::Texts(_) => None,
    };
    token.map(|token| error_text::invalid_token(token, largest))
}

fn logit_bias_values(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    logit_bias::validate(request.logit_bias.as_ref()?, scope)
}

/// Whether a request to complete prompts is plainly valid.
fn is_plain(request: &Request<'_>) -> bool {
    let r = request;
    let exact = |tokens: &[Int]| tokens.iter().all(|token| !token.decimal && !token.saturated);
    let prompt = match &r.prompt {
        Some(Prompt::Text(_)) => true,
        Some(Prompt::Texts(list)) => !list.is_empty(),
        Some(Prompt::Tokens(tokens)) => exact(tokens),
        Some(Prompt::TokenLists(lists)) => lists.iter().all(|tokens| !tokens.is_empty() && exact(tokens)),
        None => false,
    };
    prompt
        && !r.doubles
        && plain::integer(r.max_tokens, (0, i64::MAX))
        && plain::decimal(r.temperature, limits::TEMPERATURE_RANGE)
        && plain::decimal(r.top_p, limits::TOP_P_RANGE)
        && plain::integer(r.n, limits::N_RANGE)
        && plain::integer(r.best_of, BEST_OF_RANGE)
        && plain::integer(r.logprobs, (0, i64::MAX))
        && r.stop.as_ref().is_none_or(plain::stop)
        && plain::decimal(r.presence_penalty, limits::PENALTY_RANGE)
        && plain::decimal(r.frequency_penalty, limits::PENALTY_RANGE)
        && r.logit_bias.is_none()
        && plain::id(&r.user)
        && plain::integer(r.seed, (i64::MIN, i64::MAX))
        && r.stream_options.as_ref().is_none_or(plain::stream_options)
}

impl<'a> RequestRules<'a> for Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Completions;
    const REQUIRED: &'static str = "prompt";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Extra<'a> {
        &mut self.extra
    }

    fn has_required(&self) -> bool {
        self.prompt.is_some()
    }

    fn is_plain(&self, _: Scope) -> bool {
        is_plain(self)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        let rules = if scope.is_live() { CROSS_FIELD } else { &[] };
        rules.iter().find_map(|rule| rule(self, scope)).map_or(Ok(()), Err)
    }

    fn clamp(&mut self, _: Option<&ModelSpec>) {
        clamp::integer(&mut self.n, limits::N_RANGE);
        clamp::integer(&mut self.best_of, BEST_OF_RANGE);
        clamp::integer(&mut self.max_tokens, (0, i64::MAX));
        clamp::integer(&mut self.logprobs, (0, i64::MAX));
        clamp::number(&mut self.temperature, limits::TEMPERATURE_RANGE);
        clamp::number(&mut self.top_p, limits::TOP_P_RANGE);
        clamp::number(&mut self.presence_penalty, limits::PENALTY_RANGE);
        clamp::number(&mut self.frequency_penalty, limits::PENALTY_RANGE);
        logit_bias::clamp(self.logit_bias.as_mut());
    }

    fn params(_: Scope) -> Vec<&'static Param> {
        PARAMS.to_vec()
    }

    fn unknown(name: &str, scope: Scope) -> Option<ApiError> {
        scope.is_live().then(|| error_text::unrecognized(name))
    }
}
