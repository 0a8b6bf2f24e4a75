//! A turn as a message request.

use super::conversation::{CacheControl, Conversation, Turn};
use super::{conversation, schema};
use crate::api::tool::Json;
use crate::json::{self, writes};
use crate::turn::{Effort, Field, Format, Input, Request, Tool, ToolChoice, ToolKind};
use crate::upstream::dialect::{Extra, Names, Translated, Untranslatable};
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
        "user_id" = user_id: &'t str,
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
        "schema" = schema: Json<'t>,
    }
}

/// The least tokens of thinking that the API accepts.
const LEAST_BUDGET: u64 = 1024;

/// The most cache breakpoints of a request.
const MOST_CACHE_POINTS: usize = 4;

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
    let mut names = Names::default();
    refuse(turn, &mut names);
    let mut conversation = Conversation::read(messages, &mut names)?;
    let tools = functions(turn, &conversation, &mut names)?;
    let (tools, tool_choice) = with_choice(turn, tools, &mut names);
    let is_forced = tool_choice.is_some_and(|choice| matches!(choice.kind, "any" | "tool"));
    let (thinking, max_tokens) = thinking(turn, &conversation, is_forced, default_tokens, &mut names);
    let thinks = thinking.is_some_and(|thinking| thinking.kind != "disabled");
    if !thinks && conversation.remove_thinking_of_prefill() {
        names.drop(Field::Thinking, None);
    }
    let mut tools = tools;
    limit_cache_points(&mut tools, &mut conversation, &mut names);
    let (temperature, top_p, top_k) = sampling(turn, thinks, &mut names);
    let stop: Vec<&str> =
        turn.stop.iter().map(|stop| &**stop).filter(|stop| !stop.trim().is_empty()).collect();
    if stop.len() < turn.stop.len() {
        // White space alone is refused.
        names.lack(Field::Stop, None);
    }
    let output = output(turn, &mut names);
    let body = Body {
        model,
        max_tokens,
        messages: conversation.messages,
        system: Some(conversation.system).filter(|system| !system.is_empty()),
        metadata: turn.end_user.as_deref().map(|user_id| Metadata { user_id }),
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
            names.drop_member(name);
            continue;
        }
        out.pop();
        out.push_str(&format!(",{key}:{}}}", value.0));
    }
    Ok(Translated { body: out.into_bytes(), names })
}

fn rewrite_has(body: &str, name: &str) -> bool {
    crate::upstream::rewrite::members(body.as_bytes())
        .is_some_and(|members| members.iter().any(|(own, _)| own == name))
}

/// Notes what the API lacks.
fn refuse(turn: &Request<'_>, names: &mut Names) {
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
            names.lack(field, None);
        }
    }
    if turn.prediction.is_some() {
        names.drop(Field::Prediction, None);
    }
}

fn functions<'t>(
    turn: &'t Request<'t>,
    conversation: &Conversation<'t>,
    names: &mut Names,
) -> Result<Vec<Function<'t>>, Untranslatable> {
    let is_allowed =
        |tool: &Tool<'_>| turn.allowed_tools.as_ref().is_none_or(|allowed| allowed.contains(&tool.name));
    let mut all = Vec::with_capacity(turn.tools.len());
    for (i, tool) in turn.tools.iter().enumerate().filter(|(_, tool)| is_allowed(tool)) {
        if tool.kind == ToolKind::Custom {
            names.lack(Field::CustomTool, Some(i));
            continue;
        }
        let (input_schema, says_less) = schema::of_object(tool.parameters).ok_or_else(|| {
            Untranslatable::at(Field::Tools, Some(i), "parameters that are a schema of an object")
        })?;
        if says_less {
            names.drop(Field::ToolSchema, Some(i));
        }
        all.push(Function {
            name: tool.name,
            description: tool.description,
            input_schema: Raw(input_schema),
            strict: tool.strict.filter(|strict| *strict && !says_less),
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
    names: &mut Names,
) -> (Option<Vec<Function<'t>>>, Option<Choice<'t>>) {
    let choice = |kind, name| Some(Choice { kind, name, disable_parallel_tool_use: None });
    if turn.tools.is_empty() {
        if !matches!(turn.tool_choice, ToolChoice::Auto | ToolChoice::None) {
            names.drop(Field::ToolChoice, None);
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

/// How the model thinks, and the most tokens of its answer, which include those of thinking.
fn thinking(
    turn: &Request<'_>,
    conversation: &Conversation<'_>,
    is_forced: bool,
    default_tokens: u64,
    names: &mut Names,
) -> (Option<Thinking>, u64) {
    let reasoning = turn.reasoning;
    let max_tokens = turn.max_tokens.unwrap_or(default_tokens);
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
            names.drop(Field::Thinking, None);
        }
        return (fits.then_some(Thinking { kind, budget_tokens: None }), max_tokens);
    };
    let wanted = budget.max(LEAST_BUDGET);
    let (budget, max_tokens) = match turn.max_tokens {
        None if max_tokens > wanted => (wanted, max_tokens),
        None => (wanted, wanted.saturating_add(default_tokens)),
        Some(limit) if limit > wanted => (wanted, limit),
        Some(limit) if limit > LEAST_BUDGET => (limit - 1, limit),
        Some(limit) => {
            names.drop(Field::Thinking, None);
            return (None, limit);
        }
    };
    if Some(budget) != reasoning.budget {
        names.drop(Field::ThinkingBudget, None);
    }
    (Some(Thinking { kind, budget_tokens: Some(budget) }), max_tokens)
}

/// Temperature, `top_p` and `top_k` within the API's ranges, which are narrower with thinking.
fn sampling(turn: &Request<'_>, thinks: bool, names: &mut Names) -> (Option<f64>, Option<f64>, Option<u64>) {
    let (mut temperature, mut top_p, mut top_k) =
        (turn.sampling.temperature, turn.sampling.top_p, turn.sampling.top_k);
    if let Some(above) = temperature.filter(|temperature| *temperature > 1.0) {
        debug_assert!(above > 1.0);
        temperature = Some(1.0);
        names.drop(Field::Temperature, None);
    }
    if thinks {
        if temperature.is_some_and(|temperature| temperature < 1.0) {
            names.drop(Field::Temperature, None);
        }
        temperature = None;
        if top_p.is_some_and(|top_p| top_p < 0.95) {
            top_p = None;
            names.drop(Field::TopP, None);
        }
        if top_k.take().is_some() {
            names.drop(Field::TopK, None);
        }
    }
    // Claude Opus 4.1, Sonnet 4.5 and later accept one of the two.
    if temperature.is_some()
        && let Some(top_p) = top_p.take()
        && top_p < 1.0
    {
        names.drop(Field::TopP, None);
    }
    (temperature, top_p, top_k)
}

fn output<'t>(turn: &Request<'t>, names: &mut Names) -> Option<Output<'t>> {
    let effort = turn.reasoning.effort.and_then(|effort| match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        Effort::Xhigh => Some("xhigh"),
        Effort::Max => Some("max"),
    });
    let format = match &turn.format {
        Format::Text => None,
        // A schema that need not hold may be none that the API can enforce.
        Format::JsonSchema(schema) if schema.strict == Some(true) => {
            schema.schema.map(|schema| Schema { kind: "json_schema", schema })
        }
        Format::JsonSchema(_) | Format::JsonObject => {
            names.lack(Field::Format, None);
            None
        }
    };
    (effort.is_some() || format.is_some()).then_some(Output { effort, format })
}

/// Keeps the last cache breakpoints, as many as the API accepts.
fn limit_cache_points<'t>(
    tools: &mut Option<Vec<Function<'t>>>,
    conversation: &mut Conversation<'t>,
    names: &mut Names,
) {
    let tools = tools.iter_mut().flatten().map(|tool| &mut tool.cache);
    let mut all: Vec<_> = tools.chain(conversation.blocks().map(|block| &mut block.cache)).collect();
    all.retain(|cache| cache.is_some());
    let too_many = all.len().saturating_sub(MOST_CACHE_POINTS);
    for cache in all.into_iter().take(too_many) {
        *cache = None;
        names.drop(Field::CachePoint, None);
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
