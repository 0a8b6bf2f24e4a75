//! Connections to upstreams that wait for their next request.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};
use wasmtime_wasi_http::{Error, WasiBody};

use super::body::UpstreamBody;
use super::connect::Connector;
use super::{Timeouts, broken};

/// Where a connection goes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) tls: bool,
    pub(super) authority: Authority,
}

struct Idle {
    sender: SendRequest<WasiBody>,
    since: Instant,
}

/// The connections of one server, in use or waiting.
pub(crate) struct Connections {
    connector: Connector,
    idle: Mutex<HashMap<Place, Vec<Idle>>>,
}

impl Connections {
    /// Shorter than the 5 s after which uvicorn and Node, behind most local models, close an idle
    /// connection: one that is being closed right now costs the request that was sent on it.
    const MAX_IDLE_TIME: Duration = Duration::from_secs(4);
    const MAX_IDLE: usize = 128;

    /// No connections yet. `roots` are certificates to trust besides the usual ones, in PEM.
    pub(crate) fn new(roots: &[u8]) -> io::Result<Self> {
        Ok(Self { connector: Connector::new(roots)?, idle: Mutex::default() })
    }

    /// Sends `request` and waits for the head of the answer.
    pub(super) async fn send(
        self: Arc<Self>,
        mut request: http::Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<http::Response<UpstreamBody>, Error> {
        let place = place(request.uri())?;
        *request.uri_mut() = origin_form(request.uri());
        loop {
            let (mut sender, kept) = match self.take(&place) {
                Some(sender) => (sender, true),
                None => (self.connect(&place, timeouts.connect).await?, false),
            };
            let answer = timeout(timeouts.first_byte, sender.try_send_request(request)).await;
            let mut error = match answer.map_err(|_| Error::ConnectionReadTimeout)? {
                Ok(response) => {
                    let lent = Lent { home: self, place, sender };
                    return Ok(response.map(|body| UpstreamBody::new(body, lent, timeouts.between_bytes)));
                }
                Err(error) => error,
            };
            // The upstream had closed a kept connection, and nothing of the request was sent: try again.
            match error.take_message() {
                Some(unsent) if kept => request = unsent,
                _ => return Err(broken(error.into_error())),
            }
        }
    }

    async fn connect(&self, place: &Place, limit: Duration) -> Result<SendRequest<WasiBody>, Error> {
        let handshake = async {
            let stream = self.connector.connect(place).await?;
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)
        };
        let (sender, connection) =
            timeout(limit, handshake).await.map_err(|_| Error::ConnectionTimeout)??;
        // Ends when the sender is dropped or the upstream closes; whoever waits for an answer gets the error.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn take(&self, place: &Place) -> Option<SendRequest<WasiBody>> {
        let mut idle = self.idle.lock().expect("no code panics holding this lock");
        let waiting = idle.get_mut(place)?;
        while let Some(last) = waiting.pop() {
            if last.sender.is_ready() && last.since.elapsed() < Self::MAX_IDLE_TIME {
                return Some(last.sender);
            }
        }
        None
    }

    fn put(&self, place: Place, sender: SendRequest<WasiBody>) {
        let mut idle = self.idle.lock().expect("no code panics holding this lock");
        let waiting = idle.entry(place).or_default();
        if waiting.len() < Self::MAX_IDLE {
            waiting.push(Idle { sender, since: Instant::now() });
        }
    }

    /// How many wait for their next request.
    pub(crate) fn idle_now(&self) -> usize {
        let idle = self.idle.lock().expect("no code panics holding this lock");
        idle.values().map(Vec::len).sum()
    }

    /// Closes connections that waited for long. To be called now and then.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.lock().expect("no code panics holding this lock");
        idle.retain(|_, waiting| {
            waiting.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < Self::MAX_IDLE_TIME);
            !waiting.is_empty()
        });
    }
}

/// A connection while its answer is being read.
pub(super) struct Lent {
    home: Arc<Connections>,
    place: Place,
    sender: SendRequest<WasiBody>,
}

impl Lent {
    /// How long a connection may take to be ready again once its answer is complete. It is at once,
    /// except where the upstream answered without reading the request.
    const SETTLE: Duration = Duration::from_secs(1);

    /// How long an upstream may take to close a connection unannounced: llama.cpp does so after each stream, and a
    /// request sent on it meanwhile would be lost.
    const SECOND_THOUGHTS: Duration = Duration::from_millis(10);

    /// After an answer whose length was known beforehand.
    pub(super) fn give_back(self) {
        if self.sender.is_ready() {
            self.home.put(self.place, self.sender);
        } else {
            tokio::spawn(self.settle());
        }
    }

    /// After an answer that only its end told the length of.
    pub(super) fn give_back_rested(self) {
        tokio::spawn(async {
            tokio::time::sleep(Self::SECOND_THOUGHTS).await;
            self.settle().await;
        });
    }

    async fn settle(mut self) {
        if let Ok(Ok(())) = timeout(Self::SETTLE, self.sender.ready()).await {
            self.home.put(self.place, self.sender);
        }
    }
}

fn place(uri: &Uri) -> Result<Place, Error> {
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?.clone();
    Ok(Place { tls: uri.scheme() == Some(&Scheme::HTTPS), authority })
}

/// What a request line to the server itself holds: no scheme, no authority.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")).into()
}
