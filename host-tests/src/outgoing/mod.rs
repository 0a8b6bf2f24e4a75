//! Requests the guest sends: over connections that are kept for the next one.
//!
//! Wasmtime's own implementation connects anew for every request. Here a connection whose answer was read
//! to its end waits a few seconds for the next request to the same place.

mod body;
mod connect;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::caller::Caller;
use crate::hop;
pub(crate) use pool::Connections;

/// What `wasi:http` asks of the host beyond its own, for one instance.
pub(crate) struct Hooks {
    connections: Arc<Connections>,
    /// Who the present request is handled for.
    pub(crate) caller: Option<Caller>,
}

impl Hooks {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections, caller: None }
    }
}

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let timeouts = Timeouts::new(options.unwrap_or_default());
        let connections = self.connections.clone();
        let caller = self.caller.clone();
        Box::new(async move {
            let mut response = tokio::select! {
                response = connections.send(request, timeouts) => response?,
                () = gone(caller.clone()) => return Err(Error::ConnectionTerminated),
            };
            hop::end(response.headers_mut());
            let response = response.map(|body| body.end_with(gone(caller)).boxed_unsync());
            // The connection is driven by a task of its own: nothing is left for the guest's.
            let driver: Box<dyn Future<Output = _> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response, driver))
        })
    }
}

async fn gone(caller: Option<Caller>) {
    match caller {
        Some(caller) => caller.gone().await,
        None => std::future::pending().await,
    }
}

/// The times a request may take, as the guest wished.
#[derive(Clone, Copy)]
pub(crate) struct Timeouts {
    /// Until the connection stands, name lookup and TLS included.
    connect: Duration,
    /// From then to the head of the answer.
    first_byte: Duration,
    /// Between two pieces of the answer's body.
    between_bytes: Duration,
}

impl Timeouts {
    /// What Wasmtime uses where the guest says nothing.
    const UNSET: Duration = Duration::from_secs(600);

    fn new(options: RequestOptions) -> Self {
        Self {
            connect: options.connect_timeout.unwrap_or(Self::UNSET),
            first_byte: options.first_byte_timeout.unwrap_or(Self::UNSET),
            between_bytes: options.between_bytes_timeout.unwrap_or(Self::UNSET),
        }
    }
}

/// What went wrong on a connection, in the words of `wasi:http`.
fn broken(error: hyper::Error) -> Error {
    let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        // The upstream went away: between two bytes, or by a reset.
        _ if error.is_incomplete_message() => Error::ConnectionTerminated,
        Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => {
            Error::ConnectionTerminated
        }
        // A body cut short before its last chunk.
        Some(std::io::ErrorKind::UnexpectedEof) => Error::HttpResponseIncomplete,
        _ => Error::Hyper(error),
    }
}
