//! [`Tape`]: an index of a JSON text, in eight bytes a value.
//!
//! A tree takes up to sixty times the text it was read from (`[[],[],…`), which the memory of a request does not allow for.
//! A tape holds where each value begins and where the next one is; strings and numbers are read from the text when
//! they are needed, numbers as they were spelled.

use super::{ParseError, Reader, push_string};
use std::borrow::Cow;

/// The values of a JSON text in the order of the text; a member's name stands before its value.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    text: &'a str,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Where in the text the value begins.
    start: u32,
    /// The entry after the value and all within it.
    next: u32,
}

/// A value on a [`Tape`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'t> {
    tape: &'t Tape<'t>,
    id: u32,
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'a> Tape<'a> {
    /// Reads a text of up to 4 GiB.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or nests too deeply for a [`Reader`].
    pub(crate) fn parse(text: &'a str) -> Result<Self, ParseError> {
        let signs = text.bytes().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
        let mut tape = Self { text, entries: Vec::with_capacity((signs + 1).min(text.len() / 2 + 1)) };
        let mut json = Reader::new(text);
        tape.push(&mut json)?;
        json.end()?;
        Ok(tape)
    }

    fn push(&mut self, json: &mut Reader<'a>) -> Result<(), ParseError> {
        let bracket = json.peek();
        let id = self.begin(json);
        match bracket {
            b'[' => {
                let mut more = json.open(bracket)?;
                while more {
                    self.push(json)?;
                    more = json.more(b']')?;
                }
            }
            b'{' => {
                let mut more = json.open(bracket)?;
                while more {
                    json.peek();
                    let name = self.begin(json);
                    json.name()?;
                    self.end(name);
                    self.push(json)?;
                    more = json.more(b'}')?;
                }
            }
            _ => json.skip()?,
        }
        self.end(id);
        Ok(())
    }

    /// Notes that what follows is no longer within an entry.
    fn end(&mut self, id: usize) {
        let next = self.entries.len() as u32;
        if let Some(entry) = self.entries.get_mut(id) {
            entry.next = next;
        }
    }

    fn begin(&mut self, json: &Reader<'a>) -> usize {
        self.entries.push(Entry { start: json.offset() as u32, next: 0 });
        self.entries.len() - 1
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { tape: self, id: 0 }
    }

    /// The value with an id, which is one of [`Node::id`].
    pub(crate) fn node(&self, id: u32) -> Node<'_> {
        Node { tape: self, id }
    }

    /// How many values and names there are: ids are below.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The text it was read from.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }
}

impl<'t> Node<'t> {
    /// A number that no other value of the tape has.
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// The value with another id of the same tape.
    pub(crate) fn sibling(self, id: u32) -> Node<'t> {
        Node { id, ..self }
    }

    fn entry(self) -> Entry {
        self.tape.entries.get(self.id as usize).copied().unwrap_or_default()
    }

    fn rest(self) -> &'t str {
        self.tape.text.get(self.entry().start as usize..).unwrap_or_default()
    }

    /// Its type.
    pub(crate) fn kind(self) -> Kind {
        match self.rest().as_bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// Whether it is this boolean.
    pub(crate) fn is_bool(self, value: bool) -> bool {
        self.rest().starts_with(if value { 't' } else { 'f' })
    }

    /// The string, without escapes; `None` for another type.
    pub(crate) fn as_str(self) -> Option<Cow<'t, str>> {
        if self.kind() == Kind::String { Reader::new(self.rest()).string().ok() } else { None }
    }

    /// The string as it stands in the text, if nothing in it is escaped.
    pub(crate) fn plain_str(self) -> Option<&'t str> {
        match self.as_str() {
            Some(Cow::Borrowed(text)) => Some(text),
            _ => None,
        }
    }

    /// The number, as it is spelled; `None` for another type.
    pub(crate) fn as_number(self) -> Option<&'t str> {
        if self.kind() == Kind::Number { Reader::new(self.rest()).number().ok() } else { None }
    }

    /// The number, as near as a double gets to it.
    pub(crate) fn as_f64(self) -> Option<f64> {
        self.as_number()?.parse().ok()
    }

    /// A whole number from 0 on.
    pub(crate) fn as_count(self) -> Option<u64> {
        self.as_f64().filter(|value| *value >= 0.0).map(|value| value as u64)
    }

    fn children(self) -> impl Iterator<Item = Node<'t>> + Clone {
        let end = self.entry().next;
        let first = Some(self.id + 1).filter(|id| *id < end);
        let next = move |node: &Node<'t>| Some(node.entry().next).filter(|id| *id < end);
        std::iter::successors(first.map(|id| Node { id, ..self }), move |node| {
            next(node).map(|id| Node { id, ..*node })
        })
    }

    /// The items of an array; none for another type.
    pub(crate) fn items(self) -> impl Iterator<Item = Node<'t>> + Clone {
        let is_array = self.kind() == Kind::Array;
        self.children().take_while(move |_| is_array)
    }

    /// The members of an object, names used twice included; none for another type.
    pub(crate) fn members(self) -> impl Iterator<Item = (Node<'t>, Node<'t>)> + Clone {
        let is_object = self.kind() == Kind::Object;
        let mut children = self.children().take_while(move |_| is_object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The member of this name, the last if there are several.
    pub(crate) fn get(self, name: &str) -> Option<Node<'t>> {
        self.members().filter(|(key, _)| key.is_str(name)).last().map(|(_, value)| value)
    }

    /// Whether it is this string.
    pub(crate) fn is_str(self, text: &str) -> bool {
        let after = self.rest().strip_prefix('"').and_then(|rest| rest.strip_prefix(text));
        let plain = after.is_some_and(|rest| rest.starts_with('"'));
        // What is spelled without escapes needs no reading: a backslash before the quote would be in `text`.
        if plain && !text.contains('\\') {
            return true;
        }
        self.as_str().is_some_and(|own| matches!(own, Cow::Owned(own) if own == text))
            || (text.contains('\\') && self.as_str().is_some_and(|own| own == text))
    }

    /// Appends the value as compact JSON, its numbers as they were spelled.
    pub(crate) fn push_json(self, out: &mut String) {
        match self.kind() {
            Kind::Null => out.push_str("null"),
            Kind::Bool => out.push_str(if self.is_bool(true) { "true" } else { "false" }),
            Kind::Number => out.push_str(self.as_number().unwrap_or("0")),
            Kind::String => push_string(&self.as_str().unwrap_or_default(), out),
            Kind::Array => {
                out.push('[');
                for (i, item) in self.items().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.push_json(out);
                }
                out.push(']');
            }
            Kind::Object => {
                out.push('{');
                for (i, (name, value)) in self.members().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    name.push_json(out);
                    out.push(':');
                    value.push_json(out);
                }
                out.push('}');
            }
        }
    }

    /// How many bytes of the text it takes at the most.
    pub(crate) fn size(self) -> usize {
        let next = self.tape.entries.get(self.entry().next as usize);
        next.map_or(self.tape.text.len(), |next| next.start as usize) - self.entry().start as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_is_the_json_it_was_read_from() {
        for json in [
            "null",
            r#"{"b":1,"a":[true,-2,1.50,"x\n\"\\\u0001é"],"c":{}}"#,
            "[18446744073709551615,-9223372036854775808,1e400,[],[[]]]",
            r#"{"a":{"b":{"c":[]}},"a":1}"#,
        ] {
            let tape = Tape::parse(json).expect(json);
            let mut out = String::new();
            tape.root().push_json(&mut out);
            assert_eq!(out, json);
        }
        for json in ["", "{", "[1,]", "nul", "[1] 2", "\"\\ud800\"", &"[".repeat(10_000)] {
            assert!(Tape::parse(json).is_err(), "{json:.20}");
        }
    }

    #[test]
    fn members_are_found_by_name_however_it_is_spelled() {
        let tape = Tape::parse(r#" { "a" : 1 , "\u0062" : [ 2 , "x\\y" ] , "a" : 3 } "#).expect("JSON");
        let root = tape.root();
        assert_eq!(root.get("a").and_then(Node::as_number), Some("3"), "the last of two");
        let items: Vec<_> = root.get("b").expect("an escaped name").items().collect();
        assert_eq!((items[0].as_count(), items[1].as_str().as_deref()), (Some(2), Some("x\\y")));
        assert!(items[1].is_str("x\\y") && !items[1].is_str("x"));
        assert!(
            root.get("c").is_none() && items[0].get("a").is_none() && items[0].members().next().is_none()
        );
        assert_eq!(tape.len(), 9);
    }
}
