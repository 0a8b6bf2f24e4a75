//! `bench-gateway load`: one round of load on a server that is already running, for `benches/peers.py`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::{self, Plan};
use crate::stats::quantile;

/// The job, read as JSON from standard input.
#[derive(Deserialize)]
struct Job {
    addr: SocketAddr,
    /// The process group of the server, which may be several processes.
    group: u32,
    connections: usize,
    seconds: f64,
    headers: Vec<(String, String)>,
    path: String,
    body: String,
}

#[derive(Serialize)]
struct Figures {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_ms: f64,
}

pub(crate) fn run() -> Result<(), String> {
    let job = std::io::read_to_string(std::io::stdin()).map_err(|error| error.to_string())?;
    let job: Job = serde_json::from_str(&job).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut request = load::request(job.addr, "POST", &job.path, job.body.as_bytes());
    let headers: String = job.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // Insert after the request line.
    let line = memchr::memmem::find(&request, b"\r\n").map_or(0, |at| at + 2);
    request.splice(line..line, headers.into_bytes());
    let plan = Plan {
        addr: job.addr,
        server: load::Server::Group(job.group),
        request: &request,
        connections: job.connections,
        warm_up: Duration::from_millis(200),
        time: Duration::from_secs_f64(job.seconds),
    };
    let round = load::run(&runtime, &plan)?;
    let ms = |q: f64| quantile(&round.latencies, q).unwrap_or(f64::NAN) * 1e3;
    let figures =
        Figures { per_second: round.per_second, p50_ms: ms(0.5), p99_ms: ms(0.99), cpu_ms: round.cpu };
    println!("{}", serde_json::to_string(&figures).map_err(|error| error.to_string())?);
    Ok(())
}
