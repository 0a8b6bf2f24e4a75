//! The HTTP server in front of the instances.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::engine::Program;
use crate::handler::{Working, handle};
use crate::instances::{IdleInstance, Instances};
use crate::outgoing::Connections;
use crate::output::Output;

/// How a [`Server`] runs its component.
pub struct Options {
    /// The environment variables the guest sees.
    pub settings: Vec<(String, String)>,
    /// How many requests one instance handles before it is thrown away; 1 gives each request a fresh one.
    pub reuse: u32,
    /// Where the guest's prints and the host's notes go.
    pub output: Output,
    /// Certificates of authorities to trust for upstreams besides those browsers trust, in PEM.
    pub roots: Vec<u8>,
}

impl Options {
    /// Enough that making instances costs next to nothing, few enough that a guest which loses a little
    /// memory with each request does not grow without end.
    pub const DEFAULT_REUSE: u32 = 1_000;
}

impl Default for Options {
    fn default() -> Self {
        Self { settings: Vec::new(), reuse: Self::DEFAULT_REUSE, output: Output::Inherit, roots: Vec::new() }
    }
}

/// A component being served. Dropping it ends everything at once.
pub struct Server {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    instances: Arc<Instances>,
    connections: Arc<Connections>,
}

impl Server {
    /// Listens on `addr` and serves `program` there, on the current Tokio runtime.
    pub async fn start(program: &Program, addr: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let Options { settings, reuse, output, roots } = options;
        let connections = Arc::new(Connections::new(&roots)?);
        let instances = Instances::new(program.clone(), settings, output, reuse, connections.clone());
        let instances = Arc::new(instances);
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(accept(listener, instances.clone(), connections.clone(), stopping));
        Ok(Self { addr, stop, task, instances, connections })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops accepting, closes idle connections, and lets answers that are on their way end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the last answer is out after [`Server::stop`], and its line in the log.
    pub async fn stopped(&mut self) {
        // The task neither panics nor is aborted while we are here to wait for it.
        let _ = (&mut self.task).await;
    }

    /// The instances that wait for a request.
    pub fn idle_instances(&self) -> Vec<IdleInstance> {
        self.instances.idle_now()
    }

    /// How many connections to upstreams wait for their next request.
    pub fn idle_connections(&self) -> usize {
        self.connections.idle_now()
    }

    /// Makes an instance as a request does that finds none idle, and lets it go again.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.instances.make().await.map(drop)
    }

    /// How many instances were made so far.
    pub fn instances_made(&self) -> u64 {
        self.instances.made()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long guests may take that nobody waits for any more: to write the log, not to sit out a rule's pause.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Waits for the word to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server was dropped, which stops it all the more.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn accept(
    listener: TcpListener,
    instances: Arc<Instances>,
    connections: Arc<Connections>,
    mut stopping: watch::Receiver<bool>,
) {
    // Dropped with this task, and all connections with it.
    let mut open = JoinSet::new();
    let each = stopping.clone();
    let (working, mut all_done) = mpsc::channel(1);
    let mut sweep = tokio::time::interval(Duration::from_secs(2));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    open.spawn(connection(stream, instances.clone(), working.clone(), each.clone()));
                }
                // Out of file descriptors, or a caller that left the queue: neither ends the server, the
                // first does not pass by trying harder.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = open.join_next() => {}
            _ = sweep.tick() => {
                instances.sweep();
                connections.sweep();
            }
            () = told(&mut stopping) => break,
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
    drop(working);
    let _ = tokio::time::timeout(LAST_WORDS, all_done.recv()).await;
}

async fn connection(
    stream: TcpStream,
    instances: Arc<Instances>,
    working: Working,
    mut stopping: watch::Receiver<bool>,
) {
    // Events of a stream are small and must not wait for each other.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (instances, working) = (instances.clone(), working.clone());
        async move { Ok::<_, Infallible>(handle(instances, working, request).await) }
    });
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // A connection that breaks concerns its caller alone.
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        () = told(&mut stopping) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
