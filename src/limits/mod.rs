//! Limits that several copies of the gateway share: what a request may use is reserved before it is answered, and replaced by
//! what it used once its body has ended.
//!
//! [`Counter`]s are the limits that apply to a request. [`Reservation`] is what the request holds of them: made in one
//! command, renewed while a body moves, settled at its end. [`demand`] reads what a request may use, [`report`] has the
//! errors and header fields of both APIs. Counters are in the store alone; the scripts use the store's clock, so that hosts
//! with different clocks agree.

pub mod demand;
pub mod report;
mod script;

use crate::config::{Config, Limit, Measure, OnFailure, Per, applied};
use crate::cost::Usd;
use crate::store::{Store, StoreError, StoreErrorKind};
use crate::transport::Transport;
use std::cell::RefCell;
use std::time::Duration;

/// A limit, and where its counter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The limit.
    pub limit: Limit,
    /// The name of its key in the store.
    pub key: String,
}

/// The limits that apply to requests of a caller for a model. `own` are those of the caller's key, `identity` is what the
/// caller is known by.
pub fn counters(config: &Config, own: &[Limit], identity: &str, model: &str) -> Vec<Counter> {
    let Some(store) = &config.store else { return Vec::new() };
    let counter = |limit: Limit| {
        let (key, model) = match limit.per {
            Per::Key => (identity, ""),
            Per::Model => ("", model),
            Per::KeyAndModel => (identity, model),
            Per::All => ("", ""),
        };
        let about = [limit.per.name(), key, model];
        let key = store.key_name(limit.measure.name(), &about, limit.measure.window());
        Counter { limit, key }
    };
    applied(&config.limits, own).map(counter).collect()
}

/// How much of each measure a request uses, or may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Requests: 1, or 0 for one that was refused before anything was done.
    pub requests: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// Cost.
    pub usd: Usd,
}

impl Amounts {
    fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Requests(..) => self.requests,
            Measure::Tokens(..) => self.tokens,
            Measure::Usd(..) => self.usd.nanos(),
            Measure::Concurrent { .. } => 1,
        }
    }
}

/// What the store replied for one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// How much was used before the request.
    pub used: u64,
    /// Until nothing of the window is used any more.
    pub reset: Duration,
    /// Until the request fits; `None`: it does.
    pub wait: Option<Wait>,
}

/// When a request fits into a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// After this time, if nothing else is used meanwhile.
    For(Duration),
    /// Never: it may use more than the limit.
    Never,
}

/// What the store replied for all limits of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Readings {
    granted: bool,
    /// The store's clock, since the Unix epoch.
    now: Duration,
    each: Vec<Reading>,
}

/// What one request has reserved of the limits that apply to it.
#[derive(Debug, Default)]
pub struct Reservation(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// The lease's id; unlike a request's id, no caller chooses it.
    id: String,
    counters: Vec<Counter>,
    amounts: Amounts,
    /// What an attempt without an answer counts: the prompt's tokens and their cost.
    per_failed_attempt: Amounts,
    /// What the store replied; `None` where it did not.
    readings: Option<Readings>,
    /// Why the store did not reply.
    failure: Option<String>,
    /// When leases were renewed last, since the request arrived.
    renewed: Duration,
}

/// Why a request may not proceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is over a limit.
    Over(Over),
    /// The store does not reply, and `store.on_failure` is `deny`.
    StoreDown,
    /// The caller closed its connection before the store replied.
    CallerGone,
}

/// The limit that a request is over, with what it would have used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// The limit.
    pub limit: Limit,
    /// How much of it is used.
    pub used: u64,
    /// How much the request may use.
    pub requested: u64,
    /// When the request fits.
    pub wait: Wait,
}

/// How often a settlement is tried, and how long to wait before each further attempt: a store that restarts is away for
/// about a second.
const SETTLE_WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

impl Reservation {
    /// Reserves what a request may use, in all its limits or in none.
    ///
    /// # Errors
    ///
    /// If it is over a limit, or the store does not reply and requests are then denied.
    pub fn reserve<T: Transport>(
        &self,
        store: &Store<'_, T>,
        counters: Vec<Counter>,
        amounts: Amounts,
        per_failed_attempt: Amounts,
        id: String,
    ) -> Result<(), Refusal> {
        let namespace = &store.settings().namespace;
        let command = script::reserve(namespace, &counters, amounts, &id);
        let reply = command.execute(store).and_then(|reply| script::readings(&reply, counters.len()));
        let has_budget = counters.iter().any(|counter| matches!(counter.limit.measure, Measure::Usd(..)));
        let default = if has_budget { OnFailure::Deny } else { OnFailure::Allow };
        let on_failure = store.settings().on_failure.unwrap_or(default);
        let mut state = self.0.borrow_mut();
        *state = State { id, counters, amounts, per_failed_attempt, ..State::default() };
        match reply {
            Ok(readings) => {
                let over = (!readings.granted).then(|| state.over(&readings)).flatten();
                state.readings = Some(readings);
                over.map_or(Ok(()), |over| Err(Refusal::Over(over)))
            }
            Err(error) => {
                state.failure = Some(error.to_string());
                match on_failure {
                    // There is no caller to answer, and an upstream would be paid for nothing.
                    _ if error.kind == StoreErrorKind::CallerGone => Err(Refusal::CallerGone),
                    OnFailure::Allow => Ok(()),
                    OnFailure::Deny => Err(Refusal::StoreDown),
                }
            }
        }
    }

    /// Why the store did not reply, for the log.
    pub fn failure(&self) -> Option<String> {
        self.0.borrow().failure.clone()
    }

    /// What an attempt without an answer counts: the prompt's tokens and their cost.
    pub fn per_failed_attempt(&self) -> Amounts {
        self.0.borrow().per_failed_attempt
    }

    /// Whether limits apply to the request.
    pub fn has_limits(&self) -> bool {
        !self.0.borrow().counters.is_empty()
    }

    /// Replaces what was reserved by what was used. Whatever fails here leaves the reservation counted.
    ///
    /// # Errors
    ///
    /// If the store does not reply to any of several attempts.
    pub fn settle<T: Transport>(
        &self,
        store: &Store<'_, T>,
        used: Amounts,
        transport: &T,
    ) -> Result<(), StoreError> {
        let state = self.0.borrow();
        // A reservation whose reply was lost may have been made; one that was refused was not.
        let may_be_held =
            state.readings.as_ref().map_or(state.failure.is_some(), |readings| readings.granted);
        if state.counters.is_empty() || !may_be_held {
            return Ok(());
        }
        let namespace = &store.settings().namespace;
        let command = script::settle(namespace, &state.counters, state.amounts, used, &state.id);
        let mut result = command.execute(store);
        // Without a reply the reservation may not exist, so one attempt is enough.
        let waits = if state.readings.is_some() { &SETTLE_WAITS[..] } else { &[] };
        for wait in waits {
            if result.is_ok() {
                break;
            }
            transport.wait(&[], Some(*wait));
            result = command.execute(store);
        }
        result.map(|_| ())
    }

    /// Renews the leases of a body that moves, once a third of their time is over.
    pub fn renew<T: Transport>(&self, store: &Store<'_, T>, elapsed: Duration) {
        let mut state = self.0.borrow_mut();
        let granted = state.readings.as_ref().is_some_and(|readings| readings.granted);
        let leases = state.counters.iter().filter_map(|counter| match counter.limit.measure {
            Measure::Concurrent { lease, .. } => Some((counter.key.as_str(), lease)),
            _ => None,
        });
        let leases: Vec<_> = leases.filter(|_| granted).collect();
        let Some(shortest) = leases.iter().map(|(_, lease)| *lease).min() else { return };
        if elapsed < state.renewed + shortest / 3 {
            return;
        }
        let command = script::renew(&leases, &state.id);
        // Where it fails, the next piece of the body tries again.
        if command.execute(store).is_ok() {
            state.renewed = elapsed;
        }
    }
}

impl State {
    /// The limit that a request is over: one it never fits into, else the one that it waits for the longest.
    fn over(&self, readings: &Readings) -> Option<Over> {
        let all = self.counters.iter().zip(&readings.each).filter_map(|(counter, reading)| {
            let requested = self.amounts.of(counter.limit.measure);
            Some(Over { limit: counter.limit, used: reading.used, requested, wait: reading.wait? })
        });
        all.max_by_key(|over| match over.wait {
            Wait::Never => Duration::MAX,
            Wait::For(time) => time,
        })
    }
}

/// How much of each limit is used, without reserving anything.
///
/// # Errors
///
/// If the store does not reply.
pub fn usage<T: Transport>(store: &Store<'_, T>, counters: &[Counter]) -> Result<Vec<Reading>, StoreError> {
    if counters.is_empty() {
        return Ok(Vec::new());
    }
    let command = script::read(&store.settings().namespace, counters);
    let reply = command.execute(store)?;
    script::readings(&reply, counters.len()).map(|readings| readings.each)
}

impl Limit {
    /// How much there may be, in the measure's unit; money in nano-dollars.
    pub fn max(self) -> u64 {
        match self.measure {
            Measure::Requests(most, _) | Measure::Tokens(most, _) | Measure::Concurrent { most, .. } => most,
            Measure::Usd(most, _) => most.nanos(),
        }
    }
}
