//! Connecting to an upstream, and what can go wrong with it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use wasmtime_wasi_http::Error;

use super::pool::Place;

/// A plain or an encrypted connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes connections; keeps the TLS settings, which hold all root certificates.
pub(super) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// Trusts the authorities browsers do, and those in `more`, a PEM file's content. Fails where that
    /// holds something else than certificates.
    pub(super) fn new(more: &[u8]) -> io::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for certificate in CertificateDer::pem_slice_iter(more) {
            let certificate = certificate.map_err(io::Error::other)?;
            // A system's list has oddities rustls does not know; the certificates it does know still serve.
            let _ = roots.add(certificate);
        }
        Ok(Self { tls: tls(roots) })
    }

    /// Connects to the first address of `place` that answers.
    pub(super) async fn connect(&self, place: &Place) -> Result<Box<dyn Stream>, Error> {
        // `http::Uri` leaves an IPv6 address in its brackets, which only a URI wants.
        let host = place.authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = place.authority.port_u16().unwrap_or(if place.tls { 443 } else { 80 });
        let stream = open(host, port).await?;
        // Events of a stream are small and must not wait for each other.
        stream.set_nodelay(true).map_err(unreachable)?;
        if !place.tls {
            return Ok(Box::new(stream));
        }
        let name = match host.parse::<IpAddr>() {
            Ok(ip) => ServerName::from(ip),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(Error::InvalidDnsNameError)?,
        };
        Ok(Box::new(self.tls.connect(name, stream).await.map_err(untrusted)?))
    }
}

async fn open(host: &str, port: u16) -> Result<TcpStream, Error> {
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Error::DnsError { rcode: Some(error.to_string()), info_code: None })?;
    let mut last = Error::DestinationNotFound;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = unreachable(error),
        }
    }
    Err(last)
}

fn unreachable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::ConnectionReset => Error::ConnectionTerminated,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

fn tls(roots: RootCertStore) -> TlsConnector {
    // Named, because rustls refuses to choose where several providers are compiled in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn untrusted(error: io::Error) -> Error {
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
