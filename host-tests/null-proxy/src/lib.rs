//! The null proxy: forwards each request to the upstream, returns the response, and lets the host splice both bodies.
//!
//! It is the lower bound that Portcullis' forwarding is compared with: all headers are forwarded unchanged, nothing is
//! validated, read or logged. `UPSTREAM` is the upstream's authority, such as `127.0.0.1:8080`.

#![cfg(target_family = "wasm")]

use std::sync::LazyLock;

use wasi::http::outgoing_handler;
use wasi::http::types::{
    IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};

struct NullProxy;

// The macro writes the exported functions of the component's ABI.
wasi::http::proxy::export!(NullProxy);

static UPSTREAM: LazyLock<String> = LazyLock::new(|| std::env::var("UPSTREAM").expect("UPSTREAM is set"));

impl wasi::exports::http::incoming_handler::Guest for NullProxy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let method = request.method();
        let outgoing = OutgoingRequest::new(request.headers().clone());
        outgoing.set_method(&method).expect("a legal method");
        outgoing.set_scheme(Some(&Scheme::Http)).expect("a legal scheme");
        outgoing.set_authority(Some(&UPSTREAM)).expect("a legal authority");
        outgoing.set_path_with_query(request.path_with_query().as_deref()).expect("a legal path");
        let upload = (!matches!(method, Method::Get)).then(|| outgoing.body().expect("taken once"));
        let answer = outgoing_handler::handle(outgoing, None).expect("the host allows the request");
        if let Some(upload) = upload {
            let body = request.consume().expect("taken once");
            let (from, to) = (body.stream().expect("taken once"), upload.write().expect("taken once"));
            while to.blocking_splice(&from, 64 * 1024).is_ok() {}
            drop(to);
            let _ = OutgoingBody::finish(upload, None);
        }
        answer.subscribe().block();
        let incoming =
            answer.get().expect("it is ready").expect("taken once").expect("the upstream responds");
        let response = OutgoingResponse::new(incoming.headers().clone());
        response.set_status_code(incoming.status()).expect("a legal status");
        let (body, download) =
            (response.body().expect("taken once"), incoming.consume().expect("taken once"));
        ResponseOutparam::set(out, Ok(response));
        let (from, to) = (download.stream().expect("taken once"), body.write().expect("taken once"));
        while to.blocking_splice(&from, 64 * 1024).is_ok() {}
        drop((from, to));
        let _ = OutgoingBody::finish(body, None);
    }
}
