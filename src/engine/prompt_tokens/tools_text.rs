//! Tools as the text that models read: TypeScript declarations in one namespace.
//!
//! ```text
//! # Tools
//!
//! ## functions
//!
//! namespace functions {
//!
//! // Get the weather
//! type get_weather = (_: {
//! // The city
//! city: string,
//! unit?: "celsius" | "fahrenheit", // default: "celsius"
//! }) => any;
//!
//! } // namespace functions
//! ```

use super::json_text::push_value;
use crate::json::Value;
use crate::turn::Tool;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The deepest level of a schema that is rendered; recursive ones have no end.
const MAX_LEVELS: usize = 10;

/// The most references in a row.
const MAX_REFERENCES: usize = 8;

/// Members from which an object is looked into by an index.
const INDEXED: usize = 16;

/// Bytes of text for each byte of a tool's schema, and on top of that. References and types that copy their comments
/// can make a text much longer than its schema.
const GROWTH: usize = 4;
const GROWTH_BASE: usize = 64 * 1024;

/// How tools are rendered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Whether a type that is a list has a copy of its property's comments before each type, as in Chat Completions.
    pub(super) copies: bool,
    /// Whether titles and comments of an array's items are left out, and each property has a line of its own.
    pub(super) early: bool,
}

/// Renders tools.
pub(super) fn render(tools: &[Tool<'_>], style: Style) -> String {
    let mut out = String::from("# Tools\n\n## functions\n\nnamespace functions {\n\n");
    for tool in tools {
        declaration(tool, style, &mut out);
    }
    out.push_str("} // namespace functions");
    out
}

/// Whether a tool has neither a description nor properties.
pub(super) fn is_bare(tool: &Tool<'_>) -> bool {
    let described = tool.description.is_some_and(|description| !description.is_empty());
    let properties = || {
        tool.parameters.is_some_and(|json| {
            json.0.contains("\"properties\"") && {
                let schema = crate::json::from_str::<Value<'_>>(json.0).ok();
                schema.is_some_and(|schema| has_properties(&schema))
            }
        })
    };
    !described && tool.grammar.is_none() && !properties()
}

fn has_properties(schema: &Value<'_>) -> bool {
    schema.get("properties").is_some_and(|properties| !properties.all_members().is_empty())
}

fn declaration(tool: &Tool<'_>, style: Style, out: &mut String) {
    comment(tool.description, out);
    if let Some((_, grammar)) = tool.grammar {
        comment(Some(grammar), out);
    }
    out.extend(["type ", tool.name, " = ("]);
    let parameters = tool.parameters.and_then(|json| crate::json::from_str::<Value<'_>>(json.0).ok());
    let parameters = parameters.as_ref().filter(|schema| has_properties(schema));
    if let (Some(root), Some(json)) = (parameters, tool.parameters) {
        out.push_str("_: ");
        let limit = out.len() + GROWTH_BASE + GROWTH * json.0.len();
        let mut types = Types { root, indexes: RefCell::default(), style, limit, out };
        let schema = Schema { own: root, referenced: Vec::new() };
        types.comments(&schema);
        types.object(&schema, 0);
    }
    out.push_str(") => any;\n\n");
}

/// Appends a text as comment lines; nothing for none.
fn comment(text: Option<&str>, out: &mut String) {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    for line in text.trim().split('\n') {
        out.push_str("//");
        let line = line.trim();
        if !line.is_empty() {
            out.extend([" ", line]);
        }
        out.push('\n');
    }
}

/// A schema, and what it refers to: its own keywords go before those of the schemas it refers to.
struct Schema<'v> {
    own: &'v Value<'v>,
    referenced: Vec<&'v Value<'v>>,
}

impl<'v> Schema<'v> {
    fn get(&self, keyword: &str) -> Option<&'v Value<'v>> {
        let mut layers = std::iter::once(self.own).chain(self.referenced.iter().copied());
        layers.find_map(|layer| layer.get(keyword))
    }

    /// A text that is not empty.
    fn text(&self, keyword: &str) -> Option<&'v str> {
        self.get(keyword)?.as_str().filter(|text| !text.is_empty())
    }

    fn title(&self, style: Style) -> Option<&'v str> {
        self.text("title").filter(|_| !style.early)
    }

    fn has_comments(&self, style: Style) -> bool {
        self.title(style).is_some() || self.text("description").is_some()
    }
}

/// Members by name, of objects too large to be searched from end to end each time.
type Indexes<'v> = RefCell<BTreeMap<*const Value<'v>, BTreeMap<&'v str, &'v Value<'v>>>>;

struct Types<'v, 'o> {
    root: &'v Value<'v>,
    indexes: Indexes<'v>,
    style: Style,
    /// The length of the text at which rendering stops.
    limit: usize,
    out: &'o mut String,
}

impl<'v> Types<'v, '_> {
    fn resolve(&self, schema: &'v Value<'v>) -> Schema<'v> {
        let mut referenced = Vec::new();
        let mut at = schema;
        while referenced.len() < MAX_REFERENCES
            && let Some(target) = at.get("$ref").and_then(Value::as_str).and_then(|path| self.target(path))
        {
            referenced.push(target);
            at = target;
        }
        Schema { own: schema, referenced }
    }

    /// What a JSON pointer in a URL's fragment refers to.
    fn target(&self, path: &str) -> Option<&'v Value<'v>> {
        let mut at = self.root;
        for step in path.strip_prefix("#/")?.split('/') {
            let step = step.replace("~1", "/").replace("~0", "~");
            at = self.member(at, &step)?;
        }
        at.is_object().then_some(at)
    }

    fn member(&self, object: &'v Value<'v>, name: &str) -> Option<&'v Value<'v>> {
        let members = object.all_members();
        if members.len() < INDEXED {
            return object.get(name);
        }
        let mut indexes = self.indexes.borrow_mut();
        let index = indexes
            .entry(std::ptr::from_ref(object))
            .or_insert_with(|| members.iter().map(|(name, value)| (&**name, value)).collect());
        index.get(name).copied()
    }

    fn comments(&mut self, schema: &Schema<'_>) {
        comment(schema.title(self.style), self.out);
        comment(schema.text("description"), self.out);
    }

    /// Appends the type of a schema, as if its keyword `type` were `kind` where there is one.
    fn schema(&mut self, schema: &Schema<'v>, kind: Option<&str>, level: usize) {
        if !schema.own.is_object() || level > MAX_LEVELS || self.out.len() > self.limit {
            return self.out.push_str("any");
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.union(values, |types, value| push_value(value, types.out));
        }
        if let Some(value) = schema.get("const") {
            return push_value(value, self.out);
        }
        let any_of = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
        if let Some(schemas) = any_of {
            return self.union(schemas, |types, schema| types.alternative(schema, level + 1));
        }
        let own = schema.get("type");
        match (kind.or(own.and_then(Value::as_str)), own) {
            (None, Some(Value::Array(kinds))) => self.union(kinds, |types, kind| {
                if types.style.copies && schema.has_comments(types.style) {
                    types.out.push('\n');
                    types.comments(schema);
                }
                types.schema(schema, Some(kind.as_str().unwrap_or_default()), level + 1);
            }),
            (Some("integer" | "number"), _) => self.out.push_str("number"),
            (Some(kind @ ("string" | "boolean" | "null")), _) => self.out.push_str(kind),
            (Some("array"), _) => self.array(schema, level),
            (Some("object"), _) => self.object(schema, level + 1),
            _ if schema.get("properties").is_some() => self.object(schema, level + 1),
            _ => self.out.push_str("any"),
        }
    }

    /// Appends one of several schemas; of an array, its kind alone.
    fn alternative(&mut self, schema: &'v Value<'v>, level: usize) {
        let schema = self.resolve(schema);
        match schema.get("type").and_then(Value::as_str) {
            Some(kind @ "array") => self.out.push_str(kind),
            _ => self.schema(&schema, None, level),
        }
    }

    /// Appends types separated by bars.
    fn union(&mut self, of: &'v [Value<'v>], mut one: impl FnMut(&mut Self, &'v Value<'v>)) {
        for (i, value) in of.iter().enumerate() {
            if self.out.len() > self.limit {
                break;
            }
            self.out.push_str(if i > 0 { " | " } else { "" });
            one(self, value);
        }
    }

    fn array(&mut self, schema: &Schema<'v>, level: usize) {
        let Some(items) = schema.get("items").filter(|items| **items != Value::Object(Vec::new())) else {
            return self.out.push_str("any[]");
        };
        let items = self.resolve(items);
        let start = self.out.len();
        let has_comments = !self.style.early && items.has_comments(self.style);
        if has_comments {
            self.out.push_str("Array<\n");
            self.comments(&items);
        }
        self.schema(&items, None, level + 1);
        let lines = self.out.get(start..).is_some_and(|text| text.contains('\n'));
        if lines && !has_comments {
            self.out.insert_str(start, "Array<\n");
        }
        self.out.push_str(if lines { "\n>" } else { "[]" });
    }

    fn object(&mut self, schema: &Schema<'v>, level: usize) {
        let Some(properties) =
            schema.get("properties").filter(|properties| !properties.all_members().is_empty())
        else {
            return self.out.push_str("object");
        };
        let required = schema.get("required").and_then(Value::as_array).unwrap_or_default();
        let required: BTreeSet<&str> = required.iter().filter_map(Value::as_str).collect();
        let properties: Vec<_> =
            properties.members().map(|(name, property)| (name, self.resolve(property))).collect();
        let lines = self.style.early
            || properties
                .iter()
                .any(|(_, property)| property.has_comments(self.style) || property.get("default").is_some());
        self.out.push_str(if lines { "{\n" } else { "{ " });
        for (i, (name, property)) in properties.iter().enumerate() {
            if self.out.len() > self.limit {
                break;
            }
            if lines {
                self.comments(property);
            } else if i > 0 {
                self.out.push_str(", ");
            }
            self.out.extend([*name, if required.contains(name) { ": " } else { "?: " }]);
            let start = self.out.len();
            self.schema(property, None, level);
            let default = property.get("default");
            let is_scalar = matches!(self.out.get(start..), Some("string" | "number" | "boolean"));
            if is_scalar && default == Some(&Value::Null) {
                self.out.push_str(" | null");
            }
            if lines {
                self.out.push(',');
                if let Some(default) = default {
                    self.out.push_str(" // default: ");
                    push_value(default, self.out);
                }
                self.out.push('\n');
            }
        }
        self.out.push_str(if lines { "}" } else { " }" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tool::Json;

    const CHAT: Style = Style { copies: true, early: false };

    fn parameters(schema: &str) -> String {
        let tool = Tool { name: "f", parameters: Some(Json(schema)), ..Tool::default() };
        let mut out = String::new();
        declaration(&tool, CHAT, &mut out);
        let start = out.strip_prefix("type f = (").expect("a declaration");
        start.strip_suffix(") => any;\n\n").expect("a declaration").to_owned()
    }

    fn property(schema: &str) -> String {
        let whole = parameters(&format!(r#"{{"properties":{{"a":{schema}}},"required":["a"]}}"#));
        let property = whole.strip_prefix("_: {").and_then(|text| text.strip_suffix('}')).expect("an object");
        property.trim().trim_end_matches(',').to_owned()
    }

    #[test]
    fn tools_are_one_namespace() {
        let tool = |name, description, parameters| Tool {
            name,
            description,
            parameters: Some(Json(parameters)),
            ..Tool::default()
        };
        let tools = [
            tool(
                "get_weather",
                Some(" Get the weather\n\n  now "),
                r#"{"type":"object","properties":{"city":{"type":"string","description":"The city"},"unit":{"enum":["celsius","fahrenheit"],"default":"celsius"}},"required":["city"]}"#,
            ),
            tool("ping", Some(""), "{}"),
        ];
        assert_eq!(
            render(&tools, CHAT),
            "# Tools\n\n## functions\n\nnamespace functions {\n\n\
             // Get the weather\n//\n// now\n\
             type get_weather = (_: {\n// The city\ncity: string,\n\
             unit?: \"celsius\" | \"fahrenheit\", // default: \"celsius\"\n}) => any;\n\n\
             type ping = () => any;\n\n} // namespace functions"
        );
    }

    #[test]
    fn objects_without_comments_are_one_line() {
        assert_eq!(
            parameters(r#"{"properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a"]}"#),
            "_: { a: string, b?: number }"
        );
        assert_eq!(
            parameters(r#"{"title":"T","description":"D","properties":{"a":{"type":"string"}}}"#),
            "_: // T\n// D\n{ a?: string }"
        );
        let tool = Tool {
            name: "f",
            parameters: Some(Json(
                r#"{"title":"T","properties":{"a":{"title":"A","type":"string"},"b":{"type":"array","items":{"type":"string","description":"One"}}}}"#,
            )),
            ..Tool::default()
        };
        let early = render(&[tool], Style { copies: true, early: true });
        assert!(early.contains("type f = (_: {\na?: string,\nb?: string[],\n}) => any;"), "{early}");
        for empty in ["{}", r#"{"type":"object","properties":{}}"#, "null", "not JSON"] {
            assert_eq!(parameters(empty), "", "{empty}");
        }
    }

    #[test]
    fn types_are_typescript() {
        for (schema, want) in [
            (r#"{"type":"boolean"}"#, "a: boolean"),
            (r#"{"type":"null"}"#, "a: null"),
            (r#"{"type":"number"}"#, "a: number"),
            (r#"{"const":1}"#, "a: 1"),
            (r#"{"enum":["x",1,null,{"k":[1,2]}]}"#, r#"a: "x" | 1 | null | {"k": [1, 2]}"#),
            (r#"{"type":"array"}"#, "a: any[]"),
            (r#"{"type":"array","items":{}}"#, "a: any[]"),
            (r#"{"type":"array","items":{"type":"array","items":{"type":"string"}}}"#, "a: string[][]"),
            (
                r#"{"type":"array","items":{"type":"string","description":"One"}}"#,
                "a: Array<\n// One\nstring\n>",
            ),
            (
                r#"{"type":"array","items":{"type":"object","properties":{"b":{"type":"string","title":"B"}}}}"#,
                "a: Array<\n{\n// B\nb?: string,\n}\n>",
            ),
            (r#"{"type":"object"}"#, "a: object"),
            (r#"{"properties":{"b":{}}}"#, "a: { b?: any }"),
            (
                r#"{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}"#,
                "a: string | array",
            ),
            (r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, "a: string | null"),
            (r#"{"type":["string","null"]}"#, "a: string | null"),
            (r#"{"type":["string","null"],"description":"D"}"#, "// D\na: \n// D\nstring | \n// D\nnull"),
            ("true", "a: any"),
            (r#"{"type":"string","default":null}"#, "a: string | null, // default: null"),
        ] {
            assert_eq!(property(schema), want, "{schema}");
        }
    }

    #[test]
    fn references_are_followed() {
        let schema = r##"{"$defs":{"P":{"description":"A point","type":"object","properties":{"x":{"type":"number"}}},
            "Q":{"$ref":"#/$defs/P","title":"Q"}},"properties":{"p":{"$ref":"#/$defs/Q","description":"Mine"},
            "r":{"$ref":"#/$defs/none"}}}"##;
        assert_eq!(parameters(schema), "_: {\n// Q\n// Mine\np?: { x?: number },\nr?: any,\n}");
    }

    /// Definitions that refer to each other twice would double with each level.
    #[test]
    fn recursive_schemas_end() {
        let node = r##"{"$ref":"#/$defs/N"}"##;
        let many: Vec<String> = (0..30).map(|i| format!(r#""p{i}":{node}"#)).collect();
        let schema = format!(
            r#"{{"$defs":{{"N":{{"type":"object","properties":{{{}}}}}}},"properties":{{"a":{node}}}}}"#,
            many.join(",")
        );
        let text = parameters(&schema);
        assert!(text.len() < 2 * (GROWTH_BASE + GROWTH * schema.len()), "{}", text.len());
        let list = r##"{"$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}}}},"properties":{"a":{"$ref":"#/$defs/N"}}}"##;
        assert!(parameters(list).contains("next?: any"), "{}", parameters(list));
    }
}
