//! Spin's own interfaces: variables, and Redis.

wit_bindgen::generate!({ path: "wit", world: "spin", generate_all });

use crate::config::ConfigError;
use crate::transport::{RedisError, RedisValue, SendError, SendErrorKind};
use fermyon::spin::redis::{Connection, Error as Failure, RedisParameter, RedisResult};
use fermyon::spin::variables::{self, Error};
use std::cell::RefCell;

/// The value of a variable that a setting needs; `None` if it has none, is empty, or is not given to the
/// component. A provider that fails is an error: what it keeps may be what callers are to be judged by.
pub(super) fn variable(setting: &str, name: &str) -> Result<Option<String>, ConfigError> {
    // Spin's names are lower case.
    let name = name.to_ascii_lowercase();
    match variables::get(&name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        // A `$` that no name follows refers to nothing.
        Err(Error::Undefined(_) | Error::InvalidName(_)) => Ok(None),
        // A provider's message may contain the request, and so a secret.
        Err(Error::Provider(_) | Error::Other(_)) => Err(ConfigError::new(
            setting,
            format!(
                "Spin's provider of variables failed to give `{name}`; Spin's own log may have the reason"
            ),
        )),
    }
}

/// The connection to Redis of one request, opened by its first command.
#[derive(Default)]
pub(super) struct Redis(RefCell<Option<Connection>>);

impl Redis {
    /// Executes a command: its name and arguments. There is one store, so `address` is always the same.
    pub(super) fn execute(&self, address: &str, command: &[&str]) -> Result<Vec<RedisValue>, RedisError> {
        let mut kept = self.0.borrow_mut();
        let connection = match kept.take() {
            Some(connection) => connection,
            None => {
                Connection::open(address).map_err(|failure| RedisError::Connection(unconnected(failure)))?
            }
        };
        let (name, arguments) = command.split_first().unwrap_or((&"", &[]));
        let arguments: Vec<_> =
            arguments.iter().map(|argument| RedisParameter::Binary(argument.as_bytes().to_vec())).collect();
        let values = connection.execute(name, &arguments).map_err(failed)?;
        // One that failed may be broken: the next command opens another.
        *kept = Some(connection);
        Ok(values.into_iter().map(value).collect())
    }
}

fn value(value: RedisResult) -> RedisValue {
    match value {
        RedisResult::Nil => RedisValue::Nil,
        RedisResult::Int64(number) => RedisValue::Integer(number),
        RedisResult::Status(text) => RedisValue::Bytes(text.into_bytes()),
        RedisResult::Binary(bytes) => RedisValue::Bytes(bytes),
    }
}

fn unconnected(failure: Failure) -> SendError {
    let (kind, reason) = match failure {
        Failure::InvalidAddress => {
            let reason = "Spin does not permit the address of `store.url`: `allowed_outbound_hosts` must have it \
                          (the variable `store_host`)";
            (SendErrorKind::Denied, reason.to_owned())
        }
        Failure::TooManyConnections => {
            (SendErrorKind::Unreachable, "Spin has too many open connections".to_owned())
        }
        Failure::TypeError => (SendErrorKind::Unreachable, "type error".to_owned()),
        Failure::Other(reason) => (SendErrorKind::Unreachable, reason),
    };
    SendError { kind, reason }
}

fn failed(failure: Failure) -> RedisError {
    match failure {
        Failure::TypeError => RedisError::Command("a value has another type".to_owned()),
        Failure::Other(reason) => RedisError::Command(reason),
        connection => RedisError::Connection(unconnected(connection)),
    }
}
