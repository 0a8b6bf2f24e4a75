//! Text to [`Node`].

use super::{Node, PatternError, Place, Set, category};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

/// How deep groups may lie in one another.
const DEEPEST: usize = 100;

pub(super) fn parse(source: &str) -> Result<Node, PatternError> {
    let (source, case_matters) = match source.strip_prefix("(?i)") {
        Some(rest) => (rest, false),
        None => (source, true),
    };
    let mut parser = Parser { rest: source.chars().peekable(), case_matters, depth: 0 };
    let node = parser.either()?;
    match parser.rest.next() {
        None => Ok(node),
        Some(_) => Err(PatternError("a `)` that closes nothing")),
    }
}

/// The most characters between the braces of a counted repetition.
const LONGEST_BOUNDS: usize = 24;

struct Parser<'s> {
    rest: Peekable<Chars<'s>>,
    case_matters: bool,
    depth: usize,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<Node, PatternError> {
        let mut branches = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Either(branches) })
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let node = self.atom(c)?;
            nodes.push(self.repeated(node)?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Sequence(nodes) })
    }

    fn atom(&mut self, c: char) -> Result<Node, PatternError> {
        match c {
            '^' => Ok(Node::Place(Place::Start)),
            '$' => Ok(Node::Place(Place::End)),
            '.' => Ok(Node::Set(Arc::new(Set::new(vec![('\n', '\n'), ('\r', '\r')]).negated()))),
            '(' => self.group(),
            '[' => self.set(),
            '*' | '+' | '?' => Err(PatternError("a repetition of nothing")),
            '\\' => match self.rest.peek() {
                Some('b') => self.place(Place::WordEdge),
                Some('B') => self.place(Place::NoWordEdge),
                _ => self.escape().map(|set| self.cased(set)),
            },
            c => Ok(self.cased(Set(vec![(c, c)]))),
        }
    }

    fn place(&mut self, place: Place) -> Result<Node, PatternError> {
        self.rest.next();
        Ok(Node::Place(place))
    }

    fn cased(&self, set: Set) -> Node {
        Node::Set(Arc::new(if self.case_matters { set } else { set.without_case() }))
    }

    /// What follows a `(`.
    fn group(&mut self) -> Result<Node, PatternError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(PatternError("groups lie too deep in one another"));
        }
        if self.rest.next_if_eq(&'?').is_some() {
            let named = match self.rest.next() {
                Some(':') => false,
                Some('P') => self.rest.next_if_eq(&'<').is_some(),
                Some('<') => !matches!(self.rest.peek(), Some('=' | '!')),
                _ => return Err(PatternError("a group of a kind that is not known, such as a look-ahead")),
            };
            if named {
                self.rest.by_ref().find(|c| *c == '>');
            } else if matches!(self.rest.peek(), Some('=' | '!')) {
                return Err(PatternError("a look-behind"));
            }
        }
        let node = self.either()?;
        self.depth -= 1;
        match self.rest.next() {
            Some(')') => Ok(Node::Sequence(vec![node])),
            _ => Err(PatternError("a group that is not closed")),
        }
    }

    /// The repetition behind a node, if there is one.
    fn repeated(&mut self, node: Node) -> Result<Node, PatternError> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.bounds() {
                Some(bounds) => bounds,
                None => return Ok(node),
            },
            _ => return Ok(node),
        };
        if !matches!(self.rest.next(), Some('*' | '+' | '?' | '}')) {
            return Err(PatternError("a repetition that does not end"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(PatternError("a repetition whose most is below its least"));
        }
        // Lazy repetition matches the same texts.
        self.rest.next_if_eq(&'?');
        if matches!(self.rest.peek(), Some('*' | '+' | '?')) {
            return Err(PatternError("a repetition of a repetition"));
        }
        Ok(Node::Repeat { node: Box::new(node), least, most })
    }

    /// `{2}`, `{2,}` or `{2,3}` up to its brace; any other `{` is a character like others.
    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let mut closed = false;
        let ahead = self.rest.clone().skip(1).take_while(|c| {
            closed = *c == '}';
            !closed
        });
        let inside: String = ahead.take(LONGEST_BOUNDS).collect();
        if !closed {
            return None;
        }
        let number =
            |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let bounds = match inside.split_once(',') {
            None => number(&inside).map(|count| (count, Some(count))),
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some((least, most)) => number(least).zip(number(most)).map(|(least, most)| (least, Some(most))),
        }?;
        for _ in 0..=inside.chars().count() {
            self.rest.next();
        }
        Some(bounds)
    }

    /// What follows a `[`.
    fn set(&mut self) -> Result<Node, PatternError> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or(PatternError("a set that is not closed"))?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let from = self.member(c)?;
            let [(start, end)] = from.0[..] else {
                ranges.extend(from.0);
                continue;
            };
            let mut ahead = self.rest.clone();
            let is_range =
                start == end && ahead.next() == Some('-') && !matches!(ahead.next(), None | Some(']'));
            if !is_range {
                ranges.push((start, end));
                continue;
            }
            self.rest.next();
            let c = self.rest.next().ok_or(PatternError("a set that is not closed"))?;
            match self.member(c)?.0[..] {
                [(to, same)] if to == same && start <= to => ranges.push((start, to)),
                [(to, same)] if to == same => return Err(PatternError("a range that runs backwards")),
                _ => return Err(PatternError("a range between sets")),
            }
        }
        let set = Set::new(ranges);
        let set = if self.case_matters { set } else { set.without_case() };
        Ok(Node::Set(Arc::new(if negated { set.negated() } else { set })))
    }

    fn member(&mut self, c: char) -> Result<Set, PatternError> {
        match c {
            '\\' if self.rest.next_if_eq(&'b').is_some() => Ok(Set(vec![('\u{8}', '\u{8}')])),
            '\\' => self.escape(),
            c => Ok(Set(vec![(c, c)])),
        }
    }

    /// What follows a `\`.
    fn escape(&mut self) -> Result<Set, PatternError> {
        let digits = || Set(vec![('0', '9')]);
        let words = || Set(vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
        let spaces = || Set(vec![('\t', '\r'), (' ', ' ')]);
        let one = |c: char| Ok(Set(vec![(c, c)]));
        match self.rest.next().ok_or(PatternError("a `\\` at the end"))? {
            'd' => Ok(digits()),
            'D' => Ok(digits().negated()),
            'w' => Ok(words()),
            'W' => Ok(words().negated()),
            's' => Ok(spaces()),
            'S' => Ok(spaces().negated()),
            't' => one('\t'),
            'n' => one('\n'),
            'r' => one('\r'),
            'f' => one('\u{c}'),
            'v' => one('\u{b}'),
            '0' => one('\0'),
            'x' => self.hex(2).and_then(one),
            'u' if self.rest.next_if_eq(&'{').is_some() => {
                let digits: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                code.ok_or(PatternError("a character that does not exist")).and_then(one)
            }
            'u' => self.hex(4).and_then(one),
            'p' => self.category(),
            'P' => self.category().map(|set| set.negated()),
            c if c.is_ascii_alphanumeric() => Err(PatternError("an escape that is not known")),
            c => one(c),
        }
    }

    /// What follows a `\p`: a letter, or a name in braces.
    fn category(&mut self) -> Result<Set, PatternError> {
        let name: String = match self.rest.next() {
            Some('{') => {
                let name = self.rest.clone().take_while(|c| *c != '}').collect::<String>();
                if self.rest.nth(name.chars().count()).is_none() {
                    return Err(PatternError("a `{` that is not closed"));
                }
                name
            }
            letter => letter.into_iter().collect(),
        };
        category::set(&name).ok_or(PatternError("a property that is no general category"))
    }

    fn hex(&mut self, digits: usize) -> Result<char, PatternError> {
        let text: String = (0..digits).filter_map(|_| self.rest.next_if(char::is_ascii_hexdigit)).collect();
        let code =
            u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits).and_then(char::from_u32);
        code.ok_or(PatternError("a character that does not exist"))
    }
}
