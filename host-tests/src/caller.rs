//! The caller's side of a request: the two bodies as the guest sees them, and the news that the caller left.

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

/// Makes the two ends of one request's "the caller has gone".
pub(crate) fn watch() -> (Waiting, Caller) {
    let (gone, caller) = watch::channel(false);
    (Waiting { gone: Some(gone) }, Caller(caller))
}

/// Held by whatever the caller waits for. Dropped before [`Waiting::served`], it means that hyper gave
/// the answer up, which it does only when the connection is gone.
pub(crate) struct Waiting {
    gone: Option<watch::Sender<bool>>,
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

/// What requests to upstreams look at, to end with the caller they are made for.
///
/// The guest itself notices a caller that left at its next write only, and while it waits for an
/// upstream it writes nothing. So the host ends that wait, and the guest comes to its own end as after
/// any upstream failure, log line included. Aborting the guest would be quicker and lose the line.
#[derive(Clone)]
pub(crate) struct Caller(watch::Receiver<bool>);

impl Caller {
    /// Completes when the caller has gone; never, once it was served.
    pub(crate) async fn gone(mut self) {
        if self.0.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The guest's answer on its way out.
pub(crate) struct ResponseBody {
    inner: HyperOutgoingBody,
    waiting: Waiting,
    trapped: Arc<AtomicBool>,
    /// Bytes still to come when `content-length` says so: hyper drops a complete body without asking
    /// for its end.
    left: Option<u64>,
}

impl ResponseBody {
    /// `trapped` must be set before the guest's store goes away: a body that merely lost its writer looks
    /// complete to hyper, and the caller would take half an answer for a whole one.
    pub(crate) fn new(
        response: http::Response<HyperOutgoingBody>,
        waiting: Waiting,
        trapped: Arc<AtomicBool>,
    ) -> http::Response<Self> {
        let length = response.headers().get(http::header::CONTENT_LENGTH);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|inner| Self { inner, waiting, trapped, left })
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
            None if self.trapped.load(Ordering::Acquire) => {
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

/// What the caller sends. If the guest does not read it to its end, the host does.
///
/// A guest may answer before it has read the body, 413 for one. Were the connection closed with the rest
/// unread, TCP would reset it, and the reset can overtake the answer. So the rest is read and thrown
/// away, within limits.
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    drain: bool,
}

impl RequestBody {
    const DRAIN_BYTES: usize = 64 << 20;
    const DRAIN_TIME: Duration = Duration::from_secs(10);

    /// `drain` is to be false for a caller that asked with `expect: 100-continue`: it sends nothing unless
    /// told to.
    pub(crate) fn new(incoming: Incoming, drain: bool) -> Self {
        Self { incoming: Some(incoming), drain }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(incoming).poll_frame(cx));
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
            runtime.spawn(tokio::time::timeout(Self::DRAIN_TIME, drain(incoming)));
        }
    }
}

async fn drain(incoming: Incoming) {
    let mut rest = Limited::new(incoming, RequestBody::DRAIN_BYTES);
    while let Some(Ok(_)) = rest.frame().await {}
}
