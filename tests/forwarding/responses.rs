//! Callers of the Responses API, in front of upstreams that speak it and of others.

use crate::fake::*;
use serde_json::{Value, json};

const CONFIG: &str = r#"{"upstreams":{"native":{"url":"http://native/v1","responses":true},"chat":{"url":"http://chat/v1"},
        "azure":{"url":"http://azure","api":"azure"}},
    "models":{"m":{"targets":[{"upstream":"native","model":"theirs"}]},"c":{"targets":[{"upstream":"chat"}]},
              "both":{"targets":[{"upstream":"chat"},{"upstream":"native"}]},"a":{"targets":[{"upstream":"azure"}]}},
    "keys":[{"name":"limited","key":"sk-limited","models":["c"]},{"name":"all","key":"sk-caller"}]}"#;

fn post(path: &str, model: &str, does: Does) -> (Got, Vec<Seen>) {
    let body =
        json!({"model": model, "input": "hi", "tools": [{"type": "to_come"}], "previous_response_id": null});
    let fake = Fake::new(&[
        ("native", std::slice::from_ref(&does)),
        ("chat", std::slice::from_ref(&does)),
        ("azure", std::slice::from_ref(&does)),
    ]);
    let got =
        send_with(&fake, &[("PORTCULLIS_CONFIG", CONFIG)], &request("POST", path, &[]), &body.to_string());
    (got, fake.seen())
}

const COMPACTED: &str = r#"{"id":"resp_1","object":"response.compaction","created_at":1,"output":[{"type":"compaction",
    "id":"cmp_1","encrypted_content":"gAAAA"}],"usage":{"input_tokens":9,"output_tokens":4}}"#;

#[test]
fn a_conversation_is_compacted_where_it_can_be() {
    for (model, line) in [
        ("m", "POST http://native/v1/responses/compact"),
        ("both", "POST http://native/v1/responses/compact"),
        ("a", "POST http://azure/openai/responses/compact?api-version=2024-10-21"),
    ] {
        let (got, seen) = post("/v1/responses/compact", model, Does::json(200, COMPACTED));
        assert_eq!((got.status, &*got.body, &*seen[0].line), (200, COMPACTED, line), "{model}");
        assert_eq!(got.log["gen_ai.usage.input_tokens"], 9);
    }
    let (got, seen) = post("/v1/responses/compact", "m", Does::json(200, COMPACTED));
    let sent: Value = serde_json::from_str(&seen[0].body).expect("JSON");
    assert_eq!(
        (got.status, &sent["model"], &sent["tools"][0]["type"]),
        (200, &json!("theirs"), &json!("to_come"))
    );
    let (got, seen) = post("/v1/responses/compact", "c", Does::json(200, COMPACTED));
    assert_eq!((got.status, seen.len()), (400, 0));
    assert!(
        got.body.contains("does not have the Responses API") && got.body.contains("\"model\""),
        "{}",
        got.body
    );
}

#[test]
fn input_tokens_are_counted_where_they_can_be() {
    let counted = r#"{"object":"response.input_tokens","input_tokens":77}"#;
    let (got, seen) = post("/v1/responses/input_tokens", "m", Does::json(200, counted));
    assert_eq!((got.status, &*got.body), (200, counted));
    assert_eq!(seen[0].line, "POST http://native/v1/responses/input_tokens");
    let error =
        r#"{"error":{"message":"Not Found","type":"invalid_request_error","param":null,"code":null}}"#;
    for (model, does, requests) in [
        ("m", Does::json(404, error), 1),
        ("m", Does::json(501, error), 1),
        ("c", Does::json(200, counted), 0),
    ] {
        let (got, seen) = post("/v1/responses/input_tokens", model, does);
        let tokens = serde_json::from_str::<Value>(&got.body).expect("JSON")["input_tokens"].as_u64();
        assert!(got.status == 200 && tokens.is_some_and(|tokens| tokens < 40), "{got:?}");
        assert_eq!((seen.len(), &got.log["target"]), (requests, &json!("engine")));
    }
}

#[test]
fn a_key_that_is_limited_to_models_counts_and_compacts_those_alone() {
    for path in ["/v1/responses/compact", "/v1/responses/input_tokens"] {
        let fake = Fake::new(&[("native", &[Does::json(200, COMPACTED)])]);
        let mut request = request("POST", path, &[]);
        request.headers = [("authorization", "Bearer sk-limited"), ("content-type", "application/json")]
            .into_iter()
            .collect();
        let got =
            send_with(&fake, &[("PORTCULLIS_CONFIG", CONFIG)], &request, r#"{"model":"m","input":"hi"}"#);
        assert_eq!((got.status, fake.seen().len()), (400, 0), "{got:?}");
        assert!(got.body.contains("model_not_found"), "{}", got.body);
    }
}
