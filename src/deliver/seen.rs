//! What a certificate shows, and what is wrong with it: in an operator's words
//! and in those of a TLS report.

use rustls::{CertificateError, pki_types::CertificateDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::mail::{SeenCertificate, Timestamp, TlsFault};

pub(super) fn describe(certificate: &CertificateDer<'_>) -> SeenCertificate {
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
pub(super) fn explain(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate bears another name".to_owned()
        }
        // SHA-1, or a key too short: the numbers say nothing to a person.
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the certificate is signed with an algorithm that is no longer trusted".to_owned()
        }
        other => other.to_string(),
    }
}

/// As a TLS report calls it (RFC 8460 section 4.3): what has no name of its
/// own there is a certificate that is not trusted.
pub(super) const fn fault_of(error: &rustls::Error) -> TlsFault {
    let rustls::Error::InvalidCertificate(error) = error else {
        return TlsFault::ValidationFailure;
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            TlsFault::CertificateExpired
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::CertificateHostMismatch
        }
        _ => TlsFault::CertificateNotTrusted,
    }
}

const MAX_NAMES: usize = 20;
const MAX_NAME: usize = 255;
