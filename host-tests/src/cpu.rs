//! The CPU time of guests: how long one may run before the next has its turn, and how long in all.
//!
//! A guest that computes is interrupted at each [`SLICE`] (Wasmtime's epochs), and goes on when the worker has served
//! all else that is ready. Of several guests that compute, one runs between two looks at the network, so that a
//! request that needs little waits for one slice, not for one of each.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

/// How long a guest runs before others have their turn.
pub(crate) const SLICE: Duration = Duration::from_millis(10);

/// Up to here the time of a request is measured by the wall clock, which costs a tenth of reading the thread's CPU
/// time; from here on by the latter, which other processes do not lengthen.
const PRECISE_FROM: Duration = Duration::from_millis(100);

/// A request that was ended because it took too much CPU time.
#[derive(Debug)]
pub(crate) struct CpuLimitExceeded;

impl fmt::Display for CpuLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request took more CPU time than it may")
    }
}

impl std::error::Error for CpuLimitExceeded {}

/// The turns of the guests of one worker that compute.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// Measures the CPU time of an instance's present request, and interrupts it.
pub(crate) struct CpuMeter {
    turns: Turns,
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// CPU time of the request before it was polled last.
    used: Duration,
    /// When it was polled, as long as it is.
    polled: Option<Start>,
    /// Held by a guest that has run for a slice, until it waits for something else.
    turn: Option<OwnedSemaphorePermit>,
}

impl State {
    fn ran(&self) -> Duration {
        self.polled.as_ref().map_or(Duration::ZERO, Start::elapsed)
    }
}

enum Start {
    Wall(Instant),
    /// CPU time of the thread: a task stays on its worker.
    Cpu(Duration),
}

impl Start {
    fn elapsed(&self) -> Duration {
        match self {
            Self::Wall(start) => start.elapsed(),
            Self::Cpu(start) => ThreadTime::now().as_duration().saturating_sub(*start),
        }
    }
}

impl CpuMeter {
    /// `limit` is what a request may take.
    pub(crate) fn new(turns: Turns, limit: Duration) -> Arc<Self> {
        Arc::new(Self { turns, limit, state: Mutex::default() })
    }

    /// Measures a request from its beginning to its end: `call`, a call of the guest.
    pub(crate) async fn measure<F: Future>(&self, call: F) -> F::Output {
        *self.lock() = State::default();
        let mut call = pin!(call);
        poll_fn(|cx| {
            self.begin();
            let poll = call.as_mut().poll(cx);
            self.end();
            poll
        })
        .await
    }

    fn begin(&self) {
        let mut state = self.lock();
        state.polled = Some(match state.used < PRECISE_FROM {
            true => Start::Wall(Instant::now()),
            false => Start::Cpu(ThreadTime::now().as_duration()),
        });
    }

    fn end(&self) {
        let mut state = self.lock();
        let ran = state.ran();
        state.used += ran;
        state.polled = None;
        state.turn = None;
    }

    /// What becomes of the guest at the end of an epoch.
    ///
    /// # Errors
    ///
    /// [`CpuLimitExceeded`], which ends the guest.
    pub(crate) fn at_deadline(self: Arc<Self>) -> wasmtime::Result<UpdateDeadline> {
        let mut state = self.lock();
        let ran = state.ran();
        if state.used + ran > self.limit {
            return Err(CpuLimitExceeded.into());
        }
        // Epochs also end while a guest waits; this one has just begun to run again.
        if ran < SLICE / 2 {
            return Ok(UpdateDeadline::Continue(1));
        }
        // To the guest that waits longest.
        state.turn = None;
        drop(state);
        let next = async move {
            let turn = self.turns.0.clone().acquire_owned().await.expect("the semaphore is never closed");
            // Tokio polls the network before it wakes a task that yields so.
            tokio::task::yield_now().await;
            self.lock().turn = Some(turn);
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(next)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics holding this lock")
    }
}
