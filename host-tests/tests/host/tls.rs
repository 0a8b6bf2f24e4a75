//! Upstreams with TLS. The CA and the certificate for 127.0.0.1 in `tls/` are used only by these tests.

use std::net::SocketAddr;
use std::sync::Arc;

use host_tests::{Answer, Gateway, Options, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ALL_VERSIONS, ServerConfig};

use crate::{start, start_with};

const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");

/// Starts a TLS proxy in front of `upstream`.
async fn encrypt(upstream: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // An error means that the client does not trust the CA.
            let Ok(mut outside) = acceptor.accept(stream).await else { continue };
            assert_eq!(outside.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(upstream).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_trusted_upstream_answers_on_one_connection() {
    let upstream = Upstream::answering(Answer::events(["1", "2"])).await;
    let addr = encrypt(upstream.addr()).await;
    let gateway = start_with(Options { roots: AUTHORITY.to_vec(), ..Gateway::options() }).await;
    for _ in 0..3 {
        assert_eq!(gateway.get(&format!("/tls/{addr}/")).await.events(), ["1", "2"]);
        // After a stream, the connection is returned to the pool a little later.
        gateway.connection_is_back().await;
    }
    assert!(upstream.requests().iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let upstream = Upstream::answering(Answer::new(200, &[], "secret")).await;
    let addr = encrypt(upstream.addr()).await;
    let reply = start().await.get(&format!("/tls/{addr}/")).await;
    assert_eq!((reply.status, reply.text()), (502, "ErrorCode::TlsCertificateError"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_protocol_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            std::mem::forget(stream); // Kept open, so that no reset arrives before the response was read.
        }
    });
    let reply = start().await.get(&format!("/tls/{addr}/")).await;
    assert_eq!((reply.status, reply.text()), (502, "ErrorCode::TlsProtocolError"));
}
