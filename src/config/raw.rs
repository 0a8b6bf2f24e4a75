//! Upstreams, and the models that go to them, as `PORTCULLIS_CONFIG` has them.

use super::ConfigError;
use super::api::ApiEntry;
use super::document::{Ordered, SETTING, wrong};
use super::node::{Node, Setting};
use super::plan::{CachePolicy, Plan, Policy, Target};
use super::route::Upstream;
use super::vars::Vars;
use crate::cost::Price;
use crate::transport::Timeouts;
use std::time::Duration;

/// An entry of `upstreams`.
pub(super) struct UpstreamEntry {
    url: String,
    api: ApiEntry,
    key: Option<String>,
    splice: bool,
    headers: Ordered<String>,
    timeouts: TimeoutsEntry,
}

#[derive(Debug, Default)]
struct TimeoutsEntry {
    connect_ms: Option<u32>,
    first_byte_ms: Option<u32>,
    between_bytes_ms: Option<u32>,
}

/// An entry of a model's `targets`.
#[derive(Debug)]
pub(super) struct TargetEntry {
    upstream: String,
    model: Option<String>,
    weight: Option<u32>,
    price: Option<Price>,
}

/// How a model's targets are tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PlanEntry {
    pub(super) policy: Option<PolicyEntry>,
    pub(super) retries: Option<u32>,
    pub(super) deadline_ms: Option<u32>,
    pub(super) hedge_ms: Option<u32>,
    pub(super) cache: Option<CachePolicy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyEntry {
    Failover,
    Weighted,
}

/// A year, in seconds.
const LONGEST_TTL: u32 = 366 * 24 * 60 * 60;

/// More would add load to upstreams that are overloaded.
const MAX_RETRIES: u32 = 10;

impl Setting for UpstreamEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let names = [&["url", "key", "splice", "headers", "timeouts"], ApiEntry::FIELDS].concat();
        let fields = at.fields(&names)?;
        Ok(Self {
            url: fields.needed("url")?,
            api: ApiEntry::read(fields)?,
            key: fields.maybe("key")?,
            splice: fields.or_default("splice")?,
            headers: fields.or_default("headers")?,
            timeouts: fields.or_default("timeouts")?,
        })
    }
}

impl Setting for TimeoutsEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["connect_ms", "first_byte_ms", "between_bytes_ms"])?;
        Ok(Self {
            connect_ms: fields.maybe("connect_ms")?,
            first_byte_ms: fields.maybe("first_byte_ms")?,
            between_bytes_ms: fields.maybe("between_bytes_ms")?,
        })
    }
}

impl Setting for TargetEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["upstream", "model", "weight", "price"])?;
        Ok(Self {
            upstream: fields.needed("upstream")?,
            model: fields.maybe("model")?,
            weight: fields.maybe("weight")?,
            price: fields.maybe("price")?,
        })
    }
}

impl Setting for CachePolicy {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["ttl_s", "shared"])?;
        let seconds: u32 = fields.needed("ttl_s")?;
        if !(1..=LONGEST_TTL).contains(&seconds) {
            return Err(at.wrong(format_args!("`ttl_s` is a number of seconds from 1 to {LONGEST_TTL}")));
        }
        Ok(Self { ttl: Duration::from_secs(seconds.into()), shared: fields.or_default("shared")? })
    }
}

impl Setting for PolicyEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("failover", Self::Failover), ("weighted", Self::Weighted)])
    }
}

impl UpstreamEntry {
    pub(super) fn read(&self, name: &str, vars: Vars<'_>) -> Result<Upstream, ConfigError> {
        let at = |field: &str| format!("upstreams.{name}.{field}");
        let setting = |field: &str| format!("{SETTING} (`{}`)", at(field));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong(
                "upstreams",
                format_args!("the name `{}` is not visible ASCII", name.escape_debug()),
            ));
        }
        let mut upstream = Upstream::from_url(name, &self.url, &setting("url"))?;
        upstream.api = self.api.api(&upstream.authority, &at)?;
        upstream.splice = self.splice;
        if self.splice && !self.api.has_openai_streams() {
            return Err(wrong(at("splice"), "what has to be translated has to be read"));
        }
        upstream.key = self.key.as_deref().map(|text| vars.secret(text, &setting("key"))).transpose()?;
        for (field, value) in &self.headers.0 {
            let path = format!("headers.{field}");
            if !is_settable(field) {
                return Err(wrong(at(&path), "this header field is not the operator's to set"));
            }
            upstream.headers.push((field.clone(), vars.secret(value, &setting(&path))?));
        }
        upstream.timeouts = Timeouts {
            connect: millis(self.timeouts.connect_ms, &at("timeouts.connect_ms"))?,
            first_byte: millis(self.timeouts.first_byte_ms, &at("timeouts.first_byte_ms"))?,
            between_bytes: millis(self.timeouts.between_bytes_ms, &at("timeouts.between_bytes_ms"))?,
        };
        Ok(upstream)
    }
}

/// A time limit. A limit of nothing would let no request through.
fn millis(ms: Option<u32>, path: &str) -> Result<Option<Duration>, ConfigError> {
    match ms {
        Some(0) => Err(wrong(path, "it is 1 or more")),
        ms => Ok(ms.map(|ms| Duration::from_millis(ms.into()))),
    }
}

impl PlanEntry {
    /// Makes a plan of the targets of a model; `path` is where it stands in the document.
    pub(super) fn read(
        &self,
        model: &str,
        entries: &[TargetEntry],
        upstreams: &[Upstream],
        path: &str,
    ) -> Result<Plan, ConfigError> {
        let policy = match self.policy {
            Some(PolicyEntry::Weighted) => Policy::Weighted,
            Some(PolicyEntry::Failover) | None => Policy::Failover,
        };
        let mut targets = Vec::with_capacity(entries.len());
        for (i, entry) in entries.iter().enumerate() {
            targets.push(entry.read(model, policy, upstreams, &format!("{path}.targets[{i}]"))?);
        }
        if targets.is_empty() {
            return Err(wrong(format!("{path}.targets"), "it needs an entry"));
        }
        if policy == Policy::Weighted && targets.iter().all(|target| target.weight == 0) {
            return Err(wrong(format!("{path}.targets"), "at least one weight is above 0"));
        }
        if self.hedge_ms.is_some() && targets.len() < 2 {
            return Err(wrong(format!("{path}.hedge_ms"), "there is no second target to try"));
        }
        if let Some(retries) = self.retries.filter(|retries| *retries > MAX_RETRIES) {
            return Err(wrong(
                format!("{path}.retries"),
                format_args!("it is at most {MAX_RETRIES}, and {retries} is more"),
            ));
        }
        Ok(Plan {
            pattern: model.to_owned(),
            targets,
            policy,
            retries: self.retries.unwrap_or(0),
            deadline: millis(self.deadline_ms, &format!("{path}.deadline_ms"))?,
            hedge: millis(self.hedge_ms, &format!("{path}.hedge_ms"))?,
            cache: self.cache,
        })
    }
}

impl TargetEntry {
    fn read(
        &self,
        model: &str,
        policy: Policy,
        upstreams: &[Upstream],
        path: &str,
    ) -> Result<Target, ConfigError> {
        let upstream = upstreams.iter().position(|u| u.name == self.upstream).ok_or_else(|| {
            wrong(format!("{path}.upstream"), format_args!("`{}` is none of `upstreams`", self.upstream))
        })?;
        if policy != Policy::Weighted && self.weight.is_some() {
            return Err(wrong(format!("{path}.weight"), "it counts only where `policy` is `weighted`"));
        }
        if let Some(name) = &self.model {
            let stars = name.matches('*').count();
            if name.is_empty() || stars > 1 || (stars == 1 && !model.contains('*')) {
                return Err(wrong(
                    format!("{path}.model"),
                    "it is a name; it may have one `*` where the model's own name has one",
                ));
            }
        }
        Ok(Target {
            upstream,
            model: self.model.clone(),
            weight: self.weight.unwrap_or(1),
            price: self.price,
        })
    }
}

/// Whether a field frames a message or is a connection's: hosts set those, and take none from others.
pub(in crate::config) fn is_hosts_own(field: &str) -> bool {
    matches!(
        &*field.to_ascii_lowercase(),
        "connection"
            | "content-length"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether an operator may set a field: a token (RFC 9110, section 5.6.2), and neither the host's nor what identifies
/// what the caller's body is.
fn is_settable(field: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let is_given = is_hosts_own(field) || field.eq_ignore_ascii_case("content-type");
    !field.is_empty() && field.bytes().all(token) && !is_given
}
