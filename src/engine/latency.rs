//! [`TokenTiming`]: how long an answer takes to generate.

use crate::config::engine::Latency;
use crate::random::{mix, unit};
use std::time::Duration;

/// When the tokens of an answer come; the same for the same request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct TokenTiming {
    latency: Latency,
    seed: u64,
}

impl TokenTiming {
    /// The timing of an answer; `seed` is called only where it makes a difference.
    pub(super) fn new(latency: Latency, seed: impl FnOnce() -> u64) -> Self {
        let strays = !latency.is_none() && latency.jitter.0 > 0.0;
        Self { latency, seed: if strays { seed() } else { 0 } }
    }

    /// How long it takes from the end of the tokens generated so far to the end of some more; nothing, if answers
    /// are not held back.
    pub(super) fn wait(&self, done: usize, more: usize) -> Option<Duration> {
        if self.latency.is_none() || more == 0 {
            return None;
        }
        let micros: u64 = (done..done.saturating_add(more)).map(|token| self.micros(token)).sum();
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    fn micros(&self, token: usize) -> u64 {
        let ms = if token == 0 { self.latency.ttft_ms } else { self.latency.per_token_ms };
        let stray = self.latency.jitter.0 * (2.0 * unit(mix(self.seed, token as u64)) - 1.0);
        (f64::from(ms) * 1000.0 * (1.0 + stray)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::engine::Share;

    #[test]
    fn tokens_come_at_their_pace() {
        let latency = Latency { ttft_ms: 100, per_token_ms: 10, jitter: Share(0.0) };
        let pace = TokenTiming::new(latency, || 1);
        let ms = Duration::from_millis;
        assert_eq!(
            (pace.wait(0, 1), pace.wait(1, 1), pace.wait(0, 3)),
            (Some(ms(100)), Some(ms(10)), Some(ms(120)))
        );
        assert_eq!((pace.wait(0, 0), TokenTiming::default().wait(0, 5)), (None, None));
        let stray = TokenTiming::new(Latency { jitter: Share(0.5), ..latency }, || 1);
        let waits: Vec<_> = (1..50).filter_map(|token| stray.wait(token, 1)).collect();
        assert!(waits.iter().all(|wait| (ms(5)..=ms(15)).contains(wait)), "{waits:?}");
        assert!(
            waits.iter().any(|wait| *wait < ms(8)) && waits.iter().any(|wait| *wait > ms(12)),
            "{waits:?}"
        );
        assert_eq!(stray.wait(3, 1), stray.wait(3, 1));
    }
}
