//! Whether and when to try again. Pure: time and randomness come in.

use crate::http::Headers;
use crate::random::Rng;
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
    number(value).map(time).or_else(|| date(value.trim()).map(|date| date.saturating_sub(now)))
}

/// A date in any of the three forms a recipient must take (RFC 9110, section 5.6.7).
fn date(text: &str) -> Option<Duration> {
    // The names of days add nothing to the rest.
    let (_, rest) = text.split_once(' ')?;
    let words: Vec<&str> = rest.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        // `Sun, 06 Nov 1994 08:49:37 GMT` and `Sunday, 06-Nov-94 08:49:37 GMT`
        [day, month, year, time, "GMT"] => (day, month, year, time),
        // `Sun Nov  6 08:49:37 1994`
        [month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let year = match (number(year)?, year.len()) {
        // Two digits: no upstream requests a pause of decades.
        (year, 2) => 2000 + year,
        (year, 4) if year >= 1970 => year,
        _ => return None,
    };
    let clock: Vec<u64> = time.split(':').map(number).collect::<Option<_>>()?;
    let &[hour, minute, second] = clock.as_slice() else { return None };
    let day = number(day).filter(|day| (1..=31).contains(day))?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Duration::from_secs(seconds))
}

/// Days from 1 January 1970 to a day of a year from then on.
fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    // A year is counted from 1 March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (365 * year + year / 4 - year / 100 + year / 400 + day_of_year).saturating_sub(719_468)
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

    #[test]
    fn dates_are_counted_right() {
        for (text, want) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Friday, 31-Dec-26 23:59:59 GMT", 1_798_761_599),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(date(text), Some(Duration::from_secs(want)), "{text}");
        }
    }
}
