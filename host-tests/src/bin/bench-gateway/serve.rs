//! `bench-gateway host`: the embedded host in a process of its own, which answers questions on its standard input.

use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use host_tests::{Options, Program, Server};
use serde::{Deserialize, Serialize};

/// What a host reports about its instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instances {
    /// How many were made so far.
    pub(crate) made: u64,
    /// Bytes of linear memory, of each that is idle.
    pub(crate) memories: Vec<usize>,
    /// How many requests each of them has handled.
    pub(crate) served: Vec<u32>,
}

/// The commands, one on a line.
pub(crate) const INSTANCES: &str = "instances";
/// With a number: makes so many instances and prints the seconds each took.
pub(crate) const INSTANTIATE: &str = "instantiate";

/// What a host is to serve. It comes by its standard input: settings may be longer than arguments may.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) wasm: PathBuf,
    pub(crate) reuse: u32,
    pub(crate) settings: Vec<(String, String)>,
}

/// Serves the [`Job`] of the first line, and answers the questions on the others until there are no more.
pub(crate) fn run() -> Result<(), String> {
    let mut lines = std::io::stdin().lock().lines();
    let job = lines.next().ok_or("the standard input is empty")?.map_err(|error| error.to_string())?;
    let job: Job = serde_json::from_str(&job).map_err(|error| error.to_string())?;
    let options = Options { settings: job.settings, reuse: job.reuse, ..Options::default() };
    // For what is measured without a request.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let program = Program::load(&job.wasm).map_err(|error| format!("{error:#}"))?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(&program, addr, options).map_err(|error| format!("cannot serve: {error}"))?;
    tell(&server.addr())?;
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        match line.split_once(' ') {
            None if line == INSTANCES => {
                let idle = server.idle_instances();
                tell(&Instances {
                    made: server.instances_made(),
                    memories: idle.iter().map(|instance| instance.memory).collect(),
                    served: idle.iter().map(|instance| instance.served).collect(),
                })?;
            }
            Some((INSTANTIATE, count)) => {
                let count = count.parse::<usize>().map_err(|_| format!("{line}: not a number"))?;
                let mut times = Vec::with_capacity(count);
                for _ in 0..count {
                    let start = Instant::now();
                    runtime.block_on(server.instantiate()).map_err(|error| format!("{error:#}"))?;
                    times.push(start.elapsed().as_secs_f64());
                }
                tell(&times)?;
            }
            _ => return Err(format!("{line}: no such question")),
        }
    }
    Ok(())
}

fn tell(value: &impl Serialize) -> Result<(), String> {
    let line = serde_json::to_string(value).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
