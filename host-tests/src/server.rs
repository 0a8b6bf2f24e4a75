//! The HTTP server in front of the instances: its settings, and its workers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::cpu::Turns;
use crate::engine::{MAX_IDLE, MAX_RUNNING, Program};
use crate::instances::{IdleInstance, Instances};
use crate::listen::listen;
use crate::outgoing::{Client, Connector};
use crate::output::Output;
use crate::worker::{Shared, Stop, Worker};

/// How a [`Server`] runs its component.
pub struct Options {
    /// The environment variables the guest sees.
    pub settings: Vec<(String, String)>,
    /// How many requests one instance handles before it is thrown away; 1 gives each request a fresh one.
    pub reuse: u32,
    /// Where the guest's output and the host's notes go.
    pub output: Output,
    /// Certificates of authorities to trust for upstreams besides those browsers trust, in PEM.
    pub roots: Vec<u8>,
    /// How many threads serve, each with a listener, instances and connections of its own.
    pub workers: usize,
    /// What one request, and all together, may take.
    pub limits: Limits,
}

/// What requests may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many requests may be inside a guest at the same time, at most [`MAX_RUNNING`]. Past that one waits for
    /// up to a second, and is then answered with 503.
    pub running: usize,
    /// CPU time of one request, its share of the host's included. Past that it is ended: with 503, or by breaking
    /// its response off.
    pub cpu: Duration,
    /// How long a connection may take to send the head of its next request, and so how long one may be idle.
    pub head: Duration,
    /// How long a caller may send nothing of a body that is waited for, or read nothing of its response.
    pub stall: Duration,
}

impl Default for Limits {
    /// Longer than the 60 s for which load balancers keep idle connections (AWS, nginx), so that they are the ones
    /// to close.
    fn default() -> Self {
        Self {
            running: MAX_RUNNING,
            cpu: Duration::from_secs(10),
            head: Duration::from_secs(75),
            stall: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// Enough that the cost of making instances vanishes, few enough that a guest which loses a little memory with
    /// each request does not grow without end.
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

/// A component being served. Dropping it ends everything at once.
pub struct Server {
    addr: SocketAddr,
    stop: watch::Sender<Stop>,
    /// Closed when the last worker has ended.
    ended: mpsc::Receiver<Infallible>,
    workers: Vec<Arc<Worker>>,
}

impl Server {
    /// Listens on `addr` and serves `program` there, on threads of its own.
    ///
    /// # Errors
    ///
    /// When the address is in use, the certificates are none, or the system has no thread or runtime left.
    pub fn start(program: &Program, addr: SocketAddr, options: Options) -> io::Result<Self> {
        let Options { settings, reuse, output, roots, workers: count, limits } = options;
        let count = count.clamp(1, MAX_IDLE);
        let connector = Connector::new(&roots)?;
        let running = Arc::new(Semaphore::new(limits.running.clamp(1, MAX_RUNNING)));
        let shared = Arc::new(Shared { limits, running, stalls: Arc::default() });
        let settings: Arc<[_]> = settings.into();
        let listeners = listen(addr, count)?;
        let addr = listeners[0].local_addr()?;
        let (stop, stopping) = watch::channel(Stop::No);
        let (end, ended) = mpsc::channel(1);
        // From here on an error stops the workers that run already.
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
                client: client.clone(),
                idle: Default::default(),
                made: Default::default(),
            };
            let worker = Arc::new(Worker { shared: shared.clone(), instances, client });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (serving, stopping, end) = (worker.clone(), stopping.clone(), end.clone());
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                runtime.block_on(serving.serve(listener, stopping));
                // A name lookup may be under way.
                runtime.shutdown_background();
                drop(end);
            })?;
            server.workers.push(worker);
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops accepting, closes idle connections, and lets responses that are on their way end.
    pub fn stop(&self) {
        self.stop.send_replace(Stop::Gracefully);
    }

    /// Waits until the last response is out after [`Server::stop`], and its line in the log.
    pub async fn stopped(&mut self) {
        // Nothing is ever sent: the channel closes.
        let _ = self.ended.recv().await;
    }

    /// The instances that wait for a request.
    pub fn idle_instances(&self) -> Vec<IdleInstance> {
        self.workers.iter().flat_map(|worker| worker.instances.idle_now()).collect()
    }

    /// How many connections to upstreams wait for their next request.
    pub fn idle_connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.client.idle_connections()).sum()
    }

    /// Makes an instance as a request does that finds none idle, and drops it again.
    ///
    /// # Errors
    ///
    /// When the instance cannot be made.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.workers[0].instances.make().await.map(drop)
    }

    /// How many instances were made so far.
    pub fn instances_made(&self) -> u64 {
        self.workers.iter().map(|worker| worker.instances.made()).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::Now);
    }
}
