//! The commands of the limits, and their replies.

use super::{Amounts, Counter, Reading, Readings, Wait};
use crate::config::{Measure, Period};
use crate::store::{Reply, Script, Store, StoreError, StoreErrorKind};
use crate::transport::Transport;
use std::time::Duration;

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// How long a reservation can be settled: longer than any answer takes.
const KEPT: Duration = Duration::from_secs(86_400);

/// A script with its keys and arguments.
pub(super) struct Command {
    script: Script,
    keys: Vec<String>,
    arguments: Vec<String>,
}

impl Command {
    /// Executes it.
    ///
    /// # Errors
    ///
    /// If the store does not reply.
    pub(super) fn execute<T: Transport>(&self, store: &Store<'_, T>) -> Result<Reply, StoreError> {
        store.eval(self.script, &self.keys, &self.arguments)
    }
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

/// A limit's kind, and its window or lease.
fn kind(measure: Measure) -> (&'static str, Duration) {
    match measure {
        Measure::Requests(_, window) | Measure::Tokens(_, window) => ("w", window.length()),
        Measure::Usd(_, Period::Day) => ("d", Duration::ZERO),
        Measure::Usd(_, Period::Month) => ("m", Duration::ZERO),
        Measure::Concurrent { lease, .. } => ("c", lease),
    }
}

fn keys(namespace: &str, counters: &[Counter], id: &str) -> Vec<String> {
    let mut keys = vec![format!("{{portcullis:{namespace}}}:reservation:{id}")];
    keys.extend(counters.iter().map(|counter| counter.key.clone()));
    keys
}

/// Reserves amounts for a lease.
pub(super) fn reserve(namespace: &str, counters: &[Counter], amounts: Amounts, id: &str) -> Command {
    let mut arguments = vec![id.to_owned(), millis(KEPT)];
    for Counter { limit, .. } in counters {
        let (kind, time) = kind(limit.measure);
        let amount = amounts.of(limit.measure).to_string();
        arguments.extend([kind.to_owned(), limit.max().to_string(), amount, millis(time)]);
    }
    Command { script: RESERVE, keys: keys(namespace, counters, id), arguments }
}

/// Reads limits without reserving anything.
pub(super) fn read(namespace: &str, counters: &[Counter]) -> Command {
    let mut arguments = vec![String::new(), "0".to_owned()];
    for Counter { limit, .. } in counters {
        let (kind, time) = kind(limit.measure);
        arguments.extend([kind.to_owned(), limit.max().to_string(), "0".to_owned(), millis(time)]);
    }
    Command { script: RESERVE, keys: keys(namespace, counters, "none"), arguments }
}

/// Replaces what a lease reserved by what was used.
pub(super) fn settle(
    namespace: &str,
    counters: &[Counter],
    reserved: Amounts,
    used: Amounts,
    id: &str,
) -> Command {
    let mut arguments = vec![id.to_owned(), "0".to_owned()];
    for Counter { limit, .. } in counters {
        let (kind, time) = kind(limit.measure);
        let amounts = [reserved, used].map(|amounts| amounts.of(limit.measure).to_string());
        arguments.push(kind.to_owned());
        arguments.extend(amounts);
        arguments.push(millis(time));
    }
    Command { script: SETTLE, keys: keys(namespace, counters, id), arguments }
}

/// Renews the leases of a request: keys with the length of each.
pub(super) fn renew(leases: &[(&str, Duration)], id: &str) -> Command {
    let keys = leases.iter().map(|(key, _)| (*key).to_owned()).collect();
    let times = leases.iter().map(|(_, lease)| millis(*lease));
    Command { script: RENEW, keys, arguments: std::iter::once(id.to_owned()).chain(times).collect() }
}

/// The reply to [`reserve`] and [`read`] for so many limits.
pub(super) fn readings(reply: &Reply, limits: usize) -> Result<Readings, StoreError> {
    let numbers = reply.integers()?;
    let [granted, now, each @ ..] = numbers.as_slice() else { return Err(unreadable()) };
    if each.len() != 3 * limits {
        return Err(unreadable());
    }
    let time = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let reading = |[used, reset, wait]: &[i64; 3]| Reading {
        used: u64::try_from(*used).unwrap_or(0),
        reset: time(*reset),
        wait: match *wait {
            0 => None,
            ..0 => Some(Wait::Never),
            ms => Some(Wait::For(time(ms))),
        },
    };
    let (each, _) = each.as_chunks();
    Ok(Readings { granted: *granted == 1, now: time(*now), each: each.iter().map(reading).collect() })
}

fn unreadable() -> StoreError {
    let reason = "it is not the reply of the script".to_owned();
    StoreError { kind: StoreErrorKind::Unreadable, reason }
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
