use super::*;
use crate::config::{Secret, StoreApi};
use crate::http::ReadError;
use crate::transport::{RedisError, RedisValue};
use std::cell::{Cell, RefCell};

const EVAL: [&str; 5] = ["EVAL", "return {1, 'a/b.c?'}", "1", "{portcullis:default}:é", ""];

fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

fn kind(result: Result<Reply, StoreError>) -> StoreErrorKind {
    result.expect_err("a failure").kind
}

#[test]
fn upstash_takes_a_command_as_a_json_array() {
    let encoded = upstash::encode(Some(&Secret::new("token")), &EVAL);
    assert_eq!(encoded.body, r#"["EVAL","return {1, 'a/b.c?'}","1","{portcullis:default}:é",""]"#);
    assert_eq!((encoded.path, encoded.authorization.as_deref()), ("/", Some("Bearer token")));
    assert_eq!(upstash::encode(None, &["PING"]).authorization, None);
}

#[test]
fn upstash_replies_are_read() {
    for (body, want) in [
        (r#"{"result":"OK"}"#, vec![text("OK")]),
        (r#"{"result":null}"#, vec![Item::Nil]),
        (r#"{"result":-3}"#, vec![Item::Integer(-3)]),
        (r#"{"result":[]}"#, vec![]),
        (r#"{"result":[1,"2",null]}"#, vec![Item::Integer(1), text("2"), Item::Nil]),
    ] {
        assert_eq!(upstash::decode(200, body.as_bytes()), Ok(Reply(want)), "{body}");
    }
    for (status, body, want) in [
        (400, r#"{"error":"ERR unknown command"}"#, StoreErrorKind::Command),
        (200, r#"{"error":"OOM command not allowed"}"#, StoreErrorKind::Command),
        (401, r#"{"error":"Unauthorized: token is wrong"}"#, StoreErrorKind::Refused),
        (502, "<html>", StoreErrorKind::Refused),
        (200, "<html>", StoreErrorKind::Unreadable),
        (200, "{}", StoreErrorKind::Unreadable),
        (200, r#"{"result":1.5}"#, StoreErrorKind::Unreadable),
        (200, r#"{"result":true}"#, StoreErrorKind::Unreadable),
        (200, r#"{"result":[[1]]}"#, StoreErrorKind::Unreadable),
    ] {
        assert_eq!(kind(upstash::decode(status, body.as_bytes())), want, "{body}");
    }
}

#[test]
fn webdis_takes_a_command_percent_encoded() {
    let encoded = webdis::encode(Some(&Secret::new("user:password")), &EVAL);
    assert_eq!(
        encoded.body,
        "EVAL/return%20%7B1%2C%20%27a%2Fb%2Ec%3F%27%7D/1/%7Bportcullis%3Adefault%7D%3A%C3%A9/.json"
    );
    assert_eq!((encoded.path, encoded.authorization.as_deref()), ("/", Some("Basic dXNlcjpwYXNzd29yZA==")));
}

#[test]
fn webdis_replies_are_read() {
    for (body, want) in [
        (r#"{"SET":[true,"OK"]}"#, vec![text("OK")]),
        (r#"{"GET":null}"#, vec![Item::Nil]),
        (r#"{"GET":"x"}"#, vec![text("x")]),
        (r#"{"EVAL":7}"#, vec![Item::Integer(7)]),
        (r#"{"EVAL":[]}"#, vec![]),
        (r#"{"EVAL":[1,"x",null]}"#, vec![Item::Integer(1), text("x"), Item::Nil]),
    ] {
        assert_eq!(webdis::decode(200, body.as_bytes()), Ok(Reply(want)), "{body}");
    }
    for (status, body, want) in [
        (200, r#"{"EVAL":[false,"ERR Error running script"]}"#, StoreErrorKind::Command),
        (200, r#"{"EVAL":[false]}"#, StoreErrorKind::Command),
        (403, "", StoreErrorKind::Refused),
        (503, "", StoreErrorKind::Refused),
        (200, "", StoreErrorKind::Unreadable),
        (200, "{}", StoreErrorKind::Unreadable),
        (200, r#"{"GET":{"a":1}}"#, StoreErrorKind::Unreadable),
    ] {
        assert_eq!(kind(webdis::decode(status, body.as_bytes())), want, "{body}");
    }
}

fn settings() -> Settings {
    Settings {
        api: StoreApi::Upstash,
        https: false,
        authority: "store".to_owned(),
        base_path: String::new(),
        key: None,
        timeout: Duration::from_millis(50),
        on_failure: None,
        namespace: "default".to_owned(),
    }
}

#[test]
fn keys_are_hashed_and_in_one_slot() {
    let settings = Settings { namespace: "team".to_owned(), ..settings() };
    let name = settings.key_name("requests", &["ci", "gpt-4o"], "minute");
    assert!(name.starts_with("{portcullis:team}:requests:") && name.ends_with(":minute"), "{name}");
    assert_eq!(name.len(), "{portcullis:team}:requests::minute".len() + 64);
    assert!(!name.contains("gpt-4o"));
    // What is about one thing is not about two.
    assert_ne!(name, settings.key_name("requests", &["cig", "pt-4o"], "minute"));
}

#[test]
fn integers_are_read_from_digits_too() {
    let reply = Reply(vec![Item::Integer(1), text("-2")]);
    assert_eq!(reply.integers(), Ok(vec![1, -2]));
    assert_eq!(
        Reply(vec![Item::Nil]).integers().map_err(|error| error.kind),
        Err(StoreErrorKind::Unreadable)
    );
}

/// A store that answers after a time, or never, byte by byte.
struct Slow {
    now: Cell<u64>,
    head_after: u64,
    byte_after: u64,
    body: &'static str,
    length: bool,
}

struct SlowBody {
    rest: std::vec::IntoIter<u8>,
    byte_after: u64,
    waited: std::rc::Rc<Cell<u64>>,
}

impl Incoming for SlowBody {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.rest.next().map(|byte| vec![byte]))
    }

    fn read_within(&mut self, timeout: Duration) -> Result<Piece, ReadError> {
        let timeout = u64::try_from(timeout.as_millis()).expect("short");
        self.waited.set(self.waited.get() + self.byte_after.min(timeout));
        if self.byte_after > timeout {
            return Ok(Piece::Pending);
        }
        Ok(self.read()?.map_or(Piece::End, Piece::Bytes))
    }
}

thread_local! {
    static WAITED: std::rc::Rc<Cell<u64>> = std::rc::Rc::default();
}

impl Transport for Slow {
    type Call = ();
    type Body = SlowBody;
    type Upload = SlowBody;

    fn start(&self, _: &Outgoing<'_>) -> Result<(), SendError> {
        Ok(())
    }

    fn head(&self, _: &mut ()) -> Option<Result<Answered<SlowBody>, SendError>> {
        (self.now.get() >= self.head_after).then(|| {
            let length = [("content-length", self.body.len().to_string())];
            let headers = length.into_iter().filter(|_| self.length).collect();
            let rest = self.body.as_bytes().to_vec().into_iter();
            let body = SlowBody { rest, byte_after: self.byte_after, waited: WAITED.with(Clone::clone) };
            Ok(Answered { status: 200, headers, body })
        })
    }

    fn wait(&self, _: &[Pending<'_, Self>], at_most: Option<Duration>) {
        let at_most = at_most.map_or(u64::MAX, |time| u64::try_from(time.as_millis()).expect("short"));
        self.now.set(self.head_after.min(self.now.get().saturating_add(at_most)));
    }

    fn pass(&self, _: &Outgoing<'_>, _: &mut SlowBody) -> Result<Answered<SlowBody>, SendError> {
        Err(SendError { kind: SendErrorKind::Denied, reason: "a store needs no pass".to_owned() })
    }
}

fn execute(slow: &Slow) -> (Result<Reply, StoreError>, u64) {
    let settings = settings();
    WAITED.with(|waited| waited.set(0));
    let now = || Duration::from_millis(slow.now.get() + WAITED.with(|waited| waited.get()));
    let result = Store::new(&settings, slow, &now).execute(&["PING"]);
    (result, u64::try_from(now().as_millis()).expect("short"))
}

#[test]
fn no_command_takes_longer_than_the_timeout() {
    let body = r#"{"result":"PONG"}"#;
    let fast = Slow { now: Cell::new(0), head_after: 40, byte_after: 0, body, length: true };
    assert_eq!(execute(&fast), (Ok(Reply(vec![text("PONG")])), 40));
    let unannounced = Slow { now: Cell::new(0), length: false, ..fast };
    assert_eq!(execute(&unannounced), (Ok(Reply(vec![text("PONG")])), 40));
    for (head_after, byte_after) in [(1000, 0), (10, 1000), (10, 7)] {
        let (result, took) = execute(&Slow { now: Cell::new(0), head_after, byte_after, body, length: true });
        assert_eq!((kind(result), took), (StoreErrorKind::Timeout, 50), "{head_after} {byte_after}");
    }
}

/// A host with an interface to Redis, which has one reply.
struct ByHost {
    reply: Result<Vec<RedisValue>, RedisError>,
    called: RefCell<Vec<String>>,
}

impl Transport for ByHost {
    type Call = ();
    type Body = SlowBody;
    type Upload = SlowBody;

    fn start(&self, _: &Outgoing<'_>) -> Result<(), SendError> {
        panic!("the host connects to Redis")
    }

    fn head(&self, _: &mut ()) -> Option<Result<Answered<SlowBody>, SendError>> {
        None
    }

    fn wait(&self, _: &[Pending<'_, Self>], _: Option<Duration>) {}

    fn pass(&self, _: &Outgoing<'_>, _: &mut SlowBody) -> Result<Answered<SlowBody>, SendError> {
        panic!("a store needs no pass")
    }

    fn redis(&self, address: &str, command: &[&str]) -> Result<Vec<RedisValue>, RedisError> {
        self.called.borrow_mut().push(format!("{address} {}", command.join(" ")));
        self.reply.clone()
    }
}

fn by_host(
    reply: Result<Vec<RedisValue>, RedisError>,
    key: Option<&str>,
) -> (Result<Reply, StoreError>, String) {
    let settings = Settings {
        api: StoreApi::Redis,
        https: key.is_some(),
        authority: "redis:6380".to_owned(),
        base_path: "/2".to_owned(),
        key: key.map(Secret::new),
        timeout: Duration::from_millis(50),
        on_failure: None,
        namespace: "default".to_owned(),
    };
    let host = ByHost { reply, called: RefCell::default() };
    let result = Store::new(&settings, &host, &|| Duration::ZERO).execute(&["GET", "k"]);
    (result, host.called.take().concat())
}

#[test]
fn the_host_executes_commands_of_redis() {
    let values = vec![RedisValue::Nil, RedisValue::Integer(-1), RedisValue::Bytes("é\0".into())];
    let (reply, called) = by_host(Ok(values), None);
    assert_eq!(reply, Ok(Reply(vec![Item::Nil, Item::Integer(-1), text("é\0")])));
    assert_eq!(called, "redis://redis:6380/2 GET k");
    let (_, called) = by_host(Ok(Vec::new()), Some("us/er:p@ss:w%rd"));
    assert_eq!(called, "rediss://us%2Fer:p%40ss%3Aw%25rd@redis:6380/2 GET k");
    assert_eq!(by_host(Ok(Vec::new()), Some(":secret")).1, "rediss://:secret@redis:6380/2 GET k");
}

#[test]
fn failures_of_the_host_s_redis_are_the_store_s() {
    let connection =
        |kind| RedisError::Connection(SendError { kind, reason: "at rediss://u:p%3Aw@redis".to_owned() });
    let long = RedisValue::Bytes(vec![b'x'; MAX_VALUE + 1]);
    for (reply, want) in [
        (Err(connection(SendErrorKind::Denied)), StoreErrorKind::Unreachable),
        (Err(connection(SendErrorKind::Timeout)), StoreErrorKind::Timeout),
        (Err(RedisError::Command("OOM u:p:w".to_owned())), StoreErrorKind::Command),
        (Ok(vec![RedisValue::Bytes(vec![0xff])]), StoreErrorKind::Unreadable),
        (Ok(vec![long]), StoreErrorKind::Unreadable),
    ] {
        let error = by_host(reply, Some("u:p:w")).0.expect_err("a failure");
        assert_eq!(error.kind, want, "{error}");
        assert!(!error.reason.contains("p:w") && !error.reason.contains("p%3Aw"), "{error}");
    }
}

#[test]
fn a_host_without_redis_reports_it() {
    let slow = Slow { now: Cell::new(0), head_after: 0, byte_after: 0, body: "", length: true };
    let error = slow.redis("redis://h", &["PING"]).expect_err("it has none");
    assert!(matches!(error, RedisError::Connection(error) if error.kind == SendErrorKind::Denied));
}
