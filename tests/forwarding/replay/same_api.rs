//! Streams of Responses and Messages in front of an upstream that speaks the same API: every byte arrives.

use super::{Recorded, grammar, streams};
use crate::fake::*;
use portcullis::http::Request;

/// Streams up to this length are cut at every position.
const EVERY_POSITION: usize = 8 * 1024;

struct Route {
    config: &'static str,
    path: &'static str,
    body: &'static str,
}

const RESPONSES: Route = Route {
    config: r#"{"upstreams":{"up":{"url":"http://up/v1","responses":true}},"models":{"m":{"targets":[{"upstream":"up"}]}}}"#,
    path: "/v1/responses",
    body: r#"{"model":"m","input":"hi","stream":true}"#,
};

const MESSAGES: Route = Route {
    config: r#"{"upstreams":{"up":{"url":"http://up/v1","api":"anthropic"}},"models":{"m":{"targets":[{"upstream":"up"}]}}}"#,
    path: "/v1/messages",
    body: r#"{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hi"}],"stream":true}"#,
};

impl Route {
    fn request(&self) -> Request {
        request("POST", self.path, &[("anthropic-version", "2023-06-01")])
    }

    /// What the caller receives of these pieces.
    fn through(&self, pieces: &[&[u8]]) -> Got {
        let mut does = Does::answer(200, "text/event-stream; charset=utf-8", &[]);
        does.body = pieces.iter().map(|piece| (0, Ok(piece.to_vec()))).collect();
        send(&Fake::new(&[("up", &[does])]), self.config, &self.request(), self.body)
    }

    fn replay(&self, stream: &Recorded) {
        let bytes = stream.bytes();
        let whole = self.through(&[bytes.as_bytes()]);
        assert_eq!((whole.status, &*whole.body), (200, &*bytes), "{}", stream.name);
        assert!(whole.log["broken"].is_null() && !whole.cut, "{}: {}", stream.name, whole.log);
        for at in cuts(&bytes) {
            let (one, other) = bytes.as_bytes().split_at(at);
            let got = self.through(&[one, other]);
            assert!(got.body == bytes && got.log["broken"].is_null(), "{} cut at {at}: {got:?}", stream.name);
        }
    }
}

/// Where a stream is cut: anywhere up to 8 KiB, then around the boundary of every event and at 200 more positions.
fn cuts(stream: &str) -> Vec<usize> {
    let (len, every) = (stream.len(), stream.len().min(EVERY_POSITION));
    let mut at: Vec<usize> = (1..every).collect();
    let boundaries = stream.match_indices("\n\n").map(|(at, _)| at + 2).filter(|at| *at >= every);
    at.extend(boundaries.flat_map(|at| at - 3..=at + 3).filter(|at| *at < len));
    // A linear congruential generator: the same positions every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    at.extend((0..200).filter(|_| len > every).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        every + (state >> 33) as usize % (len - every)
    }));
    at
}

#[test]
fn every_byte_of_a_responses_stream_arrives() {
    for stream in streams("responses") {
        RESPONSES.replay(&stream);
    }
}

#[test]
fn every_byte_of_a_messages_stream_arrives() {
    for stream in streams("messages") {
        MESSAGES.replay(&stream);
    }
}

/// What the checkers accept is what the APIs send: no rule of theirs is one that a real stream breaks.
#[test]
fn the_grammar_accepts_what_the_apis_send() {
    for (api, check) in [
        ("responses", grammar::responses as fn(&[grammar::Event]) -> Result<serde_json::Value, String>),
        ("messages", grammar::messages),
    ] {
        let all = streams(api);
        let check = |stream: &Recorded| {
            let checked = grammar::events(&stream.bytes()).and_then(|events| check(&events));
            Some(format!("{}: {}", stream.name, checked.err()?))
        };
        let wrong: Vec<String> = all.iter().filter_map(check).collect();
        // Some recordings are older than `sequence_number`, or were edited afterwards.
        let most = if std::env::var_os("PORTCULLIS_RECORDINGS").is_some() { all.len() / 15 } else { 0 };
        assert!(wrong.len() <= most, "{} of {} of {api}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    }
}

#[test]
fn the_grammar_rejects_what_the_apis_never_send() {
    let text = |api: &str| streams(api).remove(0).bytes();
    let responses = |stream: &str| grammar::events(stream).and_then(|events| grammar::responses(&events));
    let messages = |stream: &str| grammar::events(stream).and_then(|events| grammar::messages(&events));
    let good = text("responses");
    assert!(responses(&good).is_ok());
    let frames: Vec<&str> = good.split_inclusive("\n\n").collect();
    for without in 0..frames.len() {
        let rest: String =
            frames.iter().enumerate().filter(|(i, _)| *i != without).map(|(_, frame)| *frame).collect();
        assert!(responses(&rest).is_err(), "without {}", frames[without]);
    }
    let good = text("messages");
    assert!(messages(&good).is_ok());
    let frames: Vec<&str> = good.split_inclusive("\n\n").collect();
    for (without, frame) in frames.iter().enumerate() {
        let rest: String =
            frames.iter().enumerate().filter(|(i, _)| *i != without).map(|(_, frame)| *frame).collect();
        // A ping may be absent, and a delta leaves no trace.
        let may_be_absent = frame.contains("event: ping") || frame.contains("event: content_block_delta");
        assert_eq!(messages(&rest).is_ok(), may_be_absent, "without {frame}");
    }
}
