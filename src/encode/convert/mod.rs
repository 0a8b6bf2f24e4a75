//! Converts whole answers and streams of one API into each other. The cache keeps a finished stream as the whole answer
//! that it was, and a kept answer may be requested as a stream; some upstreams ignore `stream`, and others always stream.
//!
//! Both directions work on the endpoint's own JSON, whatever backend it came from, so that members without a meaning in
//! `turn` (annotations, items of hosted tools) are kept.

mod chunks;
mod messages;
mod responses;
mod tree;

use crate::json::{self, Value, push_string, reads};
use crate::model::Endpoint;
use crate::turn::Usage;
use crate::upstream::sse::Parser;

pub use responses::addressed;

/// The longest answer that is converted or kept, in bytes of JSON.
pub const MAX_ANSWER: usize = 1024 * 1024;

/// The most bytes of events that become one answer: each piece of text comes in some 300 bytes of its own.
const MAX_EVENTS: usize = 32 * MAX_ANSWER;

/// Writes a whole answer as the events of a stream; `None` where it is not an answer of this API.
///
/// `include_usage` is the option of Chat Completions and Completions; the other APIs always have the usage.
pub fn stream(api: Endpoint, answer: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let answer = Value::parse(answer).filter(Value::is_object)?;
    let mut out = Vec::new();
    match api {
        Endpoint::Chat | Endpoint::Completions => chunks::write(api, &answer, include_usage, &mut out)?,
        Endpoint::Messages => messages::write(&answer, &mut out)?,
        Endpoint::Responses => responses::write(&answer, &mut out)?,
        Endpoint::Embeddings | Endpoint::Moderations => return None,
    }
    Some(out)
}

/// Whether a request for a stream of Chat Completions or Completions also requests the usage.
pub fn includes_usage(body: &[u8]) -> bool {
    reads! {
        struct Options {
            "include_usage" include_usage: bool,
        }
    }
    reads! {
        struct Request {
            "stream_options" stream_options: Options,
        }
    }
    let request = json::lossy_from_slice::<Request>(body).ok();
    request.and_then(|request| request.stream_options?.include_usage) == Some(true)
}

/// Whether a whole answer may be kept: an answer of this API that is complete and no error.
pub fn is_complete(api: Endpoint, answer: &[u8]) -> bool {
    if answer.len() > MAX_ANSWER {
        return false;
    }
    let Some(answer) = Value::parse(answer) else { return false };
    let has_no_error = answer.get_non_null("error").is_none();
    has_no_error
        && match api {
            Endpoint::Chat | Endpoint::Completions => {
                let choices = answer.get("choices").and_then(Value::as_array).unwrap_or_default();
                let ends = |choice: &Value<'_>| match choice.get("finish_reason").and_then(Value::as_str) {
                    Some(reason) => reason != "error",
                    None => false,
                };
                !choices.is_empty() && choices.iter().all(ends)
            }
            Endpoint::Messages => answer.get("stop_reason").and_then(Value::as_str).is_some(),
            Endpoint::Responses => {
                matches!(answer.get("status").and_then(Value::as_str), Some("completed" | "incomplete"))
            }
            Endpoint::Embeddings | Endpoint::Moderations => false,
        }
}

/// Gathers the events of a stream into the whole answer that it is.
pub struct Gatherer {
    api: Endpoint,
    parser: Parser,
    taken: usize,
    answer: Answer,
    /// Whether the stream cannot be kept.
    given_up: bool,
}

enum Answer {
    Chunks(chunks::Gathered),
    Message(messages::Gathered),
    Response(Option<String>),
}

impl Gatherer {
    /// A gatherer of one stream of an API.
    pub fn new(api: Endpoint) -> Self {
        let answer = match api {
            Endpoint::Messages => Answer::Message(messages::Gathered::default()),
            Endpoint::Responses => Answer::Response(None),
            _ => Answer::Chunks(chunks::Gathered::default()),
        };
        Self { api, parser: Parser::default(), taken: 0, answer, given_up: false }
    }

    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.taken = self.taken.saturating_add(bytes.len());
        if self.given_up {
            return;
        }
        if self.taken > MAX_EVENTS {
            return self.give_up();
        }
        self.parser.push(bytes);
        loop {
            let took = match self.parser.next() {
                Ok(None) => return,
                Ok(Some(event)) => event.data.as_deref().map_or(Some(()), |data| self.answer.take(data)),
                Err(_) => None,
            };
            if took.is_none() {
                return self.give_up();
            }
        }
    }

    /// Whether the stream is too long, or none of its API: more of it changes nothing.
    pub fn has_given_up(&self) -> bool {
        self.given_up
    }

    fn give_up(&mut self) {
        *self = Self { given_up: true, ..Self::new(self.api) };
    }

    /// The answer, if the stream was complete. `usage` stands in for a usage that the stream does not have.
    pub fn finish(self, usage: Option<Usage>) -> Option<Vec<u8>> {
        let answer = match self.answer {
            _ if self.given_up => return None,
            Answer::Chunks(gathered) => gathered.finish(self.api, usage)?,
            Answer::Message(gathered) => gathered.finish()?,
            Answer::Response(response) => response?,
        };
        let answer = answer.into_bytes();
        is_complete(self.api, &answer).then_some(answer)
    }
}

impl Answer {
    /// Takes an event; `None` where the stream cannot be kept.
    fn take(&mut self, data: &[u8]) -> Option<()> {
        if data == b"[DONE]" {
            return Some(());
        }
        let event = Value::parse(data).filter(Value::is_object)?;
        match self {
            Self::Chunks(gathered) => gathered.take(&event),
            Self::Message(gathered) => gathered.take(&event),
            Self::Response(response) => match event.get("type").and_then(Value::as_str)? {
                "response.completed" | "response.incomplete" => {
                    *response = Some(event.get("response")?.to_json());
                    Some(())
                }
                "response.failed" | "error" => None,
                _ => Some(()),
            },
        }
    }
}

/// An object with other values for some of its members, as JSON; a member that it lacks is not added.
fn with(object: &Value<'_>, others: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (name, value) in object.members() {
        push_name(name, &mut out);
        match others.iter().find(|(other, _)| *other == name) {
            Some((_, other)) => out.push_str(other),
            None => value.push_json(&mut out),
        }
    }
    out.push('}');
    out
}

/// Appends the name of a member, with what stands around it.
fn push_name(name: &str, out: &mut String) {
    out.push_str(if out.ends_with('{') { "" } else { "," });
    push_string(name, out);
    out.push(':');
}

/// Appends a member.
fn push_member(name: &str, json: &str, out: &mut String) {
    push_name(name, out);
    out.push_str(json);
}

/// A string as JSON.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_string(text, &mut out);
    out
}
