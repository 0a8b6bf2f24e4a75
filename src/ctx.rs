//! [`Ctx`]: what the outside supplies for one request: time and randomness.

use crate::random::Rng;
use std::time::Duration;

/// The surroundings of one request. A test fills it with constants and gets the same bytes
/// each time.
pub struct Ctx<'a> {
    /// When the request arrived, since the Unix epoch.
    pub now: Duration,
    /// 128 random bits, for [`crate::ids`] and [`Ctx::rng`].
    pub random: [u64; 2],
    /// How long ago the request arrived.
    pub elapsed: &'a dyn Fn() -> Duration,
}

impl Ctx<'_> {
    /// `created`: whole seconds since the Unix epoch.
    pub fn created(&self) -> u64 {
        self.now.as_secs()
    }

    /// Random numbers for the choices of one request; not for ids.
    pub fn rng(&self) -> Rng {
        Rng::new(self.random[0] ^ self.random[1].rotate_left(32))
    }
}
