//! webdis: `POST /` with a command's parts percent-encoded and separated by slashes, `{"COMMAND": …}`.
//!
//! Source: <https://github.com/nicolasff/webdis>, README.

use super::{Encoded, Reply, StoreError, command_failed, json, refused, reply, unreadable};
use crate::coding::{base64, push_percent_encoded};
use crate::config::Secret;
use crate::json::Value;

pub(super) fn encode(credentials: Option<&Secret>, command: &[&str]) -> Encoded {
    let mut body = String::with_capacity(64 + command.iter().map(|part| 2 * part.len() + 1).sum::<usize>());
    for (i, part) in command.iter().enumerate() {
        if i > 0 {
            body.push('/');
        }
        push_percent_encoded(part, &mut body);
    }
    // A dot separates the format from the last argument.
    body.push_str(".json");
    let authorization = credentials.map(|pair| format!("Basic {}", base64(pair.expose().bytes())));
    Encoded { path: "/", content_type: "application/x-www-form-urlencoded", authorization, body }
}

pub(super) fn decode(status: u16, body: &[u8]) -> Result<Reply, StoreError> {
    let value = match status {
        200 => json(status, body)?,
        _ => return Err(refused(status)),
    };
    let result = match value.all_members() {
        [(_, result)] => result,
        _ => return Err(unreadable("it is no object of one member")),
    };
    match result {
        // A status or an error: Redis has no booleans.
        Value::Array(list) => match list.as_slice() {
            [Value::Bool(false), message] => Err(command_failed(message.as_str().unwrap_or_default())),
            [Value::Bool(false)] => Err(command_failed("")),
            [Value::Bool(true), status] => reply(status),
            _ => reply(result),
        },
        _ => reply(result),
    }
}
