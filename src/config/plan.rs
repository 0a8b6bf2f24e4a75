//! How a model's requests are spread over upstreams: targets, their order, retries, deadlines.

use super::Upstream;
use crate::cost::Price;
use std::borrow::Cow;
use std::time::Duration;

/// Where the requests for a model go.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name the operator gave the model; it may have one `*`.
    pub pattern: String,
    /// The targets a request may go to, at least one.
    pub targets: Vec<Target>,
    /// Which target is tried first.
    pub policy: Policy,
    /// How many attempts may follow at targets that were tried before, all targets together. Trying the next target
    /// is no retry.
    pub retries: u32,
    /// From the request's arrival to the beginning of an answer.
    pub deadline: Option<Duration>,
    /// How long a target may be silent before the next one is tried as well.
    pub hedge: Option<Duration>,
    /// Whether answers are kept, and for how long.
    pub cache: Option<CachePolicy>,
}

/// How answers of a model are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long an answer is kept, in whole seconds.
    pub ttl: Duration,
    /// Whether all callers share their answers.
    pub shared: bool,
}

/// An upstream, and its name for the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// An index into [`super::Config::upstreams`].
    pub upstream: usize,
    /// The upstream's name of the model, where it differs from the caller's. A `*` in it stands for
    /// what the `*` of the plan's pattern matched.
    pub model: Option<String>,
    /// Its share of the requests, where the policy is [`Policy::Weighted`].
    pub weight: u32,
    /// Its price, where the operator states one.
    pub price: Option<Price>,
}

/// The order in which targets are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// As they are listed.
    Failover,
    /// In random order by their weights, for each request anew.
    Weighted,
}

impl Target {
    /// Its upstream, among those of the configuration.
    #[expect(
        clippy::indexing_slicing,
        reason = "the configuration makes each target of one of its upstreams"
    )]
    pub fn upstream_in<'u>(&self, upstreams: &'u [Upstream]) -> &'u Upstream {
        &upstreams[self.upstream]
    }
}

impl Plan {
    /// The target that is listed first.
    #[expect(
        clippy::indexing_slicing,
        reason = "every plan has a target: the configuration refuses an empty list"
    )]
    pub fn first_target(&self) -> &Target {
        &self.targets[0]
    }

    /// One attempt at one upstream, which has the caller's name for the model.
    pub fn to_one(upstream: usize) -> Self {
        Self {
            pattern: "*".to_owned(),
            targets: vec![Target { upstream, model: None, weight: 1, price: None }],
            policy: Policy::Failover,
            retries: 0,
            deadline: None,
            hedge: None,
            cache: None,
        }
    }

    /// A target's name for the model; `None` where it is the caller's.
    pub fn name_at<'a>(&self, target: &'a Target, model: &str) -> Option<Cow<'a, str>> {
        let name = target.model.as_deref()?;
        Some(match name.contains('*') {
            true => name.replace('*', star(&self.pattern, model).unwrap_or_default()).into(),
            false => name.into(),
        })
    }
}

/// Matches a name against a pattern with at most one `*`: what the `*` stands for, nothing where the
/// pattern has none.
pub(super) fn star<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((head, tail)) => name.strip_prefix(head)?.strip_suffix(tail),
    }
}

/// The entry whose pattern matches a name most specifically: the name itself before any pattern, a
/// pattern with more letters before one with fewer, the first of two as long.
pub(super) fn most_specific<'a, T>(entries: &'a [(String, T)], name: &str) -> Option<&'a T> {
    let mut best: Option<(usize, &T)> = None;
    for (pattern, value) in entries {
        if pattern == name {
            return Some(value);
        }
        if best.is_none_or(|(length, _)| pattern.len() > length) && star(pattern, name).is_some() {
            best = Some((pattern.len(), value));
        }
    }
    best.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_what_is_between() {
        for (pattern, name, want) in [
            ("gpt-4o", "gpt-4o", Some("")),
            ("gpt-4o", "gpt-4o-mini", None),
            ("*", "any", Some("any")),
            ("*", "", Some("")),
            ("llama*", "llama3:8b", Some("3:8b")),
            ("llama*", "llam", None),
            ("*-mini", "o3-mini", Some("o3")),
            ("a*a", "aa", Some("")),
            ("a*a", "a", None),
            ("openai/*", "openai/gpt/4", Some("gpt/4")),
        ] {
            assert_eq!(star(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn the_most_specific_pattern_wins_wherever_it_stands() {
        let entries: Vec<_> =
            ["*", "gpt-*", "gpt-4*", "*-4o", "gpt-4o"].iter().map(|p| ((*p).to_owned(), *p)).collect();
        for (name, want) in [
            ("gpt-4o", "gpt-4o"),
            ("gpt-4.1", "gpt-4*"),
            ("gpt-5", "gpt-*"),
            ("x-4o", "*-4o"),
            // As long as `gpt-*` is one letter longer than `*-4o`.
            ("gpt--4o", "gpt-*"),
            ("o3", "*"),
        ] {
            assert_eq!(most_specific(&entries, name), Some(&want), "{name}");
        }
        assert_eq!(most_specific(&entries[1..], "o3"), None);
    }

    #[test]
    fn a_target_may_strip_a_prefix() {
        let mut plan = Plan::to_one(0);
        plan.pattern = "local/*".into();
        for (model, want) in
            [(None, None), (Some("*"), Some("qwen")), (Some("x-*"), Some("x-qwen")), (Some("y"), Some("y"))]
        {
            plan.targets[0].model = model.map(str::to_owned);
            assert_eq!(plan.name_at(&plan.targets[0], "local/qwen").as_deref(), want);
        }
    }
}
