//! [`Callable`]: which of the tools that a turn offers the model may call.

use crate::check::name_set::NameSet;
use crate::turn::{Request, Tool, ToolChoice};

/// The tools the model may call, and whether it must.
#[derive(Debug, Clone)]
pub(super) struct Callable<'r> {
    pub(super) choice: ToolChoice<'r>,
    /// Without those that the choice excludes: none of them where nothing may be called.
    pub(super) tools: Vec<&'r Tool<'r>>,
    /// The most calls of one answer.
    pub(super) most: usize,
}

impl<'r> Callable<'r> {
    pub(super) fn of(turn: &'r Request<'_>) -> Self {
        let tools = turn.tools.iter();
        let tools = match (turn.tool_choice, &turn.allowed_tools) {
            (ToolChoice::None, _) => Vec::new(),
            (ToolChoice::Named(name), _) => tools.filter(|tool| tool.name == name).collect(),
            (_, None) => tools.collect(),
            (_, Some(allowed)) => {
                let allowed = NameSet::of(allowed.iter().copied());
                tools.filter(|tool| allowed.have(tool.name)).collect()
            }
        };
        let one = turn.legacy_functions || !turn.parallel_tool_calls;
        Self { choice: turn.tool_choice, tools, most: if one { 1 } else { usize::MAX } }
    }

    /// Nothing may be called.
    pub(super) fn nothing() -> Self {
        Self { choice: ToolChoice::None, tools: Vec::new(), most: 0 }
    }

    /// The tool of a name.
    pub(super) fn find(&self, name: &str) -> Option<&'r Tool<'r>> {
        self.tools.iter().copied().find(|tool| tool.name == name)
    }
}
