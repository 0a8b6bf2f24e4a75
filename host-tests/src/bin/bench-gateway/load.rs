//! Load on one server: connections that each send a request, read the response, and send the next.
//!
//! It runs on one thread and does as little as possible per request, so that the server is the bottleneck: the bytes of
//! the request are prepared once, and only the status and the end of a response are inspected.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::process;
use crate::wire::{Found, Reader};

/// The API key of all requests; Portcullis checks it.
pub(crate) const KEY: &str = "sk-bench";

/// Where a request contains this, each one that is sent has another number in its place.
pub(crate) const NONCE: &str = "0000000000000000";

/// The number of the next request that contains [`NONCE`].
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A request as bytes of HTTP/1.1.
pub(crate) fn request(addr: SocketAddr, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {KEY}\r\nuser-agent: bench-gateway\r\n\
         accept: application/json\r\n"
    );
    if method != "GET" {
        request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    let mut request = (request + "\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// The processes whose CPU time is measured.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    Process(u32),
    /// All processes of a group.
    Group(u32),
}

impl Server {
    fn cpu(self) -> Option<Duration> {
        match self {
            Self::Process(pid) => process::cpu(pid),
            Self::Group(group) => process::group_cpu(group),
        }
    }
}

/// The server to load, the request to send, and the intensity.
pub(crate) struct Plan<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) server: Server,
    pub(crate) request: &'a [u8],
    pub(crate) connections: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// The figures of one round.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// CPU seconds of the server's process for 1,000 requests.
    pub(crate) cpu: f64,
    /// The same of this process.
    pub(crate) own_cpu: f64,
    /// For each request the seconds from its first byte to the last byte of the response.
    pub(crate) latencies: Vec<f64>,
    /// The same to the first byte of the response body.
    pub(crate) first_bytes: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    WarmUp,
    Measure,
    Stop,
}

struct Shared {
    phase: Cell<Phase>,
    latencies: RefCell<Vec<f64>>,
    first_bytes: RefCell<Vec<f64>>,
    failed: RefCell<Option<String>>,
}

/// Loads a server for the duration of the plan.
///
/// # Errors
///
/// A response with a status other than 200 ends the round with an error that names the status.
pub(crate) fn run(runtime: &tokio::runtime::Runtime, plan: &Plan<'_>) -> Result<Round, String> {
    let shared = Rc::new(Shared {
        phase: Cell::new(Phase::WarmUp),
        latencies: RefCell::default(),
        first_bytes: RefCell::default(),
        failed: RefCell::default(),
    });
    let request: Rc<[u8]> = plan.request.into();
    let local = LocalSet::new();
    let measured = local.block_on(runtime, async {
        let mut callers = Vec::new();
        for _ in 0..plan.connections {
            callers.push(tokio::task::spawn_local(caller(plan.addr, request.clone(), shared.clone())));
        }
        tokio::time::sleep(plan.warm_up).await;
        let cpus = || Some((plan.server.cpu()?, process::cpu(std::process::id())?));
        let (before, start) = (cpus(), Instant::now());
        shared.phase.set(Phase::Measure);
        tokio::time::sleep(plan.time).await;
        shared.phase.set(Phase::Stop);
        let (after, time) = (cpus(), start.elapsed());
        // A server that hangs must not hang the benchmark.
        let patience = tokio::time::sleep(Duration::from_secs(30));
        tokio::pin!(patience);
        for caller in callers {
            tokio::select! {
                _ = caller => {}
                () = &mut patience => return Err("the server stopped responding".to_owned()),
            }
        }
        let (before, after) = before.zip(after).ok_or("the server's process has ended")?;
        Ok((time, after.0 - before.0, after.1 - before.1))
    });
    if let Some(failed) = shared.failed.take() {
        return Err(failed);
    }
    let (time, cpu, own_cpu) = measured?;
    let latencies = shared.latencies.take();
    if latencies.is_empty() {
        return Err(format!("no response within {time:?}"));
    }
    let count = latencies.len() as f64;
    let a_thousand = |cpu: Duration| cpu.as_secs_f64() / count * 1_000.0;
    Ok(Round {
        per_second: count / time.as_secs_f64(),
        cpu: a_thousand(cpu),
        own_cpu: a_thousand(own_cpu),
        latencies,
        first_bytes: shared.first_bytes.take(),
    })
}

async fn caller(addr: SocketAddr, request: Rc<[u8]>, shared: Rc<Shared>) {
    if let Err(failed) = call_on(addr, &request, &shared).await {
        shared.failed.borrow_mut().get_or_insert(failed);
        shared.phase.set(Phase::Stop);
    }
}

async fn call_on(addr: SocketAddr, request: &[u8], shared: &Shared) -> Result<(), String> {
    let mut connection = Connection::open(addr).await?;
    let nonce = memchr::memmem::find(request, NONCE.as_bytes());
    let mut request = request.to_vec();
    while shared.phase.get() != Phase::Stop {
        if let Some(at) = nonce {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            request[at..at + NONCE.len()].copy_from_slice(format!("{number:016}").as_bytes());
        }
        let start = Instant::now();
        let mut first = None;
        let mark = |_: &[u8]| first = first.or_else(|| Some(start.elapsed()));
        connection.send(&request, mark).await?;
        // A response that ends during the measured time counts even if it began before; one that ends later does not.
        if shared.phase.get() == Phase::Measure {
            shared.latencies.borrow_mut().push(start.elapsed().as_secs_f64());
            shared.first_bytes.borrow_mut().extend(first.map(|first| first.as_secs_f64()));
        }
    }
    Ok(())
}

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    reader: Reader,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(addr).await.map_err(|error| format!("cannot connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, reader: Reader::default(), buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and passes the response body to `body` piece by piece. An error unless the status is 200.
    pub(crate) async fn send(&mut self, request: &[u8], mut body: impl FnMut(&[u8])) -> Result<(), String> {
        let mut start = Vec::new();
        let status = self
            .exchange(request, |piece| {
                if start.len() < 500 {
                    start.extend_from_slice(&piece[..piece.len().min(500)]);
                }
                body(piece);
            })
            .await?;
        match status {
            200 => Ok(()),
            status => Err(format!("the response has status {status}: {}", String::from_utf8_lossy(&start))),
        }
    }

    /// Sends a request and passes the response body to `body` piece by piece. Returns the status.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<u16, String> {
        self.stream.write_all(request).await.map_err(|error| format!("cannot send: {error}"))?;
        loop {
            let read = self.stream.read(&mut self.buffer).await;
            let read = read.map_err(|error| format!("cannot read the response: {error}"))?;
            if read == 0 {
                return Err("the server closed the connection in the middle of a response".to_owned());
            }
            let mut bytes = &self.buffer[..read];
            while let Some(found) = self.reader.next(&mut bytes)? {
                match found {
                    Found::Body(piece) => body(piece),
                    Found::End(status) => return Ok(status),
                }
            }
        }
    }
}
