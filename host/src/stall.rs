//! Detects stalled callers, which stop sending a body or reading a response.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stalled callers of one server.
#[derive(Default)]
pub(crate) struct Stalls {
    waits: Mutex<Vec<Weak<Stall>>>,
}

impl Stalls {
    /// Ends the waits that have taken longer than `limit`. To be called regularly.
    pub(crate) fn sweep(&self, limit: Duration) {
        let mut waits = self.lock();
        waits.retain(|wait| wait.strong_count() > 0);
        for wait in waits.iter().filter_map(Weak::upgrade) {
            if wait.waited().is_some_and(|waited| waited > limit) {
                wait.expire();
            }
        }
    }

    /// Ends the longest wait if it has taken longer than `least`, so that another request can run.
    pub(crate) fn expire_longest(&self, least: Duration) {
        let waits = self.lock();
        let longest = waits
            .iter()
            .filter_map(Weak::upgrade)
            .filter_map(|wait| Some((wait.waited()?, wait)))
            .max_by_key(|(waited, _)| *waited);
        if let Some((waited, wait)) = longest
            && waited > least
        {
            wait.expire();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Stall>>> {
        self.waits.lock().expect("no code panics holding this lock")
    }
}

/// Whether one body, or one connection, waits for its caller.
pub(crate) struct Stall {
    stalls: Arc<Stalls>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether it is in the server's list. A body that never has to wait is not.
    listed: bool,
    since: Option<Instant>,
    waker: Option<Waker>,
    expired: bool,
}

impl Stall {
    pub(crate) fn new(stalls: Arc<Stalls>) -> Arc<Self> {
        Arc::new(Self { stalls, state: Mutex::default() })
    }

    /// To be called while waiting for the caller; ready once the wait has taken too long.
    pub(crate) fn poll_expired(self: &Arc<Self>, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.expired {
            return Poll::Ready(());
        }
        state.since.get_or_insert_with(Instant::now);
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        if !std::mem::replace(&mut state.listed, true) {
            drop(state);
            self.stalls.lock().push(Arc::downgrade(self));
        }
        Poll::Pending
    }

    /// To be called when the caller sent or read something.
    pub(crate) fn moved(&self) {
        let mut state = self.lock();
        if state.listed {
            state.since = None;
        }
    }

    fn waited(&self) -> Option<Duration> {
        self.lock().since.map(|since| since.elapsed())
    }

    fn expire(&self) {
        let mut state = self.lock();
        state.expired = true;
        state.since = None;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics holding this lock")
    }
}

/// A connection whose writes fail once its caller has read nothing for too long.
pub(crate) struct CallerStream<S> {
    stream: S,
    stall: Arc<Stall>,
}

impl<S> CallerStream<S> {
    pub(crate) fn new(stream: S, stalls: Arc<Stalls>) -> Self {
        Self { stream, stall: Stall::new(stalls) }
    }

    fn watch<T>(&self, poll: Poll<io::Result<T>>, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stall.moved();
            return poll;
        }
        ready!(self.stall.poll_expired(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CallerStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CallerStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(poll, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(poll, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Waits until the stall expires.
    async fn expired(stall: Arc<Stall>) {
        poll_fn(|cx| stall.poll_expired(cx)).await;
    }

    #[tokio::test]
    async fn only_waits_over_the_limit_are_ended() {
        let stalls = Arc::<Stalls>::default();
        let (one, other) = (Stall::new(stalls.clone()), Stall::new(stalls.clone()));
        let wait = tokio::spawn(expired(one.clone()));
        let still = tokio::spawn(expired(other.clone()));
        tokio::task::yield_now().await;
        stalls.sweep(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
        other.moved();
        stalls.sweep(Duration::from_millis(10));
        wait.await.unwrap();
        assert!(!still.is_finished());
    }

    #[tokio::test]
    async fn only_the_longest_wait_is_ended() {
        let stalls = Arc::<Stalls>::default();
        let (one, other) = (Stall::new(stalls.clone()), Stall::new(stalls.clone()));
        let first = tokio::spawn(expired(one));
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let second = tokio::spawn(expired(other));
        tokio::task::yield_now().await;
        stalls.expire_longest(Duration::from_secs(60));
        stalls.expire_longest(Duration::from_millis(10));
        first.await.unwrap();
        assert!(!second.is_finished());
    }

    #[tokio::test]
    async fn a_caller_that_reads_nothing_ends_its_connection() {
        use tokio::io::AsyncWriteExt;
        let (ours, _theirs) = tokio::io::duplex(8);
        let stalls = Arc::<Stalls>::default();
        let mut stream = CallerStream::new(ours, stalls.clone());
        let write = tokio::spawn(async move { stream.write_all(&[0; 16]).await });
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        stalls.sweep(Duration::from_millis(10));
        assert_eq!(write.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
