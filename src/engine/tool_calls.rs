//! Which tools are called, and with what.

use super::answer::FinishReason;
use super::rng::Rng;
use super::rule_context::RuleContext;
use super::schema::{self, Patterns};
use crate::api::chat::Request;
use crate::api::tool::{
    CustomTool, Function, FunctionChoice, GrammarSyntax, Json, ToolChoice, ToolChoiceType, ToolMode, ToolType,
};
use crate::config::engine::{Arguments, ScriptedCall};
use crate::pattern::{Patience, Pattern};
use std::borrow::Cow;

/// Something the caller offers to be called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offer<'r> {
    Function { name: &'r str, parameters: Option<Json<'r>> },
    Custom { name: &'r str, tool: &'r CustomTool<'r> },
}

/// A call that is made, before it is said.
#[derive(Debug, Clone)]
pub(super) struct Planned<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) custom: bool,
    pub(super) input: Input<'r>,
}

/// What a tool is called with.
#[derive(Debug, Clone)]
pub(super) enum Input<'r> {
    /// This text.
    Text(Cow<'r, str>),
    /// Arguments of a schema.
    Schema(Option<Json<'r>>),
    /// A text of a regular expression.
    Pattern(&'r str),
}

/// All calls of an answer.
#[derive(Debug, Clone)]
pub(super) struct Calls<'r> {
    pub(super) calls: Vec<Planned<'r>>,
    pub(super) finish: FinishReason,
}

/// What the request lets or makes the model do.
enum Choice<'r> {
    /// Call nothing.
    None,
    /// Call what the user asks for.
    Auto,
    /// Call something.
    Required,
    /// Call this.
    Named(&'r str),
}

impl<'r> Offer<'r> {
    fn name(self) -> &'r str {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => name,
        }
    }

    /// A call of it; a custom tool that takes any text gets the user's.
    fn call(self, user: &str) -> Planned<'r> {
        let (custom, input) = match self {
            Self::Function { parameters, .. } => (false, Input::Schema(parameters)),
            Self::Custom { tool, .. } => {
                let grammar = tool.format.as_ref().and_then(|format| format.grammar.as_ref());
                let pattern = grammar.filter(|grammar| grammar.syntax == Some(GrammarSyntax::Regex));
                let input = match pattern.and_then(|grammar| grammar.definition.as_deref()) {
                    Some(pattern) => Input::Pattern(pattern),
                    None => Input::Text(user.to_owned().into()),
                };
                (true, input)
            }
        };
        Planned { name: self.name().into(), custom, input }
    }
}

impl Input<'_> {
    /// The text a tool is called with; another for another seed.
    pub(super) fn text(&self, seed: u64, patience: &mut Patience) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Schema(None) => Cow::Borrowed("{}"),
            // A schema outside of what is understood was let through as not strict: no arguments then.
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

/// Whether a request uses the legacy form of tools.
fn is_legacy(request: &Request<'_>) -> bool {
    request.tools.is_none() && request.functions.is_some()
}

fn offers<'r>(request: &'r Request<'_>) -> Vec<Offer<'r>> {
    let function = |function: &'r Function<'_>| Offer::Function {
        name: function.name.as_deref().unwrap_or_default(),
        parameters: function.parameters,
    };
    let tools = request.tools.iter().flatten().filter_map(|tool| match (&tool.function, &tool.custom) {
        (Some(offered), _) if tool.kind != Some(ToolType::Custom) => Some(function(offered)),
        (_, Some(custom)) => {
            Some(Offer::Custom { name: custom.name.as_deref().unwrap_or_default(), tool: custom })
        }
        _ => None,
    });
    match is_legacy(request) {
        true => request.functions.iter().flatten().map(function).collect(),
        false => tools.collect(),
    }
}

/// What `tool_choice` or `function_call` asks for, and the names it is limited to.
fn choice<'r>(request: &'r Request<'_>) -> (Choice<'r>, Option<Vec<&'r str>>) {
    let mode = |mode: Option<ToolMode>| match mode {
        Some(ToolMode::None) => Choice::None,
        Some(ToolMode::Required) => Choice::Required,
        Some(ToolMode::Auto) | None => Choice::Auto,
    };
    if is_legacy(request) {
        return match &request.function_call {
            Some(FunctionChoice::Mode(chosen)) => (mode(Some(*chosen)), None),
            Some(FunctionChoice::Function(named)) => {
                (Choice::Named(named.name.as_deref().unwrap_or_default()), None)
            }
            None => (Choice::Auto, None),
        };
    }
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Mode(chosen)) => return (mode(Some(*chosen)), None),
        Some(ToolChoice::Tool(chosen)) => chosen,
        None => return (Choice::Auto, None),
    };
    let name = |name: Option<&'r crate::api::tool::Named<'_>>| name.and_then(|named| named.name.as_deref());
    match (chosen.kind, &chosen.allowed_tools) {
        (Some(ToolChoiceType::AllowedTools), Some(allowed)) => {
            let names = allowed.tools.iter().flatten().filter_map(|tool| tool.0.as_ref());
            let names = names.filter_map(|tool| name(tool.function.as_ref()).or(name(tool.custom.as_ref())));
            (mode(allowed.mode), Some(names.collect()))
        }
        _ => {
            let named = name(chosen.function.as_ref()).or(name(chosen.custom.as_ref()));
            (named.map_or(Choice::Auto, Choice::Named), None)
        }
    }
}

/// The calls a request leads to, if any.
///
/// A function that is asked for by name ends the answer with `stop`, as the live API has it: its model had
/// no choice but to call. Every other call ends it with `tool_calls`.
pub(super) fn wanted<'r>(request: &'r Request<'_>, asked: &RuleContext<'_>) -> Option<Calls<'r>> {
    let (choice, allowed) = choice(request);
    let mut offers = offers(request);
    if let Some(allowed) = allowed {
        offers.retain(|offer| allowed.contains(&offer.name()));
    }
    let usual = if is_legacy(request) { FinishReason::FunctionCall } else { FinishReason::ToolCalls };
    let (called, finish) = match choice {
        Choice::None => return None,
        Choice::Named(name) => {
            let offer = offers.iter().copied().find(|offer| offer.name() == name)?;
            (vec![offer], FinishReason::Stop)
        }
        Choice::Auto if !asked.results.is_empty() => return None,
        Choice::Auto => (mentioned(&offers, &asked.user), usual),
        Choice::Required => {
            // Who must call something, and again after each result, comes to an end by calling what is left: agents
            // take their answer from a tool of its own.
            let is_new = |offer: &Offer<'_>| !asked.called.contains(&offer.name());
            if offers.iter().any(is_new) {
                offers.retain(is_new);
            }
            let mentioned = mentioned(&offers, &asked.user);
            (if mentioned.is_empty() { offers.into_iter().take(1).collect() } else { mentioned }, usual)
        }
    };
    let one = is_legacy(request) || request.parallel_tool_calls == Some(false);
    let most = if one { 1 } else { usize::MAX };
    let calls: Vec<_> = called.into_iter().take(most).map(|offer| offer.call(&asked.user)).collect();
    (!calls.is_empty()).then_some(Calls { calls, finish })
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

/// The calls of a rule. One without arguments gets those of the request's own tool.
pub(super) fn scripted<'r>(
    script: &'r [ScriptedCall],
    request: &'r Request<'_>,
    asked: &RuleContext<'_>,
) -> Calls<'r> {
    let offers = offers(request);
    let call = |call: &'r ScriptedCall| {
        let offered = offers.iter().copied().find(|offer| offer.name() == call.name);
        let input = call.arguments.as_ref().map(|Arguments(text)| Input::Text(text.into()));
        let usual = offered.map(|offer| offer.call(&asked.user));
        let custom = usual.as_ref().is_some_and(|usual| usual.custom);
        let input = input.or(usual.map(|usual| usual.input)).unwrap_or(Input::Schema(None));
        Planned { name: (&*call.name).into(), custom, input }
    };
    let finish = if is_legacy(request) { FinishReason::FunctionCall } else { FinishReason::ToolCalls };
    let most = if is_legacy(request) { 1 } else { usize::MAX };
    Calls { calls: script.iter().take(most).map(call).collect(), finish }
}
