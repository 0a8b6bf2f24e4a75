//! As much of an upstream's answer, or of an event of one, as the gateway reads.

use super::sse::Event;
use super::{failure, usage};
use crate::api::tool::Json;
use crate::json;
use crate::turn::Usage;

/// What an event of a stream is.
pub(super) enum PeekedEvent<'e> {
    /// Nothing that is read, such as a comment.
    Nothing,
    /// A signal that the upstream is alive, which is no JSON object: SDKs fail on it.
    KeepAlive,
    /// `[DONE]`.
    Done,
    /// A JSON object.
    Json(PeekedJson<'e>),
    /// An error, as it is written.
    Error(&'e [u8]),
    /// Something else.
    Invalid,
}

impl<'e> PeekedEvent<'e> {
    pub(super) fn of(event: &'e Event<'_>) -> Self {
        if let Some(stray) = event.stray {
            // Bare JSON is an error if it has one; the value of a field `error` always is.
            let bare = event.raw.starts_with(stray);
            if !bare || PeekedJson::read(stray).is_some_and(|answer| answer.is_error()) {
                return Self::Error(stray);
            }
        }
        let Some(data) = event.data.as_deref() else { return Self::Nothing };
        if is_done(data) {
            return Self::Done;
        }
        match PeekedJson::read(data) {
            Some(answer) if answer.is_bare() && failure::has_message(data) => Self::Error(data),
            Some(answer) if !answer.is_error() && !event.is_error() => Self::Json(answer),
            None if event.is_error() || failure::is_error_list(data) => Self::Error(data),
            None if data == b"null" || !matches!(&*event.name, b"" | b"message") => Self::KeepAlive,
            None => Self::Invalid,
            _ => Self::Error(data),
        }
    }
}

/// The data that ends a stream of chunks.
pub(super) const DONE: &[u8] = b"[DONE]";

/// Whether an event's data ends a stream. Some servers write it in lower case or as a JSON string.
fn is_done(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    let inner = data.strip_prefix(b"\"").and_then(|data| data.strip_suffix(b"\"")).unwrap_or(data);
    inner.eq_ignore_ascii_case(DONE)
}

/// What a whole answer must have, which depends on its endpoint. Without it the gateway, or an SDK, cannot read the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// If it has `choices`, one of them: what goes to the caller as it is may be of a form that the gateway does not know.
    ChoicesIfAny,
    /// One of its `choices`.
    Choices,
    /// The `content` of a message.
    Content,
}

json::reads! {
    /// The members of an answer, or of an event of one, that the gateway reads.
    pub(super) struct PeekedJson<'a> {
        "error" error: Json<'a>,
        "base_resp" base_resp: MiniMax,
        "id" id: Json<'a>,
        "object" object: Json<'a>,
        "choices" choices: Json<'a>,
        "content" content: Json<'a>,
        "usage" usage: Json<'a>,
        "type" kind: Json<'a>,
        "sequence_number" number: u64,
        // What the events of Responses and of Messages have the usage in.
        "response" response: Json<'a>,
        "message" message: Json<'a>,
        // What Groq's streams have it in.
        "x_groq" x_groq: Json<'a>,
    }
}

json::reads! {
    /// How MiniMax's API reports errors.
    pub(super) struct MiniMax {
        "status_code" status: u64,
    }
}

json::reads! {
    /// The members of a choice that the gateway reads.
    pub(super) struct PeekedChoice<'a> {
        "index" index: u64,
        "finish_reason" finish_reason: Json<'a>,
        "usage" usage: Json<'a>,
    }
}

impl PeekedChoice<'_> {
    /// Which choice it is.
    pub(super) fn index(&self) -> u64 {
        self.index.unwrap_or(0)
    }

    /// Whether it ends here. Some upstreams send `""` with every chunk.
    pub(super) fn finishes(&self) -> bool {
        self.finish_reason
            .is_some_and(|reason| reason.0.trim_matches('"').trim() != "" && reason.0.starts_with('"'))
    }
}

impl<'a> PeekedJson<'a> {
    /// Reads a JSON object; anything else is `None`.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        json::answer_from_slice(json).ok()
    }

    /// Whether it has nothing that an answer has, so that a message in it is one of an error.
    pub(super) fn is_bare(&self) -> bool {
        let members = [self.id, self.object, self.choices, self.usage, self.kind, self.response];
        members.iter().all(Option::is_none) && self.number.is_none()
    }

    /// Whether it has what the answer of an endpoint must have.
    pub(super) fn has(&self, needs: Needs) -> bool {
        let is_empty = |list: Json<'_>| {
            list.0
                .strip_prefix('[')
                .and_then(|list| list.strip_suffix(']'))
                .is_some_and(|list| list.trim().is_empty())
        };
        match needs {
            Needs::Nothing => true,
            Needs::ChoicesIfAny => !self.choices.is_some_and(is_empty),
            Needs::Choices => self.choices.is_some_and(|choices| !is_empty(choices)),
            Needs::Content => self.content.is_some(),
        }
    }

    /// Whether it is an error: it has an `error` with a content and no `choices` except such as end with one
    /// (OpenRouter), or is an object of the type `error`.
    pub(super) fn is_error(&self) -> bool {
        let has_content = |value: Json<'_>| !matches!(value.0, "null" | "false" | "\"\"" | "{}");
        let has_choices = || self.choices.is_some_and(|choices| choices.0 != "[]");
        let fails = || self.choices().iter().any(|choice| choice.finish_reason == Some(Json("\"error\"")));
        self.object.is_some_and(|object| object.0 == "\"error\"")
            || (self.base_resp.as_ref().is_some_and(|base| base.status.unwrap_or(0) != 0) && !has_choices())
            || (self.error.is_some_and(has_content) && (!has_choices() || fails()))
    }

    /// Whether it ends a stream by its type, as in the APIs whose events have types: Messages and Responses.
    pub(super) fn is_last(&self) -> bool {
        const LAST: [&str; 4] =
            ["\"message_stop\"", "\"response.completed\"", "\"response.incomplete\"", "\"response.failed\""];
        self.kind.is_some_and(|kind| LAST.contains(&kind.0))
    }

    /// Its choices; none where they are no array of objects.
    pub(super) fn choices(&self) -> Vec<PeekedChoice<'a>> {
        self.choices
            .and_then(|choices| json::answer_from_slice(choices.0.as_bytes()).ok())
            .unwrap_or_default()
    }

    /// Whether it is the chunk of a chat or a completion that has the usage and nothing else.
    pub(super) fn is_usage_alone(&self) -> bool {
        self.choices == Some(Json("[]")) && self.usage.is_some_and(|usage| usage.0.starts_with('{'))
    }

    /// The event's place in its stream, in the APIs whose events have numbers.
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    /// Whether it is an error of Responses, which is an event of its own without an `error` object.
    pub(super) fn is_responses_error(&self) -> bool {
        self.number.is_some() && self.kind == Some(Json("\"error\""))
    }

    /// The tokens it counts, if it does.
    pub(super) fn usage(&self) -> Option<Usage> {
        json::reads! {
            struct Outer<'a> {
                "usage" usage: Json<'a>,
            }
        }
        let nested = || self.response.or(self.message).or(self.x_groq);
        let nested = || json::answer_from_slice::<Outer<'_>>(nested()?.0.as_bytes()).ok()?.usage;
        // Moonshot's streams.
        let has_usage = || self.choices.is_some_and(|choices| choices.0.contains("\"usage\""));
        let of_choice = || has_usage().then(|| self.choices().iter().find_map(|choice| choice.usage))?;
        usage::read(self.usage.or_else(nested).or_else(of_choice)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_and_ends_are_read() {
        let message = r#"{"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":4}}}"#;
        let response =
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4}}}"#;
        for (body, tokens, finishes) in [
            (r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"x":{}}}"#, Some((3, 4)), false),
            (r#"{"usage":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}"#, Some((3, 4)), false),
            (message, Some((3, 4)), false),
            (response, Some((3, 4)), false),
            (r#"{"response":{"usage":null}}"#, None, false),
            (r#"{"message":"no"}"#, None, false),
            (r#"{"usage":null,"choices":[{"finish_reason":null}]}"#, None, false),
            (r#"{"choices":[{"finish_reason":""}]}"#, None, false),
            (r#"{"choices":[{"finish_reason":" "}]}"#, None, false),
            (r#"{"choices":[{"finish_reason":false}]}"#, None, false),
            (r#"{"usage":7,"choices":[{"finish_reason":null},{"finish_reason":"stop"}]}"#, None, true),
        ] {
            let answer = PeekedJson::read(body.as_bytes()).expect("an object");
            let tokens = tokens.map(|(input, output)| Usage { input, output, ..Usage::default() });
            assert_eq!(
                (answer.usage(), answer.choices().iter().any(PeekedChoice::finishes)),
                (tokens, finishes),
                "{body}"
            );
        }
    }
}
