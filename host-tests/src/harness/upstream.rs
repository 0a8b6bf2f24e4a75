//! A fake LLM endpoint that responds as a test scripts it, correctly or not.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::answer::{Answer, CHUNKED, End, chunk, event, head};
use super::wire::{Recorded, Wire};
use super::{background, patiently};

/// An HTTP/1.1 server on a free port that records its requests.
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    exchanges: mpsc::UnboundedReceiver<Exchange>,
    accepting: AbortHandle,
}

struct Shared {
    requests: Mutex<Vec<Recorded>>,
    /// The scripted responses; the last one is repeated. If there are none, the test responds by hand.
    script: Mutex<VecDeque<Answer>>,
    by_hand: mpsc::UnboundedSender<Exchange>,
}

impl Upstream {
    /// The test writes every response itself; it gets the requests from [`Upstream::next`].
    pub async fn by_hand() -> Self {
        Self::script([]).await
    }

    /// Sends the same response to every request.
    pub async fn answering(answer: Answer) -> Self {
        Self::script([answer]).await
    }

    /// Sends these responses one after another and repeats the last one.
    pub async fn script(answers: impl IntoIterator<Item = Answer>) -> Self {
        let (by_hand, exchanges) = mpsc::unbounded_channel();
        let script = Mutex::new(answers.into_iter().collect());
        let shared = Arc::new(Shared { requests: Mutex::default(), script, by_hand });
        let binding = background().spawn(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = binding.await.expect("binding does not panic").expect("a free port can be had");
        let addr = listener.local_addr().expect("it is bound");
        let accepting = background().spawn(accept(listener, shared.clone())).abort_handle();
        Self { addr, shared, exchanges, accepting }
    }

    /// An address on which nothing listens, as long as the returned socket lives.
    pub fn refusing() -> (TcpSocket, String) {
        let socket = TcpSocket::new_v4().expect("sockets can be had");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port can be had");
        let addr = socket.local_addr().expect("it is bound");
        (socket, format!("http://{addr}"))
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of `path`, such as `/v1`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().expect("no code panics holding this lock").clone()
    }

    /// Waits for the next request that the test has to respond to.
    pub async fn next(&mut self) -> Exchange {
        let next = patiently("a request to the upstream", self.exchanges.recv()).await;
        next.expect("`self` holds a sender")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    for number in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        // Each event must be sent before the test goes on.
        stream.set_nodelay(true).expect("the connection is new");
        tokio::spawn(serve(Wire::new(stream, number), shared.clone()));
    }
}

/// Serves the requests of one connection until one is handed to the test.
async fn serve(mut wire: Wire, shared: Arc<Shared>) {
    while let Ok(Some(request)) = wire.request().await {
        shared.requests.lock().expect("no code panics holding this lock").push(request.clone());
        let answer = {
            let mut script = shared.script.lock().expect("no code panics holding this lock");
            if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
        };
        let Some(answer) = answer else {
            let exchange = Exchange { request, wire, shared: shared.clone() };
            // Fails when the test is over.
            let _ = shared.by_hand.send(exchange);
            return;
        };
        match answer.write(&mut wire).await {
            Ok(End::Keep) => {}
            Ok(End::Close) | Err(_) => return,
            Ok(End::Reset) => return reset(wire),
            Ok(End::Stall) => return wire.closed().await,
        }
    }
}

fn reset(wire: Wire) {
    // Closing a socket with a zero linger time sends a reset.
    wire.stream.set_zero_linger().expect("the connection is open");
}

/// A request that the test responds to. Dropping it closes the connection.
pub struct Exchange {
    /// The request.
    pub request: Recorded,
    wire: Wire,
    shared: Arc<Shared>,
}

impl Exchange {
    /// Sends a complete response; the response determines what happens to the connection.
    pub async fn answer(mut self, answer: Answer) {
        match answer.write(&mut self.wire).await {
            Ok(End::Keep) => self.go_on(),
            Ok(End::Close) | Err(_) => {}
            Ok(End::Reset) => self.reset(),
            Ok(End::Stall) => self.closed().await,
        }
    }

    /// Begins a chunked response.
    pub async fn head(&mut self, status: u16, headers: &[(&str, &str)]) {
        self.raw(head(status, headers, CHUNKED)).await;
    }

    /// Sends a chunk.
    pub async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        self.raw(chunk(bytes.as_ref())).await;
    }

    /// Sends a chunk that is one server-sent event with this data.
    pub async fn event(&mut self, data: &str) {
        self.chunk(event(data)).await;
    }

    /// Sends these bytes as they are.
    ///
    /// # Panics
    ///
    /// When the gateway has closed the connection and the system has noticed it.
    pub async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = patiently("the gateway to read a response", self.wire.write(bytes.as_ref())).await;
        sent.expect("the gateway is still connected");
    }

    /// Sends bytes; returns whether the gateway was still connected.
    pub async fn try_raw(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        patiently("the gateway to read a response", self.wire.write(bytes.as_ref())).await.is_ok()
    }

    /// Ends a chunked response; the connection waits for the next request.
    pub async fn end(self) {
        self.finish(Vec::new()).await;
    }

    /// Sends these bytes and the end of a chunked response in one write; the connection waits for the next request.
    pub async fn finish(mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&chunk(b""));
        self.raw(bytes).await;
        self.go_on();
    }

    /// Closes the connection in the middle of the response.
    pub fn close(self) {
        drop(self);
    }

    /// Resets the connection in the middle of the response.
    pub fn reset(self) {
        reset(self.wire);
    }

    /// Waits until the gateway closes the connection.
    pub async fn closed(&mut self) {
        patiently("the gateway to close its connection", self.wire.closed()).await;
    }

    /// Lets the connection wait for its next request.
    pub fn go_on(self) {
        background().spawn(serve(self.wire, self.shared));
    }
}
