//! What may happen to a recipient's copy, and what must be done on the way.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{address::Address, domain::Domain};

/// What happens to one recipient's copy, least restrictive first, so that the
/// most restrictive of several is their maximum (law 4).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// On to its next hop.
    #[default]
    Relay,
    /// On to another next hop, such as an encryption portal.
    Redirect,
    /// Try again later: the sender's server keeps it.
    Defer,
    /// Into quarantine, until a person decides.
    Hold,
    /// Back to the sender's server with a 5xx.
    Reject,
}

impl Disposition {
    pub const ALL: [Self; 5] = [Self::Relay, Self::Redirect, Self::Defer, Self::Hold, Self::Reject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Redirect => "redirect",
            Self::Defer => "defer",
            Self::Hold => "hold",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

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
}

impl TlsRequirement {
    pub const ALL: [Self; 4] = [Self::None, Self::Opportunistic, Self::Encrypted, Self::Verified];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Opportunistic => "opportunistic",
            Self::Encrypted => "encrypted",
            Self::Verified => "verified",
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

/// Where a message goes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NextHop {
    /// The MX of the recipient's domain.
    Mx,
    Smtp {
        host: String,
        port: u16,
    },
    Lmtp {
        host: String,
        port: u16,
    },
    Maildir(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a next hop is `mx`, `smtp://host:port`, `lmtp://host:port` or `maildir:PATH`, found `{0}`"
)]
pub struct NextHopError(String);

impl NextHop {
    /// Whether what goes there stays on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Mx => false,
            Self::Maildir(_) => true,
            Self::Smtp { host, .. } | Self::Lmtp { host, .. } => {
                host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        }
    }
}

impl FromStr for NextHop {
    type Err = NextHopError;

    fn from_str(written: &str) -> Result<Self, NextHopError> {
        let wrong = || NextHopError(written.to_owned());
        if written == "mx" {
            return Ok(Self::Mx);
        }
        if let Some(path) = written.strip_prefix("maildir:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Maildir(path.into())) };
        }
        let (scheme, authority) = written.split_once("://").ok_or_else(wrong)?;
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        match scheme {
            "smtp" => Ok(Self::Smtp { host, port }),
            "lmtp" => Ok(Self::Lmtp { host, port }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| {
            if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
        };
        match self {
            Self::Mx => out.write_str("mx"),
            Self::Smtp { host, port } => write!(out, "smtp://{}:{port}", bracketed(host)),
            Self::Lmtp { host, port } => write!(out, "lmtp://{}:{port}", bracketed(host)),
            Self::Maildir(path) => write!(out, "maildir:{}", path.display()),
        }
    }
}

impl TryFrom<String> for NextHop {
    type Error = NextHopError;

    fn try_from(written: String) -> Result<Self, NextHopError> {
        written.parse()
    }
}

impl From<NextHop> for String {
    fn from(next_hop: NextHop) -> Self {
        next_hop.to_string()
    }
}

/// What must be done to a copy on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Obligation {
    Disclaimer(Arc<Disclaimer>),
    /// Add a header field; the name and value are checked when policy is read.
    Header {
        name: String,
        value: String,
    },
    /// Send another copy there.
    Copy(Address),
}

/// A tag line: the mandated text under every message, in both readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclaimer {
    pub name: String,
    /// Lines parted by `\n`, without a final one.
    pub plain: String,
    /// A fragment of HTML, self-contained.
    pub html: String,
}

/// Whom to tell of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    Sender,
    Officers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_read_back_as_written() {
        for written in ["mx", "smtp://mx.example:25", "lmtp://[::1]:24", "maildir:/var/mail/x"] {
            assert_eq!(written.parse::<NextHop>().unwrap().to_string(), written);
        }
        for wrong in ["", "smtp://host", "http://host:25", "maildir:", "smtp://:25"] {
            assert!(wrong.parse::<NextHop>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_wildcard_mx_name_covers_one_label() {
        let name: MxName = "*.nhs.test.example".parse().unwrap();
        assert!(name.covers(&"a.nhs.test.example".parse().unwrap()));
        assert!(!name.covers(&"a.b.nhs.test.example".parse().unwrap()));
        assert!(!name.covers(&"nhs.test.example".parse().unwrap()));
    }
}
