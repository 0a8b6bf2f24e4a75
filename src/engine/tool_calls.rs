//! Which tools an answer calls, and with which input.

use super::offer::Callable;
use super::rng::Rng;
use super::rule_context::RuleContext;
use super::sampler::Origin;
use super::schema::{self, NoInstance, Patterns};
use crate::api::tool::Json;
use crate::budget::{Budget, Exhausted};
use crate::check::name_set::NameSet;
use crate::config::engine::{Arguments, ScriptedCalls};
use crate::pattern::Pattern;
use crate::turn::{Tool, ToolChoice, ToolKind};
use std::borrow::Cow;
use std::collections::HashMap;

/// A call of a tool before its input is generated.
#[derive(Debug, Clone)]
pub(super) struct Planned<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) kind: ToolKind,
    pub(super) input: Input<'r>,
}

/// The input of a call.
#[derive(Debug, Clone)]
pub(super) enum Input<'r> {
    /// This text.
    Text(Cow<'r, str>),
    /// Arguments that are valid under a schema.
    Schema(Option<Json<'r>>),
    /// A text that matches a regular expression.
    Pattern(&'r str),
}

/// All calls of an answer.
#[derive(Debug, Clone)]
pub(super) struct Calls<'r> {
    pub(super) calls: Vec<Planned<'r>>,
    pub(super) origin: Origin,
}

/// A call of an offered tool with generated input. A custom tool without a regular expression gets the user's text.
fn call<'r>(tool: &Tool<'r>, user: &'r str) -> Planned<'r> {
    let input = match (tool.kind, tool.grammar) {
        (ToolKind::Function, _) => Input::Schema(tool.parameters),
        (ToolKind::Custom, Some(("regex", pattern))) => Input::Pattern(pattern),
        (ToolKind::Custom, _) => Input::Text(user.into()),
    };
    Planned { name: tool.name.into(), kind: tool.kind, input }
}

impl Input<'_> {
    /// The text of the input, of which at most `limit` bytes are used; another for another seed.
    ///
    /// # Errors
    ///
    /// If no arguments were found that honour a keyword of the schema, or the budget does not cover the search.
    pub(super) fn text(&self, seed: u64, limit: usize, budget: &Budget) -> Result<Cow<'_, str>, NoInstance> {
        Ok(match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Schema(None) => Cow::Borrowed("{}"),
            Self::Schema(Some(Json(schema))) => {
                match schema::instance(schema, seed, Patterns::Understood, limit, budget) {
                    Ok(instance) if instance.json.starts_with('{') => instance.json.into(),
                    Err(why @ (NoInstance::Unmet(_) | NoInstance::Exhausted(_))) => return Err(why),
                    // A schema that contradicts itself is accepted where it is not strict: the call then has no
                    // arguments.
                    _ => Cow::Borrowed("{}"),
                }
            }
            Self::Pattern(source) => {
                let mut rng = Rng::new(seed);
                let pattern = Pattern::of_request(source, budget).ok();
                let made = pattern.and_then(|p| p.make(0, 4096, budget, &mut |bound| rng.below(bound)));
                // Nothing is left where the budget has ended.
                budget.spend(1)?;
                made.unwrap_or_default().into()
            }
        })
    }
}

/// The calls a turn leads to without a rule, if any.
///
/// # Errors
///
/// If looking for the tools' names in the text exceeds the budget.
pub(super) fn wanted<'r>(
    context: &'r RuleContext<'r>,
    budget: &Budget,
) -> Result<Option<Calls<'r>>, Exhausted> {
    let tools = match context.callable.choice {
        ToolChoice::None => return Ok(None),
        ToolChoice::Auto if !context.results.is_empty() => return Ok(None),
        ToolChoice::Auto => {
            let tools = &context.callable.tools;
            let mentioned = mentioned(tools, &context.user, budget)?;
            if mentioned.is_empty() { hinted(tools, &context.user).into_iter().collect() } else { mentioned }
        }
        ToolChoice::Named(_) => context.callable.tools.iter().take(1).copied().collect(),
        ToolChoice::Required => chosen(context, budget)?,
    };
    let planned = tools.into_iter().map(|tool| call(tool, &context.user));
    Ok(calls(planned, Origin::Derived, &context.callable))
}

/// The calls of a rule, if the turn offers a tool the rule calls. A call without arguments gets ones that are
/// generated from the tool's schema.
///
/// # Errors
///
/// As [`wanted`].
pub(super) fn scripted<'r>(
    script: &'r ScriptedCalls,
    context: &'r RuleContext<'r>,
    budget: &Budget,
) -> Result<Option<Calls<'r>>, Exhausted> {
    let planned: Vec<Planned<'r>> = match script {
        ScriptedCalls::Auto => {
            chosen(context, budget)?.into_iter().map(|tool| call(tool, &context.user)).collect()
        }
        ScriptedCalls::List(script) => {
            let planned = script.iter().filter_map(|scripted| {
                let mut planned = call(context.callable.find(&scripted.name)?, &context.user);
                if let Some(Arguments(text)) = &scripted.arguments {
                    planned.input = Input::Text(text.into());
                }
                Some(planned)
            });
            planned.collect()
        }
    };
    Ok(calls(planned.into_iter(), Origin::Configured, &context.callable))
}

/// As many of the calls as the turn lets one answer have.
fn calls<'r>(
    planned: impl Iterator<Item = Planned<'r>>,
    origin: Origin,
    callable: &Callable<'_>,
) -> Option<Calls<'r>> {
    let calls: Vec<_> = planned.take(callable.most).collect();
    (!calls.is_empty()).then_some(Calls { calls, origin })
}

/// The tools to call where at least one must be: those that the user mentions, or the first.
///
/// Tools that were called since the last user message come last, so that an agent that returns its answer by a tool
/// reaches that tool.
fn chosen<'r>(context: &RuleContext<'r>, budget: &Budget) -> Result<Vec<&'r Tool<'r>>, Exhausted> {
    let mut tools = context.callable.tools.clone();
    let called = NameSet::of(context.called.iter().copied());
    let is_new = |tool: &&Tool<'_>| !called.have(tool.name);
    if tools.iter().any(is_new) {
        tools.retain(is_new);
    }
    let mentioned = mentioned(&tools, &context.user, budget)?;
    Ok(if mentioned.is_empty() { tools.into_iter().take(1).collect() } else { mentioned })
}

/// The tools whose names a text contains, in the order in which it first names them.
fn mentioned<'t, 'r>(
    tools: &[&'t Tool<'r>],
    text: &str,
    budget: &Budget,
) -> Result<Vec<&'t Tool<'r>>, Exhausted> {
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let text = text.to_ascii_lowercase();
    let names: Vec<String> = tools.iter().map(|tool| tool.name.to_ascii_lowercase()).collect();
    let is_word = |name: &str| !name.is_empty() && name.chars().all(is_part);
    // One pass over the text for all names that are words, however many tools there are.
    let mut words: HashMap<&str, Option<usize>> =
        names.iter().filter(|name| is_word(name)).map(|name| (&**name, None)).collect();
    let mut at = 0;
    let searched = if words.is_empty() { "" } else { &*text };
    for word in searched.split(|c| !is_part(c)) {
        if let Some(place) = words.get_mut(word) {
            place.get_or_insert(at);
        }
        at += word.len() + text[at + word.len()..].chars().next().map_or(0, char::len_utf8);
    }
    let place = |name: &String| {
        if let Some(place) = words.get(&**name) {
            return Ok(*place);
        }
        budget.search(text.len())?;
        let is_whole =
            |at: usize| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part);
        Ok(text.match_indices(&**name).map(|(at, _)| at).find(|at| !name.is_empty() && is_whole(*at)))
    };
    let places = names.iter().map(place).collect::<Result<Vec<_>, Exhausted>>()?;
    let mut found: Vec<_> =
        places.into_iter().zip(tools).filter_map(|(place, tool)| Some((place?, *tool))).collect();
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, tool)| tool).collect())
}

/// How many letters of a word in a tool's name a word of the text must begin with.
const STEM: usize = 5;

/// The tool a text hints at: the one that has a word of four letters or more in its name with which a word of the text
/// begins, by their first five letters. `get_weather` is hinted at by "the weather", `add_numbers` by "the number".
///
/// Of the recorded requests that leave the choice to the model, 113 of 134 that hint at a tool in this way were answered
/// by a call.
fn hinted<'t, 'r>(tools: &[&'t Tool<'r>], text: &str) -> Option<&'t Tool<'r>> {
    let mut stems: HashMap<String, &'t Tool<'r>> = HashMap::new();
    for tool in tools {
        for stem in name_words(tool.name).filter_map(|word| stem(&word)) {
            stems.entry(stem).or_insert(tool);
        }
    }
    if stems.is_empty() {
        return None;
    }
    text.split(|c: char| !c.is_alphanumeric()).find_map(|word| {
        let word: String = word.chars().take(STEM).flat_map(char::to_lowercase).collect();
        stems.get(&word).or_else(|| stems.get(word.get(..STEM - 1)?)).copied()
    })
}

/// The first letters of a word that is long enough to mean something.
fn stem(word: &str) -> Option<String> {
    (word.chars().count() >= STEM - 1).then(|| word.chars().take(STEM).collect())
}

/// The words of a name in `snake_case`, `kebab-case` or `camelCase`, in lower case.
fn name_words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_hinted_at_by_a_word_of_its_name() {
        let tools =
            ["get_weather", "addNumbers", "run", "send-mail"].map(|name| Tool { name, ..Tool::default() });
        let tools: Vec<_> = tools.iter().collect();
        for (text, want) in [
            ("What is the weather in Paris?", Some("get_weather")),
            ("Weathering heights", Some("get_weather")),
            ("Sum the numbers 1 and 2", Some("addNumbers")),
            ("my mailbox", Some("send-mail")),
            ("run, get and add", None),
            ("we", None),
            ("", None),
        ] {
            assert_eq!(hinted(&tools, text).map(|tool| tool.name), want, "{text}");
        }
    }

    fn names<'r>(offered: &[&'r str], text: &str, budget: &Budget) -> Result<Vec<&'r str>, Exhausted> {
        let tools: Vec<_> = offered.iter().map(|name| Tool { name, ..Tool::default() }).collect();
        let found = mentioned(&tools.iter().collect::<Vec<_>>(), text, budget)?;
        Ok(found.into_iter().map(|tool| tool.name).collect())
    }

    #[test]
    fn tools_are_called_in_the_order_in_which_a_text_names_them() {
        for (offered, text, want) in [
            (&["a", "b", "c"][..], "B, then a; not ab or c-1", &["b", "a"][..]),
            (&["get", "get_x", "Get-X"], "get_x get-x", &["get_x", "Get-X"]),
            (&["same", "same", ""], "same same", &["same", "same"]),
            (&["my tool", "é", "tool"], "é my tool, mytool", &["é", "my tool", "tool"]),
            (&["my tool"], "xmy tool my tools", &[]),
            (&["a"], "", &[]),
        ] {
            assert_eq!(names(offered, text, &Budget::default()).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn names_that_are_no_words_are_looked_for_within_the_budget() {
        let text = "word ".repeat(1000);
        let budget = Budget::new(1000, 0);
        let words: Vec<String> = (0..20_000).map(|i| format!("tool{i}")).collect();
        let words: Vec<&str> = words.iter().map(|name| &**name).collect();
        assert_eq!((names(&words, &text, &budget), budget.steps_spent()), (Ok(Vec::new()), 0));
        let odd = ["a b", "c d", "e f"];
        assert_eq!((names(&odd, &text, &budget), budget.steps_spent()), (Ok(Vec::new()), 939));
        assert_eq!(names(&odd, &text, &budget), Err(Exhausted));
    }
}
