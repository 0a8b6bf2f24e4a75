//! `limits`: how much callers may use, of the document and of a key.

use super::ConfigError;
use super::node::{Fields, Node, Setting, wrong};
use crate::cost::Usd;
use crate::json::Value;
use std::time::Duration;

/// One limit: so much of a measure in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What has a counter of its own.
    pub per: Per,
    /// What is counted, and how much of it there may be.
    pub measure: Measure,
}

/// What has a counter of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Each key.
    Key,
    /// Each model, by the callers' name.
    Model,
    /// Each key and model.
    KeyAndModel,
    /// All requests together.
    All,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Requests in any span of a window's length.
    Requests(u64, Window),
    /// Tokens of prompts and answers in any span of a window's length.
    Tokens(u64, Window),
    /// Cost in a calendar day or month (UTC).
    Usd(Usd, Period),
    /// Requests at the same time; a request that never ends counts for `lease`.
    Concurrent {
        /// How many.
        most: u64,
        /// After which time without progress a request no longer counts.
        lease: Duration,
    },
}

/// The length of a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

/// A calendar period, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From midnight.
    Day,
    /// From the first of the month.
    Month,
}

impl Per {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::KeyAndModel => "key+model",
            Self::All => "all",
        }
    }
}

impl Measure {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests(..) => "requests",
            Self::Tokens(..) => "tokens",
            Self::Usd(..) => "usd",
            Self::Concurrent { .. } => "concurrent",
        }
    }

    /// The window's name in the settings; none for `concurrent`.
    pub fn window(self) -> &'static str {
        match self {
            Self::Requests(_, window) | Self::Tokens(_, window) => window.name(),
            Self::Usd(_, Period::Day) => "day",
            Self::Usd(_, Period::Month) => "month",
            Self::Concurrent { .. } => "",
        }
    }

    /// Whether it depends on what the answer turns out to be.
    pub fn is_metered(self) -> bool {
        matches!(self, Self::Tokens(..) | Self::Usd(..))
    }

    fn is_as(self, other: Self) -> bool {
        (self.name(), self.window()) == (other.name(), other.window())
    }
}

impl Window {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Its length.
    pub fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        })
    }
}

/// The limits of all callers and those of one key: an own entry of the key replaces the general `per: key` entry of the
/// same measure and window.
pub fn applied<'a>(general: &'a [Limit], own: &'a [Limit]) -> impl Iterator<Item = Limit> + 'a {
    let replaced =
        |limit: &&Limit| limit.per == Per::Key && own.iter().any(|own| own.measure.is_as(limit.measure));
    general.iter().filter(move |limit| !replaced(limit)).chain(own).copied()
}

/// The index of the first of some limits that has the counter of one before it.
pub(super) fn repeated(limits: &[Limit]) -> Option<usize> {
    let is_repeated = |(i, limit): (usize, &Limit)| {
        limits.iter().take(i).any(|other| other.per == limit.per && other.measure.is_as(limit.measure))
    };
    limits.iter().enumerate().position(is_repeated)
}

/// How long a request counts that never ends.
const LEASE_S: u32 = 600;

/// More than this in a counter is not exact in Lua, whose numbers are doubles.
const MAX: u64 = 1 << 50;

/// The most dollars of a budget; in nano-dollars it is within [`MAX`].
const MAX_DOLLARS: f64 = 1e6;

/// The fields of an entry.
const FIELDS: [&str; 7] = ["per", "requests", "tokens", "usd", "concurrent", "window", "lease_s"];

/// An entry of a key's own limits.
pub(super) struct OwnLimit(pub(super) Limit);

impl Setting for Limit {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&FIELDS)?;
        Ok(Self { per: fields.maybe("per")?.unwrap_or(Per::Key), measure: measure(at, fields)? })
    }
}

impl Setting for OwnLimit {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&FIELDS[1..])?;
        Ok(Self(Limit { per: Per::Key, measure: measure(at, fields)? }))
    }
}

impl Setting for Per {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let all = [Self::Key, Self::Model, Self::KeyAndModel, Self::All];
        at.choice(&all.map(|per| (per.name(), per)))
    }
}

/// A counter's limit.
struct Count(u64);

impl Setting for Count {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let number = if let Value::Number(spelled) = at.value { spelled.parse().ok() } else { None };
        match number.filter(|number| (1..=MAX).contains(number)) {
            Some(number) => Ok(Self(number)),
            None => Err(at.wrong(format_args!("expected a whole number from 1 to {MAX}"))),
        }
    }
}

/// A budget.
struct Dollars(Usd);

impl Setting for Dollars {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let dollars =
            if let Value::Number(spelled) = at.value { Some(crate::json::double(spelled)) } else { None };
        match dollars.filter(|dollars| (1e-9..=MAX_DOLLARS).contains(dollars)) {
            Some(dollars) => Ok(Self(Usd::from_nanos((dollars * 1e9).round() as u64))),
            None => {
                Err(at.wrong(format_args!("expected US dollars, a number above 0, at most {MAX_DOLLARS}")))
            }
        }
    }
}

fn measure(at: Node<'_>, fields: Fields<'_>) -> Result<Measure, ConfigError> {
    let requests: Option<Count> = fields.maybe("requests")?;
    let tokens: Option<Count> = fields.maybe("tokens")?;
    let usd: Option<Dollars> = fields.maybe("usd")?;
    let concurrent: Option<Count> = fields.maybe("concurrent")?;
    let window: Option<String> = fields.maybe("window")?;
    let lease: Option<u32> = fields.maybe("lease_s")?;
    if lease.is_some() && concurrent.is_none() {
        return Err(wrong(format_args!("{at}.lease_s"), "only `concurrent` has one"));
    }
    let sliding = || match window.as_deref() {
        Some("minute") => Ok(Window::Minute),
        Some("hour") => Ok(Window::Hour),
        Some("day") => Ok(Window::Day),
        Some(_) => {
            let rule = "it is one of `minute`, `hour`, `day`; `month` is for `usd` alone";
            Err(wrong(format_args!("{at}.window"), rule))
        }
        None => Err(at.wrong("it needs the field `window`")),
    };
    match (requests, tokens, usd, concurrent) {
        (Some(Count(most)), None, None, None) => Ok(Measure::Requests(most, sliding()?)),
        (None, Some(Count(most)), None, None) => Ok(Measure::Tokens(most, sliding()?)),
        (None, None, Some(Dollars(most)), None) => match window.as_deref() {
            Some("day") => Ok(Measure::Usd(most, Period::Day)),
            Some("month") => Ok(Measure::Usd(most, Period::Month)),
            Some(_) => Err(wrong(format_args!("{at}.window"), "for `usd` it is one of `day`, `month`")),
            None => Err(at.wrong("it needs the field `window`")),
        },
        (None, None, None, Some(Count(most))) => match (window, lease.unwrap_or(LEASE_S)) {
            (Some(_), _) => Err(wrong(format_args!("{at}.window"), "`concurrent` has none")),
            (None, 0) => Err(wrong(format_args!("{at}.lease_s"), "it is 1 or more")),
            (None, lease) => Ok(Measure::Concurrent { most, lease: Duration::from_secs(lease.into()) }),
        },
        _ => Err(at.wrong("it has one of `requests`, `tokens`, `usd`, `concurrent`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(json: &str) -> Result<Config, String> {
        let vars = [("PORTCULLIS_CONFIG".to_owned(), json.to_owned())];
        Config::from_vars(&vars).map_err(|error| error.to_string())
    }

    const STORE: &str = r#""store": {"url": "http://h", "api": "webdis"}"#;

    #[test]
    fn an_own_limit_of_a_key_replaces_the_general_one_of_its_kind() {
        let config = config(&format!(
            r#"{{{STORE}, "limits": [{{"requests": 60, "window": "minute"}},
                {{"per": "key", "requests": 1000, "window": "day"}},
                {{"per": "all", "requests": 500, "window": "minute"}},
                {{"per": "key", "concurrent": 8}}, {{"per": "all", "usd": 0.5, "window": "month"}}],
              "keys": [{{"name": "ci", "key": "k", "admin": true, "limits": [{{"requests": 5, "window": "minute"}},
                {{"concurrent": 2, "lease_s": 30}}]}}]}}"#
        ))
        .expect("valid");
        let key = &config.keys[0];
        assert!(key.admin);
        let measures: Vec<_> =
            applied(&config.limits, &key.limits).map(|limit| (limit.per, limit.measure)).collect();
        assert_eq!(
            measures,
            [
                (Per::Key, Measure::Requests(1000, Window::Day)),
                (Per::All, Measure::Requests(500, Window::Minute)),
                (Per::All, Measure::Usd(Usd::from_nanos(500_000_000), Period::Month)),
                (Per::Key, Measure::Requests(5, Window::Minute)),
                (Per::Key, Measure::Concurrent { most: 2, lease: Duration::from_secs(30) }),
            ]
        );
        assert_eq!(applied(&config.limits, &[]).count(), 5);
    }

    #[test]
    fn a_limit_that_makes_no_sense_is_refused() {
        for (limit, path, hint) in [
            (r#"{"window": "minute"}"#, "limits[0]", "`requests`"),
            (r#"{"requests": 1, "tokens": 1, "window": "minute"}"#, "limits[0]", "one of"),
            (r#"{"requests": 1}"#, "limits[0]", "`window`"),
            (r#"{"requests": 0, "window": "minute"}"#, "limits[0].requests", "from 1"),
            (r#"{"tokens": 1.5, "window": "minute"}"#, "limits[0].tokens", "whole"),
            (r#"{"tokens": 5, "window": "month"}"#, "limits[0].window", "`usd` alone"),
            (r#"{"usd": 5, "window": "minute"}"#, "limits[0].window", "`month`"),
            (r#"{"usd": 0, "window": "day"}"#, "limits[0].usd", "above 0"),
            (r#"{"concurrent": 5, "window": "day"}"#, "limits[0].window", "none"),
            (r#"{"concurrent": 5, "lease_s": 0}"#, "limits[0].lease_s", "1 or more"),
            (r#"{"requests": 5, "window": "day", "lease_s": 1}"#, "limits[0].lease_s", "concurrent"),
            (r#"{"per": "user", "concurrent": 5}"#, "limits[0].per", "`key+model`"),
        ] {
            let error = config(&format!(r#"{{{STORE}, "limits": [{limit}]}}"#)).expect_err(limit);
            assert!(error.contains(path) && error.contains(hint), "{error}");
        }
        // Both would be one counter, and each request would count twice.
        let twice = r#"[{"concurrent": 2}, {"requests": 5, "window": "day"}, {"requests": 9, "window": "hour"},
                        {"requests": 9, "window": "day"}]"#;
        for (json, place) in [
            (format!(r#"{{{STORE}, "limits": {twice}}}"#), "`limits[3]`"),
            (
                format!(r#"{{{STORE}, "keys": [{{"name": "a", "key": "k", "limits": {twice}}}]}}"#),
                "`keys[0].limits[3]`",
            ),
        ] {
            let error = config(&json).expect_err(&json);
            assert!(error.contains(place) && error.contains("before it"), "{error}");
        }
        for (json, hint) in [
            (r#"{"limits": [{"concurrent": 1}]}"#, "`store`"),
            (r#"{"keys": [{"name": "a", "key": "k", "limits": [{"concurrent": 1}]}]}"#, "`store`"),
            (
                r#"{"store": {"url": "http://h", "api": "webdis"},
                    "keys": [{"name": "a", "key": "k", "limits": [{"per": "all", "concurrent": 1}]}]}"#,
                "unknown field",
            ),
            (
                r#"{"store": {"url": "http://h", "api": "webdis"}, "models": {"mine": {"engine": {}}},
                    "limits": [{"usd": 1, "window": "day"}]}"#,
                "`models.mine.price`",
            ),
        ] {
            let error = config(json).expect_err(json);
            assert!(error.contains(hint), "{error}");
        }
    }
}
