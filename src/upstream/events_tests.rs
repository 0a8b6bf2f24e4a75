use super::*;
use crate::http::ReadError;
use std::collections::VecDeque;

/// A body that is read from a list, and may end badly.
struct Pieces(VecDeque<Result<Vec<u8>, ReadError>>);

impl Incoming for Pieces {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.pop_front().transpose()
    }
}

fn relay(pieces: Vec<Result<Vec<u8>, ReadError>>) -> (Vec<Vec<u8>>, Outcome) {
    let mut reader = Reader::new(Vec::new(), Some(Pieces(pieces.into())), Watch::new(1), "up");
    let mut frames = Vec::new();
    while let Some(frame) = reader.next() {
        let Frame::Bytes(bytes) = frame else {
            frames.push(format!("{frame:?}").into_bytes());
            continue;
        };
        assert!(!bytes.is_empty());
        frames.push(bytes);
    }
    (frames, reader.outcome())
}

fn bytes(pieces: &[&[u8]]) -> (Vec<u8>, Outcome) {
    let (frames, outcome) = relay(pieces.iter().map(|piece| Ok(piece.to_vec())).collect());
    (frames.concat(), outcome)
}

const STREAM: &str = concat!(
    "\u{feff}: OPENROUTER PROCESSING\r\n\r\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "id: 7\r\nevent: chunk\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"häß€🦀\"},\"x\":1.0e-0,\"finish_reason\":\"stop\"}]}\r\n\r\n",
    "data: {\"choices\":\rdata: []}\r\r",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn a_stream_cut_anywhere_arrives_byte_for_byte() {
    let all = STREAM.as_bytes();
    for i in 0..=all.len() {
        let (got, outcome) = bytes(&[&all[..i], &all[i..]]);
        assert_eq!(got, all, "cut at {i}");
        assert_eq!(outcome, Outcome { broken: None, tokens: Some(Tokens { input: 3, output: 5 }) });
    }
    let single: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(bytes(&single).0, all);
}

#[test]
fn each_piece_makes_at_most_one_frame_and_at_once() {
    let pieces =
        ["data: {\"a\":1}\n\nda", "ta: {\"b\":2}\n", "\ndata: {}\n\ndata: {}\n\n", "data: [DONE]\n\n"];
    let (frames, _) = relay(pieces.iter().map(|piece| Ok(piece.as_bytes().to_vec())).collect());
    let frames: Vec<_> = frames.iter().map(|frame| std::str::from_utf8(frame).unwrap()).collect();
    let want = ["data: {\"a\":1}\n\n", "data: {\"b\":2}\n\ndata: {}\n\ndata: {}\n\n", "data: [DONE]\n\n"];
    assert_eq!(frames, want);
}

#[test]
fn nothing_follows_the_last_event() {
    let (got, outcome) = bytes(&[b"data: [DONE]\n\ndata: {\"late\":1}\n\n", b"data: {\"later\":1}\n\n"]);
    assert_eq!(got, b"data: [DONE]\n\n");
    assert_eq!(outcome.broken, None);
}

#[test]
fn a_stream_whose_choices_finished_needs_no_done() {
    let stream = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    assert_eq!(bytes(&[stream.as_bytes()]), (stream.as_bytes().to_vec(), Outcome::default()));
    // The blank line after the last event is what most often goes missing.
    assert_eq!(bytes(&[b"data: {}\n\ndata: [DONE]"]).0, b"data: {}\n\ndata: [DONE]\n\n");
}

#[test]
fn a_stream_is_complete_when_every_choice_has_a_finish_reason() {
    let chunk = |index: u32, reason: &str| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":{reason}}}]}}\n\n")
    };
    let done = "data: [DONE]\n\n".to_owned();
    for (requested, chunks, complete) in [
        (1, vec![chunk(0, "\"stop\"")], true),
        (1, vec![chunk(0, "\"\""), chunk(0, "\"stop\""), done.clone()], true),
        (1, vec![chunk(0, "\"\"")], false),
        (1, vec![chunk(0, "\" \"")], false),
        (1, vec![chunk(0, "null")], false),
        (1, vec![chunk(0, "0")], false),
        (1, vec![chunk(0, "\"\""), done.clone()], false),
        (1, vec![chunk(0, "\"stop\""), chunk(1, "null")], false),
        (2, vec![chunk(1, "\"length\""), chunk(0, "null"), chunk(0, "\"stop\"")], true),
        // The second choice never began.
        (2, vec![chunk(0, "\"stop\"")], false),
        // Not every upstream knows `n`.
        (2, vec![chunk(0, "\"stop\""), done.clone()], true),
        (1, vec![done.clone()], true),
        (1, vec![], false),
    ] {
        let stream = chunks.concat();
        let pieces =
            Pieces([Ok(stream.clone().into_bytes())].into_iter().filter(|_| !stream.is_empty()).collect());
        let mut reader = Reader::new(Vec::new(), Some(pieces), Watch::new(requested), "up");
        while reader.next().is_some() {}
        assert_eq!(reader.outcome().broken.is_none(), complete, "{requested}: {chunks:?}");
    }
}

#[test]
fn an_error_outside_data_becomes_an_event_of_its_own() {
    let good = "data: {\"choices\":[]}\n\n";
    let object =
        "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n";
    for error in [
        "error: {\"message\":\"no\"}\n\n",
        "error: no\n\n",
        "event: error\ndata: no\n\n",
        "event: error\ndata: {\"message\":\"no\"}\n\n",
        "{\"error\":{\"message\":\"no\"}}\n\n",
        "data: {\"error\":\"no\"}\n\n",
    ] {
        let (got, outcome) = bytes(&[good.as_bytes(), error.as_bytes(), b"data: [DONE]\n\n"]);
        assert_eq!(String::from_utf8(got).expect("UTF-8"), format!("{good}{object}"), "{error}");
        assert_eq!(outcome.broken.as_deref(), Some("the upstream reported an error of its own"));
    }
}

#[test]
fn usage_that_repeats_zeros_is_not_lost() {
    let usage = |input: u32, output: u32| {
        format!("data: {{\"usage\":{{\"prompt_tokens\":{input},\"completion_tokens\":{output}}}}}\n\n")
    };
    let stream = format!("{}{}{}data: [DONE]\n\n", usage(9, 1), usage(0, 5), usage(0, 0));
    assert_eq!(bytes(&[stream.as_bytes()]).1.tokens, Some(Tokens { input: 9, output: 5 }));
}

#[test]
fn whatever_breaks_a_stream_is_one_event_and_the_end() {
    let good = b"data: {\"choices\":[]}\n\n".to_vec();
    let reset = ReadError { reason: "reset by peer".into(), timed_out: false };
    let stall = ReadError { reason: "read timeout".into(), timed_out: true };
    for (what, rest, reason, code) in [
        ("reset", vec![Err(reset.clone())], "reset by peer", "UpstreamUnavailable"),
        (
            "reset in an event",
            vec![Ok(b"data: {\"cho".to_vec()), Err(reset)],
            "reset by peer",
            "UpstreamUnavailable",
        ),
        ("stall", vec![Err(stall)], "read timeout", "UpstreamTimeout"),
        ("truncation", vec![], "before it was complete", "UpstreamUnavailable"),
        (
            "truncation in an event",
            vec![Ok(b"data: {\"cho".to_vec())],
            "before it was complete",
            "UpstreamUnavailable",
        ),
        ("no JSON", vec![Ok(b"data: {\"cho\n\n".to_vec())], "no JSON", "UpstreamUnavailable"),
        ("no object", vec![Ok(b"data: [1]\n\n".to_vec())], "no JSON object", "UpstreamUnavailable"),
        ("no UTF-8", vec![Ok(b"data: {\"a\":\"\xff\"}\n\n".to_vec())], "no ", "UpstreamUnavailable"),
    ] {
        let mut pieces = vec![Ok(good.clone())];
        pieces.extend(rest);
        pieces.push(Ok(b"data: [DONE]\n\n".to_vec()));
        if what.starts_with("truncation") {
            pieces.pop();
        }
        let (frames, outcome) = relay(pieces);
        let got = String::from_utf8(frames.concat()).expect("UTF-8");
        let error = got.strip_prefix(std::str::from_utf8(&good).unwrap()).expect("what was good arrives");
        assert!(
            error.starts_with("Error(") && error.contains(code) && !error.contains("data:"),
            "{what}: {error}"
        );
        assert!(outcome.broken.as_ref().is_some_and(|broken| broken.contains(reason)), "{what}: {outcome:?}");
    }
}

#[test]
fn a_very_long_event_goes_on_in_parts() {
    let picture =
        format!("data: {{\"choices\":[{{\"delta\":{{\"images\":\"{}\"}}}}]}}\r\n\r\n", "A".repeat(5 << 20));
    let stream = format!(
        "data: {{\"choices\":[]}}\n\n{picture}data: {{\"usage\":{{\"completion_tokens\":7}}}}\n\ndata: [DONE]\n\n"
    );
    let (frames, outcome) = relay(stream.as_bytes().chunks(50_000).map(|piece| Ok(piece.to_vec())).collect());
    assert!(frames.iter().all(|frame| frame.len() < 1_200_000) && frames.concat() == stream.as_bytes());
    assert_eq!(outcome, Outcome { broken: None, tokens: Some(Tokens { input: 0, output: 7 }) });
    // What breaks off within it is told in an event of its own.
    for end in [2 << 20, picture.len() - 3] {
        let (frames, outcome) =
            relay(picture.as_bytes()[..end].chunks(50_000).map(|piece| Ok(piece.to_vec())).collect());
        let (error, parts) = frames.split_last().expect("frames");
        assert!(error.starts_with(b"Error(") && parts.concat().ends_with(b"\n\n"), "{end}");
        assert!(outcome.broken.is_some());
    }
}

#[test]
fn an_upstreams_own_error_is_the_end() {
    let stream = "data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let (got, outcome) = bytes(&[stream.as_bytes(), b"data: [DONE]\n\n"]);
    assert_eq!(String::from_utf8(got).unwrap(), stream);
    assert!(outcome.broken.is_some());
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    /// A stream that tells how much of it was read.
    struct Endless(usize);
    impl Incoming for Endless {
        fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
            self.0 += 1;
            Ok(Some(b"data: {\"choices\":[]}\n\ndata: {\"ch".to_vec())
                .filter(|_| self.0 % 2 == 1)
                .or_else(|| Some(b"oices\":[]}\n\n".to_vec())))
        }
    }
    let mut reader = Reader::new(Vec::new(), Some(Endless(0)), Watch::new(1), "up");
    for _ in 0..50_000 {
        assert!(matches!(reader.next(), Some(Frame::Bytes(bytes)) if bytes.len() < 64));
    }
    assert!(reader.outcome().broken.is_none());
}

/// A body that is silent twice before each piece.
struct Slow(Pieces, u32);

impl Incoming for Slow {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        panic!("nobody waits without looking after the caller")
    }

    fn read_within(&mut self, patience: Duration) -> Result<Piece, ReadError> {
        assert!(!patience.is_zero() && patience <= Duration::from_secs(1));
        self.1 += 1;
        if !self.1.is_multiple_of(3) {
            return Ok(Piece::Pending);
        }
        self.0.read_within(patience)
    }
}

#[test]
fn a_silent_upstream_leaves_time_to_look_after_the_caller() {
    let pieces = ["data: {}\n", "\n", "data: [DONE]\n\n"].map(|piece| Ok(piece.as_bytes().to_vec()));
    let slow = Slow(Pieces(pieces.into()), 0);
    let mut reader = Reader::new(Vec::new(), Some(slow), Watch::new(1), "up");
    let mut told = String::new();
    while let Some(frame) = reader.next() {
        told.push_str(match frame {
            Frame::Bytes(_) => "B",
            Frame::Silence => "-",
            Frame::Error(_) => "E",
        });
    }
    assert_eq!(told, "----B--B");
}
