//! What the host knows of a request: for the access line and the request id of a response that the component did not finish.

use std::fmt::Write;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use http::header::HeaderName;
use http::{HeaderValue, Method, StatusCode, Uri};

use crate::output::Output;

/// The header field of a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of what answered, where the component's lines have `engine` or that of an upstream.
const TARGET: &str = "host";

/// A request.
pub(crate) struct Access {
    method: Method,
    uri: Uri,
    begun: Instant,
    /// The caller's own id of the request.
    own_id: Option<HeaderValue>,
    id: OnceLock<String>,
    /// The head of the component's response, once it was sent.
    head: OnceLock<(StatusCode, Option<HeaderValue>)>,
}

impl Access {
    /// A request that has just arrived.
    pub(crate) fn new<B>(request: &http::Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            begun: Instant::now(),
            own_id: request.headers().get(REQUEST_ID).cloned(),
            id: OnceLock::new(),
            head: OnceLock::new(),
        }
    }

    /// Notes the head of the component's response.
    pub(crate) fn answered<B>(&self, response: &http::Response<B>) {
        let head = (response.status(), response.headers().get(REQUEST_ID).cloned());
        // The only one of the request.
        let _ = self.head.set(head);
    }

    /// Whether the component's response has begun.
    pub(crate) fn is_answered(&self) -> bool {
        self.head.get().is_some()
    }

    /// Whether the request is for Anthropic's Messages API.
    pub(crate) fn is_messages(&self) -> bool {
        let mut segments = self.uri.path().split('/').filter(|segment| !segment.is_empty());
        (segments.next(), segments.next()) == (Some("v1"), Some("messages"))
    }

    /// The request's id: that of the component's response, the caller's own, or a new one.
    pub(crate) fn id(&self) -> &str {
        self.id.get_or_init(|| {
            let sent = self.head.get().and_then(|(_, id)| id.as_ref());
            let is_usual =
                |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
            let known = sent.or(self.own_id.as_ref()).and_then(|id| id.to_str().ok()).filter(is_usual);
            known.map_or_else(new_id, str::to_owned)
        })
    }

    /// Logs the request as one that the host answered with `status`, and why.
    pub(crate) fn refused(&self, output: &Output, status: StatusCode, reason: &str) {
        self.line(output, status, "reason", reason);
    }

    /// Logs the request as one whose response broke off, if it had begun, and why.
    pub(crate) fn broken(&self, output: &Output, reason: &str) {
        // What nginx logs for a caller that has left before its response.
        let client_closed_request = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
        let status = self.head.get().map_or(client_closed_request, |(status, _)| *status);
        self.line(output, status, "broken", reason);
    }

    fn line(&self, output: &Output, status: StatusCode, member: &str, reason: &str) {
        let elapsed = self.begun.elapsed();
        let mut line = begin(SystemTime::now() - elapsed, status.is_server_error() || member == "broken");
        push(&mut line, "request_id", self.id());
        push(&mut line, "http.request.method", self.method.as_str());
        push(&mut line, "url.path", self.uri.path());
        push(&mut line, "target", TARGET);
        end(output, line, status, member, reason, elapsed);
    }
}

/// Logs a request whose head is not valid HTTP: neither its method nor its path is known.
pub(crate) fn unreadable(output: &Output, status: StatusCode, reason: &str) {
    let mut line = begin(SystemTime::now(), false);
    push(&mut line, "target", TARGET);
    end(output, line, status, "reason", reason, Duration::ZERO);
}

/// The members are those of the component's own lines (`src/log.rs`).
fn begin(time: SystemTime, is_error: bool) -> String {
    let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let level = if is_error { "error" } else { "info" };
    format!(r#"{{"time":"{}","level":"{level}""#, rfc3339(time))
}

fn end(output: &Output, mut line: String, status: StatusCode, member: &str, reason: &str, elapsed: Duration) {
    let _ = write!(line, r#","http.response.status_code":{}"#, status.as_u16());
    push(&mut line, member, reason);
    let _ = write!(line, r#","total_ms":{:.3}}}"#, elapsed.as_secs_f64() * 1000.0);
    output.note(&line);
}

/// Appends a member. Beyond ASCII every character is escaped, since a terminal may act on some of them.
fn push(line: &mut String, name: &str, text: &str) {
    const LONGEST: usize = 1024;
    let text: String = text.chars().take(LONGEST).collect();
    let _ = write!(line, r#","{name}":"#);
    for unit in serde_json::Value::from(text).to_string().encode_utf16() {
        match u8::try_from(unit).ok().filter(|byte| byte.is_ascii() && *byte != 0x7f) {
            Some(byte) => line.push(byte.into()),
            None => drop(write!(line, "\\u{unit:04x}")),
        }
    }
}

/// `req_` and 32 hexadecimal digits, as the component's own.
fn new_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("req_{:016x}{:016x}", random(), random())
}

/// A time since the Unix epoch in RFC 3339. The host does not depend on the component's crate, which has the same.
fn rfc3339(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    // Days are counted from 1 March of year 0, so that a leap day ends its year.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let year = era * 400 + year + carry;
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Captured;

    #[test]
    fn times_are_rfc_3339() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_millis(millis)), want);
        }
    }

    #[test]
    fn a_line_is_ascii_json() {
        let captured = Captured::default();
        let request = http::Request::get("/a\"b").header(REQUEST_ID, "mine").body(()).unwrap();
        let reason = format!("\u{9b}\u{202e}\u{7f}\n🦀{}", "x".repeat(2000));
        Access::new(&request).refused(&Output::Capture(captured.clone()), StatusCode::BAD_REQUEST, &reason);
        let lines = captured.lines();
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{line}");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["url.path"], &line["request_id"]), (&"/a\"b".into(), &"mine".into()));
        assert_eq!((&line["level"], &line["http.response.status_code"]), (&"info".into(), &400.into()));
        assert!(line["reason"].as_str().unwrap().starts_with("\u{9b}\u{202e}\u{7f}\n🦀xxx"), "{line}");
    }

    #[test]
    fn paths_of_the_messages_api_are_known() {
        for (uri, want) in [
            ("/v1/messages", true),
            ("/v1//messages/?beta=true", true),
            ("/v1/messages/count_tokens", true),
            ("/v1/messagesx", false),
            ("/v1/chat/completions", false),
            ("/", false),
        ] {
            let request = http::Request::get(uri).body(()).unwrap();
            assert_eq!(Access::new(&request).is_messages(), want, "{uri}");
        }
    }
}
