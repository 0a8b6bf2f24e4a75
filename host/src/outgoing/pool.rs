//! The pool of idle connections to upstreams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, timeout};
use wasmtime_wasi_http::WasiBody;

use super::origin::Origin;

struct Idle {
    sender: SendRequest<WasiBody>,
    since: Instant,
}

/// The idle connections of one worker.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

impl Pool {
    /// Shorter than the 5 s after which uvicorn and Node, which serve most local models, close an idle connection: a
    /// request sent on a connection that is just being closed is lost.
    const MAX_IDLE_TIME: Duration = Duration::from_secs(4);
    const MAX_IDLE: usize = 128;

    /// The most recently used open connection to `origin`.
    pub(super) fn take(&self, origin: &Origin) -> Option<SendRequest<WasiBody>> {
        let mut idle = self.lock();
        let waiting = idle.get_mut(origin)?;
        while let Some(last) = waiting.pop() {
            if last.sender.is_ready() && last.since.elapsed() < Self::MAX_IDLE_TIME {
                return Some(last.sender);
            }
        }
        None
    }

    fn put(&self, origin: Origin, sender: SendRequest<WasiBody>) {
        let mut idle = self.lock();
        let waiting = idle.entry(origin).or_default();
        if waiting.len() < Self::MAX_IDLE {
            waiting.push(Idle { sender, since: Instant::now() });
        }
    }

    /// How many connections are idle.
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    /// Closes connections that have been idle for too long. To be called regularly.
    pub(super) fn sweep(&self) {
        self.lock().retain(|_, waiting| {
            waiting.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < Self::MAX_IDLE_TIME);
            !waiting.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Idle>>> {
        self.idle.lock().expect("no code panics holding this lock")
    }
}

/// A connection while its response is being read. Dropping it closes the connection; [`PooledConnection::release`] and
/// [`PooledConnection::release_later`] return it to its pool.
pub(super) struct PooledConnection {
    pub(super) pool: Arc<Pool>,
    pub(super) origin: Origin,
    pub(super) sender: SendRequest<WasiBody>,
}

impl PooledConnection {
    /// How long a connection may take to be ready again once its response is complete. It takes no time unless the
    /// upstream responded without reading the request.
    const SETTLE: Duration = Duration::from_secs(1);

    /// How long an upstream may take to close a connection unannounced: llama.cpp does so after each stream, and a
    /// request sent on it meanwhile would be lost.
    const CLOSING_TIME: Duration = Duration::from_millis(10);

    /// Returns the connection after a response of known length.
    pub(super) fn release(self) {
        if self.sender.is_ready() {
            self.pool.put(self.origin, self.sender);
        } else {
            tokio::spawn(self.settle());
        }
    }

    /// Returns the connection after a response whose length was not known before its end.
    pub(super) fn release_later(self) {
        tokio::spawn(async {
            tokio::time::sleep(Self::CLOSING_TIME).await;
            self.settle().await;
        });
    }

    async fn settle(mut self) {
        if let Ok(Ok(())) = timeout(Self::SETTLE, self.sender.ready()).await {
            self.pool.put(self.origin, self.sender);
        }
    }
}
