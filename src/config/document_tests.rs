use crate::config::{AnthropicApi, Api, AzureApi, Backend, Config, Plan, Policy, Target};
use std::time::Duration;

fn config(json: &str) -> Result<Config, String> {
    let vars = [("PORTCULLIS_CONFIG", json), ("OPENAI_KEY", "sk-up-secret"), ("BROKEN", "a\nb")];
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Config::from_vars(&vars).map_err(|e| e.to_string())
}

#[test]
fn a_document_routes_models() {
    let config = config(
        r#"{"upstreams": {
              "local": {"url": "http://127.0.0.1:11434/v1"},
              "openai": {"url": "https://api.openai.com/v1", "key": "$OPENAI_KEY",
                         "headers": {"OpenAI-Organization": "org-1"}, "timeouts": {"connect_ms": 2000}}},
            "models": {
              "gpt-4o": {"targets": [{"upstream": "openai"}]},
              "fast": {"targets": [{"upstream": "local", "model": "qwen3:4b"}]},
              "mock": {"engine": {"reply": "echo"}}},
            "keys": [{"name": "ci", "key": "$OPENAI_KEY", "models": ["mock"]}]}"#,
    )
    .expect("valid");
    let to = |name: &str, upstream, model: Option<&str>| {
        let target = Target { upstream, model: model.map(str::to_owned), weight: 1, price: None };
        Backend::Upstream(Plan { pattern: name.to_owned(), targets: vec![target], ..Plan::to_one(upstream) })
    };
    assert_eq!(
        config.served.named,
        [
            ("gpt-4o".to_owned(), to("gpt-4o", 1, None)),
            ("fast".to_owned(), to("fast", 0, Some("qwen3:4b"))),
            ("mock".to_owned(), Backend::Engine),
        ]
    );
    assert_eq!(config.served.others, None);
    assert_eq!(config.upstreams[1].key.as_ref().map(|k| k.expose()), Some("sk-up-secret"));
    assert!(config.keys[0].opens("mock") && !config.keys[0].opens("gpt-4o"));
}

#[test]
fn a_model_may_have_several_targets() {
    let config = config(
        r#"{"upstreams": {
              "az": {"url": "https://r.openai.azure.com", "api": "azure", "api_version": "2025-01-01-preview"},
              "claude": {"url": "https://api.anthropic.com/v1", "api": "anthropic", "max_tokens": 1000},
              "local": {"url": "http://h/v1", "splice": true}},
            "models": {
              "llama*": {"targets": [{"upstream": "local", "weight": 0}, {"upstream": "az", "model": "x-*"}],
                         "policy": "weighted", "retries": 4, "deadline_ms": 9000, "hedge_ms": 300},
              "b": {"targets": [{"upstream": "az"}, {"upstream": "claude"}, {"upstream": "local"}]}},
            "keys": [{"name": "k", "key": "sk", "models": ["llama*"]}],
            "passthrough": "local", "route_headers": false}"#,
    )
    .expect("valid");
    let Some(Backend::Upstream(plan)) = config.served.find("llama3") else { panic!("served") };
    let target = |upstream, model: Option<&str>, weight| Target {
        upstream,
        model: model.map(str::to_owned),
        weight,
        price: None,
    };
    assert_eq!(plan.targets, [target(2, None, 0), target(0, Some("x-*"), 1)]);
    assert_eq!((plan.policy, plan.retries), (Policy::Weighted, 4));
    assert_eq!(
        (plan.deadline, plan.hedge),
        (Some(Duration::from_millis(9000)), Some(Duration::from_millis(300)))
    );
    let Some(Backend::Upstream(plan)) = config.served.find("b") else { panic!("served") };
    assert_eq!((plan.policy, plan.retries), (Policy::Failover, 0));
    assert_eq!(config.served.listed().collect::<Vec<_>>(), ["b"]);
    assert!(config.keys[0].opens("llama3") && !config.keys[0].opens("b"));
    assert_eq!((config.passthrough, config.route_headers), (Some(2), false));
    assert_eq!(
        config.upstreams[0].api,
        Api::Azure(AzureApi { version: "2025-01-01-preview".into(), responses: true })
    );
    assert_eq!(
        config.upstreams[1].api,
        Api::Anthropic(AnthropicApi { version: "2023-06-01".into(), max_tokens: 1000 })
    );
    assert!(config.upstreams[2].splice);
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    for (model, path, hint) in [
        (r#""m": {"targets": []}"#, "models.m.targets", "needs an entry"),
        (r#""m": {"targets": [{"upstream": "a", "weight": 2}]}"#, "models.m.targets[0].weight", "weighted"),
        (
            r#""m": {"targets": [{"upstream": "a", "weight": 0}], "policy": "weighted"}"#,
            "models.m.targets",
            "above 0",
        ),
        (r#""m": {"targets": [{"upstream": "a"}], "hedge_ms": 5}"#, "models.m.hedge_ms", "second"),
        (r#""m": {"targets": [{"upstream": "a"}], "retries": 11}"#, "models.m.retries", "at most 10"),
        (r#""m": {"targets": [{"upstream": "a"}], "retries": -1}"#, "models.m.retries", "0 to 4294967295"),
        (r#""m": {"targets": [{"upstream": "a"}], "deadline_ms": 0}"#, "models.m.deadline_ms", "1 or more"),
        (r#""m": {"targets": [{"upstream": "a"}], "policy": "random"}"#, "models.m.policy", "failover"),
        (r#""m": {"targets": [{"upstream": "a", "model": "x*"}]}"#, "models.m.targets[0].model", "`*`"),
        (r#""m": {"engine": {}, "retries": 1}"#, "models.m", "`targets`"),
        (r#""m": {"engine": {}, "cache": {"ttl_s": 1}}"#, "models.m.cache", "`store`"),
        (r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 1}}"#, "models.m.cache", "`store`"),
        (r#""m": {"targets": [{"upstream": "a"}], "cache": {}}"#, "models.m.cache", "`ttl_s`"),
        (r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 0}}"#, "models.m.cache", "from 1"),
        (
            r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 1, "x": 1}}"#,
            "models.m.cache.x",
            "`shared`",
        ),
        (r#""a*b*": {"engine": {}}"#, "models.a*b*", "one `*`"),
    ] {
        let json = format!(r#"{{"upstreams": {{"a": {{"url": "http://h"}}}}, "models": {{{model}}}}}"#);
        let error = config(&json).expect_err(&json);
        assert!(error.contains(path) && error.contains(hint), "{error}");
    }
}

#[test]
fn an_upstream_that_makes_no_sense_is_refused() {
    for (fields, path, hint) in [
        (r#""api": "cohere""#, "upstreams.a.api", "anthropic"),
        (r#""api_version": "1""#, "upstreams.a.api_version", "has none"),
        (r#""api": "azure", "api_version": "1&x=2""#, "upstreams.a.api_version", "looks like"),
        (r#""max_tokens": 5"#, "upstreams.a.max_tokens", "anthropic"),
        (r#""api": "anthropic", "responses": true"#, "upstreams.a.responses", "no Responses"),
        (r#""api": "anthropic", "max_tokens": 0"#, "upstreams.a.max_tokens", "1 or more"),
        (r#""api": "anthropic", "splice": true"#, "upstreams.a.splice", "read"),
        (r#""timeouts": {"connect_ms": 0}"#, "upstreams.a.timeouts.connect_ms", "1 or more"),
    ] {
        let json = format!(r#"{{"upstreams": {{"a": {{"url": "http://h", {fields}}}}}}}"#);
        let error = config(&json).expect_err(&json);
        assert!(error.contains(path) && error.contains(hint), "{error}");
    }
    for (json, hint) in [
        (r#"{"upstreams": {"a b": {"url": "http://h"}}}"#, "visible ASCII"),
        (r#"{"passthrough": "x"}"#, "none of"),
        (
            r#"{"upstreams": {"a": {"url": "http://h", "api": "azure"}}, "passthrough": "a"}"#,
            "must be `openai`",
        ),
    ] {
        let error = config(json).expect_err(json);
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn an_error_names_the_path_and_no_secret() {
    for (json, path, hint) in [
        ("{", ".", "line 1, column 2"),
        ("{}\n {}", ".", "line 2, column 2"),
        (r#"{"model": {}}"#, "model", "unknown field"),
        (r#"{"upstreams": {"a": {"url": 1}}}"#, "upstreams.a.url", "a string"),
        (r#"{"upstreams": {"a": {"url": "h"}}}"#, "upstreams.a.url", "http://"),
        (r#"{"upstreams": {"a": {"url": "http://h", "key": "$NOPE"}}}"#, "upstreams.a.key", "$NOPE"),
        (r#"{"upstreams": {"a": {"url": "http://h", "key": "$BROKEN"}}}"#, "upstreams.a.key", "character"),
        (r#"{"upstreams": {"a": {"url": "http://h", "headers": {"Host": "x"}}}}"#, "headers.Host", "not the"),
        (
            r#"{"upstreams": {"a": {"url": "http://h", "headers": {"Proxy-Authorization": "x"}}}}"#,
            "headers.Proxy-Authorization",
            "not the",
        ),
        (r#"{"upstreams": {"a": {"url": "http://h"}, "a": {"url": "http://h"}}}"#, "upstreams", "twice"),
        (r#"{"models": {"m": {"targets": [{"upstream": "x"}]}}}"#, "models.m.targets[0].upstream", "`x`"),
        (r#"{"models": {"m": {}}}"#, "models.m", "either"),
        (r#"{"models": {"m": {"engine": {"reply": "sing"}}}}"#, "models.m.engine.reply", "echo"),
        (r#"{"keys": [{"name": "a"}]}"#, "keys[0]", "either"),
        (r#"{"keys": [{"name": "a", "sha256": "12"}]}"#, "keys[0]", "64"),
        (r#"{"keys": [{"name": "a", "key": "$NOPE"}]}"#, "keys[0].key", "$NOPE"),
        (r#"{"keys": [{"name": "a", "key": "k", "models": ["b", "*c*"]}]}"#, "keys[0].models", "`*c*`"),
        (
            r#"{"upstreams": {"a": {"url": "http://h", "headers": {"X-A": "x", "X-B": "$NOPE"}}}}"#,
            "upstreams.a.headers.X-B",
            "$NOPE",
        ),
    ] {
        let error = config(json).expect_err(json);
        assert!(error.contains("PORTCULLIS_CONFIG") && error.contains(path), "{error}");
        assert!(error.contains(hint) && !error.contains("secret"), "{error}");
    }
}
