//! One file or folder for each endpoint. Those with a body read it, check it, which resolves the model, reserve, and answer;
//! [`generation`] has the steps that those which generate text share.

mod body;
mod cached;
pub mod chat;
pub mod completions;
pub mod embeddings;
mod estimated_usage;
mod forward;
mod generation;
pub mod health;
pub mod messages;
pub mod models;
pub mod moderations;
pub mod page;
pub mod passthrough;
mod reserve;
mod resolve;
pub mod responses;
mod restricted_key;
mod stream_or_whole;
pub mod usage;

pub use cached::PendingEntry;

use self::resolve::Resolved;
use crate::api::{Members, Number};
use crate::auth::Caller;
use crate::budget::{Budget, Exhausted};
use crate::config::{Backend, Config};
use crate::ctx::Ctx;
use crate::engine::{CountedBy, Setup};
use crate::error::{ApiError, Kind};
use crate::http::{Headers, Request, Response};
use crate::ids::IdForm;
use crate::limits::Reservation;
use crate::log::Record;
use crate::model::ModelSpec;
use crate::router::ApiFamily;
use crate::upstream::of_restricted_key;
use std::borrow::Cow;

/// What every endpoint gets.
pub struct Call<'a, T> {
    /// The request's head.
    pub request: &'a Request,
    /// The operator's settings.
    pub config: &'a Config,
    /// Who calls.
    pub caller: Caller<'a>,
    /// The way to the upstreams.
    pub transport: &'a T,
    /// Time and randomness.
    pub ctx: &'a Ctx<'a>,
    /// The request's id.
    pub id: &'a str,
    /// What is reserved for the request.
    pub reservation: &'a Reservation,
    /// The answer that is to be kept.
    pub pending_entry: &'a PendingEntry,
    /// Whose API the request's path belongs to.
    pub family: ApiFamily,
}

impl<'a, T> Call<'a, T> {
    /// Notes what a valid request is for. Every endpoint with a body calls it once, between its check and its answer.
    fn begin(&self, resolved: &Resolved<'_>, record: &mut Record) {
        record.model = Some(resolved.model.clone());
        if *resolved.backend == Backend::Engine {
            record.rates = self.config.prices.of_engine(&resolved.model);
        }
    }

    /// What the engine needs to answer a turn of a model with such limits.
    fn engine(&self, spec: Option<&'a ModelSpec>, budget: &'a Budget, counted_by: CountedBy) -> Setup<'a> {
        let config = &self.config.engine;
        // A look at a field is a call of the host, and few rules need this one.
        let retries = if config.counts_retries() { self.retries() } else { 0 };
        Setup { config, spec, ctx: self.ctx, retries, budget, call_ids: IdForm::CALL, counted_by }
    }

    /// The caller's header fields, as far as an upstream may get them from this key.
    fn upstream_headers(&self) -> Cow<'_, Headers> {
        let all = self.request.headers.all();
        match self.caller.restricts_models() {
            true => Cow::Owned(of_restricted_key(all)),
            false => Cow::Borrowed(all),
        }
    }

    /// How often the caller has tried the request before, by the count that OpenAI's and Anthropic's SDKs send.
    fn retries(&self) -> u32 {
        let count = self.request.headers.get("x-stainless-retry-count");
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }
}

/// A logit bias as pairs of a token and its bias.
fn logit_bias<'r>(bias: Option<&'r Members<'_, Number>>) -> Vec<(&'r str, f64)> {
    bias.map_or_else(Vec::new, |bias| bias.0.iter().map(|(id, bias)| (&**id, bias.value)).collect())
}

/// The error for a parameter that takes more work than one request may cause.
fn too_much_work(param: &str) -> ApiError {
    ApiError::new(Kind::Invalid, format!("'{param}' is too complex: {Exhausted}.")).at(param.to_owned())
}

/// The most bytes of names in `x-portcullis-dropped`; many clients refuse a field of more than 8 KiB.
const MAX_DROPPED_LIST: usize = 4096;

/// Names the parameters that were left out of the request (`PORTCULLIS_UNKNOWN_PARAMS=drop`).
fn note_dropped<B>(response: &mut Response<B>, dropped: &[Cow<'_, str>]) {
    if !dropped.is_empty() {
        response.headers.push("x-portcullis-dropped", dropped_list(dropped));
    }
}

/// The names, separated by commas. A list that would be too long ends with the number of those left out:
/// `a, b, +3 more`.
fn dropped_list(dropped: &[Cow<'_, str>]) -> String {
    let mut list = String::new();
    for (index, name) in dropped.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        if list.len() + separator.len() + name.len() > MAX_DROPPED_LIST {
            list.push_str(&format!("{separator}+{} more", dropped.len() - index));
            break;
        }
        list.push_str(separator);
        // A name is the caller's own: what no header field can carry is shown as `?`.
        list.extend(name.chars().map(|c| if !c.is_ascii_graphic() || c == ',' { '?' } else { c }));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_dropped_names_that_is_too_long_ends_with_their_number() {
        let names = |names: &[&str]| -> Vec<Cow<'static, str>> {
            names.iter().map(|name| Cow::Owned((*name).to_owned())).collect()
        };
        assert_eq!(dropped_list(&names(&["a", "b,é"])), "a, b??");
        let long = "x".repeat(MAX_DROPPED_LIST);
        assert_eq!(dropped_list(&names(&[&long])), long);
        assert_eq!(dropped_list(&names(&["a", &long, "b"])), "a, +2 more");
        assert_eq!(dropped_list(&names(&[&format!("{long}x"), "b"])), "+2 more");
    }
}
