use super::*;
use crate::config::{Config, Secret};
use crate::http::ReadError;
use std::cell::RefCell;
use std::time::Duration;

/// A body that is read from a list.
struct Pieces(std::vec::IntoIter<Vec<u8>>);

impl Incoming for Pieces {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.next())
    }
}

/// What a fake upstream answers: status and header fields.
type Told = Result<(u16, Vec<(&'static str, &'static str)>), SendErrorKind>;

/// A transport that keeps what it is given and answers what it is told.
struct Fake {
    answer: Told,
    seen: RefCell<Vec<(String, String)>>,
    line: RefCell<String>,
}

impl Transport for Fake {
    type Body = Pieces;

    fn send(&self, request: &Outgoing<'_>) -> Result<Answered<Pieces>, SendError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        *self.seen.borrow_mut() = request.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect();
        *self.line.borrow_mut() = format!(
            "{} {}://{}{} {}",
            request.method,
            if request.https { "https" } else { "http" },
            request.authority,
            request.path,
            text(&request.body.concat())
        );
        match &self.answer {
            Ok((status, headers)) => Ok(Answered {
                status: *status,
                headers: headers.iter().copied().collect(),
                body: Pieces(vec![b"{}".to_vec()].into_iter()),
            }),
            Err(kind) => Err(SendError { kind: *kind, reason: "the host's words".into() }),
        }
    }
}

fn upstream() -> Upstream {
    let vars = [("PORTCULLIS_UPSTREAM_URL", "https://up.example/v1"), ("PORTCULLIS_UPSTREAM_KEY", "sk-up")];
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let mut upstream = Config::from_vars(&vars).expect("valid").upstreams.remove(0);
    upstream.headers.push(("OpenAI-Organization".into(), Secret::new("org-1")));
    upstream
}

fn send(answer: Told) -> (Fake, Result<Response<Pieces>, Failure>) {
    let fake = Fake { answer, seen: RefCell::default(), line: RefCell::default() };
    let headers: Headers = [
        ("Authorization", "Bearer sk-caller"),
        ("Cookie", "a=b"),
        ("Host", "gateway.example"),
        ("Content-Length", "2"),
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Accept-Encoding", "gzip"),
        ("spin-client-addr", "10.0.0.1"),
        ("openai-organization", "org-callers"),
        ("Content-Type", "application/json"),
        ("traceparent", "00-1-1-00"),
    ]
    .into_iter()
    .collect();
    let ctx = Ctx { now: Duration::ZERO, random: [1, 2], elapsed: &|| Duration::from_millis(1500) };
    let result = forward(
        &Forward {
            upstream: &upstream(),
            method: "POST",
            path: "/chat/completions",
            query: Some("a=1"),
            headers: &headers,
            body: &[b"{\"model\":", b"1}"],
            request_id: "req_1",
        },
        &fake,
        &ctx,
    );
    (fake, result)
}

#[test]
fn only_what_may_cross_reaches_the_upstream() {
    let (fake, _) = send(Ok((200, vec![])));
    assert_eq!(*fake.line.borrow(), "POST https://up.example/v1/chat/completions?a=1 {\"model\":1}");
    let want = [
        ("Content-Type", "application/json"),
        ("traceparent", "00-1-1-00"),
        ("x-request-id", "req_1"),
        ("authorization", "Bearer sk-up"),
        ("OpenAI-Organization", "org-1"),
    ];
    let want: Vec<_> = want.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    assert_eq!(*fake.seen.borrow(), want);
}

#[test]
fn status_and_the_headers_that_matter_come_back() {
    let answer = vec![
        ("Content-Type", "application/json"),
        ("Retry-After", "7"),
        ("x-ratelimit-remaining-requests", "0"),
        ("Set-Cookie", "a=b"),
        ("Transfer-Encoding", "chunked"),
        ("Authorization", "Bearer sk-up"),
        ("x-request-id", "theirs"),
    ];
    let (_, result) = send(Ok((429, answer)));
    let response = result.unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(response.status, 429);
    let want =
        [("Content-Type", "application/json"), ("Retry-After", "7"), ("x-ratelimit-remaining-requests", "0")];
    assert_eq!(response.headers, want.into_iter().collect());
}

#[test]
fn only_a_stream_ends_in_an_error_event() {
    for (content_type, told) in [("text/event-stream; charset=utf-8", true), ("application/json", false)] {
        let (_, result) = send(Ok((200, vec![("content-type", content_type)])));
        let Ok(Response { body: Body::Relay(relay), .. }) = result else { panic!("relayed") };
        assert_eq!(relay.if_broken.is_some(), told, "{content_type}");
        assert!(relay.if_broken.is_none_or(|error| error.status() == 502));
    }
}

#[test]
fn no_answer_is_502_or_504_without_the_hosts_words() {
    for (kind, status, part) in [
        (SendErrorKind::Unreachable, 502, "could not be reached"),
        (SendErrorKind::Denied, 502, "allowed_outbound_hosts"),
        (SendErrorKind::Timeout, 504, "within 1500 ms"),
    ] {
        let (_, result) = send(Err(kind));
        let failure = result.err().expect("failed");
        assert_eq!((failure.error.status(), &*failure.reason), (status, "the host's words"));
        let message = failure.error.message();
        assert!(message.contains(part) && message.contains("`default`") && !message.contains("host's words"));
    }
}
