//! A stand-in for an LLM endpoint, as well or as badly behaved as a test wants.

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
    /// The answers to give; the last one is given again and again. Without any, the test answers.
    script: Mutex<VecDeque<Answer>>,
    by_hand: mpsc::UnboundedSender<Exchange>,
}

impl Upstream {
    /// Leaves every answer to the test, which gets the requests from [`Upstream::next`].
    pub async fn by_hand() -> Self {
        Self::script([]).await
    }

    /// Gives the same answer to every request.
    pub async fn answering(answer: Answer) -> Self {
        Self::script([answer]).await
    }

    /// Gives these answers one after another, the last one again and again.
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

    /// An address on which nothing listens, as long as what is returned lives.
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

    /// Waits for the next request to be answered by hand.
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
        // Each event must be on its way before the test goes on.
        stream.set_nodelay(true).expect("the connection is new");
        tokio::spawn(serve(Wire::new(stream, number), shared.clone()));
    }
}

/// Serves what comes on one connection, until a request is handed to the test.
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
    // Closing a socket that may not linger sends a reset.
    wire.stream.set_zero_linger().expect("the connection is open");
}

/// A request in the hands of the test. Dropping it closes the connection.
pub struct Exchange {
    /// The request.
    pub request: Recorded,
    wire: Wire,
    shared: Arc<Shared>,
}

impl Exchange {
    /// Gives a whole answer, and lets the connection go on as the answer has it.
    pub async fn answer(mut self, answer: Answer) {
        match answer.write(&mut self.wire).await {
            Ok(End::Keep) => self.go_on(),
            Ok(End::Close) | Err(_) => {}
            Ok(End::Reset) => self.reset(),
            Ok(End::Stall) => self.closed().await,
        }
    }

    /// Begins an answer of chunks.
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
    /// When the gateway has closed the connection and the system knows it already.
    pub async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = patiently("an answer to be taken", self.wire.write(bytes.as_ref())).await;
        sent.expect("the gateway is still there");
    }

    /// Sends bytes, and whether the gateway was still there to take them.
    pub async fn try_raw(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        patiently("an answer to be taken", self.wire.write(bytes.as_ref())).await.is_ok()
    }

    /// Ends an answer of chunks; the connection waits for the next request.
    pub async fn end(mut self) {
        self.raw(chunk(b"")).await;
        self.go_on();
    }

    /// Closes the connection where the answer is.
    pub fn close(self) {
        drop(self);
    }

    /// Resets the connection where the answer is.
    pub fn reset(self) {
        reset(self.wire);
    }

    /// Waits until the gateway closes the connection.
    pub async fn closed(&mut self) {
        patiently("the gateway to close its connection", self.wire.closed()).await;
    }

    fn go_on(self) {
        background().spawn(serve(self.wire, self.shared));
    }
}
