//! The CPU time of guests: how long one may run before the next one is scheduled, and how long in total.
//!
//! A guest that computes is interrupted after each [`SLICE`] (Wasmtime's epochs), and continues when the worker has
//! served everything else that is ready. Of several computing guests only one runs between two polls of the network, so
//! that a request that needs little CPU waits for one slice, not for one slice of each guest.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

/// How long a guest runs before others are scheduled.
pub(crate) const SLICE: Duration = Duration::from_millis(10);

/// Up to this time a request is measured by the wall clock, which costs a tenth of reading the thread's CPU time;
/// beyond it by the CPU time, which does not grow while other processes run.
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

/// Schedules the computing guests of one worker: only one of them holds the turn.
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
    /// When the present poll began.
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
    /// `limit` is the CPU time that a request may take.
    pub(crate) fn new(turns: Turns, limit: Duration) -> Arc<Self> {
        Arc::new(Self { turns, limit, state: Mutex::default() })
    }

    /// Measures the CPU time of a request, which is `call`, a call of the guest.
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

    /// Decides at the end of an epoch whether the guest continues or yields.
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
        // Epochs also end while a guest waits; this guest has just started running again.
        if ran < SLICE / 2 {
            return Ok(UpdateDeadline::Continue(1));
        }
        // The guest that has waited longest gets the turn.
        state.turn = None;
        drop(state);
        let next = async move {
            let turn = self.turns.0.clone().acquire_owned().await.expect("the semaphore is never closed");
            // Tokio polls the network before it wakes a task that yields this way.
            tokio::task::yield_now().await;
            self.lock().turn = Some(turn);
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(next)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics holding this lock")
    }
}
