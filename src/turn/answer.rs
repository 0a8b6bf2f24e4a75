//! [`Answer`]: the events of a turn, gathered.

use super::{Event, FinishReason, MAX_TRACKED, TokenLogprob, ToolKind, Usage};
use crate::error::ApiError;
use std::borrow::Cow;

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer<'a> {
    /// What the backend calls it.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// By index.
    pub choices: Vec<Choice<'a>>,
    /// The last usage that was reported.
    pub usage: Option<Usage>,
}

/// One choice of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice<'a> {
    /// Its content, in order.
    pub blocks: Vec<Block<'a>>,
    /// Why it ended; `None` where the answer was cut.
    pub finish: Option<FinishReason>,
    /// The stop sequence that ended it.
    pub stop_sequence: Option<Cow<'a, str>>,
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq)]
pub enum Block<'a> {
    /// Text.
    Text {
        /// The text.
        text: Cow<'a, str>,
        /// Its tokens, where they were requested.
        logprobs: Option<Vec<TokenLogprob<'a>>>,
    },
    /// A refusal.
    Refusal {
        /// The text.
        text: Cow<'a, str>,
        /// Its tokens, where they were requested.
        logprobs: Option<Vec<TokenLogprob<'a>>>,
    },
    /// Reasoning.
    Thinking {
        /// The text.
        text: Cow<'a, str>,
        /// Opaque.
        signature: Option<Cow<'a, str>>,
    },
    /// Reasoning in encrypted form.
    RedactedThinking {
        /// Opaque.
        data: Cow<'a, str>,
    },
    /// A tool call.
    ToolCall {
        /// Which of the choice's calls.
        index: u32,
        /// What the result refers to.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// What it is called with.
        input: Cow<'a, str>,
        /// What the tool takes.
        kind: ToolKind,
    },
}

/// The error a turn ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status an answer would have had.
    pub status: u16,
    /// The backend's type of the error.
    pub kind: String,
    /// Its code.
    pub code: Option<String>,
    /// For the caller.
    pub message: String,
}

impl From<&ApiError> for Failure {
    fn from(error: &ApiError) -> Self {
        Self {
            status: error.status(),
            kind: error.type_().to_owned(),
            code: error.code().map(str::to_owned),
            message: error.message().to_owned(),
        }
    }
}

impl From<Failure> for Event<'_> {
    fn from(failure: Failure) -> Self {
        let Failure { status, kind, code, message } = failure;
        Self::Error { status, kind: kind.into(), code: code.map(Into::into), message: message.into() }
    }
}

impl<'a> Block<'a> {
    /// The log probabilities of its tokens, where they were requested.
    pub fn logprobs(&self) -> Option<&[TokenLogprob<'a>]> {
        match self {
            Self::Text { logprobs, .. } | Self::Refusal { logprobs, .. } => logprobs.as_deref(),
            _ => None,
        }
    }
}

impl<'a> Answer<'a> {
    /// Takes one event in.
    ///
    /// # Errors
    ///
    /// Where the event is an error.
    pub fn take(&mut self, event: Event<'a>) -> Result<(), Failure> {
        match event {
            Event::Start { id, model } => {
                self.id = id;
                self.model = model;
            }
            Event::Text { choice, text, logprobs } => {
                let blocks = &mut self.choice(choice).blocks;
                match blocks.last_mut() {
                    Some(Block::Text { text: before, logprobs: tokens }) => {
                        before.to_mut().push_str(&text);
                        extend(tokens, logprobs);
                    }
                    _ => blocks.push(Block::Text { text, logprobs }),
                }
            }
            Event::Refusal { choice, text, logprobs } => {
                let blocks = &mut self.choice(choice).blocks;
                match blocks.last_mut() {
                    Some(Block::Refusal { text: before, logprobs: tokens }) => {
                        before.to_mut().push_str(&text);
                        extend(tokens, logprobs);
                    }
                    _ => blocks.push(Block::Refusal { text, logprobs }),
                }
            }
            Event::Thinking { choice, text } => {
                let blocks = &mut self.choice(choice).blocks;
                match blocks.last_mut() {
                    Some(Block::Thinking { text: before, signature: None }) => {
                        before.to_mut().push_str(&text)
                    }
                    _ => blocks.push(Block::Thinking { text, signature: None }),
                }
            }
            Event::ThinkingSignature { choice, signature } => {
                let blocks = &mut self.choice(choice).blocks;
                match blocks.last_mut() {
                    Some(Block::Thinking { signature: own @ None, .. }) => *own = Some(signature),
                    _ => blocks.push(Block::Thinking { text: Cow::Borrowed(""), signature: Some(signature) }),
                }
            }
            Event::RedactedThinking { choice, data } => {
                self.choice(choice).blocks.push(Block::RedactedThinking { data });
            }
            Event::ToolCall { choice, index, id, name, kind } => {
                let call = Block::ToolCall { index, id, name, input: Cow::Borrowed(""), kind };
                self.choice(choice).blocks.push(call);
            }
            Event::ToolInput { choice, index, input: more } => {
                let of_call = |block: &&mut Block<'a>| matches!(block, Block::ToolCall { index: own, .. } if *own == index);
                if let Some(Block::ToolCall { input, .. }) =
                    self.choice(choice).blocks.iter_mut().rev().find(of_call)
                {
                    if input.is_empty() { *input = more } else { input.to_mut().push_str(&more) }
                }
            }
            Event::Finish { choice, reason, stop_sequence } => {
                let choice = self.choice(choice);
                choice.finish = Some(reason);
                choice.stop_sequence = stop_sequence;
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Ping | Event::End => {}
            Event::Error { status, kind, code, message } => {
                return Err(Failure {
                    status,
                    kind: kind.into_owned(),
                    code: code.map(Cow::into_owned),
                    message: message.into_owned(),
                });
            }
        }
        Ok(())
    }

    /// Passes the answer on as the events that it could have come as.
    pub fn replay(&self, mut each: impl FnMut(&Event<'_>)) {
        each(&Event::Start { id: self.id.clone(), model: self.model.clone() });
        for (choice, index) in self.choices.iter().zip(0..) {
            for block in &choice.blocks {
                block.replay(index, &mut each);
            }
            let reason = choice.finish.unwrap_or(FinishReason::Stop);
            each(&Event::Finish { choice: index, reason, stop_sequence: choice.stop_sequence.clone() });
        }
        if let Some(usage) = self.usage {
            each(&Event::Usage(usage));
        }
        each(&Event::End);
    }

    #[expect(clippy::indexing_slicing, reason = "the list was made long enough")]
    fn choice(&mut self, index: u32) -> &mut Choice<'a> {
        let index = (index as usize).min(MAX_TRACKED - 1);
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }
}

impl Block<'_> {
    fn replay(&self, choice: u32, each: &mut impl FnMut(&Event<'_>)) {
        match self {
            Self::Text { text, logprobs } => {
                each(&Event::Text { choice, text: text.clone(), logprobs: logprobs.clone() });
            }
            Self::Refusal { text, logprobs } => {
                each(&Event::Refusal { choice, text: text.clone(), logprobs: logprobs.clone() });
            }
            Self::Thinking { text, signature } => {
                each(&Event::Thinking { choice, text: text.clone() });
                if let Some(signature) = signature {
                    each(&Event::ThinkingSignature { choice, signature: signature.clone() });
                }
            }
            Self::RedactedThinking { data } => each(&Event::RedactedThinking { choice, data: data.clone() }),
            Self::ToolCall { index, id, name, input, kind } => {
                each(&Event::ToolCall {
                    choice,
                    index: *index,
                    id: id.clone(),
                    name: name.clone(),
                    kind: *kind,
                });
                each(&Event::ToolInput { choice, index: *index, input: input.clone() });
            }
        }
    }
}

fn extend<'a>(tokens: &mut Option<Vec<TokenLogprob<'a>>>, more: Option<Vec<TokenLogprob<'a>>>) {
    match (tokens, more) {
        (Some(tokens), Some(more)) => tokens.extend(more),
        (tokens @ None, more) => *tokens = more,
        (Some(_), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_blocks_in_their_order() {
        let mut answer = Answer::default();
        let call = |index, id: &'static str| Event::ToolCall {
            choice: 0,
            index,
            id: id.into(),
            name: "f".into(),
            kind: ToolKind::Function,
        };
        let input = |index, input: &'static str| Event::ToolInput { choice: 0, index, input: input.into() };
        for event in [
            Event::Start { id: Some("x".into()), model: None },
            Event::Thinking { choice: 0, text: "a".into() },
            Event::Thinking { choice: 0, text: "b".into() },
            Event::ThinkingSignature { choice: 0, signature: "s".into() },
            Event::Text { choice: 0, text: "c".into(), logprobs: None },
            Event::Text { choice: 0, text: "d".into(), logprobs: None },
            call(0, "1"),
            call(1, "2"),
            input(1, "{"),
            input(0, "{}"),
            input(1, "}"),
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, stop_sequence: None },
            Event::End,
        ] {
            answer.take(event).expect("no error");
        }
        let call = |index, id: &'static str| Block::ToolCall {
            index,
            id: id.into(),
            name: "f".into(),
            input: "{}".into(),
            kind: ToolKind::Function,
        };
        assert_eq!(
            answer.choices[0].blocks,
            [
                Block::Thinking { text: "ab".into(), signature: Some("s".into()) },
                Block::Text { text: "cd".into(), logprobs: None },
                call(0, "1"),
                call(1, "2"),
            ]
        );
        assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
        let error =
            Event::Error { status: 529, kind: "overloaded_error".into(), code: None, message: "m".into() };
        assert_eq!(answer.take(error).expect_err("an error").status, 529);
    }
}
