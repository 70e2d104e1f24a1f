//! The TLS acceptor: TLS 1.2 and 1.3 with one of two lists of cipher suites.
//!
//! What rustls leaves out, nobody can turn on by mistake: older versions,
//! compression, renegotiation, anything but forward secrecy and AEAD. What it
//! could do and is not asked to: session tickets and early data (0-RTT), which
//! may be replayed.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::UnixTime,
    server::{NoServerSessionStorage, ResolvesServerCert, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    certificates::{Certificates, Handshake},
    client_certificate::Shown,
};
use crate::mail::{Ciphers, TlsSession};

/// The server's side of a handshake, and what the client has shown in it.
/// Cancelling drops the connection.
pub(super) async fn accept(
    certificates: &Certificates,
    tcp: TcpStream,
) -> io::Result<(TlsStream<TcpStream>, Shown)> {
    let Handshake { config, witnessed } = certificates.handshake().map_err(io::Error::other)?;
    let stream = TlsAcceptor::from(config).accept(tcp).await?;
    let shown = witnessed.map_or(Shown::Nothing, |(clients, witness)| {
        let (_, connection) = stream.get_ref();
        clients.look_at(connection.peer_certificates(), &witness, UnixTime::now())
    });
    Ok((stream, shown))
}

/// What was agreed on, in the names Received fields and metrics use.
pub(super) fn session(stream: &TlsStream<TcpStream>) -> TlsSession {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    };
    // rustls writes TLS13_AES_…, IANA TLS_AES_….
    let cipher = connection.negotiated_cipher_suite().map(|suite| {
        suite.suite().as_str().map_or_else(String::new, |name| name.replacen("TLS13_", "TLS_", 1))
    });
    TlsSession { version, cipher: cipher.unwrap_or_default() }
}

pub(super) fn server_config(
    provider: Arc<CryptoProvider>,
    ciphers: Ciphers,
    certificates: Arc<dyn ResolvesServerCert>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(certificates);
    // Mozilla lets the client choose among suites that are all good: a phone
    // without AES in hardware knows best. The NCSC's have no such excuse.
    config.ignore_client_order = ciphers == Ciphers::Ncsc;
    // Mail servers hardly ever resume, and each ticket costs memory and time.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}
