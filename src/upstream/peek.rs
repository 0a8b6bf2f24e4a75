//! Reading the beginning of an answer before the caller gets a head: a 200 may still be a failure.

use super::sse::{Event, Parser, TooLong};
use super::{failure, usage};
use crate::api::tool::Json;
use crate::http::Headers;
use crate::json;
use crate::transport::SendErrorKind;
use crate::turn::Usage;

/// A JSON answer up to this length is read whole before any of it is passed on. Of a stream, this much is read to
/// find its first event.
pub(super) const HELD: usize = 64 * 1024;

/// What the body of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON.
    Json,
    /// Server-sent events.
    Events,
    /// Not read: an error, or compressed.
    Opaque,
}

impl Form {
    /// What an answer's head labels its body as; `None` for neither. Many servers label streams as JSON, or
    /// not at all, so the first bytes decide.
    pub(super) fn labelled(status: u16, headers: &Headers) -> Option<Self> {
        let coded =
            headers.get("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"));
        if !(200..300).contains(&status) || coded {
            return Some(Self::Opaque);
        }
        let essence =
            headers.get("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match () {
            () if essence.eq_ignore_ascii_case("text/event-stream") => Some(Self::Events),
            () if essence.eq_ignore_ascii_case("application/json") => Some(Self::Json),
            () => None,
        }
    }

    /// What a body is by its first bytes; `None` while they do not decide.
    fn of_bytes(body: &[u8], labelled: Option<Self>) -> Option<Self> {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        if body.len() < BOM.len() && BOM.starts_with(body) {
            return None;
        }
        let text = body.strip_prefix(BOM).unwrap_or(body).trim_ascii_start();
        let ends = |byte: &u8| matches!(byte, b':' | b'\n' | b'\r');
        match text.first()? {
            b'{' | b'[' => return Some(Self::Json),
            b':' => return Some(Self::Events),
            _ => {}
        }
        // No field that begins a stream is longer.
        let end = text.iter().position(ends).or((text.len() > "event".len()).then_some(text.len()))?;
        Some(match &text[..end] {
            b"data" | b"event" | b"id" | b"retry" | b"error" => Self::Events,
            _ => labelled.unwrap_or(Self::Json),
        })
    }
}

/// The beginning of an answer.
pub(super) struct Peek {
    labelled: Option<Form>,
    form: Option<Form>,
    /// All that was read.
    pub(super) held: Vec<u8>,
    parser: Parser,
    /// The length of the whole body, where the head has it.
    length: Option<usize>,
}

/// What the beginning of an answer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not known yet.
    Undecided,
    /// An answer that may be passed on.
    Good,
    /// An error in spite of its status: its body.
    Error(Vec<u8>),
    /// No answer.
    Invalid(SendErrorKind, &'static str),
}

const NEITHER: Verdict =
    Verdict::Invalid(SendErrorKind::InvalidResponse, "the answer is neither JSON nor a stream of events");

impl Peek {
    pub(super) fn new(labelled: Option<Form>, length: Option<usize>) -> Self {
        Self { labelled, form: None, held: Vec::new(), parser: Parser::default(), length }
    }

    /// What the body turned out to be; what it is labelled as while it has not begun.
    pub(super) fn form(&self) -> Form {
        self.form.or(self.labelled).unwrap_or(Form::Json)
    }

    /// Whether the whole body was read.
    pub(super) fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| self.held.len() >= length)
    }

    /// Takes more of the answer.
    pub(super) fn take(&mut self, piece: &[u8]) -> Verdict {
        self.held.extend_from_slice(piece);
        let begins = self.form.is_none();
        if begins {
            self.form = Form::of_bytes(&self.held, self.labelled);
        }
        match self.form {
            None => Verdict::Undecided,
            Some(Form::Opaque) => Verdict::Good,
            Some(Form::Json) if begins && !is_json(&self.held) => NEITHER,
            Some(Form::Json) if self.held.len() > HELD => Verdict::Good,
            Some(Form::Json) => Verdict::Undecided,
            Some(Form::Events) => {
                self.parser.push(if begins { &self.held } else { piece });
                self.first_event()
            }
        }
    }

    fn first_event(&mut self) -> Verdict {
        loop {
            match self.parser.next() {
                // Too long to be an error.
                Err(TooLong) => return Verdict::Good,
                Ok(Some(event)) => {
                    if let Some(verdict) = judge_event(&event) {
                        return verdict;
                    }
                }
                Ok(None) => break,
            }
        }
        // An upstream may send comments for minutes, and the caller's own timeouts may depend on them.
        match self.held.len() > HELD && self.parser.is_idle() {
            true => Verdict::Good,
            false => Verdict::Undecided,
        }
    }

    /// The answer has ended.
    pub(super) fn end(&mut self) -> Verdict {
        match self.form() {
            Form::Opaque => Verdict::Good,
            Form::Json => judge_json(&self.held),
            Form::Events => self.parser.rest().as_ref().and_then(judge_event).unwrap_or(Verdict::Invalid(
                SendErrorKind::Broken,
                "the stream ended before its first event",
            )),
        }
    }
}

/// Whether a body begins as an object or an array does.
fn is_json(body: &[u8]) -> bool {
    body.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// What an event of a stream is.
pub(super) enum Reading<'e> {
    /// Nothing that is read: a comment, a signal that the upstream is alive.
    Nothing,
    /// `[DONE]`.
    Done,
    /// A JSON object.
    Answer(Answer<'e>),
    /// An error, as it is written.
    Error(&'e [u8]),
    /// Something else.
    Invalid,
}

impl<'e> Reading<'e> {
    pub(super) fn of(event: &'e Event<'_>) -> Self {
        if let Some(stray) = event.stray {
            // Bare JSON is an error if it has one; the value of a field `error` always is.
            let bare = event.raw.starts_with(stray);
            if !bare || Answer::read(stray).is_some_and(|answer| answer.is_error()) {
                return Self::Error(stray);
            }
        }
        let Some(data) = event.data.as_deref() else { return Self::Nothing };
        if is_done(data) {
            return Self::Done;
        }
        match Answer::read(data) {
            Some(answer) if !answer.is_error() && !event.is_error() => Self::Answer(answer),
            None if !event.is_error() => Self::Invalid,
            _ => Self::Error(data),
        }
    }
}

/// Judges an event; `None` where nothing of it is read.
fn judge_event(event: &Event<'_>) -> Option<Verdict> {
    Some(match Reading::of(event) {
        Reading::Nothing => return None,
        Reading::Done | Reading::Answer(_) => Verdict::Good,
        Reading::Error(error) => Verdict::Error(error.to_vec()),
        Reading::Invalid => {
            Verdict::Invalid(SendErrorKind::InvalidResponse, "the first event is no JSON object")
        }
    })
}

/// Whether an event's data ends a stream.
fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

fn judge_json(body: &[u8]) -> Verdict {
    match Answer::read(body) {
        Some(answer) if answer.is_error() => Verdict::Error(body.to_vec()),
        Some(_) => Verdict::Good,
        // Google's OpenAI-compatible API reports errors as an array of one.
        None if failure::is_error_list(body) => Verdict::Error(body.to_vec()),
        None => Verdict::Invalid(SendErrorKind::InvalidResponse, "the body is no JSON object"),
    }
}

json::reads! {
    /// As much of an answer, or an event of one, as the gateway reads.
    pub(super) struct Answer<'a> {
        "error" error: Json<'a>,
        "object" object: Json<'a>,
        "choices" choices: Json<'a>,
        "usage" usage: Json<'a>,
        "type" kind: Json<'a>,
        "sequence_number" number: u64,
        // What the events of Responses and of Messages have the usage in.
        "response" response: Json<'a>,
        "message" message: Json<'a>,
    }
}

json::reads! {
    /// As much of a choice.
    pub(super) struct Choice<'a> {
        "index" index: u64,
        "finish_reason" finish_reason: Json<'a>,
    }
}

impl Choice<'_> {
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

impl<'a> Answer<'a> {
    /// Reads a JSON object; anything else is `None`.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        json::lossy_from_slice(json).ok()
    }

    /// Whether it is an error: it has an `error` with a content and no `choices` except such as end with one
    /// (OpenRouter), or is an object of the type `error`.
    pub(super) fn is_error(&self) -> bool {
        let has_content = |value: Json<'_>| !matches!(value.0, "null" | "false" | "\"\"" | "{}");
        let has_choices = || self.choices.is_some_and(|choices| choices.0 != "[]");
        let fails = || self.choices().iter().any(|choice| choice.finish_reason == Some(Json("\"error\"")));
        self.object.is_some_and(|object| object.0 == "\"error\"")
            || (self.error.is_some_and(has_content) && (!has_choices() || fails()))
    }

    /// Whether it ends a stream by its type, as in the APIs whose events have types: Messages and Responses.
    pub(super) fn is_last(&self) -> bool {
        const LAST: [&str; 4] =
            ["\"message_stop\"", "\"response.completed\"", "\"response.incomplete\"", "\"response.failed\""];
        self.kind.is_some_and(|kind| LAST.contains(&kind.0))
    }

    /// Its choices; none where they are no array of objects.
    pub(super) fn choices(&self) -> Vec<Choice<'a>> {
        self.choices.and_then(|choices| json::lossy_from_str(choices.0).ok()).unwrap_or_default()
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
        let nested = || json::lossy_from_str::<Outer<'_>>(self.response.or(self.message)?.0).ok()?.usage;
        usage::read(self.usage.or_else(nested)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &[u8]) -> Verdict {
        let mut peek = Peek::new(Some(Form::Json), None);
        match peek.take(body) {
            Verdict::Undecided => peek.end(),
            verdict => verdict,
        }
    }

    #[test]
    fn the_head_labels_the_body() {
        for (status, headers, want) in [
            (200, vec![("content-type", "application/json")], Some(Form::Json)),
            (201, vec![("Content-Type", "Application/JSON; charset=utf-8")], Some(Form::Json)),
            (200, vec![("content-type", "text/event-stream;charset=utf-8")], Some(Form::Events)),
            (200, vec![("content-type", "text/event-streams")], None),
            (
                200,
                vec![("content-type", "application/json"), ("content-encoding", "gzip")],
                Some(Form::Opaque),
            ),
            (
                200,
                vec![("content-type", "application/json"), ("content-encoding", "identity")],
                Some(Form::Json),
            ),
            (200, vec![], None),
            (404, vec![("content-type", "application/json")], Some(Form::Opaque)),
        ] {
            assert_eq!(
                Form::labelled(status, &headers.iter().copied().collect()),
                want,
                "{status} {headers:?}"
            );
        }
    }

    #[test]
    fn the_first_bytes_decide() {
        for (body, label, want) in [
            ("{\"a\"", Some(Form::Events), Form::Json),
            (" \n[", None, Form::Json),
            ("\u{feff}{", Some(Form::Events), Form::Json),
            ("data:", Some(Form::Json), Form::Events),
            ("\r\n\u{20}data: x", None, Form::Events),
            ("\u{feff}event: x", None, Form::Events),
            (": ping", Some(Form::Json), Form::Events),
            ("error: {}", None, Form::Events),
            ("retry:1", Some(Form::Json), Form::Events),
            ("id\n", Some(Form::Json), Form::Events),
            ("other: x", Some(Form::Events), Form::Events),
            ("<html>", Some(Form::Events), Form::Events),
            ("<html>", None, Form::Json),
            ("database is locked", None, Form::Json),
        ] {
            assert_eq!(Form::of_bytes(body.as_bytes(), label), Some(want), "{body}");
            for end in 0..body.len() {
                let form = Form::of_bytes(&body.as_bytes()[..end], label);
                assert!(form.is_none_or(|form| form == want), "{body} up to {end}: {form:?}");
            }
        }
        for body in ["", " ", "dat", "\u{feff}", "event"] {
            assert_eq!(Form::of_bytes(body.as_bytes(), None), None, "{body}");
        }
    }

    #[test]
    fn an_error_is_known_by_its_members() {
        for (body, want) in [
            (r#"{"choices":[{}],"error":{"code":502}}"#, false),
            (r#"{"error":null,"choices":[]}"#, false),
            (r#"{"id":"x","object":"list","data":[]}"#, false),
            (r#"{"choices":[{"error":{"code":502}}]}"#, false),
            (r#"{"error":{}}"#, false),
            (r#"{"error":{"message":"no"}}"#, true),
            (r#"{"error":"no"}"#, true),
            (r#"{"user":"u","error":{"code":429}}"#, true),
            (r#"{"error":{"code":"503","status":"UNAVAILABLE"}}"#, true),
            (r#"{"error":{"code":"rate_limit","status":429}}"#, true),
            (r#"{"error":{"code":200}}"#, true),
            (r#"{"choices":[],"error":{"code":500}}"#, true),
            (r#"{"error":{"code":429},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#, true),
            (r#"{"error":{"code":429},"choices":[{"finish_reason":"stop"}]}"#, false),
            (r#"{"choices":[{"finish_reason":"error"}]}"#, false),
            (r#"{"object":"error","message":"no","code":40303}"#, true),
            (r#"{"type":"error","error":{"type":"overloaded_error"}}"#, true),
        ] {
            let want = if want { Verdict::Error(body.as_bytes().to_vec()) } else { Verdict::Good };
            assert_eq!(json(body.as_bytes()), want, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_no_answer() {
        for body in [&b""[..], b"{", b"<html>", b"{\"a\":\"\xff\"}", b"{} {}", b"[]", b"null", b"\"x\"", b"7"]
        {
            assert!(matches!(json(body), Verdict::Invalid(SendErrorKind::InvalidResponse, _)), "{body:?}");
        }
        assert_eq!(
            json(br#"[{"error":{"code":404}}]"#),
            Verdict::Error(br#"[{"error":{"code":404}}]"#.to_vec())
        );
        // Any escape that JSON's grammar allows.
        assert_eq!(json(br#"{"a":"\ud83d","b":"\uDE00\/"}"#), Verdict::Good);
    }

    #[test]
    fn a_long_answer_is_not_gathered() {
        let mut peek = Peek::new(Some(Form::Json), None);
        assert_eq!(peek.take(&[b'['; HELD]), Verdict::Undecided);
        assert_eq!(peek.take(b"["), Verdict::Good);
    }

    #[test]
    fn the_first_event_decides() {
        let first = |stream: &str| {
            let mut peek = Peek::new(Some(Form::Events), None);
            for byte in stream.as_bytes() {
                match peek.take(&[*byte]) {
                    Verdict::Undecided => {}
                    verdict => return verdict,
                }
            }
            peek.end()
        };
        assert_eq!(first(": wait\n\ndata: {\"choices\":[]}\n\n"), Verdict::Good);
        assert_eq!(first("data: [DONE]\n\n"), Verdict::Good);
        let stray = r#"{"code":400,"message":"too long"}"#;
        assert_eq!(first(&format!("error: {stray}\n\n")), Verdict::Error(stray.as_bytes().to_vec()));
        assert_eq!(first("error: out of memory\n\n"), Verdict::Error(b"out of memory".to_vec()));
        assert_eq!(first("event: error\ndata: busy\n\n"), Verdict::Error(b"busy".to_vec()));
        assert_eq!(first("data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"}}]}\n\n"), Verdict::Good);
        let error = r#"{"error":{"code":503}}"#;
        for stream in [format!("data: {error}\n\n"), format!(": a\r\n\r\nevent: error\r\ndata:{error}")] {
            assert_eq!(first(&stream), Verdict::Error(error.as_bytes().to_vec()), "{stream}");
        }
        // An event may be an error by its name alone.
        assert_eq!(
            first("event: error\ndata: {\"message\":\"no\"}\n\n"),
            Verdict::Error(b"{\"message\":\"no\"}".to_vec())
        );
        assert_eq!(first("data:\n\ndata: [DONE] \n\n"), Verdict::Good);
        assert_eq!(first("data:{\"choices\":[],\"choices\":[]}\n\n"), Verdict::Good);
        assert!(matches!(first(": wait\n\n"), Verdict::Invalid(SendErrorKind::Broken, _)));
        assert!(matches!(first("data: {\n\n"), Verdict::Invalid(SendErrorKind::InvalidResponse, _)));
        assert_eq!(first(&": wait\n\n".repeat(HELD)), Verdict::Good);
    }

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
            let answer = Answer::read(body.as_bytes()).expect("an object");
            let tokens = tokens.map(|(input, output)| Usage { input, output, ..Usage::default() });
            assert_eq!(
                (answer.usage(), answer.choices().iter().any(Choice::finishes)),
                (tokens, finishes),
                "{body}"
            );
        }
    }
}
