//! The caller's side of a request: both bodies as the guest sees them, and whether the caller is still connected.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::watch;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::connections::Exchange;
use crate::stall::{Stall, Stalls};

/// Creates the two ends of one request's connection state.
pub(crate) fn watch(exchange: Exchange) -> (Waiting, Caller) {
    let (gone, watched) = watch::channel(false);
    (Waiting { gone: Some(gone), _exchange: exchange }, Caller { gone: watched, notified: Arc::default() })
}

/// Held by the future of the response. If it is dropped before [`Waiting::served`], hyper has given up the response,
/// which it does only when the connection is closed.
pub(crate) struct Waiting {
    gone: Option<watch::Sender<bool>>,
    _exchange: Exchange,
}

impl Waiting {
    fn served(&mut self) {
        self.gone = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take() {
            gone.send_replace(true);
        }
    }
}

/// Whether the caller of a request has closed its connection.
///
/// The guest itself notices that only at its next write, and while it waits for an upstream it writes nothing. So the
/// host ends that wait, and the guest then finishes the request, including its log line.
#[derive(Clone)]
pub(crate) struct Caller {
    gone: watch::Receiver<bool>,
    /// The guest can know that the caller has disconnected.
    notified: Arc<AtomicBool>,
}

impl Caller {
    /// Completes when the caller has disconnected; never, once it was served.
    pub(crate) async fn gone(mut self) {
        if self.gone.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the caller has disconnected before it was served.
    pub(crate) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Records that the guest can know that the caller has disconnected: from the error of a request, or, once the
    /// response head is sent, from that of a write. Returns true the first time.
    pub(crate) fn notify(&self) -> bool {
        !self.notified.swap(true, Ordering::Relaxed)
    }
}

/// The guest's response on its way to the caller.
pub(crate) struct ResponseBody {
    inner: HyperOutgoingBody,
    waiting: Waiting,
    cut: Arc<AtomicBool>,
    /// Bytes still to come where `content-length` states them: hyper drops a complete body without polling for its
    /// end.
    left: Option<u64>,
}

impl ResponseBody {
    /// `cut` must be set before the store of a terminated guest is dropped: to hyper, a body that lost its writer looks
    /// complete, and the caller would take half a response for a whole one.
    pub(crate) fn new(
        response: http::Response<HyperOutgoingBody>,
        waiting: Waiting,
        cut: Arc<AtomicBool>,
    ) -> http::Response<Self> {
        let length = response.headers().get(http::header::CONTENT_LENGTH);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|inner| Self { inner, waiting, cut, left })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(size));
                if self.left == Some(0) {
                    self.waiting.served();
                }
            }
            Some(Err(_)) => {}
            None if self.cut.load(Ordering::Acquire) => {
                return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
            }
            None => self.waiting.served(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.left == Some(0) || self.inner.is_end_stream() {
            self.waiting.served();
        }
    }
}

/// The body of a request. The host drains what the guest does not read. Reading fails when the caller sends nothing for
/// too long.
///
/// A guest may respond before it has read the body, for example with 413. If the connection were closed with the rest
/// unread, TCP would reset it, and the reset can overtake the response. So the rest is read and discarded, within limits.
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    drain: bool,
    stall: Arc<Stall>,
    exchange: Exchange,
}

impl RequestBody {
    const DRAIN_BYTES: usize = 64 << 20;
    const DRAIN_TIME: Duration = Duration::from_secs(10);

    /// `drain` must be false for a caller that sent `expect: 100-continue`: it sends nothing before it gets that
    /// response.
    pub(crate) fn new(incoming: Incoming, drain: bool, stalls: &Arc<Stalls>, exchange: Exchange) -> Self {
        Self { incoming: Some(incoming), drain, stall: Stall::new(stalls.clone()), exchange }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let arrived = self.stall.waker(cx);
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(&mut Context::from_waker(&arrived)) else {
            std::task::ready!(self.stall.poll_expired(cx));
            // Reading on is useless.
            self.drain = false;
            self.incoming = None;
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.stall.moved(data.map_or(0, Bytes::len));
        if !matches!(frame, Some(Ok(_))) {
            self.incoming = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Error::Hyper)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        if !self.drain || incoming.is_end_stream() {
            return;
        }
        // Without a runtime the process is ending, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let exchange = self.exchange.clone();
            runtime.spawn(async move {
                let _ = tokio::time::timeout(Self::DRAIN_TIME, drain(incoming)).await;
                drop(exchange);
            });
        }
    }
}

async fn drain(incoming: Incoming) {
    let mut rest = Limited::new(incoming, RequestBody::DRAIN_BYTES);
    while let Some(Ok(_)) = rest.frame().await {}
}
