//! The embedded host: serves a Portcullis component without any other program installed.

#![expect(clippy::print_stdout, reason = "this is a program of the command line")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use host_tests::{Options, Program, Server};

const HELP: &str = "\
Serves a Portcullis component (wasi:http/incoming-handler@0.2) over HTTP/1.1.

Usage: portcullis-host --wasm FILE [options]

  --wasm FILE        the component
  --addr ADDR        where to listen; port 0 takes a free one  [default: 127.0.0.1:3000]
  --reuse N          requests an instance handles, one after another, before a fresh one takes its
                     place  [default: 1000]. 1 gives every request an instance of its own, as
                     `wasmtime serve` does by default, at about two thirds of the requests per
                     second; from some hundreds on, more is no faster.
  --env NAME=VALUE   an environment variable for the component; may be given again
  --env NAME         the same, with the value this process has for it
  --help             this text

Upstreams are trusted by the certificates browsers trust, and those of the file SSL_CERT_FILE names.
The first Ctrl-C (or SIGTERM) stops accepting and lets running answers end, the second ends at once.
";

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("portcullis-host: {message}\nTry `portcullis-host --help`.");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
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
    let program = Program::load(&args.wasm).map_err(|error| format!("{error:#}"))?;
    let options =
        Options { settings: args.settings, reuse: args.reuse, roots: roots()?, ..Options::default() };
    let mut server = Server::start(&program, args.addr, options)
        .await
        .map_err(|error| format!("cannot serve on {}: {error}", args.addr))?;
    let mut interrupts = Interrupts::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    println!("listening on http://{}", server.addr());

    interrupts.next().await;
    eprintln!("portcullis-host: stopping when running answers have ended; Ctrl-C again to end now");
    server.stop();
    tokio::select! {
        () = server.stopped() => Ok(ExitCode::SUCCESS),
        // What a shell reports of a program ended by Ctrl-C.
        () = interrupts.next() => Ok(ExitCode::from(130)),
    }
}

/// What companies name their own authority by, and OpenSSL, curl and Python read too.
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
        // Without signals there is only ending from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Debug)]
struct Args {
    wasm: PathBuf,
    addr: SocketAddr,
    reuse: u32,
    settings: Vec<(String, String)>,
}

impl Args {
    /// `None` when only the help is wanted.
    fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut wasm = None;
        let mut addr = SocketAddr::from(([127, 0, 0, 1], 3000));
        let mut reuse = Options::DEFAULT_REUSE;
        let mut settings = Vec::new();
        let mut args = args.into_iter();
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--help" | "-h" => return Ok(None),
                "--wasm" => wasm = Some(PathBuf::from(value()?)),
                "--addr" => {
                    let text = value()?;
                    addr = text.parse().map_err(|_| {
                        format!("--addr {text}: not an address and port, such as 127.0.0.1:3000")
                    })?;
                }
                "--reuse" => {
                    let text = value()?;
                    reuse = text
                        .parse()
                        .ok()
                        .filter(|n| *n > 0)
                        .ok_or_else(|| format!("--reuse {text}: not a number of 1 or more"))?;
                }
                "--env" => settings.push(setting(value()?)?),
                _ => return Err(format!("{flag}: no such flag")),
            }
        }
        let wasm = wasm.ok_or("--wasm FILE is missing")?;
        Ok(Some(Self { wasm, addr, reuse, settings }))
    }
}

fn setting(text: String) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err(format!("--env {text}: the name is missing")),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => match std::env::var(&text) {
            Ok(value) => Ok((text, value)),
            Err(_) => {
                Err(format!("--env {text}: not set in the environment; to set it here, --env {text}=VALUE"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_understood() {
        let args = parse("--wasm f --addr 0.0.0.0:0 --reuse 1 --env A=b=c").unwrap().unwrap();
        assert_eq!((args.wasm, args.addr.port(), args.reuse), ("f".into(), 0, 1));
        assert_eq!(args.settings, [("A".to_owned(), "b=c".to_owned())]);
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn a_wrong_flag_is_named_with_the_reason() {
        for (line, want) in [
            ("", "--wasm FILE is missing"),
            ("--wasm", "--wasm needs a value"),
            ("--wasm f --port 1", "--port: no such flag"),
            ("--addr 1", "--addr 1: not an address and port, such as 127.0.0.1:3000"),
            ("--reuse 0", "--reuse 0: not a number of 1 or more"),
            ("--env =1", "--env =1: the name is missing"),
        ] {
            assert_eq!(parse(line).unwrap_err(), want);
        }
    }
}
