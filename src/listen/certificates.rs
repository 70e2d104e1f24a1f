//! A listener's certificates: read from their files, all or none, told apart
//! by the names in them, and renewed while sessions go on under the old ones.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use super::{
    client_certificate::{ClientSettings, KnownClients, Witness},
    server_names::{Choice, covers},
    tls,
};
use crate::{
    config::{self, CertificateFiles, cryptography},
    mail::{Ciphers, Timestamp},
};

/// What a listener shows its clients.
#[derive(Debug)]
pub struct Certificates {
    /// The first is for clients that ask for no name, or for one that none
    /// of them has.
    files: Vec<CertificateFiles>,
    ciphers: Ciphers,
    clients: ClientSettings,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// None where no certificate is asked for.
    clients: Option<Arc<KnownClients>>,
    summaries: Vec<CertificateSummary>,
}

pub(super) struct Handshake {
    pub(super) config: Arc<ServerConfig>,
    pub(super) witnessed: Option<(Arc<KnownClients>, Arc<Witness>)>,
}

/// New certificates: all of them have been read, and none is in use yet.
#[derive(Debug)]
#[must_use = "the old ones stay in use until this takes effect"]
pub struct Renewal<'a> {
    certificates: &'a Certificates,
    loaded: Loaded,
}

/// What an operator wants to know of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    pub chain: PathBuf,
    /// The DNS names it is for (subjectAltName), in lower case.
    pub names: Vec<String>,
    /// The leaf's notAfter; none where that cannot be read.
    pub expires_at: Option<Timestamp>,
}

/// How long a certificate will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    Good,
    /// It is time to renew it.
    ExpiresSoon(Timestamp),
    Expired(Timestamp),
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
    #[error("{path} cannot say who issues clients' certificates: {cause}")]
    ClientCa { path: PathBuf, cause: String },
    #[error("TLS cannot be set up: {0}")]
    Settings(rustls::Error),
}

impl Certificates {
    /// Reads the listener's own certificate, and those for SNI.
    pub fn load(
        first: &CertificateFiles,
        listener: &config::Listener,
    ) -> Result<Self, CertificateError> {
        let files: Vec<_> = std::iter::once(first).chain(&listener.sni).cloned().collect();
        let ciphers = listener.ciphers;
        let clients = ClientSettings::of(listener);
        let current = ArcSwap::from_pointee(read_all(&files, ciphers, &clients)?);
        Ok(Self { files, ciphers, clients, current })
    }

    /// Reads every file again. After an error all that is in use stays.
    pub fn renew(&self) -> Result<Renewal<'_>, CertificateError> {
        let loaded = read_all(&self.files, self.ciphers, &self.clients)?;
        Ok(Renewal { certificates: self, loaded })
    }

    /// Those in use.
    pub fn summaries(&self) -> Vec<CertificateSummary> {
        self.current.load().summaries.clone()
    }

    /// What one handshake goes by. Where a client's certificate is asked for,
    /// it has a witness of its own.
    pub(super) fn handshake(&self) -> Result<Handshake, rustls::Error> {
        let loaded = self.current.load();
        let config = Arc::clone(&loaded.config);
        let Some(clients) = &loaded.clients else {
            return Ok(Handshake { config, witnessed: None });
        };
        let witness = Arc::new(Witness::new(config.crypto_provider()));
        let config = tls::server_config(
            Arc::clone(config.crypto_provider()),
            self.ciphers,
            Arc::clone(&config.cert_resolver),
            Arc::clone(&witness) as _,
        )?;
        let witnessed = Some((Arc::clone(clients), witness));
        Ok(Handshake { config: Arc::new(config), witnessed })
    }
}

impl Renewal<'_> {
    /// For the handshakes from here on.
    pub fn take_effect(self) {
        self.certificates.current.store(Arc::new(self.loaded));
    }
}

impl CertificateSummary {
    /// Reads a chain and its key, and sees whether they belong together.
    pub fn read(files: &CertificateFiles) -> Result<Self, CertificateError> {
        read(files, &cryptography(Ciphers::Intermediate)).map(|(_, summary)| summary)
    }

    /// As metrics and logs call it: its first name.
    pub fn name(&self) -> &str {
        let file = || self.chain.file_name().and_then(|name| name.to_str());
        self.names.first().map(String::as_str).or_else(file).unwrap_or("unnamed")
    }

    /// Whether a client that asks for this name may be shown it.
    pub fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| covers(pattern, name))
    }

    pub fn outlook(&self, now: Timestamp) -> Outlook {
        match self.expires_at {
            Some(expiry) if expiry <= now => Outlook::Expired(expiry),
            Some(expiry) if expiry <= now + WARNING => Outlook::ExpiresSoon(expiry),
            _ => Outlook::Good,
        }
    }
}

fn read_all(
    files: &[CertificateFiles],
    ciphers: Ciphers,
    clients: &ClientSettings,
) -> Result<Loaded, CertificateError> {
    let provider = Arc::new(cryptography(ciphers));
    let (mut choice, mut summaries) = (Choice::default(), Vec::new());
    for files in files {
        let (key, summary) = read(files, &provider)?;
        choice.add(summary.names.clone(), Arc::new(key));
        summaries.push(summary);
    }
    let clients = clients.read(&provider)?.map(Arc::new);
    let nobody = WebPkiClientVerifier::no_client_auth();
    let config = tls::server_config(provider, ciphers, Arc::new(choice), nobody)
        .map_err(CertificateError::Settings)?;
    Ok(Loaded { config: Arc::new(config), clients, summaries })
}

fn read(
    files: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, CertificateSummary), CertificateError> {
    let path = || files.chain.clone();
    let chain = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| CertificateError::Chain { path: path(), cause })?;
    let Some(leaf) = chain.first() else {
        return Err(CertificateError::NoCertificate(path()));
    };
    let summary = summary(&files.chain, leaf);
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|cause| CertificateError::Key { path: files.key.clone(), cause })?;
    let pair = |cause| CertificateError::Pair { chain: path(), key: files.key.clone(), cause };
    let key = CertifiedKey::from_der(chain, key, provider).map_err(pair)?;
    Ok((key, summary))
}

fn summary(chain: &Path, leaf: &CertificateDer<'_>) -> CertificateSummary {
    let parsed = x509_parser::parse_x509_certificate(leaf).ok();
    let parsed = parsed.as_ref().map(|(_, certificate)| certificate);
    CertificateSummary {
        chain: chain.to_owned(),
        names: parsed.map(names).unwrap_or_default(),
        expires_at: parsed.and_then(expiry),
    }
}

fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let extension = leaf.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    let dns_names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    dns_names.collect()
}

fn expiry(leaf: &X509Certificate<'_>) -> Option<Timestamp> {
    let seconds = u64::try_from(leaf.validity().not_after.timestamp()).ok()?;
    Some(Timestamp::from_unix_milliseconds(seconds.saturating_mul(1000)))
}

const WARNING: Duration = Duration::from_secs(21 * 86_400);
