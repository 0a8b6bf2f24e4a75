//! [`UsageMeter`]: what an answer used, known at its end.

use super::{Event, Usage};
use std::cell::Cell;
use std::rc::Rc;

/// The usage of one answer, shared by the source that reads or generates the answer and the record of its request. A
/// streamed answer fills it after the response's head has gone out.
#[derive(Debug, Clone, Default)]
pub struct UsageMeter(Rc<Cell<Metered>>);

/// What a [`UsageMeter`] has by now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered {
    /// What the backend has counted so far; `None` where it has reported nothing.
    pub usage: Option<Usage>,
    /// Whether the whole answer was generated or read. Until then `usage` may lack what follows.
    pub is_complete: bool,
}

impl UsageMeter {
    /// What is known by now.
    pub fn get(&self) -> Metered {
        self.0.get()
    }

    /// Notes what the backend has counted up to here. A count that is 0 leaves what was reported before, since some
    /// upstreams repeat all members with zeros.
    pub fn report(&self, usage: Usage) {
        let mut all = self.0.get();
        all.usage = Some(all.usage.unwrap_or_default().updated(usage));
        self.0.set(all);
    }

    /// Notes that the answer is whole.
    pub fn complete(&self) {
        self.0.set(Metered { is_complete: true, ..self.0.get() });
    }

    /// Takes what an event of the answer reports. Every event that reaches a caller by way of a turn passes here, so
    /// what is delivered can be counted here.
    pub fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Usage(usage) => self.report(*usage),
            Event::End => self.complete(),
            _ => {}
        }
    }
}

impl Usage {
    /// These counts, replaced by those of a later report that are not 0.
    fn updated(self, later: Self) -> Self {
        let count = |later, before| if later > 0 { later } else { before };
        Self {
            input: count(later.input, self.input),
            cached_input: count(later.cached_input, self.cached_input),
            cache_write: count(later.cache_write, self.cache_write),
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
    fn a_later_report_replaces_what_it_counts() {
        let meter = UsageMeter::default();
        let other = meter.clone();
        assert_eq!(other.get(), Metered::default());
        meter.observe(&Event::Usage(Usage { input: 9, cached_input: 4, output: 1, ..Usage::default() }));
        meter.observe(&Event::Usage(Usage { output: 5, ..Usage::default() }));
        let usage = Usage { input: 9, cached_input: 4, output: 5, ..Usage::default() };
        assert_eq!(other.get(), Metered { usage: Some(usage), is_complete: false });
        meter.observe(&Event::End);
        assert_eq!(other.get(), Metered { usage: Some(usage), is_complete: true });
    }
}
