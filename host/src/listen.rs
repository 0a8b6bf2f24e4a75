//! The listeners of a server, one per worker.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The maximum number of connections that wait to be accepted. std and Tokio use a similar number.
const BACKLOG: i32 = 1024;

/// Binds `count` listeners to one address; port 0 takes a free one.
///
/// On Linux each listener has a separate queue, and the kernel distributes connections among them (`SO_REUSEPORT`). The
/// first one is bound without that option, so that an address in use is an error even if the other process has set the
/// option. On other systems all listeners share one queue.
///
/// # Errors
///
/// When the address is in use or is not one of this machine.
pub(crate) fn listen(addr: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = bind(addr, false)?;
    let addr = first.local_addr()?;
    let shares_port = cfg!(target_os = "linux");
    if shares_port && count > 1 {
        reuse_port(&SockRef::from(&first))?;
    }
    let mut listeners = vec![first];
    while listeners.len() < count {
        listeners.push(match shares_port {
            true => bind(addr, true)?,
            false => listeners[0].try_clone()?,
        });
    }
    Ok(listeners)
}

fn bind(addr: SocketAddr, shares_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process may be in TIME_WAIT. On Windows the option has another meaning.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if shares_port {
        reuse_port(&SockRef::from(&socket))?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(unix)]
fn reuse_port(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn reuse_port(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    #[test]
    fn every_listener_gets_connections_and_no_other_server_the_port() {
        let listeners = listen(([127, 0, 0, 1], 0).into(), 3).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == addr));
        for count in [1, 3] {
            assert_eq!(listen(addr, count).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
        let calls: Vec<_> = (0..64).map(|_| TcpStream::connect(addr).unwrap()).collect();
        let mut accepted = 0;
        let deadline = Instant::now() + Duration::from_secs(30);
        while accepted < calls.len() {
            assert!(Instant::now() < deadline, "{accepted} of {} connections were accepted", calls.len());
            for listener in &listeners {
                match listener.accept() {
                    Ok(_) => accepted += 1,
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
        }
    }
}
