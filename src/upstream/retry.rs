//! Whether and when to try again. Pure: time and randomness come in.

use crate::http::Headers;
use crate::random::Rng;
use crate::time::http_date;
use std::time::Duration;

/// The first wait is at most this long, each further one at most twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// No wait that is drawn is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// An upstream that requests a longer pause is not tried again for this request.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(20);

/// Whether an answer with this status may be followed by another attempt.
pub(super) fn is_retried(status: u16) -> bool {
    matches!(status, 408 | 409 | 429 | 500..=599)
}

/// How long to wait before the next attempt at a target that failed `failures` times: full jitter,
/// anything from nothing to a limit that doubles.
pub(super) fn backoff(failures: u32, rng: &mut Rng) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let limit = u64::try_from(doubled.min(LONGEST_WAIT).as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.below(limit + 1))
}

/// How long an upstream wants to be left alone: for good (`x-should-retry`), or by `retry-after-ms`, or by
/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3). `now` is the time since the Unix epoch.
pub(super) fn retry_after(headers: &Headers, now: Duration) -> Option<Duration> {
    if headers.get("x-should-retry") == Some("false") {
        return Some(Duration::MAX);
    }
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number >= 0.0);
    // More than a `Duration` holds is still a wish to be left alone.
    let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    if let Some(millis) = headers.get("retry-after-ms").and_then(number) {
        return Some(time(millis / 1000.0));
    }
    let value = headers.get("retry-after")?;
    number(value).map(time).or_else(|| http_date(value.trim()).map(|date| date.saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_these_are_tried_again() {
        let retried: Vec<u16> = (100..600).filter(|status| is_retried(*status)).collect();
        let mut want = vec![408, 409, 429];
        want.extend(500..600);
        assert_eq!(retried, want);
    }

    #[test]
    fn waits_are_drawn_below_a_limit_that_doubles() {
        let mut rng = Rng::new(1);
        for (failures, limit) in [(1, 250), (2, 500), (3, 1000), (6, 8000), (60, 8000)] {
            let waits: Vec<Duration> = (0..2000).map(|_| backoff(failures, &mut rng)).collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(most.as_millis() <= limit && most.as_millis() > limit * 9 / 10, "{failures}: {most:?}");
            assert!(least.as_millis() < limit / 10, "{failures}: {least:?}");
        }
    }

    #[test]
    fn an_upstream_says_when() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = Duration::from_secs(784_111_777);
        let ms = |ms| Some(Duration::from_millis(ms));
        for (name, value, want) in [
            ("retry-after", "7", ms(7000)),
            ("Retry-After", " 0 ", ms(0)),
            ("retry-after", "1.5", ms(1500)),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "-0", ms(0)),
            ("retry-after", "99999999999999999999999", Some(Duration::MAX)),
            ("retry-after", "1e300", Some(Duration::MAX)),
            ("retry-after-ms", "99999999999999999999999999", Some(Duration::MAX)),
            ("retry-after-ms", "-5", None),
            (
                "retry-after",
                "Sun, 06 Nov 9999 08:49:37 GMT",
                Some(Duration::from_secs(253_397_494_177) - now),
            ),
            ("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT", ms(0)),
            ("retry-after", "Sun, 06 Nov 1912 08:49:37 GMT", None),
            ("retry-after", "soon", None),
            ("retry-after", "", None),
            ("retry-after-ms", "250", ms(250)),
            ("retry-after-ms", "x", None),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", ms(10_000)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT", ms(0)),
            ("retry-after", "Sun Nov  6 08:49:38 1994", ms(1000)),
            ("retry-after", "Sun, 06 Foo 1994 08:49:47 GMT", None),
            ("retry-after", "Sun, 06 Nov 1994 08:49 GMT", None),
            ("retry-after", "Sun, 99999999999999999999 Nov 1994 08:49:47 GMT", None),
            ("x", "7", None),
            ("x-should-retry", "false", Some(Duration::MAX)),
            ("x-should-retry", "true", None),
        ] {
            let headers = [(name, value)].into_iter().collect();
            assert_eq!(retry_after(&headers, now), want, "{name}: {value}");
        }
        let both = [("retry-after", "1"), ("retry-after-ms", "1200")].into_iter().collect();
        assert_eq!(retry_after(&both, now), ms(1200));
    }
}
