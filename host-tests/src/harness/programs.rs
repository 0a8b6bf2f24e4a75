//! Programs that some tests need and a machine may lack.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

/// The first of some programs that succeeds with these arguments. Without any, the tests of `suite` are
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

/// A Python that can install what it needs.
pub fn python(suite: &str) -> Option<PathBuf> {
    // Debian has one without the means to make a virtual environment.
    let probe = ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"];
    let names = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"];
    find(suite, "Python 3.11 or newer (with venv)", &names, &probe)
}

/// Prints what is not tested, also for a passing test, and fails only where `CI` is `true`: without Python,
/// Node or a network all else can still be tested.
///
/// # Panics
///
/// In CI, which must test all.
pub fn skip(suite: &str, why: &str) {
    print_line(suite, &format!("SKIPPED: {why}"));
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip the tests of {suite}");
}

/// Prints a line on standard error itself: what goes through `eprintln` is captured unless a test fails.
pub fn print_line(suite: &str, line: &str) {
    let _ = writeln!(io::stderr(), "{suite} | {line}");
}
