//! Scripted upstreams, and a simulated clock.

use portcullis::config::Config;
use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Headers, Incoming, Method, Piece, ReadError, Request};
use portcullis::log::Ending;
use portcullis::transport::{Answered, Outgoing, Pending, SendError, SendErrorKind, Transport};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// The status and header fields of a response, or the failure of the request.
pub(crate) type Head = Result<(u16, Vec<(&'static str, String)>), SendErrorKind>;

/// What a scripted upstream does with a request.
#[derive(Clone)]
pub(crate) struct Does {
    /// Milliseconds until the response head.
    pub(crate) after: u64,
    pub(crate) head: Head,
    /// Pieces of the body, each with its delay after the previous one in milliseconds.
    pub(crate) body: Vec<(u64, Result<Vec<u8>, ReadError>)>,
}

impl Does {
    pub(crate) fn answer(status: u16, content_type: &str, body: &[&str]) -> Self {
        let body = body.iter().map(|piece| (0, Ok(piece.as_bytes().to_vec()))).collect();
        Self { after: 0, head: Ok((status, vec![("content-type", content_type.to_owned())])), body }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::answer(status, "application/json", &[body])
    }

    pub(crate) fn stream(events: &[&str]) -> Self {
        let events: Vec<String> = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        let events: Vec<&str> = events.iter().map(|event| &**event).collect();
        Self::answer(200, "text/event-stream", &events)
    }

    pub(crate) fn fails(kind: SendErrorKind) -> Self {
        Self { after: 0, head: Err(kind), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok((_, headers)) = &mut self.head {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn after(self, ms: u64) -> Self {
        Self { after: ms, ..self }
    }

    pub(crate) fn breaks(mut self, timed_out: bool) -> Self {
        self.body.push((0, Err(ReadError { reason: "it broke".into(), timed_out })));
        self
    }
}

/// A request that an upstream received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The time of the request in milliseconds.
    pub(crate) at: u64,
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

#[derive(Default)]
struct World {
    now: Cell<u64>,
    /// Responses by authority; the last one is repeated.
    scripts: RefCell<HashMap<String, VecDeque<Does>>>,
    seen: RefCell<Vec<Seen>>,
    /// The number of responses and calls that were dropped before their end.
    cancelled: Cell<u32>,
}

/// The scripted upstreams of a test.
#[derive(Clone, Default)]
pub(crate) struct Fake(Rc<World>);

pub(crate) struct FakeCall {
    world: Rc<World>,
    ready: u64,
    does: Option<Does>,
}

pub(crate) struct FakeBody {
    world: Rc<World>,
    pieces: VecDeque<(u64, Result<Vec<u8>, ReadError>)>,
}

/// A caller's body in pieces.
pub(crate) struct FakeUpload(pub(crate) VecDeque<Vec<u8>>);

impl Incoming for FakeUpload {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.pop_front())
    }
}

impl Drop for FakeCall {
    fn drop(&mut self) {
        if self.does.is_some() {
            self.world.cancelled.set(self.world.cancelled.get() + 1);
        }
    }
}

impl Drop for FakeBody {
    fn drop(&mut self) {
        if !self.pieces.is_empty() {
            self.world.cancelled.set(self.world.cancelled.get() + 1);
        }
    }
}

impl Incoming for FakeBody {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let Some((at, piece)) = self.pieces.pop_front() else { return Ok(None) };
        self.world.now.set(self.world.now.get().max(at));
        piece.map(Some)
    }

    fn read_within(&mut self, patience: Duration) -> Result<Piece, ReadError> {
        let until = self.world.now.get() + ms(patience);
        match self.pieces.front() {
            Some((at, _)) if *at > until => {
                self.world.now.set(until);
                Ok(Piece::Pending)
            }
            _ => Ok(self.read()?.map_or(Piece::End, Piece::Bytes)),
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("short")
}

impl Fake {
    /// Creates upstreams from their hosts and scripts.
    pub(crate) fn new(scripts: &[(&str, &[Does])]) -> Self {
        let fake = Self::default();
        for (host, script) in scripts {
            fake.0.scripts.borrow_mut().insert((*host).to_owned(), script.iter().cloned().collect());
        }
        fake
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.now.get()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.seen.borrow().clone()
    }

    /// The hosts that were tried, with the times in milliseconds: `a@0 b@250`.
    pub(crate) fn trace(&self) -> String {
        let host = |seen: &Seen| seen.line.split('/').nth(2).unwrap_or_default().to_owned();
        let all: Vec<String> = self.seen().iter().map(|seen| format!("{}@{}", host(seen), seen.at)).collect();
        all.join(" ")
    }

    pub(crate) fn cancelled(&self) -> u32 {
        self.0.cancelled.get()
    }

    fn see(&self, request: &Outgoing<'_>, body: Vec<u8>) -> Does {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let scheme = if request.https { "https" } else { "http" };
        self.0.seen.borrow_mut().push(Seen {
            at: self.now(),
            line: format!("{} {scheme}://{}{}", request.method, request.authority, request.path),
            headers: request.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
            body: text(&body),
        });
        let mut scripts = self.0.scripts.borrow_mut();
        let script = scripts.get_mut(request.authority).expect("every host has a script");
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.expect("something to do")
    }

    fn open(&self, does: Does) -> Result<Answered<FakeBody>, SendError> {
        let (status, headers) =
            does.head.map_err(|kind| SendError { kind, reason: format!("reason of the host: {kind:?}") })?;
        let mut at = self.now();
        let pieces = does.body.into_iter().map(|(after, piece)| {
            at += after;
            (at, piece)
        });
        let body = FakeBody { world: self.0.clone(), pieces: pieces.collect() };
        Ok(Answered { status, headers: headers.into_iter().collect(), body })
    }
}

impl Transport for Fake {
    type Call = FakeCall;
    type Body = FakeBody;
    type Upload = FakeUpload;

    fn start(&self, request: &Outgoing<'_>) -> Result<FakeCall, SendError> {
        let does = self.see(request, request.body.concat());
        Ok(FakeCall { world: self.0.clone(), ready: self.now() + does.after, does: Some(does) })
    }

    fn head(&self, call: &mut FakeCall) -> Option<Result<Answered<FakeBody>, SendError>> {
        let does = if call.ready <= self.now() { call.does.take() } else { None };
        does.map(|does| self.open(does))
    }

    fn wait(&self, on: &[Pending<'_, Self>], at_most: Option<Duration>) {
        let ready = on.iter().map(|pending| match pending {
            Pending::Head(call) => call.ready,
            Pending::Body(body) => body.pieces.front().map_or(0, |(at, _)| *at),
        });
        let next = ready.chain(at_most.map(|time| self.now() + ms(time).max(1))).min();
        self.0.now.set(next.expect("something to wait for").max(self.now()));
    }

    fn pass(&self, request: &Outgoing<'_>, upload: &mut FakeUpload) -> Result<Answered<FakeBody>, SendError> {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = upload.read() {
            body.extend(piece);
        }
        let does = self.see(request, body);
        self.open(does)
    }
}

/// The response that the caller got, and the log line.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: String,
    /// Whether the body broke off.
    pub(crate) cut: bool,
    pub(crate) log: serde_json::Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// Sends a request to a gateway with this `PORTCULLIS_CONFIG` and the key `sk-caller`.
pub(crate) fn send(fake: &Fake, config: &str, request: &Request, body: &str) -> Got {
    let vars = [("PORTCULLIS_CONFIG", config), ("PORTCULLIS_API_KEYS", "sk-caller")];
    send_with(fake, &vars, request, body)
}

/// Sends a request to a gateway with these settings.
pub(crate) fn send_with(fake: &Fake, vars: &[(&str, &str)], request: &Request, body: &str) -> Got {
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Config::from_vars(&vars).expect("valid settings");
    let gateway = Gateway::new(&vars);
    let elapsed = || Duration::from_millis(fake.now());
    let ctx = Ctx { now: Duration::from_secs(784_111_777), random: [3, 5], elapsed: &elapsed };
    let mut upload = FakeUpload([body.as_bytes().to_vec()].into_iter().filter(|b| !b.is_empty()).collect());
    let exchange = gateway.handle(request, &mut upload, fake, &ctx);
    let mut ending = Ending { total: elapsed(), ..Default::default() };
    let (mut out, mut cut) = (Vec::new(), false);
    match exchange.response.body {
        Body::Full(bytes) => out = bytes,
        Body::Stream(items) => items.for_each(|item| match item {
            BodyItem::Data(bytes) => out.extend(bytes),
            BodyItem::Silence => {}
            BodyItem::Failed(reason) => ending.broken = Some(reason),
            other => panic!("{other:?}"),
        }),
        Body::Relay(mut relay) => {
            out = relay.head;
            loop {
                match relay.from.read() {
                    Ok(Some(piece)) => out.extend(piece),
                    Ok(None) => break,
                    Err(error) => {
                        cut = relay.if_broken.is_none();
                        out.extend(relay.if_broken.unwrap_or_default());
                        ending.broken = Some(error.reason);
                        break;
                    }
                }
            }
        }
    }
    let line = gateway.close(exchange.record, &ending, fake, &elapsed).expect("every request is logged");
    Got {
        status: exchange.response.status,
        headers: exchange.response.headers,
        body: String::from_utf8_lossy(&out).into_owned(),
        cut,
        log: serde_json::from_str(&line).expect("a line of JSON"),
    }
}

/// A request of the caller.
pub(crate) fn request(method: &str, target: &str, headers: &[(&'static str, &str)]) -> Request {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "OPTIONS" => Method::Options,
        name => Method::Other(name.to_owned()),
    };
    let own = [("authorization", "Bearer sk-caller"), ("content-type", "application/json")];
    let headers = own.iter().chain(headers).map(|(name, value)| (*name, *value)).collect();
    Request { method, path: path.to_owned(), query, headers }
}

/// A chat completion request of the caller.
pub(crate) fn chat() -> Request {
    request("POST", "/v1/chat/completions", &[])
}

/// The body of a chat completion request.
pub(crate) fn body(model: &str, stream: bool) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}],"stream":{stream}}}"#)
}
