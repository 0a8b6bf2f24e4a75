//! Detects stalled callers, which stop sending a body or reading a response.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stalled callers of one server.
pub(crate) struct Stalls {
    /// Bytes per second. What a caller sends or reads makes up for the time it took at this rate.
    min_rate: u64,
    waits: Mutex<Vec<Weak<Stall>>>,
}

impl Stalls {
    pub(crate) fn new(min_rate: u64) -> Arc<Self> {
        Arc::new(Self { min_rate: min_rate.max(1), waits: Mutex::default() })
    }

    /// Ends the waits that have taken longer than `limit`. To be called regularly.
    pub(crate) fn sweep(&self, limit: Duration) {
        let mut waits = self.lock();
        waits.retain(|wait| wait.strong_count() > 0);
        for wait in waits.iter().filter_map(Weak::upgrade) {
            if wait.delay().is_some_and(|delay| delay.waited > limit) {
                wait.expire();
            }
        }
    }

    /// Ends the wait for the slowest caller, so that another request can run: of those that have sent or read nothing for
    /// longer than `silence`, or are behind the minimum rate by more than `behind`, the one that is most behind.
    pub(crate) fn expire_slowest(&self, silence: Duration, behind: Duration) {
        let waits = self.lock();
        let slowest = waits
            .iter()
            .filter_map(Weak::upgrade)
            .filter_map(|wait| Some((wait.delay()?, wait)))
            .filter(|(delay, _)| delay.waited > silence || delay.behind > behind)
            .max_by_key(|(delay, _)| delay.behind);
        if let Some((_, wait)) = slowest {
            wait.expire();
        }
    }

    /// The time that `bytes` take at the minimum rate.
    fn time_of(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Duration::from_micros(bytes.saturating_mul(1_000_000) / self.min_rate)
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
    /// Since when the present wait lasts.
    since: Option<Instant>,
    /// How much longer all earlier waits took than the minimum rate allows for the bytes that came. A caller cannot be
    /// ahead of the rate, else a fast start would allow an endless slow rest.
    behind: Duration,
    waker: Option<Waker>,
    expired: bool,
}

/// How long a caller has made the server wait.
struct Delay {
    /// The present wait.
    waited: Duration,
    /// The present wait, and how far the caller was behind the minimum rate before.
    behind: Duration,
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

    /// A waker for what the caller is to do. That it is woken ends the wait, even if the task that it wakes comes back much
    /// later: a guest that does something else holds up its caller, and not the other way round.
    pub(crate) fn waker(self: &Arc<Self>, cx: &Context<'_>) -> Waker {
        let mut state = self.lock();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        self.clone().into()
    }

    /// To be called when the caller sent or read this number of bytes.
    pub(crate) fn moved(&self, bytes: usize) {
        let mut state = self.lock();
        if !state.listed {
            return;
        }
        state.end_wait();
        if !state.behind.is_zero() {
            state.behind = state.behind.saturating_sub(self.stalls.time_of(bytes));
        }
    }

    /// Whether the server waits for the caller now.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().since.is_some()
    }

    /// `None` if the server does not wait for the caller now.
    fn delay(&self) -> Option<Delay> {
        let state = self.lock();
        let waited = state.since?.elapsed();
        Some(Delay { waited, behind: state.behind + waited })
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

impl State {
    fn end_wait(&mut self) {
        if let Some(since) = self.since.take() {
            self.behind += since.elapsed();
        }
    }
}

impl Wake for Stall {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.end_wait();
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
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

    /// Whether a write waits for the caller to read.
    pub(crate) fn writes(&self) -> Arc<Stall> {
        self.stall.clone()
    }

    fn watch(&self, poll: Poll<io::Result<usize>>, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = &poll {
            self.stall.moved(*written.as_ref().unwrap_or(&0));
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

    const MIN_RATE: u64 = 1024;

    /// Waits until the stall expires.
    async fn expired(stall: Arc<Stall>) {
        poll_fn(|cx| stall.poll_expired(cx)).await;
    }

    #[tokio::test]
    async fn only_waits_over_the_limit_are_ended() {
        let stalls = Stalls::new(MIN_RATE);
        let (one, other) = (Stall::new(stalls.clone()), Stall::new(stalls.clone()));
        let wait = tokio::spawn(expired(one.clone()));
        let still = tokio::spawn(expired(other.clone()));
        tokio::task::yield_now().await;
        stalls.sweep(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
        other.moved(1);
        stalls.sweep(Duration::from_millis(10));
        wait.await.unwrap();
        assert!(!still.is_finished());
    }

    #[tokio::test]
    async fn a_wait_ends_when_something_arrives() {
        let stalls = Stalls::new(MIN_RATE);
        let stall = Stall::new(stalls.clone());
        let arrived = poll_fn(|cx| {
            let arrived = stall.waker(cx);
            assert!(stall.poll_expired(cx).is_pending());
            Poll::Ready(arrived)
        });
        let arrived = arrived.await;
        assert!(stall.is_waiting());
        arrived.wake_by_ref();
        assert!(!stall.is_waiting());
        std::thread::sleep(Duration::from_millis(2));
        stalls.sweep(Duration::from_millis(1));
        let expired = poll_fn(|cx| Poll::Ready(stall.poll_expired(cx).is_ready())).await;
        assert!(!expired);
    }

    #[tokio::test]
    async fn only_the_longest_silence_is_ended() {
        let stalls = Stalls::new(MIN_RATE);
        let (one, other) = (Stall::new(stalls.clone()), Stall::new(stalls.clone()));
        let first = tokio::spawn(expired(one));
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let second = tokio::spawn(expired(other));
        tokio::task::yield_now().await;
        let long = Duration::from_secs(60);
        stalls.expire_slowest(long, long);
        stalls.expire_slowest(Duration::from_millis(10), long);
        first.await.unwrap();
        assert!(!second.is_finished());
    }

    #[tokio::test]
    async fn only_the_slowest_caller_is_ended() {
        let stalls = Stalls::new(MIN_RATE);
        let (fast, slow) = (Stall::new(stalls.clone()), Stall::new(stalls.clone()));
        // Both wait in three steps of the same time.
        for _ in 0..3 {
            let waits = [&fast, &slow].map(|stall| tokio::spawn(expired(stall.clone())));
            tokio::time::sleep(Duration::from_millis(20)).await;
            fast.moved(1 << 30);
            slow.moved(1);
            for wait in waits {
                wait.abort();
            }
        }
        let [fast, slow] = [fast, slow].map(|stall| tokio::spawn(expired(stall)));
        tokio::task::yield_now().await;
        let long = Duration::from_secs(60);
        stalls.expire_slowest(long, long);
        stalls.expire_slowest(long, Duration::from_millis(50));
        slow.await.unwrap();
        assert!(!fast.is_finished());
    }

    #[tokio::test]
    async fn a_caller_that_reads_nothing_ends_its_connection() {
        use tokio::io::AsyncWriteExt;
        let (ours, _theirs) = tokio::io::duplex(8);
        let stalls = Stalls::new(MIN_RATE);
        let mut stream = CallerStream::new(ours, stalls.clone());
        let write = tokio::spawn(async move { stream.write_all(&[0; 16]).await });
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        stalls.sweep(Duration::from_millis(10));
        assert_eq!(write.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
