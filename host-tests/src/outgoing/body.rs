//! An upstream's answer on its way to the guest.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::broken;
use super::pool::Lent;

/// Reads an answer under the guest's timeout, and gives the connection back at its end.
///
/// Dropped before the end it takes the connection down, which is how the upstream learns that nobody
/// listens any more.
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    lent: Option<Lent>,
    /// Its length is known at its end alone.
    streamed: bool,
    timeout: Duration,
    /// Runs while we wait; `None` until the first wait, which a body already here never has.
    timer: Option<Pin<Box<Sleep>>>,
    /// A piece came since the timer was set.
    moved: bool,
    caller_gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, lent: Lent, timeout: Duration) -> Self {
        let streamed = incoming.size_hint().exact().is_none();
        let lent = Some(lent);
        let mut body =
            Self { incoming, lent, streamed, timeout, timer: None, moved: false, caller_gone: None };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    /// Fails the body as soon as `gone` completes.
    pub(super) fn end_with(mut self, gone: impl Future<Output = ()> + Send + 'static) -> Self {
        self.caller_gone = Some(Box::pin(gone));
        self
    }

    fn finish(&mut self) {
        match self.lent.take() {
            Some(lent) if self.streamed => lent.give_back_rested(),
            Some(lent) => lent.give_back(),
            None => {}
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some(gone) = &mut self.caller_gone
            && gone.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Error::ConnectionTerminated);
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        if std::mem::take(&mut self.moved) {
            timer.as_mut().reset(Instant::now() + timeout);
        }
        timer.as_mut().poll(cx).map(|()| Error::ConnectionReadTimeout)
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            let error = std::task::ready!(self.wait(cx));
            self.lent = None;
            return Poll::Ready(Some(Err(error)));
        };
        self.moved = true;
        match &frame {
            // With a known length the last piece is known to be the last.
            Some(Ok(_)) if self.incoming.is_end_stream() => self.finish(),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.lent = None,
            None => self.finish(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
