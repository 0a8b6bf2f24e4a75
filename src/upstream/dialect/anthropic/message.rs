//! What a message and its events have in common: blocks, usage, why it ended.

use crate::api::Text;
use crate::api::tool::Json;
use crate::json::{self, Fragment, reads};
use crate::turn::{self, FinishReason};
use crate::upstream::usage::Count;
use std::borrow::Cow;

reads! {
    /// A block of a message, whole or as its first event has it.
    pub(super) struct Block<'a> {
        "type" kind: Text<'a>,
        "text" text: Fragment<'a>,
        "thinking" thinking: Fragment<'a>,
        "signature" signature: Text<'a>,
        "data" data: Text<'a>,
        "id" id: Text<'a>,
        "name" name: Text<'a>,
        "input" input: Json<'a>,
    }
}

reads! {
    /// What Anthropic counts. Input that is read from a cache or written to one is counted apart.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Usage {
        "input_tokens" input_tokens: Count,
        "cache_creation_input_tokens" cache_creation_input_tokens: Count,
        "cache_creation" cache_creation: CacheCreation,
        "cache_read_input_tokens" cache_read_input_tokens: Count,
        "output_tokens" output_tokens: Count,
        "output_tokens_details" output_tokens_details: OutputDetails,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct CacheCreation {
        "ephemeral_1h_input_tokens" hour: Count,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct OutputDetails {
        "thinking_tokens" thinking_tokens: Count,
    }
}

impl Usage {
    /// What is known after a later event. Counts are cumulative; a count that is absent or 0 there is as it was, since
    /// some servers repeat all members with zeros. Input that is counted again replaces all counts of input: after a
    /// compaction the model reads another prompt.
    pub(super) fn with(self, later: Self) -> Self {
        let count = |later: Option<Count>, before: Option<Count>| {
            later.filter(|count| count.0 > 0).or(before).or(later)
        };
        let counts_input = later.input_tokens.is_some_and(|count| count.0 > 0);
        let input = |later: Option<Count>, before| {
            if counts_input { later.or(before) } else { count(later, before) }
        };
        Self {
            input_tokens: count(later.input_tokens, self.input_tokens),
            cache_creation_input_tokens: input(
                later.cache_creation_input_tokens,
                self.cache_creation_input_tokens,
            ),
            cache_creation: later
                .cache_creation
                .filter(|creation| counts_input || creation.hour.is_some_and(|count| count.0 > 0))
                .or(self.cache_creation),
            cache_read_input_tokens: input(later.cache_read_input_tokens, self.cache_read_input_tokens),
            output_tokens: count(later.output_tokens, self.output_tokens),
            output_tokens_details: later
                .output_tokens_details
                .filter(|details| details.thinking_tokens.is_some_and(|count| count.0 > 0))
                .or(self.output_tokens_details),
        }
    }

    /// The same as a turn counts it.
    pub(super) fn of_turn(self) -> turn::Usage {
        let count = |count: Option<Count>| count.map_or(0, |count| count.0);
        let cache_write = count(self.cache_creation_input_tokens);
        let cached_input = count(self.cache_read_input_tokens);
        turn::Usage {
            input: count(self.input_tokens).saturating_add(cache_write).saturating_add(cached_input),
            cached_input,
            cache_write,
            cache_write_hour: count(self.cache_creation.and_then(|creation| creation.hour)),
            output: count(self.output_tokens),
            reasoning: count(self.output_tokens_details.and_then(|details| details.thinking_tokens)),
            ..turn::Usage::default()
        }
    }
}

impl Block<'_> {
    /// The input of a call, a JSON object: `{}` where it is left out or empty, and what a string has where some servers
    /// send one. `None` for anything else.
    pub(super) fn input(&self) -> Option<Cow<'_, str>> {
        let input = match self.input.map_or("{}", |input| input.0) {
            text if text.starts_with('"') => {
                let text: Text<'_> = json::lossy_from_str(text).ok()?;
                if text.is_empty() { Cow::Borrowed("{}") } else { text.into_inner() }
            }
            input => Cow::Borrowed(input),
        };
        json::lossy_from_str::<Json<'_>>(&input).is_ok_and(Json::is_object).then_some(input)
    }
}

/// Why a message ended; `None` for no reason. A reason that is not known is taken for the end of the turn.
pub(super) fn finish_reason(stop_reason: &str) -> Option<FinishReason> {
    Some(match stop_reason {
        "" => return None,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Pause,
        _ => FinishReason::Stop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_counts_replace_earlier_ones() {
        let usage = |text| json::from_str::<Usage>(text).expect("counts");
        let started = usage(r#"{"input_tokens":100,"cache_read_input_tokens":55096,"output_tokens":7}"#);
        for (later, want) in [
            (r#"{"output_tokens":8}"#, (55_196, 8)),
            (r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8}"#, (55_196, 8)),
            (r#"{"input_tokens":181,"cache_read_input_tokens":0,"output_tokens":8}"#, (181, 8)),
            (r#"{"input_tokens":100,"output_tokens":8}"#, (55_196, 8)),
        ] {
            let all = started.with(usage(later)).of_turn();
            assert_eq!((all.input, all.output), want, "{later}");
        }
    }
}
