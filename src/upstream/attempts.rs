//! One request's attempts: which target is tried, when the next one follows, which answer counts.

use super::attempt::{Attempt, AttemptResult, Failed, Next, Polled, Stage};
use super::dialect;
use super::peeked_json::Needs;
use super::retry::{self, LONGEST_RETRY_AFTER};
use super::target_order;
use crate::config::{Plan, Target, Upstream};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::random::Rng;
use crate::transport::{Outgoing, Pending, SendErrorKind, Transport};
use std::borrow::Cow;
use std::time::Duration;

/// A request as it goes to one target.
pub(super) struct Prepared<'a> {
    pub(super) method: &'a str,
    pub(super) path: String,
    pub(super) headers: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    pub(super) body: Vec<Cow<'a, [u8]>>,
    /// The parameters that are left out for this target.
    pub(super) dropped: Vec<String>,
    /// What the answer must have.
    pub(super) needs: Needs,
}

/// The result of all attempts.
pub(super) struct Outcome<B> {
    /// The answer that counts, or that there is none.
    pub(super) result: AttemptResult<B>,
    /// An index into the plan's targets: the one that answered, or that was tried last.
    pub(super) target: usize,
    /// How many requests were sent.
    pub(super) attempts: u32,
    /// What went wrong on the way, for the log.
    pub(super) reasons: Vec<String>,
}

/// A place in the order of targets, and its record.
struct Place {
    /// An index into the plan's targets.
    target: usize,
    failures: u32,
    /// Whether a request was sent to it.
    tried: bool,
    /// When it may be tried (again); `None`: not for this request.
    free: Option<Duration>,
}

/// The attempts of one request, and what they need.
pub(super) struct Attempts<'a, T: Transport> {
    plan: &'a Plan,
    upstreams: &'a [Upstream],
    transport: &'a T,
    ctx: &'a Ctx<'a>,
    /// Makes the request for a target.
    prepare: &'a dyn Fn(&'a Target) -> Result<Prepared<'a>, ApiError>,
    rng: Rng,
    places: Vec<Place>,
    live: Vec<Attempt<'a, T>>,
    started: Duration,
    attempts: u32,
    /// How many of the attempts were at targets tried before.
    retries: u32,
    last: Option<(usize, AttemptResult<T::Body>)>,
    reasons: Vec<String>,
}

impl<'a, T: Transport> Attempts<'a, T> {
    /// Attempts at the targets of a plan. `prepare` makes the request for a target.
    pub(super) fn new(
        plan: &'a Plan,
        upstreams: &'a [Upstream],
        transport: &'a T,
        ctx: &'a Ctx<'a>,
        prepare: &'a dyn Fn(&'a Target) -> Result<Prepared<'a>, ApiError>,
    ) -> Self {
        let mut rng = ctx.rng();
        let places = target_order::order(plan, &mut rng)
            .into_iter()
            .map(|target| Place { target, failures: 0, tried: false, free: Some(Duration::ZERO) })
            .collect();
        Self {
            plan,
            upstreams,
            transport,
            ctx,
            prepare,
            rng,
            places,
            live: Vec::new(),
            started: Duration::ZERO,
            attempts: 0,
            retries: 0,
            last: None,
            reasons: Vec::new(),
        }
    }

    /// Tries targets until one answers or none is left.
    pub(super) fn run(mut self) -> Outcome<T::Body> {
        // Read again after each wait alone: reading a clock is a call of the host.
        let mut now = self.now();
        loop {
            if self.plan.deadline.is_some_and(|deadline| now >= deadline) {
                return self.give_up("the deadline is over");
            }
            if self.live.is_empty() {
                match self.next_place() {
                    None => return self.give_up("there is no target left"),
                    Some((place, free)) if free <= now => self.start(place, now),
                    Some((_, free)) => {
                        let Some(wait) = self.wait_for_target(free, now) else {
                            return self.give_up("the deadline comes before the next attempt");
                        };
                        self.transport.wait(&[], Some(wait));
                        now = self.now();
                    }
                }
                continue;
            }
            if self.hedge_at().is_some_and(|at| at <= now)
                && let Some((place, _)) = self.next_place()
            {
                self.start(place, now);
                continue;
            }
            self.wait(now);
            now = self.now();
            if let Some(outcome) = self.poll(now) {
                return outcome;
            }
        }
    }

    fn now(&self) -> Duration {
        (self.ctx.elapsed)()
    }

    /// How long to wait until a target is free; `None` if the deadline comes first.
    fn wait_for_target(&self, free: Duration, now: Duration) -> Option<Duration> {
        self.plan.deadline.is_none_or(|deadline| free < deadline).then(|| free.saturating_sub(now))
    }

    /// The place to try next and when it may be tried: the one that is free soonest, in the plan's order.
    fn next_place(&self) -> Option<(usize, Duration)> {
        let may_retry = self.retries < self.plan.retries;
        let is_live = |place: usize| self.live.iter().any(|one| one.place == place);
        self.places
            .iter()
            .enumerate()
            .filter(|(i, place)| !is_live(*i) && (may_retry || !place.tried))
            .filter_map(|(i, place)| Some((i, place.free?)))
            .min_by_key(|(i, free)| (*free, *i))
    }

    /// When the next target is to be tried although an answer is still awaited.
    fn hedge_at(&self) -> Option<Duration> {
        let hedge = self.plan.hedge?;
        let (_, free) = self.next_place()?;
        Some((self.started + hedge).max(free))
    }

    /// The target of a place.
    fn target(&self, place: usize) -> &'a Target {
        let target = self.places.get(place).and_then(|place| self.plan.targets.get(place.target));
        target.unwrap_or(self.plan.first_target())
    }

    /// Takes a place out of the order for this request.
    fn exclude(&mut self, place: usize) {
        if let Some(place) = self.places.get_mut(place) {
            place.free = None;
        }
    }

    fn start(&mut self, place: usize, now: Duration) {
        self.started = now;
        let target = self.target(place);
        let upstream = target.upstream_in(self.upstreams);
        let prepared = match (self.prepare)(target) {
            Ok(prepared) => prepared,
            Err(error) => {
                // No request was sent, and a further attempt would change nothing.
                let reason = error.message().to_owned();
                self.fail(place, Err(Failed::Refused(error)), &reason);
                self.exclude(place);
                return;
            }
        };
        self.attempts += 1;
        if let Some(place) = self.places.get_mut(place) {
            self.retries += u32::from(std::mem::replace(&mut place.tried, true));
        }
        let request = Outgoing {
            method: prepared.method,
            https: upstream.https,
            authority: &upstream.authority,
            path: &prepared.path,
            headers: prepared.headers,
            body: &prepared.body,
            timeouts: upstream.timeouts,
        };
        match self.transport.start(&request) {
            Ok(call) => {
                let limits = upstream.timeouts;
                let until = limits.first_byte.map(|t| self.started + limits.connect.unwrap_or_default() + t);
                let dialect = dialect::of(upstream);
                self.live.push(Attempt {
                    place,
                    stage: Stage::Sent(call),
                    until,
                    longest: self.started.saturating_add(limits.without_content()),
                    dropped: prepared.dropped,
                    needs: prepared.needs,
                    dialect,
                });
            }
            Err(error) => self.fail(place, Err(Failed::NoResponse(error.kind)), &error.reason),
        }
    }

    /// Waits until an attempt has something to read, or until something is due.
    fn wait(&self, now: Duration) {
        let moments = self.live.iter().filter_map(|one| one.until);
        let next = moments.chain(self.plan.deadline).chain(self.hedge_at()).min();
        let pending: Vec<Pending<'_, T>> = self
            .live
            .iter()
            .map(|one| match &one.stage {
                Stage::Sent(call) => Pending::Head(call),
                Stage::Reading(_, _, body, _) => Pending::Body(body),
            })
            .collect();
        self.transport.wait(&pending, next.map(|next| next.saturating_sub(now)));
    }

    /// Polls every attempt; returns the outcome once it is decided.
    fn poll(&mut self, now: Duration) -> Option<Outcome<T::Body>> {
        let mut i = 0;
        while i < self.live.len() {
            let one = self.live.swap_remove(i);
            let place = one.place;
            match one.poll(self.transport, now) {
                (Some(one), _) => {
                    self.live.push(one);
                    let last = self.live.len() - 1;
                    self.live.swap(i, last);
                    i += 1;
                }
                (None, Polled::Answer(taken)) => return Some(self.outcome(place, Ok(taken))),
                (None, Polled::Failure(failure, reason, Next::Nothing)) => {
                    self.note(place, &reason);
                    return Some(self.outcome(place, failure));
                }
                (None, Polled::Failure(failure, reason, next)) => {
                    self.fail(place, failure, &reason);
                    if next == Next::OtherTarget {
                        self.exclude(place);
                    }
                }
                (None, Polled::Nothing) => {}
            }
        }
        None
    }

    fn note(&mut self, place: usize, reason: &str) {
        let name = &self.target(place).upstream_in(self.upstreams).name;
        self.reasons.push(format!("{name}: {reason}"));
    }

    /// Notes a failure after which another attempt may follow.
    fn fail(&mut self, place: usize, failure: AttemptResult<T::Body>, reason: &str) {
        self.note(place, reason);
        let now = self.now();
        let wanted = match &failure {
            Ok(taken) => retry::retry_after(&taken.headers, self.ctx.now + now),
            Err(_) => None,
        };
        if let Some(place) = self.places.get_mut(place) {
            place.failures += 1;
            let drawn = retry::backoff(place.failures, &mut self.rng);
            place.free = match wanted {
                Some(wanted) if wanted > LONGEST_RETRY_AFTER => None,
                wanted => Some(now + drawn.max(wanted.unwrap_or_default())),
            };
        }
        // An upstream's own error is more use to the caller than none at all.
        let rank = |failure: &Result<_, Failed>| match failure {
            Ok(_) => 2,
            Err(Failed::NoResponse(_)) => 1,
            Err(Failed::Refused(_)) => 0,
        };
        if self.last.as_ref().is_none_or(|(_, last)| rank(&failure) >= rank(last)) {
            self.last = Some((place, failure));
        }
    }

    /// Ends without an answer: the most useful failure counts.
    fn give_up(mut self, reason: &str) -> Outcome<T::Body> {
        for one in std::mem::take(&mut self.live) {
            self.fail(one.place, Err(Failed::NoResponse(SendErrorKind::Timeout)), reason);
        }
        match self.last.take() {
            Some((place, failure)) => self.outcome(place, failure),
            None => self.outcome(0, Err(Failed::NoResponse(SendErrorKind::Timeout))),
        }
    }

    fn outcome(&mut self, place: usize, result: AttemptResult<T::Body>) -> Outcome<T::Body> {
        Outcome {
            result,
            target: self.places.get(place).map_or(0, |place| place.target),
            attempts: self.attempts,
            reasons: std::mem::take(&mut self.reasons),
        }
    }
}
