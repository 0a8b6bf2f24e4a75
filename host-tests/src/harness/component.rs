//! The components under test, built from the current sources once for each test process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use portcullis_host::Program;

/// The component, compiled and linked.
///
/// # Panics
///
/// When it cannot be built or loaded, with the message of Cargo or Wasmtime.
pub fn component() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| load(component_file()))
}

/// The component of `host-tests/guest`, whose behaviour the path of the request selects.
///
/// # Panics
///
/// As [`component`].
pub fn guest() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| load(guest_file()))
}

/// The file of [`guest`].
///
/// # Panics
///
/// When the build fails.
pub fn guest_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| build("host-tests-guest", &[]))
}

fn load(file: &Path) -> Program {
    match Program::load(file) {
        Ok(program) => program,
        Err(error) => panic!("{error:?}"),
    }
}

/// The component's file: what `PORTCULLIS_WASM` names, else the release build of this workspace.
///
/// Cargo decides whether a build is needed. It can run within `cargo test`, which holds no lock while tests run.
///
/// # Panics
///
/// When the build fails.
pub fn component_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| match std::env::var("PORTCULLIS_WASM") {
        Ok(file) => file.into(),
        Err(_) => build("portcullis", &[]),
    })
}

/// Builds the component of a workspace member, with `more` arguments for Cargo, and finds its file.
///
/// # Panics
///
/// When the build fails.
pub fn build(package: &str, more: &[&str]) -> PathBuf {
    let component = ["--release", "--target", "wasm32-wasip2", "-p", package, "--lib"];
    let messages = cargo_build(package, &[&component, more].concat());
    artifact(&messages, package).expect("cargo names the component it built")
}

/// Builds the program of the embedded host, as these tests are built, and finds its file.
///
/// # Panics
///
/// When the build fails.
pub fn host_file() -> PathBuf {
    const NAME: &str = "portcullis-host";
    let messages = cargo_build(NAME, &["-p", NAME, "--bin", NAME]);
    executable(&messages, NAME).expect("cargo names the program it built")
}

/// Runs `cargo build` with these arguments; its messages as JSON.
fn cargo_build(package: &str, args: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    // `cargo test` sets variables that name this package, and some build scripts run again when they change.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    let output = command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .arg("build")
        .args(args)
        // Progress and errors go to the terminal; where the file is comes as JSON.
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs, as it runs this test");
    assert!(
        output.status.success(),
        "{package} does not build, see above; where the target is missing: rustup target add wasm32-wasip2"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Finds the program `name` among Cargo's messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let mut messages =
        messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages.find_map(|message| {
        let executable = message["executable"].as_str().filter(|_| message["target"]["name"] == name);
        executable.map(PathBuf::from)
    })
}

/// Finds the component of `package` among Cargo's messages.
fn artifact(messages: &str, package: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let built = messages.filter(|message| {
        message["reason"] == "compiler-artifact" && message["target"]["name"] == package.replace('-', "_")
    });
    let mut files = built.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.find_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_component_among_other_artifacts() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"serde"},"filenames":["/t/libserde.rlib"]}
            {"reason":"build-script-executed"}
            {"reason":"compiler-artifact","target":{"name":"portcullis"},"filenames":["/t/libportcullis.rlib","/t/portcullis.wasm"]}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(artifact(messages, "portcullis"), Some("/t/portcullis.wasm".into()));
        assert_eq!(artifact(r#"{"reason":"build-finished","success":false}"#, "portcullis"), None);
    }

    #[test]
    fn finds_the_program_among_libraries() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"portcullis-host"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"portcullis-host"},"executable":"/t/portcullis-host"}"#;
        assert_eq!(executable(messages, "portcullis-host"), Some("/t/portcullis-host".into()));
    }
}
