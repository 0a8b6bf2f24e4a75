//! A turn as a message request.

use super::conversation::{CacheControl, Conversation, Turn};
use super::{conversation, enforced, schema};
use crate::json::{self, writes};
use crate::model;
use crate::turn::{Effort, Field, Format, Input, Reasoning, Request, Tool, ToolChoice, ToolKind};
use crate::upstream::dialect::{
    Extra, LeftOut, Translated, Untranslatable, end_user, hashed, output_limit, output_tokens,
};
use std::borrow::Cow;

writes! {
    /// A message request, in the order of its documentation.
    struct Body<'t> {
        "model" = model: &'t str,
        "max_tokens" = max_tokens: u64,
        "messages" = messages: Vec<Turn<'t>>,
        "system" ? system: Option<Vec<conversation::Block<'t>>>,
        "metadata" ? metadata: Option<Metadata<'t>>,
        "stop_sequences" ? stop_sequences: Option<Vec<&'t str>>,
        "stream" ? stream: Option<bool>,
        "temperature" ? temperature: Option<f64>,
        "top_p" ? top_p: Option<f64>,
        "top_k" ? top_k: Option<u64>,
        "tools" ? tools: Option<Vec<Function<'t>>>,
        "tool_choice" ? tool_choice: Option<Choice<'t>>,
        "thinking" ? thinking: Option<Thinking>,
        "output_config" ? output_config: Option<Output<'t>>,
    }
}

writes! {
    struct Metadata<'t> {
        "user_id" = user_id: Cow<'t, str>,
    }
}

writes! {
    struct Function<'t> {
        "name" = name: &'t str,
        "description" ? description: Option<&'t str>,
        "input_schema" = input_schema: Raw<'t>,
        "strict" ? strict: Option<bool>,
        "cache_control" ? cache: Option<CacheControl<'t>>,
    }
}

/// JSON that is written as it is.
struct Raw<'t>(Cow<'t, str>);

impl json::Write for Raw<'_> {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

writes! {
    #[derive(Clone, Copy)]
    struct Choice<'t> {
        "type" = kind: &'static str,
        "name" ? name: Option<&'t str>,
        "disable_parallel_tool_use" ? disable_parallel_tool_use: Option<bool>,
    }
}

writes! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Thinking {
        "type" = kind: &'static str,
        "budget_tokens" ? budget_tokens: Option<u64>,
    }
}

writes! {
    #[derive(Default)]
    struct Output<'t> {
        "effort" ? effort: Option<&'static str>,
        "format" ? format: Option<Schema<'t>>,
    }
}

writes! {
    struct Schema<'t> {
        "type" = kind: &'static str,
        "schema" = schema: Raw<'t>,
    }
}

/// The least tokens of thinking that the API accepts.
const MIN_BUDGET: u64 = 1024;

/// The most cache breakpoints of a request.
const MAX_CACHE_POINTS: usize = 4;

/// Writes a turn as a request; `default_tokens` is `max_tokens` where the caller has no limit, since the API needs one.
pub(super) fn request(
    turn: &Request<'_>,
    model: &str,
    default_tokens: u64,
    extra: &[Extra<'_>],
) -> Result<Translated, Untranslatable> {
    let Input::Messages(messages) = &turn.input else {
        return Err(Untranslatable::at(Field::Prompt, None, "chats only"));
    };
    let mut left_out = LeftOut::default();
    refuse(turn, &mut left_out);
    let mut conversation = Conversation::read(messages, &mut left_out)?;
    let tools = functions(turn, &conversation, &mut left_out)?;
    let (tools, tool_choice) = with_choice(turn, tools, &mut left_out);
    let is_forced = tool_choice.is_some_and(|choice| matches!(choice.kind, "any" | "tool"));
    let limit = output_limit(model);
    let requested = output_tokens(turn.max_tokens, model, &mut left_out);
    let tokens = Tokens { requested, default: default_tokens.min(limit), limit };
    let (thinking, max_tokens) = thinking(turn, model, &conversation, is_forced, tokens, &mut left_out);
    let thinks = thinking.is_some_and(|thinking| thinking.kind != "disabled");
    if !thinks && conversation.remove_thinking_of_prefill() {
        left_out.drop(Field::Thinking, None);
    }
    let mut tools = tools;
    limit_cache_points(&mut tools, &mut conversation, &mut left_out);
    let (temperature, top_p, top_k) = sampling(turn, thinks, &mut left_out);
    let stop: Vec<&str> =
        turn.stop.iter().map(|stop| &**stop).filter(|stop| !stop.trim().is_empty()).collect();
    if stop.len() < turn.stop.len() {
        // White space alone is refused.
        left_out.unsupported(Field::Stop, None);
    }
    let output = output(turn, model, &mut left_out);
    let body = Body {
        model,
        max_tokens,
        messages: conversation.messages,
        system: Some(conversation.system).filter(|system| !system.is_empty()),
        metadata: turn.end_user.as_deref().map(|id| Metadata { user_id: user_id(id) }),
        stop_sequences: Some(stop).filter(|stop| !stop.is_empty()),
        stream: turn.stream.then_some(true),
        temperature,
        top_p,
        top_k,
        tools,
        tool_choice,
        thinking,
        output_config: output,
    };
    let mut out = json::to_string(&body);
    for Extra { name, value } in extra {
        // What the request has already would be there twice.
        let key = json::to_string(name);
        if rewrite_has(&out, name) {
            left_out.drop_member(name);
            continue;
        }
        out.pop();
        out.push_str(&format!(",{key}:{}}}", value.0));
    }
    Ok(Translated { body: out.into_bytes(), left_out })
}

/// The most characters of `metadata.user_id`.
const USER_ID_CHARS: usize = 256;

/// The identifier of an end user. The API refuses e-mail addresses and telephone numbers, which become a hash.
fn user_id(id: &str) -> Cow<'_, str> {
    let digits = id.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits >= 7 && id.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
    match id.contains('@') || is_number {
        true => hashed(id).into(),
        false => end_user(id, USER_ID_CHARS),
    }
}

fn rewrite_has(body: &str, name: &str) -> bool {
    crate::upstream::rewrite::members(body.as_bytes())
        .is_some_and(|members| members.iter().any(|(own, _)| own == name))
}

/// Notes what the API lacks.
fn refuse(turn: &Request<'_>, left_out: &mut LeftOut) {
    let sampling = &turn.sampling;
    let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    for (lacks, field) in [
        (turn.choices > 1, Field::Choices),
        (turn.logprobs.is_some(), Field::Logprobs),
        (sampling.seed.is_some(), Field::Seed),
        (is_set(sampling.frequency_penalty), Field::FrequencyPenalty),
        (is_set(sampling.presence_penalty), Field::PresencePenalty),
        (!sampling.logit_bias.is_empty(), Field::LogitBias),
        (turn.verbosity.is_some(), Field::Verbosity),
    ] {
        if lacks {
            left_out.unsupported(field, None);
        }
    }
    if turn.prediction.is_some() {
        left_out.drop(Field::Prediction, None);
    }
}

/// Whether a tool may have this name.
fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=128).contains(&name.len()) && name.bytes().all(is_legal)
}

fn functions<'t>(
    turn: &'t Request<'t>,
    conversation: &Conversation<'t>,
    left_out: &mut LeftOut,
) -> Result<Vec<Function<'t>>, Untranslatable> {
    let is_allowed =
        |tool: &Tool<'_>| turn.allowed_tools.as_ref().is_none_or(|allowed| allowed.contains(&tool.name));
    let mut all = Vec::with_capacity(turn.tools.len());
    for (i, tool) in turn.tools.iter().enumerate().filter(|(_, tool)| is_allowed(tool)) {
        if tool.kind == ToolKind::Custom {
            left_out.unsupported(Field::CustomTool, Some(i));
            continue;
        }
        if !is_name(tool.name) {
            let takes = "tools with a name of at most 128 letters, digits, `_` and `-`";
            return Err(Untranslatable::at(Field::Tools, Some(i), takes));
        }
        if all.iter().any(|other: &Function<'_>| other.name == tool.name) {
            // The API refuses two of a name.
            left_out.drop(Field::Tools, Some(i));
            continue;
        }
        let (input_schema, says_less) = schema::of_object(tool.parameters).ok_or_else(|| {
            Untranslatable::at(Field::Tools, Some(i), "parameters that are a schema of an object")
        })?;
        let strict = tool.strict.filter(|strict| *strict && !says_less);
        let enforced = strict.and_then(|_| enforced::schema(&input_schema));
        if says_less || enforced.is_some() {
            left_out.drop(Field::ToolSchema, Some(i));
        }
        all.push(Function {
            name: tool.name,
            description: tool.description.filter(|text| !text.is_empty()),
            input_schema: Raw(enforced.map_or(input_schema, Cow::Owned)),
            strict,
            cache: tool.cache_point.map(CacheControl::new),
        });
    }
    if all.is_empty() {
        // A conversation that calls tools has to offer them.
        let declared = |name| Function {
            name,
            description: None,
            input_schema: Raw(r#"{"type":"object"}"#.into()),
            strict: None,
            cache: None,
        };
        all.extend(conversation.called().into_iter().map(declared));
    }
    Ok(all)
}

/// The tools, and which of them may be called.
fn with_choice<'t>(
    turn: &Request<'t>,
    tools: Vec<Function<'t>>,
    left_out: &mut LeftOut,
) -> (Option<Vec<Function<'t>>>, Option<Choice<'t>>) {
    let choice = |kind, name| Some(Choice { kind, name, disable_parallel_tool_use: None });
    if turn.tools.is_empty() {
        if !matches!(turn.tool_choice, ToolChoice::Auto | ToolChoice::None) {
            left_out.drop(Field::ToolChoice, None);
        }
        let none = if tools.is_empty() { None } else { choice("none", None) };
        return (Some(tools).filter(|tools| !tools.is_empty()), none);
    }
    if tools.is_empty() {
        return (None, None);
    }
    let mut chosen = match turn.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => choice("none", None),
        ToolChoice::Required => choice("any", None),
        ToolChoice::Named(name) => choice("tool", Some(name)),
    };
    if !turn.parallel_tool_calls && turn.tool_choice != ToolChoice::None {
        let mut single = chosen.or(choice("auto", None));
        if let Some(single) = &mut single {
            single.disable_parallel_tool_use = Some(true);
        }
        chosen = single;
    }
    (Some(tools), chosen)
}

/// The most tokens of an answer.
#[derive(Clone, Copy)]
struct Tokens {
    /// As the caller requests, if it does.
    requested: Option<u64>,
    /// Where the caller has no limit.
    default: u64,
    /// The model's.
    limit: u64,
}

/// The tokens of thinking that an effort stands for with models which take a budget alone.
fn budget_of(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => MIN_BUDGET,
        Effort::Medium => 4 * MIN_BUDGET,
        Effort::High => 8 * MIN_BUDGET,
        Effort::Xhigh | Effort::Max => 16 * MIN_BUDGET,
    }
}

/// How the caller wants the model to reason. Callers of OpenAI's APIs set an effort alone; with a model whose way of
/// thinking is known it becomes that, since Claude thinks only with `thinking`.
fn requested_reasoning(turn: &Request<'_>, model: &str) -> Reasoning {
    let mut reasoning = turn.reasoning;
    let is_open = reasoning.enabled.is_none() && reasoning.budget.is_none();
    let (Some(effort), Some(spec)) = (reasoning.effort.filter(|_| is_open), model::find(model)) else {
        return reasoning;
    };
    match (spec.thinking, effort) {
        (model::Thinking::None, _) | (model::Thinking::Budget | model::Thinking::Always, Effort::None) => {}
        (_, Effort::None) => reasoning.enabled = Some(false),
        (model::Thinking::Budget, effort) => reasoning.budget = Some(budget_of(effort)),
        _ => reasoning.enabled = Some(true),
    }
    reasoning
}

/// How the model thinks, and the most tokens of its answer, which include those of thinking.
fn thinking(
    turn: &Request<'_>,
    model: &str,
    conversation: &Conversation<'_>,
    is_forced: bool,
    tokens: Tokens,
    left_out: &mut LeftOut,
) -> (Option<Thinking>, u64) {
    let reasoning = requested_reasoning(turn, model);
    let max_tokens = tokens.requested.unwrap_or(tokens.default);
    let kind = match (reasoning.enabled, reasoning.budget) {
        (Some(false), _) => return (Some(Thinking { kind: "disabled", budget_tokens: None }), max_tokens),
        (None, None) => return (None, max_tokens),
        (_, Some(_)) => "enabled",
        (Some(true), None) => "adaptive",
    };
    // The API refuses thinking with a forced call, with a prefill, and after calls whose thinking is not there.
    let fits = !is_forced && !conversation.has_prefill() && !conversation.lacks_thinking();
    let Some(budget) = reasoning.budget.filter(|_| fits) else {
        if !fits {
            left_out.drop(Field::Thinking, None);
        }
        return (fits.then_some(Thinking { kind, budget_tokens: None }), max_tokens);
    };
    // Some of the limit has to be left for the answer.
    let wanted = budget.max(MIN_BUDGET).min(tokens.limit - 1);
    let (budget, max_tokens) = match tokens.requested {
        None if max_tokens > wanted => (wanted, max_tokens),
        None => (wanted, wanted.saturating_add(tokens.default).min(tokens.limit)),
        Some(limit) if limit > wanted => (wanted, limit),
        Some(limit) if limit > MIN_BUDGET => (limit - 1, limit),
        Some(limit) => {
            left_out.drop(Field::Thinking, None);
            return (None, limit);
        }
    };
    if Some(budget) != reasoning.budget {
        left_out.drop(Field::ThinkingBudget, None);
    }
    (Some(Thinking { kind, budget_tokens: Some(budget) }), max_tokens)
}

/// Temperature, `top_p` and `top_k` within the API's ranges, which are narrower with thinking.
fn sampling(
    turn: &Request<'_>,
    thinks: bool,
    left_out: &mut LeftOut,
) -> (Option<f64>, Option<f64>, Option<u64>) {
    let (mut temperature, mut top_p, mut top_k) =
        (turn.sampling.temperature, turn.sampling.top_p, turn.sampling.top_k);
    if let Some(above) = temperature.filter(|temperature| *temperature > 1.0) {
        debug_assert!(above > 1.0);
        temperature = Some(1.0);
        left_out.drop(Field::Temperature, None);
    }
    if thinks {
        if temperature.is_some_and(|temperature| temperature < 1.0) {
            left_out.drop(Field::Temperature, None);
        }
        temperature = None;
        if top_p.is_some_and(|top_p| top_p < 0.95) {
            top_p = None;
            left_out.drop(Field::TopP, None);
        }
        if top_k.take().is_some() {
            left_out.drop(Field::TopK, None);
        }
    }
    // Claude Opus 4.1, Sonnet 4.5 and later accept one of the two.
    if temperature.is_some()
        && let Some(top_p) = top_p.take()
        && top_p < 1.0
    {
        left_out.drop(Field::TopP, None);
    }
    (temperature, top_p, top_k)
}

/// The name of an effort among those that the model has; the next lower one where it lacks that, none where it has none.
fn effort_name(effort: Effort, model: &str) -> Option<&'static str> {
    const NAMES: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
    let level = match effort {
        Effort::None => return None,
        Effort::Minimal | Effort::Low => 0,
        Effort::Medium => 1,
        Effort::High => 2,
        Effort::Xhigh => 3,
        Effort::Max => 4,
    };
    let of_model = model::find(model).filter(|spec| spec.is_claude()).map(|spec| spec.efforts);
    NAMES.iter().take(level + 1).rev().find(|name| of_model.is_none_or(|own| own.contains(name))).copied()
}

fn output<'t>(turn: &Request<'t>, model: &str, left_out: &mut LeftOut) -> Option<Output<'t>> {
    let effort = turn.reasoning.effort.and_then(|effort| effort_name(effort, model));
    let format = match &turn.format {
        Format::Text => None,
        // A schema that need not hold may be none that the API can enforce.
        Format::JsonSchema(schema) if schema.strict == Some(true) => schema.schema.map(|schema| {
            let enforced = enforced::schema(schema.0);
            if enforced.is_some() {
                left_out.drop(Field::Format, None);
            }
            let schema = Raw(enforced.map_or(Cow::Borrowed(schema.0), Cow::Owned));
            Schema { kind: "json_schema", schema }
        }),
        Format::JsonSchema(_) | Format::JsonObject => {
            left_out.unsupported(Field::Format, None);
            None
        }
    };
    (effort.is_some() || format.is_some()).then_some(Output { effort, format })
}

/// Keeps the last cache breakpoints, as many as the API accepts.
fn limit_cache_points<'t>(
    tools: &mut Option<Vec<Function<'t>>>,
    conversation: &mut Conversation<'t>,
    left_out: &mut LeftOut,
) {
    let tools = tools.iter_mut().flatten().map(|tool| &mut tool.cache);
    let mut all: Vec<_> = tools.chain(conversation.blocks().map(|block| &mut block.cache)).collect();
    all.retain(|cache| cache.is_some());
    let too_many = all.len().saturating_sub(MAX_CACHE_POINTS);
    for cache in all.into_iter().take(too_many) {
        *cache = None;
        left_out.drop(Field::CachePoint, None);
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
