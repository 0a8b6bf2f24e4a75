//! How many tokens a conversation has, as the live API of its model counts it: the texts, what frames them, and the
//! tools, schemas, calls and results between them.
//!
//! The rules, and what they leave unexplained, are described in `docs/engine.md`; the figures of each generation of
//! models are [`crate::model::TokenRules`].

mod claude;
mod json_text;
mod tools_text;

use super::media_tokens;
use crate::model::{self, ModelSpec, TokenRules};
use crate::tokens::Encoding;
use crate::turn::{Content, Format, JsonSchema, Message, Part, Request, Role, ToolChoice, ToolResult};
use json_text::{SCHEMA, SPACED, SPACED_ASCII, Style, compact, push_string, rewrite};
use std::collections::BTreeMap;

/// The API whose way of counting is used. What Messages counts for an OpenAI model is what Chat Completions does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CountedBy {
    /// Chat Completions, and Messages.
    #[default]
    Chat,
    /// Responses.
    Responses {
        /// How many function calls in the input are the only one of their turn and have an item's `id`: they count a
        /// little more.
        calls_with_id: u64,
    },
}

/// The tokens of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// All of them.
    pub(super) tokens: u64,
    /// Those that are audio.
    pub(super) audio: u64,
}

/// Counts texts.
#[derive(Clone, Copy)]
pub(super) struct Counter<'t> {
    pub(super) encoding: Encoding,
    /// A text of the request whose tokens were counted before, and how many they are.
    pub(super) known: Option<(&'t str, u64)>,
}

impl Counter<'_> {
    fn count(self, text: &str) -> i64 {
        match self.known {
            Some((known, tokens)) if std::ptr::eq(known, text) => tokens as i64,
            _ => self.encoding.count(text) as i64,
        }
    }

    /// Texts as one, which most often is a single one.
    fn joined<'t>(self, mut texts: impl Iterator<Item = &'t str>) -> i64 {
        match (texts.next(), texts.next()) {
            (None, _) => 0,
            (Some(one), None) => self.count(one),
            (Some(first), Some(second)) => {
                let mut text = [first, second].concat();
                text.extend(texts);
                self.count(&text)
            }
        }
    }

    /// A function by its full name.
    fn function(self, name: &str) -> i64 {
        self.joined([FUNCTIONS, name].into_iter())
    }
}

/// The namespace of functions.
const FUNCTIONS: &str = "functions.";

/// The function that several calls of a turn become a call of.
const PARALLEL: &str = "multi_tool_use.parallel";

/// Counts a conversation.
pub(super) fn count(turn: &Request<'_>, api: CountedBy, known: Option<(&str, u64)>) -> Prompt {
    let spec = model::nearest(turn.model);
    let counter = Counter { encoding: spec.encoding, known };
    if let Some(tokens) = &spec.token_rules.claude {
        return claude::estimate(turn, spec, tokens, counter);
    }
    let rules = spec.token_rules;
    let mut sum = Sum { counter, spec, rules, api, tokens: rules.answer as i64, audio: 0 };
    if !rules.frames {
        turn.messages().iter().for_each(|message| sum.tokens += counter.joined(texts(&message.content)));
        return sum.prompt();
    }
    let (messages, name) = sum.definitions(turn);
    sum.messages(messages, name);
    sum.tool_choice(turn);
    sum.prompt()
}

/// How many of a conversation's tokens are there because of the tools it offers, which some errors report apart.
pub(super) fn tools(turn: &Request<'_>, api: CountedBy) -> u64 {
    if turn.tools.is_empty() {
        return 0;
    }
    let without = Request { tools: Vec::new(), ..turn.clone() };
    count(turn, api, None).tokens.saturating_sub(count(&without, api, None).tokens)
}

/// The tokens of an answer's calls, each a name and its arguments, in a turn that chose tools as `choice` does.
pub(super) fn calls<'c>(
    model: &str,
    choice: ToolChoice<'_>,
    calls: impl Iterator<Item = (&'c str, &'c str)> + Clone,
) -> u64 {
    let spec = model::nearest(model);
    let rules = spec.token_rules;
    let counter = Counter { encoding: spec.encoding, known: None };
    if let Some(tokens) = &rules.claude {
        return claude::calls(tokens, calls, counter);
    }
    let named = matches!(choice, ToolChoice::Named(_)) && rules.named_choice.is_some();
    let mut rest = calls.clone();
    let tokens = match (rest.next(), rest.next()) {
        (None, _) => 0,
        _ if named => calls.map(|(_, arguments)| counter.count(&compact(arguments))).sum(),
        (Some((name, arguments)), None) => {
            rules.call as i64 + counter.function(name) + counter.count(&compact(arguments))
        }
        _ => rules.call as i64 + counter.count(PARALLEL) + counter.count(&parallel_calls(calls)),
    };
    tokens.max(0) as u64
}

/// The texts of a message, refusals among them.
fn texts<'c>(content: &'c Content<'_>) -> impl Iterator<Item = &'c str> {
    let (text, parts): (_, &[Part<'_>]) = match content {
        Content::Text(text) => (Some(*text), &[]),
        Content::Parts(parts) => (None, parts),
    };
    text.into_iter().chain(part_texts(parts))
}

fn part_texts<'p>(parts: &'p [Part<'_>]) -> impl Iterator<Item = &'p str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(&**text),
        _ => None,
    })
}

/// The calls of a message: id, name and input.
fn tool_calls<'m>(message: &'m Message<'_>) -> impl Iterator<Item = (&'m str, &'m str, &'m str)> + Clone {
    message.content.parts().iter().filter_map(|part| match part {
        Part::ToolCall { id, name, input, .. } => Some((&**id, &**name, &**input)),
        _ => None,
    })
}

fn tool_results<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = &'m ToolResult<'a>> {
    message.content.parts().iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(result),
        _ => None,
    })
}

/// Several calls as the arguments of one.
fn parallel_calls<'c>(calls: impl Iterator<Item = (&'c str, &'c str)>) -> String {
    let mut text = String::from("{\"tool_uses\":[");
    for (i, (name, arguments)) in calls.enumerate() {
        text.push_str(if i > 0 { "," } else { "" });
        text.extend([
            "{\"recipient_name\":\"",
            FUNCTIONS,
            name,
            "\",\"parameters\":",
            &compact(arguments),
            "}",
        ]);
    }
    text.push_str("]}");
    text
}

/// The result of several calls: a list of what is a JSON object or list, and of everything else as a string.
fn parallel_results<'r>(results: impl Iterator<Item = &'r str>, style: Style) -> String {
    let mut text = String::from("[");
    for (i, result) in results.enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        let start = text.len();
        let is_value = result.trim_start().starts_with(['{', '[']);
        if !is_value || rewrite(result, style, &mut text).is_err() {
            text.truncate(start);
            push_string(result, style.ascii, &mut text);
        }
    }
    text.push(']');
    text
}

/// The text of a response format.
fn format_text(format: &JsonSchema<'_>) -> String {
    let mut text = String::from("# Response Formats\n\n## ");
    text.extend([format.name.unwrap_or_default(), "\n\n"]);
    if let Some(description) = format.description.filter(|description| !description.is_empty()) {
        text.extend(["// ", description, "\n"]);
    }
    let start = text.len();
    let schema = format.schema.map_or("{}", |json| json.0);
    if rewrite(schema, SCHEMA, &mut text).is_err() {
        text.truncate(start);
    }
    text
}

/// The tokens of a conversation while it is counted.
struct Sum<'t> {
    counter: Counter<'t>,
    spec: &'static ModelSpec,
    rules: &'static TokenRules,
    api: CountedBy,
    tokens: i64,
    audio: u64,
}

impl Sum<'_> {
    fn prompt(&self) -> Prompt {
        Prompt { tokens: self.tokens.max(0) as u64, audio: self.audio }
    }

    /// Counts tools and schema, and the system message where they are a part of it. Returns the messages that are left
    /// to be counted, and what is more for each text of the assistant's among them.
    fn definitions<'m, 'a>(&mut self, turn: &'m Request<'a>) -> (&'m [Message<'a>], i64) {
        let messages = turn.messages();
        let format = if let Format::JsonSchema(format) = &turn.format { Some(format) } else { None };
        let tools = |copies| {
            let style = tools_text::Style { copies, early: self.rules.early_tools };
            (!turn.tools.is_empty()).then(|| tools_text::render(&turn.tools, style))
        };
        if let CountedBy::Responses { calls_with_id } = self.api {
            let rules = &self.rules.responses;
            if let Some(text) = tools(false) {
                self.tokens += self.counter.count(&text) + rules.tools;
            }
            if let Some(format) = format {
                self.tokens += self.counter.count(&format_text(format)) + rules.schema as i64;
            }
            self.tokens += (calls_with_id * (rules.call_with_id - rules.call_and_output)) as i64;
            return (messages, 0);
        }
        let blocks: Vec<String> = tools(true).into_iter().chain(format.map(format_text)).collect();
        if blocks.is_empty() {
            return (messages, 0);
        }
        let system = messages.first().filter(|first| matches!(first.role, Role::System | Role::Developer));
        let mut text: String = system.into_iter().flat_map(|system| texts(&system.content)).collect();
        let replaces_system = if self.rules.heading { !text.is_empty() } else { system.is_some() };
        if self.rules.heading && replaces_system {
            text.insert_str(0, "# Instructions\n\n");
        }
        for block in blocks {
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&block);
        }
        self.tokens += self.rules.message as i64 + self.counter.count(&text);
        if let Some(first) = turn.tools.first() {
            self.tokens += self.rules.tools;
            if tools_text::is_bare(first) {
                self.tokens += self.rules.bare_tool;
            }
        }
        if let Some(system) = system.filter(|_| replaces_system) {
            if !self.rules.heading {
                self.name(system);
            }
            self.media(system.content.parts());
        }
        let name = format.filter(|_| turn.tools.is_empty()).map(|format| format.name.unwrap_or_default());
        let more = |rule: Option<u64>| match (rule, name) {
            (Some(more), Some(name)) => more as i64 + self.counter.count(name),
            _ => 0,
        };
        let in_history = more(self.rules.schema_name_in_history);
        self.tokens += more(self.rules.schema_name);
        (messages.get(usize::from(replaces_system)..).unwrap_or_default(), in_history)
    }

    /// Counts messages; a text of the assistant's has `more` tokens than its own.
    fn messages(&mut self, messages: &[Message<'_>], more: i64) {
        let mut names = BTreeMap::new();
        let mut rest = messages.iter().peekable();
        while let Some(message) = rest.next() {
            let mut calls = tool_calls(message);
            let (first, second) = (calls.next(), calls.next());
            self.results(message, &names);
            self.text(message, first.is_some(), more);
            names.extend(tool_calls(message).map(|(id, name, _)| (id, name)));
            match (first, second, self.api) {
                (None, ..) => {}
                (Some(_), _, CountedBy::Responses { .. }) => self.separate_calls(message),
                (Some((_, name, input)), None, _) => {
                    let early = self.rules.early_tools;
                    self.tokens += if early { self.counter.count(name) } else { self.counter.function(name) }
                        + self.counter.count(&compact(input))
                        + self.rules.call_and_result as i64;
                }
                (Some(_), Some(_), _) => {
                    let calls = tool_calls(message).map(|(_, name, input)| (name, input));
                    self.tokens += self.counter.count(PARALLEL)
                        + self.counter.count(&parallel_calls(calls))
                        + self.rules.call_and_result as i64;
                    let mut results = Vec::new();
                    while let Some(message) = rest.next_if(|next| tool_results(next).next().is_some()) {
                        results.extend(tool_results(message));
                        self.text(message, false, more);
                    }
                    self.parallel_results(&results);
                }
            }
        }
    }

    /// Calls that each count for themselves.
    fn separate_calls(&mut self, message: &Message<'_>) {
        let rules = &self.rules.responses;
        self.tokens += rules.calls as i64;
        if tool_calls(message).nth(1).is_some() {
            self.tokens += rules.several_calls as i64;
        }
        for (_, name, input) in tool_calls(message) {
            let input = if rules.compact_arguments { compact(input) } else { input.into() };
            self.tokens +=
                self.counter.function(name) + self.counter.count(&input) + rules.call_and_output as i64;
        }
    }

    /// The results in a message, each with the name of the tool that was called.
    fn results(&mut self, message: &Message<'_>, names: &BTreeMap<&str, &str>) {
        for result in tool_results(message) {
            let name = names.get(&*result.id).copied().or(result.name).unwrap_or_default();
            self.tokens += match self.api {
                CountedBy::Responses { .. } => self.counter.function(name),
                CountedBy::Chat => self.counter.count(name),
            };
            self.tokens += self.counter.joined(part_texts(&result.content));
            self.media(&result.content);
        }
    }

    fn parallel_results(&mut self, results: &[&ToolResult<'_>]) {
        if results.is_empty() {
            return;
        }
        let texts: Vec<String> = results.iter().map(|result| part_texts(&result.content).collect()).collect();
        let style = if self.rules.escapes_results { SPACED_ASCII } else { SPACED };
        self.tokens += self.counter.count(PARALLEL)
            + self.counter.count(&parallel_results(texts.iter().map(String::as_str), style));
        results.iter().for_each(|result| self.media(&result.content));
    }

    /// A message's own text and media, without its calls and results. A message that is nothing but those is none of
    /// its own; in Responses, a text beside calls is an item of its own even if it is empty.
    fn text(&mut self, message: &Message<'_>, has_calls: bool, more: i64) {
        let parts = message.content.parts();
        let only_results = !parts.is_empty() && parts.iter().all(|part| matches!(part, Part::ToolResult(_)));
        if only_results {
            return;
        }
        self.tokens += self.counter.joined(texts(&message.content));
        let is_item = matches!(self.api, CountedBy::Responses { .. });
        if !has_calls || texts(&message.content).any(|text| is_item || !text.is_empty()) {
            self.tokens += self.rules.message as i64;
            if message.role == Role::Assistant {
                self.tokens += self.rules.assistant_text as i64 + more;
            }
        }
        self.name(message);
        self.media(parts);
    }

    fn name(&mut self, message: &Message<'_>) {
        if let Some(name) = message.name.filter(|name| !name.is_empty()) {
            self.tokens += self.counter.joined([":", name].into_iter());
        }
    }

    fn media(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            if let Part::Media(media) = part {
                let (tokens, audio) = media_tokens::media(media, self.spec);
                self.tokens += tokens as i64;
                self.audio += audio;
            }
        }
    }

    fn tool_choice(&mut self, turn: &Request<'_>) {
        let Some(more) = self.rules.named_choice else { return };
        let only = || match (&*turn.tools, self.api) {
            ([only], CountedBy::Responses { .. }) if self.rules.responses.required_names_the_only => {
                Some(only.name)
            }
            _ => None,
        };
        let name = match turn.tool_choice {
            ToolChoice::Named(name) => Some(name),
            ToolChoice::Required => only(),
            ToolChoice::Auto | ToolChoice::None => None,
        };
        if let Some(name) = name {
            self.tokens += self.counter.function(name) + more as i64;
        }
    }
}
