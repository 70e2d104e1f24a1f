//! Attempts to deliver: what was tried, and the evidence of how well it was
//! protected.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{address::Address, domain::Domain, reply::Reply, time::Timestamp, tls::TlsSession};

/// What became of each recipient in one attempt, and on what connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub outcomes: Vec<(Address, Outcome)>,
    pub evidence: Evidence,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The next hop has taken it over.
    Delivered(Handover),
    /// Try again later: the peer's own reply, or ours with the cause.
    Transient(Failure),
    /// Never.
    Permanent(Failure),
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Transient(_) => "transient",
            Self::Permanent(_) => "permanent",
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered(_) => None,
            Self::Transient(failure) | Self::Permanent(failure) => Some(failure),
        }
    }

    pub fn reply(&self) -> &Reply {
        match self {
            Self::Delivered(handover) => &handover.reply,
            Self::Transient(failure) | Self::Permanent(failure) => &failure.reply,
        }
    }
}

/// A copy that is out of our hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    pub reply: Reply,
    pub to: Taker,
}

/// Who has a copy now: whether its sender hears of it from them, or from us
/// (RFC 3461 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// A mailbox: the journey ends there.
    Mailbox,
    /// A server, with what it has promised to honour from here on.
    Relay { dsn: Promise, deliver_by: Promise },
}

/// Whether a server has offered an extension, and so answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    Made,
    Absent,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub reason: FailureReason,
    pub reply: Reply,
}

/// A closed set, so that it can be a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The peer's own reply to one of our commands.
    Peer,
    /// postern.toml names no next hop.
    NoRoute,
    Dns,
    Connect,
    /// The connection was lost or timed out half-way.
    Connection,
    /// The TLS requirement could not be met.
    Tls,
    /// The peer lacks an extension the message needs.
    Extension,
    /// A file system (maildir) failed.
    Store,
    /// Policy, or a person, has refused it after it was taken.
    Policy,
    /// It has waited longer than the retry settings allow.
    Expired,
}

impl FailureReason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::NoRoute => "no_route",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Extension => "extension",
            Self::Store => "store",
            Self::Policy => "policy",
            Self::Expired => "expired",
        }
    }
}

/// How the journey was made, for the audit trail. Every field is what was
/// seen, not what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The MX or host that took it, or the last one tried.
    pub host: Option<String>,
    pub address: Option<SocketAddr>,
    pub tls: Option<TlsSession>,
    pub certificate: CertificateVerdict,
    /// SHA-256 of the leaf certificate, hexadecimal.
    pub fingerprint: Option<String>,
    /// The DNS names the leaf certificate bears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// When the leaf certificate ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who vouched for the MX's name.
    pub vouched_by: Option<Voucher>,
    /// Why opportunistic TLS was given up and the journey made in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
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
    /// Why PKIX refused it.
    Invalid(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voucher {
    /// `domains.toml`.
    Officers,
    /// `postern.toml` names the host of a route.
    Route,
}
