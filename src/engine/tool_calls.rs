//! Which tools an answer calls, and with which input.

use super::offer::Callable;
use super::relevance;
use super::rule_context::RuleContext;
use super::sampler::Origin;
use super::schema::{self, NoInstance, Patterns};
use crate::api::tool::Json;
use crate::budget::{Budget, Exhausted};
use crate::config::engine::{Arguments, ScriptedCalls};
use crate::pattern::Pattern;
use crate::random::Rng;
use crate::turn::{Tool, ToolChoice, ToolKind};
use std::borrow::Cow;

/// A call of a tool before its input is generated.
#[derive(Debug, Clone)]
pub(super) struct Planned<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) kind: ToolKind,
    pub(super) input: Input<'r>,
}

/// The input of a call.
#[derive(Debug, Clone)]
pub(super) enum Input<'r> {
    /// This text.
    Text(Cow<'r, str>),
    /// Arguments that are valid under a schema, if it is strict, and else as far as it allows any.
    Schema(Option<Json<'r>>, Strict),
    /// A text that matches a regular expression.
    Pattern(&'r str),
}

/// Whether arguments must be valid under their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strict {
    Yes,
    No,
}

/// All calls of an answer.
#[derive(Debug, Clone)]
pub(super) struct Calls<'r> {
    pub(super) calls: Vec<Planned<'r>>,
    pub(super) origin: Origin,
}

/// A call of an offered tool with generated input. A custom tool without a regular expression gets the user's text.
fn call<'r>(tool: &Tool<'r>, user: &'r str) -> Planned<'r> {
    let input = match (tool.kind, tool.grammar) {
        (ToolKind::Function, _) => {
            Input::Schema(tool.parameters, if tool.strict == Some(true) { Strict::Yes } else { Strict::No })
        }
        (ToolKind::Custom, Some(("regex", pattern))) => Input::Pattern(pattern),
        (ToolKind::Custom, _) => Input::Text(user.into()),
    };
    Planned { name: tool.name.into(), kind: tool.kind, input }
}

impl Input<'_> {
    /// The text of the input, of which at most `limit` bytes are used, and whether it is whole; another for another seed.
    ///
    /// # Errors
    ///
    /// If no arguments were found that honour a keyword of the schema, or the budget does not cover the search.
    pub(super) fn text(
        &self,
        seed: u64,
        limit: usize,
        budget: &Budget,
    ) -> Result<(Cow<'_, str>, bool), NoInstance> {
        let text: Cow<'_, str> = match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Schema(None, _) => Cow::Borrowed("{}"),
            Self::Schema(Some(Json(schema)), strict) => {
                match schema::instance(schema, seed, Patterns::Understood, limit, budget) {
                    Ok(instance) if instance.json.starts_with('{') => {
                        return Ok((instance.json.into(), instance.whole));
                    }
                    Err(why @ (NoInstance::Unmet(_) | NoInstance::Exhausted(_))) => return Err(why),
                    Err(why @ (NoInstance::Impossible | NoInstance::Conflict(_)))
                        if *strict == Strict::Yes =>
                    {
                        return Err(why);
                    }
                    // A schema that contradicts itself is accepted where it is not strict: the call then has no
                    // arguments.
                    _ => Cow::Borrowed("{}"),
                }
            }
            Self::Pattern(source) => {
                let mut rng = Rng::new(seed);
                let pattern = Pattern::of_request(source, budget).ok();
                let made = pattern.and_then(|p| p.make(0, 4096, budget, &mut |bound| rng.below(bound)));
                // Nothing is left where the budget has ended.
                budget.spend(1)?;
                made.unwrap_or_default().into()
            }
        };
        Ok((text, true))
    }
}

/// The calls a turn leads to without a rule, if any.
///
/// # Errors
///
/// If looking for the tools' names in the text exceeds the budget.
pub(super) fn wanted<'r>(
    context: &'r RuleContext<'r>,
    budget: &Budget,
) -> Result<Option<Calls<'r>>, Exhausted> {
    let tools = match context.callable.choice {
        ToolChoice::None => return Ok(None),
        ToolChoice::Auto => relevance::requested(context, budget)?,
        ToolChoice::Named(_) => context.callable.tools.iter().take(1).copied().collect(),
        ToolChoice::Required => relevance::likeliest(context, budget)?,
    };
    let planned = tools.into_iter().map(|tool| call(tool, &context.user));
    Ok(calls(planned, Origin::Derived, &context.callable))
}

/// The calls of a rule, if the turn offers a tool the rule calls. A call without arguments gets ones that are
/// generated from the tool's schema.
///
/// # Errors
///
/// As [`wanted`].
pub(super) fn scripted<'r>(
    script: &'r ScriptedCalls,
    context: &'r RuleContext<'r>,
    budget: &Budget,
) -> Result<Option<Calls<'r>>, Exhausted> {
    let planned: Vec<Planned<'r>> = match script {
        ScriptedCalls::Auto => {
            relevance::likeliest(context, budget)?.into_iter().map(|tool| call(tool, &context.user)).collect()
        }
        ScriptedCalls::List(script) => {
            let planned = script.iter().filter_map(|scripted| {
                let mut planned = call(context.callable.find(&scripted.name)?, &context.user);
                if let Some(Arguments(text)) = &scripted.arguments {
                    planned.input = Input::Text(text.into());
                }
                Some(planned)
            });
            planned.collect()
        }
    };
    Ok(calls(planned.into_iter(), Origin::Configured, &context.callable))
}

/// As many of the calls as the turn lets one answer have.
fn calls<'r>(
    planned: impl Iterator<Item = Planned<'r>>,
    origin: Origin,
    callable: &Callable<'_>,
) -> Option<Calls<'r>> {
    let calls: Vec<_> = planned.take(callable.most).collect();
    (!calls.is_empty()).then_some(Calls { calls, origin })
}
