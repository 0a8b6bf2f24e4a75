//! External programs that some tests need.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

/// The first of `names` that succeeds with the arguments `probe`. If none does, the tests of `suite` are
/// [skipped](skip).
pub fn find(suite: &str, what: &str, names: &[&str], probe: &[&str]) -> Option<PathBuf> {
    let works =
        |name: &&&str| Command::new(name).args(probe).output().is_ok_and(|output| output.status.success());
    let found = names.iter().find(works);
    if found.is_none() {
        skip(suite, &format!("there is no {what} on the PATH"));
    }
    found.map(PathBuf::from)
}

/// A Python that can create virtual environments.
pub fn python(suite: &str) -> Option<PathBuf> {
    // Debian's `python3` package comes without `ensurepip`.
    let probe = ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"];
    let names = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"];
    find(suite, "Python 3.11 or newer (with venv)", &names, &probe)
}

/// Prints that a suite is skipped, also in a passing test, and fails only if `CI` is `true`: without Python, Node or a
/// network the other tests can still run.
///
/// # Panics
///
/// In CI, where no test may be skipped.
pub fn skip(suite: &str, why: &str) {
    print_line(suite, &format!("SKIPPED: {why}"));
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip the tests of {suite}");
}

/// Writes a line directly to standard error: the output of `eprintln` is captured unless a test fails.
pub fn print_line(suite: &str, line: &str) {
    let _ = writeln!(io::stderr(), "{suite} | {line}");
}
