//! Objects.

use super::facts::{Facts, Goal, Not};
use super::generate::Generator;
use super::heights::ENDLESS;
use super::{At, NoInstance, text, types};
use crate::json::{Kind, Node, Tape, push_string};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// A property that is declared, and the schemas that apply to it, each with the place of its object part, in the order of
/// those places.
#[derive(Default)]
struct Property<'t> {
    schemas: Vec<(usize, Node<'t>)>,
    nots: Vec<Not<'t>>,
}

/// How often another name is tried for a property that may have any.
const NAMES: u64 = 24;

/// The declared properties of an object by name, and their order.
type Declared<'t> = (HashMap<Cow<'t, str>, Property<'t>>, Vec<Cow<'t, str>>);

impl<'t> Generator<'t> {
    /// Appends an object.
    pub(super) fn push_object(&mut self, facts: &Facts<'t>, at: At) -> Result<(), NoInstance> {
        let (mut declared, order) = self.declared(facts)?;
        let required: HashSet<&str> = facts.required.iter().map(|name| &**name).collect();
        let banned: HashSet<&str> = facts.banned.iter().map(|name| &**name).collect();
        if required.iter().any(|name| banned.contains(name)) {
            return Err(NoInstance::Unmet(self.hard.unwrap_or("required")));
        }
        for (name, not) in &facts.violated {
            declared.entry(name.clone()).or_default().nots.push(*not);
        }
        let mut optional = facts.max_properties.saturating_sub(required.len() as u64);
        let mut count = 0;
        let mut written: HashSet<Cow<'t, str>> = HashSet::new();
        self.out.push('{');
        for name in order {
            let is_required = required.contains(&*name);
            if !is_required && (optional == 0 || banned.contains(&*name)) {
                continue;
            }
            let goal = self.goal(&name, declared.get(&name), facts)?;
            let height = goal.all.iter().map(|schema| self.document.height(*schema)).max().unwrap_or(0);
            let is_never = goal.all.iter().any(|schema| schema.is_bool(false));
            if !is_required
                && (is_never
                    || height == ENDLESS
                    || (height > 0 && self.is_tired(at))
                    || !self.is_name(&name, facts)?)
            {
                continue;
            }
            let before = self.out.len();
            match self.push_member(&name, &goal, &mut count, at) {
                // An optional property that cannot be is left out.
                Err(NoInstance::Impossible | NoInstance::Unmet(_)) if !is_required => {
                    self.out.truncate(before);
                    count -= 1;
                }
                Err(why) => return Err(why),
                Ok(()) => {
                    optional -= u64::from(!is_required);
                    written.insert(name);
                }
            }
        }
        for name in &facts.required {
            if written.insert(name.clone()) {
                let goal = self.goal(name, declared.get(name), facts)?;
                self.push_member(name, &goal, &mut count, at)?;
            }
        }
        self.push_more(facts, &declared, &mut written, &mut count, at)?;
        if count < facts.min_properties {
            return Err(NoInstance::Impossible);
        }
        if count > facts.max_properties {
            return Err(NoInstance::Unmet("maxProperties"));
        }
        self.out.push('}');
        Ok(())
    }

    /// Appends properties of any name, as many as are demanded; one to a map.
    fn push_more(
        &mut self,
        facts: &Facts<'t>,
        declared: &HashMap<Cow<'t, str>, Property<'t>>,
        written: &mut HashSet<Cow<'t, str>>,
        count: &mut u64,
        at: At,
    ) -> Result<(), NoInstance> {
        let is_open = |own: Option<Node<'t>>| own.is_some_and(|own| own.kind() == Kind::Object);
        let is_map = declared.is_empty()
            && facts.objects.iter().any(|part| is_open(part.additional) || is_open(part.patterns));
        let least =
            facts.min_properties.max(u64::from(is_map && !self.is_tired(at))).min(facts.max_properties);
        let mut tries = 0;
        while *count < least {
            if tries >= NAMES && *count < facts.min_properties {
                return Err(NoInstance::Unmet(self.hard.unwrap_or("minProperties")));
            }
            if tries >= NAMES {
                return Ok(());
            }
            tries += 1;
            let Some(name) = self.new_name(facts, tries)? else { continue };
            self.document.budget.spend(facts.banned.len() as u64 / 4)?;
            if written.contains(&*name) || facts.banned.iter().any(|other| *other == name) {
                continue;
            }
            let goal = self.goal(&name, declared.get(&*name), facts)?;
            if goal.all.iter().any(|schema| schema.is_bool(false) || self.document.height(*schema) == ENDLESS)
                || !self.is_name(&name, facts)?
            {
                continue;
            }
            self.push_member(&name, &goal, count, at)?;
            written.insert(Cow::Owned(name));
            tries = 0;
        }
        Ok(())
    }

    /// A name for a property that is not declared.
    fn new_name(&mut self, facts: &Facts<'t>, tries: u64) -> Result<Option<String>, NoInstance> {
        if tries <= 2 || (facts.names.is_empty() && facts.objects.iter().all(|part| part.patterns.is_none()))
        {
            self.document.budget.search(self.out.len())?;
            let number = 1 + self.out.bytes().filter(|byte| *byte == b':').count().min(1 << 20) as u64;
            return Ok(Some(format!("key{}", if tries == 1 { 1 } else { number + tries - 1 })));
        }
        let patterns: Vec<Node<'t>> = facts.objects.iter().filter_map(|part| part.patterns).collect();
        let sources: Vec<_> =
            patterns.iter().flat_map(|own| own.members()).filter(|(_, own)| !own.is_bool(false)).collect();
        if !sources.is_empty() && tries.is_multiple_of(2) {
            let (source, _) = sources[self.rng.below(sources.len() as u64) as usize];
            let Some(pattern) = self.document.pattern(source)? else { return Ok(None) };
            let rng = &mut self.rng;
            return Ok(pattern.make(0, 64, self.document.budget, &mut |bound| rng.below(bound)));
        }
        let names = Facts::of(&facts.names, self.document)?;
        Ok(text::make(&names, self.document, self.patterns, &mut self.rng).ok())
    }

    /// Whether `propertyNames` allow a name.
    fn is_name(&self, name: &str, facts: &Facts<'t>) -> Result<bool, NoInstance> {
        if facts.names.is_empty() {
            return Ok(true);
        }
        let mut json = String::new();
        push_string(name, &mut json);
        let tape = Tape::parse(&json).map_err(|_| NoInstance::Impossible)?;
        for schema in &facts.names {
            if !self.document.is_valid(*schema, tape.root())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The declared properties, in the order of their first declaration.
    fn declared(&self, facts: &Facts<'t>) -> Result<Declared<'t>, NoInstance> {
        let mut declared: HashMap<Cow<'t, str>, Property<'t>> = HashMap::new();
        let mut order = Vec::new();
        for (i, part) in facts.objects.iter().enumerate() {
            for (name, schema) in part.properties.into_iter().flat_map(Node::members) {
                self.document.spend(4)?;
                let Some(name) = name.as_str() else { continue };
                let property = declared.entry(name.clone()).or_insert_with(|| {
                    order.push(name);
                    Property::default()
                });
                // Of a name that is used twice the last schema counts.
                property.schemas.pop_if(|(part, _)| *part == i);
                property.schemas.push((i, schema));
            }
        }
        Ok((declared, order))
    }

    /// What applies to a property.
    fn goal(
        &self,
        name: &str,
        property: Option<&Property<'t>>,
        facts: &Facts<'t>,
    ) -> Result<Goal<'t>, NoInstance> {
        let schemas = property.map(|own| &own.schemas[..]).unwrap_or_default();
        let mut goal = Goal {
            all: schemas.iter().map(|(_, schema)| *schema).collect(),
            nots: property.map(|own| own.nots.clone()).unwrap_or_default(),
        };
        for (i, part) in facts.restrictive.iter().filter_map(|i| Some((*i, facts.objects.get(*i)?))) {
            self.document.spend(1)?;
            let mut is_known = schemas.binary_search_by_key(&i, |(of, _)| *of).is_ok();
            for (source, schema) in part.patterns.into_iter().flat_map(Node::members) {
                if self.document.is_name_of(source, name) {
                    is_known = true;
                    goal.all.push(schema);
                }
            }
            if let Some(additional) = part.additional.filter(|_| !is_known) {
                goal.all.push(additional);
            }
        }
        if goal.all.is_empty() {
            goal.all.extend(&facts.unevaluated);
        }
        Ok(goal)
    }

    fn push_member(
        &mut self,
        name: &str,
        goal: &Goal<'t>,
        count: &mut u64,
        at: At,
    ) -> Result<(), NoInstance> {
        if *count > 0 {
            self.out.push(',');
        }
        *count += 1;
        self.document.budget.search(name.len())?;
        push_string(name, &mut self.out);
        self.out.push(':');
        self.push(goal, at.deeper())
    }
}

impl Facts<'_> {
    /// Whether only the types and the values restrict the value.
    pub(super) fn is_plain(&self) -> bool {
        let numbers =
            self.minimum.is_none() && self.maximum.is_none() && self.above.is_none() && self.below.is_none();
        let strings = self.patterns.is_empty() && self.min_length == 0 && self.max_length == u64::MAX;
        let compound = self.types & (types::ARRAY | types::OBJECT) != 0 && self.is_typed;
        numbers
            && strings
            && self.multiples.is_empty()
            && !compound
            && self.arrays.is_empty()
            && self.objects.is_empty()
    }
}
