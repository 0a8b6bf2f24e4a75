//! The events of a message → chunks of a chat completion.

use super::answer::error_body;
use super::message::{Block, Counts, Usage, finish_reason};
use crate::api::Text;
use crate::api::answer::{Called, FunctionCall, ToolCall};
use crate::http::Tokens;
use crate::json::{self, reads, writes};
use crate::upstream::events::StreamState;
use crate::upstream::sse::{DONE, Event, push_event};

/// Turns a message's events over, one by one.
pub(in crate::upstream) struct Stream {
    created: u64,
    includes_usage: bool,
    id: String,
    model: String,
    usage: Usage,
    /// How many tools were called so far.
    calls: u32,
    /// Whether the block that is open calls a tool of the caller's.
    in_call: bool,
    /// The input of that call, as long as no part of it came.
    owed: Option<String>,
    complete: bool,
}

reads! {
    /// Any of the events, with what it may have.
    struct Said<'a> {
        "type" kind: Text<'a>,
        "message" message: Begun<'a>,
        "content_block" content_block: Block<'a>,
        "delta" delta: Delta<'a>,
        "usage" usage: Usage,
    }
}

reads! {
    struct Begun<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "usage" usage: Usage,
    }
}

reads! {
    struct Delta<'a> {
        "text" text: Text<'a>,
        "thinking" thinking: Text<'a>,
        "partial_json" partial_json: Text<'a>,
        "stop_reason" stop_reason: Text<'a>,
    }
}

writes! {
    struct Chunk<'a> {
        "id" = id: &'a str,
        "object" = object: &'static str,
        "created" = created: u64,
        "model" = model: &'a str,
        "choices" = choices: &'a [Choice<'a>],
        /// Absent, `null` on the way, the counts at the end.
        "usage" ? usage: Option<Option<Counts>>,
    }
}

writes! {
    struct Choice<'a> {
        "index" = index: u32,
        "delta" = delta: Change<'a>,
        "logprobs" = logprobs: (),
        "finish_reason" = finish_reason: Option<&'static str>,
    }
}

writes! {
    #[derive(Default)]
    struct Change<'a> {
        "role" ? role: Option<&'static str>,
        "content" ? content: Option<&'a str>,
        "refusal" ? refusal: Option<()>,
        "reasoning_content" ? reasoning_content: Option<&'a str>,
        "tool_calls" ? tool_calls: Option<[ToolCall<'a>; 1]>,
    }
}

impl Stream {
    /// `created` is every chunk's; `includes_usage` is what the caller asked for.
    pub(in crate::upstream) fn new(created: u64, includes_usage: bool) -> Self {
        Self {
            created,
            includes_usage,
            id: String::new(),
            model: String::new(),
            usage: Usage::default(),
            calls: 0,
            in_call: false,
            owed: None,
            complete: false,
        }
    }

    /// Whether the message was told in full.
    pub(in crate::upstream) fn is_complete(&self) -> bool {
        self.complete
    }

    /// What was counted, if anything was.
    pub(in crate::upstream) fn tokens(&self) -> Option<Tokens> {
        self.usage.input_tokens.map(|_| self.usage.tokens())
    }

    /// Appends the chunks an event becomes.
    pub(in crate::upstream) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamState {
        let Some(data) = &event.data else { return StreamState::On };
        let Ok(said) = json::from_slice::<Said<'_>>(data) else {
            return self.other(data, out);
        };
        let Some(kind) = said.kind else { return self.other(data, out) };
        match (&*kind, said.message, said.content_block, said.delta) {
            ("message_start", Some(begun), ..) => {
                let (Some(id), Some(model)) = (begun.id, begun.model) else { return self.other(data, out) };
                self.id = id.into_inner().into_owned();
                self.model = model.into_inner().into_owned();
                self.usage = begun.usage.unwrap_or_default();
                let role = Some("assistant");
                self.push(Change { role, content: Some(""), refusal: Some(()), ..Change::default() }, out);
            }
            ("content_block_start", _, Some(block), _) => self.begin(&block, out),
            ("content_block_delta", _, _, Some(delta)) => self.go_on(&delta, out),
            ("content_block_stop", ..) => {
                if let Some(owed) = self.owed.take() {
                    self.input(&owed, out);
                }
            }
            ("message_delta", _, _, Some(delta)) => {
                self.usage = self.usage.with(said.usage.unwrap_or_default());
                if let Some(reason) = delta.stop_reason {
                    self.chunk(&[choice(Change::default(), Some(finish_reason(&reason)))], None, out);
                }
            }
            ("message_stop", ..) => {
                self.complete = true;
                if self.includes_usage {
                    self.chunk(&[], Some(self.usage.into()), out);
                }
                out.extend_from_slice(DONE);
                return StreamState::Done;
            }
            ("error", ..) => return self.other(data, out),
            // `ping`, and what is still to be invented.
            _ => {}
        }
        StreamState::On
    }

    /// An event that is an error, or nothing known.
    fn other(&self, data: &[u8], out: &mut Vec<u8>) -> StreamState {
        match error_body(data) {
            Some(error) => {
                push_event(out, &error);
                StreamState::ErrorSent("the upstream told of an error of its own")
            }
            None => StreamState::InvalidResponse("an event is none of the Messages API"),
        }
    }

    fn begin(&mut self, block: &Block<'_>, out: &mut Vec<u8>) {
        let kind = block.kind.as_deref().unwrap_or_default();
        self.in_call = kind == "tool_use";
        match kind {
            "tool_use" => {
                let function = FunctionCall { name: block.name.as_deref(), arguments: "" };
                let call = ToolCall {
                    index: Some(self.calls),
                    id: block.id.as_deref(),
                    kind: Some("function"),
                    called: Called::Function(function),
                };
                self.calls += 1;
                self.owed = Some(block.input.map_or("{}", |input| input.0).to_owned());
                self.push(Change { tool_calls: Some([call]), ..Change::default() }, out);
            }
            "text" => {
                if let Some(text) = block.text.as_deref().filter(|text| !text.is_empty()) {
                    self.push(Change { content: Some(text), ..Change::default() }, out);
                }
            }
            _ => {}
        }
    }

    fn go_on(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if let Some(text) = &delta.text {
            self.push(Change { content: Some(text), ..Change::default() }, out);
        }
        if let Some(thought) = &delta.thinking {
            self.push(Change { reasoning_content: Some(thought), ..Change::default() }, out);
        }
        if let Some(json) = delta.partial_json.as_deref().filter(|json| !json.is_empty()) {
            self.input(json, out);
        }
    }

    /// More of the input of the tool that is being called.
    fn input(&mut self, json: &str, out: &mut Vec<u8>) {
        // What a provider's own tool is given belongs to no call.
        let Some(index) = self.calls.checked_sub(1).filter(|_| self.in_call) else { return };
        self.owed = None;
        let called = Called::Function(FunctionCall { name: None, arguments: json });
        let call = ToolCall { index: Some(index), id: None, kind: None, called };
        self.push(Change { tool_calls: Some([call]), ..Change::default() }, out);
    }

    fn push(&self, delta: Change<'_>, out: &mut Vec<u8>) {
        self.chunk(&[choice(delta, None)], None, out);
    }

    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Counts>, out: &mut Vec<u8>) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.includes_usage.then_some(usage),
        };
        push_event(out, &json::to_string(&chunk).into_bytes());
    }
}

fn choice<'a>(delta: Change<'a>, finish_reason: Option<&'static str>) -> Choice<'a> {
    Choice { index: 0, delta, logprobs: (), finish_reason }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
