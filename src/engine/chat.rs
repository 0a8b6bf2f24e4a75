//! What is said to a chat request: by a rule, by a tool's call, in a schema's form, or as the model's reply.

use super::answer::{Answer, Call, Choice, FinishReason, Outcome, TokenUsage};
use super::filler;
use super::latency::TokenTiming;
use super::prompt_tokens::{self, Counter};
use super::rng::mix;
use super::rule_context::RuleContext;
use super::sampler::{DEFAULT_OUTPUT_LIMIT, Origin, Sampler, SamplingMode};
use super::sampling::Sampling;
use super::schema::{self, NoInstance, Patterns};
use super::tokenized_text::TokenizedText;
use super::tool_calls::{self, Calls};
use crate::api::chat::{Effort, JsonSchema, ReasoningEffort, Request, ResponseFormatType, Verbosity};
use crate::api::tool::{Json, Tool};
use crate::budget::{Budget, Exhausted};
use crate::check::error_text;
use crate::config::engine::{Engine, Reply, Rule};
use crate::ctx::Ctx;
use crate::error::{ApiError, Kind};
use crate::json::{Reader, push_string};
use crate::model::ModelSpec;
use crate::tokens::Encoding;
use std::borrow::Cow;

/// What is to be said, before sampling.
enum Plan<'r> {
    Text(Cow<'r, str>, Origin, SamplingMode),
    /// Prose of so many tokens.
    Prose(u32),
    /// An instance of a schema.
    Schema(&'r JsonSchema<'r>),
    Refusal(Cow<'r, str>),
    /// Calls of tools, and a text before them.
    Calls(Option<Cow<'r, str>>, Calls<'r>),
}

/// The most bytes that one token of an instance may have, with room to spare.
const LONGEST_TOKEN: usize = 128;

/// The longest text whose tokens are kept from counting it to saying it, in bytes.
const MEMORIZED: usize = 64 * 1024;

/// Answers a chat request; `spec` has the limits of its model, if they are to be kept, and `retry` tells how often the
/// request was tried before.
pub fn answer<'s>(
    request: &Request<'_>,
    model: &str,
    setup: &'s Engine,
    spec: Option<&ModelSpec>,
    ctx: &Ctx<'_>,
    retry: &dyn Fn() -> u32,
    budget: &Budget,
) -> Result<Outcome<'s>, ApiError> {
    let asked = RuleContext::of_chat(request, model, retry);
    let rule = asked.rule(&setup.rules, |_| true);
    if let Some(end) = Outcome::of_rule(rule) {
        return Ok(end);
    }
    let encoding = Encoding::for_model(model);
    let setup_of_model = setup.model(model);
    let reply = setup_of_model.map_or(&Reply::Echo, |model| &model.reply);
    let plan = plan(request, &asked, rule, reply, budget)?;
    let echoed = echoed(&plan, &asked, encoding);
    let known = echoed.as_ref().map(|(text, speech)| (*text, speech.tokens().len() as u64));
    let prompt = prompt_tokens::count(request, model, Counter { encoding, known });
    let (reasoning, room) = lengths(request, spec, prompt)?;
    let output_limit = if spec.is_some() { u64::MAX } else { DEFAULT_OUTPUT_LIMIT };
    let sampling = Sampling { max_tokens: room, output_limit, ..sampling(request, encoding) };
    let sampler = Sampler::new(sampling).knowing(echoed);

    let mut speaker = Generator { request, asked: &asked, sampler: &sampler, ctx, ids: 0, budget };
    let withheld = rule.and_then(|rule| rule.then.finish_reason).map(FinishReason::from);
    let mut choices = Vec::new();
    for index in 0..u32::try_from(request.choices()).unwrap_or(u32::MAX) {
        let mut choice = speaker.choice(&plan, index)?;
        choice.finish_reason = withheld.or(choice.finish_reason);
        choices.push(choice);
    }
    let said = |choice: &Choice| said(choice, encoding).min(room.unwrap_or(u64::MAX));
    let completion = reasoning + choices.iter().map(said).sum::<u64>();
    let mut counts = TokenUsage {
        prompt: prompt.tokens,
        prompt_audio: prompt.audio,
        completion,
        reasoning,
        ..TokenUsage::default()
    };
    predict(request, choices.first(), encoding, &mut counts);
    let latency = rule.and_then(|rule| rule.then.latency).or(setup_of_model.and_then(|model| model.latency));
    let pace = TokenTiming::new(latency.unwrap_or(setup.latency), || mix(asked.number(), sampler.variant(1)));
    let cut_after_chunks = rule.and_then(|rule| rule.then.cut_after_chunks);
    Ok(Outcome::Answer(Box::new(Answer { choices, counts, pace, cut_after_chunks })))
}

/// The text that is echoed and its tokens: it is counted and said, and turned to tokens once.
fn echoed<'a>(
    plan: &Plan<'a>,
    asked: &RuleContext<'_>,
    encoding: Encoding,
) -> Option<(&'a str, TokenizedText)> {
    match plan {
        Plan::Text(Cow::Borrowed(text), ..)
            if std::ptr::eq(*text, &*asked.user) && text.len() <= MEMORIZED =>
        {
            Some((*text, TokenizedText::new(text, encoding, usize::MAX).0))
        }
        _ => None,
    }
}

/// How many tokens are thought, and the most each answer may then have.
fn lengths(
    request: &Request<'_>,
    spec: Option<&ModelSpec>,
    prompt: prompt_tokens::Prompt,
) -> Result<(u64, Option<u64>), ApiError> {
    let limit = request.token_limit();
    if let Some(spec) = spec {
        fits(spec, prompt, limit)?;
    }
    let reasoning = reasoning(request, limit);
    if spec.is_some() && reasoning > 0 && limit.is_some_and(|limit| limit < LEAST_THOUGHT) {
        return Err(error_text::nothing_left_to_say());
    }
    Ok((reasoning, room(spec, prompt.tokens, limit).map(|room| room - reasoning.min(room))))
}

/// Whether the prompt, with what may follow, fits the model.
fn fits(spec: &ModelSpec, prompt: prompt_tokens::Prompt, limit: Option<u64>) -> Result<(), ApiError> {
    let window = u64::from(spec.window);
    match (spec.input, limit) {
        (Some(most), _) if prompt.tokens > u64::from(most) => {
            Err(error_text::long_prompt(most, prompt.tokens))
        }
        _ if prompt.tokens > window => {
            Err(error_text::context_length(spec.window, prompt.tokens, prompt.tools, None))
        }
        (_, Some(limit)) if prompt.tokens.saturating_add(limit) > window => {
            Err(error_text::context_length(spec.window, prompt.tokens, prompt.tools, Some(limit)))
        }
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

/// The fewest tokens that are thought. Where there may be fewer, the live API gives no answer; where there may be
/// as many but too few for an answer, one that is cut short.
const LEAST_THOUGHT: u64 = 16;

/// The tokens that are thought before the answer, out of the most there may be.
fn reasoning(request: &Request<'_>, limit: Option<u64>) -> u64 {
    let Some(Effort::Known(effort)) = request.reasoning_effort else { return 0 };
    let tokens: u64 = match effort {
        ReasoningEffort::None => 0,
        ReasoningEffort::Minimal => LEAST_THOUGHT,
        ReasoningEffort::Low => 64,
        ReasoningEffort::Medium => 128,
        ReasoningEffort::High => 256,
        ReasoningEffort::Xhigh => 512,
        ReasoningEffort::Max => 1024,
    };
    tokens.min(limit.unwrap_or(u64::MAX))
}

fn sampling<'r>(request: &'r Request<'_>, encoding: Encoding) -> Sampling<'r> {
    let bias = request.logit_bias.as_ref().map(|bias| &bias.0[..]).unwrap_or_default();
    let alternatives = request.top_logprobs.map_or(0, |top| top.unsigned().min(20) as usize);
    Sampling {
        encoding,
        temperature: request.temperature.map_or(1.0, |number| number.value),
        top_p: request.top_p.map_or(1.0, |number| number.value),
        presence_penalty: request.presence_penalty.map_or(0.0, |number| number.value),
        frequency_penalty: request.frequency_penalty.map_or(0.0, |number| number.value),
        logit_bias: bias.iter().filter_map(|(id, bias)| Some((id.parse().ok()?, bias.value))).collect(),
        seed: request.seed.map(|seed| seed.value),
        stop: request.stop.as_ref().map(|stop| stop.iter().collect()).unwrap_or_default(),
        max_tokens: None,
        output_limit: DEFAULT_OUTPUT_LIMIT,
        logprobs: (request.logprobs == Some(true)).then_some(alternatives),
        answers: request.choices(),
    }
}

fn plan<'r>(
    request: &'r Request<'_>,
    asked: &'r RuleContext<'_>,
    rule: Option<&'r Rule>,
    reply: &'r Reply,
    budget: &Budget,
) -> Result<Plan<'r>, ApiError> {
    let then = rule.map(|rule| &rule.then);
    let text = then.and_then(|then| then.text.as_deref()).map(|text| asked.fill(text));
    let script = then.and_then(|then| then.tool_calls.as_ref());
    let many_tools = |why| exhausted(why, if request.tools.is_some() { "tools" } else { "functions" });
    let scripted = script.map(|script| tool_calls::scripted(script, asked, budget)).transpose();
    if let Some(calls) = scripted.map_err(many_tools)?.flatten() {
        return Ok(Plan::Calls(text, calls));
    }
    if let Some(text) = text {
        return Ok(Plan::Text(text, Origin::Configured, SamplingMode::Quoted));
    }
    if let Some(refusal) = then.and_then(|then| then.refusal.as_deref()) {
        return Ok(Plan::Refusal(refusal.into()));
    }
    if let Some(reply) = then.and_then(|then| then.reply.as_ref()) {
        return Ok(replied(reply, request, asked));
    }
    if let Some(calls) = tool_calls::wanted(asked, budget).map_err(many_tools)? {
        return Ok(Plan::Calls(None, calls));
    }
    let plan = match asked.results.is_empty() {
        true => replied(reply, request, asked),
        false => Plan::Text(quoted(asked).into(), Origin::Derived, SamplingMode::Quoted),
    };
    let format = request.response_format.as_ref();
    let kind = format.and_then(|format| format.kind);
    Ok(match (kind, format.and_then(|format| format.json_schema.as_ref())) {
        (Some(ResponseFormatType::JsonSchema), Some(schema)) if schema.schema.is_some() => {
            Plan::Schema(schema)
        }
        (Some(ResponseFormatType::JsonObject | ResponseFormatType::JsonSchema), _) => object(plan, asked),
        _ => plan,
    })
}

/// A reply as models have it. `verbosity` halves or doubles prose.
fn replied<'r>(reply: &'r Reply, request: &Request<'_>, asked: &'r RuleContext<'_>) -> Plan<'r> {
    match reply {
        Reply::Echo => Plan::Text(Cow::Borrowed(&asked.user), Origin::Derived, SamplingMode::Free),
        Reply::Text(text) => Plan::Text(asked.fill(text), Origin::Configured, SamplingMode::Quoted),
        Reply::Words(length) => Plan::Prose(match request.verbosity {
            Some(Verbosity::Low) => length.0.div_ceil(2),
            Some(Verbosity::High) => length.0 * 2,
            Some(Verbosity::Medium) | None => length.0,
        }),
    }
}

/// The results of tools, each with its tool's name.
fn quoted(asked: &RuleContext<'_>) -> String {
    let lines: Vec<String> =
        asked.results.iter().map(|(name, text)| format!("{name} returned: {text}")).collect();
    lines.join("\n")
}

/// A JSON object that says what a plan says: the user's own, if there is one to be echoed.
fn object<'r>(plan: Plan<'r>, asked: &RuleContext<'_>) -> Plan<'r> {
    let is_object = |text: &str| text.starts_with('{') && Reader::new(text).whole().is_ok();
    let (text, origin) = match plan {
        Plan::Text(text, origin, manner) if is_object(text.trim()) => {
            return Plan::Text(
                text.trim().to_owned().into(),
                origin,
                if manner == SamplingMode::Free { SamplingMode::Formal } else { manner },
            );
        }
        Plan::Text(text, origin, _) => (text, origin),
        Plan::Prose(length) => {
            (filler::prose(asked.number(), length as usize * 5).into(), Origin::Configured)
        }
        other => return other,
    };
    let mut json = String::from("{\"answer\":");
    push_string(&text, &mut json);
    json.push('}');
    Plan::Text(json.into(), origin, SamplingMode::Formal)
}

/// Says plans.
struct Generator<'a> {
    request: &'a Request<'a>,
    asked: &'a RuleContext<'a>,
    sampler: &'a Sampler<'a>,
    ctx: &'a Ctx<'a>,
    /// How many calls got their id.
    ids: u64,
    budget: &'a Budget,
}

impl Generator<'_> {
    fn choice(&mut self, plan: &Plan<'_>, index: u32) -> Result<Choice, ApiError> {
        let (asked, sampler) = (self.asked, self.sampler);
        let encoding = sampler.sampling().encoding;
        let seed = || mix(asked.number(), sampler.variant(index));
        let spoken = |(speech, finish): (TokenizedText, FinishReason)| Choice {
            content: Some(speech),
            finish_reason: Some(finish),
            ..Choice::default()
        };
        Ok(match plan {
            Plan::Text(text, origin, manner) => spoken(sampler.say(text, *origin, *manner, index)),
            Plan::Prose(length) => {
                let most = sampler.most(Origin::Configured, SamplingMode::Free, index);
                let length = (*length).min(most as u32 + 1);
                let text = filler::prose_of(length, encoding, seed());
                spoken(sampler.say(&text, Origin::Configured, SamplingMode::Free, index))
            }
            Plan::Schema(format) => {
                let Json(text) = format.schema.unwrap_or(Json("{}"));
                let patterns = if format.strict == Some(true) { Patterns::All } else { Patterns::Understood };
                let limit =
                    sampler.most(Origin::Derived, SamplingMode::Formal, index).saturating_mul(LONGEST_TOKEN);
                let instance = schema::instance(text, seed(), patterns, limit, self.budget)
                    .map_err(|why| no_instance(format, &why))?;
                let (speech, finish) =
                    sampler.say(&instance.json, Origin::Derived, SamplingMode::Formal, index);
                spoken((speech, if instance.whole { finish } else { FinishReason::Length }))
            }
            Plan::Refusal(text) => {
                let (speech, finish) = sampler.say(text, Origin::Configured, SamplingMode::Quoted, index);
                Choice { refusal: Some(speech), finish_reason: Some(finish), ..Choice::default() }
            }
            Plan::Calls(text, calls) => self.calls(text.as_deref(), calls, index, seed())?,
        })
    }

    /// Calls, within what the text before them leaves of the most tokens.
    fn calls(
        &mut self,
        text: Option<&str>,
        calls: &Calls<'_>,
        index: u32,
        seed: u64,
    ) -> Result<Choice, ApiError> {
        let sampler = self.sampler;
        let encoding = sampler.sampling().encoding;
        let mut choice = Choice {
            legacy: self.request.tools.is_none() && self.request.functions.is_some(),
            finish_reason: Some(calls.finish),
            ..Choice::default()
        };
        let mut left = sampler.most(calls.origin, SamplingMode::Formal, index);
        if let Some(text) = text {
            let (speech, finish) = sampler.say(text, Origin::Configured, SamplingMode::Quoted, index);
            left = left.saturating_sub(speech.tokens().len());
            let cut = finish == FinishReason::Length;
            choice.content = Some(speech);
            if cut {
                choice.finish_reason = Some(FinishReason::Length);
                return Ok(choice);
            }
        }
        for (i, call) in calls.calls.iter().enumerate() {
            left = left.saturating_sub(encoding.count(&call.name));
            let limit = left.saturating_mul(LONGEST_TOKEN);
            let text = call.input.text(mix(seed, i as u64), limit, self.budget);
            let text = text.map_err(|why| no_input(self.request, &call.name, &why))?;
            let (input, whole) = TokenizedText::new(&text, encoding, left);
            left -= input.tokens().len();
            self.ids += 1;
            choice.calls.push(Call {
                id: self.ctx.call_id(self.ids),
                name: call.name.clone().into_owned(),
                input,
                custom: call.custom,
            });
            if !whole {
                choice.finish_reason = Some(FinishReason::Length);
                break;
            }
        }
        Ok(choice)
    }
}

/// The error for a parameter that takes more work than a request may cause.
fn exhausted(why: Exhausted, param: &str) -> ApiError {
    ApiError::new(Kind::Invalid, format!("'{param}' is too complex: {why}.")).at(param.to_owned())
}

/// The API's words for a schema that nothing can be made of.
fn no_instance(format: &JsonSchema<'_>, why: &NoInstance) -> ApiError {
    let name = format.name.as_deref().unwrap_or_default();
    let message = format!("Invalid schema for response_format '{name}': {}", sentence(why));
    ApiError::new(Kind::Invalid, message).at("response_format")
}

/// The error for a tool's schema or pattern for which no input was found.
fn no_input(request: &Request<'_>, name: &str, why: &NoInstance) -> ApiError {
    let is_named = |own: Option<&str>| own == Some(name);
    let tools = request.tools.as_deref().unwrap_or_default();
    let functions = request.functions.as_deref().unwrap_or_default();
    let param = if let Some(i) =
        tools.iter().position(|tool| is_named(tool.function.as_ref().and_then(|own| own.name.as_deref())))
    {
        format!("tools[{i}].function.parameters")
    } else if let Some(i) = functions.iter().position(|own| is_named(own.name.as_deref())) {
        format!("functions[{i}].parameters")
    } else {
        let is_custom = |tool: &Tool<'_>| is_named(tool.custom.as_ref().and_then(|own| own.name.as_deref()));
        let i = tools.iter().position(is_custom).unwrap_or(0);
        format!("tools[{i}].custom.format.grammar.definition")
    };
    ApiError::new(Kind::Invalid, format!("Invalid schema for function '{name}': {}", sentence(why))).at(param)
}

/// Why a schema has no instance, as the end of a sentence.
fn sentence(why: &NoInstance) -> String {
    match why {
        NoInstance::Unreadable => "it is no JSON that could be read.".to_owned(),
        NoInstance::Dangling(reference) => format!("reference '{reference}' can not be resolved."),
        NoInstance::Pattern(pattern) => format!("'{pattern}' is not a regular expression that is supported."),
        NoInstance::Impossible | NoInstance::TooLong => "nothing finite is valid under it.".to_owned(),
        NoInstance::Unmet(keyword) => format!("no value was found that honours '{keyword}'."),
        NoInstance::Exhausted(why) => format!("{why}."),
    }
}

/// The tokens of an answer.
fn said(choice: &Choice, encoding: Encoding) -> u64 {
    let names: usize = choice.calls.iter().map(|call| encoding.count(&call.name)).sum();
    (choice.tokens() + names) as u64
}

/// Counts which tokens of the `prediction` came true: those the answer begins with.
fn predict(request: &Request<'_>, choice: Option<&Choice>, encoding: Encoding, counts: &mut TokenUsage) {
    let Some(content) = request.prediction.as_ref().and_then(|prediction| prediction.content.as_ref()) else {
        return;
    };
    let predicted = encoding.encode(&content.texts().collect::<String>());
    let said =
        choice.and_then(|choice| choice.content.as_ref()).map(TokenizedText::tokens).unwrap_or_default();
    let accepted = predicted.iter().zip(said).take_while(|(predicted, said)| **predicted == said.id).count();
    counts.accepted = accepted as u64;
    counts.rejected = (predicted.len() - accepted) as u64;
    counts.completion += counts.rejected;
}
