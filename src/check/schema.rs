//! The JSON schemas callers send: what the live API requires of the schema of a function's parameters or of a
//! response format, and of the subset it keeps to when `strict` is set.

use super::name_set::NameSet;
use super::python_repr::push_python_str;
use super::regex::{self, is_regex};
use super::schema_fast_path;
use crate::api::tool::Json;
use crate::error::{ApiError, Kind};
use crate::json::{Value, double};
use std::cell::Cell;

/// What a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A function's parameters, which may be any object.
    Function,
    /// The answer itself; with the parameter that has the schema.
    ResponseFormat(&'static str),
}

/// The error of a strict function without parameters.
pub(super) const NOT_CLOSED: &str =
    "In context=(), 'additionalProperties' is required to be supplied and to be false.";

/// How many objects and arrays may lie inside each other.
pub(super) const MAX_LEVELS: usize = 10;
/// How many names are looked at to find what references lead to. A schema that anybody means needs a thousandth;
/// past it references are taken for good.
const PATIENCE: usize = 1_000_000;
/// The types there are.
pub(super) static TYPES: &[&str] = &["string", "number", "integer", "boolean", "object", "array", "null"];
/// The formats a strict schema may name. Those of numbers were recorded in 2026, from schemas that Rust's schemars wrote.
pub(super) static FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int",
    "float",
    "double",
];
/// Keywords a strict schema must do without.
pub(super) static NOT_PERMITTED: &[&str] = &[
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "prefixItems",
];

/// What is wrong with a schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no JSON that anybody could read later.
    Unreadable,
    /// It is not what it should be.
    Worded(String),
    /// A pattern in it looks around; the error is whole.
    Lookaround(ApiError),
}

/// What is wrong with a schema, if anything is.
pub(super) fn fault(schema: Json<'_>, purpose: Use, strict: bool) -> Option<Wrong> {
    if schema_fast_path::is_plain(schema.0, strict) {
        return None;
    }
    let Some(root) = Value::parse(schema.0.as_bytes()) else { return Some(Wrong::Unreadable) };
    let fault = meta(&root).or_else(|| of_object(&root, purpose)).or_else(|| walk(&root, strict));
    fault.map(Wrong::Worded).or_else(|| if strict { lookaround(&root, purpose) } else { None })
}

/// A strict schema has no pattern that looks around, as reports since May 2026 show.
fn lookaround(root: &Value<'_>, purpose: Use) -> Option<Wrong> {
    let mut at = "$".to_owned();
    looks_around(root, &mut at).then(|| {
        let param = match purpose {
            Use::Function => "tools",
            Use::ResponseFormat(param) => param,
        };
        let message =
            format!("Invalid JSON schema: regex lookaround is not supported. Found at {at}.pattern.");
        Wrong::Lookaround(ApiError::new(Kind::InvalidJsonSchema, message).at(param))
    })
}

/// Whether a pattern of a schema looks around; `at` then leads to the schema.
fn looks_around(schema: &Value<'_>, at: &mut String) -> bool {
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
    if regex::looks_around(pattern) {
        return true;
    }
    let before = at.len();
    let mut inside = |step: &str, schema: &Value<'_>| {
        at.push_str(step);
        let found = looks_around(schema, at);
        if !found {
            at.truncate(before);
        }
        found
    };
    let members = |name: &'static str| {
        let members = schema.get(name).map(Value::members).into_iter().flatten();
        members.map(move |(key, schema)| (format!(".{name}.{key}"), schema))
    };
    let items = |name: &'static str| {
        let items = schema.get(name).and_then(Value::as_array).into_iter().flatten().enumerate();
        items.map(move |(i, schema)| (format!(".{name}[{i}]"), schema))
    };
    let alone = ["items", "additionalProperties"];
    let alone = alone.iter().filter_map(|name| Some((format!(".{name}"), schema.get(name)?)));
    let within = members("properties").chain(members("$defs")).chain(members("definitions"));
    within.chain(items("anyOf")).chain(alone).any(|(step, schema)| inside(&step, schema))
}

fn walk(root: &Value<'_>, strict: bool) -> Option<String> {
    let mut context = Vec::new();
    let fault = Walk { root, strict, patience: Cell::new(PATIENCE) }.validate(root, &mut context, 0)?;
    Some(match fault {
        Fault::Here(sentence) => {
            let mut out = "In context=(".to_owned();
            for (i, step) in context.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push_python_str(step, &mut out);
            }
            if context.len() == 1 {
                out.push(',');
            }
            out + "), " + &sentence
        }
        Fault::Whole(sentence) => sentence,
    })
}

/// The root is an object's schema; that of a function may also be empty.
fn of_object(root: &Value<'_>, purpose: Use) -> Option<String> {
    if purpose == Use::Function && root.members().next().is_none()
        || root.get("type").and_then(Value::as_str) == Some("object")
    {
        return None;
    }
    let kind = match root.get("type") {
        None | Some(Value::Null) => "None".to_owned(),
        Some(Value::String(kind)) => kind.to_string(),
        Some(other) => other.python(),
    };
    Some(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."))
}

/// Whether the schema is one at all, by JSON Schema's own schema.
fn meta(schema: &Value<'_>) -> Option<String> {
    let Value::Object(_) = schema else {
        return match schema {
            Value::Bool(_) => None,
            other => Some(format!("{} is not of type 'object', 'boolean'.", other.python())),
        };
    };
    for (name, value) in schema.members() {
        let fault = match name {
            "type" => type_fault(value),
            "properties" | "$defs" | "definitions" | "patternProperties" => match value {
                Value::Object(_) => value.members().find_map(|(_, schema)| meta(schema)),
                other => Some(format!("{} is not of type 'object'.", other.python())),
            },
            "items" | "additionalProperties" | "not" => meta(value),
            "anyOf" | "oneOf" | "allOf" => match value {
                Value::Array(schemas) if schemas.is_empty() => Some("[] should be non-empty.".to_owned()),
                Value::Array(schemas) => schemas.iter().find_map(meta),
                other => Some(format!("{} is not of type 'array'.", other.python())),
            },
            "required" => match value {
                Value::Array(names) => names
                    .iter()
                    .find(|name| name.as_str().is_none())
                    .map(|name| format!("{} is not of type 'string'.", name.python())),
                other => Some(format!("{} is not of type 'array'.", other.python())),
            },
            "enum" if !matches!(value, Value::Array(_)) => {
                Some(format!("{} is not of type 'array'.", value.python()))
            }
            "pattern" => match value {
                Value::String(text) if is_regex(text) => None,
                Value::String(_) => Some(format!("{} is not a 'regex'.", value.python())),
                other => Some(format!("{} is not of type 'string'.", other.python())),
            },
            "description" | "title" | "format" | "$ref" if !matches!(value, Value::String(_)) => {
                Some(format!("{} is not of type 'string'.", value.python()))
            }
            _ => None,
        };
        if fault.is_some() {
            return fault;
        }
    }
    None
}

fn type_fault(value: &Value<'_>) -> Option<String> {
    let known = |value: &Value<'_>| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let good = match value {
        Value::Array(types) => !types.is_empty() && types.iter().all(known),
        other => known(other),
    };
    (!good).then(|| format!("{} is not valid under any of the given schemas.", value.python()))
}

enum Fault {
    /// A fault of the schema the context leads to.
    Here(String),
    /// A fault of the whole.
    Whole(String),
}

struct Walk<'w, 'a> {
    root: &'w Value<'a>,
    strict: bool,
    /// How many more names may be looked at to find what references lead to.
    patience: Cell<usize>,
}

impl Walk<'_, '_> {
    /// The first fault of a schema or of one inside it; `context` then leads there.
    fn validate(&self, schema: &Value<'_>, context: &mut Vec<String>, level: usize) -> Option<Fault> {
        if !schema.is_object() {
            return None;
        }
        if let Some(sentence) = if self.strict { self.strict_fault(schema) } else { None }
            .or_else(|| lax_fault(schema, self.strict || context.is_empty()))
        {
            return Some(Fault::Here(sentence));
        }
        let deeper = level + usize::from(has_type(schema, "object") || has_type(schema, "array"));
        if self.strict && deeper > MAX_LEVELS {
            let sentence = format!("{deeper} levels of nesting exceeds limit of {MAX_LEVELS}.");
            return Some(Fault::Whole(sentence));
        }
        let mut inside = |keyword: &str, name: Option<String>, schema: &Value<'_>| {
            let before = context.len();
            context.push(keyword.to_owned());
            context.extend(name);
            let fault = self.validate(schema, context, deeper);
            if fault.is_none() {
                context.truncate(before);
            }
            fault
        };
        for keyword in ["properties", "$defs", "definitions"] {
            for (name, schema) in schema.get(keyword).map(Value::members).into_iter().flatten() {
                if let Some(fault) = inside(keyword, Some(name.to_owned()), schema) {
                    return Some(fault);
                }
            }
        }
        if let Some(fault) = schema.get("items").and_then(|items| inside("items", None, items)) {
            return Some(fault);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for (i, schema) in schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                if let Some(fault) = inside(keyword, Some(i.to_string()), schema) {
                    return Some(fault);
                }
            }
        }
        None
    }

    fn strict_fault(&self, schema: &Value<'_>) -> Option<String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference_fault(schema, reference);
        }
        if let Some((name, _)) = schema.members().find(|(name, _)| NOT_PERMITTED.contains(name)) {
            return Some(format!("'{name}' is not permitted."));
        }
        if schema.get("type").is_none() && schema.get("anyOf").is_none() {
            return Some("schema must have a 'type' key.".to_owned());
        }
        let format = schema.get("format").and_then(Value::as_str);
        if let Some(format) = format.filter(|format| !FORMATS.contains(format)) {
            return Some(format!("'{format}' is not a valid format."));
        }
        enum_fault(schema).or_else(|| if has_type(schema, "object") { object_fault(schema) } else { None })
    }

    fn reference_fault(&self, schema: &Value<'_>, reference: &str) -> Option<String> {
        let beside: Vec<String> = schema
            .members()
            .filter(|(name, _)| !matches!(*name, "$ref" | "$defs" | "definitions"))
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        if !beside.is_empty() {
            return Some(format!("$ref cannot have keywords {{{}}}.", beside.join(", ")));
        }
        (!self.resolves(reference))
            .then(|| format!("reference to component '{reference}' which was not found in the schema."))
    }

    fn resolves(&self, reference: &str) -> bool {
        let Some(pointer) = reference.strip_prefix('#') else { return false };
        let mut at = self.root;
        for step in pointer.split('/').skip(1) {
            let Some(patience) = self.patience.get().checked_sub(at.all_members().len()) else { return true };
            self.patience.set(patience);
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match at {
                Value::Array(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
                other => other.get(&step),
            };
            let Some(next) = next else { return false };
            at = next;
        }
        pointer.is_empty() || pointer.starts_with('/')
    }
}

/// What a schema must have even where it is not strict.
///
/// Only the root and strict schemas must list the properties of an object: an object inside may be any, as in the tools
/// of coding agents.
fn lax_fault(schema: &Value<'_>, needs_properties: bool) -> Option<String> {
    let lacks = |keywords: &[&str]| keywords.iter().all(|keyword| schema.get(keyword).is_none());
    if needs_properties
        && has_type(schema, "object")
        && lacks(&[
            "properties",
            "additionalProperties",
            "patternProperties",
            "anyOf",
            "oneOf",
            "allOf",
            "$ref",
        ])
    {
        return Some("object schema missing properties.".to_owned());
    }
    if has_type(schema, "array") && lacks(&["items", "prefixItems"]) {
        return Some("array schema missing items.".to_owned());
    }
    None
}

/// Each value of a strict `enum` is of the schema's type.
fn enum_fault(schema: &Value<'_>) -> Option<String> {
    let types = schema.get("type")?;
    let other = schema
        .get("enum")?
        .as_array()?
        .iter()
        .find(|value| !types_of(value).iter().any(|name| has_type(schema, name)))?;
    let value = other.as_str().map_or_else(|| other.python(), str::to_owned);
    Some(format!("enum value {value} does not validate against {{'type': {}}}.", types.python()))
}

/// The types that a value is of.
fn types_of(value: &Value<'_>) -> &'static [&'static str] {
    match value {
        Value::Null => &["null"],
        Value::Bool(_) => &["boolean"],
        Value::Number(number) if double(number).fract() == 0.0 => &["number", "integer"],
        Value::Number(_) => &["number"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    }
}

/// A strict object lists all its properties, requires them all, and allows no others.
fn object_fault(schema: &Value<'_>) -> Option<String> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Some("'additionalProperties' is required to be supplied and to be false.".to_owned());
    }
    let required = schema.get("required").and_then(Value::as_array);
    let names = || required.into_iter().flatten().filter_map(Value::as_str);
    let properties =
        || schema.get("properties").map(Value::members).into_iter().flatten().map(|(name, _)| name);
    let (listed, known) = (NameSet::of(names()), NameSet::of(properties()));
    let rule = "'required' is required to be supplied and to be an array including every key in properties.";
    if let Some(missing) = properties().find(|name| !listed.have(name)) {
        return Some(format!("{rule} Missing '{missing}'."));
    }
    let extra = names().find(|name| !known.have(name))?;
    Some(format!("{rule} Extra required key '{extra}' supplied."))
}

/// Whether values of this type are among those the schema describes.
fn has_type(schema: &Value<'_>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind.as_str() == Some(name)),
        _ => false,
    }
}
