//! The order in which the live API looks at the parameters of a chat.
//!
//! It is the one measured with one fault against another (2025-03 for the classic models, 2026-08 for those
//! that reason); where a pair was never seen, it is the published schema's.

use super::param::Param;
use super::params;
use crate::model::Family;

/// The order in which models that reason look at parameters, measured in 2026-08.
static REASONING: &[&Param] = &[
    &params::MESSAGES,
    &params::FUNCTIONS,
    &params::FUNCTION_CALL,
    &params::TOOLS,
    &params::TOOL_CHOICE,
    &params::PARALLEL_TOOL_CALLS,
    &params::MAX_COMPLETION_TOKENS,
    &params::N,
    &params::TEMPERATURE,
    &params::TOP_P,
    &params::PRESENCE_PENALTY,
    &params::FREQUENCY_PENALTY,
    &params::LOGPROBS,
    &params::TOP_LOGPROBS,
    &params::USER,
    &params::SEED,
    &params::MODERATION,
    &params::SAFETY_IDENTIFIER,
    &params::PROMPT_CACHE_OPTIONS,
    &params::PROMPT_CACHE_KEY,
    &params::PROMPT_CACHE_RETENTION,
    &params::RESPONSE_FORMAT,
    &params::SERVICE_TIER,
    &params::MAX_TOKENS,
    &params::REASONING_EFFORT,
    &params::LOGIT_BIAS,
    &params::STOP,
    &params::STREAM,
    &params::STREAM_OPTIONS,
    &params::STORE,
    &params::METADATA,
    &params::PREDICTION,
    &params::VERBOSITY,
    &params::MODALITIES,
    &params::AUDIO,
    &params::WEB_SEARCH_OPTIONS,
];

/// The order of all others: that of 2025-03, which had `stop` before `modalities` before `logprobs`.
static CLASSIC: &[&Param] = &[
    &params::MESSAGES,
    &params::FUNCTIONS,
    &params::FUNCTION_CALL,
    &params::TOOLS,
    &params::TOOL_CHOICE,
    &params::PARALLEL_TOOL_CALLS,
    &params::MAX_TOKENS,
    &params::MAX_COMPLETION_TOKENS,
    &params::N,
    &params::TEMPERATURE,
    &params::TOP_P,
    &params::STOP,
    &params::PRESENCE_PENALTY,
    &params::FREQUENCY_PENALTY,
    &params::MODALITIES,
    &params::AUDIO,
    &params::LOGPROBS,
    &params::TOP_LOGPROBS,
    &params::USER,
    &params::SEED,
    &params::MODERATION,
    &params::SAFETY_IDENTIFIER,
    &params::PROMPT_CACHE_OPTIONS,
    &params::PROMPT_CACHE_KEY,
    &params::PROMPT_CACHE_RETENTION,
    &params::RESPONSE_FORMAT,
    &params::SERVICE_TIER,
    &params::REASONING_EFFORT,
    &params::LOGIT_BIAS,
    &params::STREAM,
    &params::STREAM_OPTIONS,
    &params::STORE,
    &params::METADATA,
    &params::PREDICTION,
    &params::VERBOSITY,
    &params::WEB_SEARCH_OPTIONS,
];

/// The parameters of a chat request, in the order a family of models looks at them.
pub(super) fn chat(family: Family) -> &'static [&'static Param] {
    if family == Family::Reasoning { REASONING } else { CLASSIC }
}
