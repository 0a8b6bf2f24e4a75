//! Requests of every API to upstreams of every other, and their answers: what is sent is JSON, and what the caller gets has
//! the form of the caller's API, wherever the upstream's stream is cut.

use super::chosen;
use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Incoming, Method, Piece, ReadError, Request};
use portcullis::transport::{Answered, Outgoing, Pending, SendError, Transport};
use serde_json::Value;
use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::Duration;

/// The callers' endpoints, and a valid body for each that requests a stream.
const CALLERS: [(&str, &str); 3] = [
    (
        "/v1/chat/completions",
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "/v1/responses",
        r#"{"model":"m","stream":true,"input":"hi","reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]}"#,
    ),
    (
        "/v1/messages",
        r#"{"model":"m","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
];

static GATEWAYS: LazyLock<[Gateway; 3]> = LazyLock::new(|| {
    [r#""api":"openai""#, r#""api":"anthropic""#, r#""api":"openai","responses":true"#].map(|api| {
        let config = format!(
            r#"{{"upstreams":{{"up":{{"url":"http://up/v1",{api}}}}},"models":{{"*":{{"targets":[{{"upstream":"up"}}]}}}}}}"#
        );
        let settings = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_UNKNOWN_PARAMS", "drop")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = ("PORTCULLIS_CONFIG".to_owned(), config);
        Gateway::new(&settings.into_iter().chain([config]).collect::<Vec<_>>())
    })
});

/// The first byte chooses the upstream's API, whether its answer is a stream, and where it is cut; the second the caller's
/// endpoint and what the input is: a caller's body, or an upstream's answer.
pub fn run(data: &[u8]) {
    let Some((upstream, caller, input)) = chosen(data) else { return };
    let gateway = &GATEWAYS[upstream % GATEWAYS.len()];
    let (path, body) = CALLERS[caller % CALLERS.len()];
    if (caller / CALLERS.len()).is_multiple_of(2) {
        let up = Up::new("application/json", vec![b"{}".to_vec()]);
        let outcome = exchange(gateway, path, input, &up);
        let sent = up.sent.borrow();
        assert!(
            sent.is_empty() == (400..500).contains(&outcome.status) || outcome.status == 502,
            "{outcome:?}"
        );
        for body in &*sent {
            assert!(serde_json::from_slice::<&serde_json::value::RawValue>(body).is_ok(), "sent: {body:?}");
        }
        return;
    }
    let kind =
        if (upstream / GATEWAYS.len()).is_multiple_of(2) { "text/event-stream" } else { "application/json" };
    let whole = exchange(gateway, path, body.as_bytes(), &Up::new(kind, vec![input.to_vec()]));
    let (one, other) = input.split_at(upstream.min(input.len()));
    let cut = exchange(gateway, path, body.as_bytes(), &Up::new(kind, vec![one.to_vec(), other.to_vec()]));
    // A byte order mark and the first event are looked for in what there is.
    assert_eq!((whole.status, whole.events()), (cut.status, cut.events()));
    assert!(whole.status >= 200 && (whole.status != 200 || !whole.bytes.is_empty()), "{whole:?}");
}

/// What the caller gets.
#[derive(Debug)]
struct Outcome {
    status: u16,
    bytes: Vec<u8>,
}

impl Outcome {
    /// The answer, without the padding and pings that depend on where the stream was cut.
    fn events(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.bytes);
        let datas = text.split("\n\n").filter_map(|frame| frame.split_once("data: "));
        let read = |(_, data): (&str, &str)| {
            let mut event: Value = serde_json::from_str(data).unwrap_or_else(|_| data.into());
            if let Some(members) = event.as_object_mut() {
                members.remove("obfuscation");
            }
            event
        };
        datas.map(read).filter(|event| event["type"] != "ping").collect()
    }
}

fn exchange(gateway: &Gateway, path: &str, body: &[u8], up: &Up) -> Outcome {
    let headers = [("content-type", "application/json")].into_iter().collect();
    let request = Request { method: Method::Post, path: path.to_owned(), query: None, headers };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Pieces([body.to_vec()].into());
    let response = gateway.handle(&request, &mut upload, up, &ctx).response;
    let mut bytes = Vec::new();
    match response.body {
        Body::Full(whole) => bytes = whole,
        Body::Stream(items) => items.for_each(|item| bytes.extend(item.into_bytes())),
        Body::Relay(mut relay) => {
            bytes = relay.head;
            while let Ok(Some(piece)) = relay.from.read() {
                bytes.extend(piece);
            }
        }
    }
    Outcome { status: response.status, bytes }
}

/// A body in pieces.
struct Pieces(std::collections::VecDeque<Vec<u8>>);

impl Incoming for Pieces {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.pop_front())
    }

    fn read_within(&mut self, _: Duration) -> Result<Piece, ReadError> {
        Ok(self.read()?.map_or(Piece::End, Piece::Bytes))
    }
}

/// An upstream with one answer, which notes what it was sent.
struct Up {
    kind: &'static str,
    answer: Vec<Vec<u8>>,
    sent: RefCell<Vec<Vec<u8>>>,
}

impl Up {
    fn new(kind: &'static str, answer: Vec<Vec<u8>>) -> Self {
        let answer = answer.into_iter().filter(|piece| !piece.is_empty()).collect();
        Self { kind, answer, sent: RefCell::default() }
    }
}

impl Transport for Up {
    type Call = ();
    type Body = Pieces;
    type Upload = Pieces;

    fn start(&self, request: &Outgoing<'_>) -> Result<(), SendError> {
        self.sent.borrow_mut().push(request.body.concat());
        Ok(())
    }

    fn head(&self, (): &mut ()) -> Option<Result<Answered<Pieces>, SendError>> {
        let headers = [("content-type", self.kind)].into_iter().collect();
        Some(Ok(Answered { status: 200, headers, body: Pieces(self.answer.clone().into()) }))
    }

    fn wait(&self, _: &[Pending<'_, Self>], _: Option<Duration>) {}

    fn pass(&self, _: &Outgoing<'_>, _: &mut Pieces) -> Result<Answered<Pieces>, SendError> {
        panic!("nothing is passed through")
    }
}
