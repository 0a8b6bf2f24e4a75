//! The same component on other hosts: `hosts/run.py` installs them under `target/`, starts each and runs
//! the suite of `hosts/suite.py` against it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use host_tests::component_file;

/// Each host by itself, so that one that cannot be installed hides no other.
fn on(host: &str) {
    // One at a time: they share what is installed, and a busy machine is slow enough.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let python = ["python3", "python"].into_iter().find(|name| {
        let version = ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"];
        Command::new(name).args(version).output().is_ok_and(|output| output.status.success())
    });
    let Some(python) = python else {
        return skip(host, "there is no Python 3.11 or newer (with venv) on the PATH");
    };
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/run.py");
    let mut run = Command::new(python);
    // The sources are not the place for what Python compiles.
    run.arg("-B").arg(runner).arg(host).stdin(Stdio::null());
    run.arg("--wasm").arg(component_file()).arg("--host").arg(env!("CARGO_BIN_EXE_portcullis-host"));
    run.arg("--home").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts"));
    match run.status().expect("Python just ran").code() {
        Some(0) => {}
        Some(UNAVAILABLE) => skip(host, "it cannot be installed, see above"),
        code => panic!("{host}: the suite failed ({code:?}), see above"),
    }
}

/// What `run.py` ends with where a host cannot be installed.
const UNAVAILABLE: i32 = 69;

/// Says what was not tested where a passing test is heard too, and fails only where `CI` is `true`: without
/// a network all else can still be tested.
fn skip(host: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "hosts | SKIPPED {host}: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip a host");
}

#[test]
fn embedded() {
    on("embedded");
}

#[test]
fn wasmtime_of_the_command_line() {
    on("wasmtime");
}

#[test]
fn wasmtime_that_uses_instances_again() {
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
