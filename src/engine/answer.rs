//! [`Answer`]: what the engine generated for a turn.

use super::events::Events;
use super::latency::TokenTiming;
use super::tokenized_text::TokenizedText;
use crate::config::engine::{Fault, Rule, Withheld};
use crate::tokens::Encoding;
use crate::turn::{self, Block, TokenLogprob, ToolKind, Usage};
use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

pub(super) use crate::turn::FinishReason;

/// How a turn ends.
#[derive(Debug)]
pub enum Outcome<'e> {
    /// With an answer.
    Answer(Box<Answer>),
    /// With the error of a rule.
    Fault(&'e Fault),
    /// With a connection that is closed before the first byte, as a rule has it.
    Hangup,
}

impl<'e> Outcome<'e> {
    /// How a rule ends a turn without an answer, if it does.
    pub(super) fn of_rule(rule: Option<&'e Rule>) -> Option<Self> {
        let then = &rule?.then;
        match &then.error {
            Some(fault) => Some(Self::Fault(fault)),
            None => then.drop.then_some(Self::Hangup),
        }
    }
}

/// The answer to a turn, or to the turns of a completion with several prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The choices, by index; those of several prompts one after the other.
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Usage,
    pub(super) timing: TokenTiming,
    /// After how many chunks a stream of it is cut.
    pub(super) cut_after_chunks: Option<u32>,
    /// The model's encoding, which has the bytes of its tokens.
    pub(super) encoding: Encoding,
    /// Whether the caller requested log probabilities.
    pub(super) logprobs: bool,
    /// Whether it completes prompts; the last text of a choice and its end are one step then.
    pub(super) completes_prompts: bool,
}

impl Answer {
    /// The tokens of the turn.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// How many choices it has.
    pub fn choices(&self) -> usize {
        self.choices.len()
    }

    /// Whether a choice calls several tools at once.
    pub fn has_parallel_calls(&self) -> bool {
        self.choices.iter().any(|choice| choice.calls.len() > 1)
    }

    /// After how many chunks a stream of it is cut, as a rule has it.
    pub fn cut_after_chunks(&self) -> Option<u32> {
        self.cut_after_chunks
    }

    /// How long it takes to generate all of it; `None` where the operator configured no latency.
    pub fn latency(&self) -> Option<Duration> {
        let longest = self.choices.iter().map(Choice::tokens).max().unwrap_or(0).max(1);
        self.timing.wait(0, longest)
    }

    /// The answer, event by event.
    pub fn into_events(self: Rc<Self>) -> Events {
        Events::new(self)
    }

    /// The whole answer at once. The echo of a prompt is a block of its own.
    pub fn whole(&self) -> turn::Answer<'_> {
        let choice = |choice| self.whole_choice(choice, usize::MAX);
        turn::Answer {
            id: None,
            model: None,
            choices: self.choices.iter().map(choice).collect(),
            usage: Some(self.usage),
        }
    }

    /// The whole answer with empty lists of log probabilities, which [`Answer::logprobs_of`] has part by part.
    pub fn whole_outline(&self) -> turn::Answer<'_> {
        let choice = |choice| self.whole_choice(choice, 0);
        turn::Answer {
            id: None,
            model: None,
            choices: self.choices.iter().map(choice).collect(),
            usage: Some(self.usage),
        }
    }

    /// Whether its texts come with log probabilities.
    pub fn has_logprobs(&self) -> bool {
        self.logprobs
    }

    /// A choice with empty lists of log probabilities, which [`Answer::logprobs_of`] has part by part.
    pub fn outline(&self, index: usize) -> Option<turn::Choice<'_>> {
        self.choices.get(index).map(|choice| self.whole_choice(choice, 0))
    }

    /// The log probabilities of some tokens of a choice's n-th text, which may be a refusal; `None` once there are no
    /// more. The echo of a prompt is a text of its own.
    pub fn logprobs_of(
        &self,
        index: usize,
        nth: usize,
        tokens: Range<usize>,
    ) -> Option<Vec<TokenLogprob<'static>>> {
        let choice = self.choices.get(index)?;
        let texts = [choice.echo.as_deref(), choice.content.as_ref(), choice.refusal.as_ref()];
        let text = texts.into_iter().flatten().nth(nth)?;
        let end = tokens.end.min(text.tokens().len());
        if tokens.start < end { self.token_logprobs(text, tokens.start..end) } else { None }
    }

    /// A choice; `most` bounds how many of its log probabilities are gathered.
    fn whole_choice<'a>(&'a self, choice: &'a Choice, most: usize) -> turn::Choice<'a> {
        let all = |text: &'a TokenizedText| self.token_logprobs(text, 0..text.tokens().len().min(most));
        let text = |text: &'a TokenizedText| Block::Text { text: text.text().into(), logprobs: all(text) };
        let mut blocks = Vec::with_capacity(1 + choice.calls.len());
        if let Some(thinking) = &choice.thinking {
            let signature = Some(Cow::Borrowed(&*thinking.signature));
            blocks.push(Block::Thinking { text: thinking.text.text().into(), signature });
        }
        blocks.extend(choice.echo.as_deref().map(text));
        blocks.extend(choice.content.as_ref().map(text));
        if let Some(refusal) = &choice.refusal {
            blocks.push(Block::Refusal { text: refusal.text().into(), logprobs: all(refusal) });
        }
        blocks.extend(choice.calls.iter().zip(0..).map(|(call, index)| Block::ToolCall {
            index,
            id: (&*call.id).into(),
            name: (&*call.name).into(),
            input: call.input.text().into(),
            kind: call.kind,
        }));
        turn::Choice {
            blocks,
            finish: Some(choice.finish),
            stop_sequence: choice.stop_sequence.as_deref().map(Cow::Borrowed),
        }
    }

    /// The log probabilities of some tokens of a text, where the caller requested them.
    pub(super) fn token_logprobs(
        &self,
        text: &TokenizedText,
        tokens: Range<usize>,
    ) -> Option<Vec<TokenLogprob<'static>>> {
        if !self.logprobs {
            return None;
        }
        let bytes = |id: u32| -> Cow<'static, [u8]> {
            self.encoding.token_bytes(id).map(|bytes| bytes.to_vec()).unwrap_or_default().into()
        };
        let ids = text.tokens().get(tokens.clone()).unwrap_or_default();
        let logprobs = text.odds().get(tokens).unwrap_or_default();
        let entry = |(token, logprobs): (&super::Token, &super::TokenLogprobs)| TokenLogprob {
            bytes: bytes(token.id),
            logprob: logprobs.logprob,
            top: logprobs.top.iter().map(|(id, logprob)| (bytes(*id), *logprob)).collect(),
        };
        Some(ids.iter().zip(logprobs).map(entry).collect())
    }
}

impl From<Withheld> for FinishReason {
    fn from(why: Withheld) -> Self {
        match why {
            Withheld::ContentFilter => Self::ContentFilter,
            Withheld::Length => Self::Length,
        }
    }
}

/// One choice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// The reasoning, where the turn wants it in the answer.
    pub(super) thinking: Option<Thinking>,
    /// The prompt, where the answer begins with it.
    pub(super) echo: Option<Rc<TokenizedText>>,
    /// The text, if there is one.
    pub(super) content: Option<TokenizedText>,
    /// The refusal, if it is one.
    pub(super) refusal: Option<TokenizedText>,
    /// The tool calls.
    pub(super) calls: Vec<Call>,
    /// Why it ended.
    pub(super) finish: FinishReason,
    /// The stop sequence that ended it.
    pub(super) stop_sequence: Option<String>,
}

/// Reasoning that is part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thinking {
    pub(super) text: TokenizedText,
    /// Opaque to the caller, and the same for the same request.
    pub(super) signature: String,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// What the result refers to.
    pub(super) id: String,
    /// The tool.
    pub(super) name: String,
    /// What it is called with.
    pub(super) input: TokenizedText,
    /// What the tool takes.
    pub(super) kind: ToolKind,
}

impl Default for Choice {
    /// A choice without content.
    fn default() -> Self {
        Self {
            thinking: None,
            echo: None,
            content: None,
            refusal: None,
            calls: Vec::new(),
            finish: FinishReason::Stop,
            stop_sequence: None,
        }
    }
}

impl Choice {
    /// How many tokens it has, without its reasoning and the names of tools.
    pub(super) fn tokens(&self) -> usize {
        let texts = [&self.content, &self.refusal].into_iter().flatten();
        texts.chain(self.calls.iter().map(|call| &call.input)).map(|text| text.tokens().len()).sum()
    }
}
