//! How well a journey must be protected, and what proves that it is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{disposition::NextHop, domain::Domain, evidence::Voucher};

/// How well a journey must be protected, weakest first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum TlsRequirement {
    /// Never TLS: only for next hops on the same machine.
    None,
    /// TLS where the next hop offers it, unverified.
    #[default]
    Opportunistic,
    /// TLS or not at all; whose certificate it is does not matter.
    Encrypted,
    /// TLS with a valid certificate for an MX name that is itself vouched for.
    Verified,
    /// TLS with a certificate that DNSSEC vouches for (RFC 7672).
    Dane,
}

impl TlsRequirement {
    pub const ALL: [Self; 5] =
        [Self::None, Self::Opportunistic, Self::Encrypted, Self::Verified, Self::Dane];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Opportunistic => "opportunistic",
            Self::Encrypted => "encrypted",
            Self::Verified => "verified",
            Self::Dane => "dane",
        }
    }
}

impl fmt::Display for TlsRequirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The TLS requirement with what it takes to check it; it travels with the
/// message to every attempt and is never weakened (law 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Protection {
    pub tls: TlsRequirement,
    /// MX names the officers vouch for; `*.example.com` covers one label.
    #[serde(default)]
    pub mx_names: Vec<MxName>,
    /// Who else may vouch for MX names; none written is all that need no
    /// trust in plain DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<Vec<Voucher>>,
    #[serde(default, skip_serializing_if = "Trust::is_system")]
    pub trust: Trust,
    #[serde(default)]
    pub min_version: TlsVersion,
    #[serde(default)]
    pub ciphers: Ciphers,
}

impl Protection {
    /// As strong, on the way to a next hop that somebody has named instead:
    /// that names its host too. The names, anchors and keys of the domain that
    /// it is turned away from prove nothing there.
    #[must_use]
    pub fn towards(self, next_hop: &NextHop) -> Self {
        let mx_names = match next_hop {
            NextHop::Smtp { host, .. } | NextHop::Lmtp { host, .. } => {
                host.parse().map(MxName::Exact).into_iter().collect()
            }
            NextHop::Mx | NextHop::Maildir(_) => Vec::new(),
        };
        Self { mx_names, vouched_by: None, trust: Trust::System, ..self }
    }
}

/// What a chain of certificates must end in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// The system's trust anchors.
    #[default]
    System,
    /// These and no others: a PEM file's name in `certs/`.
    Anchors(String),
    /// One of these keys, in the host's own certificate; whoever issued it.
    Keys(Vec<KeyPin>),
}

impl Trust {
    pub fn is_system(&self) -> bool {
        *self == Self::System
    }
}

/// SHA-256 of a SubjectPublicKeyInfo, in hexadecimal: `sha256:` and 64 digits
/// as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPin(Box<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pinned key is `sha256:` and 64 hexadecimal digits, found `{0}`")]
pub struct KeyPinError(String);

impl KeyPin {
    /// 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyPin {
    type Err = KeyPinError;

    fn from_str(written: &str) -> Result<Self, KeyPinError> {
        let digits = written.strip_prefix("sha256:").map(str::to_ascii_lowercase);
        digits
            .filter(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .map(|digits| Self(digits.into()))
            .ok_or_else(|| KeyPinError(written.to_owned()))
    }
}

impl TryFrom<String> for KeyPin {
    type Error = KeyPinError;

    fn try_from(written: String) -> Result<Self, KeyPinError> {
        written.parse()
    }
}

impl From<KeyPin> for String {
    fn from(pin: KeyPin) -> Self {
        format!("sha256:{}", pin.0)
    }
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsVersion {
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// Which cipher suites of TLS 1.2 and 1.3 are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ciphers {
    /// Mozilla's intermediate list, as far as it has forward secrecy by ECDHE.
    #[default]
    Intermediate,
    /// The NCSC's recommended profiles: AES-GCM only.
    Ncsc,
}

impl Ciphers {
    pub const ALL: [Self; 2] = [Self::Intermediate, Self::Ncsc];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Intermediate => "intermediate",
            Self::Ncsc => "ncsc",
        }
    }
}

/// The name of an MX as officers write it: a domain, or `*.` and a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MxName {
    Exact(Domain),
    OneLabelBelow(Domain),
}

impl MxName {
    pub fn covers(&self, host: &Domain) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::OneLabelBelow(parent) => {
                host.as_str().split_once('.').is_some_and(|(_, rest)| rest == parent.as_str())
            }
        }
    }
}

impl FromStr for MxName {
    type Err = super::domain::DomainError;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        match written.strip_prefix("*.") {
            Some(parent) => parent.parse().map(Self::OneLabelBelow),
            None => written.parse().map(Self::Exact),
        }
    }
}

impl TryFrom<String> for MxName {
    type Error = super::domain::DomainError;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        written.parse()
    }
}

impl From<MxName> for String {
    fn from(name: MxName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for MxName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(out),
            Self::OneLabelBelow(parent) => write!(out, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_mx_name_covers_one_label() {
        let name: MxName = "*.nhs.test.example".parse().unwrap();
        assert!(name.covers(&"a.nhs.test.example".parse().unwrap()));
        assert!(!name.covers(&"a.b.nhs.test.example".parse().unwrap()));
        assert!(!name.covers(&"nhs.test.example".parse().unwrap()));
    }

    #[test]
    fn another_next_hop_is_reached_under_as_strong_a_protection_with_its_own_name() {
        let protection = Protection {
            tls: TlsRequirement::Verified,
            mx_names: vec!["*.gov.test.example".parse().unwrap()],
            trust: Trust::Anchors("gov.pem".to_owned()),
            min_version: TlsVersion::Tls13,
            ..Protection::default()
        };
        let portal = protection.towards(&"smtp://portal.test.example:25".parse().unwrap());
        assert_eq!((portal.tls, portal.min_version), (TlsRequirement::Verified, TlsVersion::Tls13));
        assert_eq!(portal.mx_names, ["portal.test.example".parse().unwrap()]);
        assert_eq!(portal.trust, Trust::System);
    }

    #[test]
    fn a_pinned_key_reads_back_as_written_in_lower_case() {
        let written = format!("sha256:{}", "0aF3".repeat(16));
        let pin: KeyPin = written.parse().unwrap();
        assert_eq!(String::from(pin), written.to_lowercase());
        for wrong in ["sha256:", "0af3", &format!("x{written}"), &format!("{written}0")] {
            assert!(wrong.parse::<KeyPin>().is_err(), "{wrong:?} was accepted");
        }
    }
}
