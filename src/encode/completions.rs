//! Completions: [`whole`] answers, and an [`Encoder`] for streams.

mod pieces;

pub use pieces::in_pieces;

use super::{UsageDetails, sse, to_vec, tokens};
use crate::api::answer::{ByToken, TextChoice, TextCompletion, TextLogprobs};
use crate::turn::{Answer, Block, Choice, Event, FinishReason, TokenLogprob, Usage};
use std::borrow::Cow;

/// What an answer has besides the events: what the endpoint knows of it.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// `cmpl-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The caller's name of the model.
    pub model: String,
    /// Where log probabilities are requested, what the offsets of tokens are counted from.
    pub offsets: Option<Offsets>,
}

/// Where the texts of choices begin.
#[derive(Debug, Clone, Default)]
pub struct Offsets {
    /// How many characters each prompt has.
    pub prompts: Vec<usize>,
    /// Whether a choice begins with its prompt.
    pub echo: bool,
}

/// Where in the prompt and the completion a choice is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    characters: usize,
    /// Whether the next token is the first of a prompt, which has no log probability.
    is_first_of_prompt: bool,
}

/// A whole answer as JSON.
pub fn whole(head: &Head, answer: &Answer<'_>) -> Vec<u8> {
    let count = answer.choices.len();
    let choices: Vec<TextChoice<'_>> =
        answer.choices.iter().enumerate().map(|(index, choice)| head.choice(choice, index, count)).collect();
    to_vec(&head.object(&choices, Some(answer.usage)))
}

impl Head {
    fn choice<'a>(&self, choice: &'a Choice<'_>, index: usize, count: usize) -> TextChoice<'a> {
        let mut logprobs = self.offsets.is_some().then(TextLogprobs::default);
        let mut place = self.place(index, count);
        let mut text = Cow::Borrowed("");
        for block in &choice.blocks {
            if let Block::Text { text: more, .. } = block {
                if text.is_empty() {
                    text = Cow::Borrowed(&**more)
                } else {
                    text.to_mut().push_str(more)
                }
                if let Some(logprobs) = &mut logprobs {
                    push_tokens(logprobs, more, block.logprobs().unwrap_or_default(), &mut place);
                }
            }
        }
        let finish = choice.finish.unwrap_or(FinishReason::Stop);
        TextChoice { text, index: index as u32, logprobs, finish_reason: Some(finish_reason(finish)) }
    }

    fn object<'a>(
        &'a self,
        choices: &'a [TextChoice<'a>],
        usage: Option<Option<Usage>>,
    ) -> TextCompletion<'a> {
        TextCompletion {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: &self.model,
            choices,
            usage: usage.map(|usage| usage.map(|usage| super::usage(usage, UsageDetails::default()))),
        }
    }

    /// Where a choice begins, of so many: those of each prompt come one after the other.
    fn place(&self, choice: usize, count: usize) -> Place {
        let Some(Offsets { prompts, echo }) = &self.offsets else { return Place::default() };
        let each = (count / prompts.len().max(1)).max(1);
        let prompt = prompts.get(choice / each).copied().unwrap_or_default();
        Place { characters: if *echo { 0 } else { prompt }, is_first_of_prompt: *echo }
    }
}

/// Adds the log probabilities of the tokens of a text, and moves on by it.
fn push_tokens(logprobs: &mut TextLogprobs<'_>, text: &str, tokens: &[TokenLogprob<'_>], place: &mut Place) {
    let (mut complete, mut pending) = (0, Vec::new());
    for token in tokens {
        let is_known = !std::mem::take(&mut place.is_first_of_prompt);
        logprobs.token_logprobs.push(is_known.then_some(token.logprob));
        logprobs.top_logprobs.push(is_known.then(|| likeliest(token)));
        logprobs.tokens.push(name(&token.bytes));
        logprobs.text_offset.push(place.characters + complete);
        complete += completed(&mut pending, &token.bytes);
    }
    place.characters += text.chars().count();
}

/// A token's text.
fn name(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(tokens::text(bytes, "bytes:").into_owned())
}

/// The likeliest tokens in the place of one, and that one.
fn likeliest(token: &TokenLogprob<'_>) -> ByToken<'static> {
    let own = name(&token.bytes);
    let mut top: Vec<_> = token.top.iter().map(|(bytes, logprob)| (name(bytes), *logprob)).collect();
    if top.iter().all(|(name, _)| *name != own) {
        top.push((own, token.logprob));
    }
    ByToken(top)
}

/// How many characters are complete once some bytes follow others; what is left is kept.
fn completed(pending: &mut Vec<u8>, bytes: &[u8]) -> usize {
    pending.extend_from_slice(bytes);
    let mut complete = 0;
    loop {
        let error = match std::str::from_utf8(pending) {
            Ok(text) => {
                complete += text.chars().count();
                pending.clear();
                return complete;
            }
            Err(error) => error,
        };
        let (valid, rest) = pending.split_at(error.valid_up_to());
        complete += valid.utf8_chunks().map(|chunk| chunk.valid().chars().count()).sum::<usize>();
        // What can never be a character counts as U+FFFD.
        let invalid = error.error_len();
        complete += usize::from(invalid.is_some());
        *pending = rest.get(invalid.unwrap_or(0)..).unwrap_or_default().to_vec();
        if invalid.is_none() {
            return complete;
        }
    }
}

fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Pause => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}

/// Writes a stream of events. The last text of a choice and its finish reason are one event, if they are one step.
#[derive(Debug)]
pub struct Encoder {
    head: Head,
    include_usage: bool,
    /// Where each choice is, if it was looked at.
    places: Vec<Place>,
    /// A text whose finish reason may be the next event.
    held: Option<TextChoice<'static>>,
    usage: Usage,
}

impl Encoder {
    /// An encoder of so many choices.
    pub fn new(head: Head, choices: usize, include_usage: bool) -> Self {
        let places = (0..choices).map(|choice| head.place(choice, choices)).collect();
        Self { head, include_usage, places, held: None, usage: Usage::default() }
    }

    fn push(&self, choices: &[TextChoice<'_>], usage: Option<Usage>, out: &mut Vec<u8>) {
        sse::push_event(out, &to_vec(&self.head.object(choices, self.include_usage.then_some(usage))));
    }
}

impl super::Encoder for Encoder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Text { choice, text, logprobs } => {
                self.end_step(out);
                let mut all = self.head.offsets.is_some().then(TextLogprobs::default);
                if let (Some(all), Some(place)) = (&mut all, self.places.get_mut(*choice as usize)) {
                    push_tokens(all, text, logprobs.as_deref().unwrap_or_default(), place);
                }
                let text = Cow::Owned(text.clone().into_owned());
                self.held = Some(TextChoice { text, index: *choice, logprobs: all, finish_reason: None });
            }
            Event::Finish { choice, reason, .. } => {
                let held = self.held.take_if(|held| held.index == *choice);
                self.end_step(out);
                let mut last = held.unwrap_or_else(|| TextChoice {
                    text: "".into(),
                    index: *choice,
                    logprobs: self.head.offsets.is_some().then(TextLogprobs::default),
                    finish_reason: None,
                });
                last.finish_reason = Some(finish_reason(*reason));
                self.push(&[last], None, out);
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::End => {
                self.end_step(out);
                if self.include_usage {
                    self.push(&[], Some(self.usage), out);
                }
                out.extend_from_slice(sse::DONE);
            }
            Event::Error { kind, code, message, .. } => {
                self.end_step(out);
                super::push_error(message, kind, code.as_deref(), out);
            }
            // A prompt is completed by text alone.
            Event::Start { .. }
            | Event::Thinking { .. }
            | Event::ThinkingSignature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolCall { .. }
            | Event::ToolInput { .. }
            | Event::Refusal { .. }
            | Event::Ping => {}
        }
    }

    fn end_step(&mut self, out: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            self.push(&[held], None, out);
        }
    }
}

#[cfg(test)]
#[path = "completions_tests.rs"]
mod tests;
