//! Whether a value is valid under a schema (JSON Schema 2020-12, and what earlier drafts name otherwise).
//!
//! Generated instances are checked where their schema has keywords that generation cannot honour by construction.
//! `format` is an annotation, and a `pattern` that is not supported is not checked.

use super::references::Document;
use super::types;
use crate::json::{Kind, Node};
use std::collections::HashSet;

/// How many schemas may apply to a value by way of one another.
pub(super) const DEEPEST: u32 = 200;

/// What a value fails by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    /// A keyword.
    Keyword(&'static str),
    /// The budget does not allow to find out.
    Exhausted,
}

impl From<crate::budget::Exhausted> for Invalid {
    fn from(_: crate::budget::Exhausted) -> Self {
        Self::Exhausted
    }
}

type Verdict = Result<(), Invalid>;

fn keyword(name: &'static str, good: bool) -> Verdict {
    if good { Ok(()) } else { Err(Invalid::Keyword(name)) }
}

impl<'t> Document<'t> {
    /// Whether a value is valid under a schema.
    pub(super) fn is_valid(&self, schema: Node<'t>, value: Node<'_>) -> Result<bool, Invalid> {
        self.verdict(schema, value, 0, None)
    }

    pub(super) fn verdict(
        &self,
        schema: Node<'t>,
        value: Node<'_>,
        depth: u32,
        without: Option<u32>,
    ) -> Result<bool, Invalid> {
        match self.check(schema, value, depth, without) {
            Ok(()) => Ok(true),
            Err(Invalid::Keyword(_)) => Ok(false),
            Err(Invalid::Exhausted) => Err(Invalid::Exhausted),
        }
    }

    /// Checks a value; `without` is the value of a keyword that is not checked.
    pub(super) fn check(
        &self,
        schema: Node<'t>,
        value: Node<'_>,
        depth: u32,
        without: Option<u32>,
    ) -> Verdict {
        self.spend(1)?;
        if depth > DEEPEST {
            return Err(Invalid::Keyword("$ref"));
        }
        if schema.is_bool(false) {
            return Err(Invalid::Keyword("false"));
        }
        for (name, own) in schema.members().filter(|(_, own)| without != Some(own.id())) {
            self.spend(1)?;
            let Some(name) = name.plain_str() else { continue };
            self.check_keyword(schema, name, own, value, depth)?;
        }
        Ok(())
    }

    fn check_keyword(
        &self,
        schema: Node<'t>,
        name: &str,
        own: Node<'t>,
        value: Node<'_>,
        depth: u32,
    ) -> Verdict {
        match name {
            "type" => keyword("type", types::allowed(own) & types::of_value(value) != 0),
            "const" => keyword("const", self.equal(own, value)?),
            "enum" => {
                for item in own.items() {
                    if self.equal(item, value)? {
                        return Ok(());
                    }
                }
                Err(Invalid::Keyword("enum"))
            }
            "$ref" | "$dynamicRef" | "$recursiveRef" => {
                match self.resolve(&own.as_str().unwrap_or_default())? {
                    Some(target) => self.check(target, value, depth + 1, None),
                    None => Ok(()),
                }
            }
            "allOf" => own.items().try_for_each(|part| self.check(part, value, depth + 1, None)),
            "anyOf" => {
                for branch in own.items() {
                    if self.verdict(branch, value, depth + 1, None)? {
                        return Ok(());
                    }
                }
                Err(Invalid::Keyword("anyOf"))
            }
            "oneOf" => {
                let mut valid = 0;
                for branch in own.items() {
                    valid += u32::from(self.verdict(branch, value, depth + 1, None)?);
                }
                keyword("oneOf", valid == 1)
            }
            "not" => keyword("not", !self.verdict(own, value, depth + 1, None)?),
            "if" => {
                let branch = if self.verdict(own, value, depth + 1, None)? { "then" } else { "else" };
                match schema.get(branch) {
                    Some(then) if !self.verdict(then, value, depth + 1, None)? => Err(Invalid::Keyword("if")),
                    _ => Ok(()),
                }
            }
            _ => match value.kind() {
                Kind::Number => self.check_number(name, own, value),
                Kind::String => self.check_string(name, own, value),
                Kind::Array => self.check_array(schema, name, own, value, depth),
                Kind::Object => self.check_object(schema, name, own, value, depth),
                Kind::Null | Kind::Bool => Ok(()),
            },
        }
    }

    fn check_number(&self, name: &str, own: Node<'t>, value: Node<'_>) -> Verdict {
        self.budget.search(own.size() + value.size())?;
        let (Some(own), Some(value)) = (own.as_f64(), value.as_f64()) else { return Ok(()) };
        match name {
            "minimum" => keyword("minimum", value >= own),
            "maximum" => keyword("maximum", value <= own),
            "exclusiveMinimum" => keyword("exclusiveMinimum", value > own),
            "exclusiveMaximum" => keyword("exclusiveMaximum", value < own),
            "multipleOf" => {
                let times = value / own;
                keyword(
                    "multipleOf",
                    own <= 0.0 || (times - times.round()).abs() < 1e-9 * times.abs().max(1.0),
                )
            }
            _ => Ok(()),
        }
    }

    fn check_string(&self, name: &str, own: Node<'t>, value: Node<'_>) -> Verdict {
        let text = value.as_str().unwrap_or_default();
        let count = || text.chars().count() as u64;
        match (name, own.as_count()) {
            ("minLength", Some(least)) => keyword("minLength", count() >= least),
            ("maxLength", Some(most)) => keyword("maxLength", count() <= most),
            ("pattern", _) => match self.pattern(own)? {
                Some(pattern) => keyword("pattern", pattern.is_match(&text, self.budget) == Ok(true)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn check_array(
        &self,
        schema: Node<'t>,
        name: &str,
        own: Node<'t>,
        value: Node<'_>,
        depth: u32,
    ) -> Verdict {
        let count = || value.items().count() as u64;
        let first = || match schema.get("prefixItems").or(schema.get("items")) {
            Some(first) if first.kind() == Kind::Array => first.items().count(),
            _ => 0,
        };
        match (name, own.as_count()) {
            ("minItems", Some(least)) => keyword("minItems", count() >= least),
            ("maxItems", Some(most)) => keyword("maxItems", count() <= most),
            ("uniqueItems", _) if own.is_bool(true) => {
                for (i, item) in value.items().enumerate() {
                    for other in value.items().take(i) {
                        if self.equal(item, other)? {
                            return Err(Invalid::Keyword("uniqueItems"));
                        }
                    }
                }
                Ok(())
            }
            ("prefixItems", _) => {
                let mut both = own.items().zip(value.items());
                both.try_for_each(|(schema, item)| self.check(schema, item, depth + 1, None))
            }
            ("items", _) if own.kind() == Kind::Array => {
                let mut both = own.items().zip(value.items());
                both.try_for_each(|(schema, item)| self.check(schema, item, depth + 1, None))
            }
            ("items" | "additionalItems", _) => {
                let mut rest = value.items().skip(first());
                rest.try_for_each(|item| self.check(own, item, depth + 1, None))
            }
            ("contains", _) => {
                let mut found = 0;
                for item in value.items() {
                    found += u64::from(self.verdict(own, item, depth + 1, None)?);
                }
                let bound = |name| schema.get(name).and_then(Node::as_count);
                let least = bound("minContains").unwrap_or(1);
                let most = bound("maxContains").unwrap_or(u64::MAX);
                keyword("contains", (least..=most).contains(&found))
            }
            ("unevaluatedItems", _) => {
                let known = self.evaluated_items(schema, value, depth)?;
                let mut rest =
                    value.items().enumerate().filter(|(i, _)| !known.get(*i).copied().unwrap_or(false));
                rest.try_for_each(|(_, item)| self.check(own, item, depth + 1, None)).map_err(|why| {
                    if why == Invalid::Exhausted { why } else { Invalid::Keyword("unevaluatedItems") }
                })
            }
            _ => Ok(()),
        }
    }

    fn check_object(
        &self,
        schema: Node<'t>,
        name: &str,
        own: Node<'t>,
        value: Node<'_>,
        depth: u32,
    ) -> Verdict {
        let count = || value.members().count() as u64;
        match (name, own.as_count()) {
            ("minProperties", Some(least)) => keyword("minProperties", count() >= least),
            ("maxProperties", Some(most)) => keyword("maxProperties", count() <= most),
            ("required", _) => {
                for name in own.items().filter_map(Node::as_str) {
                    self.spend(1)?;
                    keyword("required", value.get(&name).is_some())?;
                }
                Ok(())
            }
            ("properties", _) => {
                for (name, item) in value.members() {
                    self.spend(1)?;
                    if let Some(schema) = self.member(own, &name.as_str().unwrap_or_default())? {
                        self.check(schema, item, depth + 1, None)?;
                    }
                }
                Ok(())
            }
            ("patternProperties", _) => {
                for (source, schema) in own.members() {
                    for (name, item) in value.members() {
                        if self.is_name_of(source, &name.as_str().unwrap_or_default()) {
                            self.check(schema, item, depth + 1, None)?;
                        }
                    }
                }
                Ok(())
            }
            ("additionalProperties", _) => {
                for (name, item) in value.members() {
                    if !self.is_declared(schema, &name.as_str().unwrap_or_default())? {
                        let verdict = self.check(own, item, depth + 1, None);
                        verdict.map_err(|why| match why {
                            Invalid::Keyword("false") => Invalid::Keyword("additionalProperties"),
                            why => why,
                        })?;
                    }
                }
                Ok(())
            }
            ("propertyNames", _) => {
                let mut names = value.members();
                names.try_for_each(|(name, _)| match self.verdict(own, name, depth + 1, None)? {
                    true => Ok(()),
                    false => Err(Invalid::Keyword("propertyNames")),
                })
            }
            ("dependentRequired" | "dependencies" | "dependentSchemas", _) => {
                let present: HashSet<_> = value.members().filter_map(|(name, _)| name.as_str()).collect();
                self.spend(1 + present.len() as u64)?;
                for (trigger, then) in own.members() {
                    self.spend(1)?;
                    if trigger.as_str().is_none_or(|name| !present.contains(&name)) {
                        continue;
                    }
                    let good = match then.kind() {
                        Kind::Array => {
                            self.spend(then.items().count() as u64)?;
                            then.items().filter_map(Node::as_str).all(|name| present.contains(&name))
                        }
                        _ => self.verdict(then, value, depth + 1, None)?,
                    };
                    let name =
                        if name == "dependentSchemas" { "dependentSchemas" } else { "dependentRequired" };
                    keyword(name, good)?;
                }
                Ok(())
            }
            ("unevaluatedProperties", _) => {
                let known = self.evaluated_names(schema, value, depth)?;
                for ((_, item), _) in value.members().zip(known).filter(|(_, known)| !known) {
                    if !self.verdict(own, item, depth + 1, None)? {
                        return Err(Invalid::Keyword("unevaluatedProperties"));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether a name matches a pattern of `patternProperties`.
    pub(super) fn is_name_of(&self, source: Node<'t>, name: &str) -> bool {
        self.pattern(source)
            .ok()
            .flatten()
            .is_some_and(|pattern| pattern.is_match(name, self.budget) == Ok(true))
    }

    /// Whether `properties` or `patternProperties` of a schema apply to a name.
    pub(super) fn is_declared(&self, schema: Node<'t>, name: &str) -> Result<bool, Invalid> {
        let properties = schema.get("properties");
        let patterns = schema.get("patternProperties");
        Ok(properties.map(|own| self.member(own, name)).transpose()?.flatten().is_some()
            || patterns.is_some_and(|own| own.members().any(|(source, _)| self.is_name_of(source, name))))
    }

    /// Whether two values are equal: numbers by value, objects in any order.
    fn equal(&self, one: Node<'_>, other: Node<'_>) -> Result<bool, Invalid> {
        self.spend(1)?;
        if one.kind() != other.kind() {
            return Ok(false);
        }
        Ok(match one.kind() {
            Kind::Null => true,
            Kind::Bool => one.is_bool(true) == other.is_bool(true),
            Kind::Number => {
                self.budget.search(one.size() + other.size())?;
                one.as_number() == other.as_number() || one.as_f64() == other.as_f64()
            }
            Kind::String => {
                self.budget.search(one.size())?;
                one.as_str() == other.as_str()
            }
            Kind::Array => {
                for (one, other) in one.items().zip(other.items()) {
                    if !self.equal(one, other)? {
                        return Ok(false);
                    }
                }
                one.items().count() == other.items().count()
            }
            Kind::Object => {
                for (name, one) in one.members() {
                    match other.get(&name.as_str().unwrap_or_default()) {
                        Some(other) if self.equal(one, other)? => {}
                        _ => return Ok(false),
                    }
                }
                one.members().count() == other.members().count()
            }
        })
    }
}
