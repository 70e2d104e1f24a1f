//! The console's certificate, and those that browsers show.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::{
    config::{CertificateFiles, cryptography},
    mail::Ciphers,
};

/// What handshakes go by: read again when the files have changed.
pub(super) struct Tls {
    files: CertificateFiles,
    client_ca: Option<PathBuf>,
    current: ArcSwap<ServerConfig>,
    seen: Mutex<Vec<Option<SystemTime>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct TlsError {
    path: String,
    cause: String,
}

impl Tls {
    pub(super) fn load(
        files: CertificateFiles,
        client_ca: Option<PathBuf>,
    ) -> Result<Self, TlsError> {
        let current = ArcSwap::from(read(&files, client_ca.as_deref())?);
        let tls = Self { files, client_ca, current, seen: Mutex::default() };
        *tls.seen.lock().unwrap_or_else(PoisonError::into_inner) = tls.stamps();
        Ok(tls)
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// After a fault what is in use stays.
    pub(super) fn refresh(&self) -> Result<(), TlsError> {
        let stamps = self.stamps();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != stamps {
            // Told once: a fault is not read again until something changes.
            *seen = stamps;
            self.current.store(read(&self.files, self.client_ca.as_deref())?);
        }
        Ok(())
    }

    fn stamps(&self) -> Vec<Option<SystemTime>> {
        let files = [Some(&self.files.chain), Some(&self.files.key), self.client_ca.as_ref()];
        let changed = |path: &PathBuf| std::fs::metadata(path).ok()?.modified().ok();
        files.into_iter().flatten().map(changed).collect()
    }
}

/// The names in a certificate that may stand for an account: common name, DNS
/// names, mail addresses.
pub(super) fn subjects(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let mut names: Vec<String> = common.map(str::to_owned).collect();
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) => Some((*name).to_owned()),
            _ => None,
        }));
    }
    names
}

fn read(files: &CertificateFiles, client_ca: Option<&Path>) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&files.chain).and_then(Iterator::collect);
    let chain = chain.map_err(|error| wrong(&files.chain, &error))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let clients = match client_ca {
        None => Arc::new(NoClientAuth) as Arc<dyn ClientCertVerifier>,
        Some(path) => client_verifier(path)?,
    };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&files.chain, &error))?;
    let mut config = builder
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&files.chain, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A certificate is asked for, and may be missing: people have passwords, too.
fn client_verifier(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, &error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(path, &error))?;
        roots.add(certificate).map_err(|error| wrong(path, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| wrong(path, &error))
}

/// Browsers are as good as the best.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(cryptography(Ciphers::Ncsc))
}

fn wrong(path: &Path, cause: &dyn std::fmt::Display) -> TlsError {
    TlsError { path: path.display().to_string(), cause: cause.to_string() }
}
