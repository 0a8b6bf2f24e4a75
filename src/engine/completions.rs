//! The answer to the turns of a completion: each a prompt.

use super::Setup;
use super::answer::{Answer, Choice, FinishReason, Outcome};
use super::filler;
use super::latency::TokenTiming;
use super::rejection::Rejection;
use super::rule_context::RuleContext;
use super::sampler::{
    CONFIGURED_LIMIT, DEFAULT_OUTPUT_LIMIT, Origin, Sampler, SamplingMode, UNSCRIPTED_LIMIT,
};
use super::sampling::Sampling;
use super::tokenized_text::TokenizedText;
use crate::budget::Exhausted;
use crate::config::engine::{Reply, Rule};
use crate::random::mix;
use crate::tokens::Encoding;
use crate::turn::{Field, Input, Prompt, Request, Usage};
use std::rc::Rc;

/// The most choices of one request, over all its prompts.
pub const MAX_CHOICES: u64 = 16_384;

/// Answers the turns of a completion as one: they differ in nothing but their prompts. Biases and stop sequences are those
/// of the first turn.
///
/// # Errors
///
/// As [`super::answer()`].
pub(super) fn answer<'e>(turns: &[Request<'_>], setup: Setup<'e>) -> Result<Outcome<'e>, Rejection> {
    let defaults = Request::default();
    let first = turns.first().unwrap_or(&defaults);
    let encoding = Encoding::for_model(first.model);
    let prompts = || turns.iter().filter_map(|turn| Some((turn, prompt(turn)?)));
    let n = u64::from(first.choices);
    let each = prompt(first).map_or(n, |prompt| n.max(prompt.best_of.into()));
    let mut usage = Usage::default();
    for (turn, prompt) in prompts() {
        let input = prompt_tokens(prompt, encoding);
        let output = turn.max_tokens;
        if let Some(spec) = setup.spec
            && input.saturating_add(output.unwrap_or(0)) > u64::from(spec.window)
        {
            return Err(Rejection::ContextLength { window: spec.window, input, tools: 0, output });
        }
        usage.input += input;
    }
    let echoes = prompt(first).is_some_and(|prompt| prompt.echo);
    let echo = usage.input.saturating_mul(n);
    let limit = if first.logprobs.is_some() { UNSCRIPTED_LIMIT } else { CONFIGURED_LIMIT };
    if echoes && echo > limit {
        return Err(Rejection::EchoTooLong { limit, echo });
    }
    let choices = each.saturating_mul(turns.len() as u64);
    if choices > MAX_CHOICES {
        return Err(Rejection::TooManyChoices { limit: MAX_CHOICES, choices });
    }
    let mut sampling = Sampling {
        answers: choices,
        max_tokens: first.max_tokens,
        output_limit: DEFAULT_OUTPUT_LIMIT,
        ..Sampling::of(first, encoding)
    };
    // What follows the completion is known: the completion ends where it would begin.
    sampling.stop.extend(prompt(first).and_then(|prompt| prompt.suffix).filter(|suffix| !suffix.is_empty()));
    let logprobs = sampling.logprobs;
    if each > n {
        // The best choices are those whose tokens are likeliest.
        sampling.logprobs = Some(logprobs.unwrap_or(0));
    }
    let sampler = Sampler::new(sampling);
    let model = setup.config.model(first.model);
    let reply = model.map_or(&Reply::Echo, |model| &model.reply);
    let mut latency = model.and_then(|model| model.latency);
    let mut cut_after_chunks = None;
    let mut all = Vec::new();
    for (turn, prompt) in prompts() {
        let context = RuleContext::new(turn, setup.retries);
        let rule = context.rule(&setup.config.rules, setup.budget, |rule| rule.then.tool_calls.is_none());
        let rule = rule.map_err(|Exhausted| Rejection::TooMuchWork(Field::Prompt))?;
        if let Some(end) = Outcome::of_rule(rule) {
            return Ok(end);
        }
        latency = rule.and_then(|rule| rule.then.latency).or(latency);
        cut_after_chunks = cut_after_chunks.or(rule.and_then(|rule| rule.then.cut_after_chunks));
        let searched = context.user.len().saturating_mul(sampler.costly_stops());
        let searched =
            setup.budget.search(searched.saturating_mul(usize::try_from(each).unwrap_or(usize::MAX)));
        searched.map_err(|Exhausted| Rejection::TooMuchWork(Field::Stop))?;
        let indices = 0..u32::try_from(each).unwrap_or(u32::MAX);
        let mut choices: Vec<Choice> =
            indices.map(|index| choice(&sampler, &context, rule, reply, index)).collect();
        usage.output += choices.iter().map(|choice| choice.tokens() as u64).sum::<u64>();
        if each > n {
            choices = best(choices, n, logprobs.is_some());
        }
        let echo = prompt.echo.then(|| Rc::new(self::echo(prompt, &sampler, logprobs)));
        all.extend(choices.into_iter().map(|choice| Choice { echo: echo.clone(), ..choice }));
    }
    let number = || turns.first().map_or(0, |turn| RuleContext::new(turn, setup.retries).number());
    let seed = || mix(number(), sampler.variant(1));
    Ok(Outcome::Answer(Box::new(Answer {
        choices: all,
        usage,
        timing: TokenTiming::new(latency.unwrap_or(setup.config.latency), seed),
        cut_after_chunks,
        encoding,
        logprobs: first.logprobs.is_some(),
        completes_prompts: true,
    })))
}

/// The tokens of a prompt and of what follows the completion.
pub(super) fn prompt_tokens(prompt: &Prompt<'_>, encoding: Encoding) -> u64 {
    let own = prompt.tokens.as_ref().map_or_else(|| encoding.count(&prompt.text), Vec::len);
    (own + prompt.suffix.map_or(0, |suffix| encoding.count(suffix))) as u64
}

fn prompt<'r>(turn: &'r Request<'_>) -> Option<&'r Prompt<'r>> {
    match &turn.input {
        Input::Prompt(prompt) => Some(prompt),
        Input::Messages(_) => None,
    }
}

/// One choice of a completion.
fn choice(
    sampler: &Sampler<'_>,
    context: &RuleContext<'_>,
    rule: Option<&Rule>,
    reply: &Reply,
    index: u32,
) -> Choice {
    let then = rule.map(|rule| &rule.then);
    let scripted = then.and_then(|then| then.text.as_deref().or(then.refusal.as_deref()));
    let reply = then.and_then(|then| then.reply.as_ref()).unwrap_or(reply);
    let quote = |text| sampler.generate(&context.fill(text), Origin::Configured, SamplingMode::Quoted, index);
    let generated = match (scripted, reply) {
        (Some(text), _) => quote(text),
        (None, Reply::Text(text)) => quote(text),
        (None, Reply::Echo) => sampler.generate(&context.user, Origin::Derived, SamplingMode::Free, index),
        (None, Reply::Words(length)) => {
            let seed = mix(context.number(), sampler.variant(index));
            let most = sampler.most(Origin::Configured, SamplingMode::Free, index);
            let length = length.0.min(most as u32 + 1);
            let text = filler::prose_of(length, sampler.sampling().encoding, seed);
            sampler.generate(&text, Origin::Configured, SamplingMode::Free, index)
        }
    };
    let finish = then.and_then(|then| then.finish_reason).map_or(generated.finish, FinishReason::from);
    Choice { content: Some(generated.text), finish, ..Choice::default() }
}

/// The `n` choices whose tokens are likeliest, the best first; of equals the earlier ones.
fn best(choices: Vec<Choice>, n: u64, logprobs: bool) -> Vec<Choice> {
    let mut best: Vec<Choice> = Vec::with_capacity(choices.len());
    for choice in choices {
        let place = best.partition_point(|other| likelihood(other) >= likelihood(&choice));
        best.insert(place, choice);
    }
    best.truncate(usize::try_from(n).unwrap_or(usize::MAX));
    if !logprobs {
        for choice in &mut best {
            choice.content = choice.content.take().map(|text| text.with_odds(Vec::new()));
        }
    }
    best
}

/// The prompt as the answer begins with it.
fn echo(prompt: &Prompt<'_>, sampler: &Sampler<'_>, logprobs: Option<usize>) -> TokenizedText {
    let encoding = sampler.sampling().encoding;
    let text = match &prompt.tokens {
        Some(tokens) => TokenizedText::of_tokens(tokens.iter().copied(), encoding),
        None => TokenizedText::new(&prompt.text, encoding, usize::MAX).0,
    };
    match logprobs {
        Some(top) => sampler.judge(text, top),
        None => text,
    }
}

/// The mean log probability of a choice's tokens.
fn likelihood(choice: &Choice) -> f64 {
    let odds = choice.content.as_ref().map(TokenizedText::odds).unwrap_or_default();
    odds.iter().map(|odds| f64::from(odds.logprob)).sum::<f64>() / odds.len().max(1) as f64
}
