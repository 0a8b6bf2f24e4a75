//! [`EventStream`]: the events of an answer as the items of a streamed body.

use crate::http::BodyItem;
use crate::turn::{Event, EventSource, UsageMeter};
use std::time::Duration;

/// Writes the events of an answer in the format of one API's streams.
pub trait Encoder {
    /// Appends what an event becomes, which may be nothing.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Appends the next part of what an event became, where that is too long to be held at once; false where nothing is
    /// left. It comes before what the next step becomes.
    fn more(&mut self, _out: &mut Vec<u8>) -> bool {
        false
    }

    /// Appends what was kept for the next event of a step, since there is none.
    fn end_step(&mut self, _out: &mut Vec<u8>) {}

    /// Takes note of a wait before the next event, for formats that state when an answer was complete.
    fn waited(&mut self, _wait: Duration) {}
}

impl<E: Encoder + ?Sized> Encoder for Box<E> {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        (**self).event(event, out);
    }

    fn more(&mut self, out: &mut Vec<u8>) -> bool {
        (**self).more(out)
    }

    fn end_step(&mut self, out: &mut Vec<u8>) {
        (**self).end_step(out);
    }

    fn waited(&mut self, wait: Duration) {
        (**self).waited(wait);
    }
}

/// How long a stream is silent before it is cut: a host may drop what it has not yet sent.
const BEFORE_CUT: Duration = Duration::from_millis(50);

/// The items of a body: what each event of the engine or of an upstream becomes, and the waits between them.
pub struct EventStream<S, E> {
    source: S,
    encoder: E,
    meter: UsageMeter,
    /// What goes out once its wait is over.
    held: Vec<u8>,
    cut: Cut,
    has_ended: bool,
}

/// Where a stream is cut.
enum Cut {
    Never,
    /// After so many more events of the format.
    After(u32),
    /// Once the host has had time to send what it has.
    Waiting,
    /// Now.
    Due,
    Done,
}

impl<S: EventSource, E: Encoder> EventStream<S, E> {
    /// A stream of all events of a source. `meter` gets what the events report.
    pub fn new(source: S, encoder: E, meter: UsageMeter) -> Self {
        Self { source, encoder, meter, held: Vec::new(), cut: Cut::Never, has_ended: false }
    }

    /// The same stream, whose connection breaks off after so many events of the format, if it is to.
    #[must_use]
    pub fn cut_after(mut self, events: Option<u32>) -> Self {
        self.cut = match events {
            None => Cut::Never,
            Some(0) => Cut::Due,
            Some(count) => Cut::After(count),
        };
        self
    }

    /// The bytes of the next step that has any, or its wait.
    fn next_step(&mut self) -> Option<BodyItem> {
        if !self.held.is_empty() {
            return Some(BodyItem::Data(std::mem::take(&mut self.held)));
        }
        let mut out = Vec::new();
        let mut wait = None;
        let mut is_within_step = false;
        loop {
            if !is_within_step && self.encoder.more(&mut out) {
                return Some(BodyItem::Data(out));
            }
            if self.has_ended {
                break;
            }
            let Some(step) = self.source.next() else {
                self.has_ended = true;
                is_within_step = false;
                continue;
            };
            is_within_step = step.more;
            wait = wait.or(step.wait);
            let is_silent = matches!(step.event, Event::Ping);
            self.meter.observe(&step.event);
            step.wait.into_iter().for_each(|wait| self.encoder.waited(wait));
            self.encoder.event(&step.event, &mut out);
            if step.more {
                continue;
            }
            self.encoder.end_step(&mut out);
            if let Some(wait) = wait {
                self.held = out;
                return Some(BodyItem::Pause(wait));
            }
            if !out.is_empty() {
                return Some(BodyItem::Data(out));
            }
            if is_silent {
                return Some(BodyItem::Silence);
            }
        }
        if !out.is_empty() {
            return Some(BodyItem::Data(out));
        }
        self.source.take_failure().map(BodyItem::Failed)
    }
}

impl<S: EventSource, E: Encoder> Iterator for EventStream<S, E> {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        match &mut self.cut {
            Cut::Never => self.next_step(),
            Cut::After(_) => {
                let mut step = self.next_step()?;
                if let (BodyItem::Data(bytes), Cut::After(left)) = (&mut step, &mut self.cut) {
                    let ends: Vec<usize> = super::sse::event_ends(bytes).collect();
                    match ends.get(*left as usize - 1) {
                        Some(end) => {
                            bytes.truncate(*end);
                            self.cut = Cut::Waiting;
                        }
                        None => *left -= ends.len() as u32,
                    }
                }
                Some(step)
            }
            Cut::Waiting => {
                self.cut = Cut::Due;
                Some(BodyItem::Pause(BEFORE_CUT))
            }
            Cut::Due => {
                self.cut = Cut::Done;
                Some(BodyItem::Abort("a rule of the engine".to_owned()))
            }
            Cut::Done => None,
        }
    }
}
