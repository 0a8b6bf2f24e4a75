//! Whole exchanges with the engine: every accepted request gets a complete response.

use super::chosen;
use super::nowhere::{Nowhere, Whole};
use portcullis::api::{chat, completions};
use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Method, Request, RequestHeaders};
use portcullis::json;
use serde_json::Value;
use std::sync::LazyLock;
use std::time::Duration;

const PATHS: [&str; 4] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/moderations"];

/// Models of every family, each validated with its limits.
const NAMED: &str = "gpt-4,gpt-4o,gpt-4o-audio-preview,gpt-4o-search-preview,gpt-3.5-turbo,o1,o1-mini,gpt-5,\
                     gpt-5.6-terra,gpt-3.5-turbo-instruct,davinci-002,text-embedding-3-small,omni-moderation-latest";

/// Responses of every kind: prose, a rule's text that includes the caller's, tool calls, errors, broken streams.
const RULES: &str = include_str!("../../examples/agent-rules.json");

static GATEWAYS: LazyLock<[Gateway; 5]> = LazyLock::new(|| {
    [
        &[][..],
        &[("PORTCULLIS_MODELS", NAMED)],
        &[("PORTCULLIS_VALIDATION", "schema")],
        &[("PORTCULLIS_UNKNOWN_PARAMS", "drop")],
        &[("PORTCULLIS_CONFIG", RULES)],
    ]
    .map(|settings| {
        let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true")];
        let all = settings.iter().chain(&open).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Gateway::new(&all.collect::<Vec<_>>())
    })
});

/// The first byte chooses the gateway's settings, the second the path.
pub fn run(data: &[u8]) {
    let Some((gateway, path, body)) = chosen(data) else { return };
    let path = PATHS[path % PATHS.len()];
    if is_long(path, body) {
        return;
    }
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: RequestHeaders::default(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Whole(Some(body.to_vec()));
    let gateway = gateway % GATEWAYS.len();
    let has_rules = gateway == GATEWAYS.len() - 1;
    let response = GATEWAYS[gateway].handle(&request, &mut upload, &Nowhere, &ctx).response;
    let streams =
        response.headers.get("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let (bytes, whole) = pulled(response.body);
    assert!(response.status < 500 || has_rules, "{} {}", response.status, String::from_utf8_lossy(&bytes));
    if !whole {
        assert!(has_rules, "only a rule breaks off a connection");
    } else if streams {
        are_events(std::str::from_utf8(&bytes).expect("events are UTF-8"));
    } else {
        let answer: Value = serde_json::from_slice(&bytes).expect("an answer is JSON");
        assert_eq!(response.status == 200, answer.get("error").is_none(), "{answer}");
    }
}

/// Whether the response would be so long that fuzzing other inputs is a better use of the time: many choices, or one whose
/// tokens are forced up to the limit.
fn is_long(path: &str, body: &[u8]) -> bool {
    let (answers, limit, biased) = match path {
        "/v1/chat/completions" => {
            let Ok(request) = json::from_slice::<chat::Request<'_>>(body) else { return false };
            (request.choices(), request.token_limit(), request.logit_bias.is_some())
        }
        "/v1/completions" => {
            let Ok(request) = json::from_slice::<completions::Request<'_>>(body) else { return false };
            let most = |one: Option<portcullis::api::Int>| one.map_or(1, |int| int.unsigned());
            let prompts = most(request.n).max(most(request.best_of));
            (prompts, request.max_tokens.map(|int| int.unsigned()), request.logit_bias.is_some())
        }
        _ => return false,
    };
    answers > 4 || biased && limit.is_some_and(|limit| limit > 256)
}

/// The whole body, and whether it is complete.
fn pulled(body: Body<Whole>) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let items = match body {
        Body::Full(bytes) => return (bytes, true),
        Body::Stream(items) => items,
        Body::Relay(_) => panic!("the engine does not forward"),
    };
    for item in items {
        match item {
            BodyItem::Abort(_) => return (bytes, false),
            item => bytes.extend(item.into_bytes()),
        }
    }
    (bytes, true)
}

/// Checks that a stream has the required form.
fn are_events(text: &str) {
    let chunks = text.strip_suffix("data: [DONE]\n\n").expect("a stream ends with [DONE]");
    for event in chunks.split_terminator("\n\n") {
        let json = event.strip_prefix("data: ").expect("one line of data");
        let chunk: Value = serde_json::from_str(json).expect("a chunk is JSON");
        assert!(chunk["object"].is_string() || chunk["error"].is_object(), "{chunk}");
    }
}
