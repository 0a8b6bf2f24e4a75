//! One request's way through the component.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, EXPECT, HOST, HeaderValue};
use http::{Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Resource;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use crate::caller::{self, RequestBody, ResponseBody, Waiting};
use crate::hop;
use crate::instances::{Instance, Instances};

/// Held for as long as a guest works: it writes its line of the log when its answer is out already. Nothing is sent.
pub(crate) type Working = mpsc::Sender<Infallible>;

/// Answers `request` from the component, or with an error object of the host's own where that fails.
pub(crate) async fn handle(
    instances: Arc<Instances>,
    working: Working,
    mut request: http::Request<Incoming>,
) -> Response<ResponseBody> {
    let (waiting, caller) = caller::watch();
    let trapped = Arc::new(AtomicBool::new(false));
    if let Err(message) = name_host(&mut request) {
        return refuse(waiting, StatusCode::BAD_REQUEST, "invalid_request_error", message);
    }
    hop::end(request.headers_mut());
    let mut instance = match instances.take().await {
        Ok(instance) => instance,
        Err(error) => {
            instances.output().note(&format!("host: no instance: {error:?}"));
            return refuse(waiting, StatusCode::INTERNAL_SERVER_ERROR, "server_error", FAILED);
        }
    };
    let (head, answered) = oneshot::channel();
    let state = instance.store.data_mut();
    state.serve(caller);
    let drain = !request.headers().contains_key(EXPECT);
    let request = request.map(|body| RequestBody::new(body, drain));
    let mut http = state.http();
    let resources = http
        .new_incoming_request(Scheme::Http, request)
        .and_then(|request| Ok((request, http.new_response_outparam(head)?)));
    let (request, out) = match resources {
        Ok(resources) => resources,
        Err(error) => {
            instances.output().note(&format!("host: bad request: {error:?}"));
            return refuse(
                waiting,
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "Malformed HTTP request.",
            );
        }
    };
    // A task of its own, since the guest goes on after the head of its answer is out.
    let guest = run(instances.clone(), instance, request, out, trapped.clone());
    tokio::spawn(async move {
        guest.await;
        drop(working);
    });
    match answered.await {
        Ok(Ok(response)) => ResponseBody::new(response, waiting, trapped),
        Ok(Err(code)) => {
            instances.output().note(&format!("host: the component answered with an error: {code:?}"));
            refuse(waiting, StatusCode::INTERNAL_SERVER_ERROR, "server_error", FAILED)
        }
        Err(_) => {
            if !trapped.load(Ordering::Acquire) {
                instances.output().note("host: the component ended without an answer");
            }
            refuse(waiting, StatusCode::INTERNAL_SERVER_ERROR, "server_error", FAILED)
        }
    }
}

const FAILED: &str = "The server had an error while processing your request.";

async fn run(
    instances: Arc<Instances>,
    mut instance: Instance,
    request: Resource<HostIncomingRequest>,
    out: Resource<HostResponseOutparam>,
    trapped: Arc<AtomicBool>,
) {
    let Instance { store, proxy, .. } = &mut instance;
    match proxy.wasi_http_incoming_handler().call_handle(store, request, out).await {
        Ok(()) => instances.give_back(instance),
        Err(trap) => {
            // Before the store goes, see `ResponseBody::new`.
            trapped.store(true, Ordering::Release);
            instances.output().note(&format!("host: the component trapped: {trap:?}"));
        }
    }
}

/// Sees to it that the guest gets an authority, which HTTP/1.0 does not oblige the caller to send.
fn name_host(request: &mut http::Request<Incoming>) -> Result<(), &'static str> {
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

/// An answer of the host itself, in the form all errors of the API have.
fn refuse(waiting: Waiting, status: StatusCode, kind: &str, message: &str) -> Response<ResponseBody> {
    let message = serde_json::Value::from(message);
    let error = format!(r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":null}}}}"#);
    let body = Full::new(Bytes::from(error)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ResponseBody::new(response, waiting, Arc::default())
}
