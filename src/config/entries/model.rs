//! Entries of `models`.

use super::millis;
use crate::config::engine::ModelEngine;
use crate::config::node::{Node, Setting, settings, wrong};
use crate::config::{Backend, CachePolicy, ConfigError, Plan, Policy, Target, Upstream};
use crate::cost::Price;
use std::time::Duration;

settings! {
    /// A model: where its requests go, or what the engine answers.
    pub(in crate::config) struct ModelEntry {
        targets: Option<Vec<TargetEntry>> = maybe,
        pub(in crate::config) engine: Option<ModelEngine> = maybe,
        policy: Option<Policy> = maybe,
        retries: Option<u32> = maybe,
        deadline_ms: Option<u32> = maybe,
        hedge_ms: Option<u32> = maybe,
        pub(in crate::config) price: Option<Price> = maybe,
        pub(in crate::config) cache: Option<CachePolicy> = maybe,
    }
}

settings! {
    #[derive(Debug)]
    struct TargetEntry {
        upstream: String = needed,
        model: Option<String> = maybe,
        weight: Option<u32> = maybe,
        price: Option<Price> = maybe,
    }
}

/// A year, in seconds.
const LONGEST_TTL: u32 = 366 * 24 * 60 * 60;

/// More would add load to upstreams that are overloaded.
const MAX_RETRIES: u32 = 10;

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

impl Setting for Policy {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("failover", Self::Failover), ("weighted", Self::Weighted)])
    }
}

impl ModelEntry {
    /// The backend of the model by this name.
    pub(in crate::config) fn read(
        &self,
        model: &str,
        upstreams: &[Upstream],
    ) -> Result<Backend, ConfigError> {
        let path = format!("models.{model}");
        match (self.targets.as_deref(), &self.engine) {
            (Some(targets), None) => self.plan(model, targets, upstreams, &path).map(Backend::Upstream),
            (None, Some(_)) if self.has_plan() => Err(wrong(
                path,
                "`policy`, `retries`, `deadline_ms`, `hedge_ms` and `cache` are for `targets`",
            )),
            (None, Some(_)) => Ok(Backend::Engine),
            _ => Err(wrong(path, "it needs either `targets` or `engine`")),
        }
    }

    /// Whether it has a field that counts for targets alone.
    fn has_plan(&self) -> bool {
        let numbers = [self.retries, self.deadline_ms, self.hedge_ms];
        self.policy.is_some() || self.cache.is_some() || numbers.iter().any(Option::is_some)
    }

    /// The plan of the targets; `path` is where the model stands in the document.
    fn plan(
        &self,
        model: &str,
        entries: &[TargetEntry],
        upstreams: &[Upstream],
        path: &str,
    ) -> Result<Plan, ConfigError> {
        let policy = self.policy.unwrap_or(Policy::Failover);
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
