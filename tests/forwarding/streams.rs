//! Streams in every syntax that the SSE standard allows, and responses of another kind than requested.

use crate::fake::*;

const DEFAULT: [(&str, &str); 2] =
    [("PORTCULLIS_UPSTREAM_URL", "http://up/v1"), ("PORTCULLIS_API_KEYS", "sk-caller")];

/// What the caller of a stream gets for these bytes of the upstream.
fn streamed(bytes: &str) -> Got {
    let fake = Fake::new(&[("up", &[Does::answer(200, "text/event-stream", &[bytes])])]);
    send_with(&fake, &DEFAULT, &chat(), &body("m", true))
}

const CHUNK: &str = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
const LAST: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn every_standard_syntax_is_forwarded_byte_for_byte() {
    for stream in [
        format!("data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]\n\n"),
        // No space, other line ends, mixed.
        format!("data:{CHUNK}\n\ndata:{LAST}\n\ndata:[DONE]\n\n"),
        format!("data: {CHUNK}\r\n\r\ndata: {LAST}\r\n\r\ndata: [DONE]\r\n\r\n"),
        format!("data: {CHUNK}\r\rdata: {LAST}\r\rdata: [DONE]\r\r"),
        format!("data: {CHUNK}\n\r\ndata: {LAST}\r\n\ndata: [DONE]\n\n"),
        // Keep-alive comments, before the first event and between events.
        format!(": wait\n\n:\n\ndata: {CHUNK}\n\n: wait\n\ndata: {LAST}\n\ndata: [DONE]\n\n"),
        format!("data:\n\ndata: {CHUNK}\n\ndata: \n\nevent: ping\n\ndata: {LAST}\n\ndata: [DONE]\n\n"),
        // Unknown fields, a BOM, white space around the end marker.
        format!(
            "\u{feff}id: 1\nretry: 5\nevent: message\ndata: {CHUNK}\nx: y\n\ndata: {LAST}\n\ndata: [DONE] \n\n"
        ),
        // Data in two fields: JSON allows a line break there.
        format!("data: {{\"choices\":\ndata: []}}\n\ndata: {LAST}\n\ndata: [DONE]\n\n"),
        // A duplicate member is unusual, but no reason to end the stream.
        format!("data: {{\"usage\":null,\"choices\":[],\"usage\":null}}\n\ndata: {LAST}\n\ndata: [DONE]\n\n"),
        // `finish_reason` alone marks the end.
        format!("data: {CHUNK}\n\ndata: {LAST}\n\n"),
    ] {
        let got = streamed(&stream);
        assert_eq!((got.status, &*got.body), (200, &*stream));
        assert!(got.log["broken"].is_null(), "{stream:?}: {}", got.log);
    }
}

#[test]
fn an_unterminated_last_line_is_terminated() {
    for end in ["", "\n", "\r\n"] {
        let got = streamed(&format!("data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]{end}"));
        assert_eq!(got.body, format!("data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]{end}\n\n"));
        assert!(got.log["broken"].is_null(), "{}", got.log);
    }
}

#[test]
fn an_error_in_the_middle_is_forwarded_and_ends_the_stream() {
    for error in [
        "data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"no\"}}\n\n",
        "data: {\"error\":{\"code\":\"server_error\"},\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
    ] {
        let got = streamed(&format!("data: {CHUNK}\n\n{error}data: {LAST}\n\ndata: [DONE]\n\n"));
        assert_eq!((got.status, &*got.body), (200, &*format!("data: {CHUNK}\n\n{error}")));
        assert_eq!(got.log["broken"], "the upstream reported an error of its own");
        assert_eq!(got.log["level"], "error");
    }
}

#[test]
fn an_error_field_or_event_before_the_first_chunk_is_an_error() {
    let got = streamed("event: error\ndata: {\"message\":\"no\"}\n\n");
    let want = r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#;
    assert_eq!((got.status, &*got.body), (502, want));
    let got =
        streamed("error: {\"code\":400,\"message\":\"too long\",\"type\":\"invalid_request_error\"}\n\n");
    let want = r#"{"error":{"message":"too long","type":"invalid_request_error","param":null,"code":null}}"#;
    assert_eq!((got.status, &*got.body), (400, want));
}

#[test]
fn an_event_may_have_any_length() {
    let long =
        format!("data: {{\"choices\":[{{\"delta\":{{\"images\":[\"{}\"]}}}}]}}\n\n", "A".repeat(3 << 20));
    for before in ["", "data: {\"choices\":[]}\n\n"] {
        let stream = format!("{before}{long}data: {LAST}\n\ndata: [DONE]\n\n");
        let got = streamed(&stream);
        assert!(got.status == 200 && got.body == stream && got.log["broken"].is_null(), "{}", got.log);
        // An incomplete event is reported at the end of the stream.
        let got = streamed(&format!("{before}{}", long.trim_end()));
        assert_eq!(
            (got.status, &got.log["broken"]),
            (200, &"the stream ended before it was complete".into())
        );
        let (_, error) = got.body.rsplit_once("\n\ndata: ").expect("a separate event");
        assert!(error.contains("upstream_unavailable"), "{error}");
    }
}

#[test]
fn the_first_bytes_decide_regardless_of_the_content_type() {
    let stream = format!("data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]\n\n");
    let whole = r#"{"choices":[{"index":0,"message":{"content":"half \ud83d"},"finish_reason":"stop"}]}"#;
    for label in ["application/json", "text/plain", "", "text/event-stream", "application/octet-stream"] {
        for (body_bytes, want) in [(&*stream, "text/event-stream"), (whole, "application/json")] {
            for cut in [1, 3, 20] {
                let pieces = [&body_bytes[..cut], &body_bytes[cut..]];
                let fake = Fake::new(&[("up", &[Does::answer(200, label, &pieces)])]);
                let got = send_with(&fake, &DEFAULT, &chat(), &body("m", true));
                assert_eq!((got.status, &*got.body), (200, body_bytes), "{label}");
                assert_eq!(got.header("content-type"), Some(want), "{label}");
                assert!(got.log["broken"].is_null(), "{}", got.log);
            }
        }
    }
}

#[test]
fn any_escape_that_json_allows_passes_through() {
    let half = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let stream = format!(
        "{}{}{}data: {LAST}\n\ndata: [DONE]\n\n",
        half("\\ud83d"),
        half("\\uDE00"),
        half("\\/\\u0000\\ud83d")
    );
    let got = streamed(&stream);
    assert_eq!((got.status, &*got.body), (200, &*stream));
    assert!(got.log["broken"].is_null(), "{}", got.log);
}

/// Some servers write no blank line between events, which SDKs need.
#[test]
fn events_without_blank_lines_get_them() {
    for end in ["\n", ""] {
        let got = streamed(&format!("data: {CHUNK}\ndata: {LAST}\ndata: [DONE]{end}"));
        let events: Vec<&str> =
            got.body.split("\n\n").map(str::trim).filter(|event| !event.is_empty()).collect();
        assert_eq!(events, [format!("data: {CHUNK}"), format!("data: {LAST}"), "data: [DONE]".to_owned()]);
        assert!(got.log["broken"].is_null(), "{}", got.log);
    }
    let got = streamed_to_messages(&format!("data: {CHUNK}\ndata: {LAST}\ndata: [DONE]\n"));
    assert!(got.body.contains(r#"{"type":"text_delta","text":"a"}"#), "{}", got.body);
    assert!(got.body.contains("message_stop") && got.log["broken"].is_null(), "{}", got.body);
}

/// What the caller of `/v1/messages` gets for a stream of chunks.
fn streamed_to_messages(bytes: &str) -> Got {
    let fake = Fake::new(&[("up", &[Does::answer(200, "text/event-stream", &[bytes])])]);
    let call = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    send_with(&fake, &DEFAULT, &request("POST", "/v1/messages", &[]), call)
}

/// Servers in Python write them for numbers that JSON does not have.
#[test]
fn numbers_that_are_not_finite_break_no_answer() {
    let odd = r#"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-Infinity,"top_logprobs":[{"token":"b","logprob":NaN}]}]},"x":[Infinity],"finish_reason":null}]}"#;
    let stream = format!("data: {odd}\n\ndata: {LAST}\n\ndata: [DONE]\n\n");
    let got = streamed(&stream);
    assert_eq!((got.status, &*got.body), (200, &*stream));
    assert!(got.log["broken"].is_null(), "{}", got.log);
    let got = streamed_to_messages(&stream);
    assert!(got.body.contains(r#"{"type":"text_delta","text":"a"}"#), "{}", got.body);
    assert!(got.body.contains("message_stop") && got.log["broken"].is_null(), "{}", got.body);
    // Whole, with the usage read.
    let whole = odd
        .replace("delta", "message")
        .replace("null}]}", r#""stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"cost":NaN}}"#);
    let send = |path: &str, call: &str| {
        let fake = Fake::new(&[("up", &[Does::json(200, &whole)])]);
        send_with(&fake, &DEFAULT, &request("POST", path, &[]), call)
    };
    let got = send("/v1/chat/completions", &body("m", false));
    assert_eq!((got.status, &*got.body, &got.log["gen_ai.usage.output_tokens"]), (200, &*whole, &2.into()));
    let call = r#"{"model":"m","input":"hi","include":["message.output_text.logprobs"],"top_logprobs":1}"#;
    let got = send("/v1/responses", call);
    assert_eq!(got.status, 200, "{}", got.body);
    let answer: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
    assert_eq!(answer["output"][0]["content"][0]["text"], "a");
}

#[test]
fn an_answer_has_the_form_that_was_requested() {
    let whole = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let fake = Fake::new(&[("up", &[Does::answer(200, "application/json", &[whole])])]);
    let got = send_with(&fake, &DEFAULT, &chat(), &body("m", true));
    assert_eq!((got.status, got.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(got.log["gen_ai.usage.output_tokens"], 2);
    assert!(got.body.starts_with("data: {") && got.body.ends_with("data: [DONE]\n\n"), "{}", got.body);
    assert!(got.body.contains("\"content\":\"hi\""), "{}", got.body);
    let stream = format!("data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]\n\n");
    let fake = Fake::new(&[("up", &[Does::answer(200, "text/event-stream", &[&stream])])]);
    let got = send_with(&fake, &DEFAULT, &chat(), &body("m", false));
    assert_eq!(got.status, 200);
    assert!(got.body.contains("\"message\":{") && got.body.contains("\"content\":\"a\""), "{}", got.body);
    let fake =
        Fake::new(&[("up", &[Does::answer(200, "text/event-stream", &[&format!("data: {CHUNK}\n\n")])])]);
    assert_eq!(send_with(&fake, &DEFAULT, &chat(), &body("m", false)).status, 502);
}

/// One upstream, and its API.
fn upstream(api: &str, timeouts: &str) -> String {
    format!(
        r#"{{"upstreams":{{"up":{{"url":"http://up/v1","api":"{api}","timeouts":{{{timeouts}}}}}}},
            "models":{{"m":{{"targets":[{{"upstream":"up"}}]}}}}}}"#
    )
}

/// An upstream that sends the same keep-alive for days.
fn keeps_alive(content_type: &str, first: &str, keep_alive: &str, interval: u64) -> Does {
    let mut does = Does::answer(200, content_type, &[first]);
    does.body.extend((0..200_000).map(|_| (interval, Ok(keep_alive.as_bytes().to_vec()))));
    does.body.retain(|(_, piece)| piece.as_ref().is_ok_and(|piece| !piece.is_empty()));
    does
}

#[test]
fn comments_and_white_space_alone_do_not_keep_a_request_for_ever() {
    let started =
        r#"data: {"type":"message_start","message":{"id":"i","model":"m","usage":{"input_tokens":1}}}"#;
    let started = format!("event: message_start\n{started}\n\n");
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let (sse, json) = ("text/event-stream", "application/json");
    let short = r#""connect_ms":1000,"first_byte_ms":2000,"between_bytes_ms":60000"#;
    for (api, timeouts, does, status, seconds) in [
        // Before the first event, `first_byte_ms` counts, and `connect_ms`.
        ("openai", short, keeps_alive(sse, "", ": wait\n\n", 1000), 504, 3),
        ("openai", "", keeps_alive(sse, "", ": wait\n\n", 1000), 504, 1800),
        ("openai", "", keeps_alive(sse, "", "\n", 100), 504, 1800),
        ("anthropic", "", keeps_alive(sse, "", ping, 10_000), 200, 1856),
        // Some servers send JSON with white space before it, and not all label streams.
        ("openai", short, keeps_alive(json, "", "\n", 1000), 504, 63),
        ("openai", short, keeps_alive(json, "", ": wait\n\n", 1000), 504, 63),
        ("openai", "", keeps_alive(json, "{", " ", 1000), 504, 1800),
        ("openai", "", keeps_alive(json, "", "\n", 0), 502, 0),
        ("anthropic", short, keeps_alive(json, "", "\n", 1000), 504, 63),
        // An error without an end has its status.
        ("openai", short, Does { head: Ok((400, vec![])), ..keeps_alive(json, "", "\n", 1000) }, 400, 83),
        // After the first event of a translated stream, the error is an event.
        ("anthropic", short, keeps_alive(sse, &started, ": wait\n\n", 1000), 200, 83),
        ("anthropic", short, keeps_alive(sse, &started, ping, 1000), 200, 83),
        ("anthropic", short, keeps_alive(sse, &started, ": wait\n\n", 0), 200, 0),
    ] {
        let (fake, config) = (Fake::new(&[("up", &[does])]), upstream(api, timeouts));
        let got = send(&fake, &config, &chat(), &body("m", true));
        let case = format!("{api} {timeouts} {status} {seconds}: {}", got.log);
        assert_eq!((got.status, fake.now() / 1000), (status, seconds), "{case}");
        assert!(got.body.contains(r#""error":"#), "{case} {}", got.body);
        if status == 200 {
            assert_eq!(got.log["broken"], "nothing but comments arrived for too long", "{case}");
        }
        assert_eq!(fake.cancelled(), 1, "{case}");
    }
}

#[test]
fn an_answer_after_long_keep_alives_arrives() {
    let wait = 500;
    let mut does = keeps_alive("text/event-stream", "", ": wait\n\n", 1000);
    does.body.truncate(wait);
    for data in [CHUNK, LAST, "[DONE]"] {
        does.body.push((1000, Ok(format!("data: {data}\n\n").into_bytes())));
        does.body.extend((0..wait).map(|_| (1000, Ok(b": wait\n\n".to_vec()))));
    }
    let got = send(&Fake::new(&[("up", &[does])]), &upstream("openai", ""), &chat(), &body("m", true));
    assert_eq!(got.status, 200);
    assert!(
        got.body.contains(CHUNK) && got.body.contains("[DONE]") && got.log["broken"].is_null(),
        "{}",
        got.log
    );
}
