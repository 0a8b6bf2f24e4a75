//! The log, on standard error.

use super::send::write;
use std::sync::OnceLock;
use wasi::cli::stderr::get_stderr;
use wasi::io::streams::OutputStream;

/// Prints a line that has its line break. A log that cannot be written is no reason to fail a request.
pub(super) fn line(line: &str) {
    // Std gets the stream from the host anew at each write.
    static STDERR: OnceLock<OutputStream> = OnceLock::new();
    let _ = write(STDERR.get_or_init(get_stderr), line.as_bytes());
}
