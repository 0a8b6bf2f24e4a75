//! A gateway with limits, its Redis, and an upstream that answers as a test states it.

use crate::http::{Sockets, Upload};
use crate::redis::{Door, Redis, WEBDIS_KEY};
use portcullis::ctx::Ctx;
use portcullis::gateway::{Exchange, Gateway};
use portcullis::http::{Body, BodyItem, Headers, Incoming, Method, Request};
use portcullis::log::Ending;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

/// How an upstream answers: the head after the status line, and the body in parts; after the last one it closes the
/// connection.
pub(crate) type Answers = fn(nth: usize, body: &str) -> String;

/// An upstream.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("it is bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut from = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
                let mut length = 0;
                let mut line = String::new();
                while from.read_line(&mut line).is_ok_and(|n| n > 2) {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap_or(0);
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                let _ = from.read_exact(&mut body);
                let body = String::from_utf8_lossy(&body).into_owned();
                let nth = {
                    let mut all = all.lock().expect("no panic");
                    all.push(body.clone());
                    all.len() - 1
                };
                let _ = (&stream).write_all(answers(nth, &body).as_bytes());
            }
        });
        Self { url, seen }
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

/// A whole answer in JSON.
pub(crate) fn whole(status: u16, json: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nx-ratelimit-limit-requests: 99\r\n\
         content-length: {}\r\n\r\n{json}",
        json.len()
    )
}

/// A stream of events.
pub(crate) fn stream(events: &[&str]) -> String {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    format!(
        "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) struct Site {
    pub(crate) redis: Redis,
    pub(crate) webdis: Door,
    gateway: Gateway,
    start: Instant,
}

/// What the caller got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: String,
    pub(crate) log: serde_json::Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// How a caller takes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    All,
    /// So many pieces; then it is gone.
    Pieces(usize),
}

impl Site {
    /// `settings` are members of `PORTCULLIS_CONFIG` besides the store; `on_failure` may be empty.
    pub(crate) fn start(settings: &str, store: &str) -> Option<Self> {
        let redis = Redis::start()?;
        let webdis = redis.webdis();
        let config = format!(
            r#"{{"store": {{"url": "{}", "api": "webdis", "key": "{WEBDIS_KEY}", "timeout_ms": 1000{store}}},
                "keys": [{{"name": "ci", "key": "sk-ci"}}, {{"name": "boss", "key": "sk-boss", "admin": true}}],
                {settings}}}"#,
            webdis.url()
        );
        let vars = [
            ("PORTCULLIS_CONFIG".to_owned(), config),
            ("PORTCULLIS_API_KEYS".to_owned(), "sk-env".to_owned()),
        ];
        portcullis::config::Config::from_vars(&vars).unwrap_or_else(|error| panic!("{error}"));
        Some(Self { redis, webdis, gateway: Gateway::new(&vars), start: Instant::now() })
    }

    pub(crate) fn call(&self, key: &str, method: Method, path: &str, body: &str, takes: Takes) -> Got {
        self.call_while(key, method, path, body, takes, &|| {})
    }

    /// As [`Site::call`]; `meanwhile` is called after each piece of the answer.
    pub(crate) fn call_while(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &str,
        takes: Takes,
        meanwhile: &dyn Fn(),
    ) -> Got {
        let headers = [
            ("authorization", format!("Bearer {key}")),
            ("content-type", "application/json".to_owned()),
            ("anthropic-version", "2023-06-01".to_owned()),
        ];
        let request =
            Request { method, path: path.to_owned(), query: None, headers: headers.into_iter().collect() };
        let arrived = self.start.elapsed();
        let elapsed = || self.start.elapsed() - arrived;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let unique = u64::try_from(arrived.as_nanos()).expect("short");
        let ctx = Ctx { now, random: [unique, 5], elapsed: &elapsed };
        let Exchange { response, record } =
            self.gateway.handle(&request, &mut Upload(Some(body.as_bytes().to_vec())), &Sockets, &ctx);
        let mut ending = Ending::default();
        let mut out = Vec::new();
        let mut left = match takes {
            Takes::All => usize::MAX,
            Takes::Pieces(pieces) => pieces,
        };
        match response.body {
            Body::Full(bytes) => out = bytes,
            Body::Stream(items) => {
                for item in items {
                    match item {
                        BodyItem::Data(bytes) => {
                            out.extend(bytes);
                            self.gateway.renew(&record, &Sockets, &elapsed);
                            meanwhile();
                            left -= 1;
                        }
                        BodyItem::Failed(reason) | BodyItem::Abort(reason) => ending.broken = Some(reason),
                        BodyItem::Silence | BodyItem::Pause(_) => {}
                    }
                    if left == 0 {
                        break;
                    }
                }
            }
            Body::Relay(mut relay) => {
                out = relay.head;
                while let Ok(Some(piece)) = relay.from.read() {
                    out.extend(piece);
                }
            }
        }
        let line = self.gateway.close(record, &ending, &Sockets, &elapsed).expect("all is logged");
        Got {
            status: response.status,
            headers: response.headers,
            body: String::from_utf8_lossy(&out).into_owned(),
            log: serde_json::from_str(&line).expect("a line of JSON"),
        }
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Got {
        self.call("sk-ci", Method::Post, path, body, Takes::All)
    }

    pub(crate) fn chat(&self, body: &str) -> Got {
        self.post("/v1/chat/completions", body)
    }

    /// What `GET /v1/portcullis/usage` shows of limits of a measure, as `used`.
    pub(crate) fn used(&self, measure: &str) -> Vec<f64> {
        let got = self.call("sk-ci", Method::Get, "/v1/portcullis/usage", "", Takes::All);
        assert_eq!(got.status, 200, "{}", got.body);
        let rows = got.json()["data"].as_array().expect("rows").clone();
        let rows = rows.iter().filter(|row| row["measure"] == measure);
        rows.map(|row| row["used"].as_f64().expect("a number")).collect()
    }
}

/// A chat of some model.
pub(crate) fn chat(model: &str, more: &str) -> String {
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"user","content":"Say hello to the whole world."}}]{more}}}"#
    )
}
