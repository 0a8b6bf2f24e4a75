//! `cargo serve`: from a fresh clone to a running gateway in one command.
//!
//! It uses only the standard library, because it is compiled before everything else.

#![expect(clippy::print_stdout, reason = "this is a program of the command line")]

mod announce;
mod component;
mod flags;
mod host;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("serve") => serve::run(args),
        Some(announce::COMMAND) => announce::run(args),
        other => {
            let other = other.map(|name| format!("unknown command `{name}`; ")).unwrap_or_default();
            eprintln!("xtask: {other}the only command is `cargo serve`, see `cargo serve --help`");
            ExitCode::from(2)
        }
    }
}
