//! Creates and reuses instances of the component.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime::{Result, Store};
use wasmtime_wasi_http::p2::bindings::Proxy;

use crate::cpu::{CpuMeter, Turns};
use crate::engine::Program;
use crate::memory::TotalMemory;
use crate::outgoing::Client;
use crate::output::Output;
use crate::state::State;

/// One instance with its store. It handles one request at a time.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) proxy: Proxy,
    served: u32,
    idle_since: Instant,
    _slot: OwnedSemaphorePermit,
}

/// The state of an idle instance, for tests and benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleInstance {
    /// Requests it has handled.
    pub served: u32,
    /// The size of its linear memory in bytes.
    pub memory: usize,
}

/// The instances of one worker.
///
/// A stack of idle instances: a request takes the most recently used one, whose memory is warm, and returns it unless it
/// trapped or has reached the reuse limit. Wasmtime's own `ProxyHandler` also supports components that run several
/// requests at once, but it needs Wasmtime built with `component-model-async` and worker tasks per instance; WASI 0.2
/// allows only one request at a time per instance.
pub(crate) struct Instances {
    pub(crate) program: Program,
    pub(crate) settings: Arc<[(String, String)]>,
    pub(crate) output: Output,
    pub(crate) reuse: u32,
    pub(crate) max_idle: usize,
    pub(crate) cpu_limit: Duration,
    pub(crate) turns: Turns,
    pub(crate) memory: Arc<TotalMemory>,
    pub(crate) client: Arc<Client>,
    pub(crate) idle: Mutex<VecDeque<Instance>>,
    pub(crate) made: AtomicU64,
}

impl Instances {
    const MAX_IDLE_TIME: Duration = Duration::from_secs(10);

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// An instance for one request.
    pub(crate) async fn take(&self) -> Result<Instance> {
        if let Some(instance) = self.idle().pop_back() {
            return Ok(instance);
        }
        self.make().await
    }

    /// A fresh instance.
    pub(crate) async fn make(&self) -> Result<Instance> {
        let slot = self.slots().clone().acquire_owned().await?;
        let cpu = CpuMeter::new(self.turns.clone(), self.cpu_limit);
        let state = State::new(&self.settings, &self.output, self.client.clone(), cpu, self.memory.clone());
        let mut store = Store::new(self.program.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| store.data().cpu.clone().at_deadline());
        let proxy = self.program.pre.instantiate_async(&mut store).await?;
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Instance { store, proxy, served: 0, idle_since: Instant::now(), _slot: slot })
    }

    /// Returns an instance that handled a request without a trap.
    pub(crate) fn give_back(&self, mut instance: Instance) {
        instance.served += 1;
        instance.idle_since = Instant::now();
        // If no slot is free, another server in this process may be waiting for one.
        let scarce = self.slots().available_permits() == 0 || self.memory.is_scarce();
        if instance.served >= self.reuse || scarce {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < self.max_idle {
            idle.push_back(instance);
        }
    }

    /// Drops instances that have been idle for too long. To be called regularly.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle();
        let stale = idle.iter().take_while(|instance| instance.idle_since.elapsed() > Self::MAX_IDLE_TIME);
        let stale = stale.count();
        let stale: Vec<_> = idle.drain(..stale).collect();
        drop(idle);
        drop(stale); // Unmapping memory takes a while; not under the lock.
    }

    /// Drops all idle instances.
    pub(crate) fn drop_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle); // As above.
    }

    /// How many instances were created since the server started.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub(crate) fn idle_now(&self) -> Vec<IdleInstance> {
        let idle = self.idle();
        let look = |instance: &Instance| IdleInstance {
            served: instance.served,
            memory: instance.store.data().memory.bytes,
        };
        idle.iter().map(look).collect()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Instance>> {
        self.idle.lock().expect("no code panics holding this lock")
    }

    fn slots(&self) -> &Arc<Semaphore> {
        &self.program.slots
    }
}
