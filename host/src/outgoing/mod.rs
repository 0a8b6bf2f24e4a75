//! The requests that a guest sends, over pooled connections.
//!
//! Wasmtime's own implementation opens a connection for every request. Here a connection whose response was read to its
//! end stays open for a few seconds for the next request to the same origin.

mod body;
mod client;
mod connect;
mod error;
mod origin;
mod pool;

use std::sync::Arc;

use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::caller::Caller;
use crate::hop_by_hop;
pub(crate) use client::Client;
use client::Timeouts;
pub(crate) use connect::Connector;

/// The parts of `wasi:http` that the host implements, for one instance.
pub(crate) struct Hooks {
    client: Arc<Client>,
    /// The caller of the present request.
    pub(crate) caller: Option<Caller>,
}

impl Hooks {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Self { client, caller: None }
    }
}

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    /// Sends a request. When the caller closes its connection, the request is aborted at once and its connection closed.
    /// After that, the first request is refused if the guest cannot know yet that the caller has disconnected. Later
    /// ones are sent, because with them the guest reports the usage it has counted.
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let timeouts = Timeouts::new(options.unwrap_or_default());
        let client = self.client.clone();
        let caller = self.caller.clone();
        Box::new(async move {
            let caller = match caller {
                Some(caller) if caller.is_gone() => {
                    if caller.notify() {
                        return Err(error::caller_gone());
                    }
                    None
                }
                caller => caller,
            };
            let mut response = match &caller {
                None => client.send(request, timeouts).await?,
                Some(caller) => tokio::select! {
                    response = client.send(request, timeouts) => response?,
                    () = caller.clone().gone() => {
                        caller.notify();
                        return Err(error::caller_gone());
                    }
                },
            };
            hop_by_hop::remove(response.headers_mut());
            let response = response.map(|body| match caller {
                None => body.boxed_unsync(),
                Some(caller) => body
                    .end_with(async move {
                        caller.clone().gone().await;
                        caller.notify();
                    })
                    .boxed_unsync(),
            });
            // A separate task drives the connection, so there is nothing left for the guest's task.
            let driver: Box<dyn Future<Output = _> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response, driver))
        })
    }
}
