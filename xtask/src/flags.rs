//! The flags of `cargo serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Builds Portcullis and serves it.

Usage: cargo serve [flags]

  --addr ADDR          where to listen; port 0 takes a free one  [default: 127.0.0.1:3000]
  --key KEY            a key that callers must send; may be repeated  [default: a new one for this run]
  --upstream URL       forward to this OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1,
                       with the key in PORTCULLIS_UPSTREAM_KEY  [default: the built-in engine]
  --config FILE        a JSON document with routes, models and keys (PORTCULLIS_CONFIG)
  --env NAME=VALUE     another setting; may be repeated
  --env NAME           the same, with the value from your environment
  --host HOST          embedded or wasmtime  [default: the wasmtime on your PATH if it is new enough,
                       else the embedded host, which is built on first use]
  --reuse N            requests an instance of the component handles, one after another, before a fresh
                       one replaces it  [default: 1000, which makes the cost of creating instances
                       negligible and limits the effect of a leak; 1 isolates every request]
  --release            build the embedded host optimised: it takes longer to build, and uses less CPU time for
                       each request
  --wasm FILE          serve this component instead of building one
  --help               this text

Environment variables whose name begins with PORTCULLIS_ are settings too; flags take precedence.
The first Ctrl-C lets running responses finish, the second ends at once.
";

/// The parsed flags.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) addr: SocketAddr,
    pub(crate) keys: Vec<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) env: Vec<Env>,
    pub(crate) host: Option<HostKind>,
    pub(crate) reuse: u32,
    pub(crate) release: bool,
    pub(crate) wasm: Option<PathBuf>,
}

/// The value of `--env`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Env {
    /// `NAME=VALUE`.
    Set(String, String),
    /// `NAME`: the value comes from the environment.
    Inherit(String),
}

/// The host to run the component in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    Embedded,
    Wasmtime,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 3000)),
            keys: Vec::new(),
            upstream: None,
            config: None,
            env: Vec::new(),
            host: None,
            reuse: 1000,
            release: false,
            wasm: None,
        }
    }
}

impl Flags {
    /// Parses the flags; `None` for `--help`.
    ///
    /// # Errors
    ///
    /// The message names the wrong flag and the reason.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut flags = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            // `--flag VALUE` and `--flag=VALUE` are the same.
            let (flag, attached) = match arg.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (arg, None),
            };
            if flag == "--help" || flag == "-h" {
                return Ok(None);
            }
            if flag == "--release" && attached.is_none() {
                flags.release = true;
                continue;
            }
            if flag == "--release" {
                return Err("there is no flag --release with a value".to_owned());
            }
            if !KNOWN.contains(&flag.as_str()) {
                return Err(format!("there is no flag {flag}"));
            }
            let value = attached
                .or_else(|| args.next())
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("{flag} needs a value"))?;
            flags.set(&flag, &value).map_err(|why| format!("{flag} {value}: {why}"))?;
        }
        Ok(Some(flags))
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<(), &'static str> {
        match flag {
            "--addr" => {
                let why = "not an address with a port, such as 127.0.0.1:3000";
                self.addr = value.parse().map_err(|_| why)?;
            }
            "--key" if value.contains(',') => return Err("a comma separates keys; give --key again instead"),
            "--key" => self.keys.push(value.to_owned()),
            "--upstream" if value.starts_with("http://") || value.starts_with("https://") => {
                self.upstream = Some(value.to_owned());
            }
            "--upstream" => return Err("not a URL, such as http://127.0.0.1:11434/v1"),
            "--config" => self.config = Some(value.into()),
            "--env" => self.env.push(match value.split_once('=') {
                Some(("", _)) => return Err("the name before `=` is missing"),
                Some((name, value)) => Env::Set(name.to_owned(), value.to_owned()),
                None => Env::Inherit(value.to_owned()),
            }),
            "--host" => {
                self.host = Some(match value {
                    "embedded" => HostKind::Embedded,
                    "wasmtime" => HostKind::Wasmtime,
                    _ => return Err("neither `embedded` nor `wasmtime`"),
                });
            }
            "--reuse" => {
                let number = value.parse().ok().filter(|number| *number > 0);
                self.reuse = number.ok_or("not a number of 1 or more")?;
            }
            "--wasm" => self.wasm = Some(value.into()),
            _ => unreachable!("{flag} is not among those known"),
        }
        Ok(())
    }
}

const KNOWN: [&str; 8] =
    ["--addr", "--key", "--upstream", "--config", "--env", "--host", "--reuse", "--wasm"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Flags>, String> {
        Flags::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_flag_is_parsed() {
        let all = "--addr 0.0.0.0:80 --key a --key=b --upstream http://h/v1 --config c.json --env A=b=c \
                   --env=D --host embedded --release --reuse 1 --wasm f.wasm";
        let want = Flags {
            addr: SocketAddr::from(([0, 0, 0, 0], 80)),
            keys: vec!["a".into(), "b".into()],
            upstream: Some("http://h/v1".into()),
            config: Some("c.json".into()),
            env: vec![Env::Set("A".into(), "b=c".into()), Env::Inherit("D".into())],
            host: Some(HostKind::Embedded),
            reuse: 1,
            release: true,
            wasm: Some("f.wasm".into()),
        };
        assert_eq!(parse(all), Ok(Some(want)));
        assert_eq!(parse(""), Ok(Some(Flags::default())));
        assert_eq!(parse("--addr 0.0.0.0:80 --help"), Ok(None));
    }

    #[test]
    fn a_wrong_flag_is_named_with_the_reason() {
        for (line, want) in [
            ("--port 80", "there is no flag --port"),
            ("80", "there is no flag 80"),
            ("--addr", "--addr needs a value"),
            ("--key=", "--key needs a value"),
            ("--addr 3000", "--addr 3000: not an address with a port, such as 127.0.0.1:3000"),
            ("--key a,b", "--key a,b: a comma separates keys; give --key again instead"),
            ("--upstream h:1", "--upstream h:1: not a URL, such as http://127.0.0.1:11434/v1"),
            ("--env =x", "--env =x: the name before `=` is missing"),
            ("--host spin", "--host spin: neither `embedded` nor `wasmtime`"),
            ("--release=yes", "there is no flag --release with a value"),
            ("--reuse 0", "--reuse 0: not a number of 1 or more"),
            ("--reuse -1", "--reuse -1: not a number of 1 or more"),
        ] {
            assert_eq!(parse(line), Err(want.to_owned()), "{line:?}");
        }
    }

    #[test]
    fn the_help_names_every_flag() {
        for flag in KNOWN.into_iter().chain(["--release", "--help"]) {
            assert!(HELP.contains(&format!("\n  {flag} ")), "{flag}");
        }
    }
}
