//! `PORTCULLIS_CONFIG`: a JSON document for all that does not fit one line, and what must fit together in it.
//!
//! Strict: an unknown or ill-typed field is an error that names its path.

use super::api::Api;
use super::engine::Engine;
use super::entries::{KeyEntry, ModelEntry, UpstreamEntry};
use super::limits::{Limit, OwnLimit, repeated};
use super::node::{Node, Ordered, Setting, settings, wrong};
use super::price::Prices;
use super::route::{Backend, Upstream};
use super::store::{Store, StoreEntry};
use super::vars::Vars;
use super::{ConfigError, Key};
use crate::cost::Price;
use crate::json::{Read, Reader, Value};

settings! {
    /// The document as it is written.
    #[derive(Default)]
    pub(super) struct Document {
        upstreams: Ordered<UpstreamEntry> = or_default,
        models: Ordered<ModelEntry> = or_default,
        keys: Vec<KeyEntry> = or_default,
        engine: Engine = or_default,
        price: Option<Price> = maybe,
        passthrough: Option<String> = maybe,
        route_headers: Option<bool> = maybe,
        store: Option<StoreEntry> = maybe,
        limits: Vec<Limit> = or_default,
        reserve_tokens: Option<u32> = maybe,
    }
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

impl Document {
    pub(super) fn keys(&self, vars: Vars<'_>) -> Result<Vec<Key>, ConfigError> {
        let key = |(i, entry): (usize, &KeyEntry)| entry.read(&format!("keys[{i}]"), vars);
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
            if model.matches('*').count() > 1 {
                return Err(wrong(format_args!("models.{model}"), "a name has at most one `*`"));
            }
            if entry.cache.is_some() && self.store.is_none() {
                let problem = "answers are kept in the `store`, and there is none";
                return Err(wrong(format_args!("models.{model}.cache"), problem));
            }
            Ok((model.clone(), entry.read(model, upstreams)?))
        };
        self.models.0.iter().map(backend).collect()
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
