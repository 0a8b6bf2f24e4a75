//! What is forwarded in both directions, and what is not.

use crate::fake::*;
use portcullis::http::Request;
use portcullis::transport::SendErrorKind;

const DEFAULT: [(&str, &str); 3] = [
    ("PORTCULLIS_UPSTREAM_URL", "https://up.example/v1"),
    ("PORTCULLIS_UPSTREAM_KEY", "sk-upstream"),
    ("PORTCULLIS_API_KEYS", "sk-caller"),
];

fn up(does: Does) -> Fake {
    Fake::new(&[("up.example", &[does])])
}

fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn only_permitted_header_fields_reach_the_upstream() {
    let fake = up(Does::json(200, "{}"));
    let request = request(
        "POST",
        "/v1/chat/completions?a=1",
        &[
            ("Cookie", "a=b"),
            ("Host", "gateway.example"),
            ("Content-Length", "2"),
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Upgrade", "h2c"),
            ("Proxy-Authorization", "Basic x"),
            ("Transfer-Encoding", "chunked"),
            ("Accept-Encoding", "gzip"),
            ("api-key", "sk-other"),
            ("X-Api-Key", "sk-other"),
            ("Origin", "https://page.example"),
            ("spin-client-addr", "10.0.0.1"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("Forwarded", "for=10.0.0.1"),
            ("X-Real-IP", "10.0.0.1"),
            ("True-Client-IP", "10.0.0.1"),
            ("CF-Connecting-IP", "10.0.0.1"),
            ("cf-visitor", "{}"),
            ("CDN-Loop", "cloudflare"),
            ("cf-aig-cache-ttl", "60"),
            ("x-request-id", "mine"),
            ("OpenAI-Organization", "org-callers"),
            ("traceparent", "00-1-1-00"),
            ("tracestate", "a=b"),
        ],
    );
    send_with(&fake, &DEFAULT, &request, &body("m", false));
    let seen = &fake.seen()[0];
    assert_eq!(seen.line, "POST https://up.example/v1/chat/completions?a=1");
    let want = [
        ("content-type", "application/json"),
        ("cf-aig-cache-ttl", "60"),
        ("OpenAI-Organization", "org-callers"),
        ("traceparent", "00-1-1-00"),
        ("tracestate", "a=b"),
        ("x-request-id", "mine"),
        ("accept-encoding", "identity"),
        ("authorization", "Bearer sk-upstream"),
    ];
    assert_eq!(seen.headers, text(&want));
}

#[test]
fn configured_header_fields_replace_those_of_caller_and_gateway() {
    let config = r#"{"upstreams":{"a":{"url":"https://up.example/v1","key":"sk-upstream","headers":{
        "Authorization":"Basic b3A6","X-Request-Id":"fixed"}}},
        "models":{"m":{"targets":[{"upstream":"a"}]}}}"#;
    let fake = up(Does::json(200, "{}"));
    let untyped =
        Request { headers: [("authorization", "Bearer sk-caller")].into_iter().collect(), ..chat() };
    send_with(
        &fake,
        &[("PORTCULLIS_CONFIG", config), ("PORTCULLIS_API_KEYS", "sk-caller")],
        &untyped,
        &body("m", false),
    );
    let mut seen = fake.seen()[0].headers.clone();
    seen.sort();
    let want = [
        ("Authorization", "Basic b3A6"),
        ("X-Request-Id", "fixed"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json"),
    ];
    assert_eq!(seen, text(&want));
}

#[test]
fn a_body_gets_a_content_type_if_the_caller_sent_none() {
    let claude = r#"{"upstreams":{"a":{"url":"https://up.example/v1","api":"anthropic"}},"models":{"m":{"targets":[{"upstream":"a"}]}}}"#;
    for vars in [&DEFAULT[..], &[("PORTCULLIS_CONFIG", claude), ("PORTCULLIS_API_KEYS", "sk-caller")]] {
        let fake = up(Does::json(200, "{}"));
        let untyped =
            Request { headers: [("authorization", "Bearer sk-caller")].into_iter().collect(), ..chat() };
        send_with(&fake, vars, &untyped, &body("m", false));
        let seen = &fake.seen()[0];
        assert!(
            seen.headers.contains(&("content-type".to_owned(), "application/json".to_owned())),
            "{seen:?}"
        );
    }
    // A body that is not validated keeps the caller's `content-type`, or none.
    let fake = up(Does::json(200, "{}"));
    let headers = [("authorization", "Bearer sk-caller")].into_iter().collect();
    send_with(&fake, &DEFAULT, &Request { headers, ..request("POST", "/v1/files", &[]) }, "x");
    assert!(fake.seen()[0].headers.iter().all(|(name, _)| name != "content-type"));
}

#[test]
fn status_body_and_relevant_headers_are_returned() {
    let body_text = "{\"error\": {\"message\":\"slow\\u0020down\", \"x\": 1.0e0}}";
    let does = Does::json(429, body_text)
        .header("Retry-After", "7")
        .header("x-ratelimit-remaining-requests", "0")
        .header("anthropic-ratelimit-x", "1")
        .header("openai-processing-ms", "12")
        .header("Set-Cookie", "a=b")
        .header("Transfer-Encoding", "chunked")
        .header("Authorization", "Bearer sk-upstream")
        .header("Location", "http://evil")
        .header("x-request-id", "theirs")
        .header("server", "x");
    let got = send_with(&up(does), &DEFAULT, &chat(), &body("m", false));
    assert_eq!((got.status, &*got.body), (429, body_text));
    // The log has the id that the upstream's support needs.
    assert_eq!(got.log["upstream_request_id"], "theirs");
    let names: Vec<&str> = got.headers.iter().map(|(name, _)| name).collect();
    let want = [
        "content-type",
        "Retry-After",
        "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-x",
        "openai-processing-ms",
        "x-portcullis-attempts",
        "x-portcullis-target",
        "x-request-id",
        "openai-version",
    ];
    assert_eq!(names, want);
}

#[test]
fn a_body_arrives_byte_for_byte() {
    let sent = "\t{ \"model\":\"m\" , \"temperature\" : 1.0e0, \"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\"}], \"zzz\":[1,2 ,{}], \"zzz\":-0 }\n";
    let fake = up(Does::json(200, "{}"));
    send_with(&fake, &DEFAULT, &chat(), sent);
    assert_eq!(fake.seen()[0].body, sent);
}

#[test]
fn no_key_reaches_a_response_or_the_log() {
    for kind in [SendErrorKind::Unreachable, SendErrorKind::Denied, SendErrorKind::Timeout] {
        let got = send_with(&up(Does::fails(kind)), &DEFAULT, &chat(), &body("m", false));
        let all = format!("{got:?}");
        assert!(!all.contains("sk-upstream") && !all.contains("sk-caller"), "{all}");
        // The host's reason goes only to the log.
        assert!(got.log["reason"].as_str().is_some_and(|reason| reason.contains("reason of the host")));
        assert!(!got.body.contains("reason of the host"), "{}", got.body);
    }
}

#[test]
fn a_text_completion_is_forwarded_too() {
    let fake = up(Does::json(200, r#"{"choices":[{}]}"#));
    let got =
        send_with(&fake, &DEFAULT, &request("POST", "/v1/completions", &[]), r#"{"model":"m","prompt":"x"}"#);
    assert_eq!((got.status, &*fake.seen()[0].line), (200, "POST https://up.example/v1/completions"));
}

#[test]
fn unknown_paths_pass_through() {
    for (method, target) in [
        ("POST", "/v1/embeddings"),
        ("DELETE", "/v1/files/file-1?a=b&c=%2F"),
        ("GET", "/v1/chat/completions?limit=3"),
        ("DELETE", "/v1/models/ft:x"),
        ("PATCH", "/v1/x/y"),
    ] {
        let fake = up(Does::answer(418, "text/plain", &["tea", "pot"]).header("Set-Cookie", "x"));
        let got = send_with(&fake, &DEFAULT, &request(method, target, &[("content-length", "5")]), "12345");
        assert_eq!((got.status, &*got.body, got.header("set-cookie")), (418, "teapot", None), "{target}");
        let seen = &fake.seen()[0];
        assert_eq!(seen.line, format!("{method} https://up.example{target}"));
        assert_eq!(seen.body, "12345");
        assert!(seen.headers.contains(&("content-length".into(), "5".into())));
        assert!(seen.headers.contains(&("authorization".into(), "Bearer sk-upstream".into())));
        assert_eq!((&got.log["target"], &got.log["attempts"]), (&"default".into(), &1.into()));
    }
}

#[test]
fn slashes_do_not_change_an_endpoint() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    for path in ["/v1//chat/completions", "/v1/chat/completions/", "/openai/v1/chat/completions"] {
        let fake = up(Does::json(200, r#"{"choices":[{}]}"#));
        let got = send_with(&fake, &DEFAULT, &request("POST", path, &[]), body);
        assert_eq!(got.status, 200, "{path}: {got:?}");
        assert_eq!(fake.seen()[0].line, "POST https://up.example/v1/chat/completions", "{path}");
    }
    let fake = up(Does::json(200, "{}"));
    let got =
        send_with(&fake, &DEFAULT, &request("POST", "/openai/v1/embeddings/?api-version=preview", &[]), "{}");
    assert_eq!((got.status, &*fake.seen()[0].line), (200, "POST https://up.example/v1/embeddings"));
}

#[test]
fn a_websocket_handshake_is_refused_without_an_upstream() {
    let fake = up(Does::json(200, "{}"));
    let got = send_with(&fake, &DEFAULT, &request("GET", "/v1/responses", &[("authorization", "")]), "");
    assert_eq!((got.status, fake.seen().len()), (426, 0));
    assert!(got.body.contains("POST /v1/responses"), "{got:?}");
}

#[test]
fn cors_permits_delete_and_exposes_the_headers_of_sdks() {
    let fake = up(Does::json(429, "{}").header("x-should-retry", "false").header("retry-after-ms", "50"));
    let vars = [&DEFAULT[..], &[("PORTCULLIS_CORS_ORIGINS", "https://page.example")]].concat();
    let preflight = [("origin", "https://page.example"), ("access-control-request-method", "DELETE")];
    let got = send_with(&fake, &vars, &request("OPTIONS", "/v1/files/file-1", &preflight), "");
    assert_eq!((got.status, fake.seen().len()), (204, 0));
    let methods = got.header("access-control-allow-methods").expect("a preflight response lists methods");
    assert!(methods.split(", ").any(|method| method == "DELETE"), "{methods}");
    let got = send_with(&fake, &vars, &request("DELETE", "/v1/files/file-1", &preflight), "");
    assert_eq!((got.status, got.header("x-should-retry")), (429, Some("false")));
    assert_eq!(got.header("access-control-expose-headers"), Some("*"));
}

#[test]
fn forbidden_requests_do_not_pass_through() {
    let fake = up(Does::json(200, "{}"));
    for (vars, target, status) in [
        (&DEFAULT[..], "/v1/../admin", 404),
        (&DEFAULT[..], "/v2/x", 404),
        (&DEFAULT[2..], "/v1/files", 404),
        (&DEFAULT[..2], "/v1/embeddings", 401),
        (&DEFAULT[..], "/v1/Chat/Completions", 404),
        (&DEFAULT[..], "/v1/chat%2Fcompletions", 404),
        (&DEFAULT[..], "/v1/chat/completions;x=1", 404),
        (&DEFAULT[..], "/v1/chat\\completions", 404),
        (&DEFAULT[..], "/v1/%252e%252e/admin", 404),
        (&DEFAULT[..], "/v1/deployments/m/images/generations", 404),
    ] {
        assert_eq!(send_with(&fake, vars, &request("POST", target, &[]), "").status, status, "{target}");
    }
    // A model's name becomes part of the upstream's path.
    for id in ["../../admin", "x/../../../admin", "%2e%2e/%2E%2E/admin", "..%2f..%2fadmin", ".", "a\\..\\b"] {
        let got = send_with(&fake, &DEFAULT, &request("GET", &format!("/v1/models/{id}"), &[]), "");
        assert!(!got.body.contains("sk-upstream"), "{id}: {got:?}");
    }
    assert!(fake.seen().is_empty(), "{:?}", fake.seen());
    let fake = up(Does::answer(302, "text/html", &[]).header("location", "http://evil"));
    let got = send_with(&fake, &DEFAULT, &request("GET", "/v1/files", &[]), "");
    assert_eq!((got.status, got.header("location")), (502, None));
}

#[test]
fn a_broken_upload_is_not_a_failure_of_the_upstream() {
    let fake = up(Does::fails(SendErrorKind::Caller));
    let got = send_with(&fake, &DEFAULT, &request("POST", "/v1/files", &[]), "123");
    assert_eq!(got.status, 400, "{got:?}");
    assert_eq!(
        (&got.log["level"], &got.log["error.type"]),
        (&"info".into(), &"invalid_request_error".into())
    );
}

#[test]
fn trace_and_connect_are_not_forwarded() {
    let fake = up(Does::json(200, "{}"));
    for (method, path, status) in
        [("TRACE", "/v1/files", 404), ("TRACE", "/v1/chat/completions", 405), ("CONNECT", "/v1/files", 404)]
    {
        assert_eq!(
            send_with(&fake, &DEFAULT, &request(method, path, &[]), "").status,
            status,
            "{method} {path}"
        );
    }
    assert_eq!(fake.seen(), []);
}

#[test]
fn azure_has_its_own_paths_and_key() {
    let config = r#"{"upstreams":{"az":{"url":"https://r.openai.azure.com","api":"azure","key":"sk-az"}},
        "models":{"gpt-4o":{"targets":[{"upstream":"az"}]},"mini":{"targets":[{"upstream":"az","model":"my mini"}]}}}"#;
    let fake = Fake::new(&[("r.openai.azure.com", &[Does::json(200, "{}")])]);
    send(&fake, config, &chat(), &body("gpt-4o", false));
    send(&fake, config, &request("POST", "/v1/chat/completions?x=1", &[]), &body("mini", false));
    let seen = fake.seen();
    let base = "POST https://r.openai.azure.com/openai/deployments";
    assert_eq!(seen[0].line, format!("{base}/gpt-4o/chat/completions?api-version=2024-10-21"));
    assert_eq!(seen[1].line, format!("{base}/my%20mini/chat/completions?api-version=2024-10-21&x=1"));
    assert_eq!((&*seen[0].body, &*seen[1].body), (&*body("gpt-4o", false), &*body("my mini", false)));
    assert!(seen[0].headers.contains(&("api-key".into(), "sk-az".into())));
    assert!(seen[0].headers.iter().all(|(name, _)| name != "authorization"));
}

#[test]
fn usage_is_logged_if_it_was_read() {
    let stream = Does::stream(&[
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}"#,
        "[DONE]",
    ]);
    let got = send_with(&up(stream), &DEFAULT, &chat(), &body("m", true));
    assert_eq!(
        (&got.log["gen_ai.usage.input_tokens"], &got.log["gen_ai.usage.output_tokens"]),
        (&7.into(), &9.into())
    );
    assert_eq!(got.log["level"], "info");
}

#[test]
fn log_fields_have_opentelemetry_names() {
    let config = r#"{"upstreams":{
            "openai":{"url":"http://up.example/v1"},
            "azure":{"url":"http://up.example","api":"azure"},
            "claude":{"url":"http://up.example/v1","api":"anthropic"}},
        "models":{"openai":{"targets":[{"upstream":"openai"}]},"azure":{"targets":[{"upstream":"azure"}]},
                  "claude":{"targets":[{"upstream":"claude"}]}},"passthrough":"openai"}"#;
    for (model, path, provider, operation) in [
        ("openai", "/v1/chat/completions", "openai", "chat"),
        ("azure", "/v1/chat/completions", "azure.ai.openai", "chat"),
        ("claude", "/v1/chat/completions", "anthropic", "chat"),
        ("openai", "/v1/completions", "openai", "text_completion"),
        ("openai", "/v1/embeddings", "openai", "embeddings"),
    ] {
        let fake = up(Does::json(400, "{}"));
        let prompt =
            format!(r#"{{"model":"{model}","prompt":"x","messages":[{{"role":"user","content":"x"}}]}}"#);
        let got = send(&fake, config, &request("POST", path, &[]), &prompt);
        assert_eq!(
            (&got.log["gen_ai.provider.name"], &got.log["gen_ai.operation.name"]),
            (&provider.into(), &operation.into()),
            "{path}: {got:?}"
        );
        if operation != "embeddings" {
            assert_eq!(
                (&got.log["gen_ai.request.model"], &got.log["gen_ai.request.stream"]),
                (&model.into(), &false.into())
            );
        }
    }
}

#[test]
fn a_trace_is_forwarded_and_an_invalid_request_id_is_replaced() {
    for (traceparent, id) in
        [("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "mine-1"), ("ff-zz", "a b")]
    {
        let fake = up(Does::json(200, "{}"));
        let headers = [("traceparent", traceparent), ("tracestate", "x=1,,"), ("x-request-id", id)];
        let got =
            send_with(&fake, &DEFAULT, &request("POST", "/v1/chat/completions", &headers), &body("m", false));
        let seen = &fake.seen()[0].headers;
        assert!(seen.contains(&("traceparent".into(), traceparent.into())), "{seen:?}");
        assert!(seen.contains(&("tracestate".into(), "x=1,,".into())), "{seen:?}");
        let ids: Vec<_> = seen.iter().filter(|(name, _)| name == "x-request-id").collect();
        assert_eq!((ids.len(), got.header("x-request-id")), (1, Some(&*ids[0].1)));
        assert_eq!(ids[0].1 == id, id == "mine-1", "{ids:?}");
    }
}

#[test]
fn fields_named_in_connection_are_not_returned() {
    let does = Does::json(200, "{}")
        .header("connection", "close, X-RateLimit-Reset")
        .header("x-ratelimit-reset", "1");
    let got = send_with(&up(does), &DEFAULT, &chat(), &body("m", false));
    assert_eq!((got.header("x-ratelimit-reset"), got.header("connection")), (None, None));
}

#[test]
fn an_unrequested_content_encoding_is_forwarded_with_its_header() {
    let packed = "\u{1f}packed";
    for stream in [false, true] {
        let kind = if stream { "text/event-stream" } else { "application/json" };
        let does = Does::answer(200, kind, &[packed])
            .header("content-encoding", "gzip")
            .header("content-length", "7");
        let fake = up(does);
        let headers = [("accept-encoding", "gzip, br")];
        let got = send_with(
            &fake,
            &DEFAULT,
            &request("POST", "/v1/chat/completions", &headers),
            &body("m", stream),
        );
        assert_eq!((got.status, &*got.body), (200, packed));
        assert_eq!((got.header("content-encoding"), got.header("content-length")), (Some("gzip"), Some("7")));
        // Tokens in a compressed response cannot be counted, so upstreams are requested to send it uncompressed.
        assert!(got.log["gen_ai.usage.input_tokens"].is_null());
        let coding = ("accept-encoding".to_owned(), "identity".to_owned());
        assert!(fake.seen()[0].headers.contains(&coding));
    }
    let config = r#"{"upstreams":{"a":{"url":"http://up.example/v1","api":"anthropic"}},"models":{"m":{"targets":[{"upstream":"a"}]}}}"#;
    for (status, want) in [(403, 403), (200, 502)] {
        let does =
            Does::json(status, packed).header("content-encoding", "gzip").header("content-length", "7");
        let got = send(&up(does), config, &chat(), &body("m", false));
        assert_eq!((got.header("content-encoding"), got.header("content-length")), (None, None), "{got:?}");
        assert_eq!(got.status, want);
        assert!(got.body.contains("\"message\"") && !got.body.contains(packed), "{}", got.body);
    }
}

#[test]
fn a_304_is_not_a_redirect() {
    let fake = up(Does::answer(304, "text/plain", &[]).header("etag", "\"1\""));
    let got = send_with(&fake, &DEFAULT, &request("GET", "/v1/models", &[("if-none-match", "\"1\"")]), "");
    assert_eq!((got.status, got.header("etag")), (304, Some("\"1\"")));
}

#[test]
fn a_model_named_twice_is_renamed_twice() {
    let config = r#"{"upstreams":{"up":{"url":"http://up.example/v1"}},
        "models":{"*":{"targets":[{"upstream":"up","model":"theirs"}]}}}"#;
    let twice =
        r#"{"model":"a","messages":[{"role":"user","content":"x"}],"metadata":{"model":"a"},"model":"b"}"#;
    let fake = up(Does::json(200, r#"{"choices":[{}]}"#));
    let got = send(&fake, config, &chat(), twice);
    assert_eq!(got.status, 200, "{got:?}");
    // Whichever of the two the upstream reads, it is the model that was routed.
    let want = r#"{"model":"theirs","messages":[{"role":"user","content":"x"}],"metadata":{"model":"a"},"model":"theirs"}"#;
    assert_eq!(fake.seen()[0].body, want);
    assert_eq!(got.log["gen_ai.request.model"], "b");
}

#[test]
fn a_body_that_is_not_an_object_is_not_forwarded() {
    for sent in ["", "\u{feff}{}", "[]", "null", "{\"model\":\"m\"", "{} {}"] {
        let fake = up(Does::json(200, "{}"));
        let got = send_with(&fake, &DEFAULT, &chat(), sent);
        assert_eq!((got.status, fake.seen().len()), (400, 0), "{sent:?}");
    }
    let bom = format!("\u{feff}{}", body("m", false));
    assert_eq!(send_with(&up(Does::json(200, "{}")), &DEFAULT, &chat(), &bom).status, 400);
}
