//! Time and randomness.

use crate::ctx::Ctx;
use crate::random::scatter;
use std::sync::OnceLock;
use std::time::Duration;
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::random::random::get_random_u64;

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
        Ctx { now: Duration::new(self.arrived.seconds, self.arrived.nanoseconds), random: random(), elapsed }
    }
}

/// 128 bits for the ids of a request: 64 of its own, and as many of which an instance's share is kept, so that a
/// reused instance calls the host once. Two requests of an instance share ids only if they share their own bits.
fn random() -> [u64; 2] {
    static INSTANCE: OnceLock<u64> = OnceLock::new();
    let own = get_random_u64();
    let instance = *INSTANCE.get_or_init(get_random_u64);
    // A bijection of the instance's share.
    [own, scatter(own ^ instance)]
}
