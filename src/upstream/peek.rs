//! Looking at the beginning of an answer before the caller gets a head: a 200 may still be a failure.

use super::sse::{Event, Parser, TooLong};
use crate::api::tool::Json;
use crate::http::{Headers, Tokens};
use crate::json;
use crate::transport::SendErrorKind;

/// A JSON answer up to this long is read whole before anything of it is passed on. Of a stream, this
/// much is read for its first event.
pub(super) const HELD: usize = 64 * 1024;

/// What an answer's head says its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON.
    Json,
    /// Server-sent events.
    Events,
    /// Something that is passed on as it is: an error, another type, a coded body.
    Other,
}

impl Form {
    pub(super) fn of(status: u16, headers: &Headers) -> Self {
        let coded =
            headers.get("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"));
        if !(200..300).contains(&status) || status == 204 || coded {
            return Self::Other;
        }
        let essence =
            headers.get("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match () {
            () if essence.eq_ignore_ascii_case("text/event-stream") => Self::Events,
            () if essence.eq_ignore_ascii_case("application/json") => Self::Json,
            () => Self::Other,
        }
    }
}

/// The beginning of an answer.
pub(super) struct Peek {
    pub(super) form: Form,
    /// All that was read.
    pub(super) held: Vec<u8>,
    parser: Parser,
    /// How long it is to be, where that was said.
    length: Option<usize>,
}

/// What the beginning of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    More,
    /// It may be passed on.
    Good,
    /// It is an error in spite of its status. This is what it says, and the status it should have had.
    Error(Vec<u8>, u16),
    /// It is no answer.
    Nothing(SendErrorKind, &'static str),
}

impl Peek {
    pub(super) fn new(form: Form, length: Option<usize>) -> Self {
        Self { form, held: Vec::new(), parser: Parser::default(), length }
    }

    /// Whether all is here that was to come.
    pub(super) fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| self.held.len() >= length)
    }

    /// Takes more of the answer.
    pub(super) fn take(&mut self, piece: &[u8]) -> Verdict {
        self.held.extend_from_slice(piece);
        match self.form {
            Form::Other => Verdict::Good,
            Form::Json if self.held.len() > HELD => Verdict::Good,
            Form::Json => Verdict::More,
            Form::Events => {
                self.parser.push(piece);
                self.first_event()
            }
        }
    }

    fn first_event(&mut self) -> Verdict {
        loop {
            match self.parser.next() {
                // Whatever it says, it says much.
                Err(TooLong) => return Verdict::Good,
                Ok(Some(event)) => {
                    if let Some(verdict) = judge_event(&event) {
                        return verdict;
                    }
                }
                Ok(None) => break,
            }
        }
        // Comments alone do not go on for ever: the caller may well live on them.
        match self.held.len() > HELD && self.parser.is_idle() {
            true => Verdict::Good,
            false => Verdict::More,
        }
    }

    /// The answer has ended.
    pub(super) fn end(&mut self) -> Verdict {
        match self.form {
            Form::Other => Verdict::Good,
            Form::Json => judge_json(&self.held),
            Form::Events => self.parser.rest().as_ref().and_then(judge_event).unwrap_or(Verdict::Nothing(
                SendErrorKind::Broken,
                "the stream ended before its first event",
            )),
        }
    }
}

/// Judges an event; `None` where it says nothing.
fn judge_event(event: &Event<'_>) -> Option<Verdict> {
    let data = event.data.as_deref()?;
    if is_done(data) {
        return Some(Verdict::Good);
    }
    Some(match Answer::read(data) {
        Some(answer) if answer.is_error() || event.is_error() => {
            Verdict::Error(data.to_vec(), answer.status())
        }
        Some(_) => Verdict::Good,
        None => Verdict::Nothing(SendErrorKind::InvalidResponse, "the first event is no JSON object"),
    })
}

/// Whether an event's data ends a stream.
pub(super) fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

fn judge_json(body: &[u8]) -> Verdict {
    match Answer::read(body) {
        Some(answer) if answer.is_error() => Verdict::Error(body.to_vec(), answer.status()),
        Some(_) => Verdict::Good,
        None => match json::from_slice::<Json<'_>>(body) {
            // No object, yet JSON: whatever it is, it is what the upstream answers.
            Ok(_) => Verdict::Good,
            Err(_) => Verdict::Nothing(SendErrorKind::InvalidResponse, "the body is not JSON"),
        },
    }
}

json::reads! {
    /// As much of an answer, or an event of one, as the gateway reads.
    pub(super) struct Answer<'a> {
        "error" error: Json<'a>,
        "object" object: Json<'a>,
        "choices" choices: Json<'a>,
        "usage" usage: Json<'a>,
    }
}

impl<'a> Answer<'a> {
    /// Reads a JSON object; anything else is `None`.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        json::from_slice(json).ok()
    }

    /// Whether it is an error: it has an `error` that says something and no `choices` but such as end with
    /// one (OpenRouter), or calls itself an error.
    pub(super) fn is_error(&self) -> bool {
        let says = |value: Json<'_>| !matches!(value.0, "null" | "false" | "\"\"" | "{}");
        let has_choices = || self.choices.is_some_and(|choices| choices.0 != "[]");
        let fails = || self.ends().iter().any(|end| end.0 == "\"error\"");
        self.object.is_some_and(|object| object.0 == "\"error\"")
            || (self.error.is_some_and(says) && (!has_choices() || fails()))
    }

    /// The status an error should have had: what it says itself, else 502.
    fn status(&self) -> u16 {
        json::reads! {
            struct Says<'a> {
                "code" code: Json<'a>,
                "status" status: Json<'a>,
                "type" kind: Json<'a>,
            }
        }
        let says = self.error.and_then(|error| json::from_str::<Says<'_>>(error.0).ok());
        let Some(says) = says else { return 502 };
        let number = |value: Json<'_>| value.0.trim_matches('"').parse::<u16>().ok();
        let own = [says.code, says.status].into_iter().flatten().find_map(number);
        let known = || super::dialect::anthropic::status_of(says.kind?.0.trim_matches('"'));
        own.filter(|status| (400..600).contains(status)).or_else(known).unwrap_or(502)
    }

    /// Whether one of its choices ends here.
    pub(super) fn finishes(&self) -> bool {
        !self.ends().is_empty()
    }

    /// Why those of its choices end that end here.
    fn ends(&self) -> Vec<Json<'a>> {
        json::reads! {
            struct Choice<'a> {
                "finish_reason" finish_reason: Json<'a>,
            }
        }
        let Some(choices) = self.choices.filter(|choices| choices.0.contains("\"finish_reason\"")) else {
            return Vec::new();
        };
        let choices = json::from_str::<Vec<Choice<'_>>>(choices.0).unwrap_or_default();
        choices.into_iter().filter_map(|choice| choice.finish_reason).collect()
    }

    /// The tokens it counts, if it does.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        json::reads! {
            // Some count under both names.
            struct Usage {
                "prompt_tokens" prompt_tokens: u64,
                "completion_tokens" completion_tokens: u64,
                "input_tokens" input_tokens: u64,
                "output_tokens" output_tokens: u64,
            }
        }
        let usage = json::from_str::<Usage>(self.usage?.0).ok()?;
        Some(Tokens {
            input: usage.prompt_tokens.or(usage.input_tokens).unwrap_or_default(),
            output: usage.completion_tokens.or(usage.output_tokens).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &[u8]) -> Verdict {
        let mut peek = Peek::new(Form::Json, None);
        assert_eq!(peek.take(body), Verdict::More);
        peek.end()
    }

    #[test]
    fn the_head_says_what_can_be_read() {
        for (status, headers, want) in [
            (200, vec![("content-type", "application/json")], Form::Json),
            (201, vec![("Content-Type", "Application/JSON; charset=utf-8")], Form::Json),
            (200, vec![("content-type", "text/event-stream;charset=utf-8")], Form::Events),
            (200, vec![("content-type", "text/event-streams")], Form::Other),
            (200, vec![("content-type", "application/json"), ("content-encoding", "gzip")], Form::Other),
            (200, vec![("content-type", "application/json"), ("content-encoding", "identity")], Form::Json),
            (200, vec![], Form::Other),
            (204, vec![("content-type", "application/json")], Form::Other),
            (404, vec![("content-type", "application/json")], Form::Other),
        ] {
            assert_eq!(Form::of(status, &headers.iter().copied().collect()), want, "{status} {headers:?}");
        }
    }

    #[test]
    fn an_error_is_known_by_its_members() {
        for (body, want) in [
            (r#"{"choices":[{}],"error":{"code":502}}"#, None),
            (r#"{"error":null,"choices":[]}"#, None),
            (r#"{"id":"x","object":"list","data":[]}"#, None),
            (r#"{"choices":[{"error":{"code":502}}]}"#, None),
            (r#"{"error":{}}"#, None),
            ("[]", None),
            (r#"{"error":{"message":"no"}}"#, Some(502)),
            (r#"{"error":"no"}"#, Some(502)),
            (r#"{"user":"u","error":{"code":429}}"#, Some(429)),
            (r#"{"error":{"code":"503","status":"UNAVAILABLE"}}"#, Some(503)),
            (r#"{"error":{"code":"rate_limit","status":429}}"#, Some(429)),
            (r#"{"error":{"code":200}}"#, Some(502)),
            (r#"{"choices":[],"error":{"code":500}}"#, Some(500)),
            (
                r#"{"error":{"code":429},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
                Some(429),
            ),
            (r#"{"error":{"code":429},"choices":[{"finish_reason":"stop"}]}"#, None),
            (r#"{"choices":[{"finish_reason":"error"}]}"#, None),
            (r#"{"object":"error","message":"no","code":40303}"#, Some(502)),
            (r#"{"type":"error","error":{"type":"overloaded_error"}}"#, Some(529)),
        ] {
            let want = want.map_or(Verdict::Good, |status| Verdict::Error(body.as_bytes().to_vec(), status));
            assert_eq!(json(body.as_bytes()), want, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_no_answer() {
        for body in [&b""[..], b"{", b"<html>", b"{\"a\":\"\xff\"}", b"{} {}"] {
            assert!(matches!(json(body), Verdict::Nothing(SendErrorKind::InvalidResponse, _)), "{body:?}");
        }
    }

    #[test]
    fn a_long_answer_is_not_gathered() {
        let mut peek = Peek::new(Form::Json, None);
        assert_eq!(peek.take(&[b'['; HELD]), Verdict::More);
        assert_eq!(peek.take(b"["), Verdict::Good);
    }

    #[test]
    fn the_first_event_decides() {
        let first = |stream: &str| {
            let mut peek = Peek::new(Form::Events, None);
            for byte in stream.as_bytes() {
                match peek.take(&[*byte]) {
                    Verdict::More => {}
                    verdict => return verdict,
                }
            }
            peek.end()
        };
        assert_eq!(first(": wait\n\ndata: {\"choices\":[]}\n\n"), Verdict::Good);
        assert_eq!(first("data: [DONE]\n\n"), Verdict::Good);
        let error = r#"{"error":{"code":503}}"#;
        for stream in [format!("data: {error}\n\n"), format!(": a\r\n\r\nevent: error\r\ndata:{error}")] {
            assert_eq!(first(&stream), Verdict::Error(error.as_bytes().to_vec(), 503), "{stream}");
        }
        // An event may be an error by its name alone.
        assert_eq!(
            first("event: error\ndata: {\"message\":\"no\"}\n\n"),
            Verdict::Error(b"{\"message\":\"no\"}".to_vec(), 502)
        );
        assert_eq!(first("data:\n\ndata: [DONE] \n\n"), Verdict::Good);
        assert_eq!(first("data:{\"choices\":[],\"choices\":[]}\n\n"), Verdict::Good);
        assert!(matches!(first(": wait\n\n"), Verdict::Nothing(SendErrorKind::Broken, _)));
        assert!(matches!(first("data: {\n\n"), Verdict::Nothing(SendErrorKind::InvalidResponse, _)));
        assert_eq!(first(&": wait\n\n".repeat(HELD)), Verdict::Good);
    }

    #[test]
    fn usage_and_ends_are_read() {
        for (body, tokens, finishes) in [
            (r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"x":{}}}"#, Some((3, 4)), false),
            (r#"{"usage":{"input_tokens":3,"output_tokens":4}}"#, Some((3, 4)), false),
            (r#"{"usage":{"prompt_tokens":3,"total_tokens":3}}"#, Some((3, 0)), false),
            (
                r#"{"usage":{"input_tokens":1,"prompt_tokens":3,"output_tokens":2,"completion_tokens":4}}"#,
                Some((3, 4)),
                false,
            ),
            (r#"{"usage":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}"#, Some((3, 4)), false),
            (r#"{"usage":null,"choices":[{"finish_reason":null}]}"#, None, false),
            (r#"{"usage":7,"choices":[{"finish_reason":null},{"finish_reason":"stop"}]}"#, None, true),
        ] {
            let answer = Answer::read(body.as_bytes()).expect("an object");
            let tokens = tokens.map(|(input, output)| Tokens { input, output });
            assert_eq!((answer.tokens(), answer.finishes()), (tokens, finishes), "{body}");
        }
    }
}
