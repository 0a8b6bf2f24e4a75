//! The open connections of a worker. When there are too many, the one without a request for the longest is closed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use tokio::sync::Notify;

/// The connections of one worker.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<Vec<Weak<Connection>>>,
    /// Counts connections and requests, which gives them an order.
    begun: AtomicU64,
}

/// The state of one connection.
#[derive(Default)]
pub(crate) struct Connection {
    /// Held by each exchange.
    exchanges: Arc<()>,
    /// The number of its last request, or its own before the first.
    last: AtomicU64,
    closing: AtomicBool,
    close: Notify,
}

/// Held while a request is read or its response sent.
#[derive(Clone)]
pub(crate) struct Exchange {
    _counted: Arc<()>,
}

impl Connections {
    pub(crate) fn add(&self) -> Arc<Connection> {
        let connection = Arc::new(Connection::default());
        self.count(&connection);
        self.lock().push(Arc::downgrade(&connection));
        connection
    }

    /// Begins an exchange on `connection`.
    pub(crate) fn begin(&self, connection: &Connection) -> Exchange {
        self.count(connection);
        Exchange { _counted: connection.exchanges.clone() }
    }

    /// Closes the connection that has been without a request for the longest; false if all have one.
    pub(crate) fn close_longest_idle(&self) -> bool {
        let open = self.lock();
        let idle = open
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|connection| connection.is_idle() && !connection.closing.load(Ordering::Relaxed));
        let longest = idle.min_by_key(|connection| connection.last.load(Ordering::Relaxed));
        if let Some(connection) = &longest {
            connection.closing.store(true, Ordering::Relaxed);
            connection.close.notify_one();
        }
        longest.is_some()
    }

    /// Forgets closed connections. To be called regularly.
    pub(crate) fn sweep(&self) {
        self.lock().retain(|connection| connection.strong_count() > 0);
    }

    fn count(&self, connection: &Connection) {
        connection.last.store(self.begun.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Connection>>> {
        self.open.lock().expect("no code panics holding this lock")
    }
}

impl Connection {
    /// Whether no exchange is in progress.
    pub(crate) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.exchanges) == 1
    }

    /// Completes when it is to be closed.
    pub(crate) async fn to_close(&self) {
        self.close.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_connection_is_closed_first() {
        let connections = Connections::default();
        let [busy, first, second] = std::array::from_fn(|_| connections.add());
        let exchange = connections.begin(&busy);
        drop(connections.begin(&first));
        let closing =
            || [&busy, &first, &second].map(|connection| connection.closing.load(Ordering::Relaxed));
        assert!(connections.close_longest_idle());
        assert_eq!(closing(), [false, false, true]);
        assert!(connections.close_longest_idle());
        assert_eq!(closing(), [false, true, true]);
        assert!(!connections.close_longest_idle());
        drop(exchange);
        assert!(connections.close_longest_idle());
    }
}
