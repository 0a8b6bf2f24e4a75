//! The protocols of the store against the real thing.

use crate::http::Sockets;
use crate::redis::{Redis, Resp, UPSTASH_KEY, WEBDIS_KEY};
use portcullis::config::{Config, Store as Settings};
use portcullis::store::{Item, Reply, Script, Store, StoreError, StoreErrorKind};
use std::time::{Duration, Instant};

fn settings(api: &str, url: &str, key: &str) -> Settings {
    let json =
        format!(r#"{{"store": {{"url": {url:?}, "api": "{api}", "key": {key:?}, "timeout_ms": 2000}}}}"#);
    let vars = [("PORTCULLIS_CONFIG".to_owned(), json)];
    Config::from_vars(&vars).expect("valid").store.expect("it is set")
}

fn execute(settings: &Settings, command: &[&str]) -> Result<Vec<Item>, StoreError> {
    let start = Instant::now();
    let elapsed = || start.elapsed();
    Store::new(settings, &Sockets, &elapsed).execute(command).map(|Reply(items)| items)
}

fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

#[test]
fn both_protocols_carry_every_kind_of_value() {
    let Some(redis) = Redis::start() else { return };
    let (webdis, upstash) = (redis.webdis(), redis.upstash());
    for store in
        [settings("webdis", &webdis.url(), WEBDIS_KEY), settings("upstash", &upstash.url(), UPSTASH_KEY)]
    {
        let api = store.api;
        let run = |command: &[&str]| {
            execute(&store, command).unwrap_or_else(|error| panic!("{api:?} {error} {}", command[0]))
        };
        assert_eq!(run(&["PING"]), [text("PONG")], "{api:?}");
        let odd = "a/b.c%2F +?&=\"\\\n\t\u{1}é漢😀'{}[]";
        assert_eq!(run(&["SET", "{portcullis:x}:y.json", odd]), [text("OK")], "{api:?}");
        assert_eq!(run(&["GET", "{portcullis:x}:y.json"]), [text(odd)], "{api:?}");
        assert_eq!(run(&["GET", "none"]), [Item::Nil], "{api:?}");
        assert_eq!(run(&["SET", "empty", ""]), [text("OK")], "{api:?}");
        assert_eq!(run(&["GET", "empty"]), [text("")], "{api:?}");
        let script = "return {1, -2, 'three', false, 9007199254740991, ARGV[1]}";
        let want = [
            Item::Integer(1),
            Item::Integer(-2),
            text("three"),
            Item::Nil,
            Item::Integer((1 << 53) - 1),
            text(""),
        ];
        assert_eq!(run(&["EVAL", script, "0", ""]), want, "{api:?}");
        assert_eq!(run(&["EVAL", "return {}", "0"]), [], "{api:?}");
        let long = "x".repeat(300_000);
        assert_eq!(run(&["SET", "long", &long]), [text("OK")], "{api:?}");
        assert_eq!(run(&["GET", "long"]), [text(&long)], "{api:?}");
        for (command, kind) in [
            (&["NONSENSE"][..], StoreErrorKind::Command),
            (&["EVAL", "return redis.error_reply('ERR no')", "0"], StoreErrorKind::Command),
            (&["EVAL", "error('x')", "0"], StoreErrorKind::Command),
        ] {
            let error = execute(&store, command).expect_err("a failure");
            assert_eq!(error.kind, kind, "{api:?} {error}");
        }
    }
}

#[test]
fn the_text_of_a_script_is_sent_only_to_a_redis_that_lacks_it() {
    let Some(redis) = Redis::start() else { return };
    let (webdis, upstash) = (redis.webdis(), redis.upstash());
    let source = "return {KEYS[1], ARGV[1]}";
    let Resp::Text(sha1) = redis.command(&["SCRIPT", "LOAD", source]) else { panic!("no digest") };
    let script = Script { source, sha1: sha1.leak() };
    for store in
        [settings("webdis", &webdis.url(), WEBDIS_KEY), settings("upstash", &upstash.url(), UPSTASH_KEY)]
    {
        let start = Instant::now();
        let elapsed = || start.elapsed();
        let run = || {
            let reply =
                Store::new(&store, &Sockets, &elapsed).eval(script, &["k".to_owned()], &["a".to_owned()]);
            assert_eq!(reply, Ok(Reply(vec![text("k"), text("a")])), "{:?}", store.api);
        };
        redis.command(&["SCRIPT", "FLUSH"]);
        redis.command(&["CONFIG", "RESETSTAT"]);
        (0..3).for_each(|_| run());
        let Resp::Text(stats) = redis.command(&["INFO", "commandstats"]) else { panic!("no statistics") };
        let calls = |command: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
            line.and_then(|line| line.split(',').next()?.parse::<u32>().ok())
        };
        assert_eq!((calls("eval"), calls("evalsha")), (Some(1), Some(3)), "{:?}: {stats}", store.api);
    }
}

#[test]
fn a_store_that_fails_is_an_error_in_time() {
    let Some(redis) = Redis::start() else { return };
    let (mut webdis, upstash) = (redis.webdis(), redis.upstash());
    for wrong in [settings("webdis", &webdis.url(), "a:b"), settings("upstash", &upstash.url(), "wrong")] {
        let error = execute(&wrong, &["PING"]).expect_err("wrong credentials");
        assert_eq!(error.kind, StoreErrorKind::Refused, "{error}");
    }
    for store in
        [settings("webdis", &webdis.url(), WEBDIS_KEY), settings("upstash", &upstash.url(), UPSTASH_KEY)]
    {
        let hasty = Settings { timeout: Duration::from_millis(100), ..store.clone() };
        redis.command(&["CLIENT", "PAUSE", "600"]);
        let start = Instant::now();
        let error = execute(&hasty, &["SET", "a", "b"]).expect_err("it is slow");
        assert_eq!(error.kind, StoreErrorKind::Timeout, "{error}");
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(700));
        assert!(execute(&store, &["PING"]).is_ok());
        redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let error = execute(&store, &["SET", "a", "b"]).expect_err("it is full");
        assert_eq!(error.kind, StoreErrorKind::Command, "{error}");
        redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    }
    webdis.close();
    let error = execute(&settings("webdis", &webdis.url(), WEBDIS_KEY), &["PING"]).expect_err("it is down");
    assert_eq!(error.kind, StoreErrorKind::Unreachable, "{error}");
}
