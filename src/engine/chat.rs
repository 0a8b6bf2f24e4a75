//! The answer to a conversation: by a rule, by tool calls, in a schema's form, or as the model's reply.

use super::answer::{Answer, Call, Choice, FinishReason, Outcome, Thinking};
use super::filler;
use super::latency::TokenTiming;
use super::prompt_tokens;
use super::rejection::Rejection;
use super::rule_context::RuleContext;
use super::sampler::{DEFAULT_OUTPUT_LIMIT, Generated, Origin, Sampler, SamplingMode};
use super::sampling::Sampling;
use super::schema::{self, NoInstance, Patterns};
use super::tokenized_text::TokenizedText;
use super::tool_calls::{self, Calls};
use super::{CountedBy, Setup, prompt_tokens::Prompt};
use crate::api::tool::Json;
use crate::budget::Exhausted;
use crate::coding::base64_digit;
use crate::config::engine::{Reply, Rule};
use crate::json::{Reader, push_string};
use crate::model::ModelSpec;
use crate::random::{Rng, mix};
use crate::tokens::Encoding;
use crate::turn::{Effort, Field, Format, JsonSchema, Request, Usage, Verbosity};
use std::borrow::Cow;

/// What an answer is to be, before sampling.
enum Draft<'r> {
    Text(Cow<'r, str>, Origin, SamplingMode),
    /// Prose of so many tokens.
    Prose(u32),
    /// An instance of a schema.
    Schema(&'r JsonSchema<'r>),
    Refusal(Cow<'r, str>),
    /// Tool calls, and a text before them.
    Calls(Option<Cow<'r, str>>, Calls<'r>),
}

/// The bytes that a token of an instance has at the most, but in rare texts.
const USUAL_TOKEN: usize = 8;

/// The most bytes that one token of an instance may have, with room to spare.
const LONGEST_TOKEN: usize = 128;

/// The longest text whose tokens are kept from counting the input to generating the answer, in bytes.
const MEMORIZED: usize = 64 * 1024;

/// Answers a conversation.
///
/// # Errors
///
/// As [`super::answer()`].
pub(super) fn answer<'e>(turn: &Request<'_>, setup: Setup<'e>) -> Result<Outcome<'e>, Rejection> {
    let context = RuleContext::new(turn, setup.retries);
    let rule = context.rule(&setup.config.rules, setup.budget, |_| true);
    let rule = rule.map_err(|Exhausted| Rejection::TooMuchWork(Field::Messages))?;
    if let Some(end) = Outcome::of_rule(rule) {
        return Ok(end);
    }
    let encoding = Encoding::for_model(turn.model);
    let model = setup.config.model(turn.model);
    let draft = draft(turn, &context, rule, model.map_or(&Reply::Echo, |model| &model.reply), setup)?;
    let echoed = echoed(&draft, &context, encoding);
    let known = echoed.as_ref().map(|(text, tokenized)| (*text, tokenized.tokens().len() as u64));
    let prompt = prompt_tokens::count(turn, setup.counted_by, known);
    let (reasoning, room) = lengths(turn, setup, prompt)?;
    let output_limit = if setup.spec.is_some() { u64::MAX } else { DEFAULT_OUTPUT_LIMIT };
    let sampling = Sampling { max_tokens: room, output_limit, ..Sampling::of(turn, encoding) };
    let sampler = Sampler::new(sampling).knowing(echoed);

    let thinking = if turn.reasoning.visible { reasoning } else { 0 };
    let mut generator = Generator { turn, context: &context, sampler: &sampler, setup, ids: 0, thinking };
    let withheld = rule.and_then(|rule| rule.then.finish_reason).map(FinishReason::from);
    let mut choices = Vec::new();
    for index in 0..turn.choices {
        let mut choice = generator.choice(&draft, index)?;
        if let Some(withheld) = withheld {
            (choice.finish, choice.stop_sequence) = (withheld, None);
        }
        choices.push(choice);
    }
    // Reasoning that the answer does not show is counted once, however many choices there are.
    let reasoning = reasoning * if thinking > 0 { u64::from(turn.choices) } else { 1 };
    let output = |choice: &Choice| output_tokens(choice, turn).min(room.unwrap_or(u64::MAX));
    let mut usage = Usage {
        input: prompt.tokens,
        input_audio: prompt.audio,
        output: reasoning + choices.iter().map(output).sum::<u64>(),
        reasoning,
        ..Usage::default()
    };
    count_prediction(turn, choices.first(), encoding, &mut usage);
    let latency = rule.and_then(|rule| rule.then.latency).or(model.and_then(|model| model.latency));
    let seed = || mix(context.number(), sampler.variant(1));
    Ok(Outcome::Answer(Box::new(Answer {
        choices,
        usage,
        timing: TokenTiming::new(latency.unwrap_or(setup.config.latency), seed),
        cut_after_chunks: rule.and_then(|rule| rule.then.cut_after_chunks),
        encoding,
        logprobs: turn.logprobs.is_some(),
        completes_prompts: false,
    })))
}

/// The text that is echoed, and its tokens: it is both counted and generated, and split into tokens once.
fn echoed<'a>(
    draft: &Draft<'a>,
    context: &RuleContext<'_>,
    encoding: Encoding,
) -> Option<(&'a str, TokenizedText)> {
    match draft {
        Draft::Text(Cow::Borrowed(text), ..)
            if std::ptr::eq(*text, &*context.user) && text.len() <= MEMORIZED =>
        {
            Some((*text, TokenizedText::new(text, encoding, usize::MAX).0))
        }
        _ => None,
    }
}

/// The tokens of reasoning, and the most each choice may have besides.
fn lengths(turn: &Request<'_>, setup: Setup<'_>, prompt: Prompt) -> Result<(u64, Option<u64>), Rejection> {
    let (limit, spec) = (turn.max_tokens, setup.spec);
    if let Some(spec) = spec {
        fits(spec, turn, setup.counted_by, prompt)?;
    }
    let reasoning = reasoning(turn, limit);
    if spec.is_some() && reasoning > 0 && limit.is_some_and(|limit| limit < MIN_REASONING) {
        return Err(Rejection::NoOutputLeft);
    }
    Ok((reasoning, room(spec, prompt.tokens, limit).map(|room| room - reasoning.min(room))))
}

/// Whether the prompt, with what may follow, fits the model.
fn fits(
    spec: &ModelSpec,
    turn: &Request<'_>,
    counted_by: CountedBy,
    prompt: Prompt,
) -> Result<(), Rejection> {
    let window = u64::from(spec.window);
    let too_long = |output| {
        Err(Rejection::ContextLength {
            window: spec.window,
            input: prompt.tokens,
            tools: prompt_tokens::tools(turn, counted_by),
            output,
        })
    };
    match (spec.input, turn.max_tokens) {
        (Some(limit), _) if prompt.tokens > u64::from(limit) => {
            Err(Rejection::InputTooLong { limit, input: prompt.tokens })
        }
        _ if prompt.tokens > window => too_long(None),
        (_, Some(limit)) if prompt.tokens.saturating_add(limit) > window => too_long(Some(limit)),
        _ => Ok(()),
    }
}

/// The most tokens of an answer, by the request and by the model.
fn room(spec: Option<&ModelSpec>, prompt: u64, limit: Option<u64>) -> Option<u64> {
    let own = spec.map(|spec| u64::from(spec.output).min(u64::from(spec.window).saturating_sub(prompt)));
    match (own, limit) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    }
}

/// The fewest tokens of reasoning. With a limit below it the live API answers with an error; with one that leaves too
/// few tokens for the answer, the answer is cut.
const MIN_REASONING: u64 = 16;

/// The tokens of reasoning before the answer, within the output limit and the caller's budget.
fn reasoning(turn: &Request<'_>, limit: Option<u64>) -> u64 {
    let reasoning = turn.reasoning;
    let effort = match (reasoning.enabled, reasoning.effort) {
        (Some(false), _) | (None, None) => return 0,
        (Some(true), None) => Effort::Low,
        (_, Some(effort)) => effort,
    };
    let tokens: u64 = match effort {
        Effort::None => 0,
        Effort::Minimal => MIN_REASONING,
        Effort::Low => 64,
        Effort::Medium => 128,
        Effort::High => 256,
        Effort::Xhigh => 512,
        Effort::Max => 1024,
    };
    tokens.min(limit.unwrap_or(u64::MAX)).min(reasoning.budget.unwrap_or(u64::MAX))
}

fn draft<'r>(
    turn: &'r Request<'_>,
    context: &'r RuleContext<'_>,
    rule: Option<&'r Rule>,
    reply: &'r Reply,
    setup: Setup<'_>,
) -> Result<Draft<'r>, Rejection> {
    let then = rule.map(|rule| &rule.then);
    let text = then.and_then(|then| then.text.as_deref()).map(|text| context.fill(text));
    let script = then.and_then(|then| then.tool_calls.as_ref());
    let scripted = script.map(|script| tool_calls::scripted(script, context, setup.budget)).transpose();
    if let Some(calls) = scripted.map_err(|_| Rejection::TooMuchWork(Field::Tools))?.flatten() {
        return Ok(Draft::Calls(text, calls));
    }
    if let Some(text) = text {
        return Ok(Draft::Text(text, Origin::Configured, SamplingMode::Quoted));
    }
    if let Some(refusal) = then.and_then(|then| then.refusal.as_deref()) {
        return Ok(Draft::Refusal(refusal.into()));
    }
    if let Some(reply) = then.and_then(|then| then.reply.as_ref()) {
        return Ok(reply_draft(reply, turn, context));
    }
    let calls = tool_calls::wanted(context, setup.budget);
    if let Some(calls) = calls.map_err(|_| Rejection::TooMuchWork(Field::Tools))? {
        return Ok(Draft::Calls(None, calls));
    }
    let draft = match context.results.is_empty() {
        true => reply_draft(reply, turn, context),
        false => Draft::Text(quoted_results(context).into(), Origin::Derived, SamplingMode::Quoted),
    };
    Ok(match &turn.format {
        Format::Text => draft,
        Format::JsonSchema(schema) if schema.schema.is_some() => Draft::Schema(schema),
        Format::JsonSchema(_) | Format::JsonObject => object(draft, context),
    })
}

/// A model's reply. `verbosity` halves or doubles prose.
fn reply_draft<'r>(reply: &'r Reply, turn: &Request<'_>, context: &'r RuleContext<'_>) -> Draft<'r> {
    match reply {
        Reply::Echo => Draft::Text(Cow::Borrowed(&context.user), Origin::Derived, SamplingMode::Free),
        Reply::Text(text) => Draft::Text(context.fill(text), Origin::Configured, SamplingMode::Quoted),
        Reply::Words(length) => Draft::Prose(match turn.verbosity {
            Some(Verbosity::Low) => length.0.div_ceil(2),
            Some(Verbosity::High) => length.0 * 2,
            Some(Verbosity::Medium) | None => length.0,
        }),
    }
}

/// The results of tools, each with its tool's name.
fn quoted_results(context: &RuleContext<'_>) -> String {
    let lines: Vec<String> =
        context.results.iter().map(|(name, text)| format!("{name} returned: {text}")).collect();
    lines.join("\n")
}

/// A JSON object with the text of a draft in it: the user's own object, where that is echoed.
fn object<'r>(draft: Draft<'r>, context: &RuleContext<'_>) -> Draft<'r> {
    let is_object = |text: &str| text.starts_with('{') && Reader::new(text).whole().is_ok();
    let (text, origin) = match draft {
        Draft::Text(text, origin, mode) if is_object(text.trim()) => {
            return Draft::Text(
                text.trim().to_owned().into(),
                origin,
                if mode == SamplingMode::Free { SamplingMode::Formal } else { mode },
            );
        }
        Draft::Text(text, origin, _) => (text, origin),
        Draft::Prose(length) => {
            (filler::prose(context.number(), length as usize * 5).into(), Origin::Configured)
        }
        other => return other,
    };
    let mut json = String::from("{\"answer\":");
    push_string(&text, &mut json);
    json.push('}');
    Draft::Text(json.into(), origin, SamplingMode::Formal)
}

/// Generates choices from a draft.
struct Generator<'a> {
    turn: &'a Request<'a>,
    context: &'a RuleContext<'a>,
    sampler: &'a Sampler<'a>,
    setup: Setup<'a>,
    /// How many calls have their id.
    ids: u64,
    /// How many tokens of reasoning each choice shows.
    thinking: u64,
}

impl Generator<'_> {
    fn choice(&mut self, draft: &Draft<'_>, index: u32) -> Result<Choice, Rejection> {
        let (context, sampler) = (self.context, self.sampler);
        let encoding = sampler.sampling().encoding;
        let seed = || mix(context.number(), sampler.variant(index));
        let with_text = |generated: Generated| Choice {
            content: Some(generated.text),
            finish: generated.finish,
            stop_sequence: generated.stop_sequence,
            ..Choice::default()
        };
        let mut choice = match draft {
            Draft::Text(text, origin, mode) => {
                let most = sampler.most(*origin, *mode, index).saturating_mul(LONGEST_TOKEN);
                self.search_stops(text.len().min(most))?;
                with_text(sampler.generate(text, *origin, *mode, index))
            }
            Draft::Prose(length) => {
                let most = sampler.most(Origin::Configured, SamplingMode::Free, index);
                let length = (*length).min(most as u32 + 1);
                let text = filler::prose_of(length, encoding, seed());
                with_text(sampler.generate(&text, Origin::Configured, SamplingMode::Free, index))
            }
            Draft::Schema(format) => {
                let Json(text) = format.schema.unwrap_or(Json("{}"));
                let patterns = if format.strict == Some(true) { Patterns::All } else { Patterns::Understood };
                let most = sampler.most(Origin::Derived, SamplingMode::Formal, index);
                // An instance that is cut is generated only so far as its tokens may be used.
                let mut limit = most.saturating_mul(USUAL_TOKEN);
                loop {
                    let instance = schema::instance(text, seed(), patterns, limit, self.setup.budget);
                    let instance = instance.map_err(|why| Rejection::Schema {
                        name: format.name.unwrap_or_default().to_owned(),
                        reason: sentence(&why),
                    })?;
                    self.search_stops(instance.json.len())?;
                    let generated =
                        sampler.generate(&instance.json, Origin::Derived, SamplingMode::Formal, index);
                    let is_used_up = !instance.whole
                        && generated.stop_sequence.is_none()
                        && generated.finish != FinishReason::Length;
                    if is_used_up && limit < most.saturating_mul(LONGEST_TOKEN) {
                        limit = limit.saturating_mul(LONGEST_TOKEN / USUAL_TOKEN);
                        continue;
                    }
                    let mut choice = with_text(generated);
                    if !instance.whole {
                        choice.finish = FinishReason::Length;
                    }
                    break choice;
                }
            }
            Draft::Refusal(text) => {
                let generated = sampler.generate(text, Origin::Configured, SamplingMode::Quoted, index);
                let mut choice = with_text(generated);
                choice.refusal = choice.content.take();
                choice
            }
            Draft::Calls(text, calls) => self.calls(text.as_deref(), calls, index, seed())?,
        };
        choice.thinking = (self.thinking > 0).then(|| self.thinking(seed()));
        Ok(choice)
    }

    /// Takes the steps of searching a text of so many bytes for the stop sequences.
    fn search_stops(&self, bytes: usize) -> Result<(), Rejection> {
        let searched = self.setup.budget.search(bytes.saturating_mul(self.sampler.costly_stops()));
        searched.map_err(|Exhausted| Rejection::TooMuchWork(Field::Stop))
    }

    fn thinking(&self, seed: u64) -> Thinking {
        let encoding = self.sampler.sampling().encoding;
        let tokens = u32::try_from(self.thinking).unwrap_or(u32::MAX);
        let seed = mix(seed, 0x7e);
        let text = filler::prose_of(tokens, encoding, seed);
        let (text, _) = TokenizedText::new(&text, encoding, usize::MAX);
        Thinking { text, signature: signature(seed) }
    }

    /// Tool calls, within the tokens that the text before them leaves.
    fn calls(
        &mut self,
        text: Option<&str>,
        calls: &Calls<'_>,
        index: u32,
        seed: u64,
    ) -> Result<Choice, Rejection> {
        let sampler = self.sampler;
        let encoding = sampler.sampling().encoding;
        let mut choice = Choice { finish: FinishReason::ToolCalls, ..Choice::default() };
        let mut left = sampler.most(calls.origin, SamplingMode::Formal, index);
        if let Some(text) = text {
            let generated = sampler.generate(text, Origin::Configured, SamplingMode::Quoted, index);
            left = left.saturating_sub(generated.text.tokens().len());
            choice.content = Some(generated.text);
            if generated.finish == FinishReason::Length {
                choice.finish = FinishReason::Length;
                return Ok(choice);
            }
        }
        for (i, call) in calls.calls.iter().enumerate() {
            left = left.saturating_sub(encoding.count(&call.name));
            let mut limit = left.saturating_mul(USUAL_TOKEN);
            let (input, whole) = loop {
                let text = call.input.text(mix(seed, i as u64), limit, self.setup.budget);
                let (text, is_whole) = text.map_err(|why| Rejection::ToolSchema {
                    index: self.turn.tools.iter().position(|tool| tool.name == call.name).unwrap_or(0),
                    reason: sentence(&why),
                })?;
                let (input, fits) = TokenizedText::new(&text, encoding, left);
                if fits && !is_whole && limit < left.saturating_mul(LONGEST_TOKEN) {
                    limit = limit.saturating_mul(LONGEST_TOKEN / USUAL_TOKEN);
                    continue;
                }
                break (input, fits && is_whole);
            };
            left -= input.tokens().len();
            self.ids += 1;
            choice.calls.push(Call {
                id: self.setup.call_ids.nth(self.setup.ctx.random, self.ids),
                name: call.name.clone().into_owned(),
                input,
                kind: call.kind,
            });
            if !whole {
                choice.finish = FinishReason::Length;
                break;
            }
        }
        Ok(choice)
    }
}

/// A signature in base64, as long as Anthropic's of a short text.
fn signature(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    (0..256).map(|_| base64_digit(rng.next_u64())).collect()
}

/// Why a schema has no instance, as the end of a sentence.
fn sentence(why: &NoInstance) -> String {
    match why {
        NoInstance::Unreadable => "it is no JSON that could be read.".to_owned(),
        NoInstance::Dangling(reference) => format!("reference '{reference}' can not be resolved."),
        NoInstance::Pattern(pattern) => format!("'{pattern}' is not a regular expression that is supported."),
        NoInstance::Impossible | NoInstance::TooLong => "nothing finite is valid under it.".to_owned(),
        NoInstance::Conflict(keyword) => {
            format!("no value of '{keyword}' is valid under the schema that it stands in.")
        }
        NoInstance::Unmet(keyword) => format!("no value was found that honours '{keyword}'."),
        NoInstance::Exhausted(why) => format!("{why}."),
    }
}

/// The tokens of a choice, without its reasoning.
fn output_tokens(choice: &Choice, turn: &Request<'_>) -> u64 {
    let texts = [&choice.content, &choice.refusal];
    let texts: usize = texts.into_iter().flatten().map(|text| text.tokens().len()).sum();
    let calls = choice.calls.iter().map(|call| (&*call.name, call.input.text()));
    texts as u64 + prompt_tokens::calls(turn.model, turn.tool_choice, calls)
}

/// Counts the tokens of the `prediction` that the answer begins with, and the others.
fn count_prediction(turn: &Request<'_>, choice: Option<&Choice>, encoding: Encoding, usage: &mut Usage) {
    let Some(prediction) = &turn.prediction else { return };
    let predicted = encoding.encode(&prediction.0);
    let generated =
        choice.and_then(|choice| choice.content.as_ref()).map(TokenizedText::tokens).unwrap_or_default();
    let matches = predicted.iter().zip(generated).take_while(|(predicted, token)| **predicted == token.id);
    let accepted = matches.count();
    usage.accepted_prediction = accepted as u64;
    usage.rejected_prediction = (predicted.len() - accepted) as u64;
    usage.output += usage.rejected_prediction;
}
