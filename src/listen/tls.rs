//! The TLS acceptor: TLS 1.2 and 1.3 with a certificate that can be renewed
//! while sessions go on under the old one.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    config::CertificateFiles,
    mail::{Timestamp, TlsSession},
};

/// A certificate chain with its key, as files and as now in use.
#[derive(Debug)]
pub struct Certificate {
    files: CertificateFiles,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// Of the leaf: its notAfter.
    expires_at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("a PEM certificate chain is expected in {path}: {cause}")]
    Chain { path: PathBuf, cause: rustls::pki_types::pem::Error },
    #[error("a PEM certificate chain is expected in {0}, found no certificate")]
    NoCertificate(PathBuf),
    #[error("a PEM private key is expected in {path}: {cause}")]
    Key { path: PathBuf, cause: rustls::pki_types::pem::Error },
    #[error("the certificate in {chain} and the key in {key} cannot be used together: {cause}")]
    Pair { chain: PathBuf, key: PathBuf, cause: rustls::Error },
}

impl Certificate {
    pub fn load(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let current = ArcSwap::from_pointee(read(files)?);
        Ok(Self { files: files.clone(), current })
    }

    /// Reads the files again, for the handshakes from here on. After an error
    /// the certificate in use stays.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.current.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// When the certificate in use expires; none where it does not say so
    /// in a way that can be read.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.current.load().expires_at
    }

    /// The server's side of a handshake. Cancelling drops the connection.
    pub(super) async fn accept(&self, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.current.load().config)).accept(tcp).await
    }
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

fn read(files: &CertificateFiles) -> Result<Loaded, CertificateError> {
    let path = || files.chain.clone();
    let chain = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| CertificateError::Chain { path: path(), cause })?;
    let Some(leaf) = chain.first() else {
        return Err(CertificateError::NoCertificate(path()));
    };
    let expires_at = expiry(leaf);
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|cause| CertificateError::Key { path: files.key.clone(), cause })?;
    let pair = |cause| CertificateError::Pair { chain: path(), key: files.key.clone(), cause };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    // Mail servers hardly ever resume, and each ticket costs memory and time.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Loaded { config: Arc::new(config), expires_at })
}

fn expiry(leaf: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Timestamp::from_unix_milliseconds(seconds.saturating_mul(1000)))
}
