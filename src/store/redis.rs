//! Redis's own protocol, which the host speaks: the address, and what a reply is.

use super::{Item, Reply, StoreError, command_failed, unreadable, unsent};
use crate::coding::push_percent_encoded;
use crate::config::{Secret, Store as Settings};
use crate::transport::{RedisError, RedisValue};

/// The credentials as a URL has them: `user:password`, both percent-encoded.
pub(super) fn userinfo(credentials: Option<&Secret>) -> String {
    let Some((user, password)) = credentials.and_then(|pair| pair.expose().split_once(':')) else {
        return String::new();
    };
    let mut out = String::new();
    push_percent_encoded(user, &mut out);
    out.push(':');
    push_percent_encoded(password, &mut out);
    out
}

/// The URL of the server.
pub(super) fn address(settings: &Settings, userinfo: &str) -> String {
    let scheme = if settings.https { "rediss" } else { "redis" };
    let at = if userinfo.is_empty() { "" } else { "@" };
    format!("{scheme}://{userinfo}{at}{}{}", settings.authority, settings.base_path)
}

/// A reply of at most so many bytes.
pub(super) fn decode(reply: Result<Vec<RedisValue>, RedisError>, most: usize) -> Result<Reply, StoreError> {
    let values = reply.map_err(|error| match error {
        RedisError::Connection(error) => unsent(error),
        RedisError::Command(reason) => command_failed(&reason),
    })?;
    let size = |value: &RedisValue| match value {
        RedisValue::Bytes(bytes) => bytes.len(),
        RedisValue::Nil | RedisValue::Integer(_) => size_of::<i64>(),
    };
    if values.iter().map(size).sum::<usize>() > most {
        return Err(unreadable("the reply is too long"));
    }
    let item = |value| match value {
        RedisValue::Nil => Ok(Item::Nil),
        RedisValue::Integer(number) => Ok(Item::Integer(number)),
        RedisValue::Bytes(bytes) => {
            String::from_utf8(bytes).map(Item::Text).map_err(|_| unreadable("a string is no UTF-8"))
        }
    };
    values.into_iter().map(item).collect::<Result<_, _>>().map(Reply)
}
