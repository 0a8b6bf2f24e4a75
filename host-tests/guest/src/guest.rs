//! The component.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingRequest, IncomingResponse, OutgoingBody,
    OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
};
use wasi::io::poll::poll;
use wasi::io::streams::{InputStream, StreamError};

struct Guest;

// The macro writes the exported functions of the component's ABI.
wasi::http::proxy::export!(Guest);

thread_local! {
    static SERVED: Cell<u32> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl wasi::exports::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        SERVED.set(SERVED.get() + 1);
        let path = request.path_with_query().unwrap_or_default();
        match path.as_str() {
            "/fixed" | "/health" | "/" => answer(out, 200, "a fixed answer"),
            "/read" => answer(out, 200, &read(&request).len().to_string()),
            "/read-late" => answer(out, 200, &read_late(&request).len().to_string()),
            "/settings" => {
                let settings: Vec<_> =
                    std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
                answer(out, 200, &settings.join("\n"));
            }
            "/served" => answer(out, 200, &SERVED.get().to_string()),
            "/grow" => {
                KEPT.with_borrow_mut(|kept| kept.push(vec![1; 1 << 20]));
                answer(out, 200, "");
            }
            "/trap" | "/v1/messages?trap" => panic!("requested by the test"),
            "/trap-later" => {
                let body = begin(out, 200, &[]);
                let stream = body.write().expect("taken once");
                let _ = stream.blocking_write_and_flush(b"half an answer");
                std::thread::sleep(Duration::from_millis(100));
                panic!("requested by the test");
            }
            "/silent" => {}
            // Runs until the host terminates it.
            "/compute" => compute(),
            "/events-and-compute" => {
                let body = begin(out, 200, &[("content-type", "text/event-stream")]);
                let stream = body.write().expect("taken once");
                let _ = stream.blocking_write_and_flush(b"data: 0\n\n");
                compute();
            }
            "/late" => {
                answer(out, 200, "a fixed answer");
                std::thread::sleep(Duration::from_millis(200));
                eprintln!("late");
            }
            "/events" => events(out),
            _ => match path.split('/').collect::<Vec<_>>()[..] {
                ["", "to", authority, ref rest @ ..] => forward(&request, Scheme::Http, authority, rest, out),
                ["", "tls", authority, ref rest @ ..] => {
                    forward(&request, Scheme::Https, authority, rest, out)
                }
                ["", "settle", first, second] => settle(&request, first, second, out),
                ["", "sleep-and-settle", first, second] => {
                    eprintln!("sleeping");
                    std::thread::sleep(Duration::from_millis(300));
                    settle(&request, first, second, out);
                }
                _ => answer(out, 404, "no such path"),
            },
        }
    }
}

/// Computes forever, without a host call.
fn compute() {
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

fn begin(out: ResponseOutparam, status: u16, fields: &[(&str, &str)]) -> OutgoingBody {
    let headers = Fields::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).expect("a legal header");
    }
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("a legal status");
    let body = response.body().expect("taken once");
    ResponseOutparam::set(out, Ok(response));
    body
}

fn answer(out: ResponseOutparam, status: u16, text: &str) {
    let body = begin(out, status, &[("content-length", &text.len().to_string())]);
    let stream = body.write().expect("taken once");
    for piece in text.as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(piece).is_err() {
            return;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

fn events(out: ResponseOutparam) {
    let body = begin(out, 200, &[("content-type", "text/event-stream")]);
    let stream = body.write().expect("taken once");
    for number in 0.. {
        if let Err(error) = stream.blocking_write_and_flush(format!("data: {number}\n\n").as_bytes()) {
            eprintln!("stopped by {error:?}");
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for the body for a moment, does something else for three seconds, and then reads it.
fn read_late(request: &IncomingRequest) -> Vec<u8> {
    let body = request.consume().expect("taken once");
    let stream = body.stream().expect("taken once");
    let (readable, moment) = (stream.subscribe(), subscribe_duration(100_000_000));
    poll(&[&readable, &moment]);
    eprintln!("paused");
    std::thread::sleep(Duration::from_secs(3));
    drop(readable);
    read_rest(&stream)
}

fn read(request: &IncomingRequest) -> Vec<u8> {
    let body = request.consume().expect("taken once");
    let stream = body.stream().expect("taken once");
    read_rest(&stream)
}

fn read_rest(stream: &InputStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(piece) = stream.blocking_read(64 * 1024) {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

fn forward(request: &IncomingRequest, scheme: Scheme, authority: &str, rest: &[&str], out: ResponseOutparam) {
    let response = match send(request, scheme, authority, rest) {
        Ok(response) => response,
        Err(error) => {
            eprintln!("no response: {error:?}");
            return answer(out, 502, &format!("{error:?}"));
        }
    };
    let body = begin(out, response.status(), &[]);
    let stream = body.write().expect("taken once");
    let incoming = response.consume().expect("taken once");
    let source = incoming.stream().expect("taken once");
    loop {
        match stream.blocking_splice(&source, 1 << 16) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                // Returning without `finish` makes the response incomplete for the caller.
                eprintln!("broken off: {}", error.to_debug_string());
                return;
            }
        }
    }
    drop((source, stream));
    let _ = OutgoingBody::finish(body, None);
}

/// Sends a request that fails, and then another.
fn settle(request: &IncomingRequest, first: &str, second: &str, out: ResponseOutparam) {
    let Err(error) = send(request, Scheme::Http, first, &[]) else { return answer(out, 200, "no failure") };
    let settled = request_without_body(second).map(|response| response.status());
    match settled {
        Ok(status) => eprintln!("settled {status} after {error:?}"),
        Err(second) => eprintln!("not settled: {second:?} after {error:?}"),
    }
    answer(out, 502, "");
}

fn request_without_body(authority: &str) -> Result<IncomingResponse, ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_authority(Some(authority))
        .and_then(|()| request.set_scheme(Some(&Scheme::Http)))
        .and_then(|()| request.set_path_with_query(Some("/")))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    wait(&outgoing_handler::handle(request, None)?)
}

fn send(
    request: &IncomingRequest,
    scheme: Scheme,
    authority: &str,
    rest: &[&str],
) -> Result<IncomingResponse, ErrorCode> {
    let outgoing = OutgoingRequest::new(Fields::new());
    let set = outgoing
        .set_method(&request.method())
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&format!("/{}", rest.join("/")))));
    set.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let body = outgoing.body().expect("taken once");
    let answer = outgoing_handler::handle(outgoing, Some(timeouts(request)))?;
    let stream = body.write().expect("taken once");
    for piece in read(request).chunks(4096) {
        if stream.blocking_write_and_flush(piece).is_err() {
            break;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    wait(&answer)
}

fn wait(answer: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    answer.subscribe().block();
    answer.get().expect("it is ready").expect("taken once")
}

fn timeouts(request: &IncomingRequest) -> RequestOptions {
    let options = RequestOptions::new();
    let header = request.headers().get("x-timeouts").pop().unwrap_or_default();
    let header = String::from_utf8(header).expect("a test sends text");
    let mut times = header.split(',').map(|time| time.parse::<u64>().ok().map(|ms| ms * 1_000_000));
    let mut next = || times.next().flatten();
    options.set_connect_timeout(next()).expect("supported");
    options.set_first_byte_timeout(next()).expect("supported");
    options.set_between_bytes_timeout(next()).expect("supported");
    options
}
