//! The sending side of TLS: trust anchors, and a verifier that always records
//! what it saw and refuses only where the demand says so.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::SystemTime,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{
    dane::{Mismatch, Presented},
    requirement::{Check, Demand, Trusted},
    seen::{self, describe},
};
use crate::{
    config,
    mail::{
        CertificateVerdict, Ciphers, Domain, Evidence, KeyPin, SeenCertificate, TlsFault,
        TlsVersion,
    },
};

/// Whom we trust, by default and by file.
pub(super) struct Trust {
    system: Anchors,
    /// Where the officers' trust anchors are; without it there are none.
    certificates: Option<PathBuf>,
    files: Mutex<HashMap<PathBuf, (Version, Anchors)>>,
}

/// What certificates are checked against; the reason if there is nothing.
pub(super) type Anchors = Result<Arc<WebPkiServerVerifier>, Arc<str>>;
/// When a file was last changed, and its length.
type Version = (Option<SystemTime>, u64);

impl Trust {
    /// Reads the system's trust anchors, once.
    pub(super) fn new(certificates: Option<PathBuf>) -> Self {
        let mut roots = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(loaded.certs);
        Self { system: verifier(roots, "the system"), certificates, files: Mutex::default() }
    }

    /// A configuration for one connection, and where its verdict will stand.
    pub(super) fn configure(
        &self,
        demand: &Demand,
    ) -> Result<(ClientConfig, Arc<Mutex<Seen>>), rustls::Error> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let provider = provider(demand.ciphers);
        let recorder = Recorder {
            trusted: demand.trusted.iter().map(|trusted| self.proof(trusted)).collect(),
            demand: demand.clone(),
            provider: provider.clone(),
            seen: seen.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(demand.min_version))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(recorder))
            .with_no_client_auth();
        // A resumed session shows no certificate, so it would have no evidence.
        config.resumption = Resumption::disabled();
        Ok((config, seen))
    }

    fn proof(&self, trusted: &Trusted) -> Proof {
        match trusted {
            Trusted::System => Proof::Chain(self.system.clone()),
            Trusted::File(path) => Proof::Chain(self.file(path)),
            Trusted::Named(name) => Proof::Chain(self.named(name)),
            Trusted::Keys(pins) => Proof::Keys(pins.clone()),
        }
    }

    /// The officers' anchors of this name, in no other folder.
    fn named(&self, name: &str) -> Anchors {
        let path = Path::new(name);
        match &self.certificates {
            Some(folder) if path.file_name() == Some(path.as_os_str()) => {
                self.file(&folder.join(name))
            }
            _ => Err(format!("there is no folder of certificates with {name}").into()),
        }
    }

    /// The anchors of a file, read again when it has changed.
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
        let anchors = read(path);
        files.insert(path.to_owned(), (version, anchors.clone()));
        anchors
    }
}

/// The reason where nobody could be trusted.
pub(super) fn read(path: &Path) -> Anchors {
    let unreadable =
        |error: rustls::pki_types::pem::Error| Arc::from(format!("{}: {error}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        let unusable = |error| Arc::from(format!("{}: {error}", path.display()));
        roots.add(certificate).map_err(unusable)?;
    }
    verifier(roots, &path.display().to_string())
}

/// Whose suites are offered changes nothing about whose signatures are good.
pub(super) fn verifier(roots: RootCertStore, source: &str) -> Anchors {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), INTERMEDIATE.clone())
        .build()
        .map_err(|error| Arc::from(format!("no trust anchors in {source}: {error}")))
}

fn provider(ciphers: Ciphers) -> Arc<CryptoProvider> {
    match ciphers {
        Ciphers::Intermediate => INTERMEDIATE.clone(),
        Ciphers::Ncsc => NCSC.clone(),
    }
}

const fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match least {
        TlsVersion::Tls12 => BOTH,
        TlsVersion::Tls13 => NEWEST,
    }
}

/// What a handshake has shown of the peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    verdict: CertificateVerdict,
    chain: Vec<SeenCertificate>,
    fault: Option<TlsFault>,
}

impl Seen {
    pub(super) fn fault(&self) -> Option<TlsFault> {
        self.fault
    }

    pub(super) fn write_to(self, evidence: &mut Evidence) {
        evidence.certificate = self.verdict;
        evidence.chain = self.chain;
        evidence.fault = self.fault.or(evidence.fault);
    }
}

/// Checks a certificate as its demand has it.
#[derive(Debug)]
struct Recorder {
    trusted: Vec<Proof>,
    demand: Demand,
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
enum Proof {
    Chain(Anchors),
    Keys(Vec<KeyPin>),
}

/// Why a certificate proves nothing.
struct Distrust {
    why: String,
    fault: TlsFault,
    error: rustls::Error,
}

impl Recorder {
    /// DANE first: nothing makes up for records that do not match.
    fn judge(&self, presented: &Presented<'_>) -> Result<CertificateVerdict, Distrust> {
        let matched = self.demand.dane.as_ref().map(|dane| dane.check(presented)).transpose()?;
        let by_dane = matched.map(|record| CertificateVerdict::Dane { record: record.numbers() });
        match (by_dane, self.demand.check) {
            (Some(verdict), Check::Noted) => Ok(verdict),
            (by_dane, _) => self.trust(presented).map(|verdict| by_dane.unwrap_or(verdict)),
        }
    }

    /// Every proof must hold; the last one, the officers' own, is the verdict.
    fn trust(&self, presented: &Presented<'_>) -> Result<CertificateVerdict, Distrust> {
        self.trusted.iter().try_fold(CertificateVerdict::Unchecked, |_, proof| match proof {
            Proof::Keys(pins) => pinned(pins, presented.leaf),
            Proof::Chain(anchors) => self.chain(anchors, presented),
        })
    }

    fn chain(
        &self,
        anchors: &Anchors,
        presented: &Presented<'_>,
    ) -> Result<CertificateVerdict, Distrust> {
        let Presented { leaf, intermediates, now } = *presented;
        if self.demand.names.is_empty() {
            return match self.demand.check {
                Check::Noted => Ok(CertificateVerdict::Unchecked),
                Check::Enforced => Err(CertificateError::NotValidForName.into()),
            };
        }
        let verifier = anchors.as_ref().map_err(Distrust::of_anchors)?;
        let mut last = None;
        for name in &self.demand.names {
            let checked = server_name(name).and_then(|reference| {
                verifier.verify_server_cert(leaf, intermediates, &reference, &[], now)
            });
            match checked {
                Ok(_) => return Ok(CertificateVerdict::Valid { name: name.clone() }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(CertificateError::NotValidForName.into()).into())
    }
}

fn pinned(pins: &[KeyPin], leaf: &CertificateDer<'_>) -> Result<CertificateVerdict, Distrust> {
    let key = describe(leaf).key_fingerprint;
    if pins.iter().any(|pin| pin.fingerprint() == key) {
        return Ok(CertificateVerdict::Pinned);
    }
    Err(Distrust {
        why: "the certificate bears a key that is not among the pinned ones".to_owned(),
        fault: TlsFault::CertificateNotTrusted,
        error: CertificateError::ApplicationVerificationFailure.into(),
    })
}

impl Distrust {
    fn of_anchors(why: &Arc<str>) -> Self {
        Self {
            why: why.to_string(),
            fault: TlsFault::CertificateNotTrusted,
            error: CertificateError::UnknownIssuer.into(),
        }
    }
}

impl From<rustls::Error> for Distrust {
    fn from(error: rustls::Error) -> Self {
        Self { why: seen::explain(&error), fault: seen::fault_of(&error), error }
    }
}

impl From<CertificateError> for Distrust {
    fn from(error: CertificateError) -> Self {
        rustls::Error::from(error).into()
    }
}

impl From<Mismatch> for Distrust {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::NoRecord => Self {
                why: "the certificate matches none of the TLSA records".to_owned(),
                fault: TlsFault::TlsaInvalid,
                error: CertificateError::ApplicationVerificationFailure.into(),
            },
            Mismatch::Chain(error) => {
                let refused = Self::from(error);
                Self { why: format!("{} (DANE-TA)", refused.why), ..refused }
            }
        }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (verdict, distrust) = match self.judge(&Presented { leaf, intermediates, now }) {
            Ok(verdict) => (verdict, None),
            Err(distrust) => (CertificateVerdict::Invalid(distrust.why.clone()), Some(distrust)),
        };
        let met = self.demand.is_met_by(&verdict);
        let fault = distrust.as_ref().map(|distrust| distrust.fault);
        let chain = std::iter::once(leaf).chain(intermediates).take(Evidence::CERTIFICATES);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { verdict, chain: chain.map(describe).collect(), fault };
        if met {
            return Ok(ServerCertVerified::assertion());
        }
        let error = distrust.map(|distrust| distrust.error);
        Err(error.unwrap_or(CertificateError::ApplicationVerificationFailure.into()))
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

static INTERMEDIATE: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(config::cryptography(Ciphers::Intermediate)));
static NCSC: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(config::cryptography(Ciphers::Ncsc)));

static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
