//! The output of the program, not of a server in this process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host_tests::{Call, PATIENCE, guest_file, host_file};

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_stderr_that_is_not_read_stops_neither_requests_nor_the_end() {
    let files = tokio::task::spawn_blocking(|| (host_file(), guest_file()));
    let (host, guest) = files.await.unwrap();
    let mut host = Command::new(host);
    // `--count-calls` prints a line for each request, with its path.
    host.args(["--addr", "127.0.0.1:0", "--workers", "1", "--count-calls", "--wasm"]).arg(guest);
    let mut host = Process(host.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut stdout = BufReader::new(host.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let addr: SocketAddr = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let unread = host.0.stderr.take();
    // A pipe has room for 64 KiB.
    let path = format!("/fixed?{}", "x".repeat(16 << 10));
    for _ in 0..20 {
        assert_eq!(Call::new(addr, "GET", &path).await.status, 404);
    }
    let pid = host.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = host.0.try_wait().unwrap() {
            break ended;
        }
        assert!(begun.elapsed() < PATIENCE, "the host does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(ended.success(), "{ended}");
    drop(unread);
}
