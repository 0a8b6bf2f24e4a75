//! [`Encoder`]: the events of a turn as the events of a streamed response, or gathered into one object.

use super::draft::{Draft, Tokens, Unwritten};
use super::item::{Item, ItemKind, MessagePart, Progress, push_logprobs};
use super::object::{ResponseObject, Status};
use super::reasoning::Sealed;
use crate::api::tool::Json;
use crate::encode::call_order::{Call, CallOrder};
use crate::encode::json_in_pieces;
use crate::engine;
use crate::http::Response;
use crate::ids::ResponseIds;
use crate::json::{self, Write};
use crate::turn::{Event, FinishReason, ToolKind, Usage};
use std::rc::Rc;
use std::time::Duration;

/// What a response contains besides the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Padding on each delta event, of a length that reveals little.
    pub obfuscation: bool,
    /// The text of the reasoning, as its summary.
    pub summary: bool,
    /// Reasoning in encrypted form, which the caller sends back.
    pub encrypted_content: bool,
    /// Whether that holds all that the backend needs to get its reasoning back, as other APIs than this one require.
    pub sealed: bool,
    /// The phase of each message: models from gpt-5.4 on have it.
    pub phases: bool,
}

/// A member's name in quotes, with the colon, and its value.
type Member<'a> = (&'a str, &'a dyn Write);

/// Writes one response.
pub struct Encoder {
    object: ResponseObject,
    ids: ResponseIds,
    options: Options,
    sequence: u64,
    has_begun: bool,
    /// The text of the open reasoning item that its summary lacks.
    unsummarized: String,
    /// The items that are complete.
    done: Vec<Draft>,
    /// The engine's answer whose events these are, where they come with tokens.
    generated: Option<Rc<engine::Answer>>,
    /// Events that follow on what was appended last.
    unwritten: Unwritten,
    open: Option<Item>,
    calls: CallOrder<Item>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    has_ended: bool,
}

impl Encoder {
    /// An encoder of one response.
    pub fn new(object: ResponseObject, ids: ResponseIds, options: Options) -> Self {
        Self {
            object,
            ids,
            options,
            sequence: 0,
            has_begun: false,
            unsummarized: String::new(),
            done: Vec::new(),
            generated: None,
            unwritten: Unwritten::default(),
            open: None,
            calls: CallOrder::new(),
            usage: None,
            finish: None,
            has_ended: false,
        }
    }

    /// The same encoder, for the events of an answer of the engine.
    #[must_use]
    pub fn of_answer(self, answer: &Rc<engine::Answer>) -> Self {
        Self { generated: answer.has_logprobs().then(|| answer.clone()), ..self }
    }

    /// Takes an event whose place in a stream does not matter: the whole object is what is written.
    pub fn gather(&mut self, event: &Event<'_>) {
        self.take(event, &mut Vec::new());
        self.unwritten.clear();
    }

    /// Appends the events that one event of the turn becomes.
    fn take(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.has_ended {
            return;
        }
        self.begin(out);
        match event {
            Event::Start { .. } | Event::Ping => {}
            Event::Text { text, logprobs, .. } => {
                let mut tokens = String::new();
                push_logprobs(logprobs.as_deref().unwrap_or_default(), true, &mut tokens);
                self.text(text, &tokens, false, out);
            }
            Event::Refusal { text, .. } => self.text(text, "", true, out),
            Event::Thinking { text, .. } => self.thinking(text, out),
            Event::ThinkingSignature { signature, .. } => {
                self.open_reasoning(out);
                let text = Some(std::mem::take(&mut self.unsummarized)).filter(|_| !self.options.summary);
                let sealed =
                    Sealed::Thinking { text: text.map(Into::into), signature: signature.as_ref().into() };
                self.encrypted(&sealed, signature);
            }
            Event::RedactedThinking { data, .. } => {
                self.close(Progress::Completed, out);
                self.open_reasoning(out);
                self.encrypted(&Sealed::Redacted(data.as_ref().into()), data);
                self.close(Progress::Completed, out);
            }
            Event::ToolCall { index, id, name, kind, .. } => {
                let prefix = if *kind == ToolKind::Function { "fc_" } else { "ctc_" };
                let call = ItemKind::Call {
                    call_id: id.clone().into_owned(),
                    name: name.clone().into_owned(),
                    input: String::new(),
                    kind: *kind,
                };
                let item = Item { id: self.ids.next(prefix), kind: call };
                if let Some(item) = self.calls.begin(*index, item, self.open.as_ref()) {
                    self.close(Progress::Completed, out);
                    self.open(item, out);
                    self.calls.set_current(Some(*index));
                }
            }
            Event::ToolInput { index, input, .. } => self.input(*index, input, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { reason, .. } => self.finish = Some(*reason),
            Event::End => self.end(out),
            Event::Error { code, kind, message, .. } => {
                self.fail(code.as_ref().unwrap_or(kind), message, out);
            }
        }
    }

    /// Ends a response whose backend failed.
    fn fail(&mut self, code: &str, message: &str, out: &mut Vec<u8>) {
        self.has_ended = true;
        let mut event = Vec::new();
        push_error(code, message, self.sequence, &mut event);
        self.append(&event, out);
        self.sequence += 1;
        let status = Status::Failed { code: code.to_owned(), message: message.to_owned() };
        self.push_object("response.failed", &status, out);
    }

    /// The whole response of the events so far, written in pieces where it is long.
    pub fn into_response<B>(self) -> Response<B> {
        let mut unwritten = self.into_unwritten();
        json_in_pieces(move |out| unwritten.write(out))
    }

    /// The whole response of the events so far, as JSON.
    pub fn into_object(self) -> Vec<u8> {
        let (mut unwritten, mut out) = (self.into_unwritten(), Vec::new());
        while unwritten.write(&mut out) {}
        out
    }

    fn into_unwritten(self) -> Unwritten {
        let object = self.object.json(&self.final_status(), &self.done, self.usage);
        let mut unwritten = Unwritten::default();
        unwritten.push_draft(&object, |json, out| out.extend_from_slice(json));
        unwritten
    }

    fn final_status(&self) -> Status {
        match self.finish {
            Some(FinishReason::Length) => Status::Incomplete { reason: "max_output_tokens" },
            // Where a model declines in words, the turn ends with `Stop`; this one was withheld.
            Some(FinishReason::ContentFilter | FinishReason::Refusal) => {
                Status::Incomplete { reason: "content_filter" }
            }
            _ => Status::Completed { at: self.object.created_at + self.object.elapsed.as_secs() },
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.push_object("response.created", &Status::InProgress, out);
            self.push_object("response.in_progress", &Status::InProgress, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let status = self.final_status();
        let cut = matches!(status, Status::Incomplete { .. });
        let last = if cut { Progress::Incomplete } else { Progress::Completed };
        // Only the last item was cut.
        let progress = if self.calls.is_empty() { last } else { Progress::Completed };
        self.close(progress, out);
        let mut waiting = self.calls.take_waiting();
        while let Some((item, input)) = waiting.next() {
            let progress = if waiting.len() == 0 { last } else { Progress::Completed };
            self.open(item, out);
            if let Some(own) = self.open.as_mut().and_then(Call::input) {
                own.push_str(&input);
            }
            if !input.is_empty() {
                self.input_delta(&input, out);
            }
            self.close(progress, out);
        }
        let name = if cut { "response.incomplete" } else { "response.completed" };
        self.push_object(name, &status, out);
        self.has_ended = true;
    }

    /// Adds an item.
    fn open(&mut self, item: Item, out: &mut Vec<u8>) {
        let index = self.done.len();
        let shown = item.json(Progress::Added);
        let name = "response.output_item.added";
        self.push(name, &[("\"output_index\":", &index)], Some(("\"item\":", &shown)), out);
        self.open = Some(item);
        self.calls.set_current(None);
    }

    fn text(&mut self, text: &str, logprobs: &str, is_refusal: bool, out: &mut Vec<u8>) {
        if !matches!(&self.open, Some(Item { kind: ItemKind::Message { .. }, .. })) {
            self.close(Progress::Completed, out);
            let id = self.ids.next("msg_");
            self.open(
                Item {
                    id,
                    kind: ItemKind::Message {
                        parts: Vec::new(),
                        phase: self.options.phases.then_some("final_answer"),
                    },
                },
                out,
            );
        }
        let same = match &self.open {
            Some(Item { kind: ItemKind::Message { parts, .. }, .. }) => {
                parts.last().is_some_and(|part| part.is_refusal == is_refusal)
            }
            _ => false,
        };
        if !same {
            self.close_part(out);
            let part = MessagePart { is_refusal, text: String::new(), logprobs: String::new(), tokens: None };
            let shown = part.json();
            if let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open {
                parts.push(part);
            }
            self.push_in_part("response.content_part.added", &[], Some(("\"part\":", &shown)), false, out);
        }
        let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open else { return };
        let Some(part) = parts.last_mut() else { return };
        part.text.push_str(text);
        if !logprobs.is_empty() && self.generated.is_none() {
            if !part.logprobs.is_empty() {
                part.logprobs.push(',');
            }
            part.logprobs.push_str(logprobs);
        }
        if is_refusal {
            self.push_in_part("response.refusal.delta", &[("\"delta\":", &text)], None, true, out);
        } else {
            let tokens = format!("[{logprobs}]");
            let members: [(&str, &dyn Write); 2] = [("\"delta\":", &text), ("\"logprobs\":", &Json(&tokens))];
            self.push_in_part("response.output_text.delta", &members, None, true, out);
        }
    }

    /// Completes the open part of a message.
    fn close_part(&mut self, out: &mut Vec<u8>) {
        let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open else { return };
        let Some(part) = parts.last_mut() else { return };
        part.tokens = match &self.generated {
            Some(answer) => Some(Tokens::Generated(answer.clone())),
            None if part.logprobs.is_empty() => None,
            None => Some(Tokens::Json(Rc::new(std::mem::take(&mut part.logprobs)))),
        };
        let (text, shown) = (part.text.clone(), part.json());
        if part.is_refusal {
            self.push_in_part("response.refusal.done", &[("\"refusal\":", &text)], None, false, out);
        } else {
            let mut tokens = Draft::default();
            tokens.push_tokens(part.tokens.as_ref());
            let (text, tokens): ((_, &dyn Write), _) = (("\"text\":", &text), ("\"logprobs\":", &tokens));
            self.push_in_part("response.output_text.done", &[text], Some(tokens), false, out);
        }
        self.push_in_part("response.content_part.done", &[], Some(("\"part\":", &shown)), false, out);
    }

    fn open_reasoning(&mut self, out: &mut Vec<u8>) {
        let is_open = match &self.open {
            Some(Item { kind: ItemKind::Reasoning { encrypted, .. }, .. }) => {
                encrypted.as_deref().is_none_or(str::is_empty)
            }
            _ => false,
        };
        if !is_open {
            self.close(Progress::Completed, out);
            let id = self.ids.next("rs_");
            let encrypted = self.options.encrypted_content.then(String::new);
            self.unsummarized.clear();
            let kind = ItemKind::Reasoning { summary: String::new(), encrypted };
            self.open(Item { id, kind }, out);
        }
    }

    fn thinking(&mut self, text: &str, out: &mut Vec<u8>) {
        self.open_reasoning(out);
        if text.is_empty() {
            return;
        }
        if !self.options.summary {
            if self.options.sealed {
                self.unsummarized.push_str(text);
            }
            return;
        }
        let Some(Item { kind: ItemKind::Reasoning { summary, .. }, .. }) = &mut self.open else { return };
        let is_first = summary.is_empty();
        summary.push_str(text);
        if is_first {
            let part = r#"{"type":"summary_text","text":""}"#;
            self.push_in_summary(
                "response.reasoning_summary_part.added",
                &[("\"part\":", &Json(part))],
                false,
                out,
            );
        }
        self.push_in_summary("response.reasoning_summary_text.delta", &[("\"delta\":", &text)], true, out);
    }

    /// Sets the encrypted form of the open item: `plain`, or what is sealed.
    fn encrypted(&mut self, sealed: &Sealed<'_>, plain: &str) {
        if !self.options.encrypted_content {
            return;
        }
        if let Some(Item { kind: ItemKind::Reasoning { encrypted, .. }, .. }) = &mut self.open {
            *encrypted = Some(if self.options.sealed { sealed.to_content() } else { plain.to_owned() });
        }
    }

    fn input(&mut self, index: u32, more: &str, out: &mut Vec<u8>) {
        if self.calls.add_input(index, more, self.open.as_mut()) && !more.is_empty() {
            self.input_delta(more, out);
        }
    }

    fn input_delta(&mut self, more: &str, out: &mut Vec<u8>) {
        let name = match &self.open {
            Some(Item { kind: ItemKind::Call { kind: ToolKind::Custom, .. }, .. }) => {
                "response.custom_tool_call_input.delta"
            }
            _ => "response.function_call_arguments.delta",
        };
        self.push_in_item(name, &[("\"delta\":", &more)], None, true, out);
    }

    /// Completes the open item.
    fn close(&mut self, progress: Progress, out: &mut Vec<u8>) {
        match self.open.as_ref().map(|item| &item.kind) {
            None => return,
            Some(ItemKind::Message { .. }) => self.close_part(out),
            Some(ItemKind::Reasoning { summary, .. }) if !summary.is_empty() => {
                let text = summary.clone();
                let part = json::to_string(&super::item::SummaryPart(&text));
                self.push_in_summary(
                    "response.reasoning_summary_text.done",
                    &[("\"text\":", &text)],
                    false,
                    out,
                );
                self.push_in_summary(
                    "response.reasoning_summary_part.done",
                    &[("\"part\":", &Json(&part))],
                    false,
                    out,
                );
            }
            Some(ItemKind::Reasoning { .. }) => {}
            Some(ItemKind::Call { input, kind, .. }) => {
                let (input, kind) = (input.clone(), *kind);
                match kind {
                    ToolKind::Function => {
                        let name = "response.function_call_arguments.done";
                        self.push_in_item(name, &[("\"arguments\":", &input)], None, false, out);
                    }
                    ToolKind::Custom => {
                        let name = "response.custom_tool_call_input.done";
                        self.push_in_item(name, &[("\"input\":", &input)], None, false, out);
                    }
                }
            }
        }
        let Some(item) = self.open.take() else { return };
        self.calls.set_current(None);
        let shown = item.json(progress);
        let index = self.done.len();
        let name = "response.output_item.done";
        self.push(name, &[("\"output_index\":", &index)], Some(("\"item\":", &shown)), out);
        self.done.push(shown);
    }

    fn push_in_part(
        &mut self,
        name: &str,
        members: &[Member<'_>],
        last: Option<(&str, &Draft)>,
        is_delta: bool,
        out: &mut Vec<u8>,
    ) {
        let index = match &self.open {
            Some(Item { kind: ItemKind::Message { parts, .. }, .. }) => parts.len().saturating_sub(1),
            _ => 0,
        };
        let mut all: Vec<Member<'_>> = vec![("\"content_index\":", &index)];
        all.extend_from_slice(members);
        self.push_in_item(name, &all, last, is_delta, out);
    }

    fn push_in_summary(&mut self, name: &str, members: &[Member<'_>], is_delta: bool, out: &mut Vec<u8>) {
        let mut all: Vec<Member<'_>> = vec![("\"summary_index\":", &0_u32)];
        all.extend_from_slice(members);
        self.push_in_item(name, &all, None, is_delta, out);
    }

    fn push_in_item(
        &mut self,
        name: &str,
        members: &[Member<'_>],
        last: Option<(&str, &Draft)>,
        is_delta: bool,
        out: &mut Vec<u8>,
    ) {
        let id = self.open.as_ref().map(|item| item.id.clone()).unwrap_or_default();
        let index = self.done.len();
        let padding = self.padding();
        let mut all: Vec<Member<'_>> = vec![("\"item_id\":", &id), ("\"output_index\":", &index)];
        all.extend_from_slice(members);
        if is_delta && self.options.obfuscation {
            all.push(("\"obfuscation\":", &padding));
        }
        self.push(name, &all, last, out);
    }

    /// Letters without meaning, of a length that changes from event to event.
    fn padding(&self) -> &'static str {
        const LETTERS: &str = "aB3dE5gH7jK9mN1pQ2";
        let length = (self.sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize;
        LETTERS.get(..length.max(1)).unwrap_or(LETTERS)
    }

    fn push_object(&mut self, name: &str, status: &Status, out: &mut Vec<u8>) {
        let object = match status {
            Status::InProgress => self.object.json(status, &[], None),
            _ => self.object.json(status, &self.done, self.usage),
        };
        self.push(name, &[], Some(("\"response\":", &object)), out);
    }

    /// Appends an event with these members; the last one may be long.
    fn push(&mut self, name: &str, members: &[Member<'_>], last: Option<(&str, &Draft)>, out: &mut Vec<u8>) {
        let mut event = Draft::whole(String::with_capacity(256));
        event.push_str("{");
        event.push_member("\"type\":", &name);
        event.push_member("\"sequence_number\":", &self.sequence);
        for (key, value) in members {
            event.push_member(key, value);
        }
        if let Some((key, value)) = last {
            event.push_str(",");
            event.push_str(key);
            event.push(value);
        }
        event.push_str("}");
        self.sequence += 1;
        let frame = |json: &[u8], out: &mut Vec<u8>| crate::encode::sse::push_named_event(out, name, json);
        match event.without_gaps() {
            Some(json) if self.unwritten.is_empty() => frame(json.as_bytes(), out),
            _ => self.unwritten.push_draft(&event, frame),
        }
    }

    /// Appends bytes after all that is unwritten.
    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.unwritten.is_empty() {
            out.extend_from_slice(bytes);
        } else {
            self.unwritten.push_bytes(bytes);
        }
    }
}

impl Call for Item {
    fn input(&mut self) -> Option<&mut String> {
        if let ItemKind::Call { input, .. } = &mut self.kind { Some(input) } else { None }
    }

    fn is_complete(&self) -> bool {
        let ItemKind::Call { input, kind: ToolKind::Function, .. } = &self.kind else { return false };
        json::from_str::<Json<'_>>(input).is_ok()
    }
}

impl crate::encode::Encoder for Encoder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.take(event, out);
    }

    fn more(&mut self, out: &mut Vec<u8>) -> bool {
        self.unwritten.write(out)
    }

    fn waited(&mut self, wait: Duration) {
        self.object.elapsed += wait;
    }
}

/// Appends the event of an error; `number` is its `sequence_number`.
pub(super) fn push_error(code: &str, message: &str, number: u64, out: &mut Vec<u8>) {
    let (mut error, mut event) = (String::new(), String::new());
    json::writes!(&mut error; "type" = code, "code" = code, "message" = message, "param" = ());
    json::writes!(&mut event; "type" = "error", "sequence_number" = number, "error" = Json(&error));
    crate::encode::sse::push_named_event(out, "error", event.as_bytes());
}
