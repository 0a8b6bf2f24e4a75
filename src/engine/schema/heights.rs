//! How far a schema is from an end: the references that must be followed at least to finish an instance.

use super::references::Document;
use crate::budget::Exhausted;
use crate::json::{Kind, Node};
use std::collections::VecDeque;

/// The height of a schema that has no finite instance.
pub(super) const ENDLESS: u32 = u32::MAX;

/// The height of each schema of a document, and of each array of branches.
///
/// A schema waits for all schemas its instances must contain, an `anyOf` for its first branch, and a reference counts
/// one more than its target. Heights are settled in their order, so that each schema is looked at once (Knuth 1977).
pub(super) struct Heights(Vec<u32>);

const NONE: u32 = u32::MAX;

/// What waits for others, in lists that share one vector.
struct Waiting {
    /// By id: how many others are waited for.
    pending: Vec<u32>,
    /// By id: the first in the list of what waits for it.
    first: Vec<u32>,
    /// The next in the list, and what waits. The highest bit is set where the height is one more.
    links: Vec<(u32, u32)>,
}

const DEEPER: u32 = 1 << 31;

impl Waiting {
    /// Makes `id` wait for `other`.
    fn wait(&mut self, id: u32, other: u32, deeper: u32) {
        self.pending[id as usize] += 1;
        self.links.push((self.first[other as usize], id | deeper));
        self.first[other as usize] = self.links.len() as u32 - 1;
    }
}

impl Heights {
    pub(super) fn of(document: &Document<'_>) -> Result<Self, Exhausted> {
        let len = document.len();
        document.budget.reserve(len * 12)?;
        let mut waiting = Waiting { pending: vec![0; len], first: vec![NONE; len], links: Vec::new() };
        let mut heights = vec![ENDLESS; len];
        let mut ready = VecDeque::new();
        let mut known = vec![false; len];
        let mut open = vec![document.root()];
        while let Some(schema) = open.pop() {
            if std::mem::replace(&mut known[schema.id() as usize], true) {
                continue;
            }
            let never = look(document, schema, &mut waiting, &mut open, &mut known)?;
            if !never && waiting.pending[schema.id() as usize] == 0 {
                ready.push_back((schema.id(), 0));
            }
        }
        while let Some((id, height)) = ready.pop_front() {
            if heights[id as usize] != ENDLESS {
                continue;
            }
            document.budget.spend(1)?;
            heights[id as usize] = height;
            let mut next = waiting.first[id as usize];
            while let Some((after, waits)) = waiting.links.get(next as usize).copied() {
                next = after;
                let (waits, deeper) = (waits & !DEEPER, waits & DEEPER != 0);
                let pending = &mut waiting.pending[waits as usize];
                *pending -= 1;
                // A list of branches needs one of them, a schema all it waits for.
                let is_list = document.node(waits).kind() == Kind::Array;
                if *pending == 0 || is_list {
                    let height = height + u32::from(deeper);
                    if deeper { ready.push_back((waits, height)) } else { ready.push_front((waits, height)) }
                }
            }
        }
        // What is no schema, or none that an instance depends on, is not looked at.
        heights.iter_mut().zip(&known).filter(|(_, known)| !**known).for_each(|(height, _)| *height = 0);
        document.budget.release(len * 12);
        Ok(Self(heights))
    }

    pub(super) fn get(&self, id: u32) -> u32 {
        self.0.get(id as usize).copied().unwrap_or(0)
    }
}

/// Notes what a schema waits for, and which schemas are to be looked at; true if it has no instance at all.
fn look<'t>(
    document: &Document<'t>,
    schema: Node<'t>,
    waiting: &mut Waiting,
    open: &mut Vec<Node<'t>>,
    known: &mut [bool],
) -> Result<bool, Exhausted> {
    let id = schema.id();
    if schema.kind() != Kind::Object {
        return Ok(schema.is_bool(false));
    }
    let is = |kind: &str| schema.get("type").is_none_or(|own| own.is_str(kind) || own.kind() == Kind::Array);
    let has_value = schema.get("const").is_some() || schema.get("enum").is_some();
    let nullable = schema.get("type").is_some_and(|own| own.items().any(|kind| kind.is_str("null")));
    let ends = has_value || nullable;
    for (name, value) in schema.members() {
        document.budget.spend(1)?;
        match name.plain_str() {
            Some("$ref" | "$dynamicRef" | "$recursiveRef") => {
                let reference = value.as_str().unwrap_or_default();
                if let Some(target) = document.resolve(&reference)? {
                    open.push(target);
                    waiting.wait(id, target.id(), DEEPER);
                }
            }
            Some("allOf") => {
                for part in value.items() {
                    document.budget.spend(1)?;
                    open.push(part);
                    waiting.wait(id, part.id(), 0);
                }
            }
            Some("anyOf" | "oneOf") if value.kind() == Kind::Array => {
                for branch in value.items() {
                    document.budget.spend(1)?;
                    open.push(branch);
                    waiting.wait(value.id(), branch.id(), 0);
                }
                known[value.id() as usize] = true;
                waiting.wait(id, value.id(), 0);
            }
            Some("properties") => {
                let required = schema.get("required").filter(|_| !ends && is("object"));
                let required: Vec<_> =
                    required.into_iter().flat_map(Node::items).filter_map(Node::as_str).collect();
                let required = crate::check::name_set::NameSet::of(required.iter().map(|name| &**name));
                for (name, property) in value.members() {
                    document.budget.spend(1)?;
                    open.push(property);
                    if name.as_str().is_some_and(|name| required.have(&name)) {
                        waiting.wait(id, property.id(), 0);
                    }
                }
            }
            Some("items") => {
                let least = schema.get("minItems").and_then(Node::as_count).unwrap_or(0);
                let first = schema.get("prefixItems").map_or(0, |first| first.items().count() as u64);
                if value.kind() != Kind::Array {
                    open.push(value);
                    if least > first && !ends && is("array") {
                        waiting.wait(id, value.id(), 0);
                    }
                }
                open.extend(value.items());
            }
            Some("prefixItems") => {
                let least = schema.get("minItems").and_then(Node::as_count).unwrap_or(0);
                for (i, item) in value.items().enumerate() {
                    document.budget.spend(1)?;
                    open.push(item);
                    if (i as u64) < least && !ends && is("array") {
                        waiting.wait(id, item.id(), 0);
                    }
                }
            }
            Some("contains") => {
                open.push(value);
                let least = schema.get("minContains").and_then(Node::as_count).unwrap_or(1);
                if least > 0 && !ends && is("array") {
                    waiting.wait(id, value.id(), 0);
                }
            }
            Some("patternProperties" | "dependentSchemas" | "dependencies") => {
                open.extend(value.members().map(|(_, schema)| schema));
            }
            Some(
                "additionalProperties"
                | "additionalItems"
                | "unevaluatedProperties"
                | "unevaluatedItems"
                | "if"
                | "then"
                | "else"
                | "not"
                | "propertyNames",
            ) => open.push(value),
            _ => {}
        }
    }
    Ok(false)
}
