//! Chat Completions and Completions: chunks of choices.

use super::tree::{Object, Tree};
use super::{push_member, push_name, quoted, with};
use crate::encode::{UsageDetails, sse, usage as usage_object};
use crate::json::{Value, to_string};
use crate::model::Endpoint;
use crate::turn::{MAX_TRACKED, Usage};

/// The chunks of one answer so far.
#[derive(Default)]
pub(super) struct Gathered {
    root: Object,
    /// By index: what the choice has besides its delta, and the message that the deltas add up to.
    choices: Vec<(u64, Object, Object)>,
    usage: Option<String>,
}

impl Gathered {
    /// Adds a chunk; `None` where it is none, or an error.
    pub(super) fn take(&mut self, chunk: &Value<'_>) -> Option<()> {
        for (name, value) in chunk.members() {
            match (name, value) {
                ("error", Value::Null) | ("obfuscation" | "object", _) => {}
                ("error", _) => return None,
                ("choices", Value::Array(choices)) => {
                    choices.iter().try_for_each(|choice| self.choice(choice))?;
                }
                ("usage", Value::Object(_)) => {
                    // The counts are totals; a later chunk may have zeros in place of them.
                    let counts = ["prompt_tokens", "completion_tokens"];
                    let is_empty =
                        counts.iter().all(|name| matches!(value.get(name), None | Some(Value::Number("0"))));
                    if self.usage.is_none() || !is_empty {
                        self.usage = Some(value.to_json());
                    }
                }
                ("usage" | "choices", _) => {}
                _ => self.root.set(name, value),
            }
        }
        Some(())
    }

    fn choice(&mut self, choice: &Value<'_>) -> Option<()> {
        let index = match choice.get("index") {
            Some(Value::Number(index)) => index.parse().ok()?,
            _ => 0,
        };
        let at = match self.choices.iter().position(|(own, ..)| *own == index) {
            Some(at) => at,
            None if self.choices.len() < MAX_TRACKED => {
                self.choices.push((index, Object::default(), Object::default()));
                self.choices.len() - 1
            }
            None => return None,
        };
        let (_, own, message) = self.choices.get_mut(at)?;
        for (name, value) in choice.members() {
            match name {
                "index" => {}
                "delta" | "message" => {
                    // A piece of a call that does not name its call.
                    let calls = value.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
                    if calls.iter().any(|call| call.get("index").is_none() && call.get("id").is_none()) {
                        return None;
                    }
                    message.merge(value);
                }
                "text" | "logprobs" => own.merge(&Value::Object(vec![(name.into(), value.clone())])),
                _ => own.set(name, value),
            }
        }
        Some(())
    }

    /// The whole answer.
    pub(super) fn finish(mut self, api: Endpoint, usage: Option<Usage>) -> Option<String> {
        let usage = self
            .usage
            .take()
            .or_else(|| usage.map(|usage| to_string(&usage_object(usage, UsageDetails::default()))))?;
        self.choices.sort_unstable_by_key(|(index, ..)| *index);
        let is_chat = api == Endpoint::Chat;
        let mut out = String::from("{");
        push_member("object", if is_chat { "\"chat.completion\"" } else { "\"text_completion\"" }, &mut out);
        for (name, value) in &self.root.0 {
            push_name(name, &mut out);
            value.push_json(&mut out);
        }
        push_name("choices", &mut out);
        out.push('[');
        for (i, (index, mut own, message)) in self.choices.into_iter().enumerate() {
            out.push_str(if i > 0 { ",{" } else { "{" });
            push_member("index", &index.to_string(), &mut out);
            if is_chat {
                push_name("message", &mut out);
                whole_message(message).push_json(&mut out);
            } else {
                own.entry("text");
            }
            own.entry("logprobs");
            for (name, value) in &own.0 {
                push_name(name, &mut out);
                value.push_json(&mut out);
            }
            out.push('}');
        }
        out.push(']');
        push_member("usage", &usage, &mut out);
        out.push('}');
        Some(out)
    }
}

/// The message that deltas add up to.
fn whole_message(mut message: Object) -> Object {
    if message.get("role").is_none() {
        *message.entry("role") = Tree::Raw("\"assistant\"".to_owned());
    }
    message.entry("content");
    message.entry("refusal");
    if !matches!(message.get("tool_calls"), Some(Tree::List(_))) {
        message.0.retain(|(name, _)| name != "tool_calls");
    }
    // Pieces name their place in these lists.
    for (name, list) in &mut message.0 {
        let Tree::List(items) = list else { continue };
        if !matches!(&**name, "tool_calls" | "thinking_blocks") {
            continue;
        }
        for item in items {
            if let Tree::Object(item) = item {
                item.0.retain(|(name, _)| name != "index");
            }
        }
    }
    message
}

/// Writes a whole answer as chunks.
pub(super) fn write(api: Endpoint, answer: &Value<'_>, include_usage: bool, out: &mut Vec<u8>) -> Option<()> {
    let choices = answer.get("choices")?.as_array()?;
    let mut stream = Chunks { answer, api, include_usage, out };
    for (i, choice) in choices.iter().enumerate() {
        let index = choice.get("index").map_or_else(|| i.to_string(), Value::to_json);
        match api {
            Endpoint::Chat => stream.chat(&index, choice)?,
            _ => stream.text(&index, choice),
        }
    }
    if include_usage && let Some(usage) = answer.get_non_null("usage") {
        stream.push("[]", &usage.to_json());
    }
    out.extend_from_slice(sse::DONE);
    Some(())
}

struct Chunks<'a> {
    answer: &'a Value<'a>,
    api: Endpoint,
    include_usage: bool,
    out: &'a mut Vec<u8>,
}

impl Chunks<'_> {
    /// Appends a chunk with some choices.
    fn push(&mut self, choices: &str, usage: &str) {
        let object =
            if self.api == Endpoint::Chat { "\"chat.completion.chunk\"" } else { "\"text_completion\"" };
        let mut json = String::from("{");
        for (name, value) in self.answer.members() {
            match name {
                "choices" => push_member(name, choices, &mut json),
                "object" => push_member(name, object, &mut json),
                "usage" => {}
                _ => push_member(name, &value.to_json(), &mut json),
            }
        }
        if self.include_usage {
            push_member("usage", usage, &mut json);
        }
        json.push('}');
        sse::push_event(self.out, json.as_bytes());
    }

    /// Appends a chunk of one choice.
    fn delta(&mut self, index: &str, delta: &str, logprobs: &str) {
        let choice = format!(
            "[{{\"index\":{index},\"delta\":{delta},\"logprobs\":{logprobs},\"finish_reason\":null}}]"
        );
        self.push(&choice, "null");
    }

    /// A choice of a chat: the role, what belongs to the text but is none, the text, the calls, the end.
    fn chat(&mut self, index: &str, choice: &Value<'_>) -> Option<()> {
        let message = choice.get("message")?;
        let text = |name: &str| message.get_non_null(name).map(Value::to_json);
        let (content, refusal) = (text("content"), text("refusal"));
        let mut logprobs = choice.get_non_null("logprobs").map(Value::to_json);
        let mut first = String::from("{");
        push_member(
            "role",
            &message.get("role").map_or_else(|| "\"assistant\"".to_owned(), Value::to_json),
            &mut first,
        );
        push_member("content", if content.is_some() { "\"\"" } else { "null" }, &mut first);
        push_member("refusal", "null", &mut first);
        first.push('}');
        self.delta(index, &first, "null");
        let known = ["role", "content", "refusal", "tool_calls", "function_call"];
        let mut others = String::from("{");
        for (name, value) in message.members() {
            let is_empty = *value == Value::Null || value.as_array().is_some_and(<[_]>::is_empty);
            if !is_empty && !known.contains(&name) {
                push_member(name, &value.to_json(), &mut others);
            }
        }
        if others.len() > 1 {
            self.delta(index, &(others + "}"), "null");
        }
        for (name, text) in [("content", content), ("refusal", refusal)] {
            if let Some(text) = text {
                let logprobs = logprobs.take().unwrap_or_else(|| "null".to_owned());
                self.delta(index, &format!("{{\"{name}\":{text}}}"), &logprobs);
            }
        }
        for (i, call) in
            message.get("tool_calls").and_then(Value::as_array).unwrap_or_default().iter().enumerate()
        {
            let mut delta = format!("{{\"tool_calls\":[{{\"index\":{i}");
            for (name, value) in call.members() {
                push_member(name, &value.to_json(), &mut delta);
            }
            self.delta(index, &(delta + "}]}"), "null");
        }
        if let Some(call) = text("function_call") {
            self.delta(index, &format!("{{\"function_call\":{call}}}"), "null");
        }
        let logprobs = logprobs.unwrap_or_else(|| "null".to_owned());
        let mut last = format!("{{\"index\":{index},\"delta\":{{}},\"logprobs\":{logprobs}");
        let reason = choice.get("finish_reason").map_or_else(|| quoted("stop"), Value::to_json);
        push_member("finish_reason", &reason, &mut last);
        for (name, value) in choice.members() {
            if !["index", "message", "logprobs", "finish_reason"].contains(&name) {
                push_member(name, &value.to_json(), &mut last);
            }
        }
        self.push(&format!("[{last}}}]"), "null");
        Some(())
    }

    /// A completion of a prompt.
    fn text(&mut self, index: &str, choice: &Value<'_>) {
        let mut whole = with(choice, &[("index", index), ("finish_reason", "null")]);
        if choice.get("index").is_none() {
            whole.pop();
            push_member("index", index, &mut whole);
            whole.push('}');
        }
        self.push(&format!("[{whole}]"), "null");
        let reason = choice.get("finish_reason").map_or_else(|| quoted("stop"), Value::to_json);
        let end =
            format!("[{{\"text\":\"\",\"index\":{index},\"logprobs\":null,\"finish_reason\":{reason}}}]");
        self.push(&end, "null");
    }
}
