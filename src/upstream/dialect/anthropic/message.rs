//! What a message and its events have in common, and what becomes of it: parts, usage, why it ended.

use crate::api::Text;
use crate::api::tool::Json;
use crate::http::Tokens;
use crate::json::{reads, writes};

reads! {
    /// A part of what a message says, whole or where its events begin it.
    pub(super) struct Block<'a> {
        "type" kind: Text<'a>,
        "text" text: Text<'a>,
        "thinking" thinking: Text<'a>,
        "id" id: Text<'a>,
        "name" name: Text<'a>,
        "input" input: Json<'a>,
    }
}

reads! {
    /// What Anthropic counts. Input that was cached, or is now, is counted apart.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Usage {
        "input_tokens" input_tokens: u64,
        "cache_creation_input_tokens" cache_creation_input_tokens: u64,
        "cache_read_input_tokens" cache_read_input_tokens: u64,
        "output_tokens" output_tokens: u64,
        "output_tokens_details" output_tokens_details: OutputDetails,
    }
}

reads! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct OutputDetails {
        "thinking_tokens" thinking_tokens: u64,
    }
}

impl Usage {
    /// What is known after a later count; a count that is missing there is as it was.
    pub(super) fn with(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later
                .cache_creation_input_tokens
                .or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            output_tokens_details: later.output_tokens_details.or(self.output_tokens_details),
        }
    }

    pub(super) fn tokens(self) -> Tokens {
        let cached = self.cache_creation_input_tokens.unwrap_or(0).saturating_add(self.cached());
        Tokens {
            input: self.input_tokens.unwrap_or(0).saturating_add(cached),
            output: self.output_tokens.unwrap_or(0),
        }
    }

    fn cached(self) -> u64 {
        self.cache_read_input_tokens.unwrap_or(0)
    }
}

writes! {
    /// OpenAI's form of the usage.
    pub(super) struct Counts {
        "prompt_tokens" = prompt_tokens: u64,
        "completion_tokens" = completion_tokens: u64,
        "total_tokens" = total_tokens: u64,
        "prompt_tokens_details" = prompt_tokens_details: Details,
        "completion_tokens_details" ? completion_tokens_details: Option<CompletionDetails>,
    }
}

writes! {
    pub(super) struct CompletionDetails {
        "reasoning_tokens" = reasoning_tokens: u64,
    }
}

writes! {
    pub(super) struct Details {
        "cached_tokens" = cached_tokens: u64,
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        let Tokens { input, output } = usage.tokens();
        Self {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: input.saturating_add(output),
            prompt_tokens_details: Details { cached_tokens: usage.cached() },
            completion_tokens_details: usage
                .output_tokens_details
                .and_then(|details| details.thinking_tokens)
                .map(|reasoning_tokens| CompletionDetails { reasoning_tokens }),
        }
    }
}

/// OpenAI's word for why a message ended.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        // `end_turn`, `stop_sequence`, and `pause_turn`, for which OpenAI has no word.
        _ => "stop",
    }
}
