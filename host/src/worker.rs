//! One worker thread of a server, with its own runtime, listener, instances and upstream connections.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::access;
use crate::connections::{Connection, Connections};
use crate::handler::{Working, handle};
use crate::instances::Instances;
use crate::outgoing::Client;
use crate::output::Output;
use crate::server::Limits;
use crate::socket;
use crate::stall::{CallerStream, Stalls};

/// How long guests may go on running after the last response when the server stops: enough to write the log, not enough
/// for a latency rule.
const LOG_TIME: Duration = Duration::from_secs(2);

/// The interval of closing idle connections and instances and of looking for stalled callers.
const SWEEP: Duration = Duration::from_secs(1);

/// The state that the workers of a server share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    /// One permit for each request that may be inside a guest.
    pub(crate) running: Arc<Semaphore>,
    /// Permits for health checks only, so that load keeps no load balancer from seeing that the server works.
    pub(crate) probes: Arc<Semaphore>,
    /// One permit for each connection that may be open.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) stalls: Arc<Stalls>,
}

/// How a server is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Not yet.
    No,
    /// When the last response is complete.
    Gracefully,
    /// At once.
    Now,
}

/// The state of one worker.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) instances: Instances,
    pub(crate) client: Arc<Client>,
    pub(crate) connections: Connections,
}

impl Worker {
    /// Serves the connections of `listener` until the server stops.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, stop: watch::Receiver<Stop>) {
        let mut end = stop.clone();
        tokio::select! {
            () = self.accept(listener, stop) => {}
            () = reached(&mut end, Stop::Now) => {}
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<Stop>) {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                return self.instances.output().note(&format!("host: cannot listen: {error}"));
            }
        };
        // Dropped with this task, and all connections with it.
        let mut open = JoinSet::new();
        let each = stop.clone();
        let (working, mut all_done) = mpsc::channel(1);
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let permit = self.shared.connections.clone().try_acquire_owned().ok();
                        if permit.is_some() || self.connections.close_longest_idle() {
                            let connection = connection(stream, self.connections.add(), self.clone(), working.clone(), each.clone());
                            open.spawn(permitted(permit, self.clone(), connection));
                        }
                    }
                    // A caller that disconnected before it was accepted, or no file descriptor is left. Neither ends the
                    // server, and retrying at once does not help against the latter.
                    Err(error) => {
                        if is_out_of_descriptors(&error) {
                            self.connections.close_longest_idle();
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                },
                Some(_) = open.join_next() => {}
                _ = sweep.tick() => {
                    self.instances.sweep();
                    self.client.sweep();
                    self.connections.sweep();
                    self.shared.stalls.sweep(self.shared.limits.stall);
                }
                () = reached(&mut stop, Stop::Gracefully) => break,
            }
        }
        drop(listener);
        let ended = async { while open.join_next().await.is_some() {} };
        let limit = self.shared.limits.stop;
        if tokio::time::timeout(limit, ended).await.is_err() {
            let note = format!("host: closed {} connections {limit:?} after the stop", open.len());
            self.instances.output().note(&note);
            open.shutdown().await;
        }
        drop(working);
        let _ = tokio::time::timeout(LOG_TIME, all_done.recv()).await;
    }
}

/// Waits until the server is to stop, in this way or a faster one.
async fn reached(stop: &mut watch::Receiver<Stop>, way: Stop) {
    // An error means that the server was dropped.
    let _ = stop.wait_for(|stop| *stop >= way).await;
}

/// Whether the process (`EMFILE`) or the system (`ENFILE`) can open no more files or sockets.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// Runs `connection` with its permit. Without one, an idle connection is being closed, and this one gets its permit.
async fn permitted(
    permit: Option<OwnedSemaphorePermit>,
    worker: Arc<Worker>,
    connection: impl Future<Output = ()>,
) {
    let _permit = match permit {
        Some(permit) => permit,
        None => match worker.shared.connections.clone().acquire_owned().await {
            Ok(permit) => permit,
            Err(_) => return,
        },
    };
    connection.await;
}

/// Logs a head that is not valid HTTP, which hyper has answered.
fn note_unreadable(output: &Output, error: &hyper::Error) {
    let status = match error {
        error if error.is_parse_too_large() => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        error if error.is_parse() => StatusCode::BAD_REQUEST,
        _ => return,
    };
    access::unreadable(output, status, &error.to_string());
}

async fn connection(
    stream: TcpStream,
    state: Arc<Connection>,
    worker: Arc<Worker>,
    working: Working,
    mut stop: watch::Receiver<Stop>,
) {
    // The events of a stream are small and must not be delayed by Nagle's algorithm.
    let _ = stream.set_nodelay(true);
    let (socket, peer) = socket::split(stream);
    let stream = CallerStream::new(socket, worker.shared.stalls.clone());
    let head_timeout = worker.shared.limits.head;
    let (writes, state) = (stream.writes(), &*state);
    let service = service_fn(|request| {
        let (worker, working, exchange) = (worker.clone(), working.clone(), worker.connections.begin(state));
        async move { Ok::<_, Infallible>(handle(worker, working, exchange, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_timeout);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut left = std::pin::pin!(peer.left());
    // A broken connection affects only its caller.
    let closing = tokio::select! {
        biased;
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                note_unreadable(worker.instances.output(), &error);
            }
            false
        }
        () = left.as_mut() => false,
        () = reached(&mut stop, Stop::Gracefully) => true,
        () = state.to_close() => true,
    };
    if closing {
        connection.as_mut().graceful_shutdown();
        // hyper goes on waiting for the rest of a head that has begun.
        let ended = poll_fn(|cx| {
            let ended = connection.as_mut().poll(cx).is_ready();
            match ended || (state.is_idle() && !writes.is_waiting()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            () = ended => {}
            () = left => {}
        }
    }
}
