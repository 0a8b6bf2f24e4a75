//! [`Facts`]: what several schemas demand of one value together.

use super::number::Decimal;
use super::references::Document;
use super::{At, NoInstance, Patterns, types};
use crate::budget::Budget;
use crate::json::{Kind, Node};
use std::borrow::Cow;
use std::collections::HashSet;

/// The bytes of memory that a required name takes in the list and in the sets it is looked up in.
pub(super) const REQUIRED: usize = 160;

/// The parts of a schema that all apply to one value, and those that must not.
#[derive(Debug, Clone, Default)]
pub(super) struct Goal<'t> {
    pub(super) all: Vec<Node<'t>>,
    pub(super) nots: Vec<Not<'t>>,
}

/// A schema under which a value must not be valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Not<'t> {
    pub(super) schema: Node<'t>,
    /// The keyword that demands it.
    pub(super) keyword: &'static str,
}

impl<'t> From<Node<'t>> for Goal<'t> {
    fn from(schema: Node<'t>) -> Self {
        Self { all: vec![schema], nots: Vec::new() }
    }
}

/// A goal without references and `allOf`: every schema that applies, each once.
#[derive(Debug, Default)]
pub(super) struct Closure<'t> {
    pub(super) parts: Vec<Node<'t>>,
    pub(super) nots: Vec<Not<'t>>,
    known: HashSet<u32>,
    /// How many references were followed.
    pub(super) references: u32,
}

impl<'t> Closure<'t> {
    /// Adds a schema and all that it includes.
    ///
    /// # Errors
    ///
    /// If one of them is `false`, if the budget ends, or for a reference that leads nowhere, unless `patterns` pass
    /// over what is not understood: no reader of the schema could follow it.
    pub(super) fn add(
        &mut self,
        schema: Node<'t>,
        document: &Document<'t>,
        patterns: Patterns,
    ) -> Result<(), NoInstance> {
        let mut open = vec![schema];
        while let Some(schema) = open.pop() {
            document.spend(1)?;
            if schema.is_bool(false) {
                return Err(NoInstance::Impossible);
            }
            if schema.kind() != Kind::Object || !self.known.insert(schema.id()) {
                continue;
            }
            self.parts.push(schema);
            let before = open.len();
            for (name, own) in schema.members() {
                document.spend(1)?;
                match name.plain_str() {
                    Some("$ref" | "$dynamicRef" | "$recursiveRef") => {
                        self.references += 1;
                        let reference = own.as_str().unwrap_or_default();
                        match document.resolve(&reference)? {
                            Some(target) => open.push(target),
                            None if patterns == Patterns::Understood => {}
                            None => return Err(NoInstance::Dangling(reference.into_owned())),
                        }
                    }
                    Some("allOf") => open.extend(own.items()),
                    _ => {}
                }
            }
            // In the order in which they stand.
            open[before..].reverse();
        }
        Ok(())
    }
}

/// One schema's view of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectPart<'t> {
    pub(super) properties: Option<Node<'t>>,
    pub(super) patterns: Option<Node<'t>>,
    pub(super) additional: Option<Node<'t>>,
}

/// One schema's view of an array.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrayPart<'t> {
    pub(super) first: Option<Node<'t>>,
    pub(super) rest: Option<Node<'t>>,
}

/// A `contains`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contains<'t> {
    pub(super) schema: Node<'t>,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// What several schemas demand of one value together.
#[derive(Debug)]
pub(super) struct Facts<'t> {
    /// The types it may have.
    pub(super) types: u8,
    /// The types that the keywords are about, where no `type` is given.
    pub(super) implied: Option<u8>,
    pub(super) is_typed: bool,
    /// The first `const` or `enum`.
    pub(super) values: Option<Node<'t>>,
    pub(super) minimum: Option<Decimal>,
    pub(super) above: Option<Decimal>,
    pub(super) maximum: Option<Decimal>,
    pub(super) below: Option<Decimal>,
    pub(super) multiples: Vec<Decimal>,
    pub(super) min_length: u64,
    pub(super) max_length: u64,
    pub(super) patterns: Vec<Node<'t>>,
    pub(super) format: Option<Node<'t>>,
    pub(super) min_items: u64,
    pub(super) max_items: u64,
    pub(super) unique: bool,
    pub(super) arrays: Vec<ArrayPart<'t>>,
    pub(super) contains: Vec<Contains<'t>>,
    pub(super) min_properties: u64,
    pub(super) max_properties: u64,
    pub(super) required: Vec<Cow<'t, str>>,
    pub(super) objects: Vec<ObjectPart<'t>>,
    /// Which of `objects` are about properties that they do not name.
    pub(super) restrictive: Vec<usize>,
    pub(super) names: Vec<Node<'t>>,
    pub(super) dependent: Vec<Node<'t>>,
    pub(super) unevaluated: Vec<Node<'t>>,
    /// Properties that must not be there.
    pub(super) banned: Vec<Cow<'t, str>>,
    /// Properties that must be there and must not be valid under a schema.
    pub(super) violated: Vec<(Cow<'t, str>, Not<'t>)>,
    /// A keyword that generation may fail to honour, so that the instance must be checked.
    pub(super) hard: Option<&'static str>,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            types: types::ALL,
            implied: None,
            is_typed: false,
            values: None,
            minimum: None,
            above: None,
            maximum: None,
            below: None,
            multiples: Vec::new(),
            min_length: 0,
            max_length: u64::MAX,
            patterns: Vec::new(),
            format: None,
            min_items: 0,
            max_items: u64::MAX,
            unique: false,
            arrays: Vec::new(),
            contains: Vec::new(),
            min_properties: 0,
            max_properties: u64::MAX,
            required: Vec::new(),
            objects: Vec::new(),
            restrictive: Vec::new(),
            names: Vec::new(),
            dependent: Vec::new(),
            unevaluated: Vec::new(),
            banned: Vec::new(),
            violated: Vec::new(),
            hard: None,
        }
    }
}

impl<'t> Facts<'t> {
    /// Gathers the demands of some schemas.
    pub(super) fn of(parts: &[Node<'t>], document: &Document<'t>) -> Result<Self, NoInstance> {
        let mut facts = Self::default();
        for part in parts {
            let mut object = ObjectPart { properties: None, patterns: None, additional: None };
            let mut array = ArrayPart { first: None, rest: None };
            let mut contains = None;
            let (mut min_contains, mut max_contains) = (1, u64::MAX);
            for (name, own) in part.members() {
                document.spend(1)?;
                if own.kind() == Kind::Number {
                    document.budget.search(own.size())?;
                }
                let count = || own.as_count();
                let Some(name) = name.plain_str() else { continue };
                match name {
                    "type" => {
                        facts.is_typed = true;
                        facts.types &= types::allowed(own);
                    }
                    "const" | "enum" if facts.values.is_none() => facts.values = Some(own),
                    "const" | "enum" => facts.hard = Some(if name == "const" { "const" } else { "enum" }),
                    "minimum" => raise(&mut facts.minimum, own),
                    "exclusiveMinimum" => raise(&mut facts.above, own),
                    "maximum" => lower(&mut facts.maximum, own),
                    "exclusiveMaximum" => lower(&mut facts.below, own),
                    "multipleOf" => facts.multiples.extend(Decimal::new(own)),
                    "minLength" => facts.min_length = facts.min_length.max(count().unwrap_or(0)),
                    "maxLength" => facts.max_length = facts.max_length.min(count().unwrap_or(u64::MAX)),
                    "pattern" => facts.patterns.push(own),
                    "format" if facts.format.is_none() => facts.format = Some(own),
                    "minItems" => facts.min_items = facts.min_items.max(count().unwrap_or(0)),
                    "maxItems" => facts.max_items = facts.max_items.min(count().unwrap_or(u64::MAX)),
                    "uniqueItems" => facts.unique |= own.is_bool(true),
                    "prefixItems" => array.first = Some(own),
                    "items" if own.kind() == Kind::Array => array.first = Some(own),
                    "items" => array.rest = Some(own),
                    "additionalItems"
                        if part.get("items").is_some_and(|items| items.kind() == Kind::Array) =>
                    {
                        array.rest = Some(own);
                    }
                    "unevaluatedItems" if array.rest.is_none() => {
                        facts.hard = Some("unevaluatedItems");
                        array.rest = Some(own);
                    }
                    "contains" => contains = Some(own),
                    "minContains" => min_contains = count().unwrap_or(1),
                    "maxContains" => max_contains = count().unwrap_or(u64::MAX),
                    "minProperties" => facts.min_properties = facts.min_properties.max(count().unwrap_or(0)),
                    "maxProperties" => {
                        facts.max_properties = facts.max_properties.min(count().unwrap_or(u64::MAX));
                    }
                    "required" => {
                        let count = own.items().count();
                        document.spend(count as u64)?;
                        // What they take is reserved where they are looked up.
                        document.budget.reserve(count * REQUIRED)?;
                        document.budget.release(count * REQUIRED);
                        facts.required.extend(own.items().filter_map(Node::as_str));
                    }
                    "properties" => object.properties = Some(own),
                    "patternProperties" => object.patterns = Some(own),
                    "additionalProperties" => object.additional = Some(own),
                    "propertyNames" => {
                        facts.hard = Some("propertyNames");
                        facts.names.push(own);
                    }
                    "dependentRequired" | "dependentSchemas" | "dependencies" => {
                        let schemas = name == "dependentSchemas";
                        facts.hard = Some(if schemas { "dependentSchemas" } else { "dependentRequired" });
                        facts.dependent.push(own);
                    }
                    "unevaluatedProperties" => {
                        facts.hard = Some("unevaluatedProperties");
                        facts.unevaluated.push(own);
                    }
                    _ => {}
                }
                if facts.implied.is_none() {
                    facts.implied = implied_type(name);
                }
            }
            if object.properties.is_some() || object.patterns.is_some() || object.additional.is_some() {
                if object.patterns.is_some() || object.additional.is_some() {
                    facts.restrictive.push(facts.objects.len());
                }
                facts.objects.push(object);
            }
            if object.patterns.is_some() {
                facts.hard = Some("patternProperties");
            }
            if array.first.is_some() || array.rest.is_some() {
                facts.arrays.push(array);
            }
            if let Some(schema) = contains {
                facts.hard = Some("contains");
                facts.contains.push(Contains { schema, least: min_contains, most: max_contains });
            }
        }
        if facts.unique && facts.hard.is_none() {
            facts.hard = Some("uniqueItems");
        }
        Ok(facts)
    }

    /// Excludes what is valid under a schema, by one of the ways there are: `choice` selects it.
    pub(super) fn deny(
        &mut self,
        not: Not<'t>,
        choice: usize,
        at: At,
        budget: &Budget,
    ) -> Result<(), NoInstance> {
        let impossible = || NoInstance::Unmet(not.keyword);
        let schema = not.schema;
        if schema.is_bool(true) {
            return Err(impossible());
        }
        if schema.is_bool(false) {
            return Ok(());
        }
        if schema.members().next().is_none() {
            return Err(impossible());
        }
        self.hard = Some(not.keyword);
        let excluded = schema.get("type").map(types::allowed);
        if excluded.is_some_and(|types| self.types & types == 0) {
            return Ok(());
        }
        let mut ways: Vec<Way<'t>> = Vec::new();
        for (name, own) in schema.members() {
            budget.spend(1)?;
            let count = || own.as_count();
            match name.plain_str() {
                Some("required") => {
                    // Each name is searched for in the list.
                    let names = own.items().count() as u64;
                    budget.spend(names.saturating_mul(4 + self.required.len() as u64 / 4))?;
                    let names = own.items().filter_map(Node::as_str);
                    ways.extend(names.filter(|name| !self.required.contains(name)).map(Way::Ban));
                }
                Some("properties") if at.depth < super::DEEPEST => {
                    budget.spend(4 * own.members().count() as u64)?;
                    let named = own.members().filter(|(_, property)| !property.is_bool(true));
                    ways.extend(
                        named.filter_map(|(name, property)| Some(Way::Violate(name.as_str()?, property))),
                    );
                }
                Some("minimum") => ways.extend(Decimal::new(own).map(Way::Below)),
                Some("maximum") => ways.extend(Decimal::new(own).map(Way::Above)),
                Some("exclusiveMinimum") => ways.extend(Decimal::new(own).map(Way::Maximum)),
                Some("exclusiveMaximum") => ways.extend(Decimal::new(own).map(Way::Minimum)),
                Some("minLength") => ways.extend(count().and_then(|n| n.checked_sub(1)).map(Way::MaxLength)),
                Some("maxLength") => ways.extend(count().map(|n| Way::MinLength(n + 1))),
                Some("minItems") => ways.extend(count().and_then(|n| n.checked_sub(1)).map(Way::MaxItems)),
                Some("maxItems") => ways.extend(count().map(|n| Way::MinItems(n + 1))),
                Some("minProperties") => {
                    ways.extend(count().and_then(|n| n.checked_sub(1)).map(Way::MaxProperties));
                }
                Some("maxProperties") => ways.extend(count().map(|n| Way::MinProperties(n + 1))),
                Some("type" | "description" | "title" | "$comment") | None => {}
                Some(_) => ways.push(Way::Try),
            }
        }
        let others = excluded.map_or(0, |types| self.types & !types);
        if others != 0 && (self.is_typed || ways.is_empty()) {
            ways.push(Way::Types(others));
        }
        if ways.is_empty() {
            return Err(impossible());
        }
        match ways.swap_remove(choice % ways.len()) {
            Way::Ban(name) => self.banned.push(name),
            Way::Violate(name, schema) => {
                self.required.push(name.clone());
                self.violated.push((name, Not { schema, keyword: not.keyword }));
            }
            Way::Types(types) => {
                self.types = types;
                self.is_typed = true;
            }
            Way::Below(bound) => self.below = Some(self.below.map_or(bound, |own| own.min(bound))),
            Way::Maximum(bound) => self.maximum = Some(self.maximum.map_or(bound, |own| own.min(bound))),
            Way::Above(bound) => self.above = Some(self.above.map_or(bound, |own| own.max(bound))),
            Way::Minimum(bound) => self.minimum = Some(self.minimum.map_or(bound, |own| own.max(bound))),
            Way::MaxLength(n) => self.max_length = self.max_length.min(n),
            Way::MinLength(n) => self.min_length = self.min_length.max(n),
            Way::MaxItems(n) => self.max_items = self.max_items.min(n),
            Way::MinItems(n) => self.min_items = self.min_items.max(n),
            Way::MaxProperties(n) => self.max_properties = self.max_properties.min(n),
            Way::MinProperties(n) => self.min_properties = self.min_properties.max(n),
            Way::Try => {}
        }
        Ok(())
    }
}

/// A way to be invalid.
enum Way<'t> {
    Ban(Cow<'t, str>),
    Violate(Cow<'t, str>, Node<'t>),
    Types(u8),
    Below(Decimal),
    Above(Decimal),
    Minimum(Decimal),
    Maximum(Decimal),
    MaxLength(u64),
    MinLength(u64),
    MaxItems(u64),
    MinItems(u64),
    MaxProperties(u64),
    MinProperties(u64),
    /// Whatever is generated may do.
    Try,
}

fn raise(bound: &mut Option<Decimal>, own: Node<'_>) {
    if let Some(own) = Decimal::new(own) {
        *bound = Some(bound.map_or(own, |known| known.max(own)));
    }
}

fn lower(bound: &mut Option<Decimal>, own: Node<'_>) {
    if let Some(own) = Decimal::new(own) {
        *bound = Some(bound.map_or(own, |known| known.min(own)));
    }
}

/// The type that a keyword is about.
fn implied_type(name: &str) -> Option<u8> {
    Some(match name {
        "properties"
        | "additionalProperties"
        | "required"
        | "minProperties"
        | "maxProperties"
        | "patternProperties"
        | "propertyNames"
        | "dependentRequired"
        | "dependentSchemas"
        | "dependencies"
        | "unevaluatedProperties" => types::OBJECT,
        "items" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" | "contains"
        | "unevaluatedItems" => types::ARRAY,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => types::NUMBER,
        "minLength" | "maxLength" | "pattern" | "format" => types::STRING,
        _ => return None,
    })
}

/// Keywords that demand nothing.
pub(super) fn is_silent(name: &str) -> bool {
    matches!(
        name,
        "description"
            | "title"
            | "$defs"
            | "definitions"
            | "default"
            | "examples"
            | "$schema"
            | "$id"
            | "$comment"
            | "deprecated"
            | "$anchor"
            | "readOnly"
            | "writeOnly"
    )
}
