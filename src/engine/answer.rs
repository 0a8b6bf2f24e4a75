//! What the engine says to a request.

use super::latency::TokenTiming;
use super::tokenized_text::TokenizedText;
use crate::config::engine::{Fault, Rule, Withheld};
use std::rc::Rc;

/// How a request ends.
#[derive(Debug)]
pub enum Outcome<'r> {
    /// With an answer.
    Answer(Box<Answer>),
    /// With an error that a rule says.
    Fault(&'r Fault),
    /// With a connection that breaks off.
    Dropped,
}

impl<'r> Outcome<'r> {
    /// How a rule ends a request without an answer, if it does.
    pub(super) fn of_rule(rule: Option<&'r Rule>) -> Option<Self> {
        let then = &rule?.then;
        match &then.error {
            Some(fault) => Some(Self::Fault(fault)),
            None => then.drop.then_some(Self::Dropped),
        }
    }
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// What was counted.
    pub counts: TokenUsage,
    /// How long it takes to say.
    pub pace: TokenTiming,
    /// After how many chunks a stream of it breaks off.
    pub cut_after_chunks: Option<u32>,
}

/// Tokens, by what they are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// The request's.
    pub prompt: u64,
    /// Those of them that are sound.
    pub prompt_audio: u64,
    /// The answers'.
    pub completion: u64,
    /// Those of them that are thought, not said.
    pub reasoning: u64,
    /// Those of the prediction that came true.
    pub accepted: u64,
    /// Those of the prediction that did not, which count as the answers' too.
    pub rejected: u64,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was done, or came upon a stop sequence.
    Stop,
    /// It came upon the most tokens it may have.
    Length,
    /// It calls tools.
    ToolCalls,
    /// It calls a function, in the legacy form.
    FunctionCall,
    /// A rule says it was withheld.
    ContentFilter,
}

impl From<Withheld> for FinishReason {
    fn from(why: Withheld) -> Self {
        match why {
            Withheld::ContentFilter => Self::ContentFilter,
            Withheld::Length => Self::Length,
        }
    }
}

impl FinishReason {
    /// The API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::FunctionCall => "function_call",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// The prompt, where it is to be told before the answer.
    pub echo: Option<Rc<TokenizedText>>,
    /// Characters of the prompt, from which the places of tokens are counted.
    pub offset: usize,
    /// The text, if there is one.
    pub content: Option<TokenizedText>,
    /// Why there is none.
    pub refusal: Option<TokenizedText>,
    /// The calls of tools.
    pub calls: Vec<Call>,
    /// Whether the one call is to be told in the legacy form.
    pub legacy: bool,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the caller names it by.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What it is called with.
    pub input: TokenizedText,
    /// Whether it is a custom tool, which takes any text.
    pub custom: bool,
}

impl Choice {
    /// How many tokens are said, besides the names of what is called.
    pub fn tokens(&self) -> usize {
        let speeches = [&self.content, &self.refusal].into_iter().flatten();
        speeches.chain(self.calls.iter().map(|call| &call.input)).map(|speech| speech.tokens().len()).sum()
    }

    /// Why it ended, in the API's word.
    pub fn finish_reason(&self) -> &'static str {
        self.finish_reason.unwrap_or(FinishReason::Stop).as_str()
    }
}
