//! [`Sampler`]: from the text of an answer to its tokens.
//!
//! The engine knows its text beforehand. So that every sampling parameter has its meaning, it then
//! acts as a model that thinks so too: at each token the one that belongs there is the likeliest, some
//! other words are the alternatives, and `logit_bias`, the penalties, `temperature`, `top_p` and `seed`
//! decide as they do for a model. `docs/engine.md` has the table.

use super::answer::FinishReason;
use super::logits::{self, Alternatives, Candidates};
use super::sampling::Sampling;
use super::tokenized_text::{TokenLogprobs, TokenizedText};
use crate::random::{Rng, hash, mix};
use std::collections::HashMap;

/// How a text may be changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingMode {
    /// Every parameter acts on it.
    Free,
    /// It quotes the request: the words stay, unless `logit_bias` bans one.
    Quoted,
    /// It has a form, such as JSON: it is only cut.
    Formal,
}

/// Who decided on a text, and so how long it may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The operator: a rule's text, or a reply of a configured text or length.
    Configured,
    /// The engine, from the request.
    Derived,
}

/// The most tokens of an unscripted choice whose model has no limit of its own.
pub const DEFAULT_OUTPUT_LIMIT: u64 = 16_384;

/// The most tokens of all unscripted choices of a request, and of all tokens that are sampled.
pub(super) const UNSCRIPTED_LIMIT: u64 = 65_536;

/// The most tokens of all choices that the operator configured, unless they are sampled one by one: each takes some
/// 12 bytes of the 16 MiB that any request may take.
pub(super) const CONFIGURED_LIMIT: u64 = 1 << 20;

/// How many stop sequences are searched for without drawing on the work budget: as many as OpenAI's APIs accept.
const FREE_STOPS: usize = 4;

/// How many bytes of a text are read for each token of an answer: twice what the longest tokens have.
const BYTES_READ: usize = 256;

/// A text as it was generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The text.
    pub text: TokenizedText,
    /// [`FinishReason::Stop`] or [`FinishReason::Length`].
    pub finish: FinishReason,
    /// The stop sequence it ended before.
    pub stop_sequence: Option<String>,
}

/// Generates texts by a request's sampling parameters.
#[derive(Debug)]
pub struct Sampler<'a> {
    sampling: Sampling<'a>,
    alternatives: Alternatives,
    /// The tokens a bias speaks for, the most favoured first.
    favoured: Vec<(u32, f64)>,
    /// A text whose tokens are known already.
    known: Option<(&'a str, TokenizedText)>,
}

impl<'a> Sampler<'a> {
    /// A sampler with a request's parameters.
    pub fn new(mut sampling: Sampling<'a>) -> Self {
        sampling.logit_bias.retain(|(id, _)| sampling.encoding.token_bytes(*id).is_some());
        logits::sort(&mut sampling.logit_bias, &|a, b| a.0.cmp(&b.0));
        let mut favoured: Vec<_> =
            sampling.logit_bias.iter().copied().filter(|(_, bias)| *bias > 0.0).collect();
        logits::likeliest_first(&mut favoured);
        favoured.truncate(MAX_FAVOURED);
        Self { sampling, alternatives: Alternatives::default(), favoured, known: None }
    }

    /// The same sampler, which has the tokens of a text already.
    pub fn knowing(self, known: Option<(&'a str, TokenizedText)>) -> Self {
        Self { known, ..self }
    }

    /// The parameters.
    pub fn sampling(&self) -> &Sampling<'a> {
        &self.sampling
    }

    /// What makes an answer another than the likeliest: 0 for the likeliest, another number for each `seed`
    /// and each index among the answers.
    pub fn variant(&self, index: u32) -> u64 {
        let likeliest = self.sampling.temperature <= 0.0 || self.sampling.top_p <= 0.0;
        match (likeliest, self.sampling.seed, index) {
            (true, ..) | (false, None, 0) => 0,
            (false, seed, index) => {
                mix(hash(&seed.unwrap_or_default().to_le_bytes()), u64::from(index)).max(1)
            }
        }
    }

    /// The most tokens a choice may have.
    pub fn most(&self, origin: Origin, manner: SamplingMode, index: u32) -> usize {
        let sampling = &self.sampling;
        let limit = match origin {
            Origin::Configured if self.is_plain(manner, index) => CONFIGURED_LIMIT,
            Origin::Configured | Origin::Derived => UNSCRIPTED_LIMIT,
        };
        let own = if origin == Origin::Derived { sampling.output_limit } else { u64::MAX };
        let most = (limit / sampling.answers.max(1)).min(own).min(sampling.max_tokens.unwrap_or(u64::MAX));
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Generates a text, as the choice with this index.
    pub fn generate(&self, text: &str, origin: Origin, manner: SamplingMode, index: u32) -> Generated {
        let most = self.most(origin, manner, index);
        // Each choice would go over all of a word of 20 MB.
        let text = text
            .get(..text.floor_char_boundary(most.saturating_add(1).saturating_mul(BYTES_READ)))
            .unwrap_or(text);
        let known = self
            .known
            .as_ref()
            .filter(|(known, speech)| std::ptr::eq(*known, text) && speech.tokens().len() <= most);
        let (mut text, whole) = match (self.is_plain(manner, index), known) {
            (true, Some((_, speech))) => (speech.clone(), true),
            (true, None) => TokenizedText::new(text, self.sampling.encoding, most),
            (false, _) => self.choose(text, manner, index, most),
        };
        let stop = self.stop(text.text());
        if let Some((end, _)) = stop {
            text.cut_at(end, self.sampling.encoding);
        }
        let finish = if stop.is_none() && !whole { FinishReason::Length } else { FinishReason::Stop };
        Generated { text, finish, stop_sequence: stop.map(|(_, sequence)| sequence.to_owned()) }
    }

    #[cfg(test)]
    fn text_and_finish(
        &self,
        text: &str,
        origin: Origin,
        manner: SamplingMode,
        index: u32,
    ) -> (TokenizedText, FinishReason) {
        let Generated { text, finish, .. } = self.generate(text, origin, manner, index);
        (text, finish)
    }

    /// The log probabilities of the tokens of a given text.
    pub fn judge(&self, speech: TokenizedText, top: usize) -> TokenizedText {
        let mut candidates = Candidates::default();
        let ids: Vec<u32> = speech.tokens().iter().map(|token| token.id).collect();
        let odds = ids.iter().enumerate().map(|(place, &id)| {
            candidates.fill(&self.alternatives, self.sampling.encoding, place, id, &ids[..place]);
            candidates.odds(id, top)
        });
        let odds = odds.collect();
        speech.with_odds(odds)
    }

    /// How many stop sequences there are beyond those that OpenAI's APIs accept: searching for them draws on the work
    /// budget.
    pub(super) fn costly_stops(&self) -> usize {
        self.sampling.stop.len().saturating_sub(FREE_STOPS)
    }

    /// Where the first stop sequence begins, and which it is.
    fn stop(&self, text: &str) -> Option<(usize, &'a str)> {
        let stops = self.sampling.stop.iter().filter(|stop| !stop.is_empty());
        stops.filter_map(|stop| Some((text.find(stop)?, *stop))).min_by_key(|(at, _)| *at)
    }

    /// Whether the tokens are just those of the text, and no log probabilities are requested.
    fn is_plain(&self, manner: SamplingMode, index: u32) -> bool {
        let sampling = &self.sampling;
        let free = manner == SamplingMode::Free;
        sampling.logprobs.is_none()
            && (manner == SamplingMode::Formal || sampling.logit_bias.is_empty())
            && !(free && (self.draws(index) || self.penalizes()))
    }

    fn draws(&self, index: u32) -> bool {
        self.variant(index) != 0 || (self.sampling.temperature > 1.0 && self.sampling.top_p > 0.0)
    }

    fn penalizes(&self) -> bool {
        self.sampling.presence_penalty != 0.0 || self.sampling.frequency_penalty != 0.0
    }

    /// Chooses the tokens one by one.
    fn choose(&self, text: &str, manner: SamplingMode, index: u32, most: usize) -> (TokenizedText, bool) {
        let sampling = &self.sampling;
        let encoding = sampling.encoding;
        let biased = manner != SamplingMode::Formal;
        let bias = |id: u32| -> f64 {
            let found = sampling.logit_bias.binary_search_by_key(&id, |(id, _)| *id);
            found.ok().filter(|_| biased).map_or(0.0, |place| sampling.logit_bias[place].1)
        };
        let forced =
            biased && sampling.max_tokens.is_some() && self.favoured.first().is_some_and(|f| f.1 >= FORCING);
        let tokens = encoding.tokens(text).map(|(id, _)| id);
        let mut planned = tokens.take(most.saturating_add(1)).collect::<Vec<u32>>();
        if forced && !planned.is_empty() {
            // The end of the answer is a token too, and has no chance against one that is forced.
            let length = most.min(FORCED_LENGTH);
            planned = planned.iter().copied().cycle().take(length + 1).collect();
        }
        let whole = planned.len() <= most;
        planned.truncate(most);

        let drawing = manner == SamplingMode::Free && self.draws(index);
        let variant = self.variant(index);
        let pivot = (drawing && variant != 0).then(|| self.pivot(&planned, variant)).flatten();
        let mut chosen_ids: Vec<u32> = Vec::with_capacity(planned.len());
        let mut counts: HashMap<u32, u32> = HashMap::new();
        let mut odds = Vec::new();
        let mut candidates = Candidates::default();
        for (place, &id) in planned.iter().enumerate() {
            candidates.fill(&self.alternatives, encoding, place, id, &chosen_ids);
            if biased {
                candidates.add_favoured(&self.favoured);
            }
            candidates.adjust(|id| {
                let count = f64::from(counts.get(&id).copied().unwrap_or_default());
                let penalty = match manner {
                    SamplingMode::Free if count > 0.0 => {
                        sampling.presence_penalty + sampling.frequency_penalty * count
                    }
                    _ => 0.0,
                };
                bias(id) - penalty
            });
            // A part of a character fits only where its other parts are, unless it is banned.
            let fixed = manner == SamplingMode::Formal
                || (encoding.token_bytes(id).is_none_or(|bytes| std::str::from_utf8(&bytes).is_err())
                    && bias(id) > -FORCING);
            let chosen = match (fixed, drawing) {
                (true, _) => id,
                (false, _) if pivot == Some(place) => candidates.other_than(id, mix(variant, 2)),
                (false, true) => {
                    let chance = Rng::new(mix(variant, place as u64)).unit();
                    candidates.draw(sampling.temperature, sampling.top_p, chance)
                }
                (false, false) => candidates.likeliest(),
            };
            if let Some(top) = sampling.logprobs {
                odds.push(candidates.odds(chosen, top));
            }
            chosen_ids.push(chosen);
            if manner == SamplingMode::Free && self.penalizes() {
                *counts.entry(chosen).or_default() += 1;
            }
        }
        (TokenizedText::of_tokens(chosen_ids, encoding).with_odds(odds), whole)
    }

    /// The place where a varied answer surely differs from the likeliest: a whole word, if there is one.
    fn pivot(&self, planned: &[u32], variant: u64) -> Option<usize> {
        if self.sampling.temperature < 0.5 || self.sampling.top_p < 0.75 {
            return None;
        }
        let bytes = |id: Option<&u32>| id.and_then(|&id| self.sampling.encoding.token_bytes(id));
        let is_word = |place: &usize| {
            let starts = bytes(planned.get(*place))
                .is_some_and(|b| b.first() == Some(&b' ') && b.get(1).is_some_and(u8::is_ascii_alphabetic));
            let ends = bytes(planned.get(place + 1))
                .is_none_or(|b| b.first().is_some_and(|b| b.is_ascii() && !b.is_ascii_alphanumeric()));
            starts && ends
        };
        let is_text = |place: &usize| {
            bytes(planned.get(*place)).is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
        };
        let any = |places: Vec<usize>| {
            let place = Rng::new(mix(variant, 1)).below(places.len() as u64);
            places.get(place as usize).copied()
        };
        any((0..planned.len()).filter(is_word).collect())
            .or_else(|| any((0..planned.len()).filter(is_text).collect()))
    }
}

/// A bias from here on forces a token, and bans it from here down on the other side.
const FORCING: f64 = 50.0;

/// So many of the tokens a bias speaks for are thought of at each place; the cost of a request stays linear.
const MAX_FAVOURED: usize = 32;

/// The most tokens of a choice that a forced token leaves without an end.
const FORCED_LENGTH: usize = DEFAULT_OUTPUT_LIMIT as usize;

impl TokenLogprobs {
    /// The probability of all alternatives that are returned.
    #[cfg(test)]
    fn likelihood(&self) -> f64 {
        self.top.iter().map(|(_, logprob)| f64::from(*logprob).exp()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Encoding;

    const TEXT: &str = "one two three four five six seven eight nine ten eleven twelve";

    fn sampled(sampling: Sampling<'_>, manner: SamplingMode, index: u32) -> (String, FinishReason) {
        let (speech, finish) = Sampler::new(sampling).text_and_finish(TEXT, Origin::Derived, manner, index);
        (speech.text().to_owned(), finish)
    }

    #[test]
    fn an_answer_ends_at_a_stop_sequence_or_at_the_most_tokens() {
        for (stop, max_tokens, want, finish) in [
            (&[][..], None, TEXT, FinishReason::Stop),
            (&["three"], None, "one two ", FinishReason::Stop),
            (&["four", " two"], None, "one", FinishReason::Stop),
            (&["ree fo"], None, "one two th", FinishReason::Stop),
            (&["", "nowhere"], None, TEXT, FinishReason::Stop),
            (&["one"], None, "", FinishReason::Stop),
            (&[], Some(2), "one two", FinishReason::Length),
            (&[], Some(0), "", FinishReason::Length),
            (&[], Some(12), TEXT, FinishReason::Stop),
            (&["four"], Some(2), "one two", FinishReason::Length),
            (&[" two"], Some(1), "one", FinishReason::Length),
            (&[" two"], Some(2), "one", FinishReason::Stop),
            (&["two three"], Some(2), "one two", FinishReason::Length),
        ] {
            for logprobs in [None, Some(2)] {
                let sampling = Sampling { stop: stop.to_vec(), max_tokens, logprobs, ..Sampling::default() };
                let (text, finish_reason) = sampled(sampling, SamplingMode::Free, 0);
                assert_eq!(text, want, "{stop:?}");
                assert_eq!(finish_reason, finish, "{stop:?} {max_tokens:?} {logprobs:?}");
            }
        }
    }

    #[test]
    fn seed_and_index_vary_a_free_answer_unless_it_is_cold() {
        let seeded = |seed, temperature, index| {
            sampled(Sampling { seed, temperature, ..Sampling::default() }, SamplingMode::Free, index).0
        };
        assert_eq!(seeded(None, 1.0, 0), TEXT);
        assert_ne!(seeded(None, 1.0, 1), TEXT);
        assert_ne!(seeded(None, 1.0, 1), seeded(None, 1.0, 2));
        assert_ne!(seeded(Some(1), 1.0, 0), seeded(Some(2), 1.0, 0));
        assert_eq!(seeded(Some(1), 1.0, 0), seeded(Some(1), 1.0, 0));
        assert_eq!(seeded(Some(1), 0.0, 3), TEXT);
        assert_ne!(seeded(None, 2.0, 0), TEXT);
        let quoted = Sampling { seed: Some(1), temperature: 2.0, ..Sampling::default() };
        assert_eq!(sampled(quoted, SamplingMode::Quoted, 3).0, TEXT);
        let narrow = Sampling { seed: Some(1), top_p: 0.1, ..Sampling::default() };
        assert_eq!(sampled(narrow, SamplingMode::Free, 0).0, TEXT);
    }

    #[test]
    fn a_bias_of_100_forces_a_token_and_of_minus_100_bans_it() {
        let encoding = Encoding::O200kBase;
        let three = encoding.encode(" three")[0];
        let banned = Sampling { logit_bias: vec![(three, -100.0)], ..Sampling::default() };
        for manner in [SamplingMode::Free, SamplingMode::Quoted] {
            let (text, _) = sampled(banned.clone(), manner, 0);
            assert!(
                !text.contains("three") && text.starts_with("one two ") && text.contains(" four"),
                "{text}"
            );
        }
        assert_eq!(sampled(banned, SamplingMode::Formal, 0).0, TEXT);
        let forced = Sampling { logit_bias: vec![(three, 100.0)], ..Sampling::default() };
        assert_eq!(sampled(forced.clone(), SamplingMode::Free, 0).0, " three".repeat(12));
        let (text, finish) = sampled(Sampling { max_tokens: Some(30), ..forced }, SamplingMode::Free, 0);
        assert_eq!((text, finish), (" three".repeat(30), FinishReason::Length));
    }

    #[test]
    fn penalties_shun_and_seek_what_was_said() {
        let text = "la la la la la la la la la la la la";
        let repeats = |frequency_penalty, presence_penalty| {
            let sampling = Sampling { frequency_penalty, presence_penalty, ..Sampling::default() };
            Sampler::new(sampling)
                .text_and_finish(text, Origin::Derived, SamplingMode::Free, 0)
                .0
                .text()
                .matches("la")
                .count()
        };
        assert_eq!(repeats(0.0, 0.0), 12);
        assert!(repeats(2.0, 0.0) < 10, "{}", repeats(2.0, 0.0));
    }

    #[test]
    fn alternatives_are_sorted_and_their_probabilities_sum_to_at_most_one() {
        let twos = vec![(Encoding::O200kBase.encode(" two")[0], 7.0)];
        for (index, logit_bias) in [(0, Vec::new()), (1, twos)] {
            let sampling =
                Sampling { logprobs: Some(20), temperature: 1.8, logit_bias, ..Sampling::default() };
            let (speech, _) =
                Sampler::new(sampling).text_and_finish(TEXT, Origin::Derived, SamplingMode::Free, index);
            assert_eq!(speech.odds().len(), speech.tokens().len());
            for (odds, token) in speech.odds().iter().zip(speech.tokens()) {
                assert_eq!(odds.top.len(), 20);
                assert!(odds.top.is_sorted_by(|a, b| a.1 >= b.1), "{odds:?}");
                assert!(odds.likelihood() <= 1.0 && odds.logprob <= 0.0, "{odds:?}");
                let listed = odds.top.iter().find(|(id, _)| *id == token.id);
                assert!(listed.is_none_or(|(_, logprob)| *logprob == odds.logprob), "{odds:?}");
            }
        }
    }

    #[test]
    fn the_answers_of_one_request_are_bounded_together() {
        let most = |answers, logprobs, origin| {
            let sampling = Sampling { answers, logprobs, ..Sampling::default() };
            Sampler::new(sampling).most(origin, SamplingMode::Quoted, 0)
        };
        for (answers, derived, configured, sampled) in [
            (1, 16_384, 1 << 20, 65_536),
            (8, 8192, 1 << 17, 8192),
            (128, 512, 8192, 512),
            (u64::MAX, 0, 0, 0),
        ] {
            assert_eq!(most(answers, None, Origin::Derived), derived);
            assert_eq!(most(answers, Some(20), Origin::Derived), derived);
            assert_eq!(most(answers, None, Origin::Configured), configured);
            assert_eq!(most(answers, Some(20), Origin::Configured), sampled);
        }
        let of_model = Sampling { max_tokens: Some(32_768), output_limit: u64::MAX, ..Sampling::default() };
        assert_eq!(Sampler::new(of_model).most(Origin::Derived, SamplingMode::Free, 0), 32_768);
    }
}
