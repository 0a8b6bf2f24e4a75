//! Reading the beginning of an answer before the caller gets a head: a 200 may still be a failure.

use super::failure;
use super::peeked_json::{Needs, PeekedEvent, PeekedJson};
use super::sse::{Event, Parser, TooLong};
use crate::http::{Headers, media_type};
use crate::transport::SendErrorKind;

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
        if !(200..300).contains(&status) || headers.is_encoded() {
            return Some(Self::Opaque);
        }
        let label = media_type(headers.get("content-type").unwrap_or_default());
        match () {
            () if label.eq_ignore_ascii_case("text/event-stream") => Some(Self::Events),
            () if label.eq_ignore_ascii_case("application/json") => Some(Self::Json),
            () => None,
        }
    }

    /// What a body is by its first bytes; `None` while they do not decide.
    fn of_bytes(body: &[u8], labelled: Option<Self>) -> Option<Self> {
        if body.len() < BOM.len() && BOM.starts_with(body) {
            return None;
        }
        let text = without_bom(body).trim_ascii_start();
        let ends = |byte: &u8| matches!(byte, b':' | b'\n' | b'\r');
        match text.first()? {
            b'{' | b'[' => return Some(Self::Json),
            b':' => return Some(Self::Events),
            _ => {}
        }
        // No field that begins a stream is longer.
        let end = text.iter().position(ends).or((text.len() > "event".len()).then_some(text.len()))?;
        Some(match text.get(..end)? {
            b"data" | b"event" | b"id" | b"retry" | b"error" => Self::Events,
            _ => labelled.unwrap_or(Self::Json),
        })
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A body without the byte order mark that some servers begin it with.
pub(super) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(BOM).unwrap_or(body)
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
    needs: Needs,
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
    pub(super) fn new(labelled: Option<Form>, length: Option<usize>, needs: Needs) -> Self {
        Self { labelled, form: None, held: Vec::new(), parser: Parser::default(), length, needs }
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
            // No answer begins with so much white space, and it would fill the memory.
            None if self.held.len() > HELD => match self.labelled {
                Some(Form::Events) => Verdict::Good,
                _ => NEITHER,
            },
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
            Form::Json => judge_json(&self.held, self.needs),
            Form::Events => self.parser.rest().as_ref().and_then(judge_event).unwrap_or(Verdict::Invalid(
                SendErrorKind::Broken,
                "the stream ended before its first event",
            )),
        }
    }
}

/// Whether a body begins as an object or an array does.
fn is_json(body: &[u8]) -> bool {
    without_bom(body).trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// Judges an event; `None` where nothing of it is read.
fn judge_event(event: &Event<'_>) -> Option<Verdict> {
    Some(match PeekedEvent::of(event) {
        PeekedEvent::Nothing | PeekedEvent::KeepAlive => return None,
        PeekedEvent::Done | PeekedEvent::Json(_) => Verdict::Good,
        PeekedEvent::Error(error) => Verdict::Error(error.to_vec()),
        PeekedEvent::Invalid => {
            Verdict::Invalid(SendErrorKind::InvalidResponse, "the first event is no JSON object")
        }
    })
}

/// Judges a whole body.
fn judge_json(body: &[u8], needs: Needs) -> Verdict {
    let body = without_bom(body);
    match PeekedJson::read(body) {
        Some(answer) if answer.is_error() || (answer.is_bare() && failure::has_message(body)) => {
            Verdict::Error(body.to_vec())
        }
        Some(answer) if needs == Needs::Nothing || (answer.has(needs) && !is_empty(body)) => Verdict::Good,
        Some(_) => {
            Verdict::Invalid(SendErrorKind::InvalidResponse, "the answer has nothing that was generated")
        }
        // Google's OpenAI-compatible API reports errors as an array of one.
        None if failure::is_error_list(body) => Verdict::Error(body.to_vec()),
        None => Verdict::Invalid(SendErrorKind::InvalidResponse, "the body is no JSON object"),
    }
}

/// Whether a body is an object without members.
fn is_empty(body: &[u8]) -> bool {
    let inner = body.trim_ascii().strip_prefix(b"{").and_then(|body| body.strip_suffix(b"}"));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &[u8]) -> Verdict {
        let mut peek = Peek::new(Some(Form::Json), None, Needs::Nothing);
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
    fn a_message_alone_is_an_error() {
        for (body, is_error) in [
            (r#"{"code":500,"msg":"404 NOT_FOUND","success":false}"#, true),
            (r#"{"detail":[{"msg":"field required"}]}"#, true),
            (r#"{"message":"no Route matched"}"#, true),
            (r#"{"input_tokens":3}"#, false),
            (r#"{"id":"x","message":"m"}"#, false),
            (r#"{"type":"message_start","message":{"id":"x"}}"#, false),
        ] {
            let verdict = json(body.as_bytes());
            assert_eq!(matches!(verdict, Verdict::Error(_)), is_error, "{body}: {verdict:?}");
        }
        assert_eq!(json("\u{feff}{\"id\":\"x\"}".as_bytes()), Verdict::Good);
    }

    #[test]
    fn an_error_is_known_by_its_members() {
        for (body, want) in [
            (r#"{"choices":[{}],"error":{"code":502}}"#, false),
            (r#"{"error":null,"choices":[]}"#, false),
            (r#"{"id":"x","object":"list","data":[]}"#, false),
            (r#"{"choices":[{"error":{"code":502}}]}"#, false),
            (r#"{"id":"x","choices":null,"base_resp":{"status_code":1008,"status_msg":"no"}}"#, true),
            (r#"{"choices":[{}],"base_resp":{"status_code":0,"status_msg":""}}"#, false),
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
        let mut peek = Peek::new(Some(Form::Json), None, Needs::Nothing);
        assert_eq!(peek.take(&[b'['; HELD]), Verdict::Undecided);
        assert_eq!(peek.take(b"["), Verdict::Good);
    }

    #[test]
    fn the_first_event_decides() {
        let first = |stream: &str| {
            let mut peek = Peek::new(Some(Form::Events), None, Needs::Nothing);
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
        assert_eq!(first(&"\n".repeat(HELD + 1)), Verdict::Good);
        let mut blank = Peek::new(Some(Form::Json), None, Needs::Nothing);
        assert_eq!(blank.take(&[b' '; HELD]), Verdict::Undecided);
        assert_eq!(blank.take(b"\n"), NEITHER, "white space without an end is no JSON");
    }
}
