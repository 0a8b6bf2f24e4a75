//! The path of a request through the host and the component.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{EXPECT, HOST, HeaderValue};
use http::{Method, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use wasmtime::component::Resource;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use crate::access::Access;
use crate::caller::{self, Caller, RequestBody, ResponseBody, Waiting};
use crate::calls::Calls;
use crate::connections::Exchange;
use crate::cpu::CpuLimitExceeded;
use crate::hop_by_hop;
use crate::instances::Instance;
use crate::memory::MemoryLimitExceeded;
use crate::refusal::Refusal;
use crate::worker::{Shared, Worker};

/// Held while a guest runs: it writes its log line after its response is sent. Nothing is sent on the channel.
pub(crate) type Working = mpsc::Sender<Infallible>;

/// How long a request waits for another one to end while the maximum number is running.
const QUEUE_TIME: Duration = Duration::from_secs(1);

/// How long a guest may go on running after its caller has disconnected.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Answers `request` from the component, or with an error object of the host if the component fails.
pub(crate) async fn handle(
    worker: Arc<Worker>,
    working: Working,
    exchange: Exchange,
    mut request: http::Request<Incoming>,
) -> Response<ResponseBody> {
    let (waiting, caller) = caller::watch(exchange.clone());
    let ending = Arc::new(Ending::new(&request));
    let output = worker.instances.output();
    let refuse = |waiting: Waiting, refusal: &Refusal, reason: &str| {
        ending.access.refused(output, refusal.status(), reason);
        ResponseBody::new(refusal.response(&ending.access), waiting, Arc::default())
    };
    if let Err(message) = ensure_host(&mut request) {
        return refuse(waiting, &Refusal::Malformed(message), message);
    }
    hop_by_hop::remove(request.headers_mut());
    let Some(permit) = admit(&worker, &request).await else {
        return refuse(waiting, &Refusal::Overloaded, "too many requests at the same time");
    };
    let mut instance = match worker.instances.take().await {
        Ok(instance) => instance,
        Err(error) => return refuse(waiting, &Refusal::Failed, &format!("no instance: {error:?}")),
    };
    let (head, answered) = oneshot::channel();
    let calls = worker.instances.program.counts_calls.then(|| CountedRequest {
        line: format!("{} {}", request.method(), request.uri()),
        calls: Calls::default(),
    });
    let state = instance.store.data_mut();
    state.set_caller(caller.clone());
    let drain = !request.headers().contains_key(EXPECT);
    let request = request.map(|body| RequestBody::new(body, drain, &worker.shared.stalls, exchange));
    let mut http = state.http();
    let resources = http
        .new_incoming_request(Scheme::Http, request)
        .and_then(|request| Ok((request, http.new_response_outparam(head)?)));
    let (request, out) = match resources {
        Ok(resources) => resources,
        Err(error) => {
            let refusal = Refusal::Malformed("Malformed HTTP request.");
            return refuse(waiting, &refusal, &format!("bad request: {error:?}"));
        }
    };
    // In a separate task, because the guest goes on after the response head is sent.
    let guest = Guest { instance, request, out, caller: caller.clone(), ending: ending.clone(), calls };
    let runner = worker.clone();
    tokio::spawn(async move {
        guest.run(&runner, permit).await;
        drop(working);
    });
    match answered.await {
        Ok(Ok(response)) => {
            caller.notify();
            ending.access.answered(&response);
            if let Some(reason) = ending.reason.get() {
                ending.access.broken(output, reason);
            }
            ResponseBody::new(response, waiting, ending.cut.clone())
        }
        Ok(Err(code)) => {
            refuse(waiting, &Refusal::Failed, &format!("the component returned an error: {code:?}"))
        }
        Err(_) => {
            let refusal = if ending.out_of_memory.load(Ordering::Acquire) {
                Refusal::MemoryLimit
            } else if ending.over_limit.load(Ordering::Acquire) {
                Refusal::CpuLimit(worker.shared.limits.cpu)
            } else {
                Refusal::Failed
            };
            let reason =
                ending.reason.get().map_or("the component ended without a response", |reason| reason);
            refuse(waiting, &refusal, reason)
        }
    }
}

/// The permit to run one more request; `None` if none becomes free within [`QUEUE_TIME`].
async fn admit(worker: &Worker, request: &http::Request<Incoming>) -> Option<OwnedSemaphorePermit> {
    let Shared { limits, running, probes, stalls, .. } = &*worker.shared;
    if let Ok(permit) = running.clone().try_acquire_owned() {
        return Some(permit);
    }
    if is_probe(request)
        && let Ok(permit) = probes.clone().try_acquire_owned()
    {
        return Some(permit);
    }
    stalls.expire_slowest(limits.stall_under_load, limits.behind_under_load);
    tokio::time::timeout(QUEUE_TIME, running.clone().acquire_owned()).await.ok()?.ok()
}

/// Whether `request` is the health check of a load balancer. Without a body it takes next to no time.
fn is_probe(request: &http::Request<Incoming>) -> bool {
    let known = match request.uri().path() {
        "/health" => matches!(*request.method(), Method::GET | Method::HEAD),
        "/" => request.method() == Method::HEAD,
        _ => false,
    };
    known && request.body().is_end_stream()
}

/// How a request ended, if it did not end well.
struct Ending {
    access: Access,
    /// Its response, if not complete by then, is cut off.
    cut: Arc<AtomicBool>,
    /// It took too much CPU time.
    over_limit: AtomicBool,
    /// All instances together needed too much memory.
    out_of_memory: AtomicBool,
    /// Why the guest was terminated, for the log.
    reason: OnceLock<String>,
}

impl Ending {
    fn new<B>(request: &http::Request<B>) -> Self {
        Self {
            access: Access::new(request),
            cut: Arc::default(),
            over_limit: AtomicBool::default(),
            out_of_memory: AtomicBool::default(),
            reason: OnceLock::new(),
        }
    }
}

/// A call of an instance.
struct Guest {
    instance: Instance,
    request: Resource<HostIncomingRequest>,
    out: Resource<HostResponseOutparam>,
    caller: Caller,
    ending: Arc<Ending>,
    calls: Option<CountedRequest>,
}

/// A request whose guest's calls to the host are counted.
struct CountedRequest {
    /// Method and path.
    line: String,
    calls: Calls,
}

impl Guest {
    async fn run(self, worker: &Worker, permit: OwnedSemaphorePermit) {
        let Self { mut instance, request, out, caller, ending, calls } = self;
        let cpu = instance.store.data().cpu.clone();
        let Instance { store, proxy, .. } = &mut instance;
        let handle = proxy.wasi_http_incoming_handler().call_handle(store, request, out);
        let call = async {
            match &calls {
                None => cpu.measure(handle).await,
                Some(counted) => {
                    let result = counted.calls.count(cpu.measure(handle)).await;
                    worker.instances.output().note(&counted.calls.line(&counted.line));
                    result
                }
            }
        };
        let settled = async {
            caller.gone().await;
            tokio::time::sleep(SETTLE_TIME).await;
        };
        let result = tokio::select! {
            biased;
            result = call => Some(result),
            () = settled => None,
        };
        let output = worker.instances.output();
        let caller_has_left = result.is_none();
        let reason = match result {
            Some(Ok(())) => {
                // Returned before the permit, so that the next request gets this warm instance.
                worker.instances.give_back(instance);
                drop(permit);
                return;
            }
            Some(Err(trap)) if trap.is::<CpuLimitExceeded>() => {
                ending.over_limit.store(true, Ordering::Release);
                format!("{CpuLimitExceeded} ({:?})", worker.shared.limits.cpu)
            }
            Some(Err(trap)) if trap.is::<MemoryLimitExceeded>() => {
                ending.out_of_memory.store(true, Ordering::Release);
                // So that there is memory when the caller tries again.
                worker.instances.drop_idle();
                let Shared { limits, stalls, .. } = &*worker.shared;
                stalls.expire_slowest(limits.stall_under_load, limits.behind_under_load);
                format!("{MemoryLimitExceeded} ({} MiB)", limits.memory >> 20)
            }
            Some(Err(trap)) => {
                output.note(&format!("host: the component trapped: {trap:?}"));
                "the component trapped".to_owned()
            }
            None => format!("the caller had disconnected {SETTLE_TIME:?} before"),
        };
        // Before the store is dropped, see `ResponseBody::new`.
        ending.cut.store(true, Ordering::Release);
        if caller_has_left || ending.access.is_answered() {
            ending.access.broken(output, &reason);
        }
        // Read by what waits for the response's head, if that was not sent.
        let _ = ending.reason.set(reason);
    }
}

/// Ensures that the guest gets one authority, which HTTP/1.0 does not require the caller to send (RFC 9112, section 3.2).
fn ensure_host(request: &mut http::Request<Incoming>) -> Result<(), &'static str> {
    if request.headers().get_all(HOST).iter().nth(1).is_some() {
        return Err("There is more than one `Host` header.");
    }
    if request.uri().authority().is_some() {
        return Ok(());
    }
    match request.headers().get(HOST) {
        Some(host) if host.to_str().is_ok() => Ok(()),
        Some(_) => Err("The `Host` header is not text."),
        None if request.version() <= Version::HTTP_10 => {
            request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
            Ok(())
        }
        None => Err("The `Host` header is missing."),
    }
}
