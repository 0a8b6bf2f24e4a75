//! Token counts in the form of Messages, which counts input that is read from or written to a cache apart.

use crate::json::{Write, writes};
use crate::turn;

/// The counts of `message_start` and of a whole message.
pub(super) struct Full(pub(super) turn::Usage, pub(super) Option<ServerToolUse>);

/// The counts of `message_delta`, which are cumulative.
pub(super) struct Final(pub(super) turn::Usage, pub(super) Option<ServerToolUse>);

/// How often tools of Anthropic's servers were used, where the request offers any: never.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerToolUse;

impl Write for ServerToolUse {
    fn write(&self, out: &mut String) {
        writes!(out; "web_search_requests" = 0_u64, "web_fetch_requests" = 0_u64);
    }
}

struct CacheCreation(turn::Usage);

struct OutputDetails(u64);

fn uncached(usage: turn::Usage) -> u64 {
    usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_write)
}

impl Write for CacheCreation {
    fn write(&self, out: &mut String) {
        let hour = self.0.cache_write_hour;
        let minutes = self.0.cache_write.saturating_sub(hour);
        writes!(out; "ephemeral_5m_input_tokens" = minutes, "ephemeral_1h_input_tokens" = hour);
    }
}

impl Write for OutputDetails {
    fn write(&self, out: &mut String) {
        writes!(out; "thinking_tokens" = self.0);
    }
}

impl Write for Full {
    fn write(&self, out: &mut String) {
        let usage = self.0;
        writes!(
            out; "input_tokens" = uncached(usage), "cache_creation_input_tokens" = usage.cache_write,
            "cache_read_input_tokens" = usage.cached_input, "cache_creation" = CacheCreation(usage),
            "output_tokens" = usage.output, "output_tokens_details" = OutputDetails(usage.reasoning),
            "server_tool_use" ? self.1, "service_tier" = "standard", "inference_geo" = "not_available",
        );
    }
}

impl Write for Final {
    fn write(&self, out: &mut String) {
        let usage = self.0;
        writes!(
            out; "input_tokens" = uncached(usage), "cache_creation_input_tokens" = usage.cache_write,
            "cache_read_input_tokens" = usage.cached_input, "output_tokens" = usage.output,
            "output_tokens_details" = OutputDetails(usage.reasoning), "server_tool_use" ? self.1,
        );
    }
}
