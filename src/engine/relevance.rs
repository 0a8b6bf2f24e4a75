//! Which of the offered tools a conversation leads to, where the model may choose.
//!
//! A live model that is offered a few small tools calls one for nearly every message that is not about something else;
//! one with many tools, as a coding agent offers, is given tasks that only name some. The figures below are of the
//! recorded requests to Chat Completions, Responses and Messages that leave the choice to the model: 553 that end with
//! the user's message, of which 457 were answered by a call, and 689 that end with results of tools, of which 73 were.

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

/// Words of a tool's name that do not say what it is for, in alphabetical order.
const EMPTY_WORDS: [&str; 22] = [
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
    "with",
];

/// The tools to call where the model may choose.
///
/// The user's message decides, unless it excludes calls:
/// - A tool whose name it has in full is called.
/// - Of a small set of tools, those are called all words of whose names it has: at once, or one after another where
///   the message orders them. Otherwise the one that shares a word with it, or the first, unless the message only
///   demands a reply or is a greeting.
/// - Of other tools, the one that shares a word with it.
///
/// After results of tools, one of a small set is called that the message requests and that was not called yet, or
/// that one again which asks to be tried again. Nothing else is, so that an agent comes to its end.
///
/// Of the 553 requests 473 lead to calls by these rules, of which the live API answered 445 by calls as well (94 %, and
/// 97 % of its 457); of the 689, 47, of which it answered 45 by calls.
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
    let mut requested = match context.ending {
        Ending::Assistant => Vec::new(),
        Ending::Results if small => next(context, budget)?,
        Ending::Results => Vec::new(),
        Ending::UserAfterResults => mentioned(tools, text, budget)?,
        Ending::User => match (mentioned(tools, text, budget)?, small) {
            (named, _) if !named.is_empty() => named,
            (_, true) => of_small(tools, text),
            (_, false) => NameWords::found(tools, text).first().into_iter().collect(),
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
    let is_new = |tool: &&Tool<'_>| !called.have(tool.name);
    let again = || {
        let (name, _) = context.results.iter().find(|(_, text)| asks_for_another_try(text))?;
        let is_first = context.called.iter().filter(|called| *called == name).count() == 1;
        context.callable.find(name).filter(|_| is_first)
    };
    Ok(requested.into_iter().find(is_new).or_else(again).into_iter().collect())
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

fn asks_for_another_try(result: &str) -> bool {
    let result = result.to_ascii_lowercase();
    result.contains("try again") || result.contains("retry")
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
mod tests {
    use super::*;
    use crate::turn::{Content, Input, Message, Part, Request, Role, ToolKind, ToolResult};

    fn message(role: Role, part: Part<'_>) -> Message<'_> {
        Message { role, name: None, content: Content::Parts(vec![part]) }
    }

    fn user(text: &str) -> Message<'_> {
        message(Role::User, Part::Text(text.into()))
    }

    /// A call of a tool, and its result.
    fn called<'m>(name: &'m str, result: &'m str) -> [Message<'m>; 2] {
        let kind = ToolKind::Function;
        let call = Part::ToolCall { id: name.into(), name: name.into(), input: "{}".into(), kind };
        let content = vec![Part::Text(result.into())];
        let result = ToolResult { id: name.into(), name: None, content, is_error: false };
        [message(Role::Assistant, call), message(Role::Tool, Part::ToolResult(result))]
    }

    /// The tools that a conversation leads to, of these.
    fn requested_of(tools: &[&str], messages: Vec<Message<'_>>) -> Vec<String> {
        let tools = tools.iter().map(|name| Tool { name, ..Tool::default() }).collect();
        let turn = Request { tools, input: Input::Messages(messages), ..Request::default() };
        let context = RuleContext::new(&turn, 0);
        let requested = requested(&context, &Budget::default()).expect("within the budget");
        requested.into_iter().map(|tool| tool.name.to_owned()).collect()
    }

    #[test]
    fn a_message_leads_to_calls_of_a_few_small_tools() {
        for (tools, text, want) in [
            // Any question or task.
            (&["get_weather"][..], "Is it warm in Paris?", &["get_weather"][..]),
            (&["lookup", "search"], "Who wrote Faust?", &["lookup"]),
            (&["0"], "What is the weather in Tokyo?", &["0"]),
            // The tool that shares a word with it.
            (&["get_news", "get_weather"], "How is the weather?", &["get_weather"]),
            (&["add", "subtractNumbers"], "subtracting 2 from 5", &["subtractNumbers"]),
            // Those whose names it has, or all words of them.
            (&["add", "multiply"], "Add and multiply 2 and 3", &["add", "multiply"]),
            (
                &["get_time", "get_weather"],
                "The weather in Rome and the time there",
                &["get_weather", "get_time"],
            ),
            (
                &["create_file", "delete_file"],
                "Delete the file `.env` and create x",
                &["delete_file", "create_file"],
            ),
            (
                &["get_current_weather", "get_user_id"],
                "the weather for user's id 7",
                &["get_current_weather", "get_user_id"],
            ),
            (&["get_user_id", "get_user_name"], "the name of a user", &["get_user_name"]),
            // One after another.
            (&["get_time", "get_weather"], "First the weather, then the time", &["get_weather"]),
            (&["add", "subtract"], "Use add, and then subtract", &["add"]),
            // What excludes calls.
            (&["get_weather"], "Do not call any tools. How is the weather?", &[]),
            (&["helper"], "Just say 'hello' (don't use tools)", &[]),
            (&["rates"], "Describe the rates tool without calling it.", &[]),
            (&["a_b", "c"], "Call a_b. Don\u{2019}t call any other tools.", &["a_b"]),
            (&["rates"], "Do not use commas. What are the rates?", &["rates"]),
            // What needs none.
            (&["roll"], "reply with the word 'boop'", &[]),
            (&["roll"], "Please just say hi", &[]),
            (&["say_hi"], "say hi", &["say_hi"]),
            (&["roll"], "Hello, world!", &[]),
            (&["roll"], "Hi, who was Goethe, the poet?", &["roll"]),
            (&["roll"], "Thank you.", &[]),
            (&["roll"], "", &[]),
            (&[], "What is the weather?", &[]),
        ] {
            assert_eq!(requested_of(tools, vec![user(text)]), want, "{text}");
        }
    }

    #[test]
    fn tools_of_an_agent_are_called_by_name_only() {
        let instructions = "You are a coding agent. ".repeat(50);
        let many: Vec<String> = (0..200).map(|i| format!("unrelated_tool_{i}")).collect();
        let mut many: Vec<&str> = many.iter().map(|name| &**name).collect();
        many.extend(["read_file", "write_file"]);
        for (text, want) in [
            ("Fix the bug.", &[][..]),
            ("Use read_file, then write_file.", &["read_file", "write_file"]),
            ("Write the word", &["write_file"]),
        ] {
            assert_eq!(requested_of(&many, vec![user(text)]), want, "{text}");
            let instructed = vec![message(Role::System, Part::Text((&*instructions).into())), user(text)];
            assert_eq!(requested_of(&["read_file", "write_file"], instructed), want, "{text}");
        }
        let [call, result] = called("read_file", "text");
        assert!(requested_of(&many, vec![user("Use read_file, then write_file."), call, result]).is_empty());
    }

    #[test]
    fn after_results_only_what_the_user_requested_is_called() {
        let tools = ["get_user_id", "get_permissions"];
        let text = "First get the user's id, then the permissions.";
        let mut conversation = vec![user(text)];
        for want in tools {
            assert_eq!(requested_of(&tools, conversation.clone()), [want]);
            conversation.extend(called(want, "7"));
        }
        assert!(requested_of(&tools, conversation.clone()).is_empty());
        // A new message begins anew, unless it belongs to the results.
        let ended = [message(Role::Assistant, Part::Text("Done.".into())), user("the user's id again")];
        assert_eq!(requested_of(&tools, [conversation.clone(), ended.to_vec()].concat()), ["get_user_id"]);
        for (text, want) in [("Analyze the user.", &[][..]), ("Use get_permissions", &["get_permissions"])] {
            assert_eq!(requested_of(&tools, [conversation.clone(), vec![user(text)]].concat()), want);
        }
        // The answer has begun.
        let begun = vec![user("Is it warm?"), message(Role::Assistant, Part::Text("It".into()))];
        assert!(requested_of(&["get_weather"], begun).is_empty());
    }

    #[test]
    fn a_tool_that_asks_for_another_try_gets_one() {
        let failed = called("weather", "No such city. Fix the errors and try again.");
        let first = [vec![user("Is it warm?")], failed.to_vec()].concat();
        assert_eq!(requested_of(&["weather"], first.clone()), ["weather"]);
        assert!(requested_of(&["weather"], [first, failed.to_vec()].concat()).is_empty());
        let done = [vec![user("Is it warm?")], called("weather", "18 degrees").to_vec()].concat();
        assert!(requested_of(&["weather"], done).is_empty());
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
