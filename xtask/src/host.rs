//! The host that runs the component: the `wasmtime` command-line program, or the embedded host.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::component::{self, Progress, cargo, target_dir};
use crate::flags::HostKind;

/// The oldest `wasmtime` that the component was tested in.
const OLDEST: u32 = 36;

/// The oldest tested version with `--max-instance-reuse-count`; 36 lacks it.
const OLDEST_REUSING: u32 = 42;

/// What to serve, apart from the values of the settings.
pub(crate) struct Job<'a> {
    pub(crate) wasm: &'a Path,
    pub(crate) addr: SocketAddr,
    pub(crate) reuse: u32,
    /// Names of the variables that the component gets. Their values are in the host's environment, because every user of
    /// the machine could read them on its command line.
    pub(crate) env: &'a [String],
}

/// An available host.
pub(crate) enum Host {
    /// This workspace's, built with this profile of Cargo's.
    Embedded(Profile),
    /// The `wasmtime` on the `PATH`, of this major version.
    Wasmtime(u32),
}

/// How the embedded host is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// As tests are: the shorter build.
    Dev,
    /// Optimised.
    Release,
}

impl Profile {
    /// Its name in `Cargo.toml`.
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            // `release` is the component's: one unit of code, and no unwinding, which would end a server by the
            // panic of one request.
            Self::Release => "host",
        }
    }

    /// The program that it makes.
    fn program(self) -> Result<PathBuf, String> {
        let folder = match self {
            Self::Dev => "debug",
            Self::Release => "host",
        };
        let program = target_dir()?.join(folder).join("portcullis-host");
        Ok(program.with_extension(std::env::consts::EXE_EXTENSION))
    }
}

impl Host {
    /// The host that the flags name, or the best one available.
    pub(crate) fn find(kind: Option<HostKind>, profile: Profile) -> Result<Self, String> {
        if kind == Some(HostKind::Embedded) {
            return Ok(Self::Embedded(profile));
        }
        match wasmtime() {
            Ok(version) => Ok(Self::Wasmtime(version)),
            Err(why) if kind == Some(HostKind::Wasmtime) => {
                Err(format!("--host wasmtime: {why}; get it from https://wasmtime.dev, or leave --host out"))
            }
            Err(why) => {
                eprintln!("Using the embedded host: {why}.");
                Ok(Self::Embedded(profile))
            }
        }
    }

    /// Builds what serving takes: the host, and the component unless there is one already.
    ///
    /// The two have no code in common and Cargo builds them in different folders, so that they are built at the same
    /// time: where one waits for a single crate, the other uses the second core.
    pub(crate) fn build(&self, wasm: Option<&Path>) -> Result<PathBuf, String> {
        let component =
            |progress| wasm.map_or_else(|| component::build(progress), |wasm| Ok(wasm.to_owned()));
        let Self::Embedded(profile) = self else { return component(Progress::Shown) };
        if profile.program()?.exists() {
            let wasm = component(Progress::Shown)?;
            return embedded(*profile).map(|()| wasm);
        }
        eprint!("{}", faster_ways(&component::file()?));
        std::thread::scope(|scope| {
            let host = scope.spawn(|| embedded(*profile));
            let wasm = component(Progress::Hidden)?;
            host.join().map_err(|_| "building the embedded host panicked".to_owned())??;
            Ok(wasm)
        })
    }

    /// The command that serves `job`.
    pub(crate) fn command(&self, job: &Job<'_>) -> Result<Command, String> {
        match self {
            Self::Embedded(profile) => {
                let mut command = Command::new(profile.program()?);
                command.args(["--reuse", &job.reuse.to_string()]);
                command.arg("--wasm").arg(job.wasm);
                Ok(with_env(command, job))
            }
            Self::Wasmtime(version) => Ok(wasmtime_serve(*version, job)),
        }
    }
}

fn embedded(profile: Profile) -> Result<(), String> {
    let args = ["build", "--profile", profile.name(), "-p", "portcullis-host", "--bin", "portcullis-host"];
    cargo(&args).map_err(|error| format!("the embedded host does not build: {error}"))
}

/// Advice on getting a host faster than by building the embedded one, printed before that build.
fn faster_ways(wasm: &Path) -> String {
    format!(
        "Building the embedded host: some minutes on 2 cores, only once. Faster ways (Ctrl-C cancels the build):\n\
         - install wasmtime {OLDEST} or newer, which `cargo serve` uses if it is on the PATH:\n    \
         curl https://wasmtime.dev/install.sh -sSf | bash\n\
         - to try it out, one request at a time, with Node 20 or newer:\n    \
         PORTCULLIS_API_KEYS=sk-test npx @bytecodealliance/jco@1.35.0 serve --port 3000 {}\n",
        wasm.display()
    )
}

fn wasmtime_serve(version: u32, job: &Job<'_>) -> Command {
    let mut command = Command::new("wasmtime");
    // Rust's standard library needs `wasi:cli`, for the environment and standard error.
    command.args(["serve", "-Scli", "--no-logging-prefix"]);
    if version >= OLDEST_REUSING {
        command.args(["--max-instance-reuse-count", &job.reuse.to_string()]);
    } else if job.reuse > 1 {
        eprintln!("Each request gets a fresh instance: wasmtime {version} cannot reuse instances.");
    }
    let mut command = with_env(command, job);
    command.arg(job.wasm);
    command
}

fn with_env(mut command: Command, job: &Job<'_>) -> Command {
    command.args(["--addr", &job.addr.to_string()]);
    for name in job.env {
        command.arg("--env").arg(OsString::from(name));
    }
    command
}

/// The version of the `wasmtime` on the `PATH`, or the reason not to use it.
fn wasmtime() -> Result<u32, String> {
    let output = Command::new("wasmtime").arg("--version").stderr(Stdio::null()).output();
    let output = output.map_err(|_| "there is no `wasmtime` on the PATH".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match version(&text) {
        Some(version) if version >= OLDEST => Ok(version),
        Some(_) => {
            Err(format!("the `wasmtime` on the PATH is too old ({text}; {OLDEST} or newer is needed)"))
        }
        None => Err(format!("`wasmtime --version` prints {text:?}, which is not a version")),
    }
}

/// The major version in the output of `wasmtime --version`.
fn version(text: &str) -> Option<u32> {
    text.strip_prefix("wasmtime ")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_ways_can_be_pasted() {
        let text = faster_ways(Path::new("target/p.wasm"));
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        assert!(lines[0].starts_with("curl https://wasmtime.dev/install.sh "), "{text}");
        assert!(lines[1].ends_with("serve --port 3000 target/p.wasm"), "{text}");
    }

    #[test]
    fn versions_are_read() {
        for (text, want) in [
            ("wasmtime 49.0.3 (f96eabaa1 2026-10-14)", Some(49)),
            ("wasm-tools 1.2.3", None),
            ("wasmtime 36.0.9 (c59270b18 2026-05-05)", Some(36)),
            ("", None),
        ] {
            assert_eq!(version(text), want, "{text:?}");
        }
    }
}
