//! `bench-gateway host`: the embedded host in a separate process, controlled by commands on its standard input.

use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use host_tests::{Options, Program, Server};
use serde::{Deserialize, Serialize};

/// What a host reports about its instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instances {
    /// How many were created so far.
    pub(crate) made: u64,
    /// Linear memory of each idle instance in bytes.
    pub(crate) memories: Vec<usize>,
    /// How many requests each idle instance has handled.
    pub(crate) served: Vec<u32>,
}

/// The commands, one per line.
pub(crate) const INSTANCES: &str = "instances";
/// Followed by a number: creates that many instances and prints the seconds each took.
pub(crate) const INSTANTIATE: &str = "instantiate";

/// What a host is to serve. Read from standard input, because settings can exceed the limit for arguments.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) wasm: PathBuf,
    pub(crate) reuse: u32,
    pub(crate) settings: Vec<(String, String)>,
}

/// Serves the [`Job`] of the first line and executes the commands of the other lines until the input ends.
pub(crate) fn run() -> Result<(), String> {
    let mut lines = std::io::stdin().lock().lines();
    let job = lines.next().ok_or("the standard input is empty")?.map_err(|error| error.to_string())?;
    let job: Job = serde_json::from_str(&job).map_err(|error| error.to_string())?;
    let options = Options { settings: job.settings, reuse: job.reuse, ..Options::default() };
    // For instances that are created without a request.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let program = Program::load(&job.wasm).map_err(|error| format!("{error:#}"))?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(&program, addr, options).map_err(|error| format!("cannot serve: {error}"))?;
    print_json(&server.addr())?;
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        match line.split_once(' ') {
            None if line == INSTANCES => {
                let idle = server.idle_instances();
                print_json(&Instances {
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
                print_json(&times)?;
            }
            _ => return Err(format!("{line}: unknown command")),
        }
    }
    Ok(())
}

fn print_json(value: &impl Serialize) -> Result<(), String> {
    let line = serde_json::to_string(value).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
