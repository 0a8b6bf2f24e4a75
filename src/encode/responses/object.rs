//! [`ResponseObject`]: everything of a response but its output.

use super::draft::Draft;
use crate::json::{Write, push_key, to_string, writes};
use crate::turn::Usage;
use std::rc::Rc;
use std::time::Duration;

/// The members of a response that repeat the request or are the same for the whole response, as JSON members without
/// braces: `"instructions":null,"max_output_tokens":null`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Echo {
    /// From `instructions` to `moderation`.
    pub before_output: Rc<String>,
    /// From `parallel_tool_calls` to `truncation`.
    pub after_output: Rc<String>,
    /// From `user` on.
    pub after_usage: Rc<String>,
}

/// Where a response stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// It is being generated.
    InProgress,
    /// It is complete.
    Completed {
        /// Unix seconds.
        at: u64,
    },
    /// It reached a limit: `max_output_tokens` or `content_filter`.
    Incomplete {
        /// Which.
        reason: &'static str,
    },
    /// It failed.
    Failed {
        /// The error's code.
        code: String,
        /// For the caller.
        message: String,
    },
}

impl Status {
    fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed { .. } => "completed",
            Self::Incomplete { .. } => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Everything of a response but its output.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseObject {
    /// `resp_` and 50 hexadecimal digits.
    pub id: String,
    /// Unix seconds.
    pub created_at: u64,
    /// How long after `created_at` the response is complete.
    pub elapsed: Duration,
    /// What repeats the request.
    pub echo: Echo,
}

impl ResponseObject {
    /// The object as JSON, with these output items.
    pub(super) fn json(&self, status: &Status, output: &[Draft], usage: Option<Usage>) -> Draft {
        let mut out = String::with_capacity(1024);
        out.push('{');
        let member = |out: &mut String, key: &str, value: &dyn Write| {
            push_key(out, key);
            value.write(out);
        };
        member(&mut out, "\"id\":", &self.id);
        member(&mut out, "\"object\":", &"response");
        member(&mut out, "\"created_at\":", &self.created_at);
        member(&mut out, "\"status\":", &status.name());
        member(&mut out, "\"background\":", &false);
        let completed_at = if let Status::Completed { at } = status { Some(*at) } else { None };
        member(&mut out, "\"completed_at\":", &completed_at);
        match status {
            Status::Failed { code, message } => {
                push_key(&mut out, "\"error\":");
                writes!(&mut out; "code" = code, "message" = message);
            }
            _ => member(&mut out, "\"error\":", &()),
        }
        member(&mut out, "\"frequency_penalty\":", &0.0);
        match status {
            Status::Incomplete { reason } => {
                push_key(&mut out, "\"incomplete_details\":");
                writes!(&mut out; "reason" = reason);
            }
            _ => member(&mut out, "\"incomplete_details\":", &()),
        }
        out.push(',');
        let mut draft = Draft::whole(out);
        draft.push_shared(&self.echo.before_output);
        draft.push_str(",\"output\":[");
        for (i, item) in output.iter().enumerate() {
            draft.push_str(if i > 0 { "," } else { "" });
            draft.push(item);
        }
        draft.push_str("],");
        draft.push_shared(&self.echo.after_output);
        draft.push_str(",\"usage\":");
        draft.push_str(&usage.map_or("null".to_owned(), usage_json));
        draft.push_str(",");
        draft.push_shared(&self.echo.after_usage);
        draft.push_str("}");
        draft
    }
}

/// Token counts in the form of Responses, as JSON.
pub fn usage_json(usage: Usage) -> String {
    struct Input(Usage);
    impl Write for Input {
        fn write(&self, out: &mut String) {
            writes!(out; "cache_write_tokens" = self.0.cache_write, "cached_tokens" = self.0.cached_input);
        }
    }
    struct Output(Usage);
    impl Write for Output {
        fn write(&self, out: &mut String) {
            writes!(out; "reasoning_tokens" = self.0.reasoning);
        }
    }
    struct All(Usage);
    impl Write for All {
        fn write(&self, out: &mut String) {
            let usage = self.0;
            writes!(
                out; "input_tokens" = usage.input, "input_tokens_details" = Input(usage),
                "output_tokens" = usage.output, "output_tokens_details" = Output(usage),
                "total_tokens" = usage.input.saturating_add(usage.output),
            );
        }
    }
    to_string(&All(usage))
}
