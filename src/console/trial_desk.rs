//! What the console asks of the gateway about a message that somebody tries.

use bytes::Bytes;

use super::Pending;
use crate::{
    mail::{Actor, Address, Direction, Finding, Level, Opaque, RecordedOutcome, ReversePath},
    quarantine::MessageView,
};

/// What would become of a message. Nothing is sent or kept; that it was asked
/// is on record, and not what.
pub trait TrialDesk: Send + Sync + 'static {
    fn try_message<'a>(&'a self, who: &'a Actor, trial: Trial) -> Pending<'a, Tried>;
}

#[derive(Clone, Debug)]
pub struct Trial {
    pub content: Bytes,
    pub reverse_path: ReversePath,
    pub recipients: Vec<Address>,
    pub direction: Direction,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The policy that was asked.
    pub policy: String,
    pub level: Level,
    pub level_name: String,
    /// Why it has its level, the highest first.
    pub why: Vec<String>,
    pub findings: Vec<Finding>,
    pub opaque: Vec<Opaque>,
    pub outcomes: Vec<RecordedOutcome>,
    /// What the sender's server would be told, if nothing is taken.
    pub refused: Option<String>,
    /// As it came: whoever tries a message knows what is in it.
    pub view: MessageView,
    /// As it would leave, a copy for each different treatment.
    pub copies: Vec<TriedCopy>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TriedCopy {
    pub recipients: Vec<Address>,
    pub disposition: String,
    pub view: MessageView,
    /// What differs in its octets, line by line.
    pub difference: Vec<DifferentLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentLine {
    pub sign: LineSign,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSign {
    Kept,
    Added,
    Removed,
    /// So many lines that are alike are left out.
    Skipped,
}
