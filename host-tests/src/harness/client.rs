//! A client for tests: every call has a separate connection, so that a test can close it.

use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinHandle};

use super::patiently;
use super::sse::Events;

/// A request to be sent. Awaiting it sends it and reads the complete response.
pub struct Call {
    addr: SocketAddr,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// A request to any address, without a key.
    pub fn new(addr: SocketAddr, method: &str, path: &str) -> Self {
        let method = method.parse().expect("the test names a method HTTP allows");
        let mut headers = HeaderMap::new();
        headers.insert(HOST, addr.to_string().parse().expect("an address is a legal header"));
        Self { addr, method, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// Sends `key` as the bearer token instead of the gateway's first key.
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Sends no key.
    pub fn no_key(mut self) -> Self {
        self.headers.remove(AUTHORIZATION);
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("the test names a header HTTP allows");
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a legal value"));
        self
    }

    /// Sends a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(body.to_string())
    }

    /// Sends these bytes, with the content type that was set, if any.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and returns once the response head has arrived.
    pub async fn live(self) -> Live {
        patiently("the head of an answer", self.open()).await
    }

    /// Sends the request and reads the whole answer, however long that takes.
    ///
    /// # Errors
    ///
    /// When the connection breaks off.
    pub async fn unhurried(self) -> Result<Bytes, hyper::Error> {
        let Live { body, connection, .. } = self.open().await;
        let bytes = body.collect().await?.to_bytes();
        drop(connection);
        Ok(bytes)
    }

    /// Sends the request from a separate task, so that the test can go on meanwhile.
    pub fn spawn(self) -> Running {
        Running(super::background().spawn(self.live()))
    }

    async fn open(self) -> Live {
        let stream = TcpStream::connect(self.addr).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("the connection is new");
        let connecting = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = connecting.await.expect("the connection is new");
        let connection = Connection(tokio::spawn(connection).abort_handle());
        let mut request = http::Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("the test names a path HTTP allows");
        *request.headers_mut() = self.headers;
        let response = sender.send_request(request).await;
        let (head, body) = response.expect("the gateway answers every request").into_parts();
        Live {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            events: Events::default(),
            connection,
        }
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.live().await.rest().await })
    }
}

/// A call that runs in a separate task.
pub struct Running(JoinHandle<Live>);

impl Running {
    /// Waits for the response head.
    pub async fn live(self) -> Live {
        match self.0.await {
            Ok(live) => live,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// Waits for the complete response.
    pub async fn reply(self) -> Reply {
        self.live().await.rest().await
    }

    /// Closes the connection before the response arrives.
    pub fn hang_up(self) {
        self.0.abort();
    }
}

/// A response whose body may still be incomplete. Dropping it closes the connection.
pub struct Live {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    events: Events,
    connection: Connection,
}

impl Live {
    /// A header's value, where there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The data of the next server-sent event; `None` at the end of the response.
    ///
    /// # Panics
    ///
    /// When the response breaks off, or ends within an event.
    pub async fn event(&mut self) -> Option<String> {
        loop {
            if let Some(event) = self.events.next() {
                return Some(event);
            }
            match self.piece().await {
                Ok(Some(bytes)) => self.events.push(&bytes),
                Ok(None) => {
                    let rest = String::from_utf8_lossy(self.events.rest());
                    assert!(rest.is_empty(), "the stream ends within an event: {rest:?}");
                    return None;
                }
                Err(broken) => panic!("the stream breaks off: {broken}"),
            }
        }
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// If the body breaks off.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            match patiently("more of an answer", self.body.frame()).await.transpose()? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads the rest of the body, after the events that were taken.
    pub async fn rest(mut self) -> Reply {
        let mut body = self.events.rest().to_vec();
        let broken = loop {
            match self.piece().await {
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        Reply { status: self.status, headers: std::mem::take(&mut self.headers), body: body.into(), broken }
    }

    /// Closes the connection.
    pub fn hang_up(self) {
        drop(self.connection);
    }
}

/// Closes a connection when dropped.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A response read to its end.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Why the body is incomplete, if it is.
    pub broken: Option<String>,
}

impl Reply {
    /// A header's value, where there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When the body is not JSON; the message contains it.
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON, {error}: {}", String::from_utf8_lossy(&self.body)),
        }
    }

    /// The data of the server-sent events in the body.
    pub fn events(&self) -> Vec<String> {
        let mut events = Events::default();
        events.push(&self.body);
        std::iter::from_fn(|| events.next()).collect()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("the header is text"))
}
