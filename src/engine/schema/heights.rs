//! How far it is to an end: the references that must be followed at the least to finish an instance.

use super::NoInstance;
use crate::check::name_set::NameSet;
use crate::engine::value::Value;
use std::collections::HashMap;

/// The height of a schema that has no finite instance.
pub(super) const ENDLESS: u32 = u32::MAX;

/// Chains of references longer than this count as endless.
pub(super) const MOST_ROUNDS: u32 = 64;

/// What references lead to, and how high that is.
pub(super) struct Heights<'m, 's> {
    root: &'m Value<'s>,
    known: HashMap<&'m str, (&'m Value<'s>, u32)>,
}

impl<'m, 's> Heights<'m, 's> {
    /// Looks through a schema; every reference in it must lead somewhere.
    pub(super) fn new(root: &'m Value<'s>) -> Result<Self, NoInstance> {
        let mut heights = Self { root, known: HashMap::new() };
        heights.collect(root)?;
        // Each round knows what ends one reference later, so it is over when nothing changes.
        for _ in 0..MOST_ROUNDS {
            let new: Vec<_> = heights.known.iter().map(|(name, (to, _))| (*name, heights.of(to))).collect();
            let mut changed = false;
            for (name, height) in new {
                if let Some(known) = heights.known.get_mut(name) {
                    changed |= known.1 != height;
                    known.1 = height;
                }
            }
            if !changed {
                break;
            }
        }
        Ok(heights)
    }

    fn collect(&mut self, value: &'m Value<'s>) -> Result<(), NoInstance> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.collect(item)),
            Value::Object(members) => members.0.iter().try_for_each(|(name, value)| {
                match (&**name, value) {
                    ("$ref", Value::Text(reference)) if !self.known.contains_key(&**reference) => {
                        let target = find(self.root, reference)
                            .ok_or_else(|| NoInstance::Dangling(reference.to_string()))?;
                        self.known.insert(reference, (target, ENDLESS));
                    }
                    // Values are no schemas.
                    ("const" | "enum" | "default" | "examples", _) => return Ok(()),
                    _ => {}
                }
                self.collect(value)
            }),
            _ => Ok(()),
        }
    }

    /// What a reference leads to.
    pub(super) fn target(&self, reference: &str) -> Result<&'m Value<'s>, NoInstance> {
        let known = self.known.get(reference).map(|(target, _)| *target);
        known.ok_or_else(|| NoInstance::Dangling(reference.to_owned()))
    }

    /// How many references must be followed one inside the other to finish an instance.
    pub(super) fn of(&self, schema: &Value<'_>) -> u32 {
        if self.known.is_empty() {
            return 0;
        }
        if *schema == Value::Bool(false) {
            return ENDLESS;
        }
        let Some(members) = schema.as_object() else { return 0 };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.known.get(reference).map_or(ENDLESS, |(_, height)| height.saturating_add(1));
        }
        if members.iter().any(|(name, _)| matches!(&**name, "const" | "enum")) {
            return 0;
        }
        if let Some(kinds) = schema.get("type").and_then(Value::as_array)
            && kinds.iter().any(|kind| kind.as_str() == Some("null"))
        {
            return 0;
        }
        let highest = |schemas: &[Value<'_>]| schemas.iter().map(|s| self.of(s)).max().unwrap_or(0);
        let mut height = 0;
        for (name, value) in members {
            let own = match (&**name, value) {
                ("anyOf" | "oneOf", Value::Array(branches)) => {
                    branches.iter().map(|branch| self.of(branch)).min().unwrap_or(0)
                }
                ("allOf" | "prefixItems", Value::Array(parts)) => highest(parts),
                ("items", items) if schema.get("minItems").and_then(Value::as_count).unwrap_or(0) > 0 => {
                    self.of(items)
                }
                ("properties", Value::Object(properties)) => {
                    let required = NameSet::of(required(schema));
                    let needed = properties.0.iter().filter(|(name, _)| required.have(name));
                    needed.map(|(_, property)| self.of(property)).max().unwrap_or(0)
                }
                _ => 0,
            };
            height = height.max(own);
        }
        height
    }
}

/// What a reference inside a document leads to (RFC 6901).
fn find<'m, 's>(root: &'m Value<'s>, reference: &str) -> Option<&'m Value<'s>> {
    let pointer = reference.strip_prefix('#')?;
    let mut steps = pointer.split('/');
    steps.next().filter(|before| before.is_empty())?;
    steps.try_fold(root, |value, step| {
        let name = step.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            value => value.get(&name),
        }
    })
}

/// The names of the properties that must be there.
pub(super) fn required<'v>(schema: &'v Value<'_>) -> impl Iterator<Item = &'v str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a value has the type a schema asks for.
pub(super) fn has_type(schema: &Value<'_>, value: &Value<'_>) -> bool {
    let fits = |kind: &str| match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Int(_) => kind == "integer" || kind == "number",
        Value::Float(float) => kind == "number" || (kind == "integer" && float.trunc() == *float),
        Value::Text(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    };
    match schema.get("type") {
        Some(Value::Text(kind)) => fits(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(fits),
        _ => true,
    }
}

/// Whether a schema asks for something besides one of its keywords.
pub(super) fn constrains(schema: &Value<'_>, keyword: &str) -> bool {
    const SILENT: [&str; 10] = [
        "description",
        "title",
        "$defs",
        "definitions",
        "default",
        "examples",
        "$schema",
        "$id",
        "$comment",
        "deprecated",
    ];
    let members = schema.as_object().unwrap_or_default();
    members.iter().any(|(name, _)| &**name != keyword && !SILENT.contains(&&**name))
}

/// The type of a schema that names none.
pub(super) fn implied_type(schema: &Value<'_>) -> &'static str {
    let members = schema.as_object().unwrap_or_default();
    let kind = |name: &str| match name {
        "properties" | "additionalProperties" | "required" | "minProperties" => Some("object"),
        "items" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" => Some("array"),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => Some("number"),
        _ => None,
    };
    members.iter().find_map(|(name, _)| kind(name)).unwrap_or("string")
}
