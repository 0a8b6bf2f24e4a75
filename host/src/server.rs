//! The HTTP server in front of the instances: its options and its workers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::calls;
use crate::connections::Connections;
use crate::cpu::Turns;
use crate::engine::{MAX_IDLE, MAX_PROBES, MAX_RUNNING, Program};
use crate::instances::{IdleInstance, Instances};
use crate::listen::listen;
use crate::memory::{self, TotalMemory};
use crate::outgoing::{Client, Connector};
use crate::output::Output;
use crate::stall::Stalls;
use crate::worker::{Shared, Stop, Worker};

/// How a [`Server`] runs its component.
pub struct Options {
    /// The environment variables the guest sees.
    pub settings: Vec<(String, String)>,
    /// How many requests one instance handles before it is dropped; with 1 each request gets a fresh instance.
    pub reuse: u32,
    /// The destination of the guests' output and the host's log lines.
    pub output: Output,
    /// Root certificates in PEM to trust for upstreams, in addition to Mozilla's.
    pub roots: Vec<u8>,
    /// The number of worker threads, each with its own listener, instances and connections.
    pub workers: usize,
    /// The limits of each request and of all together.
    pub limits: Limits,
}

/// The limits of requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many requests may be inside a guest at the same time, at most [`MAX_RUNNING`]. Further requests wait for up
    /// to a second and then get a 503.
    pub running: usize,
    /// The CPU time of one request, including the host calls it makes. When it is exceeded, the request ends with a
    /// 503, or its response is cut off.
    pub cpu: Duration,
    /// Bytes by which all instances together may grow. A request that needs more ends as one that takes too much CPU
    /// time. The default is half of the memory of the machine or of the control group, whichever has less.
    pub memory: usize,
    /// How long a connection may take to send the head of its next request, and thus how long it may be idle.
    pub head: Duration,
    /// How long a caller may send nothing of a body that the guest waits for, or read nothing of its response.
    pub stall: Duration,
    /// The same while other requests wait because the maximum number is running: then the slowest caller is disconnected
    /// if it has sent or read nothing for longer than this,
    pub stall_under_load: Duration,
    /// or if it is behind `min_rate` by more than this, counted over all the time for which it made the server wait.
    pub behind_under_load: Duration,
    /// The rate, in bytes per second, from which a caller is not slow.
    pub min_rate: u64,
    /// How many connections of callers may be open. Beyond, the one without a request for the longest is closed, or, if
    /// all have one, the new one. `None` is three quarters of the limit of file descriptors, so that there are some for
    /// upstreams.
    pub connections: Option<usize>,
    /// How long running responses may take to end after [`Server::stop`].
    pub stop: Duration,
}

impl Default for Limits {
    /// The head timeout is longer than the 60 s for which load balancers keep idle connections (AWS, nginx), so that
    /// they close the connection first.
    fn default() -> Self {
        Self {
            running: MAX_RUNNING,
            cpu: Duration::from_secs(10),
            memory: memory::default_total(),
            head: Duration::from_secs(75),
            stall: Duration::from_secs(60),
            stall_under_load: Duration::from_secs(1),
            behind_under_load: Duration::from_secs(5),
            min_rate: 1024,
            connections: None,
            stop: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// High enough that the cost of creating instances is negligible, low enough that a guest which leaks a little
    /// memory with each request does not grow without bound.
    pub const DEFAULT_REUSE: u32 = 1_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            reuse: Self::DEFAULT_REUSE,
            output: Output::Inherit,
            roots: Vec::new(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
        }
    }
}

fn default_connections() -> usize {
    #[cfg(unix)]
    if let Ok((limit, _)) = rlimit::Resource::NOFILE.get() {
        return usize::try_from(limit / 4 * 3).unwrap_or(usize::MAX);
    }
    usize::MAX
}

/// A component being served. Dropping it ends everything at once.
pub struct Server {
    addr: SocketAddr,
    stop: watch::Sender<Stop>,
    /// Closes when the last worker has ended.
    ended: mpsc::Receiver<Infallible>,
    workers: Vec<Arc<Worker>>,
}

impl Server {
    /// Listens on `addr` and serves `program` there, on its own threads.
    ///
    /// # Errors
    ///
    /// When the address is in use, the certificates are invalid, or the system cannot start another thread or runtime.
    pub fn start(program: &Program, addr: SocketAddr, options: Options) -> io::Result<Self> {
        let Options { settings, reuse, output, roots, workers: count, limits } = options;
        let count = count.clamp(1, MAX_IDLE);
        let connector = Connector::new(&roots)?;
        output.start()?;
        let running = Arc::new(Semaphore::new(limits.running.clamp(1, MAX_RUNNING)));
        let probes = Arc::new(Semaphore::new(MAX_PROBES));
        let memory = TotalMemory::new(limits.memory);
        let connections = limits.connections.unwrap_or_else(default_connections);
        let connections = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        let stalls = Stalls::new(limits.min_rate);
        let shared = Arc::new(Shared { limits, running, probes, connections, stalls });
        let settings: Arc<[_]> = settings.into();
        let listeners = listen(addr, count)?;
        let addr = listeners[0].local_addr()?;
        let (stop, stopping) = watch::channel(Stop::No);
        let (end, ended) = mpsc::channel(1);
        // From here on an error stops the workers that are already running.
        let mut server = Self { addr, stop, ended, workers: Vec::new() };
        for (number, listener) in listeners.into_iter().enumerate() {
            let client = Arc::new(Client::new(connector.clone()));
            let instances = Instances {
                program: program.clone(),
                settings: settings.clone(),
                output: output.clone(),
                reuse: reuse.max(1),
                max_idle: MAX_IDLE / count,
                cpu_limit: limits.cpu,
                turns: Turns::default(),
                memory: memory.clone(),
                client: client.clone(),
                idle: Default::default(),
                made: Default::default(),
            };
            let worker = Arc::new(Worker {
                shared: shared.clone(),
                instances,
                client,
                connections: Connections::default(),
            });
            let counts_calls = program.counts_calls;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (serving, stopping, end) = (worker.clone(), stopping.clone(), end.clone());
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                let _counting = counts_calls.then(calls::count_on_this_thread);
                runtime.block_on(serving.serve(listener, stopping));
                // A name lookup may be under way.
                runtime.shutdown_background();
                drop(end);
            })?;
            server.workers.push(worker);
        }
        Ok(server)
    }

    /// The address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops accepting, closes connections without a whole request, and lets running responses finish within
    /// [`Limits::stop`].
    pub fn stop(&self) {
        self.stop.send_replace(Stop::Gracefully);
    }

    /// Waits until the last response and its log line are written after [`Server::stop`].
    pub async fn stopped(&mut self) {
        // Nothing is ever sent: the channel closes.
        let _ = self.ended.recv().await;
    }

    /// The idle instances.
    pub fn idle_instances(&self) -> Vec<IdleInstance> {
        self.workers.iter().flat_map(|worker| worker.instances.idle_now()).collect()
    }

    /// The number of idle connections to upstreams.
    pub fn idle_connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.client.idle_connections()).sum()
    }

    /// Creates an instance, as for a request that finds none idle, and drops it.
    ///
    /// # Errors
    ///
    /// When the instance cannot be created.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.workers[0].instances.make().await.map(drop)
    }

    /// How many instances were created so far.
    pub fn instances_made(&self) -> u64 {
        self.workers.iter().map(|worker| worker.instances.made()).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::Now);
    }
}
