//! [`RuleContext`]: what rules and replies look at in a request, and which rule applies to it.

use super::offer::{Callable, offers};
use super::rng::{hash, mix, unit};
use crate::api::chat::{Request, ResponseFormatType};
use crate::api::message::{Message, Role};
use crate::api::tool::ToolCall;
use crate::check::name_set::NameSet;
use crate::config::engine::{Format, ResultMatch, Rule, ScriptedCalls, When};
use std::borrow::Cow;

/// The placeholder for the last user message in a text of the operator's.
const USER: &str = "{{user}}";
/// The placeholder for the results of tools.
const TOOL_RESULT: &str = "{{tool_result}}";

/// A request as the engine's rules see it.
pub(super) struct RuleContext<'a> {
    pub(super) model: &'a str,
    /// The last user message's text; of a text completion, the prompt.
    pub(super) user: Cow<'a, str>,
    /// The texts of all system and developer messages, joined by line breaks.
    pub(super) system: Cow<'a, str>,
    /// The form that the answer must have.
    pub(super) format: Format,
    /// Whether tools or functions are offered.
    pub(super) tools: bool,
    /// Their names.
    pub(super) tool_names: Vec<&'a str>,
    /// Those that may be called.
    pub(super) callable: Callable<'a>,
    /// The results of tools that the conversation ends with: the tool's name and the result's text.
    pub(super) results: Vec<(&'a str, Cow<'a, str>)>,
    /// The tools that were called since the last user message.
    pub(super) called: Vec<&'a str>,
    /// 1, and one more for each assistant message.
    pub(super) turn: u32,
    /// How often the request was tried before; read by few rules.
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
            system: system(messages),
            format: format(request),
            tools: request.tools.as_ref().is_some_and(|tools| !tools.is_empty())
                || request.functions.as_ref().is_some_and(|functions| !functions.is_empty()),
            tool_names: offers(request).into_iter().map(|offer| offer.name()).collect(),
            callable: Callable::of(request),
            results: named(results, before),
            called: called.filter_map(name_of).collect(),
            turn: u32::try_from(turns).unwrap_or(u32::MAX).saturating_add(1),
            retry,
            stream: request.streams(),
            seed: request.seed.map(|seed| seed.value),
        }
    }

    /// The texts of the results of tools, joined by line breaks.
    pub(super) fn results_text(&self) -> String {
        let texts: Vec<&str> = self.results.iter().map(|(_, text)| &**text).collect();
        texts.join("\n")
    }

    /// A text of the operator's, its placeholders replaced by texts of the request.
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

    /// A number that differs from one request to the next.
    pub(super) fn number(&self) -> u64 {
        let number = mix(hash(self.user.as_bytes()), u64::from(self.turn));
        self.results.iter().fold(number, |number, (_, text)| mix(number, hash(text.as_bytes())))
    }

    /// The first rule that applies to the request, of those that this endpoint can carry out.
    pub(super) fn rule<'r>(&self, rules: &'r [Rule], can: impl Fn(&Rule) -> bool) -> Option<&'r Rule> {
        let applies =
            |(i, rule): &(usize, &'r Rule)| can(rule) && self.matches(rule) && self.is_drawn(*i, rule);
        rules.iter().enumerate().find(applies).map(|(_, rule)| rule)
    }

    fn matches(&self, rule: &Rule) -> bool {
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
            && when.response_format.is_none_or(|format| format == self.format)
            && when.tool.as_ref().is_none_or(|like| self.tool_names.iter().any(|name| like.matches(name)))
            && when.user.as_ref().is_none_or(|like| like.matches(&self.user))
            && when.system.as_ref().is_none_or(|like| like.matches(&self.system))
            && result()
            && rule.then.tool_calls.as_ref().is_none_or(|calls| self.can_call(calls, when))
    }

    /// Whether the request lets the model call one of the tools that a rule calls.
    ///
    /// `"auto"` would call tools without end if it answered results of tools: it does so only where the rule is about
    /// such requests.
    fn can_call(&self, calls: &ScriptedCalls, when: &When) -> bool {
        match calls {
            ScriptedCalls::Auto => {
                !self.callable.offers.is_empty() && (self.results.is_empty() || when.tool_result.is_some())
            }
            ScriptedCalls::List(calls) => calls.iter().any(|call| self.callable.find(&call.name).is_some()),
        }
    }

    /// Whether the rule's `probability` selects the request. The draw depends on the request alone: repeating it
    /// changes nothing, another `seed` does.
    fn is_drawn(&self, place: usize, rule: &Rule) -> bool {
        let Some(probability) = rule.probability else { return true };
        let seed = hash(&self.seed.unwrap_or_default().to_le_bytes());
        unit(mix(mix(self.number(), seed), place as u64)) < probability.0
    }
}

/// The texts of all system and developer messages, joined by line breaks.
fn system<'a>(messages: &'a [Message<'_>]) -> Cow<'a, str> {
    let is_system = |message: &&Message<'_>| matches!(message.role, Some(Role::System | Role::Developer));
    let mut texts = messages.iter().filter(is_system).map(text_of);
    let first = texts.next().unwrap_or_default();
    texts.fold(first, |all, text| (all.into_owned() + "\n" + &text).into())
}

/// The form that the answer must have.
fn format(request: &Request<'_>) -> Format {
    match request.response_format.as_ref().and_then(|format| format.kind) {
        Some(ResponseFormatType::JsonObject) => Format::JsonObject,
        Some(ResponseFormatType::JsonSchema) => Format::JsonSchema,
        Some(ResponseFormatType::Text) | None => Format::Text,
    }
}

/// The results of tools, each with its tool's name: its own, or that of the last call it answers.
fn named<'a>(results: &'a [Message<'_>], before: &'a [Message<'_>]) -> Vec<(&'a str, Cow<'a, str>)> {
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
            system: "".into(),
            format: Format::Text,
            tools: false,
            tool_names: Vec::new(),
            callable: Callable::nothing(),
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
