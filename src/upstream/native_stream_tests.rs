use super::*;
use crate::http::ReadError;
use crate::turn::Usage;
use std::collections::VecDeque;
use std::time::Duration;

/// A body that is read from a list, and may end badly.
struct Pieces(VecDeque<Result<Vec<u8>, ReadError>>);

impl Incoming for Pieces {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.pop_front().transpose()
    }
}

/// What is known of a stream once it has ended.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    broken: Option<String>,
    usage: Option<Usage>,
}

/// The event of an error, with its number.
fn error_event(failure: &Failure, number: u64) -> Vec<u8> {
    let Failure { status, kind, code, message } = failure;
    format!("Error({number} {status} {kind} {code:?} {message})\n\n").into_bytes()
}

fn watch(requested: usize, meter: &UsageMeter) -> StreamWatch {
    StreamWatch::new(requested, error_event, meter.clone())
}

/// The bytes of each item of a stream, and how it ended.
fn relay(pieces: Vec<Result<Vec<u8>, ReadError>>) -> (Vec<Vec<u8>>, Outcome) {
    let meter = UsageMeter::default();
    let mut all = Vec::new();
    let mut broken = None;
    for item in NativeStream::new(Vec::new(), Some(Pieces(pieces.into())), watch(1, &meter), "up") {
        assert_eq!(broken, None, "nothing follows a failure");
        match item {
            BodyItem::Failed(reason) => broken = Some(reason),
            BodyItem::Data(bytes) => {
                assert!(!bytes.is_empty());
                all.push(bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(meter.get().is_complete, broken.is_none());
    (all, Outcome { broken, usage: meter.get().usage })
}

fn tokens(input: u64, output: u64) -> Option<Usage> {
    Some(Usage { input, output, ..Usage::default() })
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
        assert_eq!(outcome, Outcome { broken: None, usage: tokens(3, 5) });
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
        let meter = UsageMeter::default();
        let mut items = NativeStream::new(Vec::new(), Some(pieces), watch(requested, &meter), "up");
        let is_failure = |item: BodyItem| matches!(item, BodyItem::Failed(_));
        assert_eq!(!items.any(is_failure), complete, "{requested}: {chunks:?}");
        assert_eq!(meter.get().is_complete, complete, "{requested}: {chunks:?}");
    }
}

#[test]
fn an_error_outside_data_becomes_an_event_of_its_own() {
    let good = "data: {\"choices\":[]}\n\n";
    let own = "Error(0 502 server_error None no)\n\n";
    for error in [
        "error: {\"message\":\"no\"}\n\n",
        "error: no\n\n",
        "event: error\ndata: no\n\n",
        "event: error\ndata: {\"message\":\"no\"}\n\n",
        "{\"error\":{\"message\":\"no\"}}\n\n",
        "data: {\"error\":\"no\"}\n\n",
    ] {
        let (got, outcome) = bytes(&[good.as_bytes(), error.as_bytes(), b"data: [DONE]\n\n"]);
        assert_eq!(String::from_utf8(got).expect("UTF-8"), format!("{good}{own}"), "{error}");
        assert_eq!(outcome.broken.as_deref(), Some("the upstream reported an error of its own"));
    }
}

#[test]
fn usage_that_repeats_zeros_is_not_lost() {
    let usage = |input: u32, output: u32| {
        format!("data: {{\"usage\":{{\"prompt_tokens\":{input},\"completion_tokens\":{output}}}}}\n\n")
    };
    let stream = format!("{}{}{}data: [DONE]\n\n", usage(9, 1), usage(0, 5), usage(0, 0));
    assert_eq!(bytes(&[stream.as_bytes()]).1.usage, tokens(9, 5));
}

#[test]
fn whatever_breaks_a_stream_is_one_event_and_the_end() {
    let good = b"data: {\"choices\":[]}\n\n".to_vec();
    let reset = ReadError { reason: "reset by peer".into(), timed_out: false };
    let stall = ReadError { reason: "read timeout".into(), timed_out: true };
    for (what, rest, reason, status) in [
        ("reset", vec![Err(reset.clone())], "reset by peer", "502 "),
        ("reset in an event", vec![Ok(b"data: {\"cho".to_vec()), Err(reset)], "reset by peer", "502 "),
        ("stall", vec![Err(stall)], "read timeout", "504 "),
        ("truncation", vec![], "before it was complete", "502 "),
        ("truncation in an event", vec![Ok(b"data: {\"cho".to_vec())], "before it was complete", "502 "),
        ("no JSON", vec![Ok(b"data: {\"cho\n\n".to_vec())], "no JSON", "502 "),
        ("no object", vec![Ok(b"data: [1]\n\n".to_vec())], "no JSON object", "502 "),
        ("no UTF-8", vec![Ok(b"data: {\"a\":\"\xff\"}\n\n".to_vec())], "no ", "502 "),
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
            error.starts_with("Error(") && error.contains(status) && !error.contains("data:"),
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
    assert_eq!(outcome, Outcome { broken: None, usage: tokens(0, 7) });
    // What breaks off within it is reported in an event of its own.
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
    /// A stream that counts its reads.
    struct Endless(usize);
    impl Incoming for Endless {
        fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
            self.0 += 1;
            Ok(Some(b"data: {\"choices\":[]}\n\ndata: {\"ch".to_vec())
                .filter(|_| self.0 % 2 == 1)
                .or_else(|| Some(b"oices\":[]}\n\n".to_vec())))
        }
    }
    let reader = NativeStream::new(Vec::new(), Some(Endless(0)), watch(1, &UsageMeter::default()), "up");
    let mut items = 0;
    for item in reader.take(50_000) {
        assert!(matches!(item, BodyItem::Data(bytes) if bytes.len() < 64));
        items += 1;
    }
    assert_eq!(items, 50_000);
}

/// A body that is silent twice before each piece.
struct Slow(Pieces, u32);

impl Incoming for Slow {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        panic!("a read without a limit of time cannot check for the caller")
    }

    fn read_within(&mut self, timeout: Duration) -> Result<Piece, ReadError> {
        assert!(!timeout.is_zero() && timeout <= Duration::from_secs(1));
        self.1 += 1;
        if !self.1.is_multiple_of(3) {
            return Ok(Piece::Pending);
        }
        self.0.read_within(timeout)
    }
}

#[test]
fn a_silent_upstream_leaves_time_to_check_for_the_caller() {
    let pieces = ["data: {}\n", "\n", "data: [DONE]\n\n"].map(|piece| Ok(piece.as_bytes().to_vec()));
    let slow = Slow(Pieces(pieces.into()), 0);
    let reader = NativeStream::new(Vec::new(), Some(slow), watch(1, &UsageMeter::default()), "up");
    let kinds: String = reader.map(|item| if item == BodyItem::Silence { '-' } else { 'B' }).collect();
    assert_eq!(kinds, "----B--B");
}

#[test]
fn an_error_of_responses_passes_and_one_of_the_gateway_follows_their_numbers() {
    let event = |number: u32, members: &str| {
        format!("event: x\ndata: {{\"sequence_number\":{number},{members}}}\n\n").into_bytes()
    };
    let begun =
        [event(0, r#""type":"response.created","response":{"usage":null}"#), event(1, r#""type":"x""#)];
    let own = b"event: error\ndata: {\"type\":\"error\",\"code\":\"c\",\"message\":\"m\",\"sequence_number\":2}\n\n";
    let all = |last: Result<Vec<u8>, ReadError>| {
        let (items, outcome) = relay(begun.iter().cloned().map(Ok).chain([last]).collect());
        assert!(outcome.broken.is_some());
        String::from_utf8(items.concat()[begun.concat().len()..].to_vec()).expect("UTF-8")
    };
    assert_eq!(all(Ok(own.to_vec())).as_bytes(), own);
    let reset = ReadError { reason: "reset".into(), timed_out: false };
    assert!(all(Err(reset)).starts_with("Error(2 502 "));
}

#[test]
fn what_sdks_cannot_read_is_replaced() {
    let chunk = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for end in ["[done]", "\"[DONE]\"", "[DONE]"] {
        let stream = format!("event: ping\ndata: ping\n\n{chunk}\n\ndata: null\n\ndata: {end}\n\n");
        let (items, outcome) = relay(vec![Ok(stream.into_bytes())]);
        let want = format!(": keep-alive\n\n{chunk}\n\n: keep-alive\n\ndata: [DONE]\n\n");
        assert_eq!(String::from_utf8(items.concat()).expect("UTF-8"), want);
        assert_eq!(outcome.broken, None);
    }
    let list = r#"data: [{"error":{"code":503,"message":"busy"}}]"#;
    let (items, _) = relay(vec![Ok(format!("{list}\n\n").into_bytes())]);
    assert!(String::from_utf8(items.concat()).expect("UTF-8").contains("busy"));
}
