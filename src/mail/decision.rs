//! Decisions: what policy says of one recipient's copy.

use serde::{Deserialize, Serialize};

use super::{
    disposition::{Disposition, NextHop, Told},
    level::Level,
    message::Urgency,
    obligation::{Choice, Obligation},
    protection::Protection,
};

/// The outcome for one recipient, with all that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub disposition: Disposition,
    /// How the journey must be protected, if there is one.
    pub protection: Protection,
    /// Where a redirected copy goes.
    pub redirect: Option<NextHop>,
    /// Where it goes if that protection cannot be had.
    pub fallback: Option<NextHop>,
    /// How soon people hear of it then.
    pub urgency: Urgency,
    pub obligations: Vec<Obligation>,
    /// Whose wording it is, of those that a message bears once.
    pub choices: Vec<Choice>,
    pub tell: Vec<Told>,
    /// The rule whose disposition this is; absent where none matched.
    pub decided_by: Option<RuleMatch>,
    /// Every rule that matched, also those that only observe.
    pub matched: Vec<RuleMatch>,
    pub destination: DestinationFacts,
}

/// A rule that matched, and what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatch {
    pub rule: String,
    pub mode: Mode,
    pub disposition: Option<Disposition>,
    /// The rule's reason with its fields filled in: fit for the sender.
    pub reason: String,
    /// How much it matters, if its owner has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<RuleSeverity>,
    /// Of a rule that is enforced for a share of senders: where this one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanarySide>,
}

/// How much it matters that a rule has matched: for people, who have more
/// matches than time. It decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSeverity {
    Low,
    Medium,
    High,
}

impl RuleSeverity {
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whether a sender is in the share for whom a rule is enforced already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CanarySide {
    /// Enforced for this sender.
    Within,
    /// Only observed yet.
    Beyond,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Counted and logged; decides nothing.
    Observe,
    #[default]
    Enforce,
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// What policy knows of a recipient's domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationFacts {
    pub class: DestinationClass,
    /// The highest level that may be sent there.
    pub clearance: Level,
}

/// A closed set, so that it can be a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DestinationClass {
    /// Our own mailboxes.
    Local,
    /// In `domains.toml`.
    Approved,
    /// Everything else.
    Internet,
}

impl DestinationClass {
    pub const ALL: [Self; 3] = [Self::Local, Self::Approved, Self::Internet];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Approved => "approved",
            Self::Internet => "internet",
        }
    }
}
