//! Regular expressions: the rules of the engine match by them, and texts are generated from them where a schema has a
//! `pattern`.
//!
//! What ECMAScript and Rust's `regex` have in common: sets, groups, alternatives, counted and uncounted repetition,
//! anchors, `\b`, `\d \w \s` (ASCII), general categories (`\p{L}`, `\P{Lu}`), and `(?i)` at the beginning. No look-around,
//! no back-references, no other properties.
//! Matching takes time linear in the text, whatever the expression, and draws on the budget of the request.

mod category;
mod make;
mod matches;
mod names;
mod parse;

use crate::budget::{Budget, Exhausted};
use matches::Program;
use std::fmt;
use std::sync::Arc;

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    root: Node,
    program: Program,
}

/// A regular expression that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(&'static str);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PatternError {}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// One character of a set, which is shared by all its repetitions.
    Set(Arc<Set>),
    /// One after the other.
    Sequence(Vec<Node>),
    /// One of them.
    Either(Vec<Node>),
    /// So many times; without an end if there is no `most`.
    Repeat { node: Box<Node>, least: u32, most: Option<u32> },
    /// A place between two characters.
    Place(Place),
}

impl Node {
    /// The bytes of memory it takes.
    fn bytes(&self) -> usize {
        let inner = match self {
            Self::Set(set) => size_of_val(&*set.0),
            Self::Sequence(nodes) | Self::Either(nodes) => nodes.iter().map(Self::bytes).sum(),
            Self::Repeat { node, .. } => node.bytes(),
            Self::Place(_) => 0,
        };
        size_of::<Self>() + inner
    }
}

/// A place between two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    End,
    WordEdge,
    NoWordEdge,
}

/// Characters, as sorted ranges that do not touch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set(Vec<(char, char)>);

impl Set {
    fn new(mut ranges: Vec<(char, char)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(char, char)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= after(last.1).unwrap_or(char::MAX) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    fn contains(&self, c: char) -> bool {
        let place = self.0.partition_point(|(_, to)| *to < c);
        self.0.get(place).is_some_and(|(from, _)| *from <= c)
    }

    /// Every other character.
    fn negated(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some('\0');
        for &(from, to) in &self.0 {
            if let (Some(first), Some(last)) = (next, before(from))
                && first <= last
            {
                ranges.push((first, last));
            }
            next = after(to);
        }
        ranges.extend(next.map(|first| (first, char::MAX)));
        Self(ranges)
    }

    /// The set with the other case of each of its ASCII letters.
    fn without_case(mut self) -> Self {
        for from in ['a', 'A'] {
            let other = if from == 'a' { 'A' } else { 'a' };
            for i in 0..26 {
                if self.contains((from as u8 + i).into()) {
                    let c = char::from(other as u8 + i);
                    self.0.push((c, c));
                    self = Self::new(self.0);
                }
            }
        }
        self
    }
}

/// The character after another; the surrogates are none.
fn after(c: char) -> Option<char> {
    char::from_u32(u32::from(c) + 1).or_else(|| (c == '\u{d7ff}').then_some('\u{e000}'))
}

fn before(c: char) -> Option<char> {
    if c == '\u{e000}' { Some('\u{d7ff}') } else { char::from_u32(u32::from(c).checked_sub(1)?) }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The steps of a set of a category: the whole table is read, and a set may have 700 ranges.
const CATEGORY_STEPS: u64 = 16 * 1024;

impl Pattern {
    /// Reads an expression that came with a request.
    ///
    /// # Errors
    ///
    /// If it is no expression, or a larger one than the budget covers.
    pub fn of_request(source: &str, budget: &Budget) -> Result<Self, PatternError> {
        let exhausted = |_| PatternError("there are too many");
        let categories = source.matches(r"\p").count() + source.matches(r"\P").count();
        budget.spend(1 + 4 * source.len() as u64 + CATEGORY_STEPS * categories as u64).map_err(exhausted)?;
        let pattern = Self::new(source)?;
        budget.spend(pattern.program.len() as u64).map_err(exhausted)?;
        Ok(pattern)
    }

    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// If it is no expression, or too large a one.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let root = parse::parse(source)?;
        let program = Program::new(&root)?;
        Ok(Self { source: source.to_owned(), root, program })
    }

    /// The bytes of memory it takes, about: a part of the expression and a step of the program for each step.
    pub fn bytes(&self) -> usize {
        self.source.len() + self.program.bytes() + self.root.bytes()
    }

    /// Whether it matches somewhere in a text.
    ///
    /// # Errors
    ///
    /// If the budget ends before that is known.
    pub fn is_match(&self, text: &str, budget: &Budget) -> Result<bool, Exhausted> {
        self.program.is_match(text, budget)
    }

    /// A text it matches, of a length in characters within bounds; `None` if none was found within the budget. `dice`
    /// returns a number below its argument.
    pub fn make(
        &self,
        least: usize,
        most: usize,
        budget: &Budget,
        dice: &mut dyn FnMut(u64) -> u64,
    ) -> Option<String> {
        make::make(self, least, most, budget, dice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_ranges_that_do_not_touch() {
        let set = Set::new(vec![('c', 'f'), ('a', 'b'), ('x', 'x')]);
        assert_eq!(set.0, [('a', 'f'), ('x', 'x')]);
        assert_eq!(set.negated().negated(), set);
        assert!(set.contains('f') && !set.contains('g') && set.negated().contains('\u{10ffff}'));
        assert_eq!(Set::new(vec![('\0', char::MAX)]).negated().0, []);
        assert_eq!(Set::new(vec![('\u{d7ff}', '\u{d7ff}'), ('\u{e000}', '\u{e000}')]).0.len(), 1);
    }

    #[test]
    fn expressions_match_where_they_should() {
        for (pattern, yes, no) in [
            ("abc", &["abc", "xabcx"][..], &["ab", "ABC", ""][..]),
            ("^abc$", &["abc"], &["abcd", "zabc", "abc\n"]),
            ("a|b|", &["", "zzz"], &[]),
            ("^(a|bc)+$", &["a", "bca", "abcbc"], &["", "b", "abb"]),
            ("^a{2,3}b{2}c{1,}$", &["aabbc", "aaabbccc"], &["abbc", "aabbbc", "aabb"]),
            ("a{x}", &["a{x}"], &["ax"]),
            ("^[a-f0-9_-]+$", &["dead-beef_01"], &["xyz", ""]),
            ("^[^a-z]$", &["A", "é"], &["a", "AA"]),
            (r"^\d{3}-\d{4}$", &["555-1234"], &["555-12345", "55a-1234"]),
            (r"\bcat\b", &["a cat.", "cat"], &["concat", "cats"]),
            (r"\Bcat", &["concat"], &["cat"]),
            (r"^\w+@\w+\.com$", &["me@example.com"], &["me@example_com"]),
            ("(?i)héllo W", &["héllo w", "HéLLO W"], &["HÉLLO W"]),
            ("^(?:(?:a*)*)*b$", &["b", "aaab"], &["a"]),
            (r"^[\]\\\-]+$", &[r"]\-"], &["a"]),
            (r"^\u0041\x42\u{43}$", &["ABC"], &["abc"]),
            ("^.$", &["x", "é"], &["\n", "xx"]),
            ("(?<year>[0-9]+)", &["in 2024"], &["never"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("^a+?$", &["aaa"], &["b"]),
            (r"^\p{Lu}\p{L}*\P{L}$", &["Émile1", "Ж!"], &["émile1", "É"]),
            (r"^[\p{L}\p{Nd}_-]+$", &["größe_٣-x"], &["a b", ""]),
            (r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,9}$", &["a b"], &["a\n", "\u{200d}", "\u{2028}"]),
            (r"^\pL\PL$", &["a1"], &["1a"]),
        ] {
            let pattern = Pattern::new(pattern).expect(pattern);
            for (text, want) in yes.iter().map(|yes| (yes, true)).chain(no.iter().map(|no| (no, false))) {
                let matches = pattern.is_match(text, &Budget::default());
                assert_eq!(matches, Ok(want), "{:?} {text:?}", pattern.source);
            }
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for pattern in [
            "(",
            ")",
            "a)",
            "[a",
            "*",
            "a**",
            "+",
            r"\",
            "(?=a)",
            "(?<!a)",
            r"(a)\1",
            r"\p{Greek}",
            r"\p",
            r"\p{L",
            "a{3,2}",
            "[z-a]",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new(&"(".repeat(10_000)).is_err());
        assert!(Pattern::new("((a{1000}){1000}){1000}").is_err(), "a program without a bound");
    }

    #[test]
    fn matching_is_linear_even_where_it_hurts_others() {
        let pattern = Pattern::new("^(a|a)*(a|a)*(a|a)*$").expect("valid");
        let text = format!("{}b", "a".repeat(50_000));
        assert_eq!(pattern.is_match(&text, &Budget::default()), Ok(false));
        assert_eq!(pattern.is_match(&text, &Budget::new(10_000, 0)), Err(Exhausted));
        // What is anchored and cannot match any more is not searched to the end of the text.
        let anchored = Pattern::new("^ab").expect("valid");
        assert_eq!(anchored.is_match(&text, &Budget::new(100, 0)), Ok(false));
    }

    #[test]
    fn texts_are_made_that_match() {
        let mut seed = 1_u64;
        let mut dice = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound.max(1)
        };
        for (pattern, least, most) in [
            ("^[A-Z]{2}-[0-9]{4}$", 0, 100),
            (r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$", 0, 100),
            ("^@[a-zA-Z0-9_]+$", 8, 8),
            ("^[a-z]+$", 3, 5),
            ("^a*$", 0, 0),
            ("(cat|dog)s?", 0, 100),
            (r"\bword\b", 0, 100),
            (r"^[^\s]+ [^a-z]$", 0, 20),
            ("^(a|b){2,}$", 10, 12),
            ("", 1, 4),
            ("^.{3,5}$", 4, 4),
            ("^\u{4e00}$", 0, 9),
            (r"^[\p{Lu}][\p{L}\p{N}]{2,5}$", 4, 6),
            (r"^\p{Zl}$", 0, 9),
        ] {
            let compiled = Pattern::new(pattern).expect(pattern);
            for _ in 0..50 {
                let budget = &Budget::default();
                let text =
                    compiled.make(least, most, budget, &mut dice).unwrap_or_else(|| panic!("{pattern}"));
                assert_eq!(compiled.is_match(&text, budget), Ok(true), "{pattern} {text:?}");
                assert!((least..=most).contains(&text.chars().count()), "{pattern} {text:?}");
            }
        }
        let mut none = |pattern: &str, least| {
            let budget = Budget::default();
            let pattern = Pattern::of_request(pattern, &budget).expect("valid");
            assert_eq!(pattern.make(least, 9999, &budget, &mut dice), None);
            budget.steps_spent()
        };
        assert!(none("^abc$", 5) < Budget::STEPS);
        assert!(none("a^b", 0) < Budget::STEPS);
        // Each try writes a text of this length, although it ends at its first character.
        assert!(none("^$^$", 8_000) > 64 * 1_000);
        // So many ways at each character, none of which is the right one: it is given up.
        assert_eq!(none(r"^(\w?){6000}$(?:a)", 0), Budget::STEPS);
        assert!(Pattern::of_request("a", &Budget::new(0, 0)).is_err());
        // A set of a few bytes takes kilobytes.
        assert!(Pattern::of_request(&r"\p{L}".repeat(4000), &Budget::default()).is_err());
    }
}
