//! [`Tree`]: JSON that grows by deltas, as the official SDKs accumulate them.

use super::{push_name, quoted};
use crate::json::Value;

/// A JSON value that more may be added to.
pub(super) enum Tree {
    /// What is only ever replaced, as JSON.
    Raw(String),
    Text(String),
    List(Vec<Tree>),
    Object(Object),
}

/// The members of an object, in the order they came in.
#[derive(Default)]
pub(super) struct Object(pub(super) Vec<(String, Tree)>);

/// Members whose pieces are joined. Of any other text the last one counts.
const JOINED: [&str; 12] = [
    "content",
    "refusal",
    "text",
    "reasoning",
    "reasoning_content",
    "arguments",
    "input",
    "thinking",
    "signature",
    "summary",
    "data",
    "transcript",
];

impl Object {
    pub(super) fn get(&self, name: &str) -> Option<&Tree> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, tree)| tree)
    }

    /// The member of a name, which is null if it was not there.
    #[expect(clippy::indexing_slicing, reason = "the index is of a member that was found or added")]
    pub(super) fn entry(&mut self, name: &str) -> &mut Tree {
        let at = self.0.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), Tree::null()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// Replaces a member, unless the new value is null or empty and there is one.
    pub(super) fn set(&mut self, name: &str, value: &Value<'_>) {
        let is_empty = *value == Value::Null || value.as_str() == Some("");
        if !is_empty || self.get(name).is_none() {
            *self.entry(name) = Tree::Raw(value.to_json());
        }
    }

    /// Adds a delta to the object.
    pub(super) fn merge(&mut self, delta: &Value<'_>) {
        for (name, value) in delta.members() {
            match value {
                Value::String(text) if JOINED.contains(&name) => self.entry(name).join(text),
                Value::Array(items) => self.entry(name).extend(name, items),
                Value::Object(_) => match self.entry(name) {
                    Tree::Object(own) => own.merge(value),
                    other => {
                        let mut new = Self::default();
                        new.merge(value);
                        *other = Tree::Object(new);
                    }
                },
                _ => self.set(name, value),
            }
        }
    }

    pub(super) fn push_json(&self, out: &mut String) {
        out.push('{');
        for (name, tree) in &self.0 {
            push_name(name, out);
            tree.push_json(out);
        }
        out.push('}');
    }

    fn is(&self, name: &str, json: &str) -> bool {
        matches!(self.get(name), Some(Tree::Raw(own)) if own == json)
    }
}

impl Tree {
    pub(super) fn null() -> Self {
        Self::Raw("null".to_owned())
    }

    fn join(&mut self, more: &str) {
        match self {
            Self::Text(text) => text.push_str(more),
            other => *other = Self::Text(more.to_owned()),
        }
    }

    /// Adds the items of a list. An item with an `index` continues the one that has the same.
    fn extend(&mut self, name: &str, items: &[Value<'_>]) {
        if !matches!(self, Self::List(_)) {
            *self = Self::List(Vec::new());
        }
        let Self::List(list) = self else { return };
        for item in items {
            let index = item.get("index").filter(|index| matches!(index, Value::Number(_)));
            let own = match (index, name) {
                (Some(index), _) => {
                    let (index, id) = (index.to_json(), item.get_non_null("id").map(Value::to_json));
                    list.iter_mut().rev().find_map(|own| own.continued(&index, id.as_deref()))
                }
                (None, "thinking_blocks") => list
                    .last_mut()
                    .and_then(Self::open_thinking)
                    .filter(|_| item.get("type").and_then(Value::as_str) == Some("thinking")),
                (None, _) => {
                    list.push(Self::Raw(item.to_json()));
                    continue;
                }
            };
            match own {
                Some(own) => own.merge(item),
                None => {
                    let mut new = Object::default();
                    new.merge(item);
                    list.push(Self::Object(new));
                }
            }
        }
    }

    /// The object, if an item of this index and id is more of it. Some servers count every call as the first.
    fn continued(&mut self, index: &str, id: Option<&str>) -> Option<&mut Object> {
        let Self::Object(own) = self else { return None };
        let fits = id.is_none_or(|id| {
            id == "\"\"" || own.get("id").is_none() || own.is("id", "\"\"") || own.is("id", id)
        });
        (own.is("index", index) && fits).then_some(own)
    }

    /// The object, if it is reasoning whose signature has not come yet.
    fn open_thinking(&mut self) -> Option<&mut Object> {
        let Self::Object(own) = self else { return None };
        let is_signed =
            own.get("signature").is_some_and(|tree| matches!(tree, Self::Text(text) if !text.is_empty()));
        (own.is("type", "\"thinking\"") && !is_signed).then_some(own)
    }

    pub(super) fn push_json(&self, out: &mut String) {
        match self {
            Self::Raw(json) => out.push_str(json),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.push_json(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.push_json(out),
        }
    }
}
