//! The same component on other hosts: `hosts/run.py` installs them under `target/`, starts each one and runs the suite of
//! `hosts/suite.py` against it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use host_tests::programs::{python, skip};
use host_tests::{component_file, host_file};

/// Runs the suite on one host, so that a host that cannot be installed does not hide the results of the others.
fn on(host: &str) {
    // One at a time: they share the installed files, and the suites are slow on a busy machine.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(python) = python(host) else { return };
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/run.py");
    let mut run = Command::new(python);
    // Keeps `__pycache__` out of the sources.
    run.arg("-B").arg(runner).arg(host).stdin(Stdio::null());
    run.arg("--wasm").arg(component_file()).arg("--host").arg(host_file());
    run.arg("--home").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts"));
    match run.status().expect("Python just ran").code() {
        Some(0) => {}
        Some(UNAVAILABLE) => skip(host, "it cannot be installed, see above"),
        code => panic!("{host}: the suite failed ({code:?}), see above"),
    }
}

/// The exit status of `run.py` if a host cannot be installed.
const UNAVAILABLE: i32 = 69;

#[test]
fn embedded() {
    on("embedded");
}

#[test]
fn wasmtime_cli() {
    on("wasmtime");
}

#[test]
fn wasmtime_cli_with_instance_reuse() {
    on("wasmtime-reuse");
}

#[test]
fn jco() {
    on("jco");
}

#[test]
fn wasmcloud() {
    on("wasmcloud");
}
