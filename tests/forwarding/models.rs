//! Which models callers can use, by which names, and how they are listed.

use crate::fake::*;
use crate::routing::{document, ok};

#[test]
fn a_target_may_have_any_model_name() {
    for (name, spelled) in [("m", "m"), ("q\"uo\\te", "q\\\"uo\\\\te"), ("é🦀 \n", "é🦀 \\n")] {
        let target = serde_json::json!({"targets": [{"upstream": "a", "model": name}]});
        let fake = Fake::new(&[("a", &[ok()])]);
        let got = send(&fake, &document(&format!("\"m\":{target}")), &chat(), &body("m", false));
        assert_eq!((got.status, &*fake.seen()[0].body), (200, &*body(spelled, false)));
    }
}

#[test]
fn patterns_and_aliases_route() {
    let config = document(
        r#""*":{"targets":[{"upstream":"a"}]},
           "local/*":{"targets":[{"upstream":"b","model":"*"}]},
           "fast":{"targets":[{"upstream":"c","model":"qwen3:4b"}]}"#,
    );
    for (model, host, sent) in [
        ("gpt-9", "a", "gpt-9"),
        ("local/phi:3", "b", "phi:3"),
        ("fast", "c", "qwen3:4b"),
        ("faster", "a", "faster"),
    ] {
        let fake = Fake::new(&[("a", &[ok()]), ("b", &[ok()]), ("c", &[ok()])]);
        let got = send(&fake, &config, &chat(), &body(model, false));
        assert_eq!((got.status, fake.trace()), (200, format!("{host}@0")));
        assert_eq!(fake.seen()[0].body, body(sent, false));
    }
}

#[test]
fn the_list_of_models_has_the_names_that_requests_can_use() {
    let config = document(
        r#""gpt-4o":{"targets":[{"upstream":"a"}]},"llama*":{"targets":[{"upstream":"b"}]},"mock":{"engine":{}}"#,
    );
    let list = |config: &str, fake: &Fake| {
        let got = send(fake, config, &request("GET", "/v1/models", &[]), "");
        let list: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
        let ids = list["data"].as_array().expect("a list").iter();
        ids.map(|model| model["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&config, &Fake::default()), ["gpt-4o", "mock"]);
    let limited = config.replacen(
        '{',
        r#"{"keys":[{"name":"k","key":"sk-caller","models":["mock","llama3","x"]}],"#,
        1,
    );
    let vars = [("PORTCULLIS_CONFIG", &*limited)];
    let got = send_with(&Fake::default(), &vars, &request("GET", "/v1/models", &[]), "");
    assert!(got.body.contains("mock") && got.body.contains("llama3"), "{}", got.body);
    assert!(!got.body.contains("gpt-4o") && !got.body.contains("\"x\""), "{}", got.body);
}

#[test]
fn a_model_is_described_as_far_as_it_is_known() {
    let config = document(
        r#""gpt-4o":{"targets":[{"upstream":"a"}]},"llama*":{"targets":[{"upstream":"b"}]},"x/*":{"targets":[{"upstream":"b","model":"*"}]}"#,
    );
    let theirs = Does::json(200, r#"{"id":"llama3","object":"model","owned_by":"meta"}"#);
    let fake = Fake::new(&[("b", &[theirs])]);
    for (id, status, part) in [
        ("gpt-4o", 200, "portcullis"),
        ("llama3", 200, "meta"),
        ("x/y", 200, "portcullis"),
        ("o3", 404, "does not exist"),
    ] {
        let got = send(&fake, &config, &request("GET", &format!("/v1/models/{id}"), &[]), "");
        assert_eq!(got.status, status, "{id}");
        assert!(got.body.contains(part), "{id}: {}", got.body);
    }
    assert_eq!(fake.seen().len(), 1);
    assert_eq!(fake.seen()[0].line, "GET http://b/v1/models/llama3");
}

#[test]
fn a_limited_key_reaches_only_its_models() {
    let config = document(r#""*":{"targets":[{"upstream":"a"}]}"#);
    let config = config.replacen(
        '{',
        r#"{"keys":[{"name":"k","key":"sk-caller","models":["gpt-*"]}],"passthrough":"a","#,
        1,
    );
    let vars = [("PORTCULLIS_CONFIG", &*config)];
    let fake = Fake::new(&[("a", &[ok()])]);
    assert_eq!(send_with(&fake, &vars, &chat(), &body("gpt-5", false)).status, 200);
    let refused = send_with(&fake, &vars, &chat(), &body("o3", false));
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("model_not_found"));
    let refused = send_with(&fake, &vars, &request("POST", "/v1/embeddings", &[]), "{}");
    assert_eq!(refused.status, 403);
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn a_limited_key_reaches_one_model_by_one_name() {
    let config = r#"{"upstreams":{"a":{"url":"http://a/v1"}},
        "models":{"fast":{"targets":[{"upstream":"a"}]},"secret":{"targets":[{"upstream":"a"}]}},
        "keys":[{"name":"k","key":"sk-caller","models":["fast"]},{"name":"free","key":"sk-free"}]}"#;
    let vars = [("PORTCULLIS_CONFIG", config), ("PORTCULLIS_UNKNOWN_PARAMS", "pass")];
    let chat = "/v1/chat/completions";
    for (target, members, want) in [
        (chat, r#""model":"fast","Model":"secret""#, "'Model'"),
        (chat, r#""\u006dodel":"secret","model":"fast""#, "'model'"),
        (chat, r#""model":"fast","Model":"secret","x":{"\ud800":1}"#, "'Model'"),
        (chat, r#""model":"fast","models":["secret"]"#, "'models'"),
        (chat, r#""model":"fast","fallbacks":["secret"]"#, "'fallbacks'"),
        ("/v1/chat/completions?model=secret", r#""model":"fast""#, "'model'"),
        ("/openai/deployments/fast/chat/completions", r#""Model":"secret""#, "'Model'"),
        ("/openai/deployments/secret/chat/completions", r#""model":"fast""#, "`secret`"),
    ] {
        let fake = Fake::new(&[(
            "a",
            &[Does::json(200, r#"{"choices":[{}]}"#), Does::json(200, r#"{"choices":[]}"#)],
        )]);
        let body = format!(r#"{{{members},"messages":[{{"role":"user","content":"x"}}]}}"#);
        let got = send_with(&fake, &vars, &request("POST", target, &[]), &body);
        assert!((400..=404).contains(&got.status) && got.body.contains(want), "{target} {members}: {got:?}");
        assert_eq!(fake.seen(), [], "{target} {members}");
    }
    let fake = Fake::new(&[]);
    let got = send_with(&fake, &vars, &request("GET", "/v1/models/fast?Model=secret", &[]), "");
    assert!(got.status == 400 && got.body.contains("'Model'"), "{got:?}");
}

#[test]
fn the_deployment_of_an_azure_client_is_its_model() {
    let config = r#"{"upstreams":{"a":{"url":"http://a/v1"},"b":{"url":"http://b/v1"}},
        "models":{"fast":{"targets":[{"upstream":"a"}]},"other":{"targets":[{"upstream":"b"}]}}}"#;
    let vars = [("PORTCULLIS_CONFIG", config), ("PORTCULLIS_API_KEYS", "sk-azure")];
    for (members, want) in [
        ("", r#"{"model":"fast","messages":[{"role":"user","content":"x"}]}"#),
        (r#""model": "other","#, r#"{"model": "fast","messages":[{"role":"user","content":"x"}]}"#),
    ] {
        let fake = Fake::new(&[("a", &[Does::json(200, r#"{"choices":[{}]}"#)])]);
        let target = "/openai/deployments/fast/chat/completions?api-version=2024-10-21";
        let mut request = request("POST", target, &[]);
        request.headers =
            [("content-type", "application/json"), ("api-key", "sk-azure")].into_iter().collect();
        let body = format!(r#"{{{members}"messages":[{{"role":"user","content":"x"}}]}}"#);
        let got = send_with(&fake, &vars, &request, &body);
        assert_eq!(got.status, 200, "{got:?}");
        let seen = &fake.seen()[0];
        assert_eq!((&*seen.line, &*seen.body), ("POST http://a/v1/chat/completions", want));
        assert!(!format!("{seen:?}").contains("sk-azure"), "{seen:?}");
    }
}

#[test]
fn embeddings_of_an_azure_client_reach_the_upstream_with_their_deployment() {
    let config = r#"{"keys":[{"name":"k","key":"sk-l","models":["embed"]}]}"#;
    let vars = [("PORTCULLIS_CONFIG", config), ("PORTCULLIS_UPSTREAM_URL", "http://a/v1")];
    let fake = Fake::new(&[("a", &[Does::json(200, r#"{"data":[]}"#)])]);
    for (deployment, status) in [("embed", 200), ("secret", 404)] {
        let target = format!("/openai/deployments/{deployment}/embeddings?api-version=2024-10-21");
        let mut request = request("POST", &target, &[]);
        request.headers = [("api-key", "sk-l")].into_iter().collect();
        let got = send_with(&fake, &vars, &request, r#"{"model":"embed","input":"x"}"#);
        assert_eq!(got.status, status, "{got:?}");
    }
    let seen = fake.seen();
    assert_eq!((seen.len(), &*seen[0].line), (1, "POST http://a/v1/embeddings"));
    assert_eq!(seen[0].body, r#"{"model":"embed","input":"x"}"#);
}

#[test]
fn an_upstream_s_list_of_models_is_returned_in_the_format_of_the_caller() {
    const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
    let openai = r#"{"object":"list","data":[{"id":"m1","object":"model","created":5,"owned_by":"me","x":1},{"id":"m2"}]}"#;
    let list = |body: &str, target: &str, fields: &[(&'static str, &str)]| {
        let vars = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_UPSTREAM_URL", "http://a/v1")];
        let fake = Fake::new(&[("a", &[Does::json(200, body).header("x-ratelimit-limit", "9")])]);
        let got = send_with(&fake, &vars, &request("GET", target, fields), "");
        assert_eq!(got.status, 200, "{got:?}");
        (serde_json::from_str::<serde_json::Value>(&got.body).expect("JSON"), fake.seen())
    };
    let (got, seen) = list(openai, "/v1/models?limit=1000", &[VERSION]);
    assert_eq!((&got["data"][0]["type"], &got["data"][1]["id"]), (&"model".into(), &"m2".into()));
    assert_eq!((&got["data"][0]["display_name"], &got["has_more"]), (&"m1".into(), &false.into()));
    assert_eq!((&got["first_id"], &got["last_id"]), (&"m1".into(), &"m2".into()));
    assert_eq!(seen[0].line, "GET http://a/v1/models");
    let (got, _) = list(openai, "/v1/models?limit=1", &[VERSION]);
    assert_eq!((&got["data"].as_array().map(Vec::len), &got["has_more"]), (&Some(1), &true.into()));
    let (got, _) = list(openai, "/v1/models?limit=1&after_id=m1", &[VERSION]);
    assert_eq!((&got["data"][0]["id"], &got["has_more"]), (&"m2".into(), &false.into()));
    let (got, _) = list(openai, "/v1/models?limit=1&before_id=m2", &[VERSION]);
    assert_eq!((&got["data"][0]["id"], &got["has_more"]), (&"m1".into(), &false.into()));
    let (got, seen) = list(openai, "/v1/models?client_version=0.150.0", &[]);
    assert_eq!((&got["models"], &got["data"][0]["x"]), (&serde_json::json!([]), &1.into()));
    assert_eq!(seen[0].line, "GET http://a/v1/models?client_version=0.150.0");
    let (got, _) = list(openai, "/v1/models", &[]);
    assert_eq!(got, serde_json::from_str::<serde_json::Value>(openai).expect("JSON"));
}

#[test]
fn the_engine_lists_claude_models_to_anthropic_s_clients() {
    let get = |vars: &[(&str, &str)], target: &str, fields: &[(&'static str, &str)]| {
        let vars = [&[("PORTCULLIS_ALLOW_ANONYMOUS", "true")], vars].concat();
        let got = send_with(&Fake::new(&[]), &vars, &request("GET", target, fields), "");
        assert_eq!(got.status, 200, "{got:?}");
        serde_json::from_str::<serde_json::Value>(&got.body).expect("JSON")
    };
    let version = [("anthropic-version", "2023-06-01")];
    let list = get(&[], "/v1/models?limit=1000", &version);
    let all = list["data"].as_array().expect("a list");
    assert!(
        !all.is_empty()
            && all.iter().all(|model| model["id"].as_str().is_some_and(|id| id.starts_with("claude-")))
    );
    assert!(
        all.iter().all(|model| model["display_name"] != model["id"] && model["type"] == "model"),
        "{list}"
    );
    assert_eq!(list["last_id"], all.last().expect("one")["id"]);
    let first = format!("/v1/models/{}", all[0]["id"].as_str().expect("an id"));
    assert_eq!(get(&[], &first, &version), all[0]);
    assert_eq!(get(&[], &first, &[])["object"], "model");
    let named = get(&[("PORTCULLIS_MODELS", "mine,claude-mine")], "/v1/models", &version);
    assert_eq!((&named["data"][0]["id"], &named["data"][1]["id"]), (&"mine".into(), &"claude-mine".into()));
    let codex = get(&[], "/v1/models?client_version=1", &[]);
    assert_eq!((&codex["models"], &codex["object"]), (&serde_json::json!([]), &"list".into()));
    assert!(get(&[], "/v1/models", &[]).get("models").is_none());
    let table = get(&[("PORTCULLIS_MODELS", "*")], "/v1/models", &[]);
    assert!(table["data"].as_array().is_some_and(|all| all.len() > 40), "{table}");
}
