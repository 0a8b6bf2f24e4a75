//! Instances of the component, made and used again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime::{Result, Store};
use wasmtime_wasi_http::p2::bindings::Proxy;

use crate::engine::Program;
use crate::outgoing::Connections;
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

/// How an idle instance stands, for tests and benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleInstance {
    /// Requests it has handled.
    pub served: u32,
    /// Bytes of its linear memory.
    pub memory: usize,
}

/// The instances of one server.
///
/// A stack of idle ones: a request takes the instance used last, whose memory is warm, and gives it back
/// unless it trapped or has served its number. Wasmtime's own `ProxyHandler` does the same and more, for
/// components that run several requests at once, but needs the `component-model-async` build of Wasmtime
/// and worker tasks per instance; one request at a time per instance is all that WASI 0.2 allows.
pub(crate) struct Instances {
    program: Program,
    settings: Vec<(String, String)>,
    output: Output,
    reuse: u32,
    connections: Arc<Connections>,
    idle: Mutex<VecDeque<Instance>>,
    made: AtomicU64,
}

impl Instances {
    /// An idle instance keeps what it wrote of its memory, and its slot in the engine's pool.
    const MAX_IDLE: usize = 128;
    const MAX_IDLE_TIME: Duration = Duration::from_secs(10);

    pub(crate) fn new(
        program: Program,
        settings: Vec<(String, String)>,
        output: Output,
        reuse: u32,
        connections: Arc<Connections>,
    ) -> Self {
        let (idle, made) = (Mutex::default(), AtomicU64::new(0));
        Self { program, settings, output, reuse: reuse.max(1), connections, idle, made }
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// An instance for one request. Waits while as many are in use as the engine has room for.
    pub(crate) async fn take(&self) -> Result<Instance> {
        if let Some(instance) = self.idle().pop_back() {
            return Ok(instance);
        }
        self.make().await
    }

    /// A fresh instance.
    pub(crate) async fn make(&self) -> Result<Instance> {
        let slot = self.slots().clone().acquire_owned().await?;
        let state = State::new(&self.settings, &self.output, self.connections.clone());
        let mut store = Store::new(self.program.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        let proxy = self.program.pre.instantiate_async(&mut store).await?;
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Instance { store, proxy, served: 0, idle_since: Instant::now(), _slot: slot })
    }

    /// Takes back an instance that handled a request without a trap.
    pub(crate) fn give_back(&self, mut instance: Instance) {
        instance.served += 1;
        instance.idle_since = Instant::now();
        // With no slot free someone may be waiting for one: dropping the instance hands it over.
        if instance.served >= self.reuse || self.slots().available_permits() == 0 {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < Self::MAX_IDLE {
            idle.push_back(instance);
        }
    }

    /// Lets go of instances that were idle for long. To be called now and then.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle();
        let stale = idle.iter().take_while(|instance| instance.idle_since.elapsed() > Self::MAX_IDLE_TIME);
        let stale = stale.count();
        let stale: Vec<_> = idle.drain(..stale).collect();
        drop(idle);
        drop(stale); // Unmapping memory takes a while; not under the lock.
    }

    /// How many were made since the server started.
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
