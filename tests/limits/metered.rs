//! Usage is known whatever an upstream reports.

use crate::setting::{Server, Site, chat, stream, whole};
use portcullis::http::Method;
use portcullis::tokens::Encoding;

const LIMITS: &str = r#""limits": [{"tokens": 50000, "window": "minute"}, {"usd": 5, "window": "day"}]"#;

fn with(upstream: &Server, more: &str) -> String {
    format!(
        r#""upstreams": {{"up": {{"url": "{}", "splice": true}}}}, {LIMITS}{more},
           "models": {{"m": {{"targets": [{{"upstream": "up"}}], "price": {{"input": 2, "output": 8}}}}}}"#,
        upstream.url
    )
}

const CHUNK: &str =
    r#"{"choices":[{"index":0,"delta":{"content":"Hello, wide world!"},"finish_reason":null}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}}"#;

#[test]
fn a_stream_s_usage_is_requested_and_kept_back() {
    let upstream = Server::start(|_, _| stream(&[CHUNK, FINISH, USAGE, "[DONE]"]));
    let Some(site) = Site::start(&with(&upstream, ""), "") else { return };
    let got = site.chat(&chat("m", r#","stream":true,"max_tokens":100"#));
    assert!(
        got.body.contains("Hello") && got.body.contains("[DONE]") && !got.body.contains("prompt_tokens"),
        "{}",
        got.body
    );
    assert_eq!(site.used("tokens"), [22.0]);
    assert_eq!(site.used("usd"), [(17.0 * 2.0 + 5.0 * 8.0) / 1e6]);
    let got =
        site.chat(&chat("m", r#","stream":true,"max_tokens":100,"stream_options":{"include_usage":true}"#));
    assert!(got.body.contains("prompt_tokens"), "{}", got.body);
    assert_eq!(site.used("tokens"), [44.0]);
    for body in upstream.bodies() {
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["stream_options"]["include_usage"], true, "{body}");
    }
    assert_eq!(got.log["usage"], serde_json::Value::Null);
}

#[test]
fn what_no_upstream_reports_is_counted_here() {
    let upstream = Server::start(|_, body| match body.contains("\"stream\":true") {
        true => stream(&[CHUNK, FINISH, "[DONE]"]),
        false => {
            whole(200, r#"{"choices":[{"message":{"role":"assistant","content":"Hello, wide world!"}}]}"#)
        }
    });
    let Some(site) = Site::start(&with(&upstream, ""), "") else { return };
    let text = Encoding::for_model("m").count("Hello, wide world!") as f64;
    let mut total = 0.0;
    for stream in [false, true] {
        let got = site.chat(&chat("m", &format!(r#","stream":{stream},"max_tokens":100"#)));
        assert_eq!((got.status, &got.log["usage"]), (200, &serde_json::json!("estimated")), "{}", got.log);
        assert_eq!(got.log["gen_ai.usage.output_tokens"].as_f64(), Some(text));
        total += got.log["gen_ai.usage.input_tokens"].as_f64().expect("a count") + text;
    }
    assert_eq!(site.used("tokens"), [total]);
}

#[test]
fn a_long_answer_is_read_as_it_passes() {
    let upstream = Server::start(|_, _| {
        let text = "word ".repeat(40_000);
        whole(
            200,
            &format!(
                r#"{{"choices":[{{"message":{{"role":"assistant","content":"{text}"}}}}],
                    "usage":{{"prompt_tokens":7,"completion_tokens":40000}}}}"#
            ),
        )
    });
    let Some(site) = Site::start(&with(&upstream, ""), "") else { return };
    let got = site.chat(&chat("m", r#","max_tokens":41000"#));
    assert_eq!((got.status, got.body.len() > 200_000), (200, true));
    assert_eq!(site.used("tokens"), [40_007.0]);
    assert_eq!(
        got.header("x-ratelimit-limit-requests"),
        Some("99"),
        "only fields of the same names are replaced"
    );
    assert_eq!(got.header("x-ratelimit-limit-tokens"), Some("50000"));
}

#[test]
fn a_request_without_an_output_limit_gets_the_reserve_as_one() {
    let upstream = Server::start(|_, _| {
        whole(200, r#"{"choices":[{}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#)
    });
    let Some(site) = Site::start(&with(&upstream, r#", "reserve_tokens": 300"#), "") else { return };
    assert_eq!(site.chat(&chat("m", r#","max_tokens":null"#)).status, 200);
    assert_eq!(site.chat(&chat("m", r#","max_tokens":20"#)).status, 200);
    let bodies: Vec<serde_json::Value> =
        upstream.bodies().iter().map(|body| serde_json::from_str(body).expect("JSON")).collect();
    assert_eq!((&bodies[0]["max_tokens"], &bodies[1]["max_tokens"]), (&300.into(), &20.into()));
    assert_eq!(upstream.bodies()[0].matches("max_tokens").count(), 1);
}

#[test]
fn usage_is_shown_to_keys_and_admins() {
    let limits = r#""limits": [{"requests": 5, "window": "minute"}, {"per": "key+model", "tokens": 100000, "window": "hour"},
        {"concurrent": 3}], "models": {"gpt-4o": {"engine": {}}}"#;
    let Some(site) = Site::start(limits, "") else { return };
    assert_eq!(site.chat(&chat("gpt-4o", r#","max_tokens":9"#)).status, 200);
    let usage = |key: &str| {
        site.call(key, Method::Get, "/v1/portcullis/usage", "", crate::setting::Takes::All).json()
    };
    let own = usage("sk-ci");
    assert_eq!((&own["key"], own["data"].as_array().map(Vec::len)), (&"ci".into(), Some(3)), "{own}");
    assert_eq!(own["data"][0]["used"], 1, "{own}");
    assert!(own["data"][0]["reset_ms"].as_u64().is_some_and(|ms| ms > 50_000), "{own}");
    let tokens = own["data"].as_array().and_then(|rows| rows.iter().find(|row| row["measure"] == "tokens"));
    assert_eq!(
        tokens.map(|row| (&row["key"], &row["model"])),
        Some((&"ci".into(), &"gpt-4o".into())),
        "{own}"
    );
    assert_eq!(usage("sk-env")["data"][0]["used"], 0);
    let all = usage("sk-boss");
    assert_eq!(all["data"].as_array().map(Vec::len), Some(9), "{all}");
    // Neither names nor prompts are in the store.
    for (key, fields) in site.redis.dump() {
        let text = format!("{key}{fields:?}");
        assert!(
            key.starts_with("{portcullis:default}:") && !text.contains("gpt-4o") && !text.contains("sk-"),
            "{text}"
        );
    }
}

#[test]
fn a_count_that_cannot_be_is_none() {
    fn answer(usage: &str) -> String {
        let message = r#"{"role":"assistant","content":"Hello, wide world!"}"#;
        whole(200, &format!(r#"{{"choices":[{{"message":{message}}}],"usage":{usage}}}"#))
    }
    for upstream in [
        Server::start(|_, _| answer(r#"{"prompt_tokens":1,"completion_tokens":18446744073709551615}"#)),
        Server::start(|_, _| {
            answer(r#"{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}"#)
        }),
        Server::start(|_, _| answer(r#"{"prompt_tokens":0,"completion_tokens":0}"#)),
    ] {
        let limits = LIMITS.replace('[', r#"[{"per": "key", "concurrent": 1}, "#);
        let settings = with(&upstream, "").replace(LIMITS, &limits);
        let Some(site) = Site::start(&settings, "") else { return };
        let text = Encoding::for_model("m").count("Hello, wide world!") as f64;
        // The second request needs the lease of the first.
        for times in [1.0, 2.0] {
            let got = site.chat(&chat("m", r#","max_tokens":100"#));
            assert_eq!(
                (got.status, &got.log["usage"]),
                (200, &serde_json::json!("estimated")),
                "{}",
                got.log
            );
            let prompt = got.log["gen_ai.usage.input_tokens"].as_f64().expect("a count");
            assert_eq!(site.used("tokens"), [times * (prompt + text)]);
        }
    }
}

#[test]
fn only_an_endpoint_s_own_member_limits_its_output() {
    let upstream = Server::start(|_, _| stream(&[CHUNK, FINISH, USAGE, "[DONE]"]));
    let Some(site) = Site::start(&with(&upstream, ""), "") else { return };
    let got = site.chat(&chat("m", r#","stream":true,"max_output_tokens":1"#));
    assert_eq!(got.status, 200, "{}", got.body);
    let body: serde_json::Value = serde_json::from_str(&upstream.bodies()[0]).expect("JSON");
    assert_eq!(body["max_tokens"], 4096, "{body}");
    // More than can be counted is still something that has a price.
    let got = site.post(
        "/v1/completions",
        r#"{"model":"zz","n":18446744073709551615,"prompt":"a","max_tokens":18446744073709551615}"#,
    );
    assert!((400..500).contains(&got.status), "{}", got.body);
    let got =
        site.post("/v1/responses", r#"{"model":"m","background":true,"max_output_tokens":9,"input":"hi"}"#);
    assert_eq!(
        (got.status, &got.json()["error"]["param"]),
        (400, &serde_json::json!("background")),
        "{}",
        got.body
    );
}
