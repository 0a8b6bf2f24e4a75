//! Connecting to an upstream.

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

use super::error::{from_connect, from_tls};
use super::origin::Origin;

/// A plain or encrypted connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections; keeps the TLS settings, which hold all root certificates.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// Trusts Mozilla's root certificates and those in `more`, the content of a PEM file.
    ///
    /// # Errors
    ///
    /// When `more` contains something other than certificates.
    pub(crate) fn new(more: &[u8]) -> io::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for certificate in CertificateDer::pem_slice_iter(more) {
            let certificate = certificate.map_err(io::Error::other)?;
            // The list of a system can contain certificates that rustls does not support; the others are still used.
            let _ = roots.add(certificate);
        }
        Ok(Self { tls: tls(roots) })
    }

    /// Connects to the first address of `origin` that accepts the connection.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Box<dyn Stream>, Error> {
        let host = origin.host();
        let stream = open(host, origin.port()).await?;
        // The events of a stream are small and must not be delayed by Nagle's algorithm.
        stream.set_nodelay(true).map_err(from_connect)?;
        if !origin.tls {
            return Ok(Box::new(stream));
        }
        let name = match host.parse::<IpAddr>() {
            Ok(ip) => ServerName::from(ip),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(Error::InvalidDnsNameError)?,
        };
        Ok(Box::new(self.tls.connect(name, stream).await.map_err(from_tls)?))
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
            Err(error) => last = from_connect(error),
        }
    }
    Err(last)
}

fn tls(roots: RootCertStore) -> TlsConnector {
    // Explicit, because rustls does not choose a provider if several are compiled in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}
