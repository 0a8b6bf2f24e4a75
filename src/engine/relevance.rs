//! Which of the offered tools a conversation leads to, where the model may choose.
//!
//! A live model that is offered a few small tools calls one for nearly every message that is not about something else;
//! one with many tools, as a coding agent offers, is given tasks that only name some. `docs/engine.md` states how often
//! these rules agree with the recorded answers of the live APIs.

use super::rule_context::{Ending, RuleContext};
use crate::budget::{Budget, Exhausted};
use crate::check::name_set::NameSet;
use crate::turn::Tool;
use std::collections::HashMap;

/// The most bytes that the names, descriptions and parameters of a small set of tools have together. Those of the
/// coding agents that were recorded have 7,000 and more, 544 of the 553 requests fewer.
const SMALL_TOOLS: usize = 3000;

/// The longest instructions beside a small set of tools, in bytes. A coding agent with four short tools has twice as many.
const SMALL_SYSTEM: usize = 1000;

/// How many letters of a word in a tool's name a word of the text must begin with.
const STEM: usize = 5;

/// After so many calls for one task the results are answered by a text. With one call a turn, the loops of OpenAI's SDKs
/// give up after 10 turns.
const MOST_CALLS: usize = 8;

/// Words of a tool's name that do not distinguish it from other tools, in alphabetical order. Agents hand over to another by a
/// tool `transfer_to_NAME`.
const EMPTY_WORDS: [&str; 23] = [
    "a",
    "an",
    "and",
    "by",
    "call",
    "current",
    "do",
    "for",
    "function",
    "functions",
    "get",
    "in",
    "is",
    "my",
    "of",
    "on",
    "or",
    "the",
    "to",
    "tool",
    "tools",
    "transfer",
    "with",
];

/// The tools to call where the model may choose.
///
/// The user's message decides, unless it excludes calls:
/// - A tool whose name it has in full is called.
/// - Of a small set of tools, those are called all words of whose names it has: at once, or one after another where
///   the message orders them. Otherwise the one that shares a word with it, or the first, unless the message only
///   demands a reply or is a greeting.
/// - Of other tools, the one that shares a word with it, or the only one if the system message has its full name.
///
/// After results of tools, one of a small set is called that was not called yet and that the message requests, a result
/// names, or a system message that orders what is to be done. The first one is called again as often as the task
/// requires ("3 times"), and once where its result asks to be tried again. After [`MOST_CALLS`] there is no further call,
/// so that an agent comes to its end.
///
/// # Errors
///
/// If looking for the tools' names in the text exceeds the budget.
pub(super) fn requested<'r>(
    context: &RuleContext<'r>,
    budget: &Budget,
) -> Result<Vec<&'r Tool<'r>>, Exhausted> {
    let (tools, text) = (&context.callable.tools, &*context.user);
    let small = is_small(context);
    let goes_on = small && context.called_for_task.len() < MOST_CALLS;
    let mut requested = match context.ending {
        Ending::Assistant => Vec::new(),
        Ending::Results if goes_on => next(context, budget)?,
        Ending::Results => Vec::new(),
        Ending::UserAfterResults => match mentioned(tools, text, budget)? {
            none if none.is_empty() && goes_on => again(context).into_iter().collect(),
            named => named,
        },
        Ending::User => match (mentioned(tools, text, budget)?, small) {
            (named, _) if !named.is_empty() => named,
            (_, true) => of_small(tools, text),
            (_, false) => match NameWords::found(tools, text).first() {
                None if tools.len() == 1 && !is_remark(text) => mentioned(tools, &context.system, budget)?,
                found => found.into_iter().collect(),
            },
        },
    };
    if requested.len() > 1 && small && is_ordered(text) {
        requested.truncate(1);
    }
    if !requested.is_empty() && excludes_calls(text) {
        requested.clear();
    }
    Ok(requested)
}

/// The tools of a small set that a text requests without their full names.
fn of_small<'r>(tools: &[&'r Tool<'r>], text: &str) -> Vec<&'r Tool<'r>> {
    let words = NameWords::found(tools, text);
    let whole = words.whole();
    if !whole.is_empty() || is_remark(text) {
        return whole;
    }
    words.first().or(tools.first().copied()).into_iter().collect()
}

/// The tools to call where at least one must be: those that the user requests, or the first.
///
/// Tools that were called since the last user message come last, so that an agent that returns its answer by a tool
/// reaches that tool.
///
/// # Errors
///
/// As [`requested`].
pub(super) fn likeliest<'r>(
    context: &RuleContext<'r>,
    budget: &Budget,
) -> Result<Vec<&'r Tool<'r>>, Exhausted> {
    let mut tools = context.callable.tools.clone();
    let called = NameSet::of(context.called.iter().copied());
    let is_new = |tool: &&Tool<'_>| !called.have(tool.name);
    if tools.iter().any(is_new) {
        tools.retain(is_new);
    }
    let mentioned = mentioned(&tools, &context.user, budget)?;
    Ok(if mentioned.is_empty() { tools.into_iter().take(1).collect() } else { mentioned })
}

/// The tool to call after results of tools.
fn next<'r>(context: &RuleContext<'r>, budget: &Budget) -> Result<Vec<&'r Tool<'r>>, Exhausted> {
    let (tools, text) = (&context.callable.tools, &*context.user);
    let called = NameSet::of(context.called.iter().copied());
    let mut requested = mentioned(tools, text, budget)?;
    requested.extend(NameWords::found(tools, text).whole());
    if is_ordered(&context.system) {
        requested.extend(mentioned(tools, &context.system, budget)?);
    }
    for (_, result) in &context.results {
        requested.extend(mentioned(tools, result, budget)?);
    }
    let is_new = |tool: &&Tool<'_>| !called.have(tool.name);
    let next = requested.into_iter().find(is_new).or_else(|| again(context));
    Ok(next.into_iter().collect())
}

/// The tool to call again: the one that the task was begun with, if the task requires more calls of it, or one that was
/// called only once and whose result asks for another try.
fn again<'r>(context: &RuleContext<'r>) -> Option<&'r Tool<'r>> {
    let calls = |name: &str| context.called_for_task.iter().filter(|called| **called == name).count();
    let first = context.called_for_task.first()?;
    let unfinished = (calls(first) < repetitions(&context.task)).then_some(*first);
    let failed = || {
        let mut results = context.results.iter().chain(&context.continued);
        let (name, _) = results.find(|(_, text)| asks_for_another_try(text))?;
        (calls(name) == 1).then_some(*name)
    };
    context.callable.find(unfinished.or_else(failed)?)
}

/// How often a text requires something to be done: "twice", "3 times", but not "3 times 7".
fn repetitions(text: &str) -> usize {
    let mut words = words(text).peekable();
    let mut before = None;
    while let Some(word) = words.next() {
        if is_one_of(word, &["twice"]) {
            return 2;
        }
        if let Some(times) = before
            && is_one_of(word, &["times"])
            && words.peek().is_none_or(|next| number(next).is_none())
        {
            return times;
        }
        before = number(word);
    }
    0
}

/// A number in digits, or the word of a small one.
fn number(word: &str) -> Option<usize> {
    const WORDS: [&str; 9] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let in_words =
        || WORDS.iter().position(|number| word.eq_ignore_ascii_case(number)).map(|place| place + 2);
    word.parse().ok().or_else(in_words)
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

/// Whether few and short tools are offered, and no instructions of any length: less than an agent sends.
fn is_small(context: &RuleContext<'_>) -> bool {
    let size = |tool: &Tool<'_>| {
        tool.name.len()
            + tool.description.map_or(0, |text| text.len())
            + tool.parameters.map_or(0, |schema| schema.0.len())
    };
    context.system.len() <= SMALL_SYSTEM
        && context.tools.len() <= SMALL_TOOLS
        && context.tools.iter().map(size).sum::<usize>() <= SMALL_TOOLS
}

/// The words of a text. An apostrophe is a part of its word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '\'' || c == '\u{2019}';
    text.split(move |c| !is_part(c)).filter(|word| !word.is_empty())
}

/// Whether a word is one of these, whatever its case.
fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// Whether a text excludes calls of tools, as "do not call any tools" and "without calling it" do. "Do not call any
/// other tools" does not.
fn excludes_calls(text: &str) -> bool {
    let mut since_negation = usize::MAX;
    let mut words = words(text).peekable();
    while let Some(word) = words.next() {
        let negates = is_one_of(word, &["don't", "don\u{2019}t", "dont", "not", "never", "without"]);
        since_negation = if negates { 0 } else { since_negation.saturating_add(1) };
        let calls = is_one_of(word, &["call", "calling", "invoke", "invoking"]);
        if !(1..=2).contains(&since_negation) || !(calls || is_one_of(word, &["use", "using"])) {
            continue;
        }
        if calls && words.peek().is_some_and(|word| is_one_of(word, &["it", "them"])) {
            return true;
        }
        let mut object = std::iter::from_fn(|| words.next_if(|word| !is_one_of(word, &["other"]))).take(3);
        if object.any(|word| is_one_of(word, &["tool", "tools", "function", "functions"])) {
            return true;
        }
    }
    false
}

/// Whether a text only demands a reply, or is a greeting or thanks.
fn is_remark(text: &str) -> bool {
    let mut words = words(text).skip_while(|word| is_one_of(word, &["please", "just", "now"]));
    let Some(first) = words.next() else { return true };
    is_one_of(first, &["say", "reply", "respond", "repeat", "echo", "acknowledge"])
        || (is_one_of(first, &["hello", "hi", "hey", "thanks", "thank", "good"]) && words.nth(2).is_none())
}

/// Whether a text orders what is to be done: "first …, then …".
fn is_ordered(text: &str) -> bool {
    words(text).any(|word| is_one_of(word, &["first", "then", "afterwards", "finally", "step", "steps"]))
}

/// Whether a result asks for another try, or did not find what the call looked for.
fn asks_for_another_try(result: &str) -> bool {
    let result = result.to_ascii_lowercase();
    ["try again", "retry", "please fix", "not found"].iter().any(|request| result.contains(request))
}

/// The words of tools' names that a text has.
struct NameWords<'t, 'r> {
    tools: &'t [&'r Tool<'r>],
    /// For each tool, which words its name has, by their places in `found`; empty if none means anything.
    of_tools: Vec<Vec<usize>>,
    /// Where in the text each word is found first, counted in words.
    found: Vec<Option<usize>>,
    /// The tool with the word that the text has first, of words that are long enough to mean something by themselves.
    first: Option<usize>,
}

impl<'t, 'r> NameWords<'t, 'r> {
    /// Looks for the words of all names in one pass over the text, however many tools there are.
    fn found(tools: &'t [&'r Tool<'r>], text: &str) -> Self {
        let mut stems: HashMap<String, (usize, usize)> = HashMap::new();
        let mut of_tools = Vec::with_capacity(tools.len());
        for (tool, offered) in tools.iter().enumerate() {
            let mut own = Vec::new();
            for word in name_words(offered.name).filter(|word| is_meaningful(word)) {
                let new = stems.len();
                let stem = word.chars().take(STEM).collect();
                own.push(stems.entry(stem).or_insert((new, tool)).0);
            }
            of_tools.push(own);
        }
        let (mut found, mut first) = (vec![None; stems.len()], None);
        let searched = if stems.is_empty() { "" } else { text };
        let mut stemmed = String::new();
        for (place, word) in words(searched).enumerate() {
            stemmed.clear();
            let letters = word.chars().filter(|c| c.is_alphanumeric());
            stemmed.extend(letters.take(STEM).flat_map(char::to_lowercase));
            // A name's word of four letters is the beginning of longer ones.
            let shorter = stemmed.char_indices().nth(STEM - 1).map(|(end, _)| &stemmed[..end]);
            for stem in [Some(&*stemmed), shorter].into_iter().flatten() {
                let Some((at, tool)) = stems.get(stem) else { continue };
                if let Some(found) = found.get_mut(*at) {
                    found.get_or_insert(place);
                }
                if first.is_none() && stem.chars().count() >= STEM - 1 {
                    first = Some(*tool);
                }
            }
        }
        Self { tools, of_tools, found, first }
    }

    /// The tool with the first word that the text has.
    fn first(&self) -> Option<&'r Tool<'r>> {
        self.first.and_then(|place| self.tools.get(place)).copied()
    }

    /// The tools all words of whose names the text has, in the order in which it has their first words.
    fn whole(&self) -> Vec<&'r Tool<'r>> {
        let place = |words: &Vec<usize>| {
            let places: Option<Vec<usize>> =
                words.iter().map(|word| self.found.get(*word).copied()?).collect();
            places?.into_iter().min()
        };
        let whole = self.of_tools.iter().zip(self.tools);
        let mut whole: Vec<_> = whole.filter_map(|(words, tool)| Some((place(words)?, *tool))).collect();
        whole.sort_by_key(|(place, _)| *place);
        whole.into_iter().map(|(_, tool)| tool).collect()
    }
}

fn is_meaningful(word: &str) -> bool {
    !word.is_empty() && EMPTY_WORDS.binary_search(&word).is_err()
}

/// The words of a name in `snake_case`, `kebab-case` or `camelCase`, in lower case.
fn name_words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut after_capital = false;
    for c in name.chars() {
        if (c.is_uppercase() && !after_capital) || !c.is_alphanumeric() {
            words.push(String::new());
        }
        after_capital = c.is_uppercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.into_iter()
}

#[cfg(test)]
#[path = "relevance_tests.rs"]
mod tests;
