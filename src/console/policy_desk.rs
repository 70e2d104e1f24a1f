//! What the console asks of the gateway about its policy.

use serde::Serialize;
use utoipa::ToSchema;

use super::Pending;
use crate::mail::{Actor, Timestamp};

/// The policy that decides, and those that would. It puts on record what is
/// done here, as it does for who asks at the control socket.
pub trait PolicyDesk: Send + Sync + 'static {
    fn standing(&self) -> Pending<'_, PolicyStanding>;

    /// A file of a version, as it was written.
    fn file<'a>(&'a self, version: &'a str, path: &'a str) -> Pending<'a, String>;

    /// What a version that waits would change, what was proved of it, and what
    /// it would have made of the last days' mail. Takes some seconds.
    fn comparison<'a>(&'a self, version: &'a str) -> Pending<'a, PolicyComparison>;

    /// Says what it has come to.
    fn judge<'a>(
        &'a self,
        who: &'a Actor,
        version: &'a str,
        verdict: PolicyVerdict,
        reason: &'a str,
    ) -> Pending<'a, String>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyVerdict {
    Approve,
    Refuse,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyStanding {
    /// All its digits.
    pub version: String,
    pub commit: Option<String>,
    /// By which step it has become so.
    pub since: Option<PolicyStepShown>,
    pub files: Vec<PolicyFile>,
    /// A version on trial, and how it does.
    pub canary: Option<String>,
    pub waiting: Vec<WaitingPolicy>,
    pub refused: Option<RefusedPolicy>,
    /// What was done, the latest first.
    pub history: Vec<PolicyStepShown>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    pub path: String,
    pub lines: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStepShown {
    pub at: Timestamp,
    pub step: &'static str,
    pub version: String,
    pub by: String,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPolicy {
    pub version: String,
    pub commit: Option<String>,
    pub since: Timestamp,
    pub proposed_by: String,
    pub reason: Option<String>,
    /// Who stands for it.
    pub officers: Vec<String>,
}

/// Files that may not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPolicy {
    pub at: Timestamp,
    pub headline: String,
    pub faults: Vec<PolicyFault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    pub code: String,
    pub file: String,
    pub line: usize,
    pub message: String,
    pub help: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyComparison {
    /// Tightenings first, then loosenings.
    pub changes: Vec<PolicyChange>,
    /// Names, entries and files.
    pub also: Vec<String>,
    /// Whether this is all that differs.
    pub is_complete: bool,
    pub proofs: Vec<PolicyProof>,
    pub replay: PolicyReplay,
    pub files: Vec<PolicyFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    pub turn: PolicyTurn,
    /// Whose mail.
    pub scope: String,
    pub what: Vec<String>,
    pub example: Option<ChangeExample>,
}

/// What the last days' decisions would have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyReplay {
    /// Whether there was time for all of them.
    pub is_complete: bool,
    pub messages: u64,
    /// When the first and the last of them were decided.
    #[schema(value_type = Option<u64>)]
    pub from: Option<Timestamp>,
    #[schema(value_type = Option<u64>)]
    pub to: Option<Timestamp>,
    /// Copies, by what would become of them.
    pub looser: u64,
    pub tighter: u64,
    pub otherwise: u64,
    pub unchanged: u64,
    /// Messages.
    pub held_before: u64,
    pub held_after: u64,
    /// Copies of which something was not recorded that is asked for now.
    pub not_asked: u64,
    /// Lines that could not be read.
    pub unread: u64,
    pub remarks: Vec<String>,
    /// What loosens first.
    pub changes: Vec<ReplayedChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayedChange {
    pub turn: PolicyTurn,
    pub what: String,
    /// Which rule says so.
    pub why: String,
    pub copies: u64,
    pub messages: u64,
    /// The ids of some, to look at their trace.
    pub examples: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyTurn {
    /// Looked at first.
    Looser,
    Tighter,
    Otherwise,
}

/// A message that is decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeExample {
    pub picture: String,
    pub before: String,
    pub after: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProof {
    pub invariant: String,
    pub holds: bool,
    /// The message that breaks it, or why nothing is shown.
    pub words: Option<String>,
}
