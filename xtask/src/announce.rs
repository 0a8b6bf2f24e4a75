//! Prints how to reach the gateway once it is up.
//!
//! The host replaces this process (see `serve`), so that Ctrl-C, the exit code and the terminal belong to it. A second
//! process waits until the host listens, prints the text and ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// The command with which this program starts itself for that.
pub(crate) const COMMAND: &str = "announce";

/// Starts a process that prints `text` as soon as something listens on `addr`.
pub(crate) fn start(addr: SocketAddr, text: &str) -> std::io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, &addr.to_string(), &std::process::id().to_string()]);
    // Through a pipe, because the text contains a key.
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes())
}

/// Waits and prints. Ends without output if the host ends first.
pub(crate) fn run(mut args: impl Iterator<Item = String>) -> ExitCode {
    let addr = args.next().and_then(|addr| addr.parse::<SocketAddr>().ok());
    let (Some(addr), Some(host)) = (addr, args.next().and_then(|id| id.parse::<u32>().ok())) else {
        return ExitCode::FAILURE;
    };
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        return ExitCode::FAILURE;
    }
    while TcpStream::connect(addr).is_err() {
        if !alive(host) {
            return ExitCode::FAILURE;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    print!("{text}");
    ExitCode::SUCCESS
}

/// Whether the process that started this one still runs.
fn alive(host: u32) -> bool {
    #[cfg(unix)]
    return std::os::unix::process::parent_id() == host;
    #[cfg(not(unix))]
    return host != 0;
}
