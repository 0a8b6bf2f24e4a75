//! Limits across hosts: the embedded one and `wasmtime serve` share a real Redis.
//!
//! The short tests run in CI. The long ones take minutes:
//! `cargo test -p host-tests --test limits -- --ignored --nocapture`

#[path = "../../tests/redis/mod.rs"]
mod redis;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use host_tests::programs::{find, print_line};
use host_tests::{Answer, Call, Gateway, Live, Upstream, component_file};
use redis::{Redis, WEBDIS_KEY};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

const SUITE: &str = "limits";
const CHAT: &str = "/v1/chat/completions";
const CALLERS: usize = 64;

/// `wasmtime serve` with the component.
struct Cli {
    child: Child,
    addr: SocketAddr,
    log: std::path::PathBuf,
}

impl Cli {
    /// With a fresh instance for each request, or with reused ones. None where there is no wasmtime.
    async fn start(settings: &[(String, String)], reuse: u32) -> Option<Self> {
        let wasmtime = find(SUITE, "wasmtime", &["wasmtime", "/work/venv/bin/wasmtime"], &["--version"])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        drop(listener);
        let log = std::env::temp_dir().join(format!(
            "portcullis-limits-{}-{}.log",
            std::process::id(),
            addr.port()
        ));
        let file = std::fs::File::create(&log).expect("a log file");
        let mut command = Command::new(wasmtime);
        command.args([
            "serve",
            "-Scli",
            "--no-logging-prefix",
            "--max-instance-reuse-count",
            &reuse.to_string(),
        ]);
        command.args(["--addr", &addr.to_string()]);
        for (name, value) in settings {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command.arg(component_file()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().expect("wasmtime starts");
        let until = Instant::now() + Duration::from_secs(120);
        while tokio::net::TcpStream::connect(addr).await.is_err() {
            assert!(Instant::now() < until, "wasmtime serve starts");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { child, addr, log })
    }

    /// Ends it at once.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn logs(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_file(&self.log);
    }
}

fn settings(config: &Value) -> Vec<(String, String)> {
    vec![("PORTCULLIS_CONFIG".to_owned(), config.to_string())]
}

async fn embedded(settings: &[(String, String)], reuse: u32) -> Gateway {
    let options = host_tests::Options { settings: settings.to_vec(), reuse, ..Gateway::options() };
    Gateway::start_with(options).await
}

fn store(url: &str, more: &Value) -> Value {
    let mut store = json!({"url": url, "api": "webdis", "key": WEBDIS_KEY, "timeout_ms": 5000});
    for (name, value) in more.as_object().into_iter().flatten() {
        store[name] = value.clone();
    }
    store
}

fn chat(model: &str, most: u64, stream: bool) -> Value {
    json!({"model": model, "max_tokens": most, "stream": stream, "messages": [{"role": "user", "content": "Count."}]})
}

/// How much a key has used of its only limit.
async fn used(addr: SocketAddr, key: &str) -> f64 {
    let reply = Call::new(addr, "GET", "/v1/portcullis/usage").key(key).live().await.rest().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["data"][0]["used"].as_f64().expect("a number")
}

/// The requests that were granted: when each was sent, and when its head arrived.
type Grants = Arc<Mutex<Vec<(Instant, Instant)>>>;

/// 64 callers over two hosts want at least twice what limits of requests, tokens and dollars allow, for `seconds`. No test can
/// wait for the end of a day, so the dollars are those of three budgets, one after another.
async fn compete(seconds: u64, reuse: u32) {
    const REQUESTS: f64 = 240.0;
    const TOKENS: f64 = 1400.0;
    // The callers want about 0.0075 dollars a second.
    let budget = 0.0036 * seconds as f64 / 3.0;
    let budgets: Vec<Value> = (0..3)
        .map(|nth| json!({"name": format!("usd-{nth}"), "key": format!("sk-usd-{nth}"), "limits": [{"usd": budget, "window": "day"}]}))
        .collect();
    let Some(redis) = Redis::start() else { return };
    let webdis = redis.webdis();
    let windows = [
        json!({"name": "requests", "key": "sk-requests", "limits": [{"requests": REQUESTS as u64, "window": "minute"}]}),
        json!({"name": "tokens", "key": "sk-tokens", "limits": [{"tokens": TOKENS as u64, "window": "minute"}]}),
    ];
    let config = json!({
        "store": store(&webdis.url(), &json!({})),
        "models": {"mock": {"engine": {}, "price": {"input": 100, "output": 100}}},
        "keys": windows.into_iter().chain(budgets).collect::<Vec<_>>(),
    });
    let settings = settings(&config);
    let Some(cli) = Cli::start(&settings, reuse).await else { return };
    let gateway = embedded(&settings, reuse).await;
    let hosts = [gateway.addr(), cli.addr];
    let all: [Grants; 5] = Default::default();
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (addr, which) = (hosts[caller % 2], caller / 2 % 3);
        let all = all.clone();
        callers.spawn(async move {
            // About 21 callers a key, so that all together want twice the limit of a minute.
            let pause = Duration::from_millis([2600, 5200, 5200][which]);
            tokio::time::sleep(pause * (caller as u32 / 6) / 11).await;
            while began.elapsed() < Duration::from_secs(seconds) {
                let sent = Instant::now();
                let which =
                    if which == 2 { 2 + (sent - began).as_secs() * 3 / seconds } else { which as u64 };
                let which = which.min(4) as usize;
                let key = ["sk-requests", "sk-tokens", "sk-usd-0", "sk-usd-1", "sk-usd-2"][which];
                let body = chat("mock", 12, caller % 4 == 0);
                let live = Call::new(addr, "POST", CHAT).key(key).json(&body).live().await;
                let arrived = Instant::now();
                match live.status {
                    200 => {
                        let reply = live.rest().await;
                        assert!(reply.broken.is_none(), "{reply:?}");
                        all[which].lock().expect("no panic").push((sent, arrived));
                    }
                    429 => drop(live.rest().await),
                    status => panic!("{status}: {:?}", live.rest().await),
                }
                tokio::time::sleep(pause.saturating_sub(sent.elapsed())).await;
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("a caller");
    }
    // Every answer of the same request uses the same.
    let body = chat("mock", 12, false);
    let sample = Call::new(gateway.addr(), "POST", CHAT).key("sk-none").json(&body).live().await.rest().await;
    assert_eq!(sample.status, 401);
    let lines = [gateway.logs(), cli.logs()].concat();
    let each = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let counted = |line: &Value| {
        line["gen_ai.usage.input_tokens"].as_f64().zip(line["gen_ai.usage.output_tokens"].as_f64())
    };
    let granted: Vec<Value> =
        each.filter(|line| line["http.response.status_code"] == 200 && counted(line).is_some()).collect();
    let tokens = granted.first().and_then(counted).map(|(input, output)| input + output).expect("an answer");
    assert!(granted.iter().all(|line| counted(line).is_some_and(|(input, output)| input + output == tokens)));
    let windows = seconds as f64 / 60.0;
    for (which, (name, unit, most)) in
        [("requests", 1.0, REQUESTS), ("tokens", tokens, TOKENS)].into_iter().enumerate()
    {
        let mut grants = all[which].lock().expect("no panic").clone();
        grants.sort_by_key(|(sent, _)| *sent);
        let total = grants.len() as f64 * unit;
        // A grant is surely in a span that holds the time it was sent and the time its head arrived.
        let span = |start: Instant| {
            let in_span = grants
                .iter()
                .filter(|(sent, arrived)| *sent >= start && *arrived < start + Duration::from_secs(60));
            in_span.count() as f64 * unit
        };
        let most_in_span = grants.iter().map(|(sent, _)| span(*sent)).fold(0.0, f64::max);
        let possible = most * windows.max(1.0);
        print_line(
            SUITE,
            &format!(
                "{name}: at most {most_in_span} in any 60 s of {most}; {total} in {seconds} s, {:.3} of what the limit allows",
                total / possible
            ),
        );
        assert!(most_in_span <= most, "{name}: {most_in_span} of {most}");
        if seconds >= 60 {
            assert!(total >= 0.95 * possible - unit, "{name}: {total} of {possible}");
        }
    }
    for nth in 0..3 {
        let total = all[2 + nth].lock().expect("no panic").len() as f64 * tokens * 1e-4;
        let in_store = used(gateway.addr(), &format!("sk-usd-{nth}")).await;
        print_line(
            SUITE,
            &format!(
                "usd, budget {nth}: {total:.4} delivered, {in_store:.4} in the store, {:.3} of {budget:.4}",
                total / budget
            ),
        );
        assert!(total <= budget + 1e-9 && (total - in_store).abs() < 1e-9, "{total} {in_store} {budget}");
        if seconds >= 60 {
            assert!(total >= 0.95 * budget, "{total} of {budget}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_two_hosts_share_their_limits() {
    compete(20, 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three windows of a minute"]
async fn callers_of_two_hosts_share_their_limits_over_three_windows() {
    compete(180, 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three windows of a minute"]
async fn callers_of_fresh_instances_share_their_limits_over_three_windows() {
    compete(180, 1).await;
}

const CHUNK: &str =
    r#"{"choices":[{"index":0,"delta":{"content":"Hello, wide world!"},"finish_reason":null}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str =
    r#"{"choices":[{}],"usage":{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}}"#;

/// What the log states of requests.
#[derive(Debug, Default)]
struct Logged {
    lines: usize,
    /// Tokens of requests that the store counts.
    tokens: f64,
    estimated: usize,
    /// Requests during which the store did not reply, and their tokens.
    without_store: usize,
    tokens_without_store: f64,
    /// Requests that the host ended after their callers had left: their guests did not reach their end.
    ended: usize,
}

fn logged(lines: &[String], prompt: f64) -> Logged {
    let ended = lines.iter().filter(|line| line.contains("the caller had disconnected"));
    let mut all = Logged { ended: ended.count(), ..Logged::default() };
    for line in lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if line["url.path"] != CHAT || line["target"] == "host" {
            continue;
        }
        all.lines += 1;
        let count = |name: &str| line[name].as_f64().unwrap_or(0.0);
        let tokens = match line["http.response.status_code"].as_u64() {
            Some(200) => count("gen_ai.usage.input_tokens") + count("gen_ai.usage.output_tokens"),
            _ => prompt * count("attempts"),
        };
        if !line["store_failure"].is_null() {
            all.without_store += 1;
            all.tokens_without_store += tokens;
            continue;
        }
        all.estimated += usize::from(line["usage"] == "estimated");
        all.tokens += tokens;
    }
    all
}

/// Sends a request to a host that may be killed, and reads what comes.
async fn send_until_it_breaks(addr: SocketAddr, body: Value) {
    let body = body.to_string();
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer sk-k\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(addr).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut Vec::new()).await
    };
    // Upstreams that stall have no end, and a host that is killed resets the connection.
    let _ = tokio::time::timeout(Duration::from_secs(60), exchange).await;
}

/// Sends requests with faults and compares the store's counts to what was delivered.
async fn account(requests: usize) {
    const RESERVED: u64 = 100;
    let Some(redis) = Redis::start() else { return };
    let mut webdis = redis.webdis();
    let good = Answer::json(
        200,
        &json!({"choices": [{"message": {"content": "Hello"}}],
        "usage": {"prompt_tokens": 17, "completion_tokens": 5}}),
    );
    let streamed = Answer::events([CHUNK, FINISH, USAGE, "[DONE]"]);
    let silent = Answer::events([CHUNK, FINISH, "[DONE]"]);
    let slow = Answer::events([CHUNK, CHUNK, CHUNK]).cut().then_stall();
    let script = (0..requests).map(|nth| match nth % 10 {
        0 => Answer::reset(),
        1 => Answer::events([CHUNK, CHUNK]).then_reset(),
        2 => silent.clone(),
        3 => slow.clone(),
        4 | 5 => streamed.clone(),
        _ => good.clone(),
    });
    let upstream = Upstream::script(script).await;
    let config = json!({
        "store": store(&webdis.url(), &json!({"timeout_ms": 2000})),
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {"m": {"targets": [{"upstream": "up"}]}},
        "keys": [{"name": "k", "key": "sk-k", "limits": [{"tokens": 1_000_000_000_u64, "window": "day"}]}],
    });
    let settings = settings(&config);
    let gateway = embedded(&settings, host_tests::Options::DEFAULT_REUSE).await;
    // The tokens of the prompt, by a request that reaches no upstream's answer: all count the same.
    let prompt = {
        let reply = Call::new(gateway.addr(), "POST", CHAT)
            .key("sk-k")
            .json(&chat("m", RESERVED, false))
            .live()
            .await;
        let _ = reply.rest().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        used(gateway.addr(), "sk-k").await
    };
    let send = |addr: SocketAddr, nth: usize| async move {
        let call = Call::new(addr, "POST", CHAT).key("sk-k").json(&chat("m", RESERVED, true));
        let sent = tokio::time::timeout(Duration::from_secs(60), call.live()).await;
        let Ok(mut live): Result<Live, _> = sent else { panic!("request {nth} has no answer") };
        // Every seventh caller leaves after the first piece; what stalls has to be left.
        let leaves = nth % 7 == 3;
        loop {
            match tokio::time::timeout(Duration::from_millis(400), live.piece()).await {
                Ok(Ok(Some(_))) if !leaves => {}
                _ => break,
            }
        }
    };
    let flood = |addr: SocketAddr, from: usize, to: usize| async move {
        let mut running = JoinSet::new();
        for nth in from..to {
            while running.len() >= 32 {
                running.join_next().await;
            }
            running.spawn(send(addr, nth));
        }
        while running.join_next().await.is_some() {}
    };
    let settled = |lines: usize| {
        let gateway = &gateway;
        async move {
            let until = Instant::now() + Duration::from_secs(60);
            loop {
                let log = logged(&gateway.logs(), 0.0);
                if log.lines + log.ended >= lines {
                    return;
                }
                assert!(Instant::now() < until, "{log:?} of {lines}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    // Callers that leave, upstreams that reset, streams that break off, usage that no upstream reports.
    let faulty = requests * 7 / 10;
    flood(gateway.addr(), 1, faulty).await;
    settled(faulty).await;
    let log = logged(&gateway.logs(), prompt);
    let in_store = used(gateway.addr(), "sk-k").await;
    let reserve = prompt + RESERVED as f64;
    let most = log.tokens + (log.without_store + log.ended) as f64 * (reserve + 22.0);
    print_line(
        SUITE,
        &format!(
            "{} requests with faults: {} tokens by the log, {in_store} in the store, at most {most}; {} estimated, {} \
             ended by the host, {} without the store",
            log.lines, log.tokens, log.estimated, log.ended, log.without_store
        ),
    );
    // Equal, where every guest reached its end.
    assert!((log.tokens..=most).contains(&in_store), "{log:?}: {in_store}");

    // The store is down for a second.
    let until = requests * 9 / 10;
    let (away, ()) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            webdis.close();
            tokio::time::sleep(Duration::from_secs(1)).await;
            webdis.reopen();
        },
        flood(gateway.addr(), faulty, until),
    );
    let () = away;
    settled(until).await;
    let log = logged(&gateway.logs(), prompt);
    let in_store = used(gateway.addr(), "sk-k").await;
    let most = log.tokens + (log.without_store + log.ended) as f64 * (reserve + 22.0);
    print_line(
        SUITE,
        &format!(
            "store down for a second: {} requests, {} tokens by the log, {in_store} in the store, at most {most}; apart from \
             {} requests without the store, with {} tokens",
            log.lines, log.tokens, log.without_store, log.tokens_without_store
        ),
    );
    // Few requests may all stall just then.
    assert!(requests < 1000 || log.without_store > 0, "{log:?}");
    assert!((log.tokens..=most).contains(&in_store), "{log:?}: {in_store}");

    // A host that is killed leaves reservations.
    let Some(mut cli) = Cli::start(&settings, 1000).await else { return };
    let addr = cli.addr;
    let before = in_store;
    let sent = requests - until;
    let mut running = JoinSet::new();
    for _ in 0..sent {
        running.spawn(send_until_it_breaks(addr, chat("m", RESERVED, true)));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    cli.kill();
    while running.join_next().await.is_some() {}
    let log = logged(&cli.logs(), prompt);
    let in_store = used(gateway.addr(), "sk-k").await - before;
    let most = log.tokens + (sent - log.lines.min(sent)) as f64 * (prompt + RESERVED as f64);
    print_line(
        SUITE,
        &format!(
            "killed host: {} of {sent} requests logged with {} tokens, {in_store} in the store, at most {most}",
            log.lines, log.tokens
        ),
    );
    assert!((log.tokens..=most).contains(&in_store), "{log:?}: {in_store}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_counts_what_was_delivered() {
    account(300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_store_counts_what_was_delivered_by_ten_thousand_requests() {
    account(10_000).await;
}
