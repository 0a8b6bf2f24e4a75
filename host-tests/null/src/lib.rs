//! The null component: reads the whole request body, if there is one, and returns fixed bytes.
//!
//! It is the lower bound that Portcullis is compared with: a component in this host cannot handle a request with less
//! work. It checks the method, because a component reads no body of a request that has none.

#![cfg(target_family = "wasm")]

use wasi::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Null;

// The macro writes the exported functions of the component's ABI.
wasi::http::proxy::export!(Null);

/// A body as long as Portcullis' chat completion for the benchmark's request.
const ANSWER: &[u8] = include_bytes!("answer.json");

impl wasi::exports::http::incoming_handler::Guest for Null {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        if !matches!(request.method(), Method::Get) {
            let body = request.consume().expect("taken once");
            let stream = body.stream().expect("taken once");
            // The only expected error is the end of the body.
            while stream.blocking_read(64 * 1024).is_ok() {}
        }
        let fields = [
            ("content-type".to_owned(), b"application/json".to_vec()),
            ("content-length".to_owned(), ANSWER.len().to_string().into_bytes()),
        ];
        let response = OutgoingResponse::new(Fields::from_list(&fields).expect("legal headers"));
        let body = response.body().expect("taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("taken once");
        // An error means that the caller has disconnected.
        if stream.blocking_write_and_flush(ANSWER).is_ok() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
    }
}
