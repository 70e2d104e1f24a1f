//! The sending side of TLS: trust anchors, and a verifier that always records
//! what it saw and refuses only where the requirement says so.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::requirement::Demand;
use crate::mail::{
    CertificateVerdict, Domain, Evidence, SeenCertificate, Timestamp, TlsRequirement,
};

/// Whom we trust, by default and by file.
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    system: Anchors,
    files: Mutex<HashMap<PathBuf, (Version, Anchors)>>,
}

/// What certificates are checked against; the reason if there is nothing.
type Anchors = Result<Arc<WebPkiServerVerifier>, Arc<str>>;
/// When a file was last changed, and its length.
type Version = (Option<SystemTime>, u64);

impl Trust {
    /// Reads the system's trust anchors, once.
    pub(super) fn new() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(loaded.certs);
        let system = verifier(roots, &provider, "the system");
        Self { provider, system, files: Mutex::default() }
    }

    /// A configuration for one connection, and where its verdict will stand.
    pub(super) fn configure(
        &self,
        demand: &Demand,
        anchors: Option<&Path>,
    ) -> Result<(ClientConfig, Arc<Mutex<Seen>>), rustls::Error> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let recorder = Recorder {
            anchors: match anchors {
                Some(path) => self.file(path),
                None => self.system.clone(),
            },
            demand: demand.clone(),
            provider: self.provider.clone(),
            seen: seen.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(recorder))
            .with_no_client_auth();
        // A resumed session shows no certificate, so it would have no evidence.
        config.resumption = Resumption::disabled();
        Ok((config, seen))
    }

    /// The anchors of a route's file, read again when it has changed.
    fn file(&self, path: &Path) -> Anchors {
        let unreadable = |error: std::io::Error| Arc::from(format!("{}: {error}", path.display()));
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let version = (metadata.modified().ok(), metadata.len());
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, anchors)) = files.get(path)
            && *known == version
        {
            return anchors.clone();
        }
        let anchors = self.read(path);
        files.insert(path.to_owned(), (version, anchors.clone()));
        anchors
    }

    fn read(&self, path: &Path) -> Anchors {
        let unreadable = |error: rustls::pki_types::pem::Error| {
            Arc::from(format!("{}: {error}", path.display()))
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            let unusable = |error| Arc::from(format!("{}: {error}", path.display()));
            roots.add(certificate).map_err(unusable)?;
        }
        verifier(roots, &self.provider, &path.display().to_string())
    }
}

fn verifier(roots: RootCertStore, provider: &Arc<CryptoProvider>, source: &str) -> Anchors {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| Arc::from(format!("no trust anchors in {source}: {error}")))
}

/// What a handshake has shown of the peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    verdict: CertificateVerdict,
    chain: Vec<SeenCertificate>,
}

impl Seen {
    pub(super) fn write_to(self, evidence: &mut Evidence) {
        evidence.certificate = self.verdict;
        evidence.chain = self.chain;
    }
}

/// Checks a certificate as PKIX has it, for the demand's names.
#[derive(Debug)]
struct Recorder {
    anchors: Anchors,
    demand: Demand,
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    fn verdict(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        ocsp: &[u8],
        now: UnixTime,
    ) -> (CertificateVerdict, Option<rustls::Error>) {
        if self.demand.names.is_empty() {
            return (CertificateVerdict::Unchecked, None);
        }
        let verifier = match &self.anchors {
            Ok(verifier) => verifier,
            Err(why) => return (CertificateVerdict::Invalid(why.to_string()), None),
        };
        let mut last = None;
        for name in &self.demand.names {
            let checked = server_name(name).and_then(|reference| {
                verifier.verify_server_cert(leaf, intermediates, &reference, ocsp, now)
            });
            match checked {
                Ok(_) => return (CertificateVerdict::Valid { name: name.clone() }, None),
                Err(error) => last = Some(error),
            }
        }
        let why = last.as_ref().map_or_else(String::new, explain);
        (CertificateVerdict::Invalid(why), last)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (verdict, error) = self.verdict(leaf, intermediates, ocsp, now);
        let valid = matches!(verdict, CertificateVerdict::Valid { .. });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = std::iter::once(leaf).chain(intermediates).take(Evidence::CERTIFICATES);
        *seen = Seen { verdict, chain: chain.map(describe).collect() };
        if self.demand.level < TlsRequirement::Verified || valid && self.demand.can_be_met() {
            return Ok(ServerCertVerified::assertion());
        }
        Err(error.unwrap_or(CertificateError::UnknownIssuer.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

pub(super) fn server_name(name: &Domain) -> Result<ServerName<'static>, rustls::Error> {
    ServerName::try_from(name.to_string()).map_err(|_| CertificateError::NotValidForName.into())
}

fn describe(certificate: &CertificateDer<'_>) -> SeenCertificate {
    let mut seen = SeenCertificate {
        names: Vec::new(),
        issuer: String::new(),
        fingerprint: sha256(certificate),
        key_fingerprint: String::new(),
        expires: None,
    };
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return seen };
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    seen.expires = Some(Timestamp::from_unix_milliseconds(seconds.saturating_mul(1000)));
    seen.issuer = printable(&certificate.issuer().to_string());
    seen.key_fingerprint = sha256(certificate.public_key().raw);
    seen.names = dns_names(&certificate);
    if seen.names.is_empty() {
        seen.names.push(printable(&certificate.subject().to_string()));
    }
    seen
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.map_or_else(Vec::new, |names| {
        let dns = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(printable(name)),
            _ => None,
        });
        dns.take(MAX_NAMES).collect()
    })
}

fn sha256(octets: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A certificate's text is a stranger's: it goes into logs.
fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_NAME).collect()
}

/// In words an operator can act on.
fn explain(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate bears another name".to_owned()
        }
        other => other.to_string(),
    }
}

const MAX_NAMES: usize = 20;
const MAX_NAME: usize = 255;
