//! Coding agents as clients of the component: `clients/run.py` installs them under `target/`, runs each with a task, and
//! checks the file it writes and its exit status.

use std::path::Path;
use std::process::{Command, Stdio};

use host_tests::programs::{find, python, skip};
use host_tests::{component_file, host_file};

/// The agents of `clients/run.py` that CI runs.
const AGENTS: [&str; 3] = ["opencode", "qwen-code", "pi"];

/// The exit status of `run.py` if something cannot be installed.
const UNAVAILABLE: i32 = 69;

#[test]
fn coding_agents_write_a_file_and_finish() {
    let probe = ["-e", "process.exit(Number(parseInt(process.versions.node) < 20))"];
    let Some(python) = python("clients") else { return };
    if find("clients", "Node 20 or newer", &["node"], &probe).is_none() {
        return;
    }
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/run.py");
    let mut run = Command::new(python);
    // Keeps `__pycache__` out of the sources.
    run.arg("-B").arg(runner).args(AGENTS).args(["--gateway", "engine", "--gateway", "chain"]);
    run.arg("--wasm").arg(component_file()).arg("--host").arg(host_file());
    run.arg("--home").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients")).stdin(Stdio::null());
    match run.status().expect("Python just ran").code() {
        Some(0) => {}
        Some(UNAVAILABLE) => skip("clients", "an agent cannot be installed, see above"),
        code => panic!("an agent failed ({code:?}), see above"),
    }
}
