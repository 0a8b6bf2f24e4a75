//! The effect of settings on callers.

use host_tests::{Answer, Gateway, Upstream};
use serde_json::json;

use super::{CHAT, KEY, KEYS, assert_untrapped, assert_well, chat, error};

#[tokio::test]
async fn a_wrong_setting_is_named_in_every_response() {
    let secret = "sk secret with spaces";
    for (name, value) in [
        ("PORTCULLIS_API_KEY", secret),
        ("PORTCULLIS_API_KEYS", secret),
        ("PORTCULLIS_ALLOW_ANONYMOUS", "yes"),
        ("PORTCULLIS_UPSTREAM_URL", "localhost:11434"),
        ("PORTCULLIS_UPSTREAM_KEY", secret),
        ("PORTCULLIS_CONFIG", "{"),
        ("PORTCULLIS_CONFIG", r#"{"models":{"m":{"targets":[{"upstream":"nowhere"}]}}}"#),
        ("PORTCULLIS_UNKNOWN_PARAMS", "ignore"),
        ("PORTCULLIS_VALIDATION", "strict"),
        ("PORTCULLIS_MAX_BODY_BYTES", "-1"),
        ("PORTCULLIS_LOG", "loud"),
        ("PORTCULLIS_CORS_ORIGINS", "example.org"),
    ] {
        let gateway = Gateway::start(&[(name, value)]).await;
        for path in ["/v1/models", "/health", "/nowhere"] {
            let reply = gateway.get(path).no_key().await;
            assert_eq!(reply.status, 500, "{name}={value} {path}: {reply:?}");
            let error = error(&reply);
            assert_eq!(error["code"], "invalid_configuration");
            assert!(
                error["message"].as_str().is_some_and(|message| message.contains(name)),
                "{name}: {error}"
            );
            assert!(!reply.text().contains("secret"), "{reply:?}");
        }
        let reply = gateway.post(CHAT, &chat("hi")).await;
        assert_eq!(reply.status, 500, "{name}={value}");
        let line = gateway.log(|line| line.contains(CHAT)).await;
        assert!(line.contains("\"level\":\"error\"") && line.contains(name), "{line}");
        assert!(!gateway.logs().concat().contains("secret"), "{:?}", gateway.logs());
        assert_untrapped(&gateway);
    }
}

#[tokio::test]
async fn without_keys_every_request_is_a_401_that_names_the_setting() {
    let gateway = Gateway::start(&[]).await;
    for reply in [gateway.get("/v1/models").await, gateway.get("/v1/models").key("sk-any").await] {
        assert_eq!(reply.status, 401);
        assert!(reply.text().contains("PORTCULLIS_API_KEYS"), "{reply:?}");
    }
    assert_eq!(gateway.get("/health").await.status, 200);
}

#[tokio::test]
async fn an_open_gateway_needs_no_key() {
    let gateway = Gateway::start(&[("PORTCULLIS_ALLOW_ANONYMOUS", "true")]).await;
    assert_eq!(gateway.get("/v1/models").await.status, 200);
    assert_eq!(gateway.get("/v1/models").key("sk-any").await.status, 200);
}

#[tokio::test]
async fn keys_may_be_hashes() {
    // SHA-256 of "abc", the example in FIPS 180-4.
    let keys = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let gateway = Gateway::start(&[("PORTCULLIS_API_KEYS", keys)]).await;
    assert_eq!(gateway.get("/v1/models").key("abc").await.status, 200);
    for key in ["abd", keys, &keys["sha256:".len()..]] {
        assert_eq!(gateway.get("/v1/models").key(key).await.status, 401, "{key}");
    }
}

#[tokio::test]
async fn only_configured_models_are_served() {
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_MODELS", "gpt-4o, mine")]).await;
    let list = gateway.get("/v1/models").await.json();
    let ids: Vec<_> = list["data"].as_array().expect("a list").iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["gpt-4o", "mine"]);
    assert_eq!(gateway.get("/v1/models/gpt-4").await.status, 404);
    assert_well(&gateway).await;
}

#[tokio::test]
async fn the_body_limit_is_exact() {
    let body = chat("hi").to_string();
    let limit = body.len().to_string();
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_MAX_BODY_BYTES", &limit)]).await;
    assert_eq!(gateway.post(CHAT, &chat("hi")).await.status, 200);
    let reply = gateway.post(CHAT, &chat("hi!")).await;
    assert_eq!(reply.status, 413);
    assert!(error(&reply)["message"].as_str().is_some_and(|message| message.contains(&limit)), "{reply:?}");
    assert_eq!(gateway.post(CHAT, &chat("")).await.status, 200);
}

#[tokio::test]
async fn unknown_parameters_can_be_dropped() {
    let upstream = Upstream::answering(Answer::json(200, &json!({"choices": [{}]}))).await;
    let url = upstream.url("/v1");
    let settings = [KEYS, ("PORTCULLIS_UPSTREAM_URL", &*url), ("PORTCULLIS_UNKNOWN_PARAMS", "drop")];
    let gateway = Gateway::start(&settings).await;
    let mut body = chat("hi");
    body["top_k"] = json!(40);
    let reply = gateway.post(CHAT, &body).await;
    assert_eq!((reply.status, reply.header("x-portcullis-dropped")), (200, Some("top_k")));
    assert_eq!(upstream.requests()[0].json(), chat("hi"));
}

#[tokio::test]
async fn browsers_may_call_from_configured_origins() {
    let page = "https://app.example";
    let gateway = Gateway::start(&[KEYS, ("PORTCULLIS_CORS_ORIGINS", page)]).await;
    let preflight = gateway.call("OPTIONS", CHAT).no_key().header("origin", page);
    let preflight = preflight.header("access-control-request-headers", "authorization,x-stainless-os").await;
    assert_eq!((preflight.status, preflight.text(), preflight.header("content-length")), (204, "", None));
    assert_eq!(preflight.header("access-control-allow-origin"), Some(page));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization,x-stainless-os"));
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    let good = gateway.post(CHAT, &chat("hi")).header("origin", page).await;
    let refused = gateway.get("/v1/models").no_key().header("origin", page).await;
    assert_eq!((good.status, refused.status), (200, 401));
    for reply in [good, refused] {
        assert_eq!(reply.header("access-control-allow-origin"), Some(page), "{reply:?}");
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
    let other = gateway.get("/v1/models").header("origin", "https://evil.example").await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn without_origins_there_are_no_cors_headers() {
    let gateway = Gateway::start(&[KEYS]).await;
    let reply = gateway.get("/v1/models").header("origin", "https://app.example").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));
    let preflight = gateway.call("OPTIONS", CHAT).header("origin", "https://app.example").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (405, None));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let gateway = Gateway::start(&[KEYS]).await;
    for (path, status) in [("/health", 200), ("/v1/models", 200), ("/v1/models/gpt-0", 404)] {
        let reply = gateway.call("HEAD", path).await;
        assert_eq!((reply.status, reply.text(), reply.broken.as_deref()), (status, "", None), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    assert_well(&gateway).await;
}

#[tokio::test]
async fn health_needs_no_key() {
    let gateway = Gateway::start(&[KEYS]).await;
    let reply = gateway.get("/health").no_key().await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("ok")));
    assert!(!reply.text().contains(KEY));
}
