//! A turn as a message request.

use super::conversation::{CacheControl, Conversation, Turn};
use super::thinking::{Thinking, Tokens, effort_name, thinking};
use super::{conversation, enforced, schema};
use crate::json::{self, writes};
use crate::turn::{Field, Format, Input, Request, ToolChoice, ToolKind};
use crate::upstream::dialect::{
    Extra, LeftOut, Translated, Untranslatable, end_user, hashed, output_limit, output_tokens,
};
use crate::upstream::rewrite;
use std::borrow::Cow;
use std::collections::HashSet;

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
    push_extra(extra, &mut out, &mut left_out);
    Ok(Translated { body: out.into_bytes(), left_out })
}

/// Adds members that no documentation has, save those whose names the request has already.
fn push_extra(extra: &[Extra<'_>], out: &mut String, left_out: &mut LeftOut) {
    if extra.is_empty() {
        return;
    }
    let own = rewrite::members(out.as_bytes()).unwrap_or_default();
    let mut names: HashSet<String> = own.into_iter().map(|(name, _)| name.into_owned()).collect();
    for Extra { name, value } in extra {
        if names.insert(name.to_string()) {
            out.pop();
            out.push_str(&format!(",{}:{}}}", json::to_string(name), value.0));
        } else {
            left_out.drop_member(name);
        }
    }
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
    let mut all = Vec::with_capacity(turn.tools.len());
    for (i, tool) in turn.allowed_tools() {
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

/// Temperature, `top_p` and `top_k` within the API's ranges, which are narrower with thinking.
fn sampling(
    turn: &Request<'_>,
    thinks: bool,
    left_out: &mut LeftOut,
) -> (Option<f64>, Option<f64>, Option<u64>) {
    let (mut temperature, mut top_p, mut top_k) =
        (turn.sampling.temperature, turn.sampling.top_p, turn.sampling.top_k);
    if temperature.is_some_and(|temperature| temperature > 1.0) {
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
