//! Facts: everything the policy may look at, worked out before it is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    address::{Address, ReversePath},
    attachment::AttachmentType,
    authentication::AuthenticationFacts,
    finding::{Kind, OpaqueReason},
    level::Level,
    protection::TlsVersion,
    spoof::Spoof,
    time::Timestamp,
};

/// What is true of a whole message. No content: kinds are counted, not quoted,
/// so that facts can be recorded and decided again.
///
/// The gateway works all of them out. What may be absent is so in decisions
/// recorded before Postern knew of it, and is unknown then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageFacts {
    pub direction: Direction,
    pub reverse_path: ReversePath,
    pub level: Level,
    /// How many distinct findings of each kind.
    pub kinds: BTreeMap<Kind, usize>,
    /// The protective marking found, in its normal spelling.
    pub marking: Option<String>,
    pub secure_tag: SecureTag,
    pub opaque: Vec<OpaqueReason>,
    /// Absent where senders are not authenticated (outbound).
    pub authentication: Option<AuthenticationFacts>,
    /// Signs that it is not from whom it shows.
    #[serde(default)]
    pub spoof: Vec<Spoof>,
    pub arrival: Arrival,
    /// Of the session it came in on; absent where that was in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<TlsVersion>,
    /// Octets as received.
    pub size: usize,
    /// What is attached, also within archives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment_types: Option<BTreeSet<AttachmentType>>,
    /// How many distinct addresses that are not ours stand in To and Cc, for
    /// every recipient to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_recipients: Option<usize>,
    /// When it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
}

/// What is true of one recipient's copy.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub message: &'a MessageFacts,
    pub recipient: &'a Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From outside to our mailboxes.
    Inbound,
    /// From our mailboxes.
    Outbound,
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        })
    }
}

/// Whether the sender has written `[secure]` in the subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecureTag {
    Present,
    #[default]
    Absent,
}

/// How the message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    Clear,
    Tls,
}
