//! Token counts of the gateway's own, for answers of another API whose upstream reports none: clients of Responses and
//! Messages read them as numbers.

use crate::tokens::Encoding;
use crate::turn::{Answer, Block, Event, EventSource, Step, Usage, UsageMeter};
use std::rc::Rc;

/// The tokens of a request's input, counted once they are needed: counting takes a while, and most upstreams report
/// theirs.
pub(super) struct InputTokens {
    /// As limits have counted them before.
    pub(super) known: Option<u64>,
    /// The request's body.
    pub(super) body: Rc<Vec<u8>>,
    /// Counts those of a body of the endpoint.
    pub(super) count: fn(&[u8]) -> u64,
}

impl InputTokens {
    fn get(&self) -> u64 {
        self.known.unwrap_or_else(|| (self.count)(&self.body))
    }
}

/// Whether counts are of an answer at all: some servers report zeros.
fn counts(usage: Option<Usage>) -> bool {
    usage.is_some_and(|usage| usage.input > 0 || usage.output > 0)
}

/// Adds the usage to an answer whose upstream reports none.
pub(super) fn complete(answer: &mut Answer<'_>, input: &InputTokens, encoding: Encoding, meter: &UsageMeter) {
    if counts(answer.usage) {
        return;
    }
    let count = |text: &str| encoding.count(text) as u64;
    let blocks = answer.choices.iter().flat_map(|choice| &choice.blocks);
    let output = blocks.map(|block| match block {
        Block::Text { text, .. } | Block::Refusal { text, .. } | Block::Thinking { text, .. } => count(text),
        Block::RedactedThinking { .. } => 0,
        Block::ToolCall { name, input, .. } => count(name) + count(input),
    });
    let usage = Usage { input: input.get(), output: output.sum(), ..Usage::default() };
    answer.usage = Some(usage);
    meter.estimate(usage);
}

/// The events of an answer, with a usage before their end.
pub(super) struct WithUsage<S> {
    source: S,
    input: InputTokens,
    /// Counts what is delivered.
    meter: UsageMeter,
    is_reported: bool,
    ends: bool,
}

impl<S> WithUsage<S> {
    pub(super) fn new(source: S, input: InputTokens, encoding: Encoding, meter: UsageMeter) -> Self {
        if !meter.counts_delivered() {
            meter.count_delivered(encoding);
        }
        Self { source, input, meter, is_reported: false, ends: false }
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
                let (input, output) = (self.input.get(), self.meter.delivered());
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
