//! Responses: items of output. The last event of a stream has the whole response.

use super::{push_member, quoted, with};
use crate::encode::sse;
use crate::json::Value;

/// Members of a response that repeat what is not part of the key: each caller gets their own back. The second is the
/// value where the request has none.
const PERSONAL: [(&str, &str); 5] = [
    ("metadata", "{}"),
    ("user", "null"),
    ("safety_identifier", "null"),
    ("prompt_cache_key", "null"),
    ("store", "true"),
];

/// A kept response for a request: with its `metadata`, `user` and the like in place of those of the request it
/// answered. For the store, `request` is empty, so that it keeps none of them.
pub fn addressed(answer: &[u8], request: &[u8]) -> Option<Vec<u8>> {
    let (answer, request) = (Value::parse(answer).filter(Value::is_object)?, Value::parse(request));
    let own = |(name, default): (&'static str, &str)| {
        let value = request.as_ref().and_then(|request| request.get_non_null(name));
        (name, value.map_or_else(|| default.to_owned(), Value::to_json))
    };
    let own = PERSONAL.map(own);
    Some(with(&answer, &own.each_ref().map(|(name, value)| (*name, &**value))).into_bytes())
}

/// Writes a whole response as events.
pub(super) fn write(response: &Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let output = response.get("output")?.as_array()?;
    let last = match response.get("status").and_then(Value::as_str)? {
        "completed" => "response.completed",
        "incomplete" => "response.incomplete",
        _ => return None,
    };
    let unfinished = [
        ("status", "\"in_progress\""),
        ("completed_at", "null"),
        ("incomplete_details", "null"),
        ("output", "[]"),
        ("usage", "null"),
    ];
    let begun = with(response, &unfinished);
    let mut events = Events { sequence: 0, out };
    events.push("response.created", &[("response", &begun)]);
    events.push("response.in_progress", &[("response", &begun)]);
    for (index, item) in output.iter().enumerate() {
        events.item(&index.to_string(), item);
    }
    events.push(last, &[("response", &response.to_json())]);
    Some(())
}

struct Events<'a> {
    sequence: u64,
    out: &'a mut Vec<u8>,
}

/// An item, and where it stands.
struct Place<'a> {
    id: &'a str,
    index: &'a str,
}

impl Events<'_> {
    fn push(&mut self, name: &str, members: &[(&str, &str)]) {
        let mut json = String::from("{");
        push_member("type", &quoted(name), &mut json);
        push_member("sequence_number", &self.sequence.to_string(), &mut json);
        members.iter().for_each(|(name, value)| push_member(name, value, &mut json));
        json.push('}');
        self.sequence += 1;
        sse::push_named_event(self.out, name, json.as_bytes());
    }

    fn in_item(&mut self, name: &str, place: &Place<'_>, members: &[(&str, &str)]) {
        let mut all = vec![("item_id", place.id), ("output_index", place.index)];
        all.extend_from_slice(members);
        self.push(name, &all);
    }

    fn item(&mut self, index: &str, item: &Value<'_>) {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        let begun = ("status", "\"in_progress\"");
        let added = match kind {
            "message" => with(item, &[begun, ("content", "[]")]),
            "reasoning" => with(item, &[begun, ("summary", "[]"), ("content", "[]")]),
            "function_call" => with(item, &[begun, ("arguments", "\"\"")]),
            "custom_tool_call" => with(item, &[begun, ("input", "\"\"")]),
            _ => with(item, &[begun]),
        };
        self.push("response.output_item.added", &[("output_index", index), ("item", &added)]);
        let id = item.get("id").map_or_else(|| "null".to_owned(), Value::to_json);
        let place = Place { id: &id, index };
        let list = |name: &str| item.get(name).and_then(Value::as_array).unwrap_or_default();
        match kind {
            "message" => {
                for (i, part) in list("content").iter().enumerate() {
                    self.part(&place, &i.to_string(), part);
                }
            }
            "reasoning" => {
                for (i, part) in list("summary").iter().enumerate() {
                    self.summary(&place, &i.to_string(), part);
                }
                for (i, part) in list("content").iter().enumerate() {
                    self.part(&place, &i.to_string(), part);
                }
            }
            "function_call" => {
                let arguments = member(item, "arguments");
                let name = member(item, "name");
                self.in_item("response.function_call_arguments.delta", &place, &[("delta", &arguments)]);
                let done = [("name", &*name), ("arguments", &*arguments)];
                self.in_item("response.function_call_arguments.done", &place, &done);
            }
            "custom_tool_call" => {
                let input = member(item, "input");
                self.in_item("response.custom_tool_call_input.delta", &place, &[("delta", &input)]);
                self.in_item("response.custom_tool_call_input.done", &place, &[("input", &input)]);
            }
            _ => {}
        }
        self.push("response.output_item.done", &[("output_index", index), ("item", &item.to_json())]);
    }

    fn part(&mut self, place: &Place<'_>, index: &str, part: &Value<'_>) {
        let at = ("content_index", index);
        let empty = [("text", "\"\""), ("refusal", "\"\""), ("annotations", "[]"), ("logprobs", "[]")];
        let added = with(part, &empty);
        self.in_item("response.content_part.added", place, &[at, ("part", &added)]);
        match part.get("type").and_then(Value::as_str).unwrap_or_default() {
            "output_text" => {
                let (text, logprobs) = (member(part, "text"), part.get("logprobs"));
                let logprobs = logprobs.map_or_else(|| "[]".to_owned(), Value::to_json);
                let delta = [at, ("delta", &text), ("logprobs", &logprobs)];
                self.in_item("response.output_text.delta", place, &delta);
                let annotations = part.get("annotations").and_then(Value::as_array).unwrap_or_default();
                for (i, annotation) in annotations.iter().enumerate() {
                    let (i, annotation) = (i.to_string(), annotation.to_json());
                    let added = [at, ("annotation_index", &*i), ("annotation", &*annotation)];
                    self.in_item("response.output_text.annotation.added", place, &added);
                }
                let done = [at, ("text", &text), ("logprobs", &logprobs)];
                self.in_item("response.output_text.done", place, &done);
            }
            "refusal" => {
                let text = member(part, "refusal");
                self.in_item("response.refusal.delta", place, &[at, ("delta", &text)]);
                self.in_item("response.refusal.done", place, &[at, ("refusal", &text)]);
            }
            "reasoning_text" => {
                let text = member(part, "text");
                self.in_item("response.reasoning_text.delta", place, &[at, ("delta", &text)]);
                self.in_item("response.reasoning_text.done", place, &[at, ("text", &text)]);
            }
            _ => {}
        }
        self.in_item("response.content_part.done", place, &[at, ("part", &part.to_json())]);
    }

    fn summary(&mut self, place: &Place<'_>, index: &str, part: &Value<'_>) {
        let (at, text) = (("summary_index", index), member(part, "text"));
        let added = with(part, &[("text", "\"\"")]);
        self.in_item("response.reasoning_summary_part.added", place, &[at, ("part", &added)]);
        self.in_item("response.reasoning_summary_text.delta", place, &[at, ("delta", &text)]);
        self.in_item("response.reasoning_summary_text.done", place, &[at, ("text", &text)]);
        self.in_item("response.reasoning_summary_part.done", place, &[at, ("part", &part.to_json())]);
    }
}

/// A text of an object, as JSON.
fn member(object: &Value<'_>, name: &str) -> String {
    object.get(name).map_or_else(|| "\"\"".to_owned(), Value::to_json)
}
