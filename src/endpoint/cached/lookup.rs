//! [`Lookup`]: the key of a request, and the answer that the cache has for it.

use super::{Cached, EntryLocation};
use crate::cache::{Key, KeyInput};
use crate::config::{CachePolicy, Plan};
use crate::encode;
use crate::encode::convert::{addressed, includes_usage, is_complete, stream};
use crate::endpoint::Call;
use crate::endpoint::resolve::Validated;
use crate::http::{Body, Response};
use crate::log::Record;
use crate::model::Endpoint;
use crate::router;
use crate::store::Store;
use crate::transport::Transport;

/// Looks up the answer to one request.
pub(super) struct Lookup<'a, T> {
    pub(super) call: &'a Call<'a, T>,
    pub(super) plan: &'a Plan,
    pub(super) policy: CachePolicy,
    pub(super) valid: &'a Validated<'a>,
    pub(super) api: Endpoint,
}

impl<T: Transport> Lookup<'_, T> {
    pub(super) fn run(&self, store: &Store<'_, T>, streams: bool, record: &mut Record) -> Cached<T::Body> {
        let control = self.call.request.headers.get("cache-control");
        let control = CacheControl::of(control.as_deref().unwrap_or_default());
        let key = match self.key() {
            Some(key) if control != CacheControl::NoStore => {
                store.settings().key_name("cache", &[&key.to_string()], "")
            }
            _ => return Cached::Bypass,
        };
        let location = EntryLocation { key, ttl: self.policy.ttl.as_secs(), api: self.api };
        if control == CacheControl::NoCache {
            return Cached::Miss(location);
        }
        match store.execute(&["GET", &location.key]) {
            Ok(reply) => match reply.text().and_then(|answer| self.answer(answer.as_bytes(), streams)) {
                Some(response) => {
                    record.target = Some("cache".to_owned());
                    Cached::Hit(response)
                }
                None => Cached::Miss(location),
            },
            Err(error) => {
                record.store_failure = Some(error.to_string());
                Cached::Bypass
            }
        }
    }

    /// The request's key; `None` where its body has no canonical form.
    fn key(&self) -> Option<Key> {
        let Validated { resolved, body, .. } = self.valid;
        let model = &*resolved.model;
        let upstreams = &self.call.config.upstreams;
        let targets: Vec<_> = self
            .plan
            .targets
            .iter()
            .map(|target| {
                let name = self.plan.name_at(target, model).map_or_else(|| model.to_owned(), Into::into);
                (&*target.upstream_in(upstreams).name, name)
            })
            .collect();
        let targets: Vec<_> = targets.iter().map(|(upstream, name)| (*upstream, &**name)).collect();
        let request = self.call.request;
        let versions = ["anthropic-version", "anthropic-beta"].map(|name| request.headers.get(name));
        let identity = (!self.policy.shared).then(|| self.call.caller.identity());
        let query = router::upstream_query(&request.path, request.query.as_deref());
        let input = KeyInput {
            endpoint: match self.api {
                Endpoint::Completions => "/v1/completions",
                Endpoint::Responses => "/v1/responses",
                Endpoint::Messages => "/v1/messages",
                _ => "/v1/chat/completions",
            },
            model,
            targets: &targets,
            caller: identity.as_deref(),
            query: query.as_deref(),
            versions: [versions[0].as_deref(), versions[1].as_deref()],
            body,
        };
        Key::of(&input).ok()
    }

    /// A kept answer as the request has it; `None` where it is none of this endpoint's.
    fn answer(&self, kept: &[u8], streams: bool) -> Option<Response<T::Body>> {
        let own = match self.api {
            Endpoint::Responses => Some(addressed(kept, self.valid.body)?),
            _ => None,
        };
        let answer = own.as_deref().unwrap_or(kept);
        if !is_complete(self.api, answer) {
            return None;
        }
        if !streams {
            return Some(encode::json_bytes(200, answer.to_vec()));
        }
        let events = stream(self.api, answer, includes_usage(self.valid.body))?;
        Some(encode::event_stream(Body::Full(events)))
    }
}

/// What a request's `cache-control` (RFC 9111, section 5.2.1) has for this cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CacheControl {
    None,
    /// `no-cache`: the answer is to be a new one.
    NoCache,
    /// `no-store`: nothing of the request or its answer is to be kept.
    NoStore,
}

impl CacheControl {
    fn of(cache_control: &str) -> Self {
        let has = |name: &str| {
            let mut directives = cache_control.split(',').map(str::trim);
            directives
                .any(|one| one.split('=').next().is_some_and(|own| own.trim().eq_ignore_ascii_case(name)))
        };
        match (has("no-store"), has("no-cache")) {
            (true, _) => Self::NoStore,
            (false, true) => Self::NoCache,
            (false, false) => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_from_a_list() {
        for (value, want) in [
            ("", CacheControl::None),
            ("max-age=0", CacheControl::None),
            ("no-cache", CacheControl::NoCache),
            ("max-age=0, No-Cache", CacheControl::NoCache),
            ("no-cache , no-store", CacheControl::NoStore),
            ("no-cache=\"x\"", CacheControl::NoCache),
            ("no-cachet", CacheControl::None),
        ] {
            assert_eq!(CacheControl::of(value), want, "{value}");
        }
    }
}
