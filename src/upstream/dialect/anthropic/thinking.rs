//! How a model thinks, and how many tokens that takes of its answer's.

use super::conversation::Conversation;
use crate::api::messages::MIN_THINKING_BUDGET;
use crate::json::writes;
use crate::model;
use crate::turn::{Effort, Field, Reasoning, Request};
use crate::upstream::dialect::LeftOut;

writes! {
    /// The member `thinking`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Thinking {
        "type" = kind: &'static str,
        "budget_tokens" ? budget_tokens: Option<u64>,
    }
}

/// The most tokens of an answer.
#[derive(Clone, Copy)]
pub(super) struct Tokens {
    /// As the caller requests, if it does.
    pub(super) requested: Option<u64>,
    /// Where the caller has no limit.
    pub(super) default: u64,
    /// The model's.
    pub(super) limit: u64,
}

/// The tokens of thinking that an effort stands for with models which take a budget alone.
fn budget_of(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => MIN_THINKING_BUDGET,
        Effort::Medium => 4 * MIN_THINKING_BUDGET,
        Effort::High => 8 * MIN_THINKING_BUDGET,
        Effort::Xhigh | Effort::Max => 16 * MIN_THINKING_BUDGET,
    }
}

/// How the caller wants the model to reason. Callers of OpenAI's APIs set an effort alone; with a model whose way of
/// thinking is known it becomes that, since Claude thinks only with `thinking`.
fn requested_reasoning(turn: &Request<'_>, model: &str) -> Reasoning {
    let mut reasoning = turn.reasoning;
    let is_open = reasoning.enabled.is_none() && reasoning.budget.is_none();
    let (Some(effort), Some(spec)) = (reasoning.effort.filter(|_| is_open), model::find(model)) else {
        return reasoning;
    };
    match (spec.thinking, effort) {
        (model::Thinking::None, _) | (model::Thinking::Budget | model::Thinking::Always, Effort::None) => {}
        (_, Effort::None) => reasoning.enabled = Some(false),
        (model::Thinking::Budget, effort) => reasoning.budget = Some(budget_of(effort)),
        _ => reasoning.enabled = Some(true),
    }
    reasoning
}

/// How the model thinks, and the most tokens of its answer, which include those of thinking.
pub(super) fn thinking(
    turn: &Request<'_>,
    model: &str,
    conversation: &Conversation<'_>,
    is_forced: bool,
    tokens: Tokens,
    left_out: &mut LeftOut,
) -> (Option<Thinking>, u64) {
    let reasoning = requested_reasoning(turn, model);
    let max_tokens = tokens.requested.unwrap_or(tokens.default);
    let kind = match (reasoning.enabled, reasoning.budget) {
        (Some(false), _) => return (Some(Thinking { kind: "disabled", budget_tokens: None }), max_tokens),
        (None, None) => return (None, max_tokens),
        (_, Some(_)) => "enabled",
        (Some(true), None) => "adaptive",
    };
    // The API refuses thinking with a forced call, with a prefill, and after calls whose thinking is not there.
    let fits = !is_forced && !conversation.has_prefill() && !conversation.lacks_thinking();
    let Some(budget) = reasoning.budget.filter(|_| fits) else {
        if !fits {
            left_out.drop(Field::Thinking, None);
        }
        return (fits.then_some(Thinking { kind, budget_tokens: None }), max_tokens);
    };
    // Some of the limit has to be left for the answer.
    let wanted = budget.max(MIN_THINKING_BUDGET).min(tokens.limit - 1);
    let (budget, max_tokens) = match tokens.requested {
        None if max_tokens > wanted => (wanted, max_tokens),
        None => (wanted, wanted.saturating_add(tokens.default).min(tokens.limit)),
        Some(limit) if limit > wanted => (wanted, limit),
        Some(limit) if limit > MIN_THINKING_BUDGET => (limit - 1, limit),
        Some(limit) => {
            left_out.drop(Field::Thinking, None);
            return (None, limit);
        }
    };
    if Some(budget) != reasoning.budget {
        left_out.drop(Field::ThinkingBudget, None);
    }
    (Some(Thinking { kind, budget_tokens: Some(budget) }), max_tokens)
}

/// The name of an effort among those that the model has; the next lower one where it lacks that, none where it has none.
pub(super) fn effort_name(effort: Effort, model: &str) -> Option<&'static str> {
    const NAMES: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
    let level = match effort {
        Effort::None => return None,
        Effort::Minimal | Effort::Low => 0,
        Effort::Medium => 1,
        Effort::High => 2,
        Effort::Xhigh => 3,
        Effort::Max => 4,
    };
    let of_model = model::find(model).filter(|spec| spec.is_claude()).map(|spec| spec.efforts);
    NAMES.iter().take(level + 1).rev().find(|name| of_model.is_none_or(|own| own.contains(name))).copied()
}
