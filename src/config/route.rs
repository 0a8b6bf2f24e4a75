//! Which backend serves which model.

use super::api::Api;
use super::plan::{Plan, most_specific};
use super::{ConfigError, Secret};
use crate::transport::Timeouts;

/// The models that are served, and the backend of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// The models the operator named, in the order they were named. A name may have one `*`.
    pub named: Vec<(String, Backend)>,
    /// The backend of a model that is not named; `None`: such a model does not exist.
    pub others: Option<Backend>,
}

/// What answers for a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Backend {
    /// The built-in engine.
    Engine,
    /// Upstreams.
    Upstream(Plan),
}

impl Served {
    /// The backend of a model.
    pub fn find(&self, model: &str) -> Option<&Backend> {
        most_specific(&self.named, model).or(self.others.as_ref())
    }

    /// Whether the operator named the model, itself or by a pattern.
    pub fn names(&self, model: &str) -> bool {
        most_specific(&self.named, model).is_some()
    }

    /// Whether the operator named the model itself, rather than by a pattern.
    pub fn names_exactly(&self, model: &str) -> bool {
        self.named.iter().any(|(name, _)| name == model)
    }

    /// Whether the engine serves models that the operator named by a pattern.
    pub fn has_engine_patterns(&self) -> bool {
        self.named.iter().any(|(name, backend)| name.contains('*') && *backend == Backend::Engine)
    }

    /// Why a model is not served, for the log.
    pub fn why_not(&self) -> &'static str {
        match (self.are_named(), &self.others) {
            (false, _) => {
                "the engine serves its default models; name others, or `*` for every name, in PORTCULLIS_MODELS"
            }
            (true, None) => {
                "PORTCULLIS_MODELS or PORTCULLIS_CONFIG name models, and this one is not among them; `*` stands for \
                 every name"
            }
            (true, Some(_)) => "the key may not use the model, or the endpoint does not serve it",
        }
    }

    /// The models that can be listed: a pattern is none.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| &**name).filter(|name| !name.contains('*'))
    }

    /// Whether the operator named any model.
    pub fn are_named(&self) -> bool {
        !self.named.is_empty()
    }
}

/// One LLM endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// Its name in the configuration and the log.
    pub name: String,
    /// Whether it is reached by TLS.
    pub https: bool,
    /// Host and port, as in the URL.
    pub authority: String,
    /// What stands before `/chat/completions`; no slash at its end.
    pub base_path: String,
    /// Its API.
    pub api: Api,
    /// Whether its streams go to the caller unread.
    pub splice: bool,
    /// Its key.
    pub key: Option<Secret>,
    /// Header fields that are sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// How long it may take.
    pub timeouts: Timeouts,
}

impl Upstream {
    /// Reads a base URL such as `http://127.0.0.1:11434/v1`.
    pub(super) fn from_url(name: &str, url: &str, setting: &str) -> Result<Self, ConfigError> {
        let wrong = |why: &str| {
            ConfigError::new(setting, format!("{why}; a base URL looks like `http://127.0.0.1:11434/v1`."))
        };
        let (https, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(wrong("it starts with neither `http://` nor `https://`")),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("credentials do not belong into the URL but into the upstream's key"));
        }
        if !is_authority(authority) {
            return Err(wrong("it names no host"));
        }
        if !path.bytes().all(|b| b.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&b)) {
            return Err(wrong("after the host it may have a path, but no query, fragment or space"));
        }
        Ok(Self {
            name: name.to_owned(),
            https,
            authority: authority.to_owned(),
            base_path: path.trim_end_matches('/').to_owned(),
            api: Api::openai_at(authority),
            splice: false,
            key: None,
            headers: Vec::new(),
            timeouts: Timeouts::default(),
        })
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port` (RFC 3986, section 3.2, without user information).
pub(super) fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((v6, port)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => (v6, port),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let name = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    let port_ok = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    !host.is_empty() && host.bytes().all(name) && port_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_comes_apart() {
        for (url, want) in [
            ("http://127.0.0.1:11434/v1", (false, "127.0.0.1:11434", "/v1")),
            ("https://api.openai.com/v1/", (true, "api.openai.com", "/v1")),
            ("http://[::1]:8080", (false, "[::1]:8080", "")),
            ("http://ollama/", (false, "ollama", "")),
        ] {
            let up = Upstream::from_url("u", url, "S").expect(url);
            assert_eq!((up.https, &*up.authority, &*up.base_path), want, "{url}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_by_name() {
        for url in [
            "",
            "127.0.0.1:11434",
            "ftp://host/v1",
            "http://",
            "http:///v1",
            "http://host:port/v1",
            "http://host:99999/v1",
            "http://user:pw@host/v1",
            "http://host/v1?x=1",
            "http://host/v 1",
            "http://ho\r\nst/v1",
            "http://[::g]/v1",
        ] {
            let error = Upstream::from_url("u", url, "PORTCULLIS_UPSTREAM_URL").expect_err(url).to_string();
            assert!(error.contains("PORTCULLIS_UPSTREAM_URL") && !error.contains("pw@"), "{error}");
        }
    }
}
