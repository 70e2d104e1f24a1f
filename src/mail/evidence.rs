//! Evidence: how one journey was made, for the audit trail, the certificate of
//! protection and the TLS report. Every field is what was seen, not what was
//! asked for.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{address::Address, attempt::Promise, domain::Domain, time::Timestamp, tls::TlsSession};

/// One try at one address of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The MX or host that was tried.
    pub host: Option<String>,
    pub address: Option<SocketAddr>,
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Reuse::is_new")]
    pub connection: Reuse,
    /// From the first packet to the last reply, or to the failure.
    pub milliseconds: u64,
    pub tls: Option<TlsSession>,
    pub certificate: CertificateVerdict,
    /// As the host presented them, its own first; at most
    /// [`Evidence::CERTIFICATES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<SeenCertificate>,
    /// All who vouched for the host's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vouched_by: Vec<Voucher>,
    /// What the domain has published of its TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedPolicy>,
    /// Whether REQUIRETLS was offered (RFC 8689).
    pub require_tls: Promise,
    /// Why TLS was not as it should be, even where the message went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<TlsFault>,
    /// Why opportunistic TLS was given up and the journey made in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Which message on its connection it was, from 1; zero where there was
    /// none.
    pub transaction: u32,
    /// Whose copies the host has taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub took: Vec<Address>,
}

impl Evidence {
    pub const CERTIFICATES: usize = 8;

    /// The host's own certificate.
    pub fn leaf(&self) -> Option<&SeenCertificate> {
        self.chain.first()
    }
}

/// A certificate, as it was presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCertificate {
    /// Printable ASCII; the DNS names of its subjectAltName, or its subject
    /// where it has none.
    pub names: Vec<String>,
    pub issuer: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of its SubjectPublicKeyInfo, hexadecimal: what is pinned.
    pub key_fingerprint: String,
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateVerdict {
    /// No TLS, or no certificate seen.
    #[default]
    Absent,
    /// Taken without a check, as opportunistic TLS does.
    Unchecked,
    Valid {
        name: Domain,
    },
    /// Matches a TLSA record (RFC 6698): its numbers, as `3 1 1`.
    Dane {
        record: String,
    },
    /// Bears a key that the officers have pinned.
    Pinned,
    /// Why it was refused.
    Invalid(String),
}

impl CertificateVerdict {
    /// Whether it proves whose certificate it is.
    pub const fn is_proof(&self) -> bool {
        matches!(self, Self::Valid { .. } | Self::Dane { .. } | Self::Pinned)
    }
}

/// Whether a connection had carried messages before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reuse {
    #[default]
    New,
    Reused,
}

impl Reuse {
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reused => "reused",
        }
    }

    const fn is_new(&self) -> bool {
        matches!(self, Self::New)
    }
}

/// Who vouched for the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voucher {
    /// `domains.toml`.
    Officers,
    /// `postern.toml` names the host of a route.
    Route,
    /// The domain's MTA-STS policy names it (RFC 8461).
    MtaSts,
    /// DNSSEC signs the MX record (RFC 4035); with TLSA records, DANE.
    Dnssec,
}

impl Voucher {
    pub const ALL: [Self; 4] = [Self::Officers, Self::Route, Self::MtaSts, Self::Dnssec];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Officers => "officers",
            Self::Route => "route",
            Self::MtaSts => "mta-sts",
            Self::Dnssec => "dnssec",
        }
    }
}

/// What a domain has published of its TLS, as a TLS report names it (RFC 8460
/// section 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedPolicy {
    pub kind: PublishedPolicyKind,
    /// The domain of the recipients for `sts`, the MX for `tlsa`.
    pub domain: Domain,
    /// The lines of an STS policy, the TLSA records.
    pub lines: Vec<String>,
    /// The MX patterns of an STS policy.
    pub mx_hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedPolicyKind {
    Tlsa,
    Sts,
    NoPolicyFound,
}

/// What was wrong with a host's TLS: the result types of RFC 8460 section 4.3,
/// a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    StarttlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,
    /// Any other failure of a handshake or a check.
    ValidationFailure,
    TlsaInvalid,
    DnssecInvalid,
    DaneRequired,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
}

impl TlsFault {
    pub const fn name(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }
}
