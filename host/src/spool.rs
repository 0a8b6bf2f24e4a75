//! The standard output and error of this process, written by a thread of its own.
//!
//! A pipe that its reader leaves full blocks the thread that writes to it. A worker would block with all its requests.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// The time between two writes. To wake the thread for each line took a quarter of the CPU time of a chat by the engine.
const PAUSE: Duration = Duration::from_millis(5);

/// What waits to be written.
#[derive(Default)]
struct Queue {
    /// In the order of arrival.
    pieces: Vec<(Stream, Vec<u8>)>,
    bytes: usize,
    /// Lines that found no room.
    dropped: u64,
    /// The thread is writing.
    writing: bool,
}

impl Queue {
    /// A stalled reader costs no more memory than this.
    const MAX_BYTES: usize = 4 << 20;

    fn put(&mut self, stream: Stream, line: &[u8]) {
        if self.bytes + line.len() > Self::MAX_BYTES {
            self.dropped += 1;
            return;
        }
        self.bytes += line.len();
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == stream => piece.extend_from_slice(line),
            _ => self.pieces.push((stream, line.to_vec())),
        }
    }

    /// Everything, with a line about what was dropped.
    fn take(&mut self) -> Vec<(Stream, Vec<u8>)> {
        self.bytes = 0;
        let mut pieces = std::mem::take(&mut self.pieces);
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => {
                let note = format!("host: dropped {dropped} lines, because this stream was not read\n");
                pieces.push((Stream::Err, note.into_bytes()));
            }
        }
        pieces
    }
}

struct Spool {
    queue: Mutex<Queue>,
    filled: Condvar,
    written: Condvar,
}

static SPOOL: OnceLock<Spool> = OnceLock::new();

/// Starts the thread, unless it runs already. Until then lines are written by the thread that has them.
///
/// # Errors
///
/// When the system cannot start another thread.
pub(crate) fn start() -> io::Result<()> {
    if SPOOL.get().is_some() {
        return Ok(());
    }
    std::thread::Builder::new().name("output".to_owned()).spawn(|| {
        let spool = Spool { queue: Mutex::default(), filled: Condvar::new(), written: Condvar::new() };
        // If two servers start at the same time, one thread is enough.
        if SPOOL.set(spool).is_ok()
            && let Some(spool) = SPOOL.get()
        {
            spool.write_on();
        }
    })?;
    Ok(())
}

/// Writes a line to the stream, soon.
pub(crate) fn put(stream: Stream, line: &[u8]) {
    match SPOOL.get() {
        Some(spool) => spool.put(stream, line),
        None => write(stream, line),
    }
}

/// Waits until everything is written, but no longer than `limit`.
pub(crate) fn flush(limit: Duration) {
    if let Some(spool) = SPOOL.get() {
        let pending = |queue: &mut Queue| queue.writing || !queue.pieces.is_empty();
        drop(spool.written.wait_timeout_while(spool.lock(), limit, pending));
    }
}

impl Spool {
    fn put(&self, stream: Stream, line: &[u8]) {
        let mut queue = self.lock();
        queue.put(stream, line);
        // A thread that is writing looks at the queue again before it waits.
        let waiting = !queue.writing;
        drop(queue);
        if waiting {
            self.filled.notify_one();
        }
    }

    fn write_on(&self) {
        loop {
            let mut queue = self.lock();
            queue.writing = false;
            while queue.pieces.is_empty() {
                self.written.notify_all();
                queue = self.filled.wait(queue).expect("no code panics holding this lock");
            }
            queue.writing = true;
            let pieces = queue.take();
            drop(queue);
            for (stream, piece) in pieces {
                write(stream, &piece);
            }
            // `writing` stays set, so that lines gather meanwhile without waking this thread for each.
            std::thread::sleep(PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no code panics holding this lock")
    }
}

/// The server goes on if the stream is closed.
fn write(stream: Stream, bytes: &[u8]) {
    match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            let _ = out.write_all(bytes).and_then(|()| out.flush());
        }
        Stream::Err => drop(io::stderr().lock().write_all(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let mut queue = Queue::default();
        let line = vec![b'x'; Queue::MAX_BYTES / 4];
        for stream in [Stream::Out, Stream::Err, Stream::Err, Stream::Err, Stream::Out, Stream::Err] {
            queue.put(stream, &line);
        }
        let lengths: Vec<_> = queue.take().iter().map(|(stream, piece)| (*stream, piece.len())).collect();
        let note = "host: dropped 2 lines, because this stream was not read\n".len();
        let want = [(Stream::Out, line.len()), (Stream::Err, 3 * line.len()), (Stream::Err, note)];
        assert_eq!(lengths, want);
        queue.put(Stream::Err, &line);
        assert_eq!(queue.take(), [(Stream::Err, line)]);
    }
}
