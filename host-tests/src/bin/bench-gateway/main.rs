//! `cargo bench-gateway`: what Portcullis costs, against components that do nothing.
//!
//! Each component is served by the embedded host in a separate process, with the same host settings, and this process
//! sends load to them in turn. There is no pass or fail; the figures go to the terminal and to `target/bench/`.

#![expect(clippy::print_stdout, reason = "this is a program of the command line")]

mod args;
mod cases;
mod children;
mod components;
mod document;
mod footprint;
mod growth;
mod load;
mod peer;
mod process;
#[path = "../../../../tests/redis/mod.rs"]
mod redis;
mod report;
mod requests;
mod reuse;
mod run;
mod serve;
mod stats;
mod store;
mod streams;
mod svg;
mod upstream;
mod wire;

use std::process::ExitCode;

use args::Args;

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        // Commands with which this program starts itself as a child process.
        Some("host") => serve::run(),
        Some("load") => peer::run(),
        Some("upstream") => upstream::run(),
        _ => match Args::parse(lexopt::Parser::from_env()) {
            Ok(Some(args)) => run::run(&args),
            Ok(None) => {
                print!("{}", args::HELP);
                Ok(())
            }
            Err(error) => {
                eprintln!("bench-gateway: {error}; see `cargo bench-gateway --help`");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-gateway: {message}");
            ExitCode::FAILURE
        }
    }
}
