//! [`Document`]: a schema with its references resolved and the least nesting of each part known.

use super::heights::Heights;
use crate::budget::{Budget, Exhausted};
use crate::json::{Kind, Node, Tape};
use crate::pattern::Pattern;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

/// The steps of looking at a keyword, a name or an item: some 150 to 240 ns in the component.
const LOOK: u64 = 8;

/// Objects and arrays with more children than this are indexed when they are searched.
const MANY: usize = 32;

/// The ids of an object's members by their names.
type Names<'t> = HashMap<Cow<'t, str>, u32>;

/// A schema: its text, and what was found out about it.
pub(super) struct Document<'t> {
    tape: &'t Tape<'t>,
    pub(super) budget: &'t Budget,
    heights: OnceCell<Heights>,
    /// The `$id`s and `$anchor`s of the document.
    anchors: OnceCell<HashMap<Cow<'t, str>, u32>>,
    members: RefCell<HashMap<u32, Names<'t>>>,
    items: RefCell<HashMap<u32, Rc<[u32]>>>,
    patterns: RefCell<HashMap<u32, Option<Rc<Pattern>>>>,
}

impl<'t> Document<'t> {
    pub(super) fn new(tape: &'t Tape<'t>, budget: &'t Budget) -> Self {
        Self {
            tape,
            budget,
            heights: OnceCell::new(),
            anchors: OnceCell::new(),
            members: RefCell::default(),
            items: RefCell::default(),
            patterns: RefCell::default(),
        }
    }

    /// Takes the steps of looking at so many keywords, names or items.
    pub(super) fn spend(&self, looks: u64) -> Result<(), Exhausted> {
        self.budget.spend(looks.saturating_mul(LOOK))
    }

    /// Determines the heights; before, all are 0.
    pub(super) fn measure(&self) -> Result<(), Exhausted> {
        if self.tape.text().contains("Ref\"") || self.tape.text().contains("$ref") {
            let heights = Heights::of(self)?;
            let _ = self.heights.set(heights);
        }
        Ok(())
    }

    pub(super) fn root(&self) -> Node<'t> {
        self.tape.root()
    }

    pub(super) fn node(&self, id: u32) -> Node<'t> {
        self.tape.node(id)
    }

    /// How many ids there are.
    pub(super) fn len(&self) -> usize {
        self.tape.len()
    }

    /// How many references must be followed one inside the other to finish an instance of a schema, or of the
    /// branch of an `anyOf` array with the fewest.
    pub(super) fn height(&self, schema: Node<'t>) -> u32 {
        match self.heights.get() {
            Some(heights) => heights.get(schema.id()),
            None if schema.is_bool(false) => super::heights::ENDLESS,
            None => 0,
        }
    }

    /// The member of an object, which may be large.
    pub(super) fn member(&self, object: Node<'t>, name: &str) -> Result<Option<Node<'t>>, Exhausted> {
        if let Some(index) = self.members.borrow().get(&object.id()) {
            return Ok(index.get(name).map(|id| self.node(*id)));
        }
        let count = object.members().take(MANY + 1).count();
        self.spend(1 + count as u64 / 4)?;
        if count <= MANY {
            return Ok(object.get(name));
        }
        let mut index = HashMap::new();
        for (name, value) in object.members() {
            self.spend(1)?;
            index.insert(name.as_str().unwrap_or_default(), value.id());
        }
        let found = index.get(name).map(|id| self.node(*id));
        self.members.borrow_mut().insert(object.id(), index);
        Ok(found)
    }

    /// The ids of the items of an array.
    pub(super) fn items(&self, array: Node<'t>) -> Result<Rc<[u32]>, Exhausted> {
        if let Some(items) = self.items.borrow().get(&array.id()) {
            return Ok(Rc::clone(items));
        }
        let items: Rc<[u32]> = array.items().map(Node::id).collect();
        self.spend(1 + items.len() as u64 / 4)?;
        if items.len() > MANY {
            self.items.borrow_mut().insert(array.id(), Rc::clone(&items));
        }
        Ok(items)
    }

    /// The pattern of a string, or of a member's name in `patternProperties`; `None` if it is not supported. Its bytes are
    /// taken from the budget, for as long as the document lives.
    pub(super) fn pattern(&self, source: Node<'t>) -> Result<Option<Rc<Pattern>>, Exhausted> {
        Ok(match self.patterns.borrow_mut().entry(source.id()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let Some(text) = source.as_str() else { return Ok(None) };
                let pattern = Pattern::of_request(&text, self.budget).ok().map(Rc::new);
                // As much again is taken while it is read.
                let bytes = pattern.as_ref().map_or(0, |pattern| 2 * pattern.bytes());
                self.budget.reserve(bytes)?;
                place.insert(pattern).clone()
            }
        })
    }

    /// What a `$ref` refers to: a JSON pointer (RFC 6901) in a URI fragment, an anchor or an `$id` of the document.
    pub(super) fn resolve(&self, reference: &str) -> Result<Option<Node<'t>>, Exhausted> {
        self.spend(1)?;
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let start = if base.is_empty() || self.root().get("$id").is_some_and(|id| id.is_str(base)) {
            Some(self.root())
        } else {
            self.anchor(base)?
        };
        let Some(start) = start else { return Ok(None) };
        let fragment = percent_decoded(fragment);
        if fragment.is_empty() {
            return Ok(Some(start));
        }
        let Some(pointer) = fragment.strip_prefix('/') else {
            return self.anchor(&format!("#{fragment}"));
        };
        let mut at = start;
        for step in pointer.split('/') {
            let name = if step.contains('~') {
                step.replace("~1", "/").replace("~0", "~").into()
            } else {
                Cow::Borrowed(step)
            };
            let next = match at.kind() {
                Kind::Array => {
                    let items = self.items(at)?;
                    name.parse().ok().and_then(|i: usize| items.get(i).copied()).map(|id| self.node(id))
                }
                _ => self.member(at, &name)?,
            };
            let Some(next) = next else { return Ok(None) };
            at = next;
        }
        Ok(Some(at))
    }

    /// The schema with this `$id`, or with this `$anchor` after a `#`.
    fn anchor(&self, name: &str) -> Result<Option<Node<'t>>, Exhausted> {
        if self.anchors.get().is_none() {
            let mut found = HashMap::new();
            let mut open = vec![self.root()];
            while let Some(value) = open.pop() {
                self.spend(1)?;
                open.extend(value.items());
                for (key, member) in value.members() {
                    match key.plain_str() {
                        Some("$anchor" | "$dynamicAnchor") => {
                            let anchor = member.as_str().map(|name| Cow::Owned(format!("#{name}")));
                            found.extend(anchor.map(|name| (name, value.id())));
                        }
                        Some("$id") => found.extend(member.as_str().map(|name| (name, value.id()))),
                        _ => open.push(member),
                    }
                }
            }
            let _ = self.anchors.set(found);
        }
        Ok(self.anchors.get().and_then(|known| known.get(name)).map(|id| self.node(*id)))
    }
}

/// A URI's fragment without its percent-encoding (RFC 3986, section 2.1). What is no UTF-8 then stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_the_parts_they_name() {
        let json = r#"{"$id":"https://example.com/root","$defs":{"a b":1,"c/d~e":2,"50%":[3,4],"n":{"$anchor":"here"},"i":{"$id":"other","x":5}}}"#;
        let tape = Tape::parse(json).expect("JSON");
        let budget = Budget::default();
        let document = Document::new(&tape, &budget);
        for (reference, want) in [
            ("#/$defs/a%20b", Some("1")),
            ("#/$defs/a b", Some("1")),
            ("#/%24defs/c~1d~0e", Some("2")),
            ("#/$defs/50%25/1", Some("4")),
            ("#/$defs/50%/0", Some("3")),
            ("#here", Some(r#"{"$anchor":"here"}"#)),
            ("other#/x", Some("5")),
            ("https://example.com/root#/$defs/a%20b", Some("1")),
            ("#/$defs/50%25/2", None),
            ("#/$defs/none", None),
            ("#nowhere", None),
            ("https://example.com/else", None),
        ] {
            let found = document.resolve(reference).expect("within the budget");
            let json = found.map(|node| {
                let mut out = String::new();
                node.push_json(&mut out);
                out
            });
            assert_eq!(json.as_deref(), want, "{reference}");
        }
        assert_eq!(document.resolve("#").map(|found| found.map(Node::id)), Ok(Some(0)));
    }
}
