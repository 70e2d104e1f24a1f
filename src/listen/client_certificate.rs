//! Sending systems known by their certificates. Where a listener knows any, a
//! certificate is asked for, and whatever comes never breaks the handshake:
//! many mail servers (Exchange Online among them) show one to everybody. It
//! is looked at afterwards, and whoever cannot be vouched for is a client
//! like any other.
//!
//! Vouched for means: the client holds the key (its signature in the
//! handshake is right), the certificate is in its time, and either it is the
//! very one that was pinned, or `client_ca` has issued it for clients and for
//! that name. Names are compared whole, without wildcards.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, time::ASN1Time};

use super::certificates::CertificateError;
use crate::config::{self, Certified, CertifiedBy};

/// Whom a listener knows, as postern.toml has it.
#[derive(Clone, Debug)]
pub(super) struct ClientSettings {
    certified: Vec<Certified>,
    client_ca: Option<PathBuf>,
}

/// The same, with `client_ca` read.
#[derive(Debug)]
pub(super) struct KnownClients {
    certified: Vec<Certified>,
    issuers: Option<Arc<dyn ClientCertVerifier>>,
}

/// Sees one handshake: asks for a certificate, lets every one pass, and
/// remembers whether the client holds its key.
#[derive(Debug)]
pub(super) struct Witness {
    algorithms: WebPkiSupportedAlgorithms,
    key_held: AtomicBool,
}

/// What a client has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    /// A certificate that no known system has.
    Unknown,
    /// One that says it is a known system's, and cannot be vouched for.
    Doubtful {
        system: String,
        why: String,
    },
    Certified {
        system: String,
    },
}

/// Whether `client_ca` can be read, where it is needed.
pub fn check_client_ca(listener: &config::Listener) -> Result<(), CertificateError> {
    let provider = Arc::new(config::cryptography(listener.ciphers));
    ClientSettings::of(listener).read(&provider).map(|_| ())
}

impl ClientSettings {
    pub(super) fn of(listener: &config::Listener) -> Self {
        Self { certified: listener.certified.clone(), client_ca: listener.client_ca.clone() }
    }

    /// None where nobody is known: then no certificate is asked for.
    pub(super) fn read(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<KnownClients>, CertificateError> {
        if self.certified.is_empty() {
            return Ok(None);
        }
        let issuers = self.client_ca.as_ref().map(|path| issuers(path, provider)).transpose()?;
        Ok(Some(KnownClients { certified: self.certified.clone(), issuers }))
    }
}

fn issuers(
    path: &PathBuf,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| CertificateError::Chain { path: path.clone(), cause })?;
    if certificates.is_empty() {
        return Err(CertificateError::NoCertificate(path.clone()));
    }
    let unusable = |cause: String| CertificateError::ClientCa { path: path.clone(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(error.to_string()))
}

impl KnownClients {
    /// What the chain that a client has shown, its own certificate first,
    /// says of it.
    pub(super) fn look_at(
        &self,
        chain: Option<&[CertificateDer<'_>]>,
        witness: &Witness,
        now: UnixTime,
    ) -> Shown {
        let Some((leaf, intermediates)) = chain.and_then(<[_]>::split_first) else {
            return Shown::Nothing;
        };
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(leaf) else {
            return Shown::Unknown;
        };
        let Some(known) = self.find(leaf, &parsed) else { return Shown::Unknown };
        let system = known.name.clone();
        let vouched = match known.by {
            _ if !witness.key_held.load(Ordering::Acquire) => {
                Err("the client has not shown that it holds the key".to_owned())
            }
            CertifiedBy::Fingerprint(_) => in_its_time(&parsed, now),
            CertifiedBy::Subject(_) => self.issued(leaf, intermediates, now),
        };
        match vouched {
            Ok(()) => Shown::Certified { system },
            Err(why) => Shown::Doubtful { system, why },
        }
    }

    /// Whose it says it is; a pinned one is known before its names are.
    fn find(&self, leaf: &CertificateDer<'_>, parsed: &X509Certificate<'_>) -> Option<&Certified> {
        let fingerprint = digest::digest(&digest::SHA256, leaf);
        let names = names(parsed);
        let pinned = |known: &&Certified| match &known.by {
            CertifiedBy::Fingerprint(pinned) => pinned == fingerprint.as_ref(),
            CertifiedBy::Subject(_) => false,
        };
        let named = |known: &&Certified| match &known.by {
            CertifiedBy::Subject(subject) => {
                names.iter().any(|name| name.eq_ignore_ascii_case(subject))
            }
            CertifiedBy::Fingerprint(_) => false,
        };
        self.certified.iter().find(pinned).or_else(|| self.certified.iter().find(named))
    }

    fn issued(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), String> {
        let issuers = self.issuers.as_ref().ok_or("no `client_ca` says who may issue it")?;
        let verified = issuers.verify_client_cert(leaf, intermediates, now);
        verified.map(|_| ()).map_err(|error| error.to_string())
    }
}

/// Nobody has issued a pinned certificate that anybody would ask, but whoever
/// made it has said how long it is to be believed.
fn in_its_time(leaf: &X509Certificate<'_>, now: UnixTime) -> Result<(), String> {
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    match now.is_some_and(|now| leaf.validity().is_valid_at(now)) {
        true => Ok(()),
        false => {
            let validity = leaf.validity();
            Err(format!("it is valid from {} to {}", validity.not_before, validity.not_after))
        }
    }
}

/// DNS names of subjectAltName; the common name counts only where there is no
/// subjectAltName at all (RFC 6125 section 6.4.4).
fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    match leaf.subject_alternative_name() {
        Ok(Some(extension)) => {
            let names = extension.value.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            });
            names.collect()
        }
        Ok(None) => {
            let mut common_names = leaf.subject().iter_common_name();
            match (common_names.next().map(|name| name.as_str()), common_names.next()) {
                (Some(Ok(only)), None) => vec![only.to_owned()],
                _ => Vec::new(),
            }
        }
        Err(_) => Vec::new(),
    }
}

impl Shown {
    /// The system's name, where it is vouched for. A doubtful one is worth a
    /// warning: a certificate to be renewed, or somebody who tries.
    pub(super) fn system(self, listener: &str, client: IpAddr) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Unknown => {
                tracing::debug!(listener, %client, "the client's certificate is nobody's we know");
                None
            }
            Self::Doubtful { system, why } => {
                tracing::warn!(listener, %client, system, why, "a client is not certified");
                None
            }
            Self::Certified { system } => Some(system),
        }
    }
}

impl Witness {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { algorithms, key_held: AtomicBool::new(false) }
    }

    fn saw(&self, verified: &Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        self.key_held.store(verified.is_ok(), Ordering::Release);
        HandshakeSignatureValid::assertion()
    }
}

/// rustls is told that all is well: what it would do otherwise is to end the
/// connection, and a client with a certificate that we cannot even check
/// (X.509 v1, RSA of 1,024 bits) is a client without one.
impl ClientCertVerifier for Witness {
    /// No hints: a pinned certificate may be issued by anybody.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.saw(&verify_tls12_signature(message, leaf, signature, &self.algorithms)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.saw(&verify_tls13_signature(message, leaf, signature, &self.algorithms)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
