//! What the console asks of the gateway about what was: the audit trail, and
//! the way of single messages.

use bytes::Bytes;

use super::Pending;
use crate::{
    mail::{Actor, QueueId},
    report::{
        story::TimelineRow,
        trail::{Entry, TrailFilter},
    },
};

/// The audit trail. That somebody reads it is in it before they see it.
pub trait AuditDesk: Send + Sync + 'static {
    /// The newest first.
    fn search<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries>;

    /// The whole trail along its chain.
    fn verify<'a>(&'a self, who: &'a Actor) -> Pending<'a, Verdict>;

    /// The same entries for another program, the oldest first.
    fn export<'a>(
        &'a self,
        who: &'a Actor,
        filter: &'a TrailFilter,
        format: ExportFormat,
    ) -> Pending<'a, Bytes>;
}

/// The way of messages, as far as `who` may see them.
pub trait TraceDesk: Send + Sync + 'static {
    /// Decisions, the newest first.
    fn find<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries>;

    fn story<'a>(&'a self, who: &'a Actor, id: QueueId) -> Pending<'a, MessageStory>;
}

/// What a search has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// At most [`Entries::MOST`].
    pub entries: Vec<Entry>,
    /// Found in all.
    pub found: usize,
    /// What was not searched, and why.
    pub remarks: Vec<String>,
}

impl Entries {
    pub const MOST: usize = 200;
}

/// Whether the trail is as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub is_intact: bool,
    pub entries: u64,
    pub files: usize,
    pub checkpoints: usize,
    /// The number of the last entry, and its digest.
    pub last: Option<(u64, String)>,
    /// In words, each with its place; the first of them.
    pub faults: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Json,
    Cef,
    Syslog,
}

impl ExportFormat {
    pub const ALL: [Self; 3] = [Self::Json, Self::Cef, Self::Syslog];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cef => "cef",
            Self::Syslog => "syslog",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// All that is known of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageStory {
    pub id: String,
    pub rows: Vec<TimelineRow>,
    /// What has become of each recipient's copy.
    pub now: Vec<String>,
    /// The certificate of protection, as it is filed.
    pub certificate: String,
    /// Whether every copy can be shown to have been protected as required.
    pub is_proof: bool,
    pub remarks: Vec<String>,
}
