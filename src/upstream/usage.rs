//! The usage that an answer in the caller's own API reports, whichever of them it is: Chat Completions, Completions,
//! Responses or Messages.

use crate::api::Number;
use crate::api::tool::Json;
use crate::json::{self, ParseError, Read, Reader, reads};
use crate::turn;

/// A number of tokens, which some servers write with a fraction, or below zero where they know none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u64);

impl<'a> Read<'a> for Count {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        // `as` saturates.
        Number::read(json).map(|number| Self(number.value as u64))
    }
}

reads! {
    /// Some servers count under the names of two APIs.
    struct Usage {
        "prompt_tokens" prompt_tokens: Count,
        "completion_tokens" completion_tokens: Count,
        "prompt_tokens_details" prompt_details: InputDetails,
        "completion_tokens_details" completion_details: OutputDetails,
        "input_tokens" input_tokens: Count,
        "output_tokens" output_tokens: Count,
        "input_tokens_details" input_details: InputDetails,
        "output_tokens_details" output_details: OutputDetails,
        "cache_creation_input_tokens" cache_creation: Count,
        "cache_read_input_tokens" cache_read: Count,
        "cache_creation" cache_creation_details: CacheCreation,
        // DeepSeek's and Moonshot's names.
        "prompt_cache_hit_tokens" cache_hit: Count,
        "cached_tokens" cached_tokens: Count,
    }
}

reads! {
    struct CacheCreation {
        "ephemeral_1h_input_tokens" hour: Count,
    }
}

reads! {
    struct InputDetails {
        "cached_tokens" cached_tokens: Count,
        "cache_write_tokens" cache_write_tokens: Count,
        "audio_tokens" audio_tokens: Count,
    }
}

reads! {
    struct OutputDetails {
        "reasoning_tokens" reasoning_tokens: Count,
        "thinking_tokens" thinking_tokens: Count,
        "audio_tokens" audio_tokens: Count,
        "accepted_prediction_tokens" accepted: Count,
        "rejected_prediction_tokens" rejected: Count,
    }
}

/// Reads the member `usage` of an answer or of an event of one; `None` where it is no object.
pub(super) fn read(usage: Json<'_>) -> Option<turn::Usage> {
    let usage: Usage = json::answer_from_slice(usage.0.as_bytes()).ok()?;
    let input = usage.prompt_details.or(usage.input_details).unwrap_or_default();
    let output = usage.completion_details.or(usage.output_details).unwrap_or_default();
    let count = |count: Option<Count>| count.map(|count| count.0);
    // Anthropic counts input that is written to a cache or read from one apart.
    let (write, read) = (count(usage.cache_creation).unwrap_or(0), count(usage.cache_read));
    let uncached = count(usage.input_tokens);
    let uncached = uncached.map(|tokens| tokens.saturating_add(write).saturating_add(read.unwrap_or(0)));
    let cached = [input.cached_tokens, usage.cache_read, usage.cache_hit, usage.cached_tokens];
    Some(turn::Usage {
        input: count(usage.prompt_tokens).or(uncached).unwrap_or(0),
        cached_input: cached.into_iter().find_map(count).unwrap_or(0),
        cache_write: count(input.cache_write_tokens).unwrap_or(write),
        cache_write_hour: usage.cache_creation_details.and_then(|details| count(details.hour)).unwrap_or(0),
        input_audio: count(input.audio_tokens).unwrap_or(0),
        output: count(usage.completion_tokens).or(count(usage.output_tokens)).unwrap_or(0),
        output_audio: count(output.audio_tokens).unwrap_or(0),
        reasoning: count(output.reasoning_tokens).or(count(output.thinking_tokens)).unwrap_or(0),
        accepted_prediction: count(output.accepted).unwrap_or(0),
        rejected_prediction: count(output.rejected).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_s_names_are_read() {
        let tokens = |input, output| turn::Usage { input, output, ..turn::Usage::default() };
        for (json, want) in [
            (r#"{"prompt_tokens":3,"completion_tokens":4,"x":{}}"#, Some(tokens(3, 4))),
            (r#"{"input_tokens":3,"output_tokens":4}"#, Some(tokens(3, 4))),
            (r#"{"prompt_tokens":3,"total_tokens":3}"#, Some(tokens(3, 0))),
            (
                r#"{"input_tokens":1,"prompt_tokens":3,"output_tokens":2,"completion_tokens":4}"#,
                Some(tokens(3, 4)),
            ),
            (
                r#"{"prompt_tokens":9,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":2},
                "completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":1,"rejected_prediction_tokens":6}}"#,
                Some(turn::Usage {
                    cached_input: 4,
                    input_audio: 2,
                    reasoning: 5,
                    output_audio: 1,
                    rejected_prediction: 6,
                    ..tokens(9, 8)
                }),
            ),
            (
                r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":8,
                "output_tokens_details":{"reasoning_tokens":5}}"#,
                Some(turn::Usage { cached_input: 4, reasoning: 5, ..tokens(9, 8) }),
            ),
            (
                r#"{"input_tokens":2,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":8,
                "cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":1}}"#,
                Some(turn::Usage { cached_input: 4, cache_write: 3, cache_write_hour: 1, ..tokens(9, 8) }),
            ),
            (
                r#"{"prompt_tokens":9,"completion_tokens":8,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}"#,
                Some(turn::Usage { cached_input: 4, ..tokens(9, 8) }),
            ),
            (
                r#"{"prompt_tokens":9,"completion_tokens":8,"cached_tokens":4}"#,
                Some(turn::Usage { cached_input: 4, ..tokens(9, 8) }),
            ),
            (
                r#"{"prompt_tokens":9.0,"completion_tokens":-1,"prompt_tokens_details":"none","total_tokens":null}"#,
                Some(tokens(9, 0)),
            ),
            ("7", None),
            ("null", None),
        ] {
            assert_eq!(read(Json(json)), want, "{json}");
        }
    }
}
