//! [`EventStream`]: the events of an answer as the steps of a streamed body.

use crate::http::StreamStep;
use crate::turn::{Event, EventSource};
use std::time::Duration;

/// Writes the events of an answer in the format of one API's streams.
pub trait Encoder {
    /// Appends what an event becomes, which may be nothing.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Appends what was kept for the next event of a step, since there is none.
    fn end_step(&mut self, _out: &mut Vec<u8>) {}
}

impl<E: Encoder + ?Sized> Encoder for Box<E> {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        (**self).event(event, out);
    }

    fn end_step(&mut self, out: &mut Vec<u8>) {
        (**self).end_step(out);
    }
}

/// How long a stream is silent before it is cut: a host may drop what it has not yet sent.
const BEFORE_CUT: Duration = Duration::from_millis(50);

/// The steps of a body: what each event becomes, and the waits between them.
pub struct EventStream<S, E> {
    source: S,
    encoder: E,
    /// What goes out once its wait is over.
    held: Vec<u8>,
    cut: Cut,
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
    /// A stream that is cut after so many events of the format, if it is to be.
    pub fn new(source: S, encoder: E, cut_after: Option<u32>) -> Self {
        let cut = match cut_after {
            None => Cut::Never,
            Some(0) => Cut::Due,
            Some(count) => Cut::After(count),
        };
        Self { source, encoder, held: Vec::new(), cut }
    }

    /// The bytes of the next step that has any, or its wait.
    fn next_step(&mut self) -> Option<StreamStep> {
        if !self.held.is_empty() {
            return Some(StreamStep::Data(std::mem::take(&mut self.held)));
        }
        loop {
            let mut out = Vec::new();
            let mut wait = None;
            loop {
                let step = self.source.next()?;
                wait = wait.or(step.wait);
                self.encoder.event(&step.event, &mut out);
                if !step.more {
                    break;
                }
            }
            self.encoder.end_step(&mut out);
            if let Some(wait) = wait {
                self.held = out;
                return Some(StreamStep::Pause(wait));
            }
            if !out.is_empty() {
                return Some(StreamStep::Data(out));
            }
        }
    }
}

impl<S: EventSource, E: Encoder> Iterator for EventStream<S, E> {
    type Item = StreamStep;

    fn next(&mut self) -> Option<StreamStep> {
        match &mut self.cut {
            Cut::Never => self.next_step(),
            Cut::After(_) => {
                let mut step = self.next_step()?;
                if let (StreamStep::Data(bytes), Cut::After(left)) = (&mut step, &mut self.cut) {
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
                Some(StreamStep::Pause(BEFORE_CUT))
            }
            Cut::Due => {
                self.cut = Cut::Done;
                Some(StreamStep::Abort)
            }
            Cut::Done => None,
        }
    }
}
