//! The null component: reads the whole body of a request that has one, and answers fixed bytes.
//!
//! What Portcullis is measured against: there is no way to answer a request in this host with less work. It looks
//! at the method, since a component that need not read a body does not.

#![cfg(target_family = "wasm")]

use wasi::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Null;

// The macro writes the exported functions of the component's ABI.
wasi::http::proxy::export!(Null);

/// As long as a chat completion of Portcullis to the benchmark's request.
const ANSWER: &[u8] = include_bytes!("answer.json");

impl wasi::exports::http::incoming_handler::Guest for Null {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        if !matches!(request.method(), Method::Get) {
            let body = request.consume().expect("taken once");
            let stream = body.stream().expect("taken once");
            // The only error without a body to go on with is its end.
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
        // A caller that has gone takes no answer.
        if stream.blocking_write_and_flush(ANSWER).is_ok() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
    }
}
