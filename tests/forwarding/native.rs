//! Streams of Responses and of Messages from upstreams with the same API, which are forwarded unchanged.

use crate::fake::*;

/// An endpoint, and the configuration of an upstream with the same API.
struct Native {
    path: &'static str,
    api: &'static str,
    body: &'static str,
    events: &'static [&'static str],
    /// The last event of the above.
    last: &'static str,
    /// The event that the gateway adds when the upstream breaks off after `events`.
    error: &'static str,
}

const RESPONSES: Native = Native {
    path: "/v1/responses",
    api: r#""responses":true"#,
    body: r#"{"model":"m","input":"hi","stream":true}"#,
    events: &[
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"usage\":null},\"sequence_number\":0}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"sequence_number\":1}\n\n",
    ],
    last: "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}},\"sequence_number\":2}\n\n",
    error: "event: error\ndata: {\"type\":\"error\",\"sequence_number\":2,\"error\":{\"type\":\"upstream_unavailable\",\"code\":\"upstream_unavailable\",\"message\":\"The upstream `up` broke off before the end of its answer.\",\"param\":null}}\n\n",
};

const MESSAGES: Native = Native {
    path: "/v1/messages",
    api: r#""api":"anthropic","key":"sk-ant""#,
    body: r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}"#,
    events: &[
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":1,\"cache_read_input_tokens\":2,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n",
    ],
    last: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    error: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The upstream `up` broke off before the end of its answer.\"}}\n\n",
};

impl Native {
    fn send(&self, does: Does, settings: &str) -> Got {
        let api = self.api;
        let config = format!(
            r#"{{"upstreams":{{"up":{{"url":"http://up/v1",{api}{settings}}}}},"models":{{"*":{{"targets":[{{"upstream":"up"}}]}}}}}}"#
        );
        let request = request("POST", self.path, &[("anthropic-version", "2023-06-01")]);
        send(&Fake::new(&[("up", &[does])]), &config, &request, self.body)
    }

    fn stream(events: &[&str]) -> Does {
        Does::answer(200, "text/event-stream", events)
    }
}

#[test]
fn usage_within_the_events_is_logged() {
    for native in [RESPONSES, MESSAGES] {
        let all = [native.events, &[native.last]].concat();
        let got = native.send(Native::stream(&all), "");
        assert_eq!((got.status, &*got.body), (200, &*all.concat()), "{}", native.path);
        let log = &got.log;
        assert_eq!(
            (&log["gen_ai.usage.input_tokens"], &log["gen_ai.usage.output_tokens"]),
            (&3.into(), &4.into())
        );
        assert!(log["broken"].is_null(), "{log}");
    }
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error_event_of_its_api() {
    for native in [RESPONSES, MESSAGES] {
        for does in [Native::stream(native.events), Native::stream(native.events).breaks(false)] {
            let got = native.send(does, "");
            let want = format!("{}{}", native.events.concat(), native.error);
            assert_eq!((got.status, &*got.body), (200, &*want), "{}", native.path);
            assert_eq!((&got.log["level"], got.log["broken"].is_string()), (&"error".into(), true));
        }
    }
}

#[test]
fn a_spliced_stream_ends_with_an_error_event_of_its_api() {
    let got = RESPONSES.send(Native::stream(RESPONSES.events).breaks(false), r#","splice":true"#);
    let (before, error) = got.body.split_at(RESPONSES.events.concat().len());
    assert_eq!(before, RESPONSES.events.concat());
    let unnumbered = RESPONSES.error.replace("\"sequence_number\":2", "\"sequence_number\":0");
    assert_eq!(error, format!("\n\n{unnumbered}"));
}
