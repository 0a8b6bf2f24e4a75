//! [`Path`]: the place of a value in a request's body, spelled as the API that was called spells it.

use std::fmt;

/// How an API spells the steps of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// OpenAI's: `messages[0].content`.
    Brackets,
    /// Anthropic's: `messages.0.content`.
    #[cfg_attr(not(test), expect(dead_code, reason = "of the Messages API, whose rules are not here yet"))]
    Dots,
}

/// The place of a value in a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Root(Grammar),
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    /// The body itself, at OpenAI's endpoints.
    pub(super) const ROOT: Path<'static> = Path::root(Grammar::Brackets);

    /// The body itself, at an endpoint that spells paths in this grammar.
    pub(super) const fn root(grammar: Grammar) -> Path<'static> {
        Path { parent: None, step: Step::Root(grammar) }
    }

    /// A member of the object at this place.
    pub(super) fn key(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Key(name) }
    }

    /// An item of the array at this place.
    pub(super) fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// How the API that was called spells paths.
    pub(super) fn grammar(&self) -> Grammar {
        match (self.step, self.parent) {
            (Step::Root(grammar), _) => grammar,
            (_, Some(parent)) => parent.grammar(),
            (_, None) => Grammar::Brackets,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        let first = parent.parent.is_none();
        match (self.step, self.grammar()) {
            (Step::Root(_), _) => Ok(()),
            (Step::Key(name), _) if first => f.write_str(name),
            (Step::Key(name), _) => write!(f, ".{name}"),
            (Step::Index(index), Grammar::Brackets) => write!(f, "[{index}]"),
            (Step::Index(index), Grammar::Dots) => write!(f, ".{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_its_own_spelling() {
        for (grammar, want) in [
            (Grammar::Brackets, "messages[0].content[12].text"),
            (Grammar::Dots, "messages.0.content.12.text"),
        ] {
            let root = Path::root(grammar);
            let (messages, content);
            messages = root.key("messages");
            let message = messages.index(0);
            content = message.key("content");
            let part = content.index(12);
            assert_eq!(part.key("text").to_string(), want);
            assert_eq!(root.to_string(), "");
        }
    }
}
