//! Looks answers up in the cache, and stores them there.

use super::Call;
use super::generation::Generation;
use super::resolve::Validated;
use crate::cache::{Key, KeyInput};
use crate::config::{Backend, CachePolicy, Plan};
use crate::encode;
use crate::encode::convert::{Gatherer, LONGEST, addressed, includes_usage, is_complete, stream};
use crate::http::{Body, BodyItem, Response};
use crate::log::{CacheStatus, PendingEntry, Record};
use crate::model::Endpoint;
use crate::router;
use crate::store::Store;
use crate::transport::Transport;
use crate::turn::UsageMeter;
use std::cell::RefCell;
use std::rc::Rc;

/// What the cache has for a request.
pub(super) enum Cached<B> {
    /// Its answer.
    Hit(Response<B>),
    /// Nothing yet.
    Miss(EntryLocation),
    /// The request is not cacheable.
    Bypass,
}

/// Where the cache's entry for a request is.
pub(super) struct EntryLocation {
    key: String,
    ttl: u64,
    api: Endpoint,
}

impl EntryLocation {
    /// Gathers the response's body on its way, so that [`store_entry`] has the answer.
    pub(super) fn gather<B: 'static>(self, response: Response<B>, record: &mut Record) -> Response<B> {
        if response.status != 200 {
            return response;
        }
        let answer = Rc::new(RefCell::new(None));
        let body = match response.body {
            Body::Full(bytes) => {
                if bytes.len() <= LONGEST {
                    *answer.borrow_mut() = Some(bytes.clone());
                }
                Body::Full(bytes)
            }
            Body::Stream(items) => {
                let label = response.headers.get("content-type").unwrap_or_default();
                let gathering = match label.starts_with("text/event-stream") {
                    true => Gathering::Events(Gatherer::new(self.api)),
                    false => Gathering::Pieces(Vec::new()),
                };
                let meter = record.usage.clone();
                Body::Stream(Box::new(Tee { items, gathering, meter, answer: Rc::clone(&answer) }))
            }
            relay @ Body::Relay(_) => return Response { body: relay, ..response },
        };
        record.pending_entry = Some(PendingEntry { key: self.key, ttl: self.ttl, api: self.api, answer });
        Response { body, ..response }
    }
}

/// Looks up the answer to a request. The record gets the result, if answers of the request's model are kept.
pub(super) fn look_up<T: Transport, G: Generation>(
    call: &Call<'_, T>,
    valid: &Validated<'_>,
    generation: &G,
    record: &mut Record,
) -> Cached<T::Body> {
    let Backend::Upstream(plan) = valid.resolved.backend else { return Cached::Bypass };
    let (Some(policy), Some(settings)) = (plan.cache, &call.config.store) else { return Cached::Bypass };
    let store = Store::new(settings, call.transport, call.ctx.elapsed);
    let lookup = Lookup { call, plan, policy, valid, api: G::API };
    let found = match generation.is_cacheable() {
        true => lookup.run(&store, generation.streams(), record),
        false => Cached::Bypass,
    };
    record.cache = Some(match found {
        Cached::Hit(_) => CacheStatus::Hit,
        Cached::Miss(_) => CacheStatus::Miss,
        Cached::Bypass => CacheStatus::Bypass,
    });
    found
}

struct Lookup<'a, T> {
    call: &'a Call<'a, T>,
    plan: &'a Plan,
    policy: CachePolicy,
    valid: &'a Validated<'a>,
    api: Endpoint,
}

impl<T: Transport> Lookup<'_, T> {
    fn run(&self, store: &Store<'_, T>, streams: bool, record: &mut Record) -> Cached<T::Body> {
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

/// A body that is gathered on its way to the caller.
struct Tee {
    items: Box<dyn Iterator<Item = BodyItem>>,
    gathering: Gathering,
    meter: UsageMeter,
    answer: Rc<RefCell<Option<Vec<u8>>>>,
}

enum Gathering {
    /// Of a stream.
    Events(Gatherer),
    /// Of a whole answer that comes in pieces.
    Pieces(Vec<u8>),
    /// It cannot be kept, or is complete.
    Over,
}

impl Iterator for Tee {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        let item = self.items.next();
        match &item {
            Some(BodyItem::Data(bytes)) => match &mut self.gathering {
                Gathering::Events(gatherer) => gatherer.push(bytes),
                Gathering::Pieces(pieces) if pieces.len() + bytes.len() <= LONGEST => pieces.extend(bytes),
                _ => self.gathering = Gathering::Over,
            },
            Some(BodyItem::Failed(_) | BodyItem::Abort(_)) => self.gathering = Gathering::Over,
            Some(BodyItem::Pause(_) | BodyItem::Silence) => {}
            None => {
                *self.answer.borrow_mut() = match std::mem::replace(&mut self.gathering, Gathering::Over) {
                    Gathering::Events(gatherer) => gatherer.finish(self.meter.get().usage),
                    Gathering::Pieces(pieces) => Some(pieces),
                    Gathering::Over => return None,
                };
            }
        }
        item
    }
}

/// Stores the answer of a request whose body has ended, if it is complete. The record gets a failure of the store.
pub fn store_entry<T: Transport>(store: &Store<'_, T>, record: &mut Record) {
    let Some(PendingEntry { key, ttl, api, answer }) = record.pending_entry.take() else { return };
    let Some(answer) = answer.take().filter(|answer| is_complete(api, answer)) else { return };
    let answer = match api {
        // What belongs to this request alone is not kept.
        Endpoint::Responses => addressed(&answer, b"{}"),
        _ => Some(answer),
    };
    let Some(answer) = answer.and_then(|answer| String::from_utf8(answer).ok()) else { return };
    if let Err(error) = store.execute(&["SET", &key, &answer, "EX", &ttl.to_string()]) {
        record.store_failure = Some(error.to_string());
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

    #[test]
    fn only_a_body_that_ends_well_is_an_answer() {
        let whole = br#"{"type":"message","stop_reason":"end_turn"}"#;
        let items = |last: Option<BodyItem>| {
            let data = whole.chunks(10).map(|piece| BodyItem::Data(piece.to_vec()));
            data.chain([BodyItem::Silence]).chain(last).collect::<Vec<_>>()
        };
        for (last, pulled, want) in [
            (None, usize::MAX, Some(whole.to_vec())),
            (None, 3, None),
            (Some(BodyItem::Failed("x".into())), usize::MAX, None),
            (Some(BodyItem::Abort("x".into())), usize::MAX, None),
            (Some(BodyItem::Data(vec![b' '; LONGEST])), usize::MAX, None),
        ] {
            let answer = Rc::new(RefCell::new(None));
            let tee = Tee {
                items: Box::new(items(last.clone()).into_iter()),
                gathering: Gathering::Pieces(Vec::new()),
                meter: UsageMeter::default(),
                answer: Rc::clone(&answer),
            };
            tee.take(pulled).for_each(drop);
            assert_eq!(answer.take(), want, "{:?}", last.map(|item| item.into_bytes().len()));
        }
    }
}
