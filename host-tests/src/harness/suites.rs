//! Suites in other languages: what they need, installed once under `target/`, and their processes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::programs::{print_line, skip};

/// A directory for the installed files of a suite, locked by one process at a time.
pub struct Home {
    /// Where it is.
    pub dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Opens, or makes, the directory of this name; waits for a process that holds it. `target` is where cargo lets
    /// tests write: `CARGO_TARGET_TMPDIR`.
    pub fn open(target: &str, name: &str) -> Self {
        let dir = Path::new(target).join(name);
        fs::create_dir_all(&dir).expect("cargo's target directory can be written");
        let lock = File::create(dir.join("lock")).expect("the directory was just made");
        lock.lock().expect("the file system has locks");
        Self { dir, _lock: lock }
    }

    /// Installs what is not installed yet for these `inputs`: lock files, or programs, whose version counts. Where it
    /// cannot be installed, as without a network, the tests of `suite` are [skipped](skip) and it returns false.
    ///
    /// # Panics
    ///
    /// In CI, where it cannot be installed.
    pub fn install(
        &self,
        suite: &str,
        inputs: &[&Path],
        install: impl FnOnce() -> Result<Vec<String>, String>,
    ) -> bool {
        let stamp = self.dir.join("installed");
        let mut wanted = self.dir.display().to_string();
        for input in inputs {
            wanted += "\n";
            wanted += &fs::read_to_string(input).unwrap_or_else(|_| version(input));
        }
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return true;
        }
        // A partial installation must not count as complete.
        let _ = fs::remove_file(&stamp);
        let _ = fs::remove_dir_all(self.dir.join("venv"));
        if let Err(failure) = install() {
            skip(suite, &format!("the packages of the tests cannot be installed: {failure}"));
            return false;
        }
        fs::write(stamp, wanted).expect("cargo's target directory can be written");
        true
    }
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().expect("it ran before");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Copies the wanted files of `from` to `to`, and deletes other files of that kind there.
pub fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) {
    let files = |dir: &Path| -> Vec<_> {
        let entries =
            fs::read_dir(dir).expect("the directory can be read").map(|entry| entry.expect("an entry"));
        let names = entries.map(|entry| entry.file_name().into_string().expect("a name in UTF-8"));
        names.filter(|name| wanted(name)).collect()
    };
    for name in files(to) {
        fs::remove_file(to.join(name)).expect("the copy can be removed");
    }
    for name in files(from) {
        fs::copy(from.join(&name), to.join(&name)).expect("the file can be copied");
    }
}

/// How long a process may print nothing. It must be long enough for an installation from a slow registry.
const SILENCE: Duration = Duration::from_secs(600);

/// Runs a command, prints its output line by line as that of `name`, and returns the lines.
///
/// # Errors
///
/// The command and its status, where it fails.
///
/// # Panics
///
/// Where it prints nothing for ten minutes.
pub fn run(name: &str, command: &mut Command) -> Result<Vec<String>, String> {
    let (reader, writer) = io::pipe().expect("pipes can be had");
    command.stdout(writer.try_clone().expect("pipes can be had")).stderr(writer);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    // The pipe ends when its last writer is gone, and `command` holds two.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = mpsc::channel();
    // A thread of its own, since reading has no time limit.
    std::thread::spawn(move || {
        let lines = BufReader::new(reader).split(b'\n').map_while(Result::ok);
        lines.map(|line| String::from_utf8_lossy(&line).into_owned()).try_for_each(|line| sender.send(line))
    });
    let mut output = Vec::new();
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                print_line(name, &line);
                output.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("{command:?} has printed nothing for {} s", SILENCE.as_secs());
            }
        }
    }
    let status = child.wait().expect("it was started");
    if !status.success() {
        return Err(format!("{command:?}: {status}; its output is above"));
    }
    Ok(output)
}
