//! How policies go live: the steps of a version, who takes them, and why one
//! is not taken.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{officer::KnownBy, time::Timestamp};

/// Why a version does not decide: a closed set, so that it can be a metric's
/// label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyRefusal {
    /// A file could not be read.
    Read,
    /// The files have faults.
    Check,
    /// An officers' case did not come out as expected.
    Test,
    /// An invariant can be broken.
    Prove,
    /// An officer has refused it.
    Approval,
    /// It has decided, and was returned from.
    Returned,
    /// It could not be kept, or the record of it.
    Store,
}

impl PolicyRefusal {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Check,
        Self::Test,
        Self::Prove,
        Self::Approval,
        Self::Returned,
        Self::Store,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Check => "check",
            Self::Test => "test",
            Self::Prove => "prove",
            Self::Approval => "approval",
            Self::Returned => "returned",
            Self::Store => "store",
        }
    }
}

/// What happens to a version on its way: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It has passed, and waits for a second officer.
    Proposed,
    Approved,
    /// An officer has said no.
    Refused,
    /// It waited, and another has gone live meanwhile.
    Withdrawn,
    /// It decides for a share of senders.
    Canary,
    /// It decides for everybody.
    Live,
    /// It decides no longer: the version before came back.
    Returned,
}

impl Step {
    pub const ALL: [Self; 7] = [
        Self::Proposed,
        Self::Approved,
        Self::Refused,
        Self::Withdrawn,
        Self::Canary,
        Self::Live,
        Self::Returned,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Canary => "canary",
            Self::Live => "live",
            Self::Returned => "returned",
        }
    }
}

/// Whose step it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The gateway itself, by a rule that somebody has written.
    Gateway,
    /// Whoever started it.
    Start,
    /// Whoever sent SIGHUP: the kernel does not say who.
    Signal,
    Person(Person),
}

/// Somebody at the control socket, or signed in to the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What they call themselves at the socket, where nobody checks it; in the
    /// console their account, to which they have signed in.
    pub name: Option<String>,
    /// The account that the kernel gives for their end of the socket; none in
    /// the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default)]
    pub known_by: KnownBy,
}

/// One step of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStep {
    pub at: Timestamp,
    pub step: Step,
    /// All digits of the version.
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The version that decided before, or decides after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    pub by: By,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl By {
    /// What they call themselves.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Person(person) => person.name.as_deref(),
            Self::Gateway | Self::Start | Self::Signal => None,
        }
    }
}

/// `Anna Ashe (uid 1001)`, `anna (console)`.
impl fmt::Display for By {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => out.write_str("the gateway"),
            Self::Start => out.write_str("whoever started the gateway"),
            Self::Signal => out.write_str("whoever sent SIGHUP"),
            Self::Person(person) => match (&person.name, person.uid) {
                (Some(name), Some(uid)) => write!(out, "{name} (uid {uid})"),
                (Some(name), None) => write!(out, "{name} (console)"),
                (None, Some(uid)) => write!(out, "uid {uid}"),
                (None, None) => out.write_str("somebody"),
            },
        }
    }
}
