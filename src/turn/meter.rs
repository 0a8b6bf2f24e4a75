//! [`UsageMeter`]: what an answer used, known at its end.

use super::{Event, Usage};
use crate::tokens::Encoding;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The usage of one answer, shared by the source that reads or generates the answer and the record of its request. A
/// streamed answer fills it after the response's head has gone out.
#[derive(Debug, Clone, Default)]
pub struct UsageMeter(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    metered: Cell<Metered>,
    delivered: RefCell<Option<Delivered>>,
}

/// What went out of an answer, for an answer whose usage is not reported or that is cut.
#[derive(Debug)]
struct Delivered {
    encoding: Encoding,
    /// Text that is not counted yet.
    text: String,
    tokens: u64,
}

/// How much text is gathered before its tokens are counted.
const GATHERED: usize = 64 * 1024;

impl Delivered {
    fn count(&mut self) {
        self.tokens += self.encoding.count(&self.text) as u64;
        self.text.clear();
    }
}

/// What a [`UsageMeter`] has by now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered {
    /// What the backend has counted so far; `None` where it has reported nothing.
    pub usage: Option<Usage>,
    /// Whether the whole answer was generated or read. Until then `usage` may lack what follows.
    pub is_complete: bool,
    /// Whether `usage` is an estimate of the gateway's.
    pub is_estimated: bool,
}

impl UsageMeter {
    /// What is known by now.
    pub fn get(&self) -> Metered {
        self.0.metered.get()
    }

    /// Notes what the backend has counted up to here. A count that is 0 leaves what was reported before, since some
    /// upstreams repeat all members with zeros. Counts that cannot be are ignored.
    pub fn report(&self, usage: Usage) {
        if !usage.is_plausible() {
            return;
        }
        let mut all = self.0.metered.get();
        all.usage = Some(all.usage.unwrap_or_default().updated(usage));
        self.0.metered.set(all);
    }

    /// Notes that the answer is whole.
    pub fn complete(&self) {
        self.0.metered.set(Metered { is_complete: true, ..self.0.metered.get() });
    }

    /// Replaces what is known of an answer by an estimate.
    pub fn estimate(&self, usage: Usage) {
        self.0.metered.set(Metered { usage: Some(usage), is_estimated: true, ..self.get() });
    }

    /// Counts the tokens of what is delivered from now on.
    pub fn count_delivered(&self, encoding: Encoding) {
        *self.0.delivered.borrow_mut() = Some(Delivered { encoding, text: String::new(), tokens: 0 });
    }

    /// Whether what is delivered is counted.
    pub fn counts_delivered(&self) -> bool {
        self.0.delivered.borrow().is_some()
    }

    /// Takes a piece of text that is delivered.
    pub fn deliver(&self, text: &str) {
        if let Some(delivered) = &mut *self.0.delivered.borrow_mut() {
            delivered.text.push_str(text);
            if delivered.text.len() > GATHERED {
                delivered.count();
            }
        }
    }

    /// The tokens of what was delivered so far; 0 where that is not counted.
    pub fn delivered(&self) -> u64 {
        self.0.delivered.borrow_mut().as_mut().map_or(0, |delivered| {
            delivered.count();
            delivered.tokens
        })
    }

    /// Takes what an event of the answer reports. Every event that reaches a caller by way of a turn passes here, so
    /// what is delivered can be counted here.
    pub fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Usage(usage) => self.report(*usage),
            Event::End => self.complete(),
            Event::Text { text, .. }
            | Event::Thinking { text, .. }
            | Event::Refusal { text, .. }
            | Event::ToolCall { name: text, .. }
            | Event::ToolInput { input: text, .. } => self.deliver(text),
            _ => {}
        }
    }
}

impl Usage {
    /// Whether a model may have used this. None takes or generates four billion tokens; such a count in a shared limit would
    /// refuse the requests of a whole window.
    pub fn is_plausible(&self) -> bool {
        let Self { input, cached_input, cache_write, input_audio, output, output_audio, reasoning, .. } =
            *self;
        [input, cached_input, cache_write, input_audio, output, output_audio, reasoning]
            .iter()
            .all(|count| *count <= u64::from(u32::MAX))
    }

    /// These counts, replaced by those of a later report that are not 0.
    fn updated(self, later: Self) -> Self {
        let count = |later, before| if later > 0 { later } else { before };
        // Input that is counted anew, as after a compaction, has other parts.
        let parts = self.cached_input.saturating_add(self.cache_write);
        let is_new = later.input > 0 && later.input < parts;
        let part = |later, before| if is_new { later } else { count(later, before) };
        Self {
            input: count(later.input, self.input),
            cached_input: part(later.cached_input, self.cached_input),
            cache_write: part(later.cache_write, self.cache_write),
            cache_write_hour: count(later.cache_write_hour, self.cache_write_hour),
            input_audio: count(later.input_audio, self.input_audio),
            output: count(later.output, self.output),
            output_audio: count(later.output_audio, self.output_audio),
            reasoning: count(later.reasoning, self.reasoning),
            accepted_prediction: count(later.accepted_prediction, self.accepted_prediction),
            rejected_prediction: count(later.rejected_prediction, self.rejected_prediction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_delivered_is_counted_on_request() {
        let meter = UsageMeter::default();
        let text = |text: &'static str| Event::Text { choice: 0, text: text.into(), logprobs: None };
        meter.observe(&text("before "));
        assert_eq!((meter.counts_delivered(), meter.delivered()), (false, 0));
        meter.count_delivered(Encoding::O200kBase);
        for piece in ["hel", "lo", " wor", "ld"] {
            meter.observe(&text(piece));
        }
        let want = Encoding::O200kBase.count("hello world") as u64;
        assert_eq!((meter.delivered(), meter.delivered()), (want, want));
        meter.deliver(&"a ".repeat(GATHERED));
        assert!(meter.delivered() > GATHERED as u64 / 2);
    }

    #[test]
    fn a_later_report_replaces_what_it_counts() {
        let meter = UsageMeter::default();
        let other = meter.clone();
        assert_eq!(other.get(), Metered::default());
        meter.observe(&Event::Usage(Usage { input: 9, cached_input: 4, output: 1, ..Usage::default() }));
        meter.observe(&Event::Usage(Usage { output: 5, ..Usage::default() }));
        let other_prompt = UsageMeter::default();
        for (input, cached_input) in [(55_196, 55_096), (181, 0)] {
            other_prompt.report(Usage { input, cached_input, ..Usage::default() });
        }
        let usage = other_prompt.get().usage.expect("two reports");
        assert_eq!((usage.input, usage.cached_input), (181, 0));
        let usage = Usage { input: 9, cached_input: 4, output: 5, ..Usage::default() };
        assert_eq!(other.get(), Metered { usage: Some(usage), ..Metered::default() });
        meter.observe(&Event::End);
        assert_eq!(other.get(), Metered { usage: Some(usage), is_complete: true, ..Metered::default() });
    }
}
