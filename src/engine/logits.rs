//! How likely tokens are: the engine's stand-in for a model's head.

use super::filler::WORDS;
use super::tokenized_text::TokenLogprobs;
use crate::random::{mix, unit};
use crate::tokens::Encoding;
// IEEE 754 defines what additions, multiplications and divisions return; `f64::ln` and `f64::exp` differ between
// platforms in the last bit, and the engine's answers must not.
use libm::{exp, log as ln};
use std::cell::OnceCell;
use std::cmp::Ordering;

/// How many alternatives there are at a token: as many as `top_logprobs` can request.
const ALTERNATIVES: u64 = 20;

/// The alternative words, as tokens; looked up once and only if needed.
#[derive(Debug, Default)]
pub(super) struct Alternatives(OnceCell<Vec<u32>>);

impl Alternatives {
    fn ids(&self, encoding: Encoding) -> &[u32] {
        let id = |word: &&str| encoding.tokens(&format!(" {word}")).next().map(|(id, _)| id);
        self.0.get_or_init(|| WORDS.iter().filter_map(id).collect())
    }
}

/// The tokens that may come at one place, each with its logit. The one that belongs there comes first and
/// has logit 0.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<(u32, f64)>);

/// The logit of a token that nothing but a bias speaks for.
const UNLIKELY: f64 = -20.0;

impl Candidates {
    /// The candidates at a place: the token that belongs there, and some that came before.
    pub(super) fn fill(
        &mut self,
        alternatives: &Alternatives,
        encoding: Encoding,
        place: usize,
        token: u32,
        before: &[u32],
    ) {
        self.0.clear();
        self.0.push((token, 0.0));
        let words = alternatives.ids(encoding);
        let dice = mix(u64::from(token), place as u64);
        // The likeliest other is 1.2 to 9 nats behind, which is 23 % down to 0.01 %.
        let gap = 1.2 + 7.8 * unit(dice);
        let step = 0.35 + unit(mix(dice, 1));
        let (start, stride) = (mix(dice, 2), mix(dice, 3) | 1);
        for k in 0..=ALTERNATIVES {
            if self.0.len() > ALTERNATIVES as usize {
                break;
            }
            let word = match before.len() as u64 {
                // A model is inclined to repeat itself.
                count if k == 1 && count > 0 => before[(mix(dice, 4) % count) as usize],
                _ => {
                    let place = start.wrapping_add(k.wrapping_mul(stride)) % words.len().max(1) as u64;
                    words.get(place as usize).copied().unwrap_or(token)
                }
            };
            if self.0.iter().all(|(known, _)| *known != word) {
                let behind = (self.0.len() - 1) as f64;
                self.0.push((word, -gap - behind * step));
            }
        }
    }

    /// Adds tokens that a bias speaks for.
    pub(super) fn add_favoured(&mut self, favoured: &[(u32, f64)]) {
        for &(id, _) in favoured {
            if self.0.iter().all(|(known, _)| *known != id) {
                self.0.push((id, UNLIKELY));
            }
        }
    }

    /// Adds the value of a function of the token to each logit.
    pub(super) fn adjust(&mut self, by: impl Fn(u32) -> f64) {
        self.0.iter_mut().for_each(|(id, logit)| *logit += by(*id));
    }

    /// The likeliest; of several, the one that comes first.
    pub(super) fn likeliest(&self) -> u32 {
        let better = |best: &(u32, f64), next: &(u32, f64)| if next.1 > best.1 { *next } else { *best };
        self.0.iter().skip(1).fold(self.0[0], |best, next| better(&best, next)).0
    }

    /// One of the three likeliest words besides a token.
    pub(super) fn other_than(&self, token: u32, dice: u64) -> u32 {
        let mut others: Vec<_> =
            self.0.iter().copied().filter(|(id, logit)| *id != token && *logit > -50.0).collect();
        likeliest_first(&mut others);
        others.truncate(3);
        others.get((dice % others.len().max(1) as u64) as usize).map_or(token, |(id, _)| *id)
    }

    /// The token a chance falls upon, from 0 up to and without 1.
    pub(super) fn draw(&mut self, temperature: f64, top_p: f64, chance: f64) -> u32 {
        self.sort();
        let most = self.0[0].1;
        let weights: Vec<f64> = self.0.iter().map(|(_, logit)| exp((logit - most) / temperature)).collect();
        let nucleus = weights.iter().sum::<f64>() * top_p;
        let mut kept = 0.0;
        let count = weights.iter().take_while(|weight| (kept < nucleus).then(|| kept += **weight).is_some());
        let count = count.count().max(1);
        let mut rest = kept * chance;
        let chosen = weights[..count].iter().position(|weight| {
            rest -= weight;
            rest < 0.0
        });
        self.0[chosen.unwrap_or(0)].0
    }

    /// How likely a token is, and the likeliest ones.
    pub(super) fn odds(&mut self, token: u32, top: usize) -> TokenLogprobs {
        self.sort();
        let most = self.0[0].1;
        // What no candidate is keeps a share too, so that rounding never makes the sum pass 1.
        let sum = self.0.iter().map(|(_, logit)| exp(logit - most)).sum::<f64>() * (1.0 + 1e-6);
        let norm = most + ln(sum);
        let logprob = |logit: f64| ((logit - norm) as f32).clamp(-9999.0, 0.0);
        let own = self.0.iter().find(|(id, _)| *id == token).map_or(UNLIKELY, |(_, logit)| *logit);
        let top = self.0.iter().take(top).map(|(id, logit)| (*id, logprob(*logit))).collect();
        TokenLogprobs { logprob: logprob(own), top }
    }

    fn sort(&mut self) {
        likeliest_first(&mut self.0);
    }
}

/// A token, and its logit or bias.
pub(super) type Weighted = (u32, f64);

/// Sorts tokens by their logits. Stable: of several, the one that belongs there stays first.
pub(super) fn likeliest_first(tokens: &mut [Weighted]) {
    sort(tokens, &|a, b| b.1.total_cmp(&a.1));
}

/// Sorts tokens. Each kind of sorting that is compiled takes some 8 KB, so that there is one for all orders.
pub(super) fn sort(tokens: &mut [Weighted], order: &dyn Fn(&Weighted, &Weighted) -> Ordering) {
    tokens.sort_by(order);
}
