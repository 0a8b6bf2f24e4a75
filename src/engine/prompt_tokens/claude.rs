//! An estimate for Claude models, whose tokenizer is not public.

use super::json_text::{compact, push_string};
use super::{Counter, Prompt, part_texts, texts, tool_calls, tool_results};
use crate::engine::media_tokens;
use crate::model::{ClaudeTokens, ModelSpec};
use crate::turn::{Format, Message, Part, Request, Role, Tool, ToolChoice};

/// Estimates a conversation.
pub(super) fn estimate(
    turn: &Request<'_>,
    spec: &ModelSpec,
    rules: &ClaudeTokens,
    counter: Counter<'_>,
) -> Prompt {
    let mut tokens = rules.request;
    let (mut text, mut audio) = (0, 0);
    let mut media = |parts: &[Part<'_>]| {
        for part in parts {
            if let Part::Media(media) = part {
                let (tokens_of_it, audio_of_it) = media_tokens::media(media, spec);
                tokens += tokens_of_it;
                audio += audio_of_it;
            }
        }
    };
    for message in turn.messages() {
        text += counter.joined(texts(&message.content)) + thinking(message, counter);
        media(message.content.parts());
        for result in tool_results(message) {
            text += counter.joined(part_texts(&result.content));
            media(&result.content);
        }
        text += tool_calls(message)
            .map(|(_, name, input)| counter.count(name) + counter.count(&compact(input)))
            .sum::<i64>();
    }
    let calls = turn.messages().iter().map(|m| tool_calls(m).count() + tool_results(m).count());
    tokens += rules.call * calls.sum::<usize>() as u64;
    let is_message = |m: &&Message<'_>| !matches!(m.role, Role::System | Role::Developer);
    tokens += rules.message * turn.messages().iter().filter(is_message).count() as u64;
    if !turn.tools.is_empty() {
        let forced = matches!(turn.tool_choice, ToolChoice::Required | ToolChoice::Named(_));
        tokens += if forced { rules.forced_tools } else { rules.tools };
        tokens += rules.tool * turn.tools.len() as u64;
    }
    let tools: i64 = turn.tools.iter().map(|tool| counter.count(&tool_json(tool))).sum();
    let mut weighted = weigh(text, rules.text) + weigh(tools, rules.tool_json);
    if let Format::JsonSchema(format) = &turn.format {
        let schema = counter.count(&compact(format.schema.map_or("{}", |schema| schema.0)));
        tokens += rules.schema;
        weighted += weigh(schema, rules.schema_json);
    }
    if turn.reasoning.enabled == Some(true) {
        tokens += rules.thinking;
    }
    Prompt { tokens: tokens + (weighted + 500) / 1000, audio }
}

/// Thousandths of a token.
fn weigh(tokens: i64, weight: u64) -> u64 {
    tokens.max(0) as u64 * weight
}

/// Estimates the calls of an answer.
pub(super) fn calls<'c>(
    rules: &ClaudeTokens,
    calls: impl Iterator<Item = (&'c str, &'c str)>,
    counter: Counter<'_>,
) -> u64 {
    let mut tokens = 0;
    for (name, arguments) in calls {
        let text = counter.count(name) + counter.count(&compact(arguments));
        tokens += rules.call + (weigh(text, rules.answered_call) + 500) / 1000;
    }
    tokens
}

fn thinking(message: &Message<'_>, counter: Counter<'_>) -> i64 {
    let parts = message.content.parts().iter();
    parts.map(|part| if let Part::Thinking { text, .. } = part { counter.count(text) } else { 0 }).sum()
}

/// A tool as Messages defines it.
fn tool_json(tool: &Tool<'_>) -> String {
    let mut json = String::from("{\"name\":");
    push_string(tool.name, false, &mut json);
    json.push_str(",\"description\":");
    push_string(tool.description.unwrap_or_default(), false, &mut json);
    json.push_str(",\"input_schema\":");
    json.push_str(&compact(tool.parameters.map_or("{}", |schema| schema.0)));
    json.push('}');
    json
}
