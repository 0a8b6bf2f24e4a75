//! Large requests and responses that are translated between the API of the caller and that of the upstream.

use super::heavy::words;
use super::nowhere::Whole;
use super::{Excess, measured};
use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Incoming, Method, Piece, ReadError, Request};
use portcullis::transport::{Answered, Outgoing, Pending, SendError, Transport};
use std::time::Duration;

/// An upstream that has one response, made as it is read.
struct Upstream {
    api: Api,
    form: Form,
    /// How many pieces of text it has.
    pieces: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Api {
    Chat,
    Anthropic,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Whole,
    Stream,
}

/// The response: what precedes a text of so many pieces, a piece, and what follows.
struct Made {
    start: Option<String>,
    piece: &'static str,
    left: usize,
    end: Option<String>,
}

/// A piece of text, which JSON writes as it is.
const TEXT: &str = "the river runs under a bridge of stone and out to the sea, ";

/// How many pieces of text a whole response has: 1 MB.
const WHOLE: usize = 17_000;

/// How many a stream has, an event each: 2.4 MB of text, more than models write.
const STREAMED: usize = 40_000;

/// How many a stream has that answers a short request: 12 MB, nearly all the memory that the request may take.
const LONG: usize = 200_000;

/// How many a stream has that is longer than what is translated.
const ENDLESS: usize = 700_000;

const CHAT_PIECE: &str = concat!(
    r#"data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":""#,
    "the river runs under a bridge of stone and out to the sea, ",
    r#""},"finish_reason":null}]}"#,
    "\n\n"
);

const ANTHROPIC_PIECE: &str = concat!(
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""#,
    "the river runs under a bridge of stone and out to the sea, ",
    r#""}}"#,
    "\n\n"
);

impl Upstream {
    fn response(&self) -> Made {
        let (start, piece, end) = match (self.api, self.form) {
            (Api::Chat, Form::Whole) => (
                r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""#,
                TEXT,
                r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            ),
            (Api::Chat, Form::Stream) => (
                "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
                CHAT_PIECE,
                "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
            ),
            (Api::Anthropic, Form::Whole) => (
                r#"{"id":"msg","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":""#,
                TEXT,
                r#""}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
            ),
            (Api::Anthropic, Form::Stream) => (
                "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                ANTHROPIC_PIECE,
                "data: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
            ),
        };
        Made { start: Some(start.to_owned()), piece, left: self.pieces, end: Some(end.to_owned()) }
    }
}

impl Incoming for Made {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(start) = self.start.take() {
            return Ok(Some(start.into_bytes()));
        }
        // About as much as one read of a connection returns.
        let count = self.left.min(64);
        self.left -= count;
        match count {
            0 => Ok(self.end.take().map(String::into_bytes)),
            count => Ok(Some(self.piece.repeat(count).into_bytes())),
        }
    }

    fn read_within(&mut self, _: Duration) -> Result<Piece, ReadError> {
        Ok(self.read()?.map_or(Piece::End, Piece::Bytes))
    }
}

impl Transport for Upstream {
    type Call = ();
    type Body = Made;
    type Upload = Whole;

    fn start(&self, _: &Outgoing<'_>) -> Result<(), SendError> {
        Ok(())
    }

    fn head(&self, (): &mut ()) -> Option<Result<Answered<Made>, SendError>> {
        let label = if self.form == Form::Whole { "application/json" } else { "text/event-stream" };
        let headers = [("content-type", label)].into_iter().collect();
        Some(Ok(Answered { status: 200, headers, body: self.response() }))
    }

    fn wait(&self, _: &[Pending<'_, Self>], _: Option<Duration>) {}

    fn pass(&self, _: &Outgoing<'_>, _: &mut Whole) -> Result<Answered<Made>, SendError> {
        unreachable!("nothing is passed through")
    }
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// Large requests of an API: the name, and all members but the model.
fn requests(path: &str) -> Vec<(&'static str, String)> {
    const TOOLS: usize = 20_000;
    const IMAGES: usize = 150;
    const MESSAGES: usize = 20_000;
    let image = format!("data:image/png;base64,{}", "iVBORw0KGgoA".repeat(10_000));
    let data = image.trim_start_matches("data:image/png;base64,");
    let schema = r#"{"type":"object","properties":{"city":{"type":"string","description":"Where."}},"required":["city"]}"#;
    let turn = |i: usize| if i.is_multiple_of(2) { "user" } else { "assistant" };
    let text = words(8 << 20);
    let short = words(400);
    match path {
        "/v1/chat/completions" => {
            let user = |content: &str| format!(r#""messages":[{{"role":"user","content":{content}}}]"#);
            let tool = |i| {
                format!(r#"{{"type":"function","function":{{"name":"tool_{i}","parameters":{schema}}}}}"#)
            };
            let picture = |_| format!(r#"{{"type":"image_url","image_url":{{"url":"{image}"}}}}"#);
            let message = |i| format!(r#"{{"role":"{}","content":"{short}"}}"#, turn(i));
            vec![
                ("many tools", format!(r#"{},"tools":[{}]"#, user("\"hi\""), list(TOOLS, tool))),
                ("a long text", user(&format!("{text:?}"))),
                ("many images", user(&format!("[{}]", list(IMAGES, picture)))),
                ("many messages", format!(r#""messages":[{}]"#, list(MESSAGES, message))),
            ]
        }
        "/v1/messages" => {
            let user = |content: &str| {
                format!(r#""max_tokens":16,"messages":[{{"role":"user","content":{content}}}]"#)
            };
            let tool = |i| format!(r#"{{"name":"tool_{i}","input_schema":{schema}}}"#);
            let picture = |_| {
                format!(
                    r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#
                )
            };
            let message = |i| format!(r#"{{"role":"{}","content":"{short}"}}"#, turn(i));
            vec![
                ("many tools", format!(r#"{},"tools":[{}]"#, user("\"hi\""), list(TOOLS, tool))),
                ("a long text", user(&format!("{text:?}"))),
                ("many images", user(&format!("[{}]", list(IMAGES, picture)))),
                ("many messages", format!(r#""max_tokens":16,"messages":[{}]"#, list(MESSAGES, message))),
            ]
        }
        _ => {
            let tool = |i| format!(r#"{{"type":"function","name":"tool_{i}","parameters":{schema}}}"#);
            let picture = |_| format!(r#"{{"type":"input_image","image_url":"{image}"}}"#);
            let message = |i| format!(r#"{{"role":"{}","content":"{short}"}}"#, turn(i));
            vec![
                ("many tools", format!(r#""input":"hi","tools":[{}]"#, list(TOOLS, tool))),
                ("a long text", format!(r#""input":{text:?}"#)),
                (
                    "many images",
                    format!(r#""input":[{{"role":"user","content":[{}]}}]"#, list(IMAGES, picture)),
                ),
                ("many messages", format!(r#""input":[{}]"#, list(MESSAGES, message))),
            ]
        }
    }
}

/// The exchanges that take too much memory.
pub(crate) fn excesses() -> Vec<Excess> {
    let mut excesses = Vec::new();
    for (path, api) in [
        ("/v1/chat/completions", Api::Anthropic),
        ("/v1/messages", Api::Chat),
        ("/v1/responses", Api::Chat),
        ("/v1/responses", Api::Anthropic),
    ] {
        let name = if api == Api::Chat { "openai" } else { "anthropic" };
        let config = format!(
            r#"{{"upstreams":{{"up":{{"url":"http://up/v1","api":"{name}"}}}},"models":{{"m":{{"targets":[{{"upstream":"up"}}]}}}}}}"#
        );
        let vars = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_CONFIG", &config)];
        let gateway = Gateway::new(&vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for form in [Form::Whole, Form::Stream] {
            let stream = form == Form::Stream;
            let pieces = if stream { STREAMED } else { WHOLE };
            for (what, members) in requests(path) {
                let body = format!(r#"{{"model":"m","stream":{stream},{members}}}"#);
                let case = format!("{path} to {name}, {what}, stream: {stream}");
                excesses.extend(measured(
                    &gateway,
                    &Upstream { api, form, pieces },
                    &case,
                    path,
                    body,
                    &[200],
                ));
            }
        }
        let short = match path {
            "/v1/responses" => r#"{"model":"m","stream":true,"input":"hi"}"#,
            _ => r#"{"model":"m","stream":true,"max_tokens":16,"messages":[{"role":"user","content":"hi"}]}"#,
        };
        let long = Upstream { api, form: Form::Stream, pieces: LONG };
        let case = format!("{path} to {name}, a long stream");
        excesses.extend(measured(&gateway, &long, &case, path, short.to_owned(), &[200]));
        let endless = Upstream { api, form: Form::Stream, pieces: ENDLESS };
        let end = ending(&gateway, &endless, path, short);
        if !end.contains("more than 33554432 bytes") {
            excesses.push(Excess(format!("{path} to {name}, a stream without an end: it ends with {end}")));
        }
    }
    excesses
}

/// What a stream ends with.
fn ending(gateway: &Gateway, upstream: &Upstream, path: &str, body: &str) -> String {
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: [("anthropic-version", "2023-06-01")].into_iter().collect(),
    };
    let mut upload = Whole(Some(body.as_bytes().to_owned()));
    let response = gateway.handle(&request, &mut upload, upstream, &ctx).response;
    let Body::Stream(items) = response.body else { panic!("{path}: no stream") };
    let events = items.map(BodyItem::into_bytes).filter(|bytes| !bytes.is_empty());
    // The whole response may follow on the error.
    let first_error = events.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    first_error
        .filter(|events| events.contains("error\":"))
        .find(|events| !events.contains("error\":null"))
        .unwrap_or_default()
}
