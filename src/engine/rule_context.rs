//! [`RuleContext`]: what rules and replies look at in a request, and which rule it meets.

use super::rng::{hash, mix, unit};
use crate::api::chat::Request;
use crate::api::message::{Message, Role};
use crate::api::tool::ToolCall;
use crate::check::name_set::NameSet;
use crate::config::engine::{ResultMatch, Rule};
use std::borrow::Cow;

/// Where a text of the operator's has the last user message.
const USER: &str = "{{user}}";
/// Where it has what the tools gave.
const TOOL_RESULT: &str = "{{tool_result}}";

/// A request as the engine's rules see it.
pub(super) struct RuleContext<'a> {
    pub(super) model: &'a str,
    /// The last user message's text; of a text completion, the prompt.
    pub(super) user: Cow<'a, str>,
    /// Whether tools or functions are offered.
    pub(super) tools: bool,
    /// The results of tools the conversation ends with: the tool's name and what it gave.
    pub(super) results: Vec<(&'a str, Cow<'a, str>)>,
    /// The tools that were called since the last user message.
    pub(super) called: Vec<&'a str>,
    /// 1, and one more for each message of the assistant's.
    pub(super) turn: u32,
    /// How often it was tried before; asked for by few rules.
    pub(super) retry: &'a dyn Fn() -> u32,
    pub(super) stream: bool,
    pub(super) seed: Option<i64>,
}

impl<'a> RuleContext<'a> {
    pub(super) fn of_chat(request: &'a Request<'_>, model: &'a str, retry: &'a dyn Fn() -> u32) -> Self {
        let messages = request.messages.as_deref().unwrap_or_default();
        let user = messages.iter().rposition(|message| message.role == Some(Role::User));
        let since = &messages[user.map_or(0, |user| user + 1)..];
        let called = since.iter().filter_map(|message| message.tool_calls.as_ref()).flatten();
        let is_result = |message: &&Message<'_>| matches!(message.role, Some(Role::Tool | Role::Function));
        let results = messages.iter().rev().take_while(is_result).count();
        let (before, results) = messages.split_at(messages.len() - results);
        let turns = messages.iter().filter(|message| message.role == Some(Role::Assistant)).count();
        Self {
            model,
            user: user.map(|user| text_of(&messages[user])).unwrap_or_default(),
            tools: request.tools.as_ref().is_some_and(|tools| !tools.is_empty())
                || request.functions.as_ref().is_some_and(|functions| !functions.is_empty()),
            results: told(results, before),
            called: called.filter_map(name_of).collect(),
            turn: u32::try_from(turns).unwrap_or(u32::MAX).saturating_add(1),
            retry,
            stream: request.streams(),
            seed: request.seed.map(|seed| seed.value),
        }
    }

    /// What the tools gave, joined by line breaks.
    pub(super) fn results_text(&self) -> String {
        let texts: Vec<&str> = self.results.iter().map(|(_, text)| &**text).collect();
        texts.join("\n")
    }

    /// A text with the request's own in the places that are left for them.
    pub(super) fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let place = &rest[at..];
            let (name, own) = if place.starts_with(USER) {
                (USER, Cow::Borrowed(&*self.user))
            } else if place.starts_with(TOOL_RESULT) {
                (TOOL_RESULT, self.results_text().into())
            } else {
                ("{", Cow::Borrowed("{"))
            };
            out.push_str(&rest[..at]);
            out.push_str(&own);
            rest = &place[name.len()..];
        }
        if rest.len() == text.len() {
            return Cow::Borrowed(text);
        }
        (out + rest).into()
    }

    /// A number of the request, for what is to vary from one to the next.
    pub(super) fn number(&self) -> u64 {
        let number = mix(hash(self.user.as_bytes()), u64::from(self.turn));
        self.results.iter().fold(number, |number, (_, text)| mix(number, hash(text.as_bytes())))
    }

    /// The first rule the request meets, of those that can be answered here.
    pub(super) fn rule<'r>(&self, rules: &'r [Rule], can: impl Fn(&Rule) -> bool) -> Option<&'r Rule> {
        let met = |(i, rule): &(usize, &'r Rule)| can(rule) && self.meets(rule) && self.falls_upon(*i, rule);
        rules.iter().enumerate().find(met).map(|(_, rule)| rule)
    }

    fn meets(&self, rule: &Rule) -> bool {
        let when = &rule.when;
        let result = || match &when.tool_result {
            None => true,
            Some(ResultMatch::Present(wanted)) => *wanted != self.results.is_empty(),
            Some(ResultMatch::Text(like)) => !self.results.is_empty() && like.matches(&self.results_text()),
        };
        when.model.as_ref().is_none_or(|model| model == self.model)
            && when.tools.is_none_or(|tools| tools == self.tools)
            && when.turn.is_none_or(|turn| turn == self.turn)
            && when.retry.is_none_or(|retry| retry == (self.retry)())
            && when.stream.is_none_or(|stream| stream == self.stream)
            && when.user.as_ref().is_none_or(|like| like.matches(&self.user))
            && result()
    }

    /// Whether chance has it that a rule is met. The dice are the request's own: repeating it changes
    /// nothing, another `seed` does.
    fn falls_upon(&self, place: usize, rule: &Rule) -> bool {
        let Some(probability) = rule.probability else { return true };
        let seed = hash(&self.seed.unwrap_or_default().to_le_bytes());
        unit(mix(mix(self.number(), seed), place as u64)) < probability.0
    }
}

/// The results of tools, each with its tool's name: its own, or that of the last call it answers.
fn told<'a>(results: &'a [Message<'_>], before: &'a [Message<'_>]) -> Vec<(&'a str, Cow<'a, str>)> {
    if results.is_empty() {
        return Vec::new();
    }
    let calls = before.iter().filter_map(|message| message.tool_calls.as_ref()).flatten();
    let named = calls.filter_map(|call| Some((call.id.as_deref()?, name_of(call)?)));
    let ids = NameSet::of(named.clone().map(|(id, _)| id));
    let mut names = vec![""; ids.len()];
    for (id, name) in named {
        if let Some(place) = ids.find(id) {
            names[place] = name;
        }
    }
    let tool_of = |result: &'a Message<'_>| {
        let called = || Some(names[ids.find(result.tool_call_id.as_deref()?)?]);
        result.name.as_deref().or_else(called).unwrap_or("tool")
    };
    results.iter().map(|result| (tool_of(result), text_of(result))).collect()
}

/// The name of the tool that was called.
fn name_of<'a>(call: &'a ToolCall<'_>) -> Option<&'a str> {
    match (&call.function, &call.custom) {
        (Some(function), _) => function.name.as_deref(),
        (None, custom) => custom.as_ref()?.name.as_deref(),
    }
}

/// The texts a message is made of, joined.
fn text_of<'a>(message: &'a Message<'_>) -> Cow<'a, str> {
    let Some(content) = &message.content else { return Cow::Borrowed("") };
    let mut texts = content.texts();
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(one), None) => Cow::Borrowed(one),
        (Some(one), Some(other)) => [one, other].into_iter().chain(texts).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let asked = RuleContext {
            model: "m",
            user: "say {{tool_result}}".into(),
            tools: false,
            results: vec![("a", "{{user}}".into()), ("b", "two".into())],
            called: Vec::new(),
            turn: 1,
            retry: &|| 0,
            stream: false,
            seed: None,
        };
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("{{user}}", "say {{tool_result}}"),
            ("{{tool_result}}!", "{{user}}\ntwo!"),
            ("a {{user}} b {{user}}", "a say {{tool_result}} b say {{tool_result}}"),
            ("{{{user}}} {{ user }} {{", "{say {{tool_result}}} {{ user }} {{"),
        ] {
            assert_eq!(asked.fill(text), want, "{text}");
        }
    }
}
