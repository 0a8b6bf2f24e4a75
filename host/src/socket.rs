//! A caller's socket, in two parts: one for the HTTP server, one to notice that the caller has left.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The two parts of a socket. Tokio's halves share it without a lock.
pub(crate) fn split(stream: TcpStream) -> (Socket, Peer) {
    let (read, write) = stream.into_split();
    (Socket(read), Peer(Some(write)))
}

/// Reads and writes.
pub(crate) struct Socket(OwnedReadHalf);

impl Socket {
    fn stream(&self) -> &TcpStream {
        self.0.as_ref()
    }

    fn poll_io(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream().poll_write_ready(cx))?;
            match write(self.stream()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_io(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.stream()).shutdown(Shutdown::Write))
    }
}

/// Notices that the caller has closed the connection.
pub(crate) struct Peer(Option<OwnedWriteHalf>);

impl Peer {
    /// Completes when the caller has closed the connection, or its side of it, even if bytes before that are unread.
    ///
    /// While a response is in progress, hyper reads only until there is one byte behind the request. On other systems
    /// than Linux, which do not report the end before the bytes are read, this never completes.
    pub(crate) async fn left(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(half) = &self.0
            // Without `READABLE`, so that bytes do not wake it. An interest in priority includes the end.
            && let Ok(ready) = half.ready(tokio::io::Interest::PRIORITY).await
            && ready.is_read_closed()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Else the drop of this half shuts the connection down, as hyper has done already.
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}
