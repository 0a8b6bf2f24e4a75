//! The output of guests, line by line.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::spool::{self, Stream};

/// The destination of the guests' standard output and error.
#[derive(Clone)]
pub enum Output {
    /// To the same streams of this process. A separate thread writes them, so that a reader that stalls blocks no
    /// request; beyond 4 MiB, lines are dropped and counted.
    Inherit,
    /// To memory, for tests.
    Capture(Captured),
}

impl Output {
    pub(crate) fn stdout(&self) -> Lines {
        Lines::new(self.clone(), Stream::Out)
    }

    pub(crate) fn stderr(&self) -> Lines {
        Lines::new(self.clone(), Stream::Err)
    }

    /// Prepares to print.
    ///
    /// # Errors
    ///
    /// When the system cannot start another thread.
    pub(crate) fn start(&self) -> io::Result<()> {
        match self {
            Self::Inherit => spool::start(),
            Self::Capture(_) => Ok(()),
        }
    }

    /// Waits until all lines are written, but no longer than `limit`. To be called before the process ends.
    pub fn flush(&self, limit: Duration) {
        if matches!(self, Self::Inherit) {
            spool::flush(limit);
        }
    }

    /// Logs a line of the host among those of the guests.
    pub fn note(&self, line: &str) {
        self.put(Stream::Err, format!("{line}\n").as_bytes());
    }

    fn put(&self, stream: Stream, line: &[u8]) {
        match self {
            Self::Inherit => spool::put(stream, line),
            Self::Capture(captured) => captured.push(line),
        }
    }
}

/// The lines that guests have printed to standard output and error, in the order of their arrival.
#[derive(Clone)]
pub struct Captured {
    lines: Arc<watch::Sender<Vec<String>>>,
}

impl Default for Captured {
    fn default() -> Self {
        Self { lines: Arc::new(watch::Sender::new(Vec::new())) }
    }
}

impl Captured {
    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Waits for the first line that `wanted` accepts, including past lines.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&str) -> bool) -> String {
        let mut lines = self.lines.subscribe();
        let mut seen = 0;
        loop {
            {
                let lines = lines.borrow_and_update();
                if let Some(line) = lines[seen..].iter().find(|line| wanted(line)) {
                    return line.clone();
                }
                seen = lines.len();
            }
            lines.changed().await.expect("`self` holds the sender");
        }
    }

    fn push(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned();
        self.lines.send_modify(|lines| lines.push(line));
    }
}

/// One standard stream of one instance. It collects writes into lines, so that lines of several instances do not mix.
#[derive(Clone)]
pub(crate) struct Lines {
    output: Output,
    stream: Stream,
    partial: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    /// A longer line is passed on in pieces, so that a guest that prints no line break cannot exhaust the memory.
    const LONGEST: usize = 64 * 1024;

    fn new(output: Output, stream: Stream) -> Self {
        Self { output, stream, partial: Arc::default() }
    }

    fn write(&self, bytes: &[u8]) {
        let mut partial = self.partial.lock().expect("no code panics holding this lock");
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || partial.len() > Self::LONGEST {
                self.output.put(self.stream, &partial);
                partial.clear();
            }
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        Self::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(Self::LONGEST)
    }
}

// The expansion of `async_trait`, which is not worth a dependency for one method.
impl Pollable for Lines {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Self::write(&self, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_whole_when_written_in_pieces() {
        let captured = Captured::default();
        let output = Output::Capture(captured.clone());
        let (one, other) = (output.stderr(), output.stderr());
        one.write(b"a");
        other.write(b"x\ny");
        one.write(b"b\nc\n");
        assert_eq!(captured.lines(), ["x", "ab", "c"]);
    }

    #[tokio::test]
    async fn waiting_sees_past_and_future_lines() {
        let captured = Captured::default();
        let output = Output::Capture(captured.clone());
        output.note("first");
        assert_eq!(captured.wait_for(|line| line == "first").await, "first");
        let waiting = tokio::spawn({
            let captured = captured.clone();
            async move { captured.wait_for(|line| line == "second").await }
        });
        tokio::task::yield_now().await;
        output.note("second");
        assert_eq!(waiting.await.unwrap(), "second");
    }
}
