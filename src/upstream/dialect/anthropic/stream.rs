//! The events of a message → chunks of a chat completion.

use super::answer::error_body;
use super::message::{Block, Counts, Usage, finish_reason};
use crate::api::Text;
use crate::http::Tokens;
use crate::upstream::events::Flow;
use crate::upstream::sse::{DONE, Event, push_event};
use serde::{Deserialize, Serialize};

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
    /// Whether no part of that call's input came yet.
    owes_input: bool,
    complete: bool,
}

/// Any of the events, with what it may have.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    message: Option<Begun<'a>>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Begun<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// Absent, `null` on the way, the counts at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Counts>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Change<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize, Default)]
struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<()>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

#[derive(Serialize)]
struct Call<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
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
            owes_input: false,
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
    pub(in crate::upstream) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Flow {
        let Some(data) = &event.data else { return Flow::On };
        let Ok(said) = serde_json::from_slice::<Said<'_>>(data) else {
            return self.other(data, out);
        };
        match (&*said.r#type, said.message, said.content_block, said.delta) {
            ("message_start", Some(begun), ..) => {
                self.id = begun.id.into_inner().into_owned();
                self.model = begun.model.into_inner().into_owned();
                self.usage = begun.usage;
                let role = Some("assistant");
                self.push(Change { role, content: Some(""), refusal: Some(None), ..Change::default() }, out);
            }
            ("content_block_start", _, Some(block), _) => self.begin(&block, out),
            ("content_block_delta", _, _, Some(delta)) => self.go_on(&delta, out),
            ("content_block_stop", ..) if self.owes_input => self.input("{}", out),
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
                return Flow::Done;
            }
            ("error", ..) => return self.other(data, out),
            // `ping`, and what is still to be invented.
            _ => {}
        }
        Flow::On
    }

    /// An event that is an error, or nothing known.
    fn other(&self, data: &[u8], out: &mut Vec<u8>) -> Flow {
        match error_body(data) {
            Some(error) => {
                push_event(out, &error);
                Flow::Told("the upstream told of an error of its own")
            }
            None => Flow::Senseless("an event is none of the Messages API"),
        }
    }

    fn begin(&mut self, block: &Block<'_>, out: &mut Vec<u8>) {
        self.in_call = &*block.r#type == "tool_use";
        match &*block.r#type {
            "tool_use" => {
                let function = Function { name: block.name.as_deref(), arguments: "" };
                let call =
                    Call { index: self.calls, id: block.id.as_deref(), r#type: Some("function"), function };
                self.calls += 1;
                self.owes_input = true;
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
        self.owes_input = false;
        let call = Call { index, id: None, r#type: None, function: Function { name: None, arguments: json } };
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
        // Strings and numbers always serialize.
        push_event(out, &serde_json::to_vec(&chunk).unwrap_or_default());
    }
}

fn choice<'a>(delta: Change<'a>, finish_reason: Option<&'static str>) -> Choice<'a> {
    Choice { index: 0, delta, logprobs: None, finish_reason }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
