//! Time and randomness.

use crate::ctx::Ctx;
use std::time::Duration;
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::random::random;

/// When a request arrived.
pub(super) struct Clock {
    arrived: wall_clock::Datetime,
    start: monotonic_clock::Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { start: monotonic_clock::now(), arrived: wall_clock::now() }
    }

    /// How long ago that was.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now().saturating_sub(self.start))
    }

    pub(super) fn ctx<'a>(&self, elapsed: &'a dyn Fn() -> Duration) -> Ctx<'a> {
        Ctx {
            now: Duration::new(self.arrived.seconds, self.arrived.nanoseconds),
            random: [random::get_random_u64(), random::get_random_u64()],
            elapsed,
        }
    }
}
