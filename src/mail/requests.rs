//! What a client may ask for beside delivery: the parameters of MAIL and RCPT
//! that the queue keeps, for the next hop to have them or to be honoured here.
//! Wire forms (xtext, signs, dates) are `smtp`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The parameters of MAIL. Times that are not dates count from when the
/// message was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// RET (RFC 3461 section 4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// ENVID, decoded (RFC 3461 section 4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<Box<str>>,
    pub require_tls: RequireTls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_by: Option<DeliverBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// How much of a message its failure report should bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Returned {
    Full,
    Headers,
}

/// Whether no hop may take the message without verified TLS and this same
/// promise (RFC 8689).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequireTls {
    #[default]
    No,
    Yes,
}

/// MT-PRIORITY (RFC 6710): -9 to 9, larger goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i8", into = "i8")]
pub struct Priority(i8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a priority is a number from -9 to 9, found {0}")]
pub struct PriorityError(i8);

/// BY (RFC 2852).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverBy {
    /// From when the message was received; with [`ByMode::Notify`] the time
    /// may have passed already.
    pub seconds: i64,
    pub mode: ByMode,
    pub trace: ByTrace,
}

/// What happens to a message that is not delivered by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByMode {
    /// It is returned.
    Return,
    /// Its sender is told, and it is tried further.
    Notify,
}

/// Whether each relay tells the sender that it has passed the message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByTrace {
    No,
    Yes,
}

/// HOLDFOR and HOLDUNTIL (RFC 4865): not to be sent on before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    After(Duration),
    At(Timestamp),
}

/// NOTIFY (RFC 3461 section 4.1): what the sender is told of; nothing at all
/// is NEVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

/// ORCPT, decoded (RFC 3461 section 4.2): who the message was for before
/// anybody rewrote the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalRecipient {
    /// `rfc822`, `utf-8`, …
    pub address_type: Box<str>,
    pub address: Box<str>,
}

impl Priority {
    pub const fn value(self) -> i8 {
        self.0
    }
}

impl TryFrom<i8> for Priority {
    type Error = PriorityError;

    fn try_from(value: i8) -> Result<Self, PriorityError> {
        if (-9..=9).contains(&value) { Ok(Self(value)) } else { Err(PriorityError(value)) }
    }
}

impl From<Priority> for i8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl Notify {
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
    /// What holds where NOTIFY was not said; whether delays are told is the
    /// server's choice, and ours is to tell.
    pub const USUAL: Self = Self { success: false, failure: true, delay: true };
}
