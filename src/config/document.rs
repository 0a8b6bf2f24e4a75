//! `PORTCULLIS_CONFIG`: a JSON document for all that one line cannot say.
//!
//! Strict: an unknown or ill-typed field is an error that names its path.

use super::engine::{Engine, ModelEngine};
use super::route::{Backend, Target, Timeouts, Upstream};
use super::vars::Vars;
use super::{ConfigError, Key};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// The document as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    upstreams: Ordered<UpstreamEntry>,
    models: Ordered<ModelEntry>,
    keys: Vec<KeyEntry>,
    engine: Engine,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamEntry {
    url: String,
    key: Option<String>,
    #[serde(default)]
    headers: Ordered<String>,
    #[serde(default)]
    timeouts: TimeoutsEntry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TimeoutsEntry {
    connect_ms: Option<u32>,
    first_byte_ms: Option<u32>,
    between_bytes_ms: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    targets: Option<Vec<TargetEntry>>,
    engine: Option<ModelEngine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    upstream: String,
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    name: String,
    key: Option<String>,
    sha256: Option<String>,
    models: Option<Vec<String>>,
}

const SETTING: &str = "PORTCULLIS_CONFIG";

/// An error at a place in the document.
fn wrong(path: impl fmt::Display, problem: impl fmt::Display) -> ConfigError {
    ConfigError::new(SETTING, format!("at `{path}`: {problem}."))
}

pub(super) fn parse(json: &str) -> Result<Document, ConfigError> {
    let mut json = serde_json::Deserializer::from_str(json);
    let document = serde_path_to_error::deserialize(&mut json).map_err(|e| wrong(e.path(), e.inner()))?;
    json.end().map_err(|e| wrong(".", e))?;
    Ok(document)
}

impl Document {
    pub(super) fn keys(&self, vars: Vars<'_>) -> Result<Vec<Key>, ConfigError> {
        let key = |(i, entry): (usize, &KeyEntry)| {
            let path = format!("keys[{i}]");
            let text = match (&entry.key, &entry.sha256) {
                (Some(text), None) => vars.secret(text, SETTING)?.expose().to_owned(),
                (None, Some(hex)) => format!("sha256:{hex}"),
                _ => return Err(wrong(path, "it needs either `key` or `sha256`")),
            };
            let mut key = Key::parse(&*entry.name, &text).map_err(|why| wrong(&path, why))?;
            key.models = entry.models.clone();
            Ok(key)
        };
        self.keys.iter().enumerate().map(key).collect()
    }

    pub(super) fn upstreams(&self, vars: Vars<'_>) -> Result<Vec<Upstream>, ConfigError> {
        let upstream = |(name, entry): &(String, UpstreamEntry)| {
            let setting = format!("{SETTING} (`upstreams.{name}.url`)");
            let mut upstream = Upstream::from_url(name, &entry.url, &setting)?;
            let path = |field: &str| format!("{SETTING} (`upstreams.{name}.{field}`)");
            upstream.key = entry.key.as_deref().map(|text| vars.secret(text, &path("key"))).transpose()?;
            for (field, value) in &entry.headers.0 {
                if !is_settable(field) {
                    let path = format!("upstreams.{name}.headers.{field}");
                    return Err(wrong(path, "this header field is not the operator's to set"));
                }
                upstream.headers.push((field.clone(), vars.secret(value, &path("headers"))?));
            }
            let ms = |ms: Option<u32>| ms.map(|ms| Duration::from_millis(ms.into()));
            upstream.timeouts = Timeouts {
                connect: ms(entry.timeouts.connect_ms),
                first_byte: ms(entry.timeouts.first_byte_ms),
                between_bytes: ms(entry.timeouts.between_bytes_ms),
            };
            Ok(upstream)
        };
        self.upstreams.0.iter().map(upstream).collect()
    }

    /// The engine's settings, with what its models say otherwise.
    pub(super) fn engine(&self) -> Result<Engine, ConfigError> {
        if let Some((path, problem)) = self.engine.problem() {
            return Err(wrong(path, problem));
        }
        let models =
            self.models.0.iter().filter_map(|(name, entry)| Some((name.clone(), entry.engine.clone()?)));
        Ok(Engine { models: models.collect(), ..self.engine.clone() })
    }

    pub(super) fn models(&self, upstreams: &[Upstream]) -> Result<Vec<(String, Backend)>, ConfigError> {
        let backend = |(model, entry): &(String, ModelEntry)| {
            let path = format!("models.{model}");
            let backend = match (entry.targets.as_deref(), &entry.engine) {
                (None, Some(_)) => Backend::Engine,
                (Some([target]), None) => Backend::Upstream(Target {
                    upstream: upstreams.iter().position(|u| u.name == target.upstream).ok_or_else(|| {
                        wrong(
                            format!("{path}.targets[0].upstream"),
                            format!("`{}` is none of `upstreams`", target.upstream),
                        )
                    })?,
                    model: target.model.clone(),
                }),
                (Some(_), None) => return Err(wrong(path, "`targets` takes exactly one entry")),
                _ => return Err(wrong(path, "it needs either `targets` or `engine`")),
            };
            Ok((model.clone(), backend))
        };
        self.models.0.iter().map(backend).collect()
    }
}

/// Whether an operator may set a field: a token (RFC 9110, section 5.6.2) that frames no message.
fn is_settable(field: &str) -> bool {
    const FRAMING: [&str; 11] = [
        "connection",
        "content-length",
        "content-type",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !field.is_empty() && field.bytes().all(token) && !FRAMING.iter().any(|f| f.eq_ignore_ascii_case(field))
}

/// A JSON object whose order counts and whose names are unique.
#[derive(Debug)]
struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut names = std::collections::HashSet::new();
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format_args!("`{name}` stands here twice")));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Backend, Config, Target};

    fn config(json: &str) -> Result<Config, String> {
        let vars = [("PORTCULLIS_CONFIG", json), ("OPENAI_KEY", "sk-up-secret"), ("BROKEN", "a\nb")];
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Config::from_vars(&vars).map_err(|e| e.to_string())
    }

    #[test]
    fn a_document_routes_models() {
        let config = config(
            r#"{"upstreams": {
                  "local": {"url": "http://127.0.0.1:11434/v1"},
                  "openai": {"url": "https://api.openai.com/v1", "key": "$OPENAI_KEY",
                             "headers": {"OpenAI-Organization": "org-1"}, "timeouts": {"connect_ms": 2000}}},
                "models": {
                  "gpt-4o": {"targets": [{"upstream": "openai"}]},
                  "fast": {"targets": [{"upstream": "local", "model": "qwen3:4b"}]},
                  "mock": {"engine": {"reply": "echo"}}},
                "keys": [{"name": "ci", "key": "$OPENAI_KEY", "models": ["mock"]}]}"#,
        )
        .expect("valid");
        let to = |upstream, model: Option<&str>| {
            Backend::Upstream(Target { upstream, model: model.map(str::to_owned) })
        };
        assert_eq!(
            config.served.named,
            [
                ("gpt-4o".to_owned(), to(1, None)),
                ("fast".to_owned(), to(0, Some("qwen3:4b"))),
                ("mock".to_owned(), Backend::Engine),
            ]
        );
        assert_eq!(config.served.others, None);
        assert_eq!(config.upstreams[1].key.as_ref().map(|k| k.expose()), Some("sk-up-secret"));
        assert!(config.keys[0].opens("mock") && !config.keys[0].opens("gpt-4o"));
    }

    #[test]
    fn an_error_names_the_path_and_no_secret() {
        for (json, path, hint) in [
            ("{", ".", "EOF"),
            ("{} {}", ".", "trailing"),
            (r#"{"model": {}}"#, "model", "unknown field"),
            (r#"{"upstreams": {"a": {"url": 1}}}"#, "upstreams.a.url", "a string"),
            (r#"{"upstreams": {"a": {"url": "h"}}}"#, "upstreams.a.url", "http://"),
            (r#"{"upstreams": {"a": {"url": "http://h", "key": "$NOPE"}}}"#, "upstreams.a.key", "$NOPE"),
            (
                r#"{"upstreams": {"a": {"url": "http://h", "key": "$BROKEN"}}}"#,
                "upstreams.a.key",
                "character",
            ),
            (
                r#"{"upstreams": {"a": {"url": "http://h", "headers": {"Host": "x"}}}}"#,
                "headers.Host",
                "not the",
            ),
            (r#"{"upstreams": {"a": {"url": "http://h"}, "a": {"url": "http://h"}}}"#, "upstreams", "twice"),
            (r#"{"models": {"m": {"targets": [{"upstream": "x"}]}}}"#, "models.m.targets[0].upstream", "`x`"),
            (r#"{"models": {"m": {}}}"#, "models.m", "either"),
            (r#"{"models": {"m": {"engine": {"reply": "sing"}}}}"#, "models.m.engine.reply", "echo"),
            (r#"{"keys": [{"name": "a"}]}"#, "keys[0]", "either"),
            (r#"{"keys": [{"name": "a", "sha256": "12"}]}"#, "keys[0]", "64"),
        ] {
            let error = config(json).expect_err(json);
            assert!(error.contains("PORTCULLIS_CONFIG") && error.contains(path), "{error}");
            assert!(error.contains(hint) && !error.contains("secret"), "{error}");
        }
    }
}
