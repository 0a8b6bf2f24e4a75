//! Printing that the gateway is up, once it is.
//!
//! The host takes the place of this program (see `serve`), so that Ctrl-C, the exit code and the terminal
//! are its own. A second process waits until the host listens, prints the text and ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// The name under which this program is called for it.
pub(crate) const COMMAND: &str = "announce";

/// Starts a process that prints `text` as soon as something listens on `addr`.
pub(crate) fn start(addr: SocketAddr, text: &str) -> std::io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, &addr.to_string(), &std::process::id().to_string()]);
    // By a pipe, since it holds a key.
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes())
}

/// Waits and prints. Ends in silence when the host is gone.
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
