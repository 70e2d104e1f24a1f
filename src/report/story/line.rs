//! One line of the audit trail, read. What an older version did not write is
//! absent; events of a newer one are passed over.

use serde::Deserialize;
use serde_json::Value;

use crate::mail::{
    Acceptance, Address, Asker, Domain, Evidence, Exemption, FailureReason, Finding, MessageFacts,
    NextHop, QueueId, RecordedOutcome, Timestamp, TlsRequirement,
};

/// A line as it stands, and what it tells.
#[derive(Clone, Debug)]
pub struct Line {
    /// Without its line end: what a digest is made over.
    pub text: String,
    pub value: Value,
    /// RFC 3339.
    pub at: String,
    pub told: Told,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "event")]
pub enum Told {
    Decision(Box<Decision>),
    Accepted(Box<Acceptance>),
    Attempt(Box<Attempt>),
    Settled(Settled),
    Notice {
        id: QueueId,
        about: QueueId,
        to: Address,
    },
    Handled {
        id: QueueId,
        action: String,
        by: String,
        reason: Option<String>,
    },
    Redirected {
        id: QueueId,
        part_of: Option<QueueId>,
        to: NextHop,
        by: String,
        reason: String,
    },
    Exempted {
        id: QueueId,
        tls: TlsRequirement,
        by: String,
        reason: String,
        /// RFC 3339.
        until: String,
    },
    /// What a person did besides, or looked at.
    Deed {
        id: Option<QueueId>,
        kind: String,
        by: String,
        words: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Decision {
    pub id: QueueId,
    pub policy: String,
    pub facts: MessageFacts,
    #[serde(default)]
    pub findings: Vec<Finding>,
    pub recipients: Vec<RecordedOutcome>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Attempt {
    pub id: QueueId,
    pub domain: Domain,
    #[serde(default)]
    pub next_hop: Option<NextHop>,
    pub requirement: TlsRequirement,
    #[serde(default)]
    pub asked_by: Vec<Asker>,
    #[serde(default)]
    pub exemption: Option<Exemption>,
    #[serde(default)]
    pub tries: Vec<Evidence>,
    pub recipients: Vec<TriedRecipient>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TriedRecipient {
    pub recipient: Address,
    /// `delivered`, `transient` or `permanent`.
    pub outcome: String,
    pub reason: Option<FailureReason>,
    pub reply: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Settled {
    pub id: QueueId,
    pub recipients: Vec<SettledRecipient>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SettledRecipient {
    pub recipient: Address,
    /// `waiting`, `delivered` or `given_up`.
    pub state: String,
    #[serde(default)]
    pub attempts: u32,
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    #[serde(default)]
    pub reply: Option<String>,
}

impl Line {
    /// What cannot be read is kept and tells nothing: a line must not be lost
    /// from a story because a version does not know it.
    pub fn read(text: String) -> Self {
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let at = value.get("at").and_then(Value::as_str).unwrap_or_default().to_owned();
        let told = serde_json::from_value(value.clone()).unwrap_or(Told::Other);
        Self { text, value, at, told }
    }
}

impl Told {
    /// Whose line it is; none of what is not about a message.
    pub fn id(&self) -> Option<QueueId> {
        match self {
            Self::Decision(decision) => Some(decision.id),
            Self::Accepted(acceptance) => Some(acceptance.id),
            Self::Attempt(attempt) => Some(attempt.id),
            Self::Settled(settled) => Some(settled.id),
            Self::Notice { id, .. }
            | Self::Handled { id, .. }
            | Self::Redirected { id, .. }
            | Self::Exempted { id, .. } => Some(*id),
            Self::Deed { id, .. } => *id,
            Self::Other => None,
        }
    }
}

impl Attempt {
    pub fn outcome_for(&self, recipient: &Address) -> Option<&TriedRecipient> {
        self.recipients.iter().find(|tried| tried.recipient == *recipient)
    }

    /// The try on which a recipient's copy went over.
    pub fn taken_by(&self, recipient: &Address) -> Option<&Evidence> {
        self.tries.iter().rfind(|evidence| evidence.took.contains(recipient))
    }
}

impl TriedRecipient {
    pub fn is_delivered(&self) -> bool {
        self.outcome == "delivered"
    }
}
