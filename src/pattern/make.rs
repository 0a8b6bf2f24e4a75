//! Making texts an expression matches.

use super::{Node, Pattern, Set};
use crate::budget::Budget;

/// How often it is tried to hit the bounds of the length.
const TRIES: u32 = 64;

/// A text grows no longer than so many bytes.
const LONGEST: usize = 16 * 1024;

pub(super) fn make(
    pattern: &Pattern,
    least: usize,
    most: usize,
    budget: &Budget,
    dice: &mut dyn FnMut(u64) -> u64,
) -> Option<String> {
    for attempt in 0..TRIES {
        // The first tries are terse; then repetition goes further, as far as the length requires.
        let more = match attempt {
            0..16 => 2,
            16..32 => least as u64,
            _ => most.saturating_sub(least).min(least.max(8)) as u64 + u64::from(attempt),
        };
        let mut maker = Maker { out: String::new(), dice, more, attempt, visits: 0 };
        maker.push(&pattern.root);
        let mut text = maker.out;
        let length = text.chars().count();
        let lacking = least.saturating_sub(length);
        if budget.spend((maker.visits + text.len() / 16 + lacking / 4) as u64).is_err() {
            return None;
        }
        // An expression that matches somewhere in a text leaves the rest of the text free.
        text.extend("aeno".chars().cycle().take(lacking));
        if length <= most && pattern.program.is_match(&text, budget).ok()? {
            return Some(text);
        }
    }
    None
}

struct Maker<'d> {
    out: String,
    dice: &'d mut dyn FnMut(u64) -> u64,
    /// How many times more than it must a part is repeated at the most.
    more: u64,
    attempt: u32,
    /// How many parts were generated: empty ones take time too.
    visits: usize,
}

impl Maker<'_> {
    fn is_full(&self) -> bool {
        self.visits.max(self.out.len()) > LONGEST
    }

    fn push(&mut self, node: &Node) {
        self.visits += 1;
        if self.is_full() {
            return;
        }
        match node {
            Node::Set(set) => {
                let c = self.pick(set);
                self.out.extend(c);
            }
            Node::Place(_) => {}
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.push(node)),
            Node::Either(branches) => {
                let branch = (self.dice)(branches.len() as u64) as usize;
                if let Some(node) = branches.get(branch) {
                    self.push(node);
                }
            }
            Node::Repeat { node, least, most } => {
                let room = most.map_or(u64::MAX, |most| u64::from(most - least)).min(self.more);
                // What may be repeated is generated at least once, unless that fails: an empty text shows nothing.
                let start = u64::from(*least == 0 && room > 0 && self.attempt < 8 && most != &Some(1));
                let times = u64::from(*least) + start + (self.dice)(room - start + 1);
                for _ in 0..times {
                    if self.is_full() {
                        break;
                    }
                    self.push(node);
                }
            }
        }
    }

    /// A character of a set, a plain one if it has any.
    fn pick(&mut self, set: &Set) -> Option<char> {
        for (from, to) in [('a', 'z'), ('0', '9'), ('A', 'Z'), ('!', '~')] {
            let first = set.0.partition_point(|(_, end)| *end < from);
            let within: Vec<(char, char)> = set.0[first..]
                .iter()
                .take_while(|(start, _)| *start <= to)
                .map(|(start, end)| ((*start).max(from), (*end).min(to)))
                .collect();
            let count = within.iter().map(|(start, end)| u64::from(*end) - u64::from(*start) + 1).sum();
            if count == 0 {
                continue;
            }
            let mut place = (self.dice)(count);
            for (start, end) in within {
                let size = u64::from(end) - u64::from(start) + 1;
                if place < size {
                    return char::from_u32(u32::from(start) + place as u32);
                }
                place -= size;
            }
        }
        set.0.first().map(|(from, _)| *from)
    }
}
