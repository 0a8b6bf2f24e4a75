//! An upstream's response body on its way to the guest.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::error::{caller_gone, from_hyper};
use super::pool::PooledConnection;

/// Reads a response with the guest's timeout, and returns the connection to its pool at the end.
///
/// If it is dropped before the end, it closes the connection, so that the upstream stops generating.
pub(super) struct UpstreamBody {
    incoming: Incoming,
    connection: Option<PooledConnection>,
    /// The length of the body is not known before its end.
    streamed: bool,
    timeout: Duration,
    /// Runs while reading waits; `None` until the first wait. A body that is already complete never waits.
    timer: Option<Pin<Box<Sleep>>>,
    /// Something was read since the timer was set.
    moved: bool,
    caller_gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, connection: PooledConnection, timeout: Duration) -> Self {
        let streamed = incoming.size_hint().exact().is_none();
        let connection = Some(connection);
        let mut body =
            Self { incoming, connection, streamed, timeout, timer: None, moved: false, caller_gone: None };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    /// Fails the body, and closes its connection, as soon as `gone` completes.
    pub(super) fn end_with(mut self, gone: impl Future<Output = ()> + Send + 'static) -> Self {
        self.caller_gone = Some(Box::pin(gone));
        self
    }

    fn finish(&mut self) {
        match self.connection.take() {
            Some(connection) if self.streamed => connection.release_later(),
            Some(connection) => connection.release(),
            None => {}
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some(gone) = &mut self.caller_gone
            && gone.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(caller_gone());
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
            self.connection = None;
            return Poll::Ready(Some(Err(error)));
        };
        self.moved = true;
        match &frame {
            // With a known length the last frame is known to be the last.
            Some(Ok(_)) if self.incoming.is_end_stream() => self.finish(),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.connection = None,
            None => self.finish(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(from_hyper)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
