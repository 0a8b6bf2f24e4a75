//! The HTTP client of one worker: sends requests over pooled connections.

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::UpstreamBody;
use super::connect::Connector;
use super::error::from_hyper;
use super::origin::{Origin, origin_form};
use super::pool::{Pool, PooledConnection};

/// The timeouts of a request, as the guest set them.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    /// Until the connection is open, name lookup and TLS included.
    connect: Duration,
    /// From then to the response head.
    first_byte: Duration,
    /// Between two reads of the response's body.
    between_bytes: Duration,
}

impl Timeouts {
    /// Wasmtime's default for a timeout that the guest does not set.
    const DEFAULT: Duration = Duration::from_secs(600);

    pub(super) fn new(options: RequestOptions) -> Self {
        Self {
            connect: options.connect_timeout.unwrap_or(Self::DEFAULT),
            first_byte: options.first_byte_timeout.unwrap_or(Self::DEFAULT),
            between_bytes: options.between_bytes_timeout.unwrap_or(Self::DEFAULT),
        }
    }
}

/// Sends requests to upstreams. A connection belongs to the runtime of the worker that opened it.
pub(crate) struct Client {
    connector: Connector,
    pool: Arc<Pool>,
}

impl Client {
    /// A client without connections.
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, pool: Arc::default() }
    }

    /// Sends `request` and waits for the response head.
    pub(super) async fn send(
        &self,
        mut request: http::Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<http::Response<UpstreamBody>, Error> {
        let origin = Origin::of(request.uri())?;
        *request.uri_mut() = origin_form(request.uri());
        loop {
            let (mut sender, pooled) = match self.pool.take(&origin) {
                Some(sender) => (sender, true),
                None => (self.connect(&origin, timeouts.connect).await?, false),
            };
            let response = timeout(timeouts.first_byte, sender.try_send_request(request)).await;
            let mut error = match response.map_err(|_| Error::ConnectionReadTimeout)? {
                Ok(response) => {
                    let connection = PooledConnection { pool: self.pool.clone(), origin, sender };
                    return Ok(
                        response.map(|body| UpstreamBody::new(body, connection, timeouts.between_bytes))
                    );
                }
                Err(error) => error,
            };
            // The upstream had closed a pooled connection, and nothing of the request was sent: try again.
            match error.take_message() {
                Some(unsent) if pooled => request = unsent,
                _ => return Err(from_hyper(error.into_error())),
            }
        }
    }

    async fn connect(&self, origin: &Origin, limit: Duration) -> Result<SendRequest<WasiBody>, Error> {
        let handshake = async {
            let stream = self.connector.connect(origin).await?;
            http1::handshake(TokioIo::new(stream)).await.map_err(from_hyper)
        };
        let (sender, connection) =
            timeout(limit, handshake).await.map_err(|_| Error::ConnectionTimeout)??;
        // Ends when the sender is dropped or the upstream closes the connection; a pending request gets the error.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// The number of idle connections.
    pub(crate) fn idle_connections(&self) -> usize {
        self.pool.len()
    }

    /// Closes connections that have been idle for too long. To be called regularly.
    pub(crate) fn sweep(&self) {
        self.pool.sweep();
    }
}
