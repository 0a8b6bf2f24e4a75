//! [`Generator`]: from schemas that apply together to one value that is valid under all of them.

use super::facts::{Closure, Facts, Goal, REQUIRED};
use super::heights::ENDLESS;
use super::references::Document;
use super::{At, LONGEST, NoInstance, Patterns, number, text, types};
use crate::json::{Kind, Node, Tape, push_string};
use crate::random::Rng;
use std::collections::HashSet;

/// References followed before the shortest way to an end is taken.
const RECURSION: u32 = 2;

/// Values generated before the shortest way to an end is taken.
const MANY: u32 = 2_000;

/// How often one value is generated anew because it is not valid.
const TRIES: usize = 12;

/// How often values of one instance are generated anew in all.
const RETRIES: u32 = 256;

pub(super) struct Generator<'t> {
    pub(super) document: &'t Document<'t>,
    pub(super) rng: Rng,
    pub(super) patterns: Patterns,
    pub(super) out: String,
    /// The longest instance, in bytes.
    pub(super) limit: usize,
    made: u32,
    retries: u32,
    /// Where among the values of an `enum` the next one is taken from, so that the items of an array differ.
    pub(super) turn: Option<u64>,
    /// A keyword that generation may have failed to honour.
    pub(super) hard: Option<&'static str>,
    /// A keyword of which no value was valid.
    pub(super) conflict: Option<&'static str>,
}

impl<'t> Generator<'t> {
    pub(super) fn new(document: &'t Document<'t>, seed: u64, patterns: Patterns, limit: usize) -> Self {
        Self {
            document,
            rng: Rng::new(seed),
            patterns,
            out: String::new(),
            limit: limit.min(LONGEST),
            made: 0,
            retries: RETRIES,
            turn: None,
            hard: None,
            conflict: None,
        }
    }

    /// Whether it is time to come to an end.
    pub(super) fn is_tired(&self, at: At) -> bool {
        at.references > RECURSION || self.made > MANY
    }

    /// Whether another try is left, of this value's `tries` and of all.
    pub(super) fn may_retry(&mut self, tries: usize) -> bool {
        let left = self.retries.checked_sub(1).filter(|_| tries < TRIES);
        self.retries = left.unwrap_or(self.retries);
        left.is_some()
    }

    /// Appends a value.
    pub(super) fn push(&mut self, goal: &Goal<'t>, at: At) -> Result<(), NoInstance> {
        self.made += 1;
        self.document.spend(8)?;
        if self.out.len() > self.limit {
            return Err(NoInstance::TooLong);
        }
        if at.depth > super::DEEPEST {
            return Err(NoInstance::Impossible);
        }
        if goal.all.iter().any(|schema| self.document.height(*schema) == ENDLESS) {
            return Err(NoInstance::Impossible);
        }
        let start = self.out.len();
        for tries in 0.. {
            let turn = self.turn.take();
            match self.try_push(goal, at, tries, turn) {
                Err(NoInstance::Impossible | NoInstance::Unmet(_) | NoInstance::Pattern(_))
                    if self.may_retry(tries) =>
                {
                    self.out.truncate(start);
                }
                end => return end,
            }
        }
        Err(NoInstance::Impossible)
    }

    fn try_push(
        &mut self,
        goal: &Goal<'t>,
        at: At,
        tries: usize,
        turn: Option<u64>,
    ) -> Result<(), NoInstance> {
        let mut closure = Closure::default();
        closure.nots.extend(&goal.nots);
        for schema in &goal.all {
            self.add(&mut closure, *schema)?;
        }
        let decimal = self.choose_branches(&mut closure, at, tries)?;
        let mut facts = self.gather(&mut closure, at, tries)?;
        let at = At { references: at.references + u32::from(closure.references > 0), ..at };
        self.hard = self.hard.or(facts.hard);
        let start = self.out.len();
        if decimal {
            self.out.push('"');
            number::push(&facts, false, &mut self.rng, &mut self.out)?;
            self.out.push('"');
        } else if let Some(values) = facts.values {
            self.push_one_of(values, &facts, &closure, turn)?;
            return Ok(());
        } else {
            self.push_typed(&mut facts, at, turn)?;
        }
        self.check_nots(&closure, start)
    }

    /// Fails if what was appended is valid under a schema it must not be valid under.
    fn check_nots(&self, closure: &Closure<'t>, start: usize) -> Result<(), NoInstance> {
        if closure.nots.is_empty() {
            return Ok(());
        }
        self.document.budget.search(16 * (self.out.len() - start))?;
        let tape = Tape::parse(&self.out[start..]).map_err(|_| NoInstance::Impossible)?;
        for not in &closure.nots {
            if self.document.is_valid(not.schema, tape.root())? {
                return Err(NoInstance::Unmet(not.keyword));
            }
        }
        Ok(())
    }

    pub(super) fn add(&self, closure: &mut Closure<'t>, schema: Node<'t>) -> Result<(), NoInstance> {
        closure.add(schema, self.document, self.patterns)
    }

    /// Gathers what the parts demand, with what must not be valid, and the schemas that properties bring along.
    fn gather(&mut self, closure: &mut Closure<'t>, at: At, tries: usize) -> Result<Facts<'t>, NoInstance> {
        let mut applied = HashSet::new();
        loop {
            let mut facts = Facts::of(&closure.parts, self.document)?;
            let bytes = facts.required.len() * REQUIRED;
            self.document.budget.reserve(bytes)?;
            for (i, not) in closure.nots.iter().enumerate() {
                self.document.spend(2)?;
                let choice = if tries == 0 { 0 } else { self.rng.below(1 << 16) as usize + i };
                facts.deny(*not, choice, at, self.document.budget)?;
            }
            // Optional properties are there, with what depends on them, unless that proves to be impossible.
            let declared = |name: &str| {
                facts.objects.iter().filter_map(|part| part.properties).any(|own| {
                    self.document.member(own, name).ok().flatten().is_some_and(|own| !own.is_bool(false))
                })
            };
            let mut more: Vec<Node<'t>> = Vec::new();
            let mut banned = Vec::new();
            let mut required = Vec::new();
            let mut open: Vec<_> = facts.required.clone();
            let optional = tries == 0 || self.rng.below(2) == 0;
            for (name, _) in facts.dependent.iter().flat_map(|own| own.members()) {
                self.document.spend(1 + (open.len() + facts.banned.len()) as u64)?;
                let Some(name) = name.as_str() else { continue };
                if open.contains(&name) || facts.banned.contains(&name) || !declared(&name) {
                    continue;
                }
                if optional {
                    open.push(name.clone());
                    required.push(name)
                } else {
                    banned.push(name)
                }
            }
            let mut known: HashSet<_> = open.iter().cloned().collect();
            while let Some(name) = open.pop() {
                for own in &facts.dependent {
                    self.document.spend(1)?;
                    let Some(then) = self.document.member(*own, &name)? else { continue };
                    if then.kind() == Kind::Array {
                        self.document.spend(then.items().count() as u64)?;
                        for name in then.items().filter_map(Node::as_str) {
                            if known.insert(name.clone()) {
                                required.push(name.clone());
                                open.push(name);
                            }
                        }
                    } else if applied.insert(then.id()) {
                        more.push(then);
                    }
                }
            }
            self.document.budget.release(bytes);
            if !more.is_empty() {
                for schema in more {
                    self.add(closure, schema)?;
                }
                if self.choose_branches(closure, at, tries)? {
                    return Err(NoInstance::Impossible);
                }
                continue;
            }
            let already: HashSet<_> = facts.required.iter().cloned().collect();
            facts.required.extend(required.into_iter().filter(|name| !already.contains(name)));
            facts.banned.extend(banned);
            return Ok(facts);
        }
    }

    /// Appends one of the values of an `enum`, or the value of a `const`, that all schemas allow.
    fn push_one_of(
        &mut self,
        values: Node<'t>,
        facts: &Facts<'t>,
        closure: &Closure<'t>,
        turn: Option<u64>,
    ) -> Result<(), NoInstance> {
        let document = self.document;
        // A keyword whose value is no array is a `const`; an array may be either.
        let is_enum =
            closure.parts.iter().any(|part| part.get("enum").is_some_and(|own| own.id() == values.id()));
        let all = if is_enum { document.items(values)? } else { [values.id()].into() };
        let fits = |value: Node<'t>| -> Result<bool, NoInstance> {
            document.spend(1)?;
            if types::of_value(value) & facts.types == 0 {
                return Ok(false);
            }
            if closure.parts.len() == 1 && closure.nots.is_empty() && facts.hard.is_none() && facts.is_plain()
            {
                return Ok(true);
            }
            for part in &closure.parts {
                match document.check(*part, value, 0, Some(values.id())) {
                    Ok(()) => {}
                    Err(super::validate::Invalid::Keyword(_)) => return Ok(false),
                    Err(why) => return Err(why.into()),
                }
            }
            for not in &closure.nots {
                if document.is_valid(not.schema, value)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let len = all.len() as u64;
        let start = turn.unwrap_or_else(|| self.rng.below(len));
        // From a place at random on, so that the first that fits is at random where all fit.
        for i in 0..len {
            let value = document.node(all[(start.wrapping_add(i) % len.max(1)) as usize]);
            if fits(value)? {
                document.budget.search(value.size())?;
                value.push_json(&mut self.out);
                return Ok(());
            }
        }
        self.conflict = Some(if is_enum { "enum" } else { "const" });
        Err(NoInstance::Impossible)
    }

    /// Appends a value of one of the types that are allowed.
    fn push_typed(&mut self, facts: &mut Facts<'t>, at: At, turn: Option<u64>) -> Result<(), NoInstance> {
        match self.choose_type(facts, at) {
            0 => return Err(NoInstance::Impossible),
            types::NULL => self.out.push_str("null"),
            types::BOOLEAN => {
                let value = turn.unwrap_or_else(|| self.rng.below(2)).is_multiple_of(2);
                self.out.push_str(if value { "true" } else { "false" });
            }
            types::INTEGER => number::push(facts, true, &mut self.rng, &mut self.out)?,
            types::NUMBER | types::FRACTION => number::push(facts, false, &mut self.rng, &mut self.out)?,
            types::ARRAY => self.push_array(facts, at)?,
            types::OBJECT => self.push_object(facts, at)?,
            _ => {
                let text = text::make(facts, self.document, self.patterns, &mut self.rng)?;
                push_string(&text, &mut self.out);
            }
        }
        Ok(())
    }

    /// One type of those that are allowed.
    fn choose_type(&mut self, facts: &Facts<'t>, at: At) -> u8 {
        let mut all = facts.types;
        if !facts.is_typed {
            // What no `type` restricts is of the type that its keywords are about.
            let implied = facts.implied.unwrap_or(types::STRING);
            return if implied & all != 0 { implied & all } else { lowest(all) };
        }
        let solid = all & !types::NULL;
        if all & types::NULL != 0 {
            if solid == 0 || self.is_tired(at) || self.rng.below(4) == 0 {
                return types::NULL;
            }
            all = solid;
        }
        if all & types::NUMBER == types::NUMBER {
            all &= !types::FRACTION;
        }
        let count = u64::from(all.count_ones());
        let mut place = if count > 1 { self.rng.below(count) } else { 0 };
        for bit in 0..8 {
            if all & 1 << bit != 0 {
                if place == 0 {
                    let kind = 1 << bit;
                    return if kind == types::INTEGER { facts.types & types::NUMBER } else { kind };
                }
                place -= 1;
            }
        }
        0
    }
}

fn lowest(types: u8) -> u8 {
    types & types.wrapping_neg()
}
