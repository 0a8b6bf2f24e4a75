//! [`EventSource`]: where the events of an answer come from, one at a time.

use super::Event;
use std::time::Duration;

/// One event of an answer, and when it is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'a> {
    /// How long to wait before the event goes out, counted from the step before it.
    pub wait: Option<Duration>,
    /// The event.
    pub event: Event<'a>,
    /// Whether the next event belongs to the same step, so that an encoder may write both as one.
    pub more: bool,
}

impl<'a> Step<'a> {
    /// A step of one event that is due at once.
    pub fn now(event: Event<'a>) -> Self {
        Self { wait: None, event, more: false }
    }
}

/// The events of one answer. Each is made when it is requested, so that a long answer is never held whole.
pub trait EventSource {
    /// The next step; `None` after [`Event::End`] or [`Event::Error`].
    ///
    /// A source that waits for an upstream returns [`Event::Ping`] now and then, so that the gateway can check
    /// whether the answer is still read.
    fn next(&mut self) -> Option<Step<'_>>;

    /// Why the answer ended early, for the log, once; `None` where it is complete.
    fn take_failure(&mut self) -> Option<String> {
        None
    }
}
