//! What is told of a message on its way, for the audit trail to tell again:
//! how it arrived, what a journey was asked to fulfil, and what came of it.
//! Addresses and names of hosts only; nothing of the content (law 6).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    address::{Address, ReversePath},
    disposition::NextHop,
    facts::Direction,
    message::{Exemption, QueuedMessage},
    queue_id::QueueId,
    requests::RequireTls,
    time::Timestamp,
    tls::TlsSession,
};

/// A message that was taken over: where from, and which copies were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The decision's; the first copy has it too.
    pub id: QueueId,
    pub received_at: Timestamp,
    pub listener: String,
    pub direction: Direction,
    pub client: IpAddr,
    /// As the client gave it in EHLO or HELO.
    pub helo: String,
    /// Of the session it came in on; none in clear.
    pub tls: Option<TlsSession>,
    /// The SASL identity, or the name of the system that showed a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<String>,
    pub sender: ReversePath,
    /// Octets as received.
    pub size: usize,
    /// Whether the sender asked for REQUIRETLS (RFC 8689).
    pub require_tls: RequireTls,
    /// SHA-256 of the Message-ID with its angle brackets, hexadecimal: whoever
    /// has the message can tell that it is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id_sha256: Option<String>,
    pub copies: Vec<StoredCopy>,
}

/// What was committed with a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredCopy {
    pub id: QueueId,
    pub what: CopyKind,
    pub recipients: Vec<Address>,
    /// Octets as it will leave.
    pub size: u64,
    /// Where policy sends it instead of its route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<NextHop>,
    /// The rule that keeps it in quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyKind {
    /// For recipients of the message.
    Copy,
    /// For an archive that a rule names.
    Archive,
    /// What people are told of it.
    Notice,
}

/// What a journey was asked to fulfil, and by whom.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub reverse_path: &'a ReversePath,
    /// None where postern.toml names none.
    pub next_hop: Option<&'a NextHop>,
    /// All whose demand is the requirement that held.
    pub by: Vec<Asker>,
    pub exemption: Option<&'a Exemption>,
}

/// Who can ask for protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asker {
    /// The officers' files: the domain's entry, or a rule.
    Policy,
    /// The operator's route.
    Route,
    /// REQUIRETLS.
    Sender,
    /// A person, who has set aside that policy or the route asks for more.
    Exemption,
}

impl Asker {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Route => "the route",
            Self::Sender => "the sender (REQUIRETLS)",
            Self::Exemption => "an exemption from what policy asks for",
        }
    }
}

/// A message after an attempt, or what a deadline brought, was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    pub message: &'a QueuedMessage,
    /// Whose copy has got somewhere else by it.
    pub changed: &'a [Address],
}

/// How a TLS report travels (RFC 8460 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportWay {
    Mail,
    Https,
}

/// What came of sending one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportResult {
    /// Taken by their server, or by our queue.
    Sent,
    /// To be tried again.
    Failed,
    GivenUp,
}

impl ReportWay {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Https => "https",
        }
    }
}

impl ReportResult {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}
