//! What Anthropic's API refuses to compile into a grammar: the schemas of strict tools and of structured output.
//!
//! The limits hold for all schemas of a request together. Their sentences are those that its users recorded in 2026.

use super::name_set::NameSet;
use crate::json::Value;
use std::collections::HashMap;

/// The most properties that may be left out.
const MAX_OPTIONAL: u64 = 24;

/// The most parameters with a list of types or `anyOf`.
const MAX_UNIONS: u64 = 16;

/// What the limits are about, in the schemas counted so far. What a reference points to counts wherever it is used.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    optional: u64,
    unions: u64,
}

impl Parameters {
    /// Counts one schema as well.
    ///
    /// # Errors
    ///
    /// The live API's sentence, if definitions of the schema refer to themselves.
    pub(super) fn count(&mut self, schema: &Value<'_>) -> Result<(), String> {
        let mut counter = Counter { definitions: HashMap::new(), open: Vec::new(), root: schema, depth: 0 };
        let counted = counter.schema(schema)?;
        self.add(counted);
        Ok(())
    }

    fn add(&mut self, other: Self) {
        self.optional = self.optional.saturating_add(other.optional);
        self.unions = self.unions.saturating_add(other.unions);
    }

    /// # Errors
    ///
    /// The live API's sentence, if a limit is exceeded.
    pub(super) fn within_limits(self) -> Result<(), String> {
        let Self { optional, unions } = self;
        if optional > MAX_OPTIONAL {
            return Err(format!(
                "Schemas contains too many optional parameters ({optional}), which would make grammar compilation \
                 inefficient. Reduce the number of optional parameters in your tool schemas (limit: {MAX_OPTIONAL})."
            ));
        }
        if unions > MAX_UNIONS {
            return Err(format!(
                "Schemas contains too many parameters with union types ({unions} parameters with type arrays or anyOf). \
                 This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters \
                 (limit: {MAX_UNIONS} parameters with unions)."
            ));
        }
        Ok(())
    }
}

/// Counts the parameters of one schema. Each definition is looked at once.
struct Counter<'s, 'v> {
    definitions: HashMap<&'s str, Parameters>,
    /// The definitions that lead to the place that is being counted.
    open: Vec<&'s str>,
    root: &'s Value<'v>,
    depth: usize,
}

/// How many schemas within each other are counted, references followed.
const DEEPEST: usize = 200;

impl<'s> Counter<'s, '_> {
    fn schema(&mut self, schema: &'s Value<'_>) -> Result<Parameters, String> {
        if self.depth == DEEPEST {
            return Ok(Parameters::default());
        }
        self.depth += 1;
        let counted = self.own_and_inner(schema);
        self.depth -= 1;
        counted
    }

    fn own_and_inner(&mut self, schema: &'s Value<'_>) -> Result<Parameters, String> {
        let mut counted = Parameters::default();
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(definition) {
            counted.add(self.definition(name)?);
        }
        let types = schema.get("type").and_then(Value::as_array).map_or(0, <[_]>::len);
        counted.unions += u64::from(types > 1 || schema.get("anyOf").is_some());
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let required = NameSet::of(required.into_iter());
        for (name, property) in schema.get("properties").into_iter().flat_map(Value::members) {
            counted.optional += u64::from(!required.have(name));
            counted.add(self.schema(property)?);
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
                counted.add(self.schema(inner)?);
            }
        }
        for keyword in ["anyOf", "allOf", "oneOf"] {
            for inner in schema.get(keyword).and_then(Value::as_array).unwrap_or_default() {
                counted.add(self.schema(inner)?);
            }
        }
        Ok(counted)
    }

    fn definition(&mut self, name: &'s str) -> Result<Parameters, String> {
        if let Some(counted) = self.definitions.get(name) {
            return Ok(*counted);
        }
        if let Some(at) = self.open.iter().position(|open| *open == name) {
            let cycle: Vec<&str> = self.open.iter().skip(at).copied().chain([name]).collect();
            let cycle = cycle.join(" -> ");
            return Err(format!(
                "Circular reference detected in schema definitions: {cycle}. Self-referencing or mutually-referencing \
                 definitions are not supported."
            ));
        }
        let places = ["$defs", "definitions"];
        let found = places.into_iter().find_map(|place| self.root.get(place)?.get(name));
        let Some(schema) = found else { return Ok(Parameters::default()) };
        self.open.push(name);
        let counted = self.schema(schema)?;
        self.open.pop();
        self.definitions.insert(name, counted);
        Ok(counted)
    }
}

/// The name of the definition that a reference is to.
fn definition(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/").or_else(|| reference.strip_prefix("#/definitions/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(schema: &str) -> Result<(u64, u64), String> {
        let mut parameters = Parameters::default();
        parameters.count(&Value::parse(schema.as_bytes()).expect("JSON"))?;
        Ok((parameters.optional, parameters.unions))
    }

    #[test]
    fn optional_and_union_parameters_are_counted_at_every_depth() {
        for (schema, want) in [
            (r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#, (0, 0)),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["string","null"]}}}"#,
                (2, 1),
            ),
            (
                r#"{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["a"]}"#,
                (0, 1),
            ),
            (
                r#"{"properties":{"a":{"type":"array","items":{"properties":{"b":{}}}}},"required":["a"]}"#,
                (1, 0),
            ),
            // A definition counts at each of its uses.
            (
                r##"{"properties":{"a":{"$ref":"#/$defs/P"},"b":{"$ref":"#/$defs/P"}},"required":["a","b"],
                    "$defs":{"P":{"properties":{"x":{"type":["string","null"]}}},"Unused":{"properties":{"y":{}}}}}"##,
                (2, 2),
            ),
            (r#"{"type":"object"}"#, (0, 0)),
        ] {
            assert_eq!(counted(schema), Ok(want), "{schema}");
        }
    }

    #[test]
    fn definitions_must_not_refer_to_themselves() {
        let schema = r##"{"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"properties":{"b":{"$ref":"#/$defs/B"}}},
            "B":{"properties":{"a":{"$ref":"#/$defs/A"}}}}}"##;
        assert_eq!(
            counted(schema).expect_err("a cycle"),
            "Circular reference detected in schema definitions: A -> B -> A. Self-referencing or mutually-referencing \
             definitions are not supported."
        );
    }

    #[test]
    fn a_long_chain_of_definitions_is_counted_as_far_as_it_is_followed() {
        let links: Vec<String> =
            (0..100_000).map(|i| format!(r##""d{i}":{{"$ref":"#/$defs/d{}"}}"##, i + 1)).collect();
        let schema = format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{}}}}}"##, links.join(","));
        assert_eq!(counted(&schema), Ok((0, 0)));
    }

    #[test]
    fn many_definitions_that_refer_to_each_other_are_counted_once_each() {
        let mut schema = String::from(r##"{"$ref":"#/$defs/d0","$defs":{"##);
        for i in 0..60 {
            let next = format!(r##"{{"$ref":"#/$defs/d{}"}}"##, i + 1);
            schema.push_str(&format!(r#""d{i}":{{"properties":{{"a":{next},"b":{next}}}}},"#));
        }
        schema.push_str(r#""d60":{}}}"#);
        assert_eq!(counted(&schema).map(|(optional, _)| optional), Ok((1 << 61) - 2));
    }
}
