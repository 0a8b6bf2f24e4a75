//! Instances of JSON schemas: valid, deterministic, as small as they can be without saying nothing.
//!
//! All of OpenAI's strict subset is understood, and of what lies outside of it `allOf`, `oneOf`,
//! optional and additional properties, `prefixItems` and `uniqueItems`. Other keywords are passed over.

mod heights;
mod merge;
mod number;
mod text;

use super::rng::Rng;
use super::value::Value;
use crate::budget::Budget;
use crate::check::name_set::NameSet;
use crate::json::push_string;
use crate::pattern::Pattern;
use heights::Heights;
use merge::{merge, own, without};
use std::collections::HashSet;

/// An instance, and whether it is all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// Compact JSON.
    pub(super) json: String,
    /// False if even the smallest instance is longer than any answer.
    pub(super) whole: bool,
}

/// Why there is no instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoInstance {
    /// It is no JSON, or nests too deep.
    Unreadable,
    /// A `$ref` leads nowhere.
    Dangling(String),
    /// A pattern is none of those understood.
    Pattern(String),
    /// Nothing is valid: the schema wants what cannot be together, or goes on forever.
    Impossible,
    /// The instance has grown beyond all measure. Kept inside: what there is of it is the answer.
    TooLong,
}

/// References followed before the shortest way to an end is taken.
const RECURSION: u32 = 2;

/// Values made before the shortest way to an end is taken.
const MANY: u32 = 2_000;

/// The longest instance, in bytes.
const LONGEST: usize = 1 << 20;

/// How deep values may lie in one another: a bound for the stack.
const DEEPEST: u32 = 200;

/// Which patterns strings are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patterns {
    /// All: where one is not understood there is no instance.
    All,
    /// Those that are understood.
    Understood,
}

/// Makes an instance of a schema; another for another seed.
pub(super) fn instance(
    schema: &str,
    seed: u64,
    patterns: Patterns,
    budget: &Budget,
) -> Result<Instance, NoInstance> {
    let mut root: Value<'_> = crate::json::from_str(schema).map_err(|_| NoInstance::Unreadable)?;
    if patterns == Patterns::Understood {
        pass_over(&mut root, budget);
    }
    let heights = Heights::new(&root)?;
    let mut maker = Maker { heights: &heights, draw: Rng::new(seed), budget, out: String::new(), made: 0 };
    match maker.push(&root, At::default()) {
        Ok(()) => Ok(Instance { json: maker.out, whole: true }),
        Err(NoInstance::TooLong) => Ok(Instance { json: maker.out, whole: false }),
        Err(error) => Err(error),
    }
}

/// Leaves out the patterns that are not understood.
fn pass_over(value: &mut Value<'_>, budget: &Budget) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| pass_over(item, budget)),
        Value::Object(members) => members.0.retain_mut(|(name, value)| match (&**name, &*value) {
            ("pattern", Value::Text(source)) => Pattern::of_request(source, budget).is_ok(),
            _ => {
                pass_over(value, budget);
                true
            }
        }),
        _ => {}
    }
}

/// Where in an instance a value lies.
#[derive(Debug, Clone, Copy, Default)]
struct At {
    /// How many values it lies in.
    depth: u32,
    /// How many references led there.
    refs: u32,
}

impl At {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

struct Maker<'m, 's> {
    heights: &'m Heights<'m, 's>,
    draw: Rng,
    budget: &'m Budget,
    out: String,
    made: u32,
}

impl Maker<'_, '_> {
    /// Whether it is time to come to an end.
    fn is_tired(&self, at: At) -> bool {
        at.refs > RECURSION || self.made > MANY
    }

    /// Appends an instance of a schema.
    fn push(&mut self, schema: &Value<'_>, at: At) -> Result<(), NoInstance> {
        self.made += 1;
        if self.out.len() > LONGEST {
            return Err(NoInstance::TooLong);
        }
        if at.depth > DEEPEST {
            return Err(NoInstance::Impossible);
        }
        if *schema == Value::Bool(false) {
            return Err(NoInstance::Impossible);
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.heights.target(reference)?;
            return self.push(target, At { depth: at.depth + 1, refs: at.refs + 1 });
        }
        if let Some(value) = schema.get("const") {
            value.push_json(&mut self.out);
            return Ok(());
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.push_one_of(values, schema);
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let merged = self.merged(without(schema, "allOf"), parts, at)?;
            return self.push(&merged, at.deeper());
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(keyword).and_then(Value::as_array) {
                return self.push_branch(schema, keyword, branches, at);
            }
        }
        match self.kind(schema, at) {
            "null" => self.out.push_str("null"),
            "boolean" => self.out.push_str(if self.draw.below(2) == 0 { "true" } else { "false" }),
            "integer" => number::push(schema, true, &mut self.draw, &mut self.out)?,
            "number" => number::push(schema, false, &mut self.draw, &mut self.out)?,
            "array" => self.push_array(schema, at)?,
            "object" => self.push_object(schema, at)?,
            _ => {
                let text = text::make(schema, &mut self.draw, self.budget)?;
                push_string(&text, &mut self.out);
            }
        }
        Ok(())
    }

    /// One of the values of an `enum`, of the schema's type if it has one.
    fn push_one_of(&mut self, values: &[Value<'_>], schema: &Value<'_>) -> Result<(), NoInstance> {
        let fitting: Vec<_> = values.iter().filter(|value| heights::has_type(schema, value)).collect();
        let value =
            fitting.get(self.draw.below(fitting.len() as u64) as usize).ok_or(NoInstance::Impossible)?;
        value.push_json(&mut self.out);
        Ok(())
    }

    fn push_branch(
        &mut self,
        schema: &Value<'_>,
        keyword: &str,
        branches: &[Value<'_>],
        at: At,
    ) -> Result<(), NoInstance> {
        let height = |branch: &&Value<'_>| self.heights.of(branch);
        let shortest =
            branches.iter().map(|branch| self.heights.of(branch)).min().ok_or(NoInstance::Impossible)?;
        let limit = if self.is_tired(at) { shortest } else { heights::ENDLESS - 1 };
        let mut open: Vec<_> = branches.iter().filter(|branch| height(branch) <= limit).collect();
        let substantial: Vec<_> =
            open.iter().copied().filter(|branch| type_of(branch) != Some("null")).collect();
        // `null` says little: three times in four it is something else, if it can be.
        if !self.is_tired(at) && !substantial.is_empty() && self.draw.below(4) > 0 {
            open = substantial;
        }
        let branch = *open.get(self.draw.below(open.len() as u64) as usize).ok_or(NoInstance::Impossible)?;
        if heights::constrains(schema, keyword) {
            let merged = self.merged(without(schema, keyword), std::slice::from_ref(branch), at)?;
            return self.push(&merged, at.deeper());
        }
        // Beside a number, any text is a number that is written out, as pydantic has its decimals.
        match branches.iter().find(|other| type_of(other) == Some("number")) {
            Some(number) if text::is_any(branch) => {
                self.out.push('"');
                number::push(number, false, &mut self.draw, &mut self.out)?;
                self.out.push('"');
                Ok(())
            }
            _ => self.push(branch, at.deeper()),
        }
    }

    /// The type of what is made.
    fn kind<'v>(&mut self, schema: &'v Value<'_>, at: At) -> &'v str {
        match schema.get("type") {
            Some(Value::Text(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                let solid: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
                let null = kinds.len() > solid.len();
                if null && (solid.is_empty() || self.is_tired(at) || self.draw.below(4) == 0) {
                    return "null";
                }
                solid.get(self.draw.below(solid.len() as u64) as usize).copied().unwrap_or("string")
            }
            _ => heights::implied_type(schema),
        }
    }

    fn push_object(&mut self, schema: &Value<'_>, at: At) -> Result<(), NoInstance> {
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or_default();
        let required = NameSet::of(heights::required(schema));
        let others = schema.get("additionalProperties");
        self.out.push('{');
        let mut count = 0;
        for (name, property) in properties {
            let optional = !required.have(name);
            if optional
                && (self.heights.of(property) > 0 && self.is_tired(at) || *property == Value::Bool(false))
            {
                continue;
            }
            if optional && self.heights.of(property) == heights::ENDLESS {
                continue;
            }
            self.push_member(name, property, &mut count, at)?;
        }
        let unnamed = others.cloned().unwrap_or(Value::Bool(true));
        let known = NameSet::of(properties.iter().map(|(name, _)| &**name));
        for name in heights::required(schema).filter(|name| !known.have(name)) {
            self.push_member(name, &unnamed, &mut count, at)?;
        }
        let least = schema.get("minProperties").and_then(Value::as_count).unwrap_or(0);
        let is_map = properties.is_empty() && matches!(others, Some(Value::Object(_)));
        let most = schema.get("maxProperties").and_then(Value::as_count).unwrap_or(u64::MAX);
        let want = least.max(u64::from(is_map && !self.is_tired(at))).min(most);
        let mut extra = 0;
        while count < want && unnamed != Value::Bool(false) {
            extra += 1;
            self.push_member(&format!("key{extra}"), &unnamed, &mut count, at)?;
        }
        if count < least {
            return Err(NoInstance::Impossible);
        }
        self.out.push('}');
        Ok(())
    }

    fn push_member(
        &mut self,
        name: &str,
        schema: &Value<'_>,
        count: &mut u64,
        at: At,
    ) -> Result<(), NoInstance> {
        if *count > 0 {
            self.out.push(',');
        }
        *count += 1;
        push_string(name, &mut self.out);
        self.out.push(':');
        self.push(schema, at.deeper())
    }

    fn push_array(&mut self, schema: &Value<'_>, at: At) -> Result<(), NoInstance> {
        let first = schema.get("prefixItems").and_then(Value::as_array).unwrap_or_default();
        let anything = Value::Bool(true);
        let items = schema.get("items").unwrap_or(&anything);
        let least = schema.get("minItems").and_then(Value::as_count).unwrap_or(0);
        let most = schema.get("maxItems").and_then(Value::as_count).unwrap_or(u64::MAX);
        if least > most {
            return Err(NoInstance::Impossible);
        }
        let height = self.heights.of(items);
        let none =
            *items == Value::Bool(false) || height == heights::ENDLESS || (height > 0 && self.is_tired(at));
        let wish = if none || self.is_tired(at) { 0 } else { 1 + self.draw.below(2) };
        let want = wish.max(first.len() as u64).max(least).min(most);
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut told = HashSet::new();
        self.out.push('[');
        for i in 0..want {
            let item = first.get(i as usize).unwrap_or(items);
            let before = self.out.len();
            let mut found = false;
            for _ in 0..if unique { 32 } else { 1 } {
                self.out.truncate(before);
                if i > 0 {
                    self.out.push(',');
                }
                let start = self.out.len();
                self.push(item, at.deeper())?;
                if !unique || told.insert(self.out[start..].to_owned()) {
                    found = true;
                    break;
                }
            }
            if !found {
                self.out.truncate(before);
                if i < least {
                    return Err(NoInstance::Impossible);
                }
                break;
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// A schema with some others merged into it.
    fn merged<'v>(&self, base: Value<'v>, parts: &[Value<'v>], at: At) -> Result<Value<'v>, NoInstance> {
        if at.depth > DEEPEST {
            return Err(NoInstance::Impossible);
        }
        parts.iter().try_fold(base, |merged, part| {
            // A reference inside is followed here; what it leads to may have others.
            let mut part = part.clone();
            for _ in 0..heights::MOST_ROUNDS {
                let Some(reference) = part.get("$ref").and_then(Value::as_str) else { break };
                let target: Value<'v> = own(self.heights.target(reference)?);
                part = merge(without(&part, "$ref"), &target);
            }
            Ok(merge(merged, &part))
        })
    }
}

/// The one type of a schema.
fn type_of<'v>(schema: &'v Value<'_>) -> Option<&'v str> {
    schema.get("type").and_then(Value::as_str)
}

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
