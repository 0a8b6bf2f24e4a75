//! Messages: blocks of content.

use super::tree::{Object, Tree};
use super::{push_member, quoted, with};
use crate::encode::sse;
use crate::json::Value;

/// The events of one message so far.
#[derive(Default)]
pub(super) struct Gathered {
    message: Option<Object>,
    blocks: Vec<Block>,
    has_ended: bool,
}

struct Block {
    index: String,
    content: Object,
    /// The pieces of `input`, which is an object.
    input: String,
}

impl Gathered {
    /// Adds an event; `None` where it is not known, or an error.
    pub(super) fn take(&mut self, event: &Value<'_>) -> Option<()> {
        match event.get("type").and_then(Value::as_str)? {
            "ping" => {}
            "message_start" => {
                let mut message = Object::default();
                for (name, value) in event.get("message")?.members() {
                    match name {
                        "usage" => message.merge(&Value::Object(vec![("usage".into(), value.clone())])),
                        _ => message.set(name, value),
                    }
                }
                self.message = Some(message);
            }
            "content_block_start" => {
                let mut content = Object::default();
                for (name, value) in event.get("content_block")?.members() {
                    match name {
                        "text" | "thinking" | "signature" | "citations" => {
                            content.merge(&Value::Object(vec![(name.into(), value.clone())]));
                        }
                        _ => content.set(name, value),
                    }
                }
                let index = event.get("index")?.to_json();
                self.blocks.push(Block { index, content, input: String::new() });
            }
            "content_block_delta" => {
                let index = event.get("index")?.to_json();
                let block = self.blocks.iter_mut().rev().find(|block| block.index == index)?;
                block.delta(event.get("delta")?)?;
            }
            "content_block_stop" => {
                let index = event.get("index")?.to_json();
                let block = self.blocks.iter_mut().rev().find(|block| block.index == index)?;
                block.stop()?;
            }
            "message_delta" => {
                let message = self.message.as_mut()?;
                for (name, value) in event.members() {
                    match name {
                        "type" => {}
                        "delta" => value.members().for_each(|(name, value)| message.set(name, value)),
                        "usage" => message.merge(&Value::Object(vec![("usage".into(), counted(value))])),
                        _ => message.set(name, value),
                    }
                }
            }
            "message_stop" => self.has_ended = true,
            _ => return None,
        }
        Some(())
    }

    /// The whole message.
    pub(super) fn finish(self) -> Option<String> {
        let mut message = self.message.filter(|_| self.has_ended)?;
        let content = self.blocks.into_iter().map(|block| Tree::Object(block.content)).collect();
        *message.entry("content") = Tree::List(content);
        let mut out = String::new();
        message.push_json(&mut out);
        Some(out)
    }
}

/// Counts are totals: one that is 0 in a later event is as it was, since some servers repeat all members with zeros.
fn counted<'v>(usage: &Value<'v>) -> Value<'v> {
    let counts = usage.all_members().iter().filter(|(_, value)| *value != Value::Number("0"));
    Value::Object(counts.cloned().collect())
}

impl Block {
    fn delta(&mut self, delta: &Value<'_>) -> Option<()> {
        let (kind, member) = (delta.get("type").and_then(Value::as_str)?, |name| delta.get(name));
        let joined = |name: &'static str| {
            Value::Object(vec![(name.into(), member(name).cloned().unwrap_or(Value::Null))])
        };
        match kind {
            "text_delta" => self.content.merge(&joined("text")),
            "thinking_delta" => self.content.merge(&joined("thinking")),
            "signature_delta" => self.content.merge(&joined("signature")),
            "citations_delta" => {
                let citations = Value::Array(vec![member("citation")?.clone()]);
                self.content.merge(&Value::Object(vec![("citations".into(), citations)]));
            }
            "input_json_delta" => self.input.push_str(member("partial_json")?.as_str()?),
            _ => return None,
        }
        Some(())
    }

    fn stop(&mut self) -> Option<()> {
        if !self.input.is_empty() {
            let input = Value::parse(self.input.as_bytes()).filter(Value::is_object)?;
            *self.content.entry("input") = Tree::Raw(input.to_json());
        }
        Some(())
    }
}

/// Writes a whole message as events.
pub(super) fn write(message: &Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let content = message.get("content")?.as_array()?;
    let usage = message.get("usage").filter(|usage| usage.is_object());
    // As live: a small number that the final count replaces.
    let first_usage =
        usage.map(|usage| with(usage, &[("output_tokens", "1")])).unwrap_or_else(|| "{}".to_owned());
    let unfinished =
        [("content", "[]"), ("stop_reason", "null"), ("stop_sequence", "null"), ("stop_details", "null")];
    let start = with(message, &[&unfinished[..], &[("usage", &*first_usage)]].concat());
    push("message_start", &[("message", &start)], out);
    for (index, block) in content.iter().enumerate() {
        let index = index.to_string();
        let kind = block.get("type").and_then(Value::as_str)?;
        let empty: &[(&str, &str)] = match kind {
            "text" => &[("text", "\"\""), ("citations", "[]")],
            "thinking" => &[("thinking", "\"\""), ("signature", "\"\"")],
            // What else has an input is a call, of a server's tool or the caller's.
            _ if block.get("input").is_some() => &[("input", "{}")],
            _ => &[],
        };
        push("content_block_start", &[("index", &index), ("content_block", &with(block, empty))], out);
        for (kind, member, value) in deltas(kind, block) {
            let mut delta = String::from("{");
            push_member("type", &quoted(kind), &mut delta);
            push_member(member, &value, &mut delta);
            delta.push('}');
            push("content_block_delta", &[("index", &index), ("delta", &delta)], out);
        }
        push("content_block_stop", &[("index", &index)], out);
    }
    let mut delta = String::from("{");
    for name in ["stop_reason", "stop_sequence", "stop_details", "container"] {
        if let Some(value) = message.get(name) {
            push_member(name, &value.to_json(), &mut delta);
        }
    }
    delta.push('}');
    let usage = usage.map_or_else(|| "{}".to_owned(), Value::to_json);
    push("message_delta", &[("delta", &delta), ("usage", &usage)], out);
    push("message_stop", &[], out);
    Some(())
}

/// The deltas of a block: their type, the member that is new, its value.
fn deltas(kind: &str, block: &Value<'_>) -> Vec<(&'static str, &'static str, String)> {
    let text = |name: &str| block.get(name).filter(|text| text.as_str().is_some_and(|text| !text.is_empty()));
    let mut all = Vec::new();
    match kind {
        "text" => {
            all.extend(text("text").map(|text| ("text_delta", "text", text.to_json())));
            let citations = block.get("citations").and_then(Value::as_array).unwrap_or_default();
            all.extend(citations.iter().map(|citation| ("citations_delta", "citation", citation.to_json())));
        }
        "thinking" => {
            all.extend(text("thinking").map(|text| ("thinking_delta", "thinking", text.to_json())));
            all.extend(text("signature").map(|text| ("signature_delta", "signature", text.to_json())));
        }
        _ => {
            if let Some(input) = block.get("input") {
                all.push(("input_json_delta", "partial_json", quoted(&input.to_json())));
            }
        }
    }
    all
}

fn push(name: &str, members: &[(&str, &str)], out: &mut Vec<u8>) {
    let mut json = String::from("{");
    push_member("type", &quoted(name), &mut json);
    members.iter().for_each(|(name, value)| push_member(name, value, &mut json));
    json.push('}');
    sse::push_named_event(out, name, json.as_bytes());
}
