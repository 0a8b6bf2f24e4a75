//! The scripts in a real Redis, with a clock that the test sets.

#[path = "../../tests/redis/mod.rs"]
mod redis;

use super::*;
use crate::config::{Limit, Per, Window};
use crate::cost::Usd;
use crate::store::{Item, Reply};
use redis::{Redis, Resp};

/// Any day at noon: 15 January 2026.
const NOON: u64 = 1_768_478_400_000;

struct Clock(Redis);

impl Clock {
    fn start() -> Option<Self> {
        let clock = Self(Redis::start()?);
        clock.set(NOON);
        Some(clock)
    }

    fn set(&self, ms: u64) {
        self.0.command(&["SET", "clock", &ms.to_string()]);
    }

    /// Executes a script by this clock.
    fn run(&self, command: &Command) -> Vec<i64> {
        let by_clock =
            "local c = redis.call('GET', 'clock')\nlocal t = {math.floor(c / 1000), c % 1000 * 1000}";
        assert!(command.script.source.contains("local t = redis.call('TIME')"));
        let script = command.script.source.replace("local t = redis.call('TIME')", by_clock);
        let count = command.keys.len().to_string();
        let operands = command.keys.iter().chain(&command.arguments).map(String::as_str);
        let parts: Vec<&str> = ["EVAL", &script, &count].into_iter().chain(operands).collect();
        match self.0.command(&parts) {
            Resp::Error(error) => panic!("{error}"),
            reply => reply.integers(),
        }
    }

    fn reserve(&self, counters: &[Counter], amounts: Amounts, id: &str) -> Readings {
        let numbers = self.run(&reserve("t", counters, amounts, id));
        let items = numbers.into_iter().map(Item::Integer).collect();
        readings(&Reply(items), counters.len()).expect("the script's reply")
    }

    fn settle(&self, counters: &[Counter], reserved: Amounts, used: Amounts, id: &str) -> bool {
        self.run(&settle("t", counters, reserved, used, id)) == [1]
    }

    fn used(&self, counters: &[Counter]) -> Vec<u64> {
        let numbers = self.run(&read("t", counters));
        let items = numbers.into_iter().map(Item::Integer).collect();
        let readings = readings(&Reply(items), counters.len()).expect("the script's reply");
        readings.each.iter().map(|reading| reading.used).collect()
    }
}

fn counter(key: &str, measure: Measure) -> Counter {
    Counter { limit: Limit { per: Per::All, measure }, key: format!("{{t}}:{key}") }
}

fn tokens(tokens: u64) -> Amounts {
    Amounts { requests: 1, tokens, usd: Usd::from_nanos(tokens) }
}

/// A reproducible sequence.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn scripts_are_named_as_redis_names_them() {
    let Some(redis) = Redis::start() else { return };
    for Script { source, sha1 } in [RESERVE, SETTLE, RENEW] {
        assert_eq!(redis.command(&["SCRIPT", "LOAD", source]), Resp::Text(sha1.to_owned()));
    }
}

#[test]
fn no_span_of_a_windows_length_has_more_than_the_limit() {
    let Some(clock) = Clock::start() else { return };
    const MAX: u64 = 1000;
    for (window, seed) in [(Window::Minute, 1), (Window::Minute, 2), (Window::Hour, 3), (Window::Day, 4)] {
        let length = u64::try_from(window.length().as_millis()).expect("short");
        let counters = [counter(&format!("w{seed}"), Measure::Tokens(MAX, window))];
        let mut random = Random(seed);
        // Grants by time, with what they hold in the end.
        let mut grants: Vec<(u64, u64)> = Vec::new();
        let mut now = NOON + random.below(length);
        for step in 0..1500 {
            // Bursts, pauses, and now and then a long one.
            now += match random.below(50) {
                0 => length / 2 + random.below(length),
                1..10 => 0,
                _ => random.below(length / 100),
            };
            clock.set(now);
            let amount = 1 + random.below(40);
            let id = format!("{seed}-{step}");
            if !clock.reserve(&counters, tokens(amount), &id).granted {
                continue;
            }
            let used = if random.below(3) == 0 { random.below(amount + 1) } else { amount };
            assert!(clock.settle(&counters, tokens(amount), tokens(used), &id));
            grants.push((now, used));
        }
        let mut most_in_a_span = 0;
        for (i, (start, _)) in grants.iter().enumerate() {
            let span = grants[i..].iter().take_while(|(at, _)| *at < start + length);
            most_in_a_span = most_in_a_span.max(span.map(|(_, used)| used).sum::<u64>());
        }
        assert!(most_in_a_span <= MAX, "{window:?}: {most_in_a_span}");
        assert!(most_in_a_span >= MAX * 9 / 10, "{window:?}: the demand fills the limit: {most_in_a_span}");
    }
}

#[test]
fn demand_beyond_the_limit_gets_nearly_all_of_it() {
    let Some(clock) = Clock::start() else { return };
    let counters = [counter("full", Measure::Requests(600, Window::Minute))];
    let mut granted = 0;
    // Twice the limit over three windows.
    for step in 0..3600_u64 {
        clock.set(NOON + step * 50);
        granted += u64::from(clock.reserve(&counters, tokens(0), &step.to_string()).granted);
    }
    assert!((1710..=1800).contains(&granted), "{granted} of 1800");
}

#[test]
fn demand_beyond_a_budget_gets_nearly_all_of_it() {
    let Some(clock) = Clock::start() else { return };
    const MAX: u64 = 10_000;
    const APRIL: u64 = 1_775_001_600_000;
    let days = |days: u64| days * 86_400_000;
    for (name, period, starts, length) in [
        ("day", Period::Day, [0, 1, 2].map(days), days(1)),
        ("month", Period::Month, [0, 30, 61].map(days), days(30)),
    ] {
        let budget = [counter(name, Measure::Usd(Usd::from_nanos(MAX), period))];
        for start in starts {
            // Requests that use half of what they may, twice as many as fit.
            let mut granted = 0;
            for step in 0..200 {
                clock.set(APRIL + start + step * length / 200);
                let id = format!("{name}-{start}-{step}");
                if clock.reserve(&budget, tokens(200), &id).granted {
                    assert!(clock.settle(&budget, tokens(200), tokens(100), &id));
                    granted += 100;
                }
            }
            assert!((MAX * 95 / 100..=MAX).contains(&granted), "{name} {start}: {granted} of {MAX}");
        }
    }
}

#[test]
fn all_limits_are_reserved_or_none() {
    let Some(clock) = Clock::start() else { return };
    let counters = [
        counter("requests", Measure::Requests(10, Window::Minute)),
        counter("tokens", Measure::Tokens(100, Window::Hour)),
        counter("day", Measure::Usd(Usd::from_nanos(1000), Period::Day)),
        counter("concurrent", Measure::Concurrent { most: 2, lease: Duration::from_secs(60) }),
    ];
    assert!(clock.reserve(&counters, tokens(60), "a").granted);
    assert_eq!(clock.used(&counters), [1, 60, 60, 1]);
    let refused = clock.reserve(&counters, tokens(60), "b");
    assert!(!refused.granted && refused.each[1].wait.is_some() && refused.each[0].wait.is_none());
    assert_eq!(clock.used(&counters), [1, 60, 60, 1], "nothing of a refused request is counted");
    assert_eq!(clock.reserve(&counters, tokens(101), "c").each[1].wait, Some(Wait::Never));
    assert!(clock.settle(&counters, tokens(60), tokens(25), "a"));
    assert!(!clock.settle(&counters, tokens(60), tokens(25), "a"), "a repeated settlement changes nothing");
    assert_eq!(clock.used(&counters), [1, 25, 25, 0]);
    // What was delivered beyond the reserve is counted as well.
    assert!(clock.reserve(&counters, tokens(5), "d").granted);
    assert!(clock.settle(&counters, tokens(5), tokens(200), "d"));
    assert_eq!(clock.used(&counters), [2, 225, 225, 0]);
    // A request that was refused before anything was sent is given back whole.
    let none = Amounts::default();
    let few = [counter("few", Measure::Requests(3, Window::Minute))];
    assert!(clock.reserve(&few, tokens(0), "e").granted);
    assert!(clock.settle(&few, tokens(0), none, "e"));
    assert_eq!(clock.used(&few), [0]);
}

#[test]
fn what_is_never_settled_counts_until_its_window_ends() {
    let Some(clock) = Clock::start() else { return };
    let counters = [
        counter("minute", Measure::Tokens(100, Window::Minute)),
        counter("concurrent", Measure::Concurrent { most: 1, lease: Duration::from_secs(30) }),
    ];
    assert!(clock.reserve(&counters, tokens(70), "a").granted);
    clock.set(NOON + 29_999);
    assert_eq!(clock.used(&counters), [70, 1]);
    clock.run(&renew(&[(counters[1].key.as_str(), Duration::from_secs(30))], "a"));
    clock.set(NOON + 59_900);
    assert_eq!(clock.used(&counters), [70, 1], "a renewed lease counts");
    clock.set(NOON + 60_000);
    assert_eq!(clock.used(&counters), [70, 0], "a lease that ended is free");
    let refused = clock.reserve(&counters[..1], tokens(31), "b");
    assert_eq!(refused.each[0].wait, Some(Wait::For(Duration::from_secs(1))));
    clock.set(NOON + 61_000);
    assert!(clock.reserve(&counters[..1], tokens(100), "c").granted);
    // A lease that ended is not renewed.
    clock.run(&renew(&[(counters[1].key.as_str(), Duration::from_secs(30))], "a"));
    assert_eq!(clock.used(&counters), [100, 0]);
    // A settlement after the window's end changes nothing of another window.
    clock.set(NOON + 200_000);
    assert!(clock.settle(&counters[..1], tokens(100), tokens(10), "c"));
    assert_eq!(clock.used(&counters), [0, 0]);
}

#[test]
fn what_was_delivered_beyond_the_reserve_counts_without_another_request() {
    let Some(clock) = Clock::start() else { return };
    let minute = [counter("minute", Measure::Tokens(100, Window::Minute))];
    for nth in 0..15 {
        assert!(clock.reserve(&minute, tokens(1), &nth.to_string()).granted);
    }
    // Longer than ten windows, in which nothing is reserved.
    for nth in 0..15 {
        clock.set(NOON + nth * 50_000);
        assert!(clock.settle(&minute, tokens(1), tokens(11), &nth.to_string()));
    }
    assert_eq!(clock.used(&minute), [20], "the last two");
    clock.set(NOON + 14 * 50_000 + 62_000);
    assert_eq!(clock.used(&minute), [0]);
}

#[test]
fn budgets_go_by_days_and_months_of_utc() {
    let Some(clock) = Clock::start() else { return };
    let day = 86_400_000_u64;
    let months = [counter("month", Measure::Usd(Usd::from_nanos(100), Period::Month))];
    let days = [counter("day", Measure::Usd(Usd::from_nanos(100), Period::Day))];
    for (now, to_month_end) in [
        (NOON, 16 * day + day / 2),
        // 28 February of 2026, 29 February of 2028, 31 December of 2026, 1 March of 2100.
        (1_772_236_800_000, day),
        (1_835_395_200_000, day),
        (1_798_675_200_000, day),
        (4_107_542_400_000, 31 * day),
    ] {
        clock.set(now);
        let readings = clock.reserve(&months, tokens(60), &format!("m{now}"));
        assert!(readings.granted, "{now}");
        assert_eq!(readings.each[0].reset, Duration::from_millis(to_month_end), "{now}");
        let refused = clock.reserve(&months, tokens(60), "x");
        assert_eq!(refused.each[0].wait, Some(Wait::For(Duration::from_millis(to_month_end))), "{now}");
        clock.set(now + to_month_end - 1);
        assert_eq!(clock.used(&months), [60], "{now}");
        clock.set(now + to_month_end);
        assert_eq!(clock.used(&months), [0], "{now}");
    }
    clock.set(NOON);
    assert!(clock.reserve(&days, tokens(60), "d").granted);
    clock.set(NOON + day / 2);
    assert!(clock.reserve(&days, tokens(90), "e").granted);
    // The difference of the day before is not given to this one.
    assert!(clock.settle(&days, tokens(60), tokens(10), "d"));
    assert_eq!(clock.used(&days), [90]);
}

#[test]
fn a_clock_that_goes_back_neither_grants_more_nor_keeps_counts() {
    let Some(clock) = Clock::start() else { return };
    let minute = [counter("minute", Measure::Tokens(10, Window::Minute))];
    assert!(clock.reserve(&minute, tokens(5), "a").granted);
    clock.set(NOON - 5_000);
    assert!(clock.reserve(&minute, tokens(3), "b").granted);
    assert_eq!(clock.used(&minute), [8]);
    // What was granted by the later clock fits again once it is a window old.
    let refused = clock.reserve(&minute, tokens(3), "c");
    let Some(Wait::For(wait)) = refused.each[0].wait else { panic!("{refused:?}") };
    assert!(wait <= Duration::from_secs(61), "{wait:?}");
    // Steady demand keeps the key alive. Nothing of before may count for ever.
    for nth in 1..=30 {
        clock.set(NOON + nth * 10_000);
        clock.reserve(&minute, tokens(1), &format!("d{nth}"));
    }
    assert!(clock.used(&minute)[0] <= 7, "{:?}", clock.used(&minute));
}

#[test]
fn a_settlement_by_an_earlier_clock_takes_back_no_more_than_there_is() {
    let Some(clock) = Clock::start() else { return };
    let minute = [counter("minute", Measure::Tokens(100, Window::Minute))];
    let reserved = clock.reserve(&minute, tokens(40), "a");
    assert!(reserved.granted);
    clock.set(NOON - 5_000);
    assert!(clock.reserve(&minute, tokens(10), "b").granted);
    // By the earlier clock again in the sub-window of the first reservation, with less in it.
    clock.set(NOON);
    assert!(clock.reserve(&minute, tokens(5), "c").granted);
    assert!(clock.settle(&minute, tokens(40), tokens(1), "a"));
    assert_eq!(clock.used(&minute), [55]);
    // More than was reserved counts once as well.
    clock.set(NOON - 5_000);
    assert!(clock.settle(&minute, tokens(10), tokens(12), "b"));
    assert_eq!(clock.used(&minute), [57]);
    clock.set(NOON + 61_000);
    clock.reserve(&minute, tokens(1), "d");
    clock.set(NOON + 122_000);
    clock.reserve(&minute, tokens(1), "e");
    clock.set(NOON + 183_000);
    assert_eq!(clock.used(&minute), [0]);
}

#[test]
fn a_clock_that_goes_back_over_midnight_begins_no_budget_anew() {
    let Some(clock) = Clock::start() else { return };
    for (name, period, midnight) in [
        ("day", Period::Day, 1_768_521_600_000),     // 16 January 2026
        ("month", Period::Month, 1_769_904_000_000), // 1 February 2026
    ] {
        let budget = [counter(name, Measure::Usd(Usd::from_nanos(100), period))];
        clock.set(midnight + 500);
        assert!(clock.reserve(&budget, tokens(60), &format!("{name}a")).granted);
        clock.set(midnight - 500);
        assert_eq!(clock.used(&budget), [60], "{name}");
        let refused = clock.reserve(&budget, tokens(60), &format!("{name}b"));
        assert_eq!(refused.each[0].wait, Some(Wait::For(Duration::from_millis(500))), "{name}");
        assert!(clock.reserve(&budget, tokens(30), &format!("{name}c")).granted);
        clock.set(midnight + 1_000);
        assert_eq!(clock.used(&budget), [90], "{name}");
        assert!(clock.settle(&budget, tokens(30), tokens(10), &format!("{name}c")));
        assert_eq!(clock.used(&budget), [70], "{name}");
    }
}
