//! What a request costs: exact sums of tokens by their prices.
//!
//! A price of one dollar per million tokens is one micro-dollar a token. Prices are kept in millionths of that, so that
//! every price list's figure is a whole number, and sums have no rounding but the last, to a nano-dollar.

use crate::model::{self, ModelSpec};
use crate::turn::Usage;
use std::fmt;

/// An amount of US dollars, exact to a nano-dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u64);

/// Nano-dollars in a dollar.
const NANOS: u64 = 1_000_000_000;

impl Usd {
    /// So many nano-dollars.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// So many times the amount.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The sum of two amounts.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The amount in nano-dollars.
    pub const fn nanos(self) -> u64 {
        self.0
    }
}

/// In dollars, with as many decimals as there are: `0.0000125`, `3`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / NANOS, self.0 % NANOS);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{fraction:09}").trim_end_matches('0'))
    }
}

/// What an operator states of a model's price. Amounts are micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Input that was neither read from a cache nor written to one.
    pub input: u64,
    /// Input read from a cache; by default as other input.
    pub cached_input: Option<u64>,
    /// Input written to a cache; by default as the model's vendor relates it to `input`.
    pub cache_write: Option<u64>,
    /// Output, reasoning included.
    pub output: u64,
    /// Audio in the input; by default as other input.
    pub input_audio: Option<u64>,
    /// Audio in the output; by default as other output.
    pub output_audio: Option<u64>,
}

/// The price of each kind of token, in micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    input: u64,
    cached_input: u64,
    cache_write: u64,
    cache_write_hour: u64,
    output: u64,
    input_audio: u64,
    output_audio: u64,
    /// Prompts of more tokens cost twice as much, and their output one and a half times.
    long_prompt: Option<u64>,
}

/// Dollars as micro-dollars. Prices have at most six decimals.
fn micros(dollars: f64) -> u64 {
    (dollars * 1e6).round() as u64
}

impl Rates {
    /// The price of a model by the table of models; none for one that is not in it or has no price there.
    pub fn listed(id: &str) -> Option<Self> {
        let model::Price { input, cached_input, output, audio, read: _ } = model::price(id)?;
        let price = Price {
            input: micros(input),
            cached_input: cached_input.map(micros),
            cache_write: None,
            output: micros(output),
            input_audio: audio.map(|(input, _)| micros(input)),
            output_audio: audio.map(|(_, output)| micros(output)),
        };
        let spec = model::find(id);
        let long_prompt = spec.and_then(|spec| spec.long_prompt).map(u64::from);
        Some(Self { long_prompt, ..Self::stated(price, spec) })
    }

    /// The price of a model as an operator states it, which is the same for prompts of any length.
    pub fn stated(price: Price, spec: Option<&ModelSpec>) -> Self {
        let Price { input, output, .. } = price;
        let bills_writes = spec.is_some_and(|spec| spec.bills_cache_writes);
        let by_vendor = |quarters: u64| if bills_writes { input.saturating_mul(quarters) / 4 } else { input };
        let cache_write = price.cache_write.unwrap_or(by_vendor(5));
        Self {
            input,
            cached_input: price.cached_input.unwrap_or(input),
            cache_write,
            cache_write_hour: cache_write.max(by_vendor(8)),
            output,
            input_audio: price.input_audio.unwrap_or(input),
            output_audio: price.output_audio.unwrap_or(output),
            long_prompt: None,
        }
    }

    /// What some tokens cost, rounded to the nearest nano-dollar.
    pub fn cost(&self, usage: &Usage) -> Usd {
        let total = |counts: &[(u64, u64)]| {
            counts.iter().map(|(tokens, rate)| u128::from(*tokens) * u128::from(*rate)).sum::<u128>()
        };
        let mut rest = usage.input;
        // Counts that contradict each other are billed once.
        let mut part = |of: u64| {
            let part = of.min(rest);
            rest -= part;
            part
        };
        let cached = part(usage.cached_input);
        let hour = part(usage.cache_write_hour.min(usage.cache_write));
        let written = part(usage.cache_write.saturating_sub(usage.cache_write_hour));
        let audio = part(usage.input_audio);
        let input = total(&[
            (rest, self.input),
            (cached, self.cached_input),
            (hour, self.cache_write_hour),
            (written, self.cache_write),
            (audio, self.input_audio),
        ]);
        let audio = usage.output_audio.min(usage.output);
        let output = total(&[(usage.output - audio, self.output), (audio, self.output_audio)]);
        let is_long = self.long_prompt.is_some_and(|most| usage.input > most);
        // Twice the sum, since a long prompt's output costs half as much again. A rate is in millionths of the
        // micro-dollars that a token costs, so that a thousand of them are a nano-dollar.
        let doubled = if is_long { 4 * input + 3 * output } else { 2 * input + 2 * output };
        Usd(u64::try_from((doubled + 1000) / 2000).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(id: &str) -> Rates {
        Rates::listed(id).expect("a listed price")
    }

    #[test]
    fn kinds_of_tokens_are_priced_apart() {
        let usage = |input, cached_input, cache_write, cache_write_hour, output| Usage {
            input,
            cached_input,
            cache_write,
            cache_write_hour,
            output,
            ..Usage::default()
        };
        for (id, usage, want) in [
            ("gpt-4o", usage(1000, 0, 0, 0, 100), "0.0035"),
            // 1.25 dollars for what was read from the cache; what is written to it is other input.
            ("gpt-4o", usage(1000, 600, 100, 0, 100), "0.00275"),
            ("gpt-5-nano", usage(1, 1, 0, 0, 0), "0.000000005"),
            // A quarter more for five minutes, twice as much for an hour.
            ("claude-sonnet-4-5", usage(1000, 200, 300, 100, 10), "0.00306"),
            ("gpt-5.6-sol", usage(1000, 0, 1000, 0, 0), "0.005"),
            ("gpt-5.5", usage(272_000, 0, 0, 0, 1000), "1.39"),
            ("gpt-5.5", usage(272_001, 0, 0, 0, 1000), "2.76501"),
            ("gpt-5.5", usage(300_000, 100_000, 0, 0, 0), "2.1"),
            ("omni-moderation-latest", usage(1000, 0, 0, 0, 0), "0"),
            ("text-embedding-3-small", usage(50, 0, 0, 0, 0), "0.000001"),
        ] {
            assert_eq!(listed(id).cost(&usage).to_string(), want, "{id} {usage:?}");
        }
        let audio = Usage { input: 30, input_audio: 20, output: 15, output_audio: 10, ..Usage::default() };
        // 10 × 2.5 + 20 × 32 + 5 × 10 + 10 × 64 micro-dollars
        assert_eq!(listed("gpt-audio").cost(&audio).to_string(), "0.001355");
        for id in ["my-model", "ft:gpt-4o:org::id", "gpt-4-0314"] {
            assert_eq!(Rates::listed(id), None, "{id}");
        }
    }

    #[test]
    fn counts_that_contradict_each_other_are_billed_once() {
        let usage = Usage {
            input: 10,
            cached_input: 8,
            cache_write: 8,
            input_audio: 8,
            output: 1,
            output_audio: 9,
            ..Usage::default()
        };
        let most = Usage { input: 10, output: 1, ..Usage::default() };
        assert!(listed("gpt-4o").cost(&usage) < listed("gpt-4o").cost(&most));
        let endless = Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() };
        assert_eq!(listed("o1-pro").cost(&endless), Usd::from_nanos(u64::MAX));
    }

    #[test]
    fn sums_do_not_drift() {
        let one = Usage { input: 7, output: 3, ..Usage::default() };
        let many = Usage { input: 7_000_000, output: 3_000_000, ..Usage::default() };
        for spec in model::MODELS.iter().filter(|spec| spec.price.is_some() && spec.long_prompt.is_none()) {
            let rates = listed(spec.id);
            assert_eq!(rates.cost(&one).nanos() * 1_000_000, rates.cost(&many).nanos(), "{}", spec.id);
        }
    }

    #[test]
    fn a_stated_price_is_completed_from_what_it_states() {
        let price = Price {
            input: 3_000_000,
            cached_input: None,
            cache_write: None,
            output: 15_000_000,
            input_audio: None,
            output_audio: None,
        };
        let claude = model::find("claude-sonnet-4-5");
        assert_eq!(
            Rates { cached_input: 300_000, ..Rates::stated(price, claude) },
            listed("claude-sonnet-4-5")
        );
        let plain = Rates::stated(price, None);
        assert_eq!(
            (plain.cache_write, plain.cache_write_hour, plain.input_audio),
            (3_000_000, 3_000_000, 3_000_000)
        );
        let written = Rates::stated(Price { cache_write: Some(9_000_000), ..price }, claude);
        assert_eq!((written.cache_write, written.cache_write_hour), (9_000_000, 9_000_000));
    }

    #[test]
    fn amounts_have_the_decimals_they_need() {
        for (nanos, want) in [
            (0, "0"),
            (1, "0.000000001"),
            (12_500, "0.0000125"),
            (3_000_000_000, "3"),
            (3_010_000_000, "3.01"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(Usd::from_nanos(nanos).to_string(), want);
        }
    }
}
