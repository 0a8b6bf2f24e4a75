//! Token counts in the form of Messages, which counts input that is read from or written to a cache apart.

use crate::json::{Write, writes};
use crate::turn;

/// Members that only some requests lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Optional {
    /// `server_tool_use`: the request offers tools of Anthropic's servers.
    pub server_tools: bool,
    /// `iterations`: the request may lead to several passes of the model.
    pub iterations: bool,
}

/// The counts of `message_start` and of a whole message.
pub(super) struct Full(pub(super) turn::Usage, pub(super) Optional);

/// The counts of `message_delta`, which are cumulative.
pub(super) struct Final(pub(super) turn::Usage, pub(super) Optional);

impl Optional {
    /// Those that `message_start` has: iterations are known at the end.
    pub(super) fn at_start(self) -> Self {
        Self { iterations: false, ..self }
    }

    fn server_tool_use(self) -> Option<ServerToolUse> {
        self.server_tools.then_some(ServerToolUse)
    }

    fn iterations(self, usage: turn::Usage) -> Option<Iterations> {
        self.iterations.then_some(Iterations(usage))
    }
}

/// The passes of the model over a request: one.
struct Iterations(turn::Usage);

impl Write for Iterations {
    fn write(&self, out: &mut String) {
        let usage = self.0;
        out.push('[');
        writes!(
            out; "input_tokens" = uncached(usage), "output_tokens" = usage.output,
            "cache_read_input_tokens" = usage.cached_input, "cache_creation_input_tokens" = usage.cache_write,
            "cache_creation" = CacheCreation(usage), "type" = "message",
        );
        out.push(']');
    }
}

/// How often tools of Anthropic's servers were used, where the request offers any: never.
struct ServerToolUse;

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
            "server_tool_use" ? self.1.server_tool_use(), "service_tier" = "standard",
            "inference_geo" = "not_available", "iterations" ? self.1.iterations(usage),
        );
    }
}

impl Write for Final {
    fn write(&self, out: &mut String) {
        let usage = self.0;
        writes!(
            out; "input_tokens" = uncached(usage), "cache_creation_input_tokens" = usage.cache_write,
            "cache_read_input_tokens" = usage.cached_input, "output_tokens" = usage.output,
            "output_tokens_details" = OutputDetails(usage.reasoning),
            "server_tool_use" ? self.1.server_tool_use(), "iterations" ? self.1.iterations(usage),
        );
    }
}
