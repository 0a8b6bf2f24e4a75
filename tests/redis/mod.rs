//! A real Redis for tests, with the servers by which it is reached over HTTP: webdis, and a small one that speaks
//! Upstash's REST protocol. Also compiled into `host-tests`, so it needs nothing but std.

#![allow(clippy::disallowed_methods, reason = "sockets and child processes need time and the environment")]
#![allow(dead_code, reason = "not every test that includes this uses all of it")]

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// How long a started server may take to answer before a test goes on without.
const READY: Duration = Duration::from_secs(2);

/// How many answers in a row show that each thread of webdis is connected to Redis: twice as many as it has threads.
const PINGS: usize = 4;

/// The credentials for webdis and for the Upstash server.
pub(crate) const WEBDIS_KEY: &str = "gateway:s3cret/+:";
const WEBDIS_KEY_BASE64: &str = "Z2F0ZXdheTpzM2NyZXQvKzo=";
pub(crate) const UPSTASH_KEY: &str = "upstash-token";

/// A Redis on a free port, empty, which dies with the test.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    folder: PathBuf,
    tools: Tools,
}

/// A reply of Redis (RESP2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resp {
    Nil,
    Integer(i64),
    Text(String),
    Error(String),
    Array(Vec<Resp>),
}

/// A server in front of a Redis.
pub(crate) struct Door {
    child: Option<Child>,
    port: u16,
    /// What starts it.
    command: Option<Command>,
}

/// Where the programs are.
#[derive(Clone)]
struct Tools {
    redis: PathBuf,
    webdis: PathBuf,
    libraries: Option<PathBuf>,
}

impl Tools {
    /// The installed programs, or those of the packages below `target/`.
    fn find() -> Result<Self, String> {
        let installed =
            Self { redis: "redis-server".into(), webdis: "/usr/bin/webdis".into(), libraries: None };
        if installed.work() {
            return Ok(installed);
        }
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|dir| dir.join("Cargo.lock").exists());
        let folder = folder.ok_or("there is no workspace")?.join("target/redis");
        let usr = folder.join("usr");
        let fetched = Self {
            redis: usr.join("bin/redis-server"),
            webdis: usr.join("bin/webdis"),
            libraries: Some(usr.join("lib")),
        };
        if !fetched.work() {
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            // Their libraries beside them: a machine without the programs has few of those.
            let script = "[ -n \"$(ls /var/lib/apt/lists)\" ] || apt-get update -qq; \
                          apt-get download redis-server redis-tools webdis $(apt-cache depends redis-tools webdis \
                          | sed -n 's/^ *Depends: \\(lib[^<]*\\)$/\\1/p' | grep -v '^libc6$' | sort -u) \
                          && for package in *.deb; do dpkg -x $package .; done";
            let output = Command::new("sh").args(["-c", script]).current_dir(&folder).output();
            let output = output.map_err(|error| error.to_string())?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
            }
        }
        match fetched.work() {
            true => Ok(fetched),
            false => Err("redis-server does not start".to_owned()),
        }
    }

    fn work(&self) -> bool {
        let version = self.command(&self.redis).arg("--version").output();
        // webdis has no option that would not start it.
        version.is_ok_and(|output| output.status.success()) && self.webdis.exists()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(libraries) = &self.libraries {
            // Debian's folder of a machine's libraries is named by its architecture.
            let folders =
                std::fs::read_dir(libraries).into_iter().flatten().flatten().map(|entry| entry.path());
            let path = std::env::join_paths(folders.chain([libraries.clone()])).expect("no colon in a path");
            command.env("LD_LIBRARY_PATH", path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    // Another test of this process may have got it a moment ago, and its server may not listen yet.
    static TAKEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().expect("no test panics here");
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        if !taken.contains(&port) {
            taken.push(port);
            return port;
        }
    }
}

fn await_port(port: u16, what: &str) {
    let until = Instant::now() + START;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < until, "{what} did not start within {} s", START.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until `ready` holds, for a while: a test may start webdis in front of a Redis that does not answer.
fn await_ready(mut ready: impl FnMut() -> bool) {
    let until = Instant::now() + READY;
    while !ready() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether webdis answers on a new connection, with a reply of Redis.
fn pings(port: u16) -> bool {
    let get = || -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(READY))?;
        write!(
            stream,
            "GET /PING HTTP/1.1\r\nhost: webdis\r\nauthorization: Basic {WEBDIS_KEY_BASE64}\r\n\r\n"
        )?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.contains(" 200 "))
    };
    get().unwrap_or(false)
}

impl Redis {
    /// Starts one. Without the programs the test is skipped, with a notice, which is a failure in CI.
    pub(crate) fn start() -> Option<Self> {
        static NTH: AtomicU32 = AtomicU32::new(0);
        // Once for all threads, which would download into the same folder.
        static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
        let tools = match TOOLS.get_or_init(Tools::find).clone() {
            Ok(tools) => tools,
            Err(why) => {
                let _ = writeln!(io::stderr(), "SKIPPED: there is no redis-server and webdis: {why}");
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "CI must not skip the tests with Redis"
                );
                return None;
            }
        };
        let name = format!("portcullis-redis-{}-{}", std::process::id(), NTH.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for Redis");
        let port = free_port();
        let mut command = tools.command(&tools.redis);
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--loglevel",
            "warning",
            "--dir",
        ]);
        command.arg(&folder).args(["--port", &port.to_string()]);
        let child = command.spawn().expect("redis-server starts");
        await_port(port, "redis-server");
        // A connection alone is no proof that it is this server which listens.
        await_ready(|| resp(port, &["PING"]).is_ok_and(|reply| reply == Resp::Text("PONG".to_owned())));
        Some(Self { child, port, folder, tools })
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Executes a command.
    pub(crate) fn command(&self, parts: &[&str]) -> Resp {
        resp(self.port, parts).expect("Redis answers")
    }

    /// All keys and what they hold: hashes as their fields, sorted; others by their type.
    pub(crate) fn dump(&self) -> Vec<(String, Vec<(String, String)>)> {
        let texts = |reply: Resp| match reply {
            Resp::Array(items) => items.into_iter().filter_map(Resp::into_text).collect(),
            other => panic!("no array: {other:?}"),
        };
        let mut keys: Vec<String> = texts(self.command(&["KEYS", "*"]));
        keys.sort();
        let fields = |key: &String| match self.command(&["HGETALL", key]) {
            Resp::Error(_) => Vec::new(),
            reply => {
                let flat: Vec<String> = texts(reply);
                let mut pairs: Vec<_> =
                    flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
                pairs.sort();
                pairs
            }
        };
        keys.into_iter().map(|key| (key.clone(), fields(&key))).collect()
    }

    /// Starts webdis in front of it, with [`WEBDIS_KEY`] as the credentials that may do anything.
    pub(crate) fn webdis(&self) -> Door {
        let port = free_port();
        let file = self.folder.join(format!("webdis-{port}.json"));
        let log = self.folder.join(format!("webdis-{port}.log"));
        let settings = format!(
            r#"{{"redis_host": "127.0.0.1", "redis_port": {}, "http_host": "127.0.0.1", "http_port": {port},
                "threads": 2, "pool_size": 8, "daemonize": false, "verbosity": 0, "logfile": {log:?},
                "acl": [{{"disabled": ["*"]}}, {{"http_basic_auth": {WEBDIS_KEY:?}, "enabled": ["*"]}}]}}"#,
            self.port
        );
        std::fs::write(&file, settings).expect("a settings file");
        let mut command = self.tools.command(&self.tools.webdis);
        command.arg(&file).current_dir(&self.folder);
        let mut door = Door { child: None, port, command: Some(command) };
        door.reopen();
        door
    }

    /// Starts a server of Upstash's protocol in front of it, with [`UPSTASH_KEY`] as its token.
    pub(crate) fn upstash(&self) -> Door {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let redis = self.port;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let _ = serve_upstash(stream, redis);
                });
            }
        });
        Door { child: None, port, command: None }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Door {
    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts webdis, on the same port as before.
    pub(crate) fn reopen(&mut self) {
        if let Some(command) = &mut self.command {
            self.child = Some(command.spawn().expect("webdis starts"));
            await_port(self.port, "webdis");
            // Each of its threads takes connections before it has its own to Redis, and responds with 503 until then.
            let mut answered = 0;
            await_ready(|| {
                answered = if pings(self.port) { answered + 1 } else { 0 };
                answered >= PINGS
            });
        }
    }

    /// Ends webdis. A new connection is refused from now on.
    pub(crate) fn close(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

impl Resp {
    /// The text of a string or of a number.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// An array's integers; panics with anything else.
    pub(crate) fn integers(self) -> Vec<i64> {
        match self {
            Self::Integer(number) => vec![number],
            Self::Array(items) => items.into_iter().flat_map(Self::integers).collect(),
            other => panic!("no integers: {other:?}"),
        }
    }
}

/// Executes a command by Redis's own protocol.
fn resp(port: u16, parts: &[&str]) -> io::Result<Resp> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut bytes = format!("*{}\r\n", parts.len());
    for part in parts {
        let _ = write!(bytes, "${}\r\n{part}\r\n", part.len());
    }
    stream.write_all(bytes.as_bytes())?;
    read_resp(&mut BufReader::new(stream))
}

fn read_resp(from: &mut impl BufRead) -> io::Result<Resp> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (sign, rest) = line.trim_end().split_at(1);
    let number = || rest.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    Ok(match sign {
        "+" => Resp::Text(rest.to_owned()),
        "-" => Resp::Error(rest.to_owned()),
        ":" => Resp::Integer(number()?),
        "$" => match usize::try_from(number()?) {
            Err(_) => Resp::Nil,
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes)?;
                Resp::Text(String::from_utf8_lossy(&bytes[..length]).into_owned())
            }
        },
        "*" => match usize::try_from(number()?) {
            Err(_) => Resp::Nil,
            Ok(length) => Resp::Array((0..length).map(|_| read_resp(from)).collect::<io::Result<_>>()?),
        },
        _ => return Err(io::ErrorKind::InvalidData.into()),
    })
}

/// Answers the requests of one connection.
fn serve_upstash(stream: TcpStream, redis: u16) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut from = BufReader::new(stream);
    loop {
        let (mut length, mut authorized, mut lines) = (0, false, 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            lines += 1;
            if let Some((name, value)) = line.split_once(": ") {
                match &*name.to_ascii_lowercase() {
                    "content-length" => length = value.parse().unwrap_or(0),
                    "authorization" => authorized = value == format!("Bearer {UPSTASH_KEY}"),
                    _ => {}
                }
            }
        }
        assert!(lines > 0, "a request has a line");
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let (status, answer) = match (authorized, strings(&String::from_utf8_lossy(&body))) {
            (false, _) => (401, r#"{"error":"Unauthorized"}"#.to_owned()),
            (true, None) => (400, r#"{"error":"ERR failed to parse command"}"#.to_owned()),
            (true, Some(parts)) => {
                let parts: Vec<&str> = parts.iter().map(|part| &**part).collect();
                match resp(redis, &parts) {
                    Ok(Resp::Error(error)) => (400, format!(r#"{{"error":{}}}"#, quoted(&error))),
                    Ok(reply) => (200, format!(r#"{{"result":{}}}"#, json(&reply))),
                    Err(_) => (503, String::new()),
                }
            }
        };
        write!(out, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())?;
    }
}

fn json(reply: &Resp) -> String {
    match reply {
        Resp::Nil => "null".to_owned(),
        Resp::Integer(number) => number.to_string(),
        Resp::Text(text) | Resp::Error(text) => quoted(text),
        Resp::Array(items) => {
            format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The strings of a JSON array of strings.
fn strings(json: &str) -> Option<Vec<String>> {
    let mut rest = json.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let mut chars = rest.strip_prefix('"')?.char_indices();
        let mut text = String::new();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at + 2,
                (_, '\\') => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'u' => {
                        let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                    }
                    c => text.push(c),
                },
                (_, c) => text.push(c),
            }
        };
        out.push(text);
        rest = rest[end..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(out)
}
