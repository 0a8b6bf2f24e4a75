//! Upstash's REST protocol: a command as a JSON array, `{"result": …}` or `{"error": …}`.
//!
//! Source: <https://upstash.com/docs/redis/features/restapi>.

use super::{Encoded, Reply, StoreError, command_failed, json, refused, reply, unreadable};
use crate::config::Secret;
use crate::json::push_string;

pub(super) fn encode(token: Option<&Secret>, command: &[&str]) -> Encoded {
    let mut body = String::with_capacity(64 + command.iter().map(|part| part.len() + 4).sum::<usize>());
    for (i, part) in command.iter().enumerate() {
        body.push(if i == 0 { '[' } else { ',' });
        push_string(part, &mut body);
    }
    body.push(']');
    let authorization = token.map(|token| format!("Bearer {}", token.expose()));
    Encoded { path: "/", content_type: "application/json", authorization, body }
}

pub(super) fn decode(status: u16, body: &[u8]) -> Result<Reply, StoreError> {
    let value = json(status, body)?;
    if let (true, Some(error)) = (matches!(status, 200 | 400), value.get_non_null("error")) {
        return Err(command_failed(error.as_str().unwrap_or_default()));
    }
    if status != 200 {
        return Err(refused(status));
    }
    reply(value.get("result").ok_or_else(|| unreadable("it has no `result`"))?)
}
