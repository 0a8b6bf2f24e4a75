//! `cargo serve`: from a fresh clone to a gateway that answers, in one command.
//!
//! Nothing but the standard library, since it is compiled before anything else can happen.

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
            let other = other.map(|name| format!("there is no `{name}`; ")).unwrap_or_default();
            eprintln!("xtask: {other}there is `cargo serve`, see `cargo serve --help`");
            ExitCode::from(2)
        }
    }
}
