//! [`Encoder`]: the events of a turn as the events of a streamed message, or gathered into one object.

use super::usage::{Final, Full, Optional};
use crate::api::tool::Json;
use crate::encode::Encoder as _;
use crate::encode::call_order::{Call, CallOrder};
use crate::json::{self, Nesting, Write, push_key, writes};
use crate::turn::{Event, FinishReason, Usage};

/// What is known of a message before its content.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageHead {
    /// `msg_` and 24 letters and digits.
    pub id: String,
    /// The caller's name of the model.
    pub model: String,
    /// The request's tokens as far as they are known before the backend has counted them.
    pub usage: Usage,
    /// What the usage has besides.
    pub counts: Optional,
    /// Whether the request has `context_management`, of which nothing is applied.
    pub context_management: bool,
    /// Where code would run, if the request leads to code being run.
    pub container: Option<Container>,
}

/// Where the model runs code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// `container_` and 24 letters and digits.
    pub id: String,
    /// When it is removed (RFC 3339).
    pub expires_at: String,
}

impl Write for Container {
    fn write(&self, out: &mut String) {
        writes!(out; "id" = self.id, "expires_at" = self.expires_at);
    }
}

/// `context_management` of a message of which nothing was removed.
const NOTHING_APPLIED: Json<'static> = Json(r#"{"applied_edits":[]}"#);

/// Writes one message.
#[derive(Debug)]
pub struct Encoder {
    head: MessageHead,
    has_begun: bool,
    has_pinged: bool,
    /// The blocks that are complete, as JSON, if the whole message is written; else its events are.
    whole: Option<Vec<String>>,
    /// How many blocks are complete.
    done: usize,
    open: Option<Block>,
    calls: CallOrder<Block>,
    usage: Option<Usage>,
    finish: Option<(FinishReason, Option<String>)>,
    has_calls: bool,
    has_ended: bool,
}

/// The block that is being written.
#[derive(Debug)]
enum Block {
    Text(String),
    Thinking { text: String, signature: Option<String> },
    Redacted(String),
    Tool { id: String, name: String, input: String, nesting: Nesting },
}

impl Block {
    /// The block as it is when it starts.
    fn start(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Text(_) => writes!(&mut out; "type" = "text", "text" = ""),
            Self::Thinking { .. } => {
                writes!(&mut out; "type" = "thinking", "thinking" = "", "signature" = "")
            }
            Self::Redacted(data) => writes!(&mut out; "type" = "redacted_thinking", "data" = data),
            Self::Tool { id, name, .. } => tool_use(id, name, "{}", &mut out),
        }
        out
    }

    /// The whole block.
    fn whole(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Text(text) => writes!(&mut out; "type" = "text", "text" = text),
            Self::Thinking { text, signature } => {
                let signature = signature.as_deref().unwrap_or_default();
                writes!(&mut out; "type" = "thinking", "thinking" = text, "signature" = signature);
            }
            Self::Redacted(data) => writes!(&mut out; "type" = "redacted_thinking", "data" = data),
            Self::Tool { id, name, input, .. } => {
                // A call that was cut has no whole object; the API's clients read `input` as one.
                let is_object = json::from_str::<Json<'_>>(input).is_ok_and(Json::is_object);
                tool_use(id, name, if is_object { input } else { "{}" }, &mut out);
            }
        }
        out
    }
}

impl Call for Block {
    fn push_input(&mut self, more: &str) {
        if let Self::Tool { input, nesting, .. } = self {
            input.push_str(more);
            nesting.push(more);
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self, Self::Tool { nesting, .. } if nesting.has_closed())
    }
}

fn tool_use(id: &str, name: &str, input: &str, out: &mut String) {
    struct Caller;
    impl Write for Caller {
        fn write(&self, out: &mut String) {
            writes!(out; "type" = "direct");
        }
    }
    writes!(out; "type" = "tool_use", "id" = id, "name" = name, "input" = Json(input), "caller" = Caller);
}

impl Encoder {
    /// An encoder of one message as events.
    pub fn new(head: MessageHead) -> Self {
        Self {
            head,
            has_begun: false,
            has_pinged: false,
            whole: None,
            done: 0,
            open: None,
            calls: CallOrder::new(),
            usage: None,
            finish: None,
            has_calls: false,
            has_ended: false,
        }
    }

    /// Takes an event whose place in a stream does not matter: the whole message is what is written.
    pub fn gather(&mut self, event: &Event<'_>) {
        self.whole.get_or_insert_default();
        self.event(event, &mut Vec::new());
    }

    /// The whole message of the events so far, as JSON.
    pub fn into_message(mut self) -> String {
        let mut ignored = Vec::new();
        self.finish_blocks(&mut ignored);
        let usage = self.usage.unwrap_or(self.head.usage);
        let (reason, sequence) = self.stop();
        let managed = self.context_management();
        let content = format!("[{}]", self.whole.unwrap_or_default().join(","));
        let mut out = String::with_capacity(512 + content.len());
        writes!(
            &mut out; "model" = self.head.model, "id" = self.head.id, "type" = "message", "role" = "assistant",
            "content" = Json(&content), "stop_reason" = reason, "stop_sequence" = sequence, "stop_details" = (),
            "usage" = Full(usage, self.head.counts), "container" ? self.head.container,
            "context_management" ? managed,
        );
        out
    }

    fn context_management(&self) -> Option<Json<'static>> {
        self.head.context_management.then_some(NOTHING_APPLIED)
    }

    fn stop(&self) -> (&'static str, Option<String>) {
        let Some((reason, sequence)) = &self.finish else { return ("end_turn", None) };
        let name = match reason {
            FinishReason::Stop if sequence.is_some() => "stop_sequence",
            // A call that was forced ends with `stop` in Chat Completions.
            FinishReason::Stop if self.has_calls => "tool_use",
            FinishReason::Stop => "end_turn",
            FinishReason::Length => "max_tokens",
            FinishReason::ToolCalls => "tool_use",
            FinishReason::ContentFilter | FinishReason::Refusal => "refusal",
            FinishReason::Pause => "pause_turn",
        };
        (name, sequence.clone())
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let usage = self.usage.unwrap_or(self.head.usage);
        // As live: a small number that the final count replaces.
        let usage = Usage { output: usage.output.clamp(1, 4), reasoning: 0, ..usage };
        let mut message = String::with_capacity(512);
        writes!(
            &mut message; "model" = self.head.model, "id" = self.head.id, "type" = "message", "role" = "assistant",
            "content" = Json("[]"), "stop_reason" = (), "stop_sequence" = (), "stop_details" = (),
            "usage" = Full(usage, self.head.counts.at_start()),
        );
        self.push("message_start", &[("\"message\":", &Json(&message))], out);
    }

    fn ping(&mut self, out: &mut Vec<u8>) {
        self.push("ping", &[], out);
    }

    fn open(&mut self, block: Block, out: &mut Vec<u8>) {
        self.close(out);
        let (index, start) = (self.done, block.start());
        self.push(
            "content_block_start",
            &[("\"index\":", &index), ("\"content_block\":", &Json(&start))],
            out,
        );
        if !std::mem::replace(&mut self.has_pinged, true) {
            self.ping(out);
        }
        self.open = Some(block);
        self.calls.set_current(None);
    }

    fn open_thinking(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Block::Thinking { signature: None, .. })) {
            self.open(Block::Thinking { text: String::new(), signature: None }, out);
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.open, Some(Block::Text(_))) {
            self.open(Block::Text(String::new()), out);
        }
        self.keep(text);
        self.delta("text_delta", "\"text\":", text, out);
    }

    fn input(&mut self, index: u32, more: &str, out: &mut Vec<u8>) {
        if !more.is_empty() && self.calls.add_input(index, more, self.open.as_mut()) {
            self.delta("input_json_delta", "\"partial_json\":", more, out);
            if let (None, Some(Block::Tool { input, .. })) = (&self.whole, &mut self.open) {
                input.clear();
            }
        }
    }

    /// Adds to the text of the open block, where the whole block is written.
    fn keep(&mut self, more: &str) {
        if let (Some(_), Some(Block::Text(text) | Block::Thinking { text, .. })) =
            (&self.whole, &mut self.open)
        {
            text.push_str(more);
        }
    }

    fn delta(&self, kind: &str, key: &str, value: &str, out: &mut Vec<u8>) {
        if self.whole.is_some() {
            return;
        }
        let mut delta = String::from("{");
        push_key(&mut delta, "\"type\":");
        kind.write(&mut delta);
        push_key(&mut delta, key);
        value.write(&mut delta);
        delta.push('}');
        let index = self.done;
        self.push("content_block_delta", &[("\"index\":", &index), ("\"delta\":", &Json(&delta))], out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.open.take() else { return };
        self.calls.set_current(None);
        self.push("content_block_stop", &[("\"index\":", &self.done)], out);
        self.done += 1;
        if let Some(whole) = &mut self.whole {
            whole.push(block.whole());
        }
    }

    fn finish_blocks(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        for block in self.calls.take_waiting() {
            self.open(block, out);
            self.delta("input_json_delta", "\"partial_json\":", "", out);
            if let Some(Block::Tool { input, .. }) = &self.open
                && !input.is_empty()
            {
                self.delta("input_json_delta", "\"partial_json\":", input, out);
            }
            self.close(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.finish_blocks(out);
        let (reason, sequence) = self.stop();
        let mut delta = String::new();
        writes!(
            &mut delta; "stop_reason" = reason, "stop_sequence" = sequence, "stop_details" = (),
            "container" ? self.head.container,
        );
        let usage = Final(self.usage.unwrap_or(self.head.usage), self.head.counts);
        let managed = self.context_management();
        let delta = Json(&delta);
        let mut members: Vec<(&str, &dyn Write)> = vec![("\"delta\":", &delta), ("\"usage\":", &usage)];
        members.extend(managed.iter().map(|managed| ("\"context_management\":", managed as &dyn Write)));
        self.push("message_delta", &members, out);
        self.push("message_stop", &[], out);
        self.has_ended = true;
    }

    fn push(&self, name: &str, members: &[(&str, &dyn Write)], out: &mut Vec<u8>) {
        if self.whole.is_some() {
            return;
        }
        let mut json = String::with_capacity(128);
        json.push('{');
        push_key(&mut json, "\"type\":");
        name.write(&mut json);
        for (key, value) in members {
            push_key(&mut json, key);
            value.write(&mut json);
        }
        json.push('}');
        crate::encode::sse::push_named_event(out, name, json.as_bytes());
    }
}

impl crate::encode::Encoder for Encoder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.has_ended {
            return;
        }
        match event {
            // Upstreams that count the input early do so before any content.
            Event::Start { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            // Nothing may come before `message_start`, which needs the usage.
            Event::Ping if self.has_begun => self.ping(out),
            Event::Ping => {}
            Event::Text { text, .. } | Event::Refusal { text, .. } => {
                self.begin(out);
                self.text(text, out);
            }
            Event::Thinking { text, .. } => {
                self.begin(out);
                self.open_thinking(out);
                if text.is_empty() {
                    return;
                }
                self.keep(text);
                self.delta("thinking_delta", "\"thinking\":", text, out);
            }
            Event::ThinkingSignature { signature, .. } => {
                self.begin(out);
                self.open_thinking(out);
                if let Some(Block::Thinking { signature: own, .. }) = &mut self.open {
                    *own = Some(signature.to_string());
                }
                self.delta("signature_delta", "\"signature\":", signature, out);
                self.close(out);
            }
            Event::RedactedThinking { data, .. } => {
                self.begin(out);
                self.open(Block::Redacted(data.to_string()), out);
                self.close(out);
            }
            Event::ToolCall { index, id, name, .. } => {
                self.begin(out);
                self.has_calls = true;
                let (id, name) = (id.to_string(), name.to_string());
                let block = Block::Tool { id, name, input: String::new(), nesting: Nesting::default() };
                if let Some(block) = self.calls.begin(*index, block, self.open.as_ref()) {
                    self.open(block, out);
                    self.calls.set_current(Some(*index));
                    self.delta("input_json_delta", "\"partial_json\":", "", out);
                }
            }
            Event::ToolInput { index, input, .. } => self.input(*index, input, out),
            Event::Finish { reason, stop_sequence, .. } => {
                self.finish = Some((*reason, stop_sequence.as_ref().map(ToString::to_string)));
            }
            Event::End => self.end(out),
            Event::Error { status, message, .. } => {
                self.has_ended = true;
                super::push_error(*status, message, out);
            }
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
