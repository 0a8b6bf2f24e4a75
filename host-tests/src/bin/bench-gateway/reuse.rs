//! One instance that serves a hundred thousand requests, including failing ones: whether its responses stay those of a
//! fresh instance, and how far its memory grows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::cases::Side;
use crate::load::{self, Connection};
use crate::requests::{self, CHAT, MODELS};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reuse {
    /// Requests the instance served.
    pub(crate) served: u32,
    /// Different requests, sent in turn.
    pub(crate) kinds: usize,
    /// How many of those fail.
    pub(crate) failing: usize,
    /// How many responses differ from those of a fresh instance.
    pub(crate) differing: u64,
    /// The first difference: the request, the response, and the response of a fresh instance.
    pub(crate) first_difference: Option<[String; 3]>,
    /// Bytes of linear memory after a hundredth of the requests, and after all.
    pub(crate) linear: [usize; 2],
    /// Memory of the host at the same times in KiB, without mapped files.
    pub(crate) own: [u64; 2],
}

/// Sends requests until one instance has served `count`.
pub(crate) fn measure(runtime: &Runtime, side: &Side, count: u32) -> Result<Reuse, String> {
    let fresh = side.serve(1)?;
    let mut host = side.serve(u32::MAX)?;
    let kinds = kinds();
    let mut reference = Vec::new();
    runtime.block_on(async {
        let mut connection = Connection::open(fresh.addr()).await?;
        for (method, path, body) in &kinds {
            reference.push(answer(&mut connection, &load::request(fresh.addr(), method, path, body)).await?);
        }
        Ok::<_, String>(())
    })?;
    let mut reuse = Reuse {
        served: 0,
        kinds: kinds.len(),
        failing: reference.iter().filter(|(status, _)| *status != 200).count(),
        differing: 0,
        first_difference: None,
        linear: [0; 2],
        own: [0; 2],
    };
    let requests: Vec<_> =
        kinds.iter().map(|(method, path, body)| load::request(host.addr(), method, path, body)).collect();
    let mut connection = runtime.block_on(Connection::open(host.addr()))?;
    for goal in [count / 100, count] {
        loop {
            // A request that arrives before the instance is idle again gets a second instance, so the instance with the
            // most requests counts. While none is idle, go on sending requests.
            let instances = host.instances()?;
            let busiest = instances.served.iter().zip(&instances.memories).max();
            let (served, memory) = busiest.map_or((0, 0), |(served, memory)| (*served, *memory));
            if served >= goal {
                let at = usize::from(goal == count);
                (reuse.served, reuse.linear[at], reuse.own[at]) = (served, memory, host.resident()?.own);
                break;
            }
            let turns = ((goal - served) as usize).div_ceil(kinds.len()).clamp(1, 200);
            for kind in (0..turns).flat_map(|_| 0..kinds.len()) {
                let got = runtime.block_on(answer(&mut connection, &requests[kind]))?;
                if got != reference[kind] {
                    reuse.differing += 1;
                    reuse.first_difference.get_or_insert_with(|| {
                        let (method, path, body) = &kinds[kind];
                        let request = format!("{method} {path} {}", String::from_utf8_lossy(body));
                        [request, format!("{got:?}"), format!("{:?}", reference[kind])]
                    });
                }
            }
        }
    }
    Ok(reuse)
}

async fn answer(connection: &mut Connection, request: &[u8]) -> Result<(u16, String), String> {
    let mut body = Vec::new();
    let exchange = connection.exchange(request, |piece| body.extend_from_slice(piece));
    let status = tokio::time::timeout(Duration::from_secs(30), exchange).await;
    let status = status.map_err(|_| "no response for 30 s".to_owned())??;
    Ok((status, essence(&String::from_utf8_lossy(&body))))
}

/// A response body without ids and timestamps.
fn essence(body: &str) -> String {
    let mut essence = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = ["\"id\":\"", "\"created\":"].iter().filter_map(|mark| rest.find(mark)).min() {
        let value = at + rest[at..].find(':').unwrap_or(0) + 1;
        essence.push_str(&rest[..value]);
        let text = &rest[value..];
        let end = match text.strip_prefix('"') {
            Some(text) => text.find('"').map_or(text.len(), |end| end + 2),
            None => text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()),
        };
        rest = &rest[value + end.min(text.len())..];
    }
    essence + rest
}

type Kind = (&'static str, &'static str, Vec<u8>);

/// Requests of every kind that the engine answers, and several kinds that it refuses.
fn kinds() -> Vec<Kind> {
    let chat = |more| ("POST", CHAT, requests::chat("gpt-4o", 1024, &more));
    let weather = json!([{"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"], "additionalProperties": false}}}]);
    let text = |body: serde_json::Value| ("POST", "/v1/completions", body.to_string().into_bytes());
    vec![
        ("GET", MODELS, Vec::new()),
        chat(json!({})),
        chat(json!({"stream": true, "stream_options": {"include_usage": true}})),
        chat(json!({"tools": weather, "tool_choice": "required"})),
        chat(json!({"response_format": {"type": "json_object"}})),
        chat(json!({"logprobs": true, "top_logprobs": 3, "max_tokens": 20})),
        chat(json!({"n": 3, "seed": 7})),
        text(
            json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["one two", "three"], "n": 2, "echo": true}),
        ),
        chat(json!({"temperature": 9})),
        chat(json!({"tools": []})),
        chat(json!({"surprise": 1})),
        ("POST", CHAT, b"{\"model\": \"gpt-4o\", \"messages\": [".to_vec()),
        ("POST", CHAT, vec![b'x'; 5_000]),
        text(json!({"model": "gpt-0", "prompt": "one"})),
        ("GET", "/v1/nowhere", Vec::new()),
        ("DELETE", CHAT, Vec::new()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_and_times_are_left_out() {
        let one = r#"{"id":"chatcmpl-1","object":"x","created":12,"tool_calls":[{"id":"call_1","n":1}]}"#;
        let other = r#"{"id":"chatcmpl-2","object":"x","created":345,"tool_calls":[{"id":"call_2","n":1}]}"#;
        assert_eq!(essence(one), essence(other));
        assert_eq!(essence(one), r#"{"id":,"object":"x","created":,"tool_calls":[{"id":,"n":1}]}"#);
        assert_ne!(essence(one), essence(&one.replace("\"n\":1", "\"n\":2")));
        for odd in ["", "\"id\":\"", "\"created\":", "plain"] {
            assert_eq!(essence(odd), odd);
        }
    }
}
