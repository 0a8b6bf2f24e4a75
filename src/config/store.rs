//! `store`: where state that outlives a request is kept.

use super::node::{Node, SETTING, Setting, settings, wrong};
use super::route::{Upstream, is_authority};
use super::vars::Vars;
use super::{ConfigError, Secret};
use std::time::Duration;

/// A Redis or Valkey, and the protocol by which it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The protocol.
    pub api: StoreApi,
    /// Whether it is reached by TLS.
    pub https: bool,
    /// Host and port, as in the URL.
    pub authority: String,
    /// What stands before the protocol's own path; no slash at its end. For `Redis` the number of the database.
    pub base_path: String,
    /// Its credentials: a bearer token for `Upstash`, else `user:password`.
    pub key: Option<Secret>,
    /// How long one command may take, from connecting to the last byte of its reply. Not for `Redis`: a call of the host
    /// cannot be interrupted.
    pub timeout: Duration,
    /// What happens to requests that need the store while it does not answer; `None`: `deny` where a limit in `usd`
    /// applies, else `allow`.
    pub on_failure: Option<OnFailure>,
    /// Separates the keys of gateways that share a Redis.
    pub namespace: String,
}

/// How commands reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreApi {
    /// Upstash's REST protocol, which self-hosted servers have as well.
    Upstash,
    /// webdis.
    Webdis,
    /// Redis's own protocol, by the host's interface: only in builds for Spin.
    Redis,
}

/// What happens to a request that needs the store while it does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is served without limits.
    Allow,
    /// It gets a 503.
    Deny,
}

settings! {
    /// `store` as it is written.
    pub(super) struct StoreEntry {
        url: String = needed,
        api: StoreApi = needed,
        key: Option<String> = maybe,
        timeout_ms: Option<u32> = maybe,
        on_failure: Option<OnFailure> = maybe,
        namespace: Option<String> = maybe,
    }
}

/// How long a command may take by default, in milliseconds: over plain HTTP, which stays within a network, and over TLS.
const TIMEOUT_MS: (u32, u32) = (50, 500);

/// Whether this build imports an interface to Redis.
const HAS_REDIS: bool = cfg!(feature = "spin");

/// No request is to wait longer for its limits.
const MAX_TIMEOUT_MS: u32 = 60_000;

impl Setting for StoreApi {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("upstash", Self::Upstash), ("webdis", Self::Webdis), ("redis", Self::Redis)])
    }
}

impl Setting for OnFailure {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("allow", Self::Allow), ("deny", Self::Deny)])
    }
}

impl StoreEntry {
    pub(super) fn read(&self, vars: Vars<'_>) -> Result<Store, ConfigError> {
        self.read_with(vars, HAS_REDIS)
    }

    fn read_with(&self, vars: Vars<'_>, has_redis: bool) -> Result<Store, ConfigError> {
        let setting = |field: &str| format!("{SETTING} (`store.{field}`)");
        let (https, authority, base_path) = match self.api {
            StoreApi::Redis if !has_redis => return Err(wrong("store.api", NEEDS_SPIN)),
            StoreApi::Redis => redis_address(&self.url)?,
            StoreApi::Upstash | StoreApi::Webdis => {
                let url = Upstream::from_url("store", &self.url, &setting("url"))?;
                (url.https, url.authority, url.base_path)
            }
        };
        let key = self.key.as_deref().map(|text| vars.secret(text, &setting("key"))).transpose()?;
        let is_pair = key.as_ref().is_none_or(|key| key.expose().contains(':'));
        match self.api {
            StoreApi::Webdis if !is_pair => {
                return Err(wrong("store.key", "for `webdis` it looks like `user:password`"));
            }
            StoreApi::Redis if !is_pair => {
                let rule = "for `redis` it looks like `user:password`, or `:password` without a user";
                return Err(wrong("store.key", rule));
            }
            StoreApi::Redis if self.timeout_ms.is_some() => {
                let why = "it has no effect with `redis`, because Spin's interface has no timeout; leave it out, or use \
                           `webdis` or `upstash`";
                return Err(wrong("store.timeout_ms", why));
            }
            _ => {}
        }
        let default = if https { TIMEOUT_MS.1 } else { TIMEOUT_MS.0 };
        let timeout = match self.timeout_ms.unwrap_or(default) {
            0 => return Err(wrong("store.timeout_ms", "it is 1 or more")),
            ms if ms > MAX_TIMEOUT_MS => {
                return Err(wrong("store.timeout_ms", format_args!("it is at most {MAX_TIMEOUT_MS}")));
            }
            ms => Duration::from_millis(ms.into()),
        };
        let namespace = self.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if namespace.is_empty() || namespace.len() > 64 || !namespace.bytes().all(legal) {
            let rule = "it is 1 to 64 letters, digits, `-`, `_` and `.`";
            return Err(wrong("store.namespace", rule));
        }
        Ok(Store {
            api: self.api,
            https,
            authority,
            base_path,
            key,
            timeout,
            on_failure: self.on_failure,
            namespace,
        })
    }
}

const NEEDS_SPIN: &str = "`redis` needs the flavour for Spin (`portcullis-spin.wasm`, or built with the feature `spin`): \
                          other hosts have no interface to Redis; `webdis` and `upstash` reach one over HTTP";

/// Whether a URL of a Redis has TLS, its authority, and the number of its database after a slash, if it has one.
fn redis_address(url: &str) -> Result<(bool, String, String), ConfigError> {
    let wrong = |why: &str| {
        wrong("store.url", format_args!("{why}; for `redis` it looks like `redis://127.0.0.1:6379`"))
    };
    let (tls, rest) = match url.split_once("://") {
        Some(("redis", rest)) => (false, rest),
        Some(("rediss", rest)) => (true, rest),
        _ => return Err(wrong("it starts with neither `redis://` nor `rediss://`")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(wrong("credentials do not belong into the URL but into `store.key`"));
    }
    if !is_authority(authority) {
        return Err(wrong("it names no host"));
    }
    let path = path.trim_end_matches('/');
    let is_database =
        path.is_empty() || path.strip_prefix('/').is_some_and(|number| number.parse::<u16>().is_ok());
    match is_database {
        true => Ok((tls, authority.to_owned(), path.to_owned())),
        false => Err(wrong("after the host it may have only the number of a database")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn store(fields: &str) -> Result<Store, String> {
        let json = format!(r#"{{"store": {{{fields}}}}}"#);
        let vars = [("PORTCULLIS_CONFIG", &*json), ("STORE_KEY", "user:secret")];
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let config = Config::from_vars(&vars).map_err(|error| error.to_string())?;
        Ok(config.store.expect("it is set"))
    }

    #[test]
    fn a_store_has_defaults() {
        let near =
            store(r#""url": "http://127.0.0.1:7379", "api": "webdis", "key": "$STORE_KEY""#).expect("valid");
        assert_eq!(near.key.as_ref().map(Secret::expose), Some("user:secret"));
        assert_eq!((near.https, &*near.authority, &*near.base_path), (false, "127.0.0.1:7379", ""));
        assert_eq!((near.timeout, near.on_failure), (Duration::from_millis(50), None));
        assert_eq!((near.api, &*near.namespace), (StoreApi::Webdis, "default"));
        let far = store(r#""url": "https://x.upstash.io/", "api": "upstash", "on_failure": "deny""#);
        let far = far.expect("valid");
        assert_eq!((far.timeout, far.on_failure), (Duration::from_millis(500), Some(OnFailure::Deny)));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let good = r#""url": "http://h", "api": "webdis""#;
        for (fields, path, hint) in [
            (r#""api": "webdis""#.to_owned(), "store", "`url`"),
            (r#""url": "http://h""#.to_owned(), "store", "`api`"),
            (r#""url": "redis://h", "api": "webdis""#.to_owned(), "store.url", "http://"),
            (r#""url": "http://h", "api": "resp""#.to_owned(), "store.api", "`upstash`, `webdis`"),
            (format!(r#"{good}, "key": "secret""#), "store.key", "user:password"),
            (format!(r#"{good}, "key": "$NONE""#), "store.key", "$NONE"),
            (format!(r#"{good}, "timeout_ms": 0"#), "store.timeout_ms", "1 or more"),
            (format!(r#"{good}, "timeout_ms": 60001"#), "store.timeout_ms", "at most"),
            (format!(r#"{good}, "on_failure": "panic""#), "store.on_failure", "`allow`, `deny`"),
            (format!(r#"{good}, "namespace": "a b""#), "store.namespace", "letters"),
            (format!(r#"{good}, "ttl": 1"#), "store.ttl", "unknown field"),
        ] {
            let error = store(&fields).expect_err(&fields);
            assert!(error.contains(path) && error.contains(hint), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    fn redis(url: &str, more: &str, has_redis: bool) -> Result<Store, String> {
        let json = format!(r#"{{"url": {url:?}, "api": "redis"{more}}}"#);
        let value = crate::json::Value::parse(json.as_bytes()).expect("JSON");
        let entry = <StoreEntry as Setting>::read(Node::root(&value)).map_err(|error| error.to_string())?;
        entry.read_with(Vars::default(), has_redis).map_err(|error| error.to_string())
    }

    #[test]
    fn redis_needs_a_host_that_has_it() {
        for (url, tls, authority, database) in [
            ("redis://127.0.0.1:6379", false, "127.0.0.1:6379", ""),
            ("rediss://cache.example/3", true, "cache.example", "/3"),
            ("redis://[::1]:6379/", false, "[::1]:6379", ""),
        ] {
            let store = redis(url, "", true).expect(url);
            assert_eq!((store.api, store.https), (StoreApi::Redis, tls), "{url}");
            assert_eq!((&*store.authority, &*store.base_path), (authority, database), "{url}");
            let error = redis(url, "", false).expect_err(url);
            assert!(error.contains("store.api") && error.contains("portcullis-spin.wasm"), "{error}");
        }
        for (url, more, path, hint) in [
            ("http://h", "", "store.url", "redis://"),
            ("redis://user:secret@h", "", "store.url", "`store.key`"),
            ("redis://h/name", "", "store.url", "database"),
            ("redis://h/1/2", "", "store.url", "database"),
            ("redis://h?x=1", "", "store.url", "no host"),
            ("redis://", "", "store.url", "no host"),
            ("redis://h", r#", "key": "secret""#, "store.key", "`:password`"),
            ("redis://h", r#", "timeout_ms": 50"#, "store.timeout_ms", "no timeout"),
        ] {
            let error = redis(url, more, true).expect_err(url);
            assert!(error.contains(path) && error.contains(hint), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
