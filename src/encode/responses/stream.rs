//! [`Encoder`]: the events of a turn as the events of a streamed response, or gathered into one object.

use super::draft::{Draft, Gap, Pieces, Unwritten};
use super::frames::{Frame, Frames, Member};
use super::item::{Item, ItemKind, MessagePart, Progress, push_logprobs, summary_part};
use super::object::{ResponseObject, Status};
use super::reasoning::Sealed;
use crate::api::tool::Json;
use crate::encode::Encoder as _;
use crate::encode::call_order::{Call, CallOrder};
use crate::encode::json_in_pieces;
use crate::engine;
use crate::http::Response;
use crate::ids::ResponseIds;
use crate::json::Nesting;
use crate::turn::{Event, FinishReason, TokenLogprob, ToolKind, Usage};
use std::borrow::Cow;
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

/// Writes one response.
pub struct Encoder {
    object: ResponseObject,
    ids: ResponseIds,
    options: Options,
    frames: Frames,
    has_begun: bool,
    /// The text of the open reasoning item that its summary lacks.
    unsummarized: String,
    /// The items that are complete.
    done: Vec<Draft>,
    /// The engine's answer whose events these are, where they come with tokens.
    generated: Option<Rc<engine::Answer>>,
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
            frames: Frames::new(options.obfuscation),
            has_begun: false,
            unsummarized: String::new(),
            done: Vec::new(),
            generated: None,
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
        self.frames.leave_out();
        self.event(event, &mut Vec::new());
    }

    /// Ends a response whose backend failed.
    fn fail(&mut self, code: &str, message: &str, out: &mut Vec<u8>) {
        self.has_ended = true;
        self.frames.push_error(code, message, out);
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
        while let Some(item) = waiting.next() {
            let progress = if waiting.len() == 0 { last } else { Progress::Completed };
            let input = match &item.kind {
                ItemKind::Call { input, .. } if !input.is_empty() => Some(Draft::of_text(input)),
                _ => None,
            };
            self.open(item, out);
            if let Some(input) = input {
                let delta = Frame::delta(self.input_delta(), &[]).with("\"delta\":", &input);
                self.push_in_item(None, delta, out);
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
        let place: [Member<'_>; 1] = [("\"output_index\":", &index)];
        let added = Frame::new("response.output_item.added", &place).with("\"item\":", &shown);
        self.frames.push(&[], added, out);
        self.open = Some(item);
        self.calls.set_current(None);
    }

    fn text(&mut self, text: &str, logprobs: &[TokenLogprob<'_>], is_refusal: bool, out: &mut Vec<u8>) {
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
            let part = MessagePart { is_refusal, text: Rc::default(), tokens: None };
            let shown = part.json();
            if let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open {
                parts.push(part);
            }
            let added = Frame::new("response.content_part.added", &[]).with("\"part\":", &shown);
            self.push_in_part(added, out);
        }
        let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open else { return };
        let Some(part) = parts.last_mut() else { return };
        Rc::make_mut(&mut part.text).push_escaped(text);
        if self.generated.is_none() {
            part.push_logprobs(logprobs);
        }
        if self.frames.are_left_out() {
            return;
        }
        if is_refusal {
            self.push_in_part(Frame::delta("response.refusal.delta", &[("\"delta\":", &text)]), out);
        } else {
            let mut tokens = String::from("[");
            push_logprobs(logprobs, true, &mut tokens);
            tokens.push(']');
            let members: [Member<'_>; 2] = [("\"delta\":", &text), ("\"logprobs\":", &Json(&tokens))];
            self.push_in_part(Frame::delta("response.output_text.delta", &members), out);
        }
    }

    /// Completes the open part of a message.
    fn close_part(&mut self, out: &mut Vec<u8>) {
        let Some(Item { kind: ItemKind::Message { parts, .. }, .. }) = &mut self.open else { return };
        let Some(part) = parts.last_mut() else { return };
        if let Some(answer) = &self.generated {
            part.tokens = Some(Gap::Generated(answer.clone()));
        }
        let (text, shown) = (Draft::of_text(&part.text), part.json());
        if part.is_refusal {
            self.push_in_part(Frame::new("response.refusal.done", &[]).with("\"refusal\":", &text), out);
        } else {
            let mut tokens = Draft::default();
            tokens.push_tokens(part.tokens.as_ref());
            let done = Frame::new("response.output_text.done", &[]);
            self.push_in_part(done.with("\"text\":", &text).with("\"logprobs\":", &tokens), out);
        }
        self.push_in_part(Frame::new("response.content_part.done", &[]).with("\"part\":", &shown), out);
    }

    fn open_reasoning(&mut self, out: &mut Vec<u8>) {
        let is_open = match &self.open {
            Some(Item { kind: ItemKind::Reasoning { encrypted, .. }, .. }) => {
                encrypted.as_ref().is_none_or(|content| content.is_empty())
            }
            _ => false,
        };
        if !is_open {
            self.close(Progress::Completed, out);
            let id = self.ids.next("rs_");
            let encrypted = self.options.encrypted_content.then(Rc::default);
            self.unsummarized.clear();
            let kind = ItemKind::Reasoning { summary: Rc::default(), encrypted };
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
        Rc::make_mut(summary).push_escaped(text);
        if is_first {
            let part = r#"{"type":"summary_text","text":""}"#;
            let part: [Member<'_>; 1] = [("\"part\":", &Json(part))];
            self.push_in_summary(Frame::new("response.reasoning_summary_part.added", &part), out);
        }
        let delta: [Member<'_>; 1] = [("\"delta\":", &text)];
        self.push_in_summary(Frame::delta("response.reasoning_summary_text.delta", &delta), out);
    }

    /// Sets the encrypted form of the open item: `plain`, or what is sealed.
    fn encrypted(&mut self, sealed: &Sealed<'_>, plain: &str) {
        if !self.options.encrypted_content {
            return;
        }
        if let Some(Item { kind: ItemKind::Reasoning { encrypted, .. }, .. }) = &mut self.open {
            let mut content = Pieces::default();
            content.push_escaped(&if self.options.sealed {
                sealed.to_content().into()
            } else {
                Cow::Borrowed(plain)
            });
            *encrypted = Some(Rc::new(content));
        }
    }

    fn input(&mut self, index: u32, more: &str, out: &mut Vec<u8>) {
        if self.calls.add_input(index, more, self.open.as_mut()) && !more.is_empty() {
            self.push_in_item(None, Frame::delta(self.input_delta(), &[("\"delta\":", &more)]), out);
        }
    }

    /// The event that adds to the input of the open call.
    fn input_delta(&self) -> &'static str {
        match &self.open {
            Some(Item { kind: ItemKind::Call { kind: ToolKind::Custom, .. }, .. }) => {
                "response.custom_tool_call_input.delta"
            }
            _ => "response.function_call_arguments.delta",
        }
    }

    /// Completes the open item.
    fn close(&mut self, progress: Progress, out: &mut Vec<u8>) {
        match self.open.as_ref().map(|item| &item.kind) {
            None => return,
            Some(ItemKind::Message { .. }) => self.close_part(out),
            Some(ItemKind::Reasoning { summary, .. }) if !summary.is_empty() => {
                let (text, part) = (Draft::of_text(summary), summary_part(summary));
                let done = Frame::new("response.reasoning_summary_text.done", &[]);
                self.push_in_summary(done.with("\"text\":", &text), out);
                let done = Frame::new("response.reasoning_summary_part.done", &[]);
                self.push_in_summary(done.with("\"part\":", &part), out);
            }
            Some(ItemKind::Reasoning { .. }) => {}
            Some(ItemKind::Call { input, kind, .. }) => {
                let (name, key) = match kind {
                    ToolKind::Function => ("response.function_call_arguments.done", "\"arguments\":"),
                    ToolKind::Custom => ("response.custom_tool_call_input.done", "\"input\":"),
                };
                let input = Draft::of_text(input);
                self.push_in_item(None, Frame::new(name, &[]).with(key, &input), out);
            }
        }
        let Some(item) = self.open.take() else { return };
        self.calls.set_current(None);
        let shown = item.json(progress);
        let index = self.done.len();
        let place: [Member<'_>; 1] = [("\"output_index\":", &index)];
        let done = Frame::new("response.output_item.done", &place).with("\"item\":", &shown);
        self.frames.push(&[], done, out);
        self.done.push(shown);
    }

    fn push_in_part(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        let index = match &self.open {
            Some(Item { kind: ItemKind::Message { parts, .. }, .. }) => parts.len().saturating_sub(1),
            _ => 0,
        };
        self.push_in_item(Some(("\"content_index\":", &index)), frame, out);
    }

    fn push_in_summary(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.push_in_item(Some(("\"summary_index\":", &0_u32)), frame, out);
    }

    /// Appends an event about the open item, or a part of it.
    fn push_in_item(&mut self, part: Option<Member<'_>>, frame: Frame<'_>, out: &mut Vec<u8>) {
        let id = self.open.as_ref().map_or("", |item| &item.id);
        let index = self.done.len();
        let (id, index): (Member<'_>, Member<'_>) = (("\"item_id\":", &id), ("\"output_index\":", &index));
        match part {
            Some(part) => self.frames.push(&[id, index, part], frame, out),
            None => self.frames.push(&[id, index], frame, out),
        }
    }

    fn push_object(&mut self, name: &str, status: &Status, out: &mut Vec<u8>) {
        let object = match status {
            Status::InProgress => self.object.json(status, &[], None),
            _ => self.object.json(status, &self.done, self.usage),
        };
        self.frames.push(&[], Frame::new(name, &[]).with("\"response\":", &object), out);
    }
}

impl Call for Item {
    fn push_input(&mut self, more: &str) {
        if let ItemKind::Call { input, nesting, .. } = &mut self.kind {
            Rc::make_mut(input).push_escaped(more);
            nesting.push(more);
        }
    }

    fn is_complete(&self) -> bool {
        matches!(&self.kind, ItemKind::Call { nesting, kind: ToolKind::Function, .. } if nesting.has_closed())
    }
}

impl crate::encode::Encoder for Encoder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.has_ended {
            return;
        }
        self.begin(out);
        match event {
            Event::Start { .. } | Event::Ping => {}
            Event::Text { text, logprobs, .. } => {
                self.text(text, logprobs.as_deref().unwrap_or_default(), false, out);
            }
            Event::Refusal { text, .. } => self.text(text, &[], true, out),
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
                    input: Rc::default(),
                    nesting: Nesting::default(),
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

    fn more(&mut self, out: &mut Vec<u8>) -> bool {
        self.frames.write(out)
    }

    fn waited(&mut self, wait: Duration) {
        self.object.elapsed += wait;
    }
}
