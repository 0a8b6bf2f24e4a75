//! The tools a request offers, and which of them `tool_choice` lets the model call.

use crate::api::chat::Request;
use crate::api::tool::{
    CustomTool, Function, FunctionChoice, Json, Named, ToolChoice, ToolChoiceType, ToolMode, ToolType,
};
use crate::check::name_set::NameSet;

/// A tool the request offers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offer<'r> {
    /// A function, of the current or the legacy form.
    Function {
        /// Its name.
        name: &'r str,
        /// The schema of its arguments.
        parameters: Option<Json<'r>>,
    },
    /// A custom tool.
    Custom {
        /// Its name.
        name: &'r str,
        /// Its definition.
        tool: &'r CustomTool<'r>,
    },
}

impl<'r> Offer<'r> {
    pub(super) fn name(self) -> &'r str {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => name,
        }
    }
}

/// What `tool_choice` or `function_call` lets or makes the model do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Call nothing.
    None,
    /// Call what it chooses, or nothing.
    Auto,
    /// Call at least one tool.
    Required,
    /// Call the one tool that is named.
    Named,
}

/// The tools the model may call, and whether it must.
#[derive(Debug, Clone)]
pub(super) struct Callable<'r> {
    pub(super) choice: Choice,
    /// Without those that `tool_choice` excludes: none of them where nothing may be called.
    pub(super) offers: Vec<Offer<'r>>,
    /// Whether the request uses the legacy form of tools.
    pub(super) is_legacy: bool,
    /// The most calls of one answer.
    pub(super) most: usize,
}

impl<'r> Callable<'r> {
    pub(super) fn of(request: &'r Request<'_>) -> Self {
        let is_legacy = is_legacy(request);
        let (choice, names) = choice(request);
        let mut offers = if choice == Choice::None { Vec::new() } else { offers(request) };
        if let Some(names) = names {
            let names = NameSet::of(names.into_iter());
            offers.retain(|offer| names.have(offer.name()));
        }
        let one = is_legacy || request.parallel_tool_calls == Some(false);
        Self { choice, offers, is_legacy, most: if one { 1 } else { usize::MAX } }
    }

    /// Nothing may be called.
    pub(super) fn nothing() -> Self {
        Self { choice: Choice::None, offers: Vec::new(), is_legacy: false, most: 0 }
    }

    /// The offer of a name.
    pub(super) fn find(&self, name: &str) -> Option<Offer<'r>> {
        self.offers.iter().copied().find(|offer| offer.name() == name)
    }
}

/// Whether a request uses the legacy form of tools.
fn is_legacy(request: &Request<'_>) -> bool {
    request.tools.is_none() && request.functions.is_some()
}

/// All tools a request offers, in order.
pub(super) fn offers<'r>(request: &'r Request<'_>) -> Vec<Offer<'r>> {
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

/// What `tool_choice` or `function_call` demands, and the names it is limited to.
fn choice<'r>(request: &'r Request<'_>) -> (Choice, Option<Vec<&'r str>>) {
    let mode = |mode: Option<ToolMode>| match mode {
        Some(ToolMode::None) => Choice::None,
        Some(ToolMode::Required) => Choice::Required,
        Some(ToolMode::Auto) | None => Choice::Auto,
    };
    if is_legacy(request) {
        return match &request.function_call {
            Some(FunctionChoice::Mode(chosen)) => (mode(Some(*chosen)), None),
            Some(FunctionChoice::Function(named)) => {
                (Choice::Named, Some(vec![named.name.as_deref().unwrap_or_default()]))
            }
            None => (Choice::Auto, None),
        };
    }
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Mode(chosen)) => return (mode(Some(*chosen)), None),
        Some(ToolChoice::Tool(chosen)) => chosen,
        None => return (Choice::Auto, None),
    };
    let name = |name: Option<&'r Named<'_>>| name.and_then(|named| named.name.as_deref());
    match (chosen.kind, &chosen.allowed_tools) {
        (Some(ToolChoiceType::AllowedTools), Some(allowed)) => {
            let names = allowed.tools.iter().flatten().filter_map(|tool| tool.0.as_ref());
            let names = names.filter_map(|tool| name(tool.function.as_ref()).or(name(tool.custom.as_ref())));
            (mode(allowed.mode), Some(names.collect()))
        }
        _ => match name(chosen.function.as_ref()).or(name(chosen.custom.as_ref())) {
            Some(named) => (Choice::Named, Some(vec![named])),
            None => (Choice::Auto, None),
        },
    }
}
