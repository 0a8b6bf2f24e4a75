//! The embedded host: serves a Portcullis component without any other program installed.

#![expect(clippy::print_stdout, reason = "this is a program of the command line")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short};
use portcullis_host::{MAX_RUNNING, Options, Program, Server};

const HELP: &str = "\
Serves a Portcullis component (wasi:http/incoming-handler@0.2) over HTTP/1.1.

Usage: portcullis-host --wasm FILE [options]

  --wasm FILE        the component
  --addr ADDR        where to listen; port 0 takes a free one  [default: 127.0.0.1:3000]
  --reuse N          requests an instance handles, one after another, before a fresh one replaces
                     it  [default: 1000]. 1 gives every request a fresh instance, as `wasmtime
                     serve` does by default, and about two thirds of the requests per second;
                     more than a few hundred is no faster.
  --workers N        threads that serve, each with its own listener, instances and connections to
                     upstreams  [default: the number of CPUs]
  --max-requests N   requests handled at the same time; further ones wait for up to a second and
                     then get a 503  [default and maximum: 1000]
  --max-cpu SECONDS  CPU time of one request, after which it is ended with 503  [default: 10]
  --max-memory MIB   memory by which all instances together may grow; a request that needs more is ended
                     with 503  [default: half of the machine's or the control group's]
  --stop-time SECONDS
                     how long running responses may take to end after SIGTERM or Ctrl-C
                     [default: 30]
  --env NAME=VALUE   an environment variable for the component; may be given again
  --env NAME         the same, with the value this process has for it
  --count-calls      print, after each request, how often the component called each function of the
                     host, as a line of JSON
  --help             this text

A connection may be idle for 75 s, and the head of a request may take as long. A caller that sends
nothing of a body, or reads nothing of its response, for 60 s is disconnected. While the server is at
--max-requests, each request that waits disconnects the slowest caller: one that has stalled for a
second, or has made the server wait 5 s more than 1 KiB/s takes. `GET /health` and `HEAD /` do not
count as requests then.
Upstream certificates are verified against Mozilla's root certificates and those in the file that
SSL_CERT_FILE names.
The first Ctrl-C (or SIGTERM) stops accepting and lets running responses finish within --stop-time, the
second ends at once.
";

/// How long the last log lines may take to be written at the end.
const FLUSH_TIME: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = match Args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("portcullis-host: {error}\nTry `portcullis-host --help`.");
            return ExitCode::from(2);
        }
    };
    // Each connection takes a file descriptor, and each forwarded request another one. Many systems start a process
    // with a soft limit of 1,024, which it may raise. Where it may not, the server runs with the present limit.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    // Only for signals: the server has its own threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(serve(args)));
    match served {
        Ok(code) => code,
        Err(message) => {
            eprintln!("portcullis-host: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args) -> Result<ExitCode, String> {
    let program = Program::load(&args.wasm);
    let program = match args.counts_calls {
        true => program.and_then(|program| program.counting_calls()),
        false => program,
    };
    let program = program.map_err(|error| format!("{error:#}"))?;
    let options = Options { roots: roots()?, ..args.options };
    let output = options.output.clone();
    let mut server = Server::start(&program, args.addr, options)
        .map_err(|error| format!("cannot serve on {}: {error}", args.addr))?;
    let mut interrupts = Interrupts::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    println!("listening on http://{}", server.addr());

    interrupts.next().await;
    server.stop();
    output.note("portcullis-host: stopping when running responses have ended; Ctrl-C again to end now");
    let code = tokio::select! {
        () = server.stopped() => ExitCode::SUCCESS,
        // The exit code that a shell reports for a program ended by Ctrl-C.
        () = interrupts.next() => ExitCode::from(130),
    };
    output.flush(FLUSH_TIME);
    Ok(code)
}

/// The certificates of the file that SSL_CERT_FILE names, for example those of a private CA. OpenSSL, curl and Python read
/// the same variable.
fn roots() -> Result<Vec<u8>, String> {
    match std::env::var_os("SSL_CERT_FILE") {
        Some(file) => {
            std::fs::read(&file).map_err(|error| format!("SSL_CERT_FILE {}: {error}", file.display()))
        }
        None => Ok(Vec::new()),
    }
}

/// Ctrl-C, and on Unix SIGTERM.
struct Interrupts {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
}

impl Interrupts {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without signals, only killing the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

struct Args {
    wasm: PathBuf,
    addr: SocketAddr,
    options: Options,
    counts_calls: bool,
}

impl Args {
    /// Parses the flags; `None` for `--help`.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut wasm = None;
        let mut addr = SocketAddr::from(([127, 0, 0, 1], 3000));
        let mut options = Options::default();
        let mut counts_calls = false;
        while let Some(arg) = parser.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("wasm") => wasm = Some(parser.value()?.into()),
                Long("addr") => {
                    addr = parser.value()?.parse_with(|text| {
                        text.parse().map_err(|_| "not an address and port, such as 127.0.0.1:3000")
                    })?;
                }
                Long("reuse") => options.reuse = parser.value()?.parse_with(positive)?,
                Long("workers") => options.workers = parser.value()?.parse_with(positive)?,
                Long("max-requests") => {
                    options.limits.running = parser.value()?.parse_with(|text| match positive(text)? {
                        number if number > MAX_RUNNING => Err("more than the maximum of 1000"),
                        number => Ok(number),
                    })?;
                }
                Long("max-cpu") => {
                    options.limits.cpu = Duration::from_secs(parser.value()?.parse_with(positive)?);
                }
                Long("max-memory") => {
                    let mib: usize = parser.value()?.parse_with(positive)?;
                    options.limits.memory = mib.saturating_mul(1 << 20);
                }
                Long("stop-time") => {
                    options.limits.stop = Duration::from_secs(parser.value()?.parse_with(positive)?);
                }
                Long("count-calls") => counts_calls = true,
                Long("env") => options.settings.push(parser.value()?.parse_with(setting)?),
                _ => return Err(arg.unexpected()),
            }
        }
        let wasm = wasm.ok_or("--wasm FILE is missing")?;
        Ok(Some(Self { wasm, addr, options, counts_calls }))
    }
}

/// A number of 1 or more.
fn positive<T: FromStr + PartialOrd + Default>(text: &str) -> Result<T, &'static str> {
    text.parse().ok().filter(|number| *number > T::default()).ok_or("not a number of 1 or more")
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name is missing".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => match std::env::var(text) {
            Ok(value) => Ok((text.to_owned(), value)),
            Err(_) => Err(format!("not set in the environment; to set it here, --env {text}=VALUE")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        Args::parse(lexopt::Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_understood() {
        let args = parse(
            "--wasm f --addr 0.0.0.0:0 --reuse=1 --workers 3 --max-requests 7 --max-cpu 2 --stop-time 5 --max-memory 64 --env A=b=c --count-calls",
        );
        let Args { wasm, addr, options, counts_calls } = args.unwrap().unwrap();
        assert_eq!((wasm, addr.port(), options.reuse, options.workers), ("f".into(), 0, 1, 3));
        assert_eq!((options.limits.running, options.limits.cpu), (7, Duration::from_secs(2)));
        assert_eq!((options.limits.stop, options.limits.memory), (Duration::from_secs(5), 64 << 20));
        assert!(counts_calls);
        assert_eq!(options.settings, [("A".to_owned(), "b=c".to_owned())]);
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn a_wrong_flag_is_named_with_the_reason() {
        for (line, want) in [
            ("", &["--wasm FILE is missing"][..]),
            ("--wasm", &["--wasm"]),
            ("--wasm f --port 1", &["--port"]),
            ("--addr 1", &["\"1\"", "not an address and port, such as 127.0.0.1:3000"]),
            ("--reuse 0", &["\"0\"", "not a number of 1 or more"]),
            ("--max-requests 1001", &["\"1001\"", "more than the maximum of 1000"]),
            ("--env =1", &["\"=1\"", "the name is missing"]),
        ] {
            let error = parse(line).err().expect(line);
            assert!(want.iter().all(|part| error.contains(part)), "{line:?}: {error}");
        }
    }
}
