//! Token counts of the gateway's own, for answers of another API whose upstream reports none: clients of Responses and
//! Messages read them as numbers.

use crate::model;
use crate::tokens::Encoding;
use crate::turn::{self, Answer, Block, Event, EventSource, Input, Part, Request, Step, Usage, UsageMeter};

/// Tokens of a message besides its text, and of the beginning of the answer.
const FRAME: u64 = 4;

/// What a request is counted from once its answer has ended. Counting takes longer than copying, and most upstreams
/// report their counts.
pub(super) struct PromptText {
    encoding: Encoding,
    text: String,
    frames: u64,
}

impl PromptText {
    pub(super) fn of(turn: &Request<'_>) -> Self {
        let mut text = String::new();
        for tool in &turn.tools {
            text.extend([tool.name, " ", tool.description.unwrap_or_default(), "\n"]);
            text.push_str(tool.parameters.map_or("", |schema| schema.0));
        }
        for part in turn.messages().iter().flat_map(|message| message.content.parts()) {
            match part {
                Part::ToolCall { name, input, .. } => text.extend([&**name, &**input]),
                Part::ToolResult(result) => text.extend(turn::texts(&result.content)),
                _ => {}
            }
        }
        turn.messages().iter().for_each(|message| text.extend(message.content.texts()));
        if let Input::Prompt(prompt) = &turn.input {
            text.push_str(&prompt.text);
        }
        let frames = turn.messages().len() as u64 + 1;
        Self { encoding: model::nearest(turn.model).encoding, text, frames }
    }

    fn tokens(&self) -> u64 {
        self.encoding.count(&self.text) as u64 + FRAME * self.frames
    }
}

/// Whether counts are of an answer at all: some servers report zeros.
fn counts(usage: Option<Usage>) -> bool {
    usage.is_some_and(|usage| usage.input > 0 || usage.output > 0)
}

/// Adds the usage to an answer whose upstream reports none.
pub(super) fn complete(answer: &mut Answer<'_>, turn: &Request<'_>, meter: &UsageMeter) {
    if counts(answer.usage) {
        return;
    }
    let prompt = PromptText::of(turn);
    let count = |text: &str| prompt.encoding.count(text) as u64;
    let blocks = answer.choices.iter().flat_map(|choice| &choice.blocks);
    let output = blocks.map(|block| match block {
        Block::Text { text, .. } | Block::Refusal { text, .. } | Block::Thinking { text, .. } => count(text),
        Block::RedactedThinking { .. } => 0,
        Block::ToolCall { name, input, .. } => count(name) + count(input),
    });
    let usage = Usage { input: prompt.tokens(), output: output.sum(), ..Usage::default() };
    answer.usage = Some(usage);
    meter.estimate(usage);
}

/// The events of an answer, with a usage before their end.
pub(super) struct WithUsage<S> {
    source: S,
    prompt: PromptText,
    /// Counts what is delivered.
    meter: UsageMeter,
    is_reported: bool,
    ends: bool,
}

impl<S> WithUsage<S> {
    pub(super) fn new(source: S, prompt: PromptText, meter: UsageMeter) -> Self {
        if !meter.counts_delivered() {
            meter.count_delivered(prompt.encoding);
        }
        Self { source, prompt, meter, is_reported: false, ends: false }
    }
}

impl<S: EventSource> EventSource for WithUsage<S> {
    fn next(&mut self) -> Option<Step<'_>> {
        if std::mem::take(&mut self.ends) {
            return Some(Step::now(Event::End));
        }
        let step = self.source.next()?;
        match &step.event {
            Event::Usage(usage) => self.is_reported |= counts(Some(*usage)),
            Event::End if !self.is_reported => {
                self.ends = true;
                let (input, output) = (self.prompt.tokens(), self.meter.delivered());
                let usage = Usage { input, output, ..Usage::default() };
                self.meter.estimate(usage);
                return Some(Step { wait: step.wait, event: Event::Usage(usage), more: true });
            }
            _ => {}
        }
        Some(step)
    }

    fn take_failure(&mut self) -> Option<String> {
        self.source.take_failure()
    }
}
