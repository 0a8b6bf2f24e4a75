//! The usage that an answer in the caller's own API reports, whichever of them it is: Chat Completions, Completions,
//! Responses or Messages.

use crate::api::tool::Json;
use crate::json::{self, reads};
use crate::turn;

reads! {
    /// Some servers count under the names of two APIs.
    struct Usage {
        "prompt_tokens" prompt_tokens: u64,
        "completion_tokens" completion_tokens: u64,
        "prompt_tokens_details" prompt_details: InputDetails,
        "completion_tokens_details" completion_details: OutputDetails,
        "input_tokens" input_tokens: u64,
        "output_tokens" output_tokens: u64,
        "input_tokens_details" input_details: InputDetails,
        "output_tokens_details" output_details: OutputDetails,
        "cache_creation_input_tokens" cache_creation: u64,
        "cache_read_input_tokens" cache_read: u64,
        "cache_creation" cache_creation_details: CacheCreation,
    }
}

reads! {
    struct CacheCreation {
        "ephemeral_1h_input_tokens" hour: u64,
    }
}

reads! {
    struct InputDetails {
        "cached_tokens" cached_tokens: u64,
        "cache_write_tokens" cache_write_tokens: u64,
        "audio_tokens" audio_tokens: u64,
    }
}

reads! {
    struct OutputDetails {
        "reasoning_tokens" reasoning_tokens: u64,
        "thinking_tokens" thinking_tokens: u64,
        "audio_tokens" audio_tokens: u64,
        "accepted_prediction_tokens" accepted: u64,
        "rejected_prediction_tokens" rejected: u64,
    }
}

/// Reads the member `usage` of an answer or of an event of one; `None` where it is no object.
pub(super) fn read(usage: Json<'_>) -> Option<turn::Usage> {
    let usage: Usage = json::lossy_from_str(usage.0).ok()?;
    let input = usage.prompt_details.or(usage.input_details).unwrap_or_default();
    let output = usage.completion_details.or(usage.output_details).unwrap_or_default();
    // Anthropic counts input that is written to a cache or read from one apart.
    let (write, read) = (usage.cache_creation.unwrap_or(0), usage.cache_read.unwrap_or(0));
    let uncached = usage.input_tokens.map(|tokens| tokens.saturating_add(write).saturating_add(read));
    Some(turn::Usage {
        input: usage.prompt_tokens.or(uncached).unwrap_or(0),
        cached_input: input.cached_tokens.unwrap_or(read),
        cache_write: input.cache_write_tokens.unwrap_or(write),
        cache_write_hour: usage.cache_creation_details.and_then(|details| details.hour).unwrap_or(0),
        input_audio: input.audio_tokens.unwrap_or(0),
        output: usage.completion_tokens.or(usage.output_tokens).unwrap_or(0),
        output_audio: output.audio_tokens.unwrap_or(0),
        reasoning: output.reasoning_tokens.or(output.thinking_tokens).unwrap_or(0),
        accepted_prediction: output.accepted.unwrap_or(0),
        rejected_prediction: output.rejected.unwrap_or(0),
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
            ("7", None),
            ("null", None),
        ] {
            assert_eq!(read(Json(json)), want, "{json}");
        }
    }
}
