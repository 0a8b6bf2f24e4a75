//! Which tools an answer calls, and with which input.

use super::answer::FinishReason;
use super::offer::{Callable, Choice, Offer};
use super::rng::Rng;
use super::rule_context::RuleContext;
use super::schema::{self, Patterns};
use crate::api::tool::{GrammarSyntax, Json};
use crate::config::engine::{Arguments, ScriptedCalls};
use crate::pattern::{Patience, Pattern};
use std::borrow::Cow;

/// A call of a tool before its input is generated.
#[derive(Debug, Clone)]
pub(super) struct Planned<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) custom: bool,
    pub(super) input: Input<'r>,
}

/// The input of a call.
#[derive(Debug, Clone)]
pub(super) enum Input<'r> {
    /// This text.
    Text(Cow<'r, str>),
    /// Arguments that are valid under a schema.
    Schema(Option<Json<'r>>),
    /// A text that matches a regular expression.
    Pattern(&'r str),
}

/// All calls of an answer, and the finish reason they lead to.
#[derive(Debug, Clone)]
pub(super) struct Calls<'r> {
    pub(super) calls: Vec<Planned<'r>>,
    pub(super) finish: FinishReason,
}

/// A call of an offered tool with generated input. A custom tool without a regular expression gets the user's text.
fn call<'r>(offer: Offer<'r>, user: &str) -> Planned<'r> {
    let (custom, input) = match offer {
        Offer::Function { parameters, .. } => (false, Input::Schema(parameters)),
        Offer::Custom { tool, .. } => {
            let grammar = tool.format.as_ref().and_then(|format| format.grammar.as_ref());
            let pattern = grammar.filter(|grammar| grammar.syntax == Some(GrammarSyntax::Regex));
            let input = match pattern.and_then(|grammar| grammar.definition.as_deref()) {
                Some(pattern) => Input::Pattern(pattern),
                None => Input::Text(user.to_owned().into()),
            };
            (true, input)
        }
    };
    Planned { name: offer.name().into(), custom, input }
}

impl Input<'_> {
    /// The text of the input; another for another seed.
    pub(super) fn text(&self, seed: u64, patience: &mut Patience) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Schema(None) => Cow::Borrowed("{}"),
            // A schema that is not understood is accepted where it is not strict: the call then has no arguments.
            Self::Schema(Some(Json(schema))) => {
                match schema::instance(schema, seed, Patterns::Understood, patience) {
                    Ok(instance) if instance.json.starts_with('{') => instance.json.into(),
                    _ => Cow::Borrowed("{}"),
                }
            }
            Self::Pattern(source) => {
                let mut draw = Rng::new(seed);
                let pattern = Pattern::of_request(source, patience).ok();
                let made = pattern.and_then(|p| p.make(0, 4096, patience, &mut |bound| draw.below(bound)));
                made.unwrap_or_default().into()
            }
        }
    }
}

/// The calls a request leads to without a rule, if any.
pub(super) fn wanted<'r>(asked: &RuleContext<'r>) -> Option<Calls<'r>> {
    let offers = match asked.callable.choice {
        Choice::None => return None,
        Choice::Auto if !asked.results.is_empty() => return None,
        Choice::Auto => mentioned(&asked.callable.offers, &asked.user),
        Choice::Named => asked.callable.offers.iter().take(1).copied().collect(),
        Choice::Required => chosen(asked),
    };
    calls(offers.into_iter().map(|offer| call(offer, &asked.user)), &asked.callable)
}

/// The calls of a rule, if the request offers a tool the rule calls. A call without arguments gets ones that are
/// generated from the tool's schema.
pub(super) fn scripted<'r>(script: &'r ScriptedCalls, asked: &RuleContext<'r>) -> Option<Calls<'r>> {
    let planned: Vec<Planned<'r>> = match script {
        ScriptedCalls::Auto => chosen(asked).into_iter().map(|offer| call(offer, &asked.user)).collect(),
        ScriptedCalls::List(script) => {
            let planned = script.iter().filter_map(|scripted| {
                let mut planned = call(asked.callable.find(&scripted.name)?, &asked.user);
                if let Some(Arguments(text)) = &scripted.arguments {
                    planned.input = Input::Text(text.into());
                }
                Some(planned)
            });
            planned.collect()
        }
    };
    calls(planned.into_iter(), &asked.callable)
}

/// As many of the calls as the request lets one answer have.
///
/// A call of the one tool that the request names ends the answer with `stop`, as in the live API; every other call
/// ends it with `tool_calls` or, in the legacy form, `function_call`.
fn calls<'r>(planned: impl Iterator<Item = Planned<'r>>, callable: &Callable<'_>) -> Option<Calls<'r>> {
    let finish = match (callable.choice, callable.is_legacy) {
        (Choice::Named, _) => FinishReason::Stop,
        (_, true) => FinishReason::FunctionCall,
        (_, false) => FinishReason::ToolCalls,
    };
    let calls: Vec<_> = planned.take(callable.most).collect();
    (!calls.is_empty()).then_some(Calls { calls, finish })
}

/// The tools to call where at least one must be: those that the user mentions, or the first.
///
/// Tools that were called since the last user message come last, so that an agent that returns its answer by a tool
/// reaches that tool.
fn chosen<'r>(asked: &RuleContext<'r>) -> Vec<Offer<'r>> {
    let mut offers = asked.callable.offers.clone();
    let is_new = |offer: &Offer<'_>| !asked.called.contains(&offer.name());
    if offers.iter().any(is_new) {
        offers.retain(is_new);
    }
    let mentioned = mentioned(&offers, &asked.user);
    if mentioned.is_empty() { offers.into_iter().take(1).collect() } else { mentioned }
}

/// The offers whose names a text contains, in the order it names them.
fn mentioned<'r>(offers: &[Offer<'r>], text: &str) -> Vec<Offer<'r>> {
    if offers.is_empty() {
        return Vec::new();
    }
    let text = text.to_ascii_lowercase();
    let place = |offer: &Offer<'r>| {
        let name = offer.name().to_ascii_lowercase();
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let whole = |at: usize| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part);
        let found = text.match_indices(&*name).map(|(at, _)| at).find(|at| !name.is_empty() && whole(*at));
        found.map(|at| (at, *offer))
    };
    let mut found: Vec<(usize, Offer<'r>)> = Vec::new();
    for (at, offer) in offers.iter().filter_map(place) {
        found.insert(found.partition_point(|(other, _)| *other <= at), (at, offer));
    }
    found.into_iter().map(|(_, offer)| offer).collect()
}
