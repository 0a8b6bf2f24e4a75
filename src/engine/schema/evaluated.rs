//! Which members and items a schema evaluates: those to which `unevaluatedProperties` and `unevaluatedItems` do not
//! apply.

use super::references::Document;
use super::validate::{DEEPEST, Invalid};
use crate::json::Node;
use std::borrow::Cow;

impl<'t> Document<'t> {
    /// The schemas that apply in place to a value that is valid under `schema`, besides `schema` itself.
    fn in_place(&self, schema: Node<'t>, value: Node<'_>, depth: u32) -> Result<Vec<Node<'t>>, Invalid> {
        let mut parts = Vec::new();
        for (name, own) in schema.members() {
            match name.plain_str() {
                Some("$ref" | "$dynamicRef" | "$recursiveRef") => {
                    parts.extend(self.resolve(&own.as_str().unwrap_or_default())?);
                }
                Some("allOf") => parts.extend(own.items()),
                Some("anyOf" | "oneOf") => {
                    for branch in own.items() {
                        if self.verdict(branch, value, depth + 1, None)? {
                            parts.push(branch);
                        }
                    }
                }
                Some("if") => {
                    let holds = self.verdict(own, value, depth + 1, None)?;
                    parts.extend(holds.then_some(own));
                    parts.extend(schema.get(if holds { "then" } else { "else" }));
                }
                Some("dependentSchemas") => {
                    let applies =
                        |name: &Node<'_>| name.as_str().is_some_and(|name| value.get(&name).is_some());
                    parts.extend(own.members().filter(|(name, _)| applies(name)).map(|(_, schema)| schema));
                }
                _ => {}
            }
        }
        Ok(parts)
    }

    /// Of each member of an object, whether a keyword other than `unevaluatedProperties` applies to it.
    pub(super) fn evaluated_names(
        &self,
        schema: Node<'t>,
        value: Node<'_>,
        depth: u32,
    ) -> Result<Vec<bool>, Invalid> {
        self.spend(1 + value.members().count() as u64)?;
        if depth > DEEPEST {
            return Err(Invalid::Keyword("$ref"));
        }
        let mut known = Vec::new();
        for (name, _) in value.members() {
            let name: Cow<'_, str> = name.as_str().unwrap_or_default();
            let open = schema.get("additionalProperties").is_some();
            known.push(open || self.is_declared(schema, &name)?);
        }
        for part in self.in_place(schema, value, depth)? {
            let nested = part.get("unevaluatedProperties").is_some();
            let more = self.evaluated_names(part, value, depth + 1)?;
            known.iter_mut().zip(more).for_each(|(known, more)| *known |= more || nested);
        }
        Ok(known)
    }

    /// The same for the items of an array.
    pub(super) fn evaluated_items(
        &self,
        schema: Node<'t>,
        value: Node<'_>,
        depth: u32,
    ) -> Result<Vec<bool>, Invalid> {
        self.spend(1 + value.items().count() as u64)?;
        if depth > DEEPEST {
            return Err(Invalid::Keyword("$ref"));
        }
        let first = schema.get("prefixItems").map_or(0, |first| first.items().count());
        let mut known = Vec::new();
        for (i, item) in value.items().enumerate() {
            let contained = match schema.get("contains") {
                Some(contains) => self.verdict(contains, item, depth + 1, None)?,
                None => false,
            };
            known.push(i < first || schema.get("items").is_some() || contained);
        }
        for part in self.in_place(schema, value, depth)? {
            let nested = part.get("unevaluatedItems").is_some();
            let more = self.evaluated_items(part, value, depth + 1)?;
            known.iter_mut().zip(more).for_each(|(known, more)| *known |= more || nested);
        }
        Ok(known)
    }
}
