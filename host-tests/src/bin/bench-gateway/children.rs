//! The child processes of a benchmark: hosts and the upstream. Each runs this program with another command.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;

use crate::process::{self, Resident};
use crate::serve::{INSTANCES, INSTANTIATE, Instances, Job};

/// A server in a process of its own. Dropping it ends the process.
pub(crate) struct Served {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Served {
    /// A host that serves a component. The component's log goes to `/dev/null`: a process that reads it would compete
    /// with the load generator for the CPU.
    pub(crate) fn host(job: &Job) -> Result<Self, String> {
        Self::start(own("host")?.stderr(Stdio::null()), Some(job))
    }

    /// The upstream.
    pub(crate) fn upstream() -> Result<Self, String> {
        Self::start(&mut own("upstream")?, None)
    }

    fn start(command: &mut Command, job: Option<&Job>) -> Result<Self, String> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).expect("both are piped");
        let mut served =
            Self { child, stdin, stdout: BufReader::new(stdout), addr: ([127, 0, 0, 1], 0).into() };
        if let Some(job) = job {
            let job = serde_json::to_string(job).map_err(|error| error.to_string())?;
            writeln!(served.stdin, "{job}").map_err(|error| format!("a host did not start: {error}"))?;
        }
        served.addr = served.read().map_err(|error| format!("a server did not start: {error}"))?;
        Ok(served)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn resident(&self) -> Result<Resident, String> {
        process::resident(self.pid()).ok_or_else(|| "a server has ended".to_owned())
    }

    /// The state of a host's instances.
    pub(crate) fn instances(&mut self) -> Result<Instances, String> {
        self.query(INSTANCES)
    }

    /// Creates `count` instances and returns the seconds each took.
    pub(crate) fn instantiate(&mut self, count: usize) -> Result<Vec<f64>, String> {
        self.query(&format!("{INSTANTIATE} {count}"))
    }

    fn query<T: DeserializeOwned>(&mut self, command: &str) -> Result<T, String> {
        writeln!(self.stdin, "{command}").map_err(|error| format!("a server has ended: {error}"))?;
        self.read()
    }

    fn read<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(|error| error.to_string())?;
        serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has no state that would have to be saved.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own(command: &str) -> Result<Command, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find the path of this program: {error}"))?;
    let mut own = Command::new(own);
    own.arg(command);
    Ok(own)
}
