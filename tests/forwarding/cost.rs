//! What answers cost, in the log and in a header.

use crate::fake::*;
use portcullis::transport::SendErrorKind;

const CONFIG: &str = r#"{"upstreams": {"up": {"url": "http://up/v1"}, "cheap": {"url": "http://cheap/v1"},
        "claude": {"url": "http://claude/v1", "api": "anthropic", "key": "sk"}},
    "models": {
        "gpt-4o": {"targets": [{"upstream": "up"}, {"upstream": "cheap", "price": {"input": 1, "output": 2}}]},
        "own": {"targets": [{"upstream": "up"}]},
        "claude-sonnet-4-5": {"targets": [{"upstream": "claude"}]}}}"#;

const USAGE: &str =
    r#""usage":{"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":400}}"#;

fn answer() -> String {
    format!(r#"{{"choices":[{{"message":{{"content":"hi"}},"finish_reason":"stop"}}],{USAGE}}}"#)
}

fn cost(got: &Got) -> (Option<f64>, Option<&str>) {
    (got.log["cost_usd"].as_f64(), got.header("x-portcullis-cost-usd"))
}

#[test]
fn a_whole_answer_states_its_cost() {
    let up = [("up", &[Does::json(200, &answer())][..])];
    let got = send(&Fake::new(&up), CONFIG, &chat(), &body("gpt-4o", false));
    // 600 × 2.5 + 400 × 1.25 + 100 × 10 micro-dollars
    assert_eq!(cost(&got), (Some(0.003), Some("0.003")), "{got:?}");
    let got = send(&Fake::new(&up), CONFIG, &chat(), &body("own", false));
    assert_eq!(cost(&got), (None, None), "a model without a price: {got:?}");
    let silent = [("up", &[Does::json(200, r#"{"choices":[{"message":{},"finish_reason":"stop"}]}"#)][..])];
    let got = send(&Fake::new(&silent), CONFIG, &chat(), &body("gpt-4o", false));
    assert_eq!(cost(&got), (None, None), "an answer without a usage: {got:?}");
}

#[test]
fn the_price_is_that_of_the_target_that_answered() {
    let fake = Fake::new(&[
        ("up", &[Does::fails(SendErrorKind::Unreachable)]),
        ("cheap", &[Does::json(200, &answer())]),
    ]);
    let got = send(&fake, CONFIG, &chat(), &body("gpt-4o", false));
    assert_eq!(cost(&got), (Some(0.0012), Some("0.0012")), "{got:?}");
    let fake = Fake::new(&[("up", &[Does::json(400, r#"{"error":{"message":"no"}}"#)])]);
    let got = send(&fake, CONFIG, &chat(), &body("gpt-4o", false));
    assert_eq!((got.status, cost(&got)), (400, (None, None)), "{got:?}");
}

#[test]
fn a_stream_states_its_cost_in_the_log() {
    let end = format!(r#"{{"choices":[],{USAGE}}}"#);
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let fake = Fake::new(&[("up", &[Does::stream(&[chunk, &end, "[DONE]"])])]);
    let got = send(&fake, CONFIG, &chat(), &body("gpt-4o", true));
    assert_eq!(cost(&got), (Some(0.003), None), "{got:?}");
}

#[test]
fn anthropic_s_cached_input_is_billed_apart() {
    let message = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",
        "usage":{"input_tokens":100,"cache_read_input_tokens":1000,"cache_creation_input_tokens":300,
                 "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},"output_tokens":10}}"#;
    // 100 × 3 + 1000 × 0.3 + 200 × 3.75 + 100 × 6 + 10 × 15 micro-dollars
    for request in [chat(), request("POST", "/v1/messages", &[("anthropic-version", "2023-06-01")])] {
        let fake = Fake::new(&[("claude", &[Does::json(200, message)])]);
        let body =
            r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
        let got = send(&fake, CONFIG, &request, body);
        assert_eq!(cost(&got), (Some(0.0021), Some("0.0021")), "{got:?}");
    }
}
