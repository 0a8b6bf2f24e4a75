//! Looks answers up in the cache ([`lookup`]), and stores them there ([`tee`]).

mod lookup;
mod tee;

pub use tee::PendingEntry;

use self::lookup::Lookup;
use super::Call;
use super::generation::Generation;
use super::resolve::Validated;
use crate::config::Backend;
use crate::http::Response;
use crate::log::{CacheStatus, Record};
use crate::model::Endpoint;
use crate::store::Store;
use crate::transport::Transport;

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
#[derive(Debug)]
pub(super) struct EntryLocation {
    key: String,
    /// For how long an answer is kept, in seconds.
    ttl: u64,
    /// The API of the answer.
    api: Endpoint,
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
    let lookup = Lookup { call, plan, policy, valid, api: G::ENDPOINT };
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
