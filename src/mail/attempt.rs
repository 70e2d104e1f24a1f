//! Attempts to deliver: what was tried, and what came of it.

use serde::{Deserialize, Serialize};

use super::{address::Address, evidence::Evidence, reply::Reply};

/// What became of each recipient in one attempt, and at which hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    pub outcomes: Vec<(Address, Outcome)>,
    /// A try at each host and address, in their order; those that came to
    /// nothing before there was a host leave none.
    pub tries: Vec<Evidence>,
}

impl Attempt {
    /// Of the journey a recipient's copy was delivered on; where it was not,
    /// of the last try, whose failure is told.
    pub fn evidence_for(&self, recipient: &Address) -> Option<&Evidence> {
        let took = self.tries.iter().rfind(|evidence| evidence.took.contains(recipient));
        took.or(self.tries.last())
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Promise {
    Made,
    #[default]
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
    /// The peer did not take our credentials: the operator's to mend.
    Authentication,
    /// The peer lacks an extension the message needs.
    Extension,
    /// A file system (maildir) failed.
    Store,
    /// Policy, or a person, has refused it after it was taken.
    Policy,
    /// Our own spool could not give it back as it was written.
    Damaged,
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
            Self::Authentication => "authentication",
            Self::Extension => "extension",
            Self::Store => "store",
            Self::Policy => "policy",
            Self::Damaged => "damaged",
            Self::Expired => "expired",
        }
    }
}
