//! [`TurnBody`]: an upstream's stream of another API as the body of an answer.

use super::Encoder;
use crate::http::{BodySource, Frame, Incoming, Outcome, Tokens};
use crate::turn::{Event, EventSource};
use crate::upstream::TurnStream;

/// The events of an upstream, written by an encoder.
pub struct TurnBody<B, E> {
    source: TurnStream<B>,
    encoder: E,
}

impl<B: Incoming, E: Encoder> TurnBody<B, E> {
    /// A body of these events.
    pub fn new(source: TurnStream<B>, encoder: E) -> Self {
        Self { source, encoder }
    }
}

impl<B: Incoming, E: Encoder> BodySource for TurnBody<B, E> {
    fn next(&mut self) -> Option<Frame> {
        let mut out = Vec::new();
        loop {
            let Some(step) = self.source.next() else {
                return (!out.is_empty()).then_some(Frame::Bytes(out));
            };
            let is_silent = matches!(step.event, Event::Ping);
            self.encoder.event(&step.event, &mut out);
            if step.more {
                continue;
            }
            self.encoder.end_step(&mut out);
            if !out.is_empty() {
                return Some(Frame::Bytes(out));
            }
            if is_silent {
                return Some(Frame::Silence);
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let tokens = self.source.usage().map(|usage| Tokens { input: usage.input, output: usage.output });
        Outcome { broken: self.source.failure().map(str::to_owned), tokens }
    }
}
