//! Reserving what a request may use, between its check and its answer.

use super::Call;
use super::generation::Generation;
use super::resolve::Validated;
use crate::config::{Backend, Measure, Plan};
use crate::cost::{Rates, Usd};
use crate::engine;
use crate::error::{ApiError, Kind};
use crate::limits::demand::{Choices, choices};
use crate::limits::{Amounts, Counter, counters, report};
use crate::log::Record;
use crate::model;
use crate::store::Store;
use crate::tokens::Encoding;
use crate::transport::Transport;
use crate::turn::Usage;
use crate::upstream::{Endpoint, rewrite};

/// What limits require of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Metering {
    /// Whether the usage of the answer must be known.
    pub(super) needs_usage: bool,
    /// The output limit of a request that has none.
    pub(super) output_limit: Option<u64>,
    /// Tokens of all prompts, where they were counted.
    pub(super) prompt_tokens: Option<u64>,
}

/// The most that a request may use.
#[derive(Debug, Clone, Copy)]
struct Demand {
    /// Tokens of all prompts.
    prompt: u64,
    /// Tokens of all answers.
    output: u64,
    /// How many attempts may run at the same time.
    concurrent_attempts: u64,
}

/// The output limit of a request without one, to a model of which nothing is known.
const RESERVED: u64 = 4096;

impl<T: Transport> Call<'_, T> {
    /// Reserves what an endpoint without generated text uses: a request, and the tokens of its input.
    ///
    /// # Errors
    ///
    /// 429 over a limit, 503 where the store does not reply and requests are then denied.
    pub(super) fn reserve(
        &self,
        model: &str,
        input: impl FnOnce() -> u64,
        record: &mut Record,
    ) -> Result<(), ApiError> {
        let counters = self.counters(model);
        if counters.is_empty() {
            return Ok(());
        }
        let prompt = if is_metered(&counters) { input() } else { 0 };
        let demand = Demand { prompt, output: 0, concurrent_attempts: 1 };
        self.reserve_demand(counters, model, demand, &[self.config.prices.of_engine(model)], record)
    }

    /// Reserves a request that is passed through unread.
    ///
    /// # Errors
    ///
    /// As [`Call::reserve`]; 403 where a limit of tokens or money applies, since the usage is not read either.
    pub(super) fn reserve_unread(&self, record: &mut Record) -> Result<(), ApiError> {
        if let Some(counter) = self.counters("").iter().find(|counter| counter.limit.measure.is_metered()) {
            let message = format!(
                "A limit in {} applies to your requests, and the gateway does not read what a request to this path uses. \
                 Use a key without such a limit.",
                match counter.limit.measure {
                    Measure::Usd(..) => "US dollars",
                    _ => "tokens",
                }
            );
            return Err(ApiError::new(Kind::NotAllowed, message));
        }
        self.reserve("", || 0, record)
    }

    /// Reserves what a request for generated text may use.
    ///
    /// # Errors
    ///
    /// As [`Call::reserve`]; 400 for a request whose output cannot be bounded, or a model without a price where a limit is in
    /// money.
    pub(super) fn reserve_generation<G: Generation>(
        &self,
        valid: &Validated<'_>,
        generation: &G,
        record: &mut Record,
    ) -> Result<Metering, ApiError> {
        let model = &valid.resolved.model;
        let counters = self.counters(model);
        if counters.is_empty() {
            return Ok(Metering::default());
        }
        if !is_metered(&counters) {
            let demand = Demand { prompt: 0, output: 0, concurrent_attempts: 1 };
            self.reserve_demand(counters, model, demand, &[], record)?;
            return Ok(Metering::default());
        }
        let Choices { count, max_tokens } =
            choices(valid.body, rewrite::limit_members(Endpoint::of(G::ENDPOINT)))?;
        let (prompts, prompt) = self.prompt_tokens(valid, generation);
        let cap = match valid.resolved.backend {
            Backend::Engine => Some(
                valid.resolved.policy.spec.map_or(engine::DEFAULT_OUTPUT_LIMIT, |spec| spec.output.into()),
            ),
            Backend::Upstream(plan) => output_cap(plan, model),
        };
        let fallback = self.config.reserve_tokens.map(u64::from).or(cap).unwrap_or(RESERVED);
        let most = max_tokens.unwrap_or(fallback);
        let most = cap.map_or(most, |cap| cap.min(most));
        let (concurrent_attempts, rates) = match valid.resolved.backend {
            Backend::Engine => (1, vec![self.config.prices.of_engine(model)]),
            Backend::Upstream(plan) => {
                let rates =
                    plan.targets.iter().map(|target| self.config.prices.at_target(model, plan, target));
                // A hedge may send to every target at the same time.
                (if plan.hedge.is_some() { plan.targets.len() as u64 } else { 1 }, rates.collect())
            }
        };
        let output = count.saturating_mul(prompts).saturating_mul(most);
        record.usage.count_delivered(Encoding::for_model(model));
        let demand = Demand { prompt, output, concurrent_attempts };
        self.reserve_demand(counters, model, demand, &rates, record)?;
        let is_bounded = max_tokens.is_some() || Some(most) == cap;
        let output_limit = (!is_bounded).then_some(most);
        Ok(Metering { needs_usage: true, output_limit, prompt_tokens: Some(prompt) })
    }

    fn counters(&self, model: &str) -> Vec<Counter> {
        counters(self.config, self.caller.limits(), &self.caller.identity(), model)
    }

    /// How many prompts a request has, and how many tokens they are together. One that the gateway itself cannot read is
    /// counted as it is written.
    fn prompt_tokens<G: Generation>(&self, valid: &Validated<'_>, generation: &G) -> (u64, u64) {
        let Ok(turns) = generation.turns(&valid.resolved) else {
            let text = String::from_utf8_lossy(valid.body);
            return (1, Encoding::for_model(&valid.resolved.model).count(&text) as u64);
        };
        let tokens = turns.iter().map(|turn| engine::input_tokens(turn, generation.counted_by())).sum();
        (turns.len() as u64, tokens)
    }

    fn reserve_demand(
        &self,
        counters: Vec<Counter>,
        model: &str,
        demand: Demand,
        rates: &[Option<Rates>],
        record: &mut Record,
    ) -> Result<(), ApiError> {
        let Some(settings) = &self.config.store else { return Ok(()) };
        let Demand { prompt, output, concurrent_attempts } = demand;
        let has_budget = counters.iter().any(|counter| matches!(counter.limit.measure, Measure::Usd(..)));
        let dearest = |usage: Usage| {
            let costs = rates.iter().map(|rates| Some(rates.as_ref()?.cost(&usage)));
            costs.collect::<Option<Vec<_>>>().map(|costs| costs.into_iter().max().unwrap_or_default())
        };
        let usage = Usage { input: prompt, output, ..Usage::default() };
        let costs = dearest(usage).zip(dearest(Usage { output: 0, ..usage }));
        if has_budget && costs.is_none() && prompt.max(output) > 0 {
            let message = format!(
                "The model '{model}' has no price, and a limit in US dollars applies. The gateway's operator states one \
                 as `price` of the model, or for all models."
            );
            return Err(ApiError::new(Kind::Invalid, message).at("model"));
        }
        let (cost, prompt_cost) = costs.unwrap_or_default();
        let amounts = Amounts {
            requests: 1,
            tokens: prompt.saturating_add(output).saturating_mul(concurrent_attempts),
            usd: Usd::from_nanos(cost.nanos().saturating_mul(concurrent_attempts)),
        };
        let per_failed_attempt = Amounts { requests: 0, tokens: prompt, usd: prompt_cost };
        let store = Store::new(settings, self.transport, self.ctx.elapsed);
        let [first, second] = self.ctx.random;
        let id = format!("{first:016x}{second:016x}");
        let reserved = self.reservation.reserve(&store, counters, amounts, per_failed_attempt, id);
        record.store_failure = self.reservation.failure().or(record.store_failure.take());
        reserved.map_err(|refusal| report::error(&refusal, model, self.family))
    }
}

fn is_metered(counters: &[Counter]) -> bool {
    counters.iter().any(|counter| counter.limit.measure.is_metered())
}

/// The most that any target of a plan generates for one choice, if that is known of all.
fn output_cap(plan: &Plan, model: &str) -> Option<u64> {
    let caps = plan.targets.iter().map(|target| {
        let name = plan.name_at(target, model);
        let spec = model::find(name.as_deref().unwrap_or(model))?;
        Some(u64::from(spec.output))
    });
    caps.collect::<Option<Vec<_>>>()?.into_iter().max()
}
