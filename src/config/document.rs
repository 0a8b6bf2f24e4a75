//! `PORTCULLIS_CONFIG`: a JSON document for all that does not fit one line.
//!
//! Strict: an unknown or ill-typed field is an error that names its path.

use super::api::Api;
use super::engine::{Engine, ModelEngine};
use super::limits::{Limit, OwnLimit, repeated};
use super::node::{Node, Setting};
use super::plan::CachePolicy;
use super::price::Prices;
use super::raw::{PlanEntry, PolicyEntry, TargetEntry, UpstreamEntry};
use super::route::{Backend, Upstream};
use super::store::{Store, StoreEntry};
use super::vars::Vars;
use super::{ConfigError, Key};
use crate::cost::Price;
use crate::json::{Read, Reader, Value};
use std::fmt;

/// The document as it is written.
#[derive(Default)]
pub(super) struct Document {
    upstreams: Ordered<UpstreamEntry>,
    models: Ordered<ModelEntry>,
    keys: Vec<KeyEntry>,
    engine: Engine,
    price: Option<Price>,
    passthrough: Option<String>,
    route_headers: Option<bool>,
    store: Option<StoreEntry>,
    limits: Vec<Limit>,
    reserve_tokens: Option<u32>,
}

struct ModelEntry {
    targets: Option<Vec<TargetEntry>>,
    engine: Option<ModelEngine>,
    policy: Option<PolicyEntry>,
    retries: Option<u32>,
    deadline_ms: Option<u32>,
    hedge_ms: Option<u32>,
    price: Option<Price>,
    cache: Option<CachePolicy>,
}

struct KeyEntry {
    name: String,
    key: Option<String>,
    sha256: Option<String>,
    models: Option<Vec<String>>,
    limits: Vec<OwnLimit>,
    admin: bool,
}

pub(super) const SETTING: &str = "PORTCULLIS_CONFIG";

/// An error at a place in the document.
pub(super) fn wrong(path: impl fmt::Display, problem: impl fmt::Display) -> ConfigError {
    ConfigError::new(SETTING, format!("at `{path}`: {problem}."))
}

pub(super) fn parse(json: &str) -> Result<Document, ConfigError> {
    let mut reader = Reader::new(json);
    let value = Value::read(&mut reader);
    match (value, reader.end()) {
        (Ok(value), Ok(())) => Document::read(Node::root(&value)),
        _ => {
            let (line, column) = reader.position();
            Err(wrong(".", format_args!("it is no JSON from line {line}, column {column} on")))
        }
    }
}

impl Setting for Document {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&[
            "upstreams",
            "models",
            "keys",
            "engine",
            "price",
            "passthrough",
            "route_headers",
            "store",
            "limits",
            "reserve_tokens",
        ])?;
        Ok(Self {
            upstreams: fields.or_default("upstreams")?,
            models: fields.or_default("models")?,
            keys: fields.or_default("keys")?,
            engine: fields.or_default("engine")?,
            price: fields.maybe("price")?,
            passthrough: fields.maybe("passthrough")?,
            route_headers: fields.maybe("route_headers")?,
            store: fields.maybe("store")?,
            limits: fields.or_default("limits")?,
            reserve_tokens: fields.maybe("reserve_tokens")?,
        })
    }
}

impl Setting for ModelEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&[
            "targets",
            "engine",
            "policy",
            "retries",
            "deadline_ms",
            "hedge_ms",
            "price",
            "cache",
        ])?;
        Ok(Self {
            targets: fields.maybe("targets")?,
            engine: fields.maybe("engine")?,
            policy: fields.maybe("policy")?,
            retries: fields.maybe("retries")?,
            deadline_ms: fields.maybe("deadline_ms")?,
            hedge_ms: fields.maybe("hedge_ms")?,
            price: fields.maybe("price")?,
            cache: fields.maybe("cache")?,
        })
    }
}

impl Setting for KeyEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["name", "key", "sha256", "models", "limits", "admin"])?;
        Ok(Self {
            name: fields.needed("name")?,
            key: fields.maybe("key")?,
            sha256: fields.maybe("sha256")?,
            models: fields.maybe("models")?,
            limits: fields.or_default("limits")?,
            admin: fields.or_default("admin")?,
        })
    }
}

impl Document {
    pub(super) fn keys(&self, vars: Vars<'_>) -> Result<Vec<Key>, ConfigError> {
        let key = |(i, entry): (usize, &KeyEntry)| {
            let path = format!("keys[{i}]");
            let text = match (&entry.key, &entry.sha256) {
                (Some(text), None) => {
                    vars.secret(text, &format!("{SETTING} (`{path}.key`)"))?.expose().to_owned()
                }
                (None, Some(hex)) => format!("sha256:{hex}"),
                _ => return Err(wrong(path, "it needs either `key` or `sha256`")),
            };
            if let Some(model) = entry.models.iter().flatten().find(|model| model.matches('*').count() > 1) {
                let problem = format_args!("`{model}` has more than one `*`");
                return Err(wrong(format_args!("{path}.models"), problem));
            }
            let mut key = Key::parse(&*entry.name, &text).map_err(|why| wrong(&path, why))?;
            key.models = entry.models.clone();
            key.limits = entry.limits.iter().map(|own| own.0).collect();
            (key.admin, key.is_named) = (entry.admin, true);
            Ok(key)
        };
        self.keys.iter().enumerate().map(key).collect()
    }

    pub(super) fn upstreams(&self, vars: Vars<'_>) -> Result<Vec<Upstream>, ConfigError> {
        self.upstreams.0.iter().map(|(name, entry)| entry.read(name, vars)).collect()
    }

    /// The upstream that gets the paths the gateway does not know, if the document names one.
    pub(super) fn passthrough(&self, upstreams: &[Upstream]) -> Result<Option<usize>, ConfigError> {
        let Some(name) = &self.passthrough else { return Ok(None) };
        match upstreams.iter().enumerate().find(|(_, upstream)| upstream.name == *name) {
            Some((i, upstream)) if matches!(upstream.api, Api::OpenAi(_)) => Ok(Some(i)),
            Some(_) => {
                Err(wrong("passthrough", "what is not read cannot be translated: its `api` must be `openai`"))
            }
            None => Err(wrong("passthrough", format_args!("`{name}` is none of `upstreams`"))),
        }
    }

    /// The engine's settings, with the models' own values.
    pub(super) fn engine(&self) -> Result<Engine, ConfigError> {
        if let Some((path, problem)) = self.engine.problem() {
            return Err(wrong(path, problem));
        }
        let models =
            self.models.0.iter().filter_map(|(name, entry)| Some((name.clone(), entry.engine.clone()?)));
        Ok(Engine { models: models.collect(), ..self.engine.clone() })
    }

    pub(super) fn prices(&self) -> Prices {
        let models = self.models.0.iter().map(|(name, entry)| (name.clone(), entry.price));
        Prices { default: self.price, models: models.collect() }
    }

    /// Where state that outlives a request is kept, if the document names a place.
    pub(super) fn store(&self, vars: Vars<'_>) -> Result<Option<Store>, ConfigError> {
        self.store.as_ref().map(|entry| entry.read(vars)).transpose()
    }

    /// The limits of all callers.
    pub(super) fn limits(&self) -> Result<Vec<Limit>, ConfigError> {
        let own = self.keys.iter().position(|key| !key.limits.is_empty());
        let place = match own {
            Some(i) => Some(format!("keys[{i}].limits")),
            None => (!self.limits.is_empty()).then(|| "limits".to_owned()),
        };
        if let Some(place) = place.filter(|_| self.store.is_none()) {
            return Err(wrong(place, "limits need a `store`, where they are counted"));
        }
        let own = self.keys.iter().enumerate().map(|(i, key)| {
            let limits = key.limits.iter().map(|OwnLimit(limit)| *limit).collect();
            (format!("keys[{i}].limits"), limits)
        });
        for (place, limits) in std::iter::once(("limits".to_owned(), self.limits.clone())).chain(own) {
            if let Some(i) = repeated(&limits) {
                let why = "an entry before it has the same `per`, measure and window; of two such limits only the lower \
                           one has an effect";
                return Err(wrong(format_args!("{place}[{i}]"), why));
            }
        }
        Ok(self.limits.clone())
    }

    /// The output limit of requests that have none, where a limit of tokens or money applies.
    pub(super) fn reserve_tokens(&self) -> Result<Option<u32>, ConfigError> {
        match self.reserve_tokens {
            Some(0) => Err(wrong("reserve_tokens", "it is 1 or more")),
            given => Ok(given),
        }
    }

    pub(super) fn route_headers(&self) -> bool {
        self.route_headers.unwrap_or(true)
    }

    pub(super) fn models(&self, upstreams: &[Upstream]) -> Result<Vec<(String, Backend)>, ConfigError> {
        let backend = |(model, entry): &(String, ModelEntry)| {
            let path = format!("models.{model}");
            if model.matches('*').count() > 1 {
                return Err(wrong(path, "a name has at most one `*`"));
            }
            if entry.cache.is_some() && self.store.is_none() {
                return Err(wrong(
                    format_args!("{path}.cache"),
                    "answers are kept in the `store`, and there is none",
                ));
            }
            let plan = PlanEntry {
                policy: entry.policy,
                retries: entry.retries,
                deadline_ms: entry.deadline_ms,
                hedge_ms: entry.hedge_ms,
                cache: entry.cache,
            };
            let backend = match (entry.targets.as_deref(), &entry.engine) {
                (Some(targets), None) => Backend::Upstream(plan.read(model, targets, upstreams, &path)?),
                (None, Some(_)) if plan == PlanEntry::default() => Backend::Engine,
                (None, Some(_)) => {
                    return Err(wrong(
                        path,
                        "`policy`, `retries`, `deadline_ms`, `hedge_ms` and `cache` are for `targets`",
                    ));
                }
                _ => return Err(wrong(path, "it needs either `targets` or `engine`")),
            };
            Ok((model.clone(), backend))
        };
        self.models.0.iter().map(backend).collect()
    }
}

/// A JSON object whose order counts and whose names are unique.
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Setting> Setting for Ordered<T> {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let entry = |(name, at): (&str, Node<'_>)| Ok((name.to_owned(), T::read(at)?));
        at.entries()?.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{AnthropicApi, Api, AzureApi, Backend, Config, Plan, Policy, Target};
    use std::time::Duration;

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
        let to = |name: &str, upstream, model: Option<&str>| {
            let target = Target { upstream, model: model.map(str::to_owned), weight: 1, price: None };
            Backend::Upstream(Plan {
                pattern: name.to_owned(),
                targets: vec![target],
                ..Plan::to_one(upstream)
            })
        };
        assert_eq!(
            config.served.named,
            [
                ("gpt-4o".to_owned(), to("gpt-4o", 1, None)),
                ("fast".to_owned(), to("fast", 0, Some("qwen3:4b"))),
                ("mock".to_owned(), Backend::Engine),
            ]
        );
        assert_eq!(config.served.others, None);
        assert_eq!(config.upstreams[1].key.as_ref().map(|k| k.expose()), Some("sk-up-secret"));
        assert!(config.keys[0].opens("mock") && !config.keys[0].opens("gpt-4o"));
    }

    #[test]
    fn a_model_may_have_several_targets() {
        let config = config(
            r#"{"upstreams": {
                  "az": {"url": "https://r.openai.azure.com", "api": "azure", "api_version": "2025-01-01-preview"},
                  "claude": {"url": "https://api.anthropic.com/v1", "api": "anthropic", "max_tokens": 1000},
                  "local": {"url": "http://h/v1", "splice": true}},
                "models": {
                  "llama*": {"targets": [{"upstream": "local", "weight": 0}, {"upstream": "az", "model": "x-*"}],
                             "policy": "weighted", "retries": 4, "deadline_ms": 9000, "hedge_ms": 300},
                  "b": {"targets": [{"upstream": "az"}, {"upstream": "claude"}, {"upstream": "local"}]}},
                "keys": [{"name": "k", "key": "sk", "models": ["llama*"]}],
                "passthrough": "local", "route_headers": false}"#,
        )
        .expect("valid");
        let Some((Backend::Upstream(plan), true)) = config.served.find("llama3") else { panic!("served") };
        let target = |upstream, model: Option<&str>, weight| Target {
            upstream,
            model: model.map(str::to_owned),
            weight,
            price: None,
        };
        assert_eq!(plan.targets, [target(2, None, 0), target(0, Some("x-*"), 1)]);
        assert_eq!((plan.policy, plan.retries), (Policy::Weighted, 4));
        assert_eq!(
            (plan.deadline, plan.hedge),
            (Some(Duration::from_millis(9000)), Some(Duration::from_millis(300)))
        );
        let Some((Backend::Upstream(plan), true)) = config.served.find("b") else { panic!("served") };
        assert_eq!((plan.policy, plan.retries), (Policy::Failover, 0));
        assert_eq!(config.served.listed().collect::<Vec<_>>(), ["b"]);
        assert!(config.keys[0].opens("llama3") && !config.keys[0].opens("b"));
        assert_eq!((config.passthrough, config.route_headers), (Some(2), false));
        assert_eq!(
            config.upstreams[0].api,
            Api::Azure(AzureApi { version: "2025-01-01-preview".into(), responses: true })
        );
        assert_eq!(
            config.upstreams[1].api,
            Api::Anthropic(AnthropicApi { version: "2023-06-01".into(), max_tokens: 1000 })
        );
        assert!(config.upstreams[2].splice);
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        for (model, path, hint) in [
            (r#""m": {"targets": []}"#, "models.m.targets", "needs an entry"),
            (
                r#""m": {"targets": [{"upstream": "a", "weight": 2}]}"#,
                "models.m.targets[0].weight",
                "weighted",
            ),
            (
                r#""m": {"targets": [{"upstream": "a", "weight": 0}], "policy": "weighted"}"#,
                "models.m.targets",
                "above 0",
            ),
            (r#""m": {"targets": [{"upstream": "a"}], "hedge_ms": 5}"#, "models.m.hedge_ms", "second"),
            (r#""m": {"targets": [{"upstream": "a"}], "retries": 11}"#, "models.m.retries", "at most 10"),
            (
                r#""m": {"targets": [{"upstream": "a"}], "retries": -1}"#,
                "models.m.retries",
                "0 to 4294967295",
            ),
            (
                r#""m": {"targets": [{"upstream": "a"}], "deadline_ms": 0}"#,
                "models.m.deadline_ms",
                "1 or more",
            ),
            (r#""m": {"targets": [{"upstream": "a"}], "policy": "random"}"#, "models.m.policy", "failover"),
            (r#""m": {"targets": [{"upstream": "a", "model": "x*"}]}"#, "models.m.targets[0].model", "`*`"),
            (r#""m": {"engine": {}, "retries": 1}"#, "models.m", "`targets`"),
            (r#""m": {"engine": {}, "cache": {"ttl_s": 1}}"#, "models.m.cache", "`store`"),
            (r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 1}}"#, "models.m.cache", "`store`"),
            (r#""m": {"targets": [{"upstream": "a"}], "cache": {}}"#, "models.m.cache", "`ttl_s`"),
            (r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 0}}"#, "models.m.cache", "from 1"),
            (
                r#""m": {"targets": [{"upstream": "a"}], "cache": {"ttl_s": 1, "x": 1}}"#,
                "models.m.cache.x",
                "`shared`",
            ),
            (r#""a*b*": {"engine": {}}"#, "models.a*b*", "one `*`"),
        ] {
            let json = format!(r#"{{"upstreams": {{"a": {{"url": "http://h"}}}}, "models": {{{model}}}}}"#);
            let error = config(&json).expect_err(&json);
            assert!(error.contains(path) && error.contains(hint), "{error}");
        }
    }

    #[test]
    fn an_upstream_that_makes_no_sense_is_refused() {
        for (fields, path, hint) in [
            (r#""api": "cohere""#, "upstreams.a.api", "anthropic"),
            (r#""api_version": "1""#, "upstreams.a.api_version", "has none"),
            (r#""api": "azure", "api_version": "1&x=2""#, "upstreams.a.api_version", "looks like"),
            (r#""max_tokens": 5"#, "upstreams.a.max_tokens", "anthropic"),
            (r#""api": "anthropic", "responses": true"#, "upstreams.a.responses", "no Responses"),
            (r#""api": "anthropic", "max_tokens": 0"#, "upstreams.a.max_tokens", "1 or more"),
            (r#""api": "anthropic", "splice": true"#, "upstreams.a.splice", "read"),
            (r#""timeouts": {"connect_ms": 0}"#, "upstreams.a.timeouts.connect_ms", "1 or more"),
        ] {
            let json = format!(r#"{{"upstreams": {{"a": {{"url": "http://h", {fields}}}}}}}"#);
            let error = config(&json).expect_err(&json);
            assert!(error.contains(path) && error.contains(hint), "{error}");
        }
        for (json, hint) in [
            (r#"{"upstreams": {"a b": {"url": "http://h"}}}"#, "visible ASCII"),
            (r#"{"passthrough": "x"}"#, "none of"),
            (
                r#"{"upstreams": {"a": {"url": "http://h", "api": "azure"}}, "passthrough": "a"}"#,
                "must be `openai`",
            ),
        ] {
            let error = config(json).expect_err(json);
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn an_error_names_the_path_and_no_secret() {
        for (json, path, hint) in [
            ("{", ".", "line 1, column 2"),
            ("{}\n {}", ".", "line 2, column 2"),
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
            (
                r#"{"upstreams": {"a": {"url": "http://h", "headers": {"Proxy-Authorization": "x"}}}}"#,
                "headers.Proxy-Authorization",
                "not the",
            ),
            (r#"{"upstreams": {"a": {"url": "http://h"}, "a": {"url": "http://h"}}}"#, "upstreams", "twice"),
            (r#"{"models": {"m": {"targets": [{"upstream": "x"}]}}}"#, "models.m.targets[0].upstream", "`x`"),
            (r#"{"models": {"m": {}}}"#, "models.m", "either"),
            (r#"{"models": {"m": {"engine": {"reply": "sing"}}}}"#, "models.m.engine.reply", "echo"),
            (r#"{"keys": [{"name": "a"}]}"#, "keys[0]", "either"),
            (r#"{"keys": [{"name": "a", "sha256": "12"}]}"#, "keys[0]", "64"),
            (r#"{"keys": [{"name": "a", "key": "$NOPE"}]}"#, "keys[0].key", "$NOPE"),
            (r#"{"keys": [{"name": "a", "key": "k", "models": ["b", "*c*"]}]}"#, "keys[0].models", "`*c*`"),
            (
                r#"{"upstreams": {"a": {"url": "http://h", "headers": {"X-A": "x", "X-B": "$NOPE"}}}}"#,
                "upstreams.a.headers.X-B",
                "$NOPE",
            ),
        ] {
            let error = config(json).expect_err(json);
            assert!(error.contains("PORTCULLIS_CONFIG") && error.contains(path), "{error}");
            assert!(error.contains(hint) && !error.contains("secret"), "{error}");
        }
    }
}
