//! `store`: where state that outlives a request is kept.

use super::document::SETTING;
use super::node::{Node, Setting};
use super::route::Upstream;
use super::vars::Vars;
use super::{ConfigError, Secret};
use crate::config::document::wrong;
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
    /// What stands before the protocol's own path; no slash at its end.
    pub base_path: String,
    /// Its credentials: a bearer token, or `user:password` for webdis.
    pub key: Option<Secret>,
    /// How long one command may take, from connecting to the last byte of its reply.
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
}

/// What happens to a request that needs the store while it does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is served without limits.
    Allow,
    /// It gets a 503.
    Deny,
}

/// `store` as it is written.
pub(super) struct StoreEntry {
    url: String,
    api: StoreApi,
    key: Option<String>,
    timeout_ms: Option<u32>,
    on_failure: Option<OnFailure>,
    namespace: Option<String>,
}

/// How long a command may take by default, in milliseconds: over plain HTTP, which stays within a network, and over TLS.
const TIMEOUT_MS: (u32, u32) = (50, 500);

/// No request is to wait longer for its limits.
const MAX_TIMEOUT_MS: u32 = 60_000;

impl Setting for StoreEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["url", "api", "key", "timeout_ms", "on_failure", "namespace"])?;
        Ok(Self {
            url: fields.needed("url")?,
            api: fields.needed("api")?,
            key: fields.maybe("key")?,
            timeout_ms: fields.maybe("timeout_ms")?,
            on_failure: fields.maybe("on_failure")?,
            namespace: fields.maybe("namespace")?,
        })
    }
}

impl Setting for StoreApi {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("upstash", Self::Upstash), ("webdis", Self::Webdis)])
    }
}

impl Setting for OnFailure {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("allow", Self::Allow), ("deny", Self::Deny)])
    }
}

impl StoreEntry {
    pub(super) fn read(&self, vars: Vars<'_>) -> Result<Store, ConfigError> {
        let setting = |field: &str| format!("{SETTING} (`store.{field}`)");
        let Upstream { https, authority, base_path, .. } =
            Upstream::from_url("store", &self.url, &setting("url"))?;
        let key = self.key.as_deref().map(|text| vars.secret(text, &setting("key"))).transpose()?;
        if self.api == StoreApi::Webdis && key.as_ref().is_some_and(|key| !key.expose().contains(':')) {
            return Err(wrong("store.key", "for `webdis` it looks like `user:password`"));
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
            (r#""url": "http://h", "api": "redis""#.to_owned(), "store.api", "`upstash`, `webdis`"),
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
}
