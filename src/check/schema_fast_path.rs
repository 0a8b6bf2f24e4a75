//! A look at a schema's text that is quick: is it plainly good?
//!
//! Schemas are most of what an agent sends, and reading each into a tree would cost as much as all the rest.
//! The text is known to be JSON. As in the fast pass of a request, yes means yes, and no that [`super::schema`] decides.

use super::regex::{is_regex, looks_around};
use super::schema::{FORMATS, MAX_LEVELS, NOT_PERMITTED, TYPES};

/// How deep schemas may nest here.
const MAX_DEPTH: usize = 64;
/// How many properties of an object may be required in an order of their own here.
const MAX_SHUFFLED: usize = 64;

/// Whether an object's schema has no fault.
pub(super) fn is_plain(json: &str, strict: bool) -> bool {
    let mut scan = Scan::of(json, strict);
    scan.schema(0, 0) == Some(Sort::Object)
}

/// What a schema describes, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Object,
    Array,
    Other,
    /// The type is not restricted.
    Open,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    strict: bool,
    /// The names of properties, and of those required, of all objects around this place.
    properties: Vec<&'a str>,
    required: Vec<&'a str>,
}

impl<'a> Scan<'a> {
    fn of(text: &'a str, strict: bool) -> Self {
        Self { text, at: 0, strict, properties: Vec::new(), required: Vec::new() }
    }

    /// The next byte that is not space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// A string without escapes that need a closer look.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"').then_some(())?;
        let bytes = self.text.as_bytes();
        let from = self.at;
        loop {
            let rest = bytes.get(self.at..)?;
            let end = self.at + rest.iter().position(|b| matches!(b, b'"' | b'\\'))?;
            self.at = end + 1;
            if bytes.get(end) == Some(&b'"') {
                return self.text.get(from..end);
            }
            if *bytes.get(self.at)? == b'u' {
                return None;
            }
            self.at += 1;
        }
    }

    /// A string without any escapes, which can be compared as it stands.
    fn name(&mut self) -> Option<&'a str> {
        self.string().filter(|text| !text.contains('\\'))
    }

    /// Calls `member` at the value of each member of an object.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.eat(b'{').then_some(())?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            self.eat(b':').then_some(())?;
            member(self, name)?;
            if !self.eat(b',') {
                return self.eat(b'}').then_some(());
            }
        }
    }

    /// Calls `item` at each item of an array, and counts them.
    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<usize> {
        self.eat(b'[').then_some(())?;
        if self.eat(b']') {
            return Some(0);
        }
        for count in 1.. {
            item(self)?;
            if !self.eat(b',') {
                return self.eat(b']').then_some(count);
            }
        }
        None
    }

    /// Passes over a value.
    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.members(|scan, _| scan.skip(depth + 1)),
            b'[' => self.items(|scan| scan.skip(depth + 1)).map(|_| ()),
            _ => {
                let rest = self.text.as_bytes().get(self.at..)?;
                let word =
                    rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
                // Numbers too large for a double are left to the exact pass.
                let exact = !rest.iter().take(word).any(|b| matches!(b, b'e' | b'E'))
                    || rest.first().is_some_and(u8::is_ascii_alphabetic);
                self.at += word;
                (word > 0 && word < 300 && exact).then_some(())
            }
        }
    }

    /// Passes over a schema in which nothing is wrong, `level` objects and arrays inside others.
    fn schema(&mut self, depth: usize, level: usize) -> Option<Sort> {
        if depth > MAX_DEPTH || level > MAX_LEVELS {
            return None;
        }
        let (properties, required) = (self.properties.len(), self.required.len());
        // Whether each value of an `enum` is a string, and the type is.
        let (mut has_enum, mut only_strings, mut is_string) = (false, true, false);
        let (mut sort, mut says_type, mut closed, mut has_items, mut has_properties, mut lists) =
            (Sort::Open, false, false, false, false, false);
        // How deep what is inside lies: an object's or an array's schema is a level, others count as one too,
        // so that the order of members does not matter.
        let inner = level + 1;
        self.members(|scan, name| match name {
            "type" if says_type => None,
            "type" => {
                says_type = true;
                (sort, is_string) = scan.kind()?;
                Some(())
            }
            "properties" if has_properties => None,
            "properties" => {
                has_properties = true;
                let mut names = Vec::new();
                scan.members(|scan, name| {
                    names.push(name);
                    scan.schema(depth + 2, inner).map(|_| ())
                })?;
                scan.properties.extend(names);
                Some(())
            }
            "required" if lists => None,
            "required" => {
                lists = true;
                let mut names = Vec::new();
                scan.items(|scan| {
                    names.push(scan.name()?);
                    Some(())
                })?;
                scan.required.extend(names);
                Some(())
            }
            "additionalProperties" if scan.peek()? == b'f' => {
                closed = true;
                scan.skip(depth)
            }
            "additionalProperties" if scan.strict => None,
            "additionalProperties" | "items" => {
                has_items |= name == "items";
                match scan.peek()? {
                    b'{' => scan.schema(depth + 1, inner).map(|_| ()),
                    b't' | b'f' => scan.skip(depth),
                    _ => None,
                }
            }
            "anyOf" => {
                says_type = true;
                let count = scan.items(|scan| scan.schema(depth + 2, inner).map(|_| ()))?;
                (count > 0).then_some(())
            }
            "enum" => scan
                .items(|scan| {
                    has_enum = true;
                    only_strings &= scan.peek()? == b'"';
                    scan.skip(depth + 1)
                })
                .map(|_| ()),
            "format" if scan.strict => FORMATS.contains(&scan.name()?).then_some(()),
            // What JSON escapes besides backslashes means the same to an expression.
            "pattern" => {
                let pattern = scan.string()?.replace(r"\\", r"\");
                (is_regex(&pattern) && !(scan.strict && looks_around(&pattern))).then_some(())
            }
            "description" | "title" | "format" => scan.string().map(|_| ()),
            "$ref" | "$defs" | "definitions" | "patternProperties" | "not" | "oneOf" | "allOf"
            | "prefixItems" => None,
            _ if scan.strict && NOT_PERMITTED.contains(&name) => None,
            _ => scan.skip(depth + 1),
        })?;
        let complete = match sort {
            Sort::Object if self.strict => {
                let properties = self.properties.get(properties..).unwrap_or_default();
                let required = self.required.get(required..).unwrap_or_default();
                // Most list them in their order. Others are compared one with all, as long as they are few.
                let same = || {
                    properties.len() == required.len()
                        && properties.len() <= MAX_SHUFFLED
                        && properties.iter().all(|p| required.contains(p))
                        && required.iter().all(|r| properties.contains(r))
                };
                closed && (properties == required || same())
            }
            Sort::Object => has_properties,
            Sort::Array => has_items,
            Sort::Other | Sort::Open => says_type || !self.strict,
        };
        self.properties.truncate(properties);
        self.required.truncate(required);
        // Whether other values are of the type is for the exact pass to find out.
        (complete && (only_strings && (is_string || !has_enum) || !self.strict)).then_some(sort)
    }

    /// The value of `type`.
    fn kind(&mut self) -> Option<(Sort, bool)> {
        let kind = self.name()?; // a list of types is for others to look at
        let sort = match kind {
            "object" => Sort::Object,
            "array" => Sort::Array,
            _ => Sort::Other,
        };
        TYPES.contains(&kind).then_some((sort, kind == "string"))
    }
}
