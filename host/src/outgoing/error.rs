//! Maps failures of an upstream connection to the error codes of `wasi:http`.

use std::io;

use tokio_rustls::rustls;
use wasmtime_wasi_http::Error;

/// The error message of a request that is aborted, or not sent, because the caller closed its connection.
/// The component recognizes it (`src/component/transport.rs`) and tries no other upstream.
const CALLER_GONE: &str = "the caller closed its connection";

pub(super) fn caller_gone() -> Error {
    Error::InternalError(Some(CALLER_GONE.to_owned()))
}

/// An HTTP exchange that failed on an open connection.
pub(super) fn from_hyper(error: hyper::Error) -> Error {
    let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        // The upstream closed or reset the connection.
        _ if error.is_incomplete_message() => Error::ConnectionTerminated,
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Error::ConnectionTerminated,
        // A body that ends before its last chunk.
        Some(io::ErrorKind::UnexpectedEof) => Error::HttpResponseIncomplete,
        _ => Error::Hyper(error),
    }
}

/// A connection that could not be opened.
pub(super) fn from_connect(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::ConnectionReset => Error::ConnectionTerminated,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

/// A TLS handshake that failed.
pub(super) fn from_tls(error: io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some((*alert).into()),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        // The connection itself broke.
        None => Error::ConnectionTerminated,
    }
}
