//! The TLS acceptor: TLS 1.2 and 1.3 with one of two lists of cipher suites.
//!
//! What rustls leaves out, nobody can turn on by mistake: older versions,
//! compression, renegotiation, anything but forward secrecy and AEAD. What it
//! could do and is not asked to: session tickets and early data (0-RTT), which
//! may be replayed.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig, SupportedCipherSuite,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{
            cipher_suite::{
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256,
                TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
            },
            default_provider,
            kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768},
        },
    },
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

pub(super) fn provider(ciphers: Ciphers) -> CryptoProvider {
    let (suites, groups) = match ciphers {
        Ciphers::Intermediate => (INTERMEDIATE, INTERMEDIATE_GROUPS),
        Ciphers::Ncsc => (NCSC, NCSC_GROUPS),
    };
    CryptoProvider {
        cipher_suites: suites.to_vec(),
        kx_groups: groups.to_vec(),
        ..default_provider()
    }
}

/// Mozilla's intermediate configuration, version 5.7, without its finite-field
/// Diffie-Hellman, which rustls does not have.
const INTERMEDIATE: &[SupportedCipherSuite] = &[
    TLS13_AES_128_GCM_SHA256,
    TLS13_AES_256_GCM_SHA384,
    TLS13_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// The hybrid first: what is recorded today must not be read by the quantum
/// computers of a patient's lifetime.
const INTERMEDIATE_GROUPS: &[&dyn SupportedKxGroup] =
    &[X25519MLKEM768, X25519, SECP256R1, SECP384R1];

/// What the NCSC's "Using TLS to protect data" recommends: ECDHE over these
/// curves, AES-GCM. The order, the longer key first, is ours.
const NCSC: &[SupportedCipherSuite] = &[
    TLS13_AES_256_GCM_SHA384,
    TLS13_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];
const NCSC_GROUPS: &[&dyn SupportedKxGroup] = &[SECP256R1, SECP384R1, X25519];
