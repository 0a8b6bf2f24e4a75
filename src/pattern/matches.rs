//! Matching: every way through the expression is followed at once, character by character (Thompson 1968).

use super::{Node, PatternError, Place, Set, is_word};
use crate::budget::{Budget, Exhausted};
use std::sync::Arc;

/// The most steps of a program; repetitions are unrolled.
const LONGEST: usize = 20_000;

/// An expression as steps.
#[derive(Debug, Clone)]
pub(super) struct Program(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    /// Takes one character.
    Take(Arc<Set>),
    /// Goes on here and there.
    Fork(usize, usize),
    /// Goes on there.
    Go(usize),
    /// Goes on only at such a place.
    At(Place),
    /// The expression matched.
    Match,
}

impl Program {
    /// The bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Step>()
    }

    pub(super) fn new(root: &Node) -> Result<Self, PatternError> {
        let mut program = Self(Vec::new());
        program.push(root, &mut 0)?;
        program.0.push(Step::Match);
        Ok(program)
    }

    /// `visits` counts the calls: parts that match nothing make no steps, and still take their time.
    fn push(&mut self, node: &Node, visits: &mut usize) -> Result<(), PatternError> {
        *visits += 1;
        if self.0.len().max(*visits) > LONGEST {
            return Err(PatternError("it is too large"));
        }
        match node {
            Node::Set(set) => self.0.push(Step::Take(set.clone())),
            Node::Place(place) => self.0.push(Step::At(*place)),
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.push(node, visits))?,
            Node::Either(branches) => {
                let mut ends = Vec::new();
                for (i, branch) in branches.iter().enumerate() {
                    let fork = self.0.len();
                    let last = i + 1 == branches.len();
                    if !last {
                        self.0.push(Step::Fork(fork + 1, 0));
                    }
                    self.push(branch, visits)?;
                    if !last {
                        ends.push(self.0.len());
                        self.0.push(Step::Go(0));
                        self.0[fork] = Step::Fork(fork + 1, self.0.len());
                    }
                }
                let end = self.0.len();
                ends.into_iter().for_each(|go| self.0[go] = Step::Go(end));
            }
            Node::Repeat { node, least, most } => {
                for _ in 0..*least {
                    self.push(node, visits)?;
                }
                let mut forks = Vec::new();
                for _ in *least..most.unwrap_or(least + 1) {
                    forks.push(self.0.len());
                    self.0.push(Step::Fork(self.0.len() + 1, 0));
                    self.push(node, visits)?;
                }
                if most.is_none()
                    && let Some(&fork) = forks.first()
                {
                    self.0.push(Step::Go(fork));
                }
                let end = self.0.len();
                forks.into_iter().for_each(|fork| self.0[fork] = Step::Fork(fork + 1, end));
            }
        }
        Ok(())
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it matches somewhere in a text, if the budget covers to find out.
    pub(super) fn is_match(&self, text: &str, budget: &Budget) -> Result<bool, Exhausted> {
        let mut now = Threads::new(self.0.len());
        let mut next = Threads::new(self.0.len());
        let mut before = None;
        let mut rest = text.chars();
        let is_anchored = matches!(self.0.first(), Some(Step::At(Place::Start)));
        loop {
            budget.spend(1 + now.list.len() as u64)?;
            let after = rest.clone().next();
            // Without an anchor the match may begin anywhere.
            if before.is_none() || !is_anchored {
                if self.follow(0, &mut now, before, after) {
                    return Ok(true);
                }
            } else if now.list.is_empty() {
                return Ok(false);
            }
            let Some(c) = rest.next() else { return Ok(false) };
            let following = rest.clone().next();
            for i in 0..now.list.len() {
                let step = now.list[i];
                if let Step::Take(set) = &self.0[step]
                    && set.contains(c)
                    && self.follow(step + 1, &mut next, Some(c), following)
                {
                    return Ok(true);
                }
            }
            std::mem::swap(&mut now, &mut next);
            next.clear();
            before = Some(c);
        }
    }

    /// Adds the steps that are reached without a character; true if one of them is the match.
    fn follow(&self, start: usize, threads: &mut Threads, before: Option<char>, after: Option<char>) -> bool {
        threads.open.push(start);
        while let Some(step) = threads.open.pop() {
            if !threads.add(step) {
                continue;
            }
            match &self.0[step] {
                Step::Match => return true,
                Step::Go(to) => threads.open.push(*to),
                Step::Fork(here, there) => threads.open.extend([*here, *there]),
                Step::At(place) if is_at(*place, before, after) => threads.open.push(step + 1),
                Step::At(_) | Step::Take(_) => {}
            }
        }
        false
    }
}

fn is_at(place: Place, before: Option<char>, after: Option<char>) -> bool {
    let edge = before.is_some_and(is_word) != after.is_some_and(is_word);
    match place {
        Place::Start => before.is_none(),
        Place::End => after.is_none(),
        Place::WordEdge => edge,
        Place::NoWordEdge => !edge,
    }
}

/// The steps that are reached, each once.
struct Threads {
    list: Vec<usize>,
    seen: Vec<bool>,
    /// Those that are yet to be followed.
    open: Vec<usize>,
}

impl Threads {
    fn new(steps: usize) -> Self {
        Self { list: Vec::new(), seen: vec![false; steps], open: Vec::new() }
    }

    fn add(&mut self, step: usize) -> bool {
        let new = !self.seen[step];
        if new {
            self.seen[step] = true;
            self.list.push(step);
        }
        new
    }

    fn clear(&mut self) {
        self.list.drain(..).for_each(|step| self.seen[step] = false);
    }
}
