//! What is said to a text completion request.

use super::answer::{Answer, Choice, FinishReason, Outcome, TokenUsage};
use super::filler;
use super::latency::TokenTiming;
use super::offer::Callable;
use super::rng::mix;
use super::rule_context::RuleContext;
use super::sampler::{
    CONFIGURED_LIMIT, DEFAULT_OUTPUT_LIMIT, Origin, Sampler, SamplingMode, UNSCRIPTED_LIMIT,
};
use super::sampling::Sampling;
use super::tokenized_text::TokenizedText;
use crate::api::Int;
use crate::api::completions::{Prompt, Request};
use crate::check::error_text;
use crate::config::Validation;
use crate::config::engine::{Engine, Format, Reply, Rule};
use crate::error::{ApiError, Kind};
use crate::model::ModelSpec;
use crate::tokens::{EXACT, Encoding};
use std::borrow::Cow;
use std::rc::Rc;

/// The most choices of one request, over all its prompts.
const MAX_CHOICES: u64 = 16_384;

/// One of the prompts.
struct Asking<'r> {
    text: Cow<'r, str>,
    /// Its tokens, where it came as such.
    ids: Option<Vec<u32>>,
}

/// Answers a text completion request; `spec` has the limits of its model, if they are to be kept, and `retry` tells how
/// often the request was tried before. A token the
/// model's vocabulary lacks is an error to the live API and no text to the published schema, which allows it.
pub fn answer<'s>(
    request: &Request<'_>,
    model: &str,
    setup: &'s Engine,
    spec: Option<&ModelSpec>,
    validation: Validation,
    retry: &dyn Fn() -> u32,
) -> Result<Outcome<'s>, ApiError> {
    let encoding = Encoding::for_model(model);
    let prompts = prompts(request.prompt.as_ref(), encoding, validation)?;
    let (n, each) = (request.choices(), request.choices().max(best_of(request)));
    let suffix = request.suffix.as_deref().unwrap_or_default();
    let mut counts = TokenUsage::default();
    for prompt in &prompts {
        let own = prompt.ids.as_ref().map_or_else(|| encoding.count(&prompt.text), Vec::len);
        let tokens = (own + encoding.count(suffix)) as u64;
        if let Some(spec) = spec
            && tokens.saturating_add(request.token_limit()) > u64::from(spec.window)
        {
            return Err(error_text::text_context_length(spec.window, tokens, request.token_limit()));
        }
        counts.prompt += tokens;
    }
    let told = counts.prompt.saturating_mul(n);
    let limit = if request.logprobs.is_some() { UNSCRIPTED_LIMIT } else { CONFIGURED_LIMIT };
    if request.echo == Some(true) && told > limit {
        return Err(error_text::text_context_length(limit as u32, told, request.token_limit()));
    }
    let choices = each.saturating_mul(prompts.len() as u64);
    if choices > MAX_CHOICES {
        let sentence =
            format!("This request asks for {choices} choices. At most {MAX_CHOICES} are supported.");
        return Err(ApiError::new(Kind::Invalid, sentence).at("prompt"));
    }
    let mut sampling = sampling(request, encoding);
    sampling.answers = choices;
    if !suffix.is_empty() {
        // What comes after the completion is known: the completion ends where it would begin.
        sampling.stop.push(suffix);
    }
    let wanted = sampling.logprobs;
    if each > n {
        // Which ones are best is seen by how likely their tokens were.
        sampling.logprobs = Some(wanted.unwrap_or(0));
    }
    let sampler = Sampler::new(sampling);
    let setup_of_model = setup.model(model);
    let mut answer =
        Answer { choices: Vec::new(), counts, pace: TokenTiming::default(), cut_after_chunks: None };
    let mut latency = setup_of_model.and_then(|model| model.latency);
    for prompt in &prompts {
        let asked = asked(request, model, prompt, retry);
        let rule = asked.rule(&setup.rules, |rule| rule.then.tool_calls.is_none());
        if let Some(end) = Outcome::of_rule(rule) {
            return Ok(end);
        }
        latency = rule.and_then(|rule| rule.then.latency).or(latency);
        answer.cut_after_chunks =
            answer.cut_after_chunks.or(rule.and_then(|rule| rule.then.cut_after_chunks));
        let reply = setup_of_model.map(|model| &model.reply).unwrap_or(&Reply::Echo);
        let mut said: Vec<Choice> = (0..each)
            .map(|index| say(&sampler, &asked, rule, reply, u32::try_from(index).unwrap_or(u32::MAX)))
            .collect();
        answer.counts.completion += said.iter().map(|choice| choice.tokens() as u64).sum::<u64>();
        if each > n {
            // Of equals the earlier ones are kept.
            let mut best: Vec<Choice> = Vec::with_capacity(said.len());
            for choice in said {
                let place = best.partition_point(|other| likelihood(other) >= likelihood(&choice));
                best.insert(place, choice);
            }
            said = best;
            said.truncate(usize::try_from(n).unwrap_or(usize::MAX));
            if wanted.is_none() {
                said.iter_mut().for_each(|choice| {
                    choice.content = choice.content.take().map(|speech| speech.with_odds(Vec::new()));
                });
            }
        }
        let echo = (request.echo == Some(true)).then(|| Rc::new(self::echo(prompt, &sampler, wanted)));
        let offset = prompt.text.chars().count();
        answer.choices.extend(said.into_iter().map(|choice| Choice { echo: echo.clone(), offset, ..choice }));
    }
    let dice = || prompts.first().map_or(0, |prompt| asked(request, model, prompt, retry).number());
    answer.pace = TokenTiming::new(latency.unwrap_or(setup.latency), || mix(dice(), sampler.variant(1)));
    Ok(Outcome::Answer(Box::new(answer)))
}

fn best_of(request: &Request<'_>) -> u64 {
    request.best_of.map_or(1, Int::unsigned)
}

fn sampling<'r>(request: &'r Request<'_>, encoding: Encoding) -> Sampling<'r> {
    let bias = request.logit_bias.as_ref().map(|bias| &bias.0[..]).unwrap_or_default();
    Sampling {
        encoding,
        temperature: request.temperature.map_or(1.0, |number| number.value),
        top_p: request.top_p.map_or(1.0, |number| number.value),
        presence_penalty: request.presence_penalty.map_or(0.0, |number| number.value),
        frequency_penalty: request.frequency_penalty.map_or(0.0, |number| number.value),
        logit_bias: bias.iter().filter_map(|(id, bias)| Some((id.parse().ok()?, bias.value))).collect(),
        seed: request.seed.map(|seed| seed.value),
        stop: request.stop.as_ref().map(|stop| stop.iter().collect()).unwrap_or_default(),
        max_tokens: Some(request.token_limit()),
        output_limit: DEFAULT_OUTPUT_LIMIT,
        logprobs: request.logprobs.map(|top| top.unsigned().min(20) as usize),
        answers: 1,
    }
}

/// The prompts, in order. Tokens are read in the model's encoding.
fn prompts<'r>(
    prompt: Option<&'r Prompt<'_>>,
    encoding: Encoding,
    validation: Validation,
) -> Result<Vec<Asking<'r>>, ApiError> {
    let text = |text: &'r str| Asking { text: Cow::Borrowed(text), ids: None };
    let tokens = |list: &[Int]| -> Result<Asking<'r>, ApiError> {
        let id = |token: &Int| {
            let id = u32::try_from(token.value).ok().filter(|&id| encoding.token_bytes(id).is_some());
            match (id, validation) {
                (Some(id), _) => Some(Ok(id)),
                (None, Validation::Schema) => None,
                (None, Validation::Live) => Some(Err(error_text::invalid_token(
                    token.value,
                    if EXACT { encoding.largest_token() } else { u32::MAX },
                ))),
            }
        };
        let ids = list.iter().filter_map(id).collect::<Result<Vec<_>, _>>()?;
        Ok(Asking { text: encoding.decode(&ids).into(), ids: Some(ids) })
    };
    match prompt {
        None => Ok(Vec::new()),
        Some(Prompt::Text(one)) => Ok(vec![text(one)]),
        Some(Prompt::Texts(texts)) => Ok(texts.iter().map(|one| text(one)).collect()),
        Some(Prompt::Tokens(list)) => Ok(vec![tokens(list)?]),
        Some(Prompt::TokenLists(lists)) => lists.iter().map(|list| tokens(list)).collect(),
    }
}

fn asked<'a>(
    request: &Request<'_>,
    model: &'a str,
    prompt: &'a Asking<'_>,
    retry: &'a dyn Fn() -> u32,
) -> RuleContext<'a> {
    RuleContext {
        model,
        user: Cow::Borrowed(&prompt.text),
        system: Cow::Borrowed(""),
        format: Format::Text,
        tools: false,
        tool_names: Vec::new(),
        callable: Callable::nothing(),
        results: Vec::new(),
        called: Vec::new(),
        turn: 1,
        retry,
        stream: request.streams(),
        seed: request.seed.map(|seed| seed.value),
    }
}

/// Says one answer to a prompt.
fn say(
    sampler: &Sampler<'_>,
    asked: &RuleContext<'_>,
    rule: Option<&Rule>,
    reply: &Reply,
    index: u32,
) -> Choice {
    let then = rule.map(|rule| &rule.then);
    let scripted = then.and_then(|then| then.text.as_deref().or(then.refusal.as_deref()));
    let reply = then.and_then(|then| then.reply.as_ref()).unwrap_or(reply);
    let (speech, finish) = match (scripted, reply) {
        (Some(text), _) => sampler.say(&asked.fill(text), Origin::Configured, SamplingMode::Quoted, index),
        (None, Reply::Text(text)) => {
            sampler.say(&asked.fill(text), Origin::Configured, SamplingMode::Quoted, index)
        }
        (None, Reply::Echo) => sampler.say(&asked.user, Origin::Derived, SamplingMode::Free, index),
        (None, Reply::Words(length)) => {
            let seed = mix(asked.number(), sampler.variant(index));
            let most = sampler.most(Origin::Configured, SamplingMode::Free, index);
            let length = length.0.min(most as u32 + 1);
            let text = filler::prose_of(length, sampler.sampling().encoding, seed);
            sampler.say(&text, Origin::Configured, SamplingMode::Free, index)
        }
    };
    let finish = then.and_then(|then| then.finish_reason).map_or(finish, FinishReason::from);
    Choice { content: Some(speech), finish_reason: Some(finish), ..Choice::default() }
}

/// The prompt as it is told before the answer.
fn echo(prompt: &Asking<'_>, sampler: &Sampler<'_>, logprobs: Option<usize>) -> TokenizedText {
    let encoding = sampler.sampling().encoding;
    let speech = match &prompt.ids {
        Some(ids) => TokenizedText::of_tokens(ids.iter().copied(), encoding),
        None => TokenizedText::new(&prompt.text, encoding, usize::MAX).0,
    };
    match logprobs {
        Some(top) => sampler.judge(speech, top),
        None => speech,
    }
}

/// The mean of the logarithms of an answer's tokens.
fn likelihood(choice: &Choice) -> f64 {
    let odds = choice.content.as_ref().map(TokenizedText::odds).unwrap_or_default();
    odds.iter().map(|odds| f64::from(odds.logprob)).sum::<f64>() / odds.len().max(1) as f64
}
