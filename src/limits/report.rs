//! How limits are reported to callers: the errors and header fields of OpenAI's and of Anthropic's API.

use super::{Over, Readings, Refusal, Reservation, Wait};
use crate::config::{Limit, Measure, Window};
use crate::cost::Usd;
use crate::error::{ApiError, Kind};
use crate::http::Headers;
use crate::router::ApiFamily;
use crate::time::rfc3339;
use std::time::Duration;

/// The error of a request that may not proceed.
pub fn error(refusal: &Refusal, model: &str, family: ApiFamily) -> ApiError {
    let over = match refusal {
        Refusal::Over(over) => over,
        Refusal::StoreDown | Refusal::CallerGone => {
            let message = "The gateway cannot check its limits at the moment. Please try again later.";
            return ApiError::new(Kind::StoreUnavailable, message);
        }
    };
    match (over.limit.measure, family) {
        (Measure::Usd(..), _) => ApiError::new(Kind::InsufficientQuota, budget(over, family)),
        (Measure::Concurrent { .. }, ApiFamily::Anthropic) => ApiError::new(
            Kind::RequestLimit,
            "Number of concurrent connections has exceeded your rate limit. Please try again later.",
        ),
        (measure, ApiFamily::Anthropic) => {
            let (_, window, _) = names(measure);
            let what = measure.name();
            let message = format!(
                "This request would exceed the rate limit of {} {what} per {window}.",
                over.limit.max()
            );
            ApiError::new(kind(measure), message)
        }
        (measure, ApiFamily::OpenAi) => ApiError::new(kind(measure), rate(over, model)),
    }
}

fn kind(measure: Measure) -> Kind {
    match measure {
        Measure::Tokens(..) => Kind::TokenLimit,
        _ => Kind::RequestLimit,
    }
}

/// What is counted, per which window, and the abbreviation.
fn names(measure: Measure) -> (&'static str, &'static str, &'static str) {
    match measure {
        Measure::Requests(_, Window::Minute) => ("requests per min", "minute", " (RPM)"),
        Measure::Requests(_, Window::Hour) => ("requests per hour", "hour", " (RPH)"),
        Measure::Requests(_, Window::Day) => ("requests per day", "day", " (RPD)"),
        Measure::Tokens(_, Window::Minute) => ("tokens per min", "minute", " (TPM)"),
        Measure::Tokens(_, Window::Hour) => ("tokens per hour", "hour", " (TPH)"),
        Measure::Tokens(_, Window::Day) => ("tokens per day", "day", " (TPD)"),
        Measure::Usd(..) => ("US dollars", measure.window(), ""),
        Measure::Concurrent { .. } => ("concurrent requests", "", ""),
    }
}

fn rate(over: &Over, model: &str) -> String {
    let (what, _, short) = names(over.limit.measure);
    let (most, used, requested) = (over.limit.max(), over.used, over.requested);
    match over.wait {
        Wait::Never => format!(
            "Request too large for {model} on {what}{short}: Limit {most}, Requested {requested}. The input or output \
             tokens must be reduced in order to run successfully. Visit \
             https://platform.openai.com/account/rate-limits to learn more."
        ),
        Wait::For(time) => format!(
            "Rate limit reached for {model} on {what}{short}: Limit {most}, Used {used}, Requested {requested}. Please \
             try again in {}. Visit https://platform.openai.com/account/rate-limits to learn more.",
            duration(time)
        ),
    }
}

fn budget(over: &Over, family: ApiFamily) -> String {
    let may_cost = Usd::from_nanos(over.requested);
    let period = over.limit.measure.window();
    match family {
        ApiFamily::OpenAi => format!(
            "You exceeded your current quota, please check your plan and billing details. For more information on this \
             error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors. (This request may \
             cost up to ${may_cost}, which is more than is left of the budget of this {period}.)"
        ),
        ApiFamily::Anthropic => format!(
            "Your budget does not cover this request: it may cost up to ${may_cost}, which is more than is left of the \
             budget of this {period}."
        ),
    }
}

/// A time as the live API's `x-ratelimit-reset-…` have it: `17ms`, `8.64s`, `6m0s`, `1h0m0s`.
pub fn duration(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let mut seconds = format!("{}.{:03}", ms / 1000 % 60, ms % 1000);
    seconds.truncate(seconds.trim_end_matches('0').trim_end_matches('.').len());
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// A limit of one measure as it is shown.
struct Shown {
    most: u64,
    remaining: u64,
    reset: Duration,
}

/// The tightest of the limits of one measure: the one of which the least is left.
fn tightest(readings: &Readings, limits: &[(Limit, u64)], measure: &str) -> Option<Shown> {
    let all = limits.iter().zip(&readings.each).filter(|((limit, _), _)| limit.measure.name() == measure);
    let shown = all.map(|((limit, amount), reading)| {
        let amount = if readings.granted { *amount } else { 0 };
        let used = reading.used.saturating_add(amount);
        Shown { most: limit.max(), remaining: limit.max().saturating_sub(used), reset: reading.reset }
    });
    shown.min_by_key(|shown| shown.remaining)
}

impl Reservation {
    /// Adds the header fields of an answer to which limits apply, in place of an upstream's of the same names.
    pub fn add_fields(&self, headers: &mut Headers, family: ApiFamily) {
        let state = self.0.borrow();
        if state.counters.is_empty() {
            return;
        }
        let mut set = |name: String, value: String| {
            *headers = std::mem::take(headers).without(&name);
            headers.push(name, value);
        };
        let Some(readings) = &state.readings else {
            set("x-portcullis-store".to_owned(), "down".to_owned());
            return;
        };
        let limits: Vec<_> = state
            .counters
            .iter()
            .map(|counter| (counter.limit, state.amounts.of(counter.limit.measure)))
            .collect();
        for measure in ["requests", "tokens"] {
            let Some(shown) = tightest(readings, &limits, measure) else { continue };
            let name = |part: &str| match family {
                ApiFamily::OpenAi => format!("x-ratelimit-{part}-{measure}"),
                ApiFamily::Anthropic => format!("anthropic-ratelimit-{measure}-{part}"),
            };
            let reset = match family {
                ApiFamily::OpenAi => duration(shown.reset),
                ApiFamily::Anthropic => {
                    rfc3339(Duration::from_secs((readings.now + shown.reset).as_secs() + 1))
                }
            };
            set(name("limit"), shown.most.to_string());
            set(name("remaining"), shown.remaining.to_string());
            set(name("reset"), reset);
        }
        let over = if readings.granted { None } else { state.over(readings) };
        if let Some(over) = over {
            if let Wait::For(time) = over.wait {
                set("retry-after".to_owned(), time.as_millis().div_ceil(1000).to_string());
                set("retry-after-ms".to_owned(), time.as_millis().to_string());
            }
            // SDKs retry every 429 otherwise.
            let is_of_use = over.wait != Wait::Never && !matches!(over.limit.measure, Measure::Usd(..));
            set("x-should-retry".to_owned(), is_of_use.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_as_the_live_api_s() {
        for (ms, want) in [
            (0, "0ms"),
            (17, "17ms"),
            (8640, "8.64s"),
            (1000, "1s"),
            (360_000, "6m0s"),
            (61_005, "1m1.005s"),
            (3_600_000, "1h0m0s"),
            (86_399_999, "23h59m59.999s"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), want);
        }
    }
}
