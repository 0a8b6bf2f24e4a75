//! [`RuleContext`]: what rules and replies look at in a request, and which rule applies to it.

use super::offer::Callable;
use crate::budget::{Budget, Exhausted};
use crate::check::name_set::NameSet;
use crate::config::engine::{Format, ResultMatch, Rule, ScriptedCalls, When};
use crate::random::{hash, mix, unit};
use crate::turn::{self, Input, Message, Part, Role, Tool, ToolResult};
use std::borrow::Cow;

/// The placeholder for the last user message in a configured text.
const USER: &str = "{{user}}";
/// The placeholder for the results of tools.
const TOOL_RESULT: &str = "{{tool_result}}";

/// What a conversation ends with. System messages do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// What the user wrote.
    User,
    /// What the user wrote right after results of tools.
    UserAfterResults,
    /// Results of tools.
    Results,
    /// The beginning of the answer.
    Assistant,
}

impl Ending {
    fn of(messages: &[Message<'_>]) -> Self {
        let mut latest = messages.iter().rev().filter(|message| !is_system(message));
        match latest.next() {
            Some(message) if has_results(message) => Self::Results,
            Some(message) if message.role == Role::Assistant => Self::Assistant,
            _ if latest.next().is_some_and(has_results) => Self::UserAfterResults,
            _ => Self::User,
        }
    }
}

/// A turn as the engine's rules see it.
pub(super) struct RuleContext<'a> {
    pub(super) model: &'a str,
    /// The last user message's text; of a completion, the prompt.
    pub(super) user: Cow<'a, str>,
    /// The texts of all system and developer messages, joined by line breaks.
    pub(super) system: Cow<'a, str>,
    /// The form that the answer must have.
    pub(super) format: Format,
    /// The tools that are offered.
    pub(super) tools: &'a [Tool<'a>],
    /// Those that may be called.
    pub(super) callable: Callable<'a>,
    /// The results of tools that the conversation ends with: the tool's name and the result's text.
    pub(super) results: Vec<(&'a str, Cow<'a, str>)>,
    /// The results that the last user message follows.
    pub(super) continued: Vec<(&'a str, Cow<'a, str>)>,
    /// What the conversation ends with.
    pub(super) ending: Ending,
    /// The tools that were called since the last user message.
    pub(super) called: Vec<&'a str>,
    /// The task: the last user message that does not follow results of tools. Some agents send such a message with each
    /// result, to continue.
    pub(super) task: Cow<'a, str>,
    /// The tools that were called since the task.
    pub(super) called_for_task: Vec<&'a str>,
    /// Which turn of the conversation it is: 1, and one more for each assistant message.
    pub(super) turn: u32,
    /// How often the caller has tried the request before.
    pub(super) retries: u32,
    pub(super) stream: bool,
    pub(super) seed: Option<i64>,
}

impl<'a> RuleContext<'a> {
    pub(super) fn new(turn: &'a turn::Request<'_>, retries: u32) -> Self {
        let of_prompt = Self {
            model: turn.model,
            user: Cow::Borrowed(""),
            system: Cow::Borrowed(""),
            format: Format::Text,
            tools: &[],
            callable: Callable::nothing(),
            results: Vec::new(),
            continued: Vec::new(),
            ending: Ending::User,
            called: Vec::new(),
            task: Cow::Borrowed(""),
            called_for_task: Vec::new(),
            turn: 1,
            retries,
            stream: turn.stream,
            seed: turn.sampling.seed,
        };
        let messages = match &turn.input {
            Input::Messages(messages) => &messages[..],
            Input::Prompt(prompt) => return Self { user: Cow::Borrowed(&prompt.text), ..of_prompt },
        };
        let is_user = |message: &Message<'_>| message.role == Role::User;
        // Messages of Anthropic's API have the results of tools in the user's name. What the user wrote is elsewhere,
        // unless the conversation has no other message of the user.
        let user = messages
            .iter()
            .rposition(|message| is_user(message) && !has_results(message))
            .or_else(|| messages.iter().rposition(is_user));
        let mut after_results = false;
        let mut task = user;
        for (place, message) in messages.iter().enumerate().filter(|(_, message)| !is_system(message)) {
            if is_user(message) && !has_results(message) && !after_results {
                task = Some(place);
            }
            after_results = has_results(message);
        }
        let text = |place: Option<usize>| {
            place.and_then(|place| messages.get(place)).map(|message| joined(message.content.texts()))
        };
        let called_since = |place: Option<usize>| {
            let since = messages.get(place.map_or(0, |place| place + 1)..).unwrap_or_default();
            since.iter().flat_map(calls).map(|(_, name)| name).collect()
        };
        // Claude Code adds a system message after the results.
        let written = written(messages);
        let ending = Ending::of(messages);
        let continued = match (ending, written.split_last()) {
            (Ending::UserAfterResults, Some((_, before))) => last_results(self::written(before)),
            _ => Vec::new(),
        };
        let turns = messages.iter().filter(|message| message.role == Role::Assistant).count();
        Self {
            user: text(user).unwrap_or_default(),
            system: system(messages),
            format: match turn.format {
                turn::Format::Text => Format::Text,
                turn::Format::JsonObject => Format::JsonObject,
                turn::Format::JsonSchema(_) => Format::JsonSchema,
            },
            tools: &turn.tools,
            callable: Callable::of(turn),
            results: last_results(written),
            continued,
            ending,
            called: called_since(user),
            task: text(task).unwrap_or_default(),
            called_for_task: called_since(task),
            turn: u32::try_from(turns).unwrap_or(u32::MAX).saturating_add(1),
            ..of_prompt
        }
    }

    /// The texts of the results of tools, joined by line breaks.
    pub(super) fn results_text(&self) -> String {
        let texts: Vec<&str> = self.results.iter().map(|(_, text)| &**text).collect();
        texts.join("\n")
    }

    /// A configured text, its placeholders replaced by texts of the turn.
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

    /// A number that differs from one turn to the next.
    pub(super) fn number(&self) -> u64 {
        let number = mix(hash(self.user.as_bytes()), u64::from(self.turn));
        self.results.iter().fold(number, |number, (_, text)| mix(number, hash(text.as_bytes())))
    }

    /// The first rule that applies to the request, of those that this endpoint can carry out.
    ///
    /// # Errors
    ///
    /// If the texts of the request take more work to search for the rules' than the budget covers.
    pub(super) fn rule<'r>(
        &self,
        rules: &'r [Rule],
        budget: &Budget,
        can: impl Fn(&Rule) -> bool,
    ) -> Result<Option<&'r Rule>, Exhausted> {
        for (i, rule) in rules.iter().enumerate() {
            if can(rule)
                && self.matches(rule)
                && self.has_texts(&rule.when, budget)?
                && self.is_drawn(i, rule)
            {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }

    /// Whether the texts of the request are what a rule requires.
    fn has_texts(&self, when: &When, budget: &Budget) -> Result<bool, Exhausted> {
        if let Some(like) = &when.tool {
            let mut any = false;
            for tool in self.tools {
                any = any || like.matches(tool.name, budget)?;
            }
            if !any {
                return Ok(false);
            }
        }
        for (like, text) in [(&when.user, &self.user), (&when.system, &self.system)] {
            if let Some(like) = like
                && !like.matches(text, budget)?
            {
                return Ok(false);
            }
        }
        match &when.tool_result {
            Some(ResultMatch::Text(_)) if self.results.is_empty() => Ok(false),
            Some(ResultMatch::Text(like)) => like.matches(&self.results_text(), budget),
            Some(ResultMatch::Present(_)) | None => Ok(true),
        }
    }

    /// Whether the rest of the request is.
    fn matches(&self, rule: &Rule) -> bool {
        let when = &rule.when;
        let result = || match &when.tool_result {
            Some(ResultMatch::Present(wanted)) => *wanted != self.results.is_empty(),
            Some(ResultMatch::Text(_)) | None => true,
        };
        when.model.as_ref().is_none_or(|model| model == self.model)
            && when.tools.is_none_or(|tools| tools != self.tools.is_empty())
            && when.turn.is_none_or(|turn| turn == self.turn)
            && when.retry.is_none_or(|retry| retry == self.retries)
            && when.stream.is_none_or(|stream| stream == self.stream)
            && when.response_format.is_none_or(|format| format == self.format)
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
                !self.callable.tools.is_empty() && (self.results.is_empty() || when.tool_result.is_some())
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
    let mut texts =
        messages.iter().filter(|message| is_system(message)).map(|message| joined(message.content.texts()));
    let first = texts.next().unwrap_or_default();
    texts.fold(first, |all, text| (all.into_owned() + "\n" + &text).into())
}

fn is_system(message: &Message<'_>) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// A conversation without the system messages at its end.
fn written<'m, 'a>(messages: &'m [Message<'a>]) -> &'m [Message<'a>] {
    let end = messages.iter().rposition(|message| !is_system(message)).map_or(0, |last| last + 1);
    messages.get(..end).unwrap_or_default()
}

/// Whether a message has results of tools in it.
fn has_results(message: &Message<'_>) -> bool {
    message.role == Role::Tool
        || (message.role == Role::User
            && message.content.parts().iter().any(|part| matches!(part, Part::ToolResult(_))))
}

/// The tool calls of a message: their ids and the tools' names.
fn calls<'a>(message: &'a Message<'_>) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    message.content.parts().iter().filter_map(|part| match part {
        Part::ToolCall { id, name, .. } => Some((&**id, &**name)),
        _ => None,
    })
}

/// The results of tools that a conversation ends with, each with its tool's name: its own, or that of the last call with
/// its id.
fn last_results<'a>(conversation: &'a [Message<'_>]) -> Vec<(&'a str, Cow<'a, str>)> {
    let results = conversation.iter().rev().take_while(|message| has_results(message)).count();
    let (before, results) = conversation.split_at(conversation.len() - results);
    if results.is_empty() {
        return Vec::new();
    }
    let calls = before.iter().flat_map(calls);
    let ids = NameSet::of(calls.clone().map(|(id, _)| id));
    let mut names = vec![""; ids.len()];
    for (id, name) in calls {
        if let Some(place) = ids.find(id).and_then(|place| names.get_mut(place)) {
            *place = name;
        }
    }
    let tool_of = |result: &ToolResult<'a>| {
        let called = || ids.find(&result.id).and_then(|place| names.get(place).copied());
        result.name.or_else(called).unwrap_or("tool")
    };
    let named = |part: &'a Part<'_>| match part {
        Part::ToolResult(result) => Some((tool_of(result), joined(turn::texts(&result.content)))),
        _ => None,
    };
    results.iter().flat_map(|message| message.content.parts()).filter_map(named).collect()
}

/// Texts as one.
fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(one), None) => Cow::Borrowed(one),
        (Some(one), Some(other)) => [one, other].into_iter().chain(texts).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Content;

    #[test]
    fn a_system_message_may_follow_the_results_of_tools() {
        let message = |role, parts| Message { role, name: None, content: Content::Parts(parts) };
        let result = |text: &'static str| {
            let content = vec![Part::Text(text.into())];
            Part::ToolResult(ToolResult { id: "1".into(), name: None, content, is_error: false })
        };
        let call = Part::ToolCall {
            id: "1".into(),
            name: "f".into(),
            input: "{}".into(),
            kind: turn::ToolKind::Function,
        };
        let turn = turn::Request {
            input: Input::Messages(vec![
                message(Role::User, vec![Part::Text("go".into())]),
                message(Role::Assistant, vec![call]),
                message(Role::User, vec![result("done")]),
                message(Role::System, vec![Part::Text("99 tokens left".into())]),
            ]),
            ..turn::Request::default()
        };
        let context = RuleContext::new(&turn, 0);
        assert_eq!(context.results, [("f", Cow::Borrowed("done"))]);
        assert_eq!((&*context.user, &*context.system), ("go", "99 tokens left"));
    }

    #[test]
    fn places_are_filled_once() {
        let context = RuleContext {
            model: "m",
            user: "read {{tool_result}}".into(),
            system: "".into(),
            format: Format::Text,
            tools: &[],
            callable: Callable::nothing(),
            results: vec![("a", "{{user}}".into()), ("b", "two".into())],
            continued: Vec::new(),
            ending: Ending::Results,
            called: Vec::new(),
            task: "".into(),
            called_for_task: Vec::new(),
            turn: 1,
            retries: 0,
            stream: false,
            seed: None,
        };
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("{{user}}", "read {{tool_result}}"),
            ("{{tool_result}}!", "{{user}}\ntwo!"),
            ("a {{user}} b {{user}}", "a read {{tool_result}} b read {{tool_result}}"),
            ("{{{user}}} {{ user }} {{", "{read {{tool_result}}} {{ user }} {{"),
        ] {
            assert_eq!(context.fill(text), want, "{text}");
        }
    }
}
