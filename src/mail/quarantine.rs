//! Quarantine: what is known of a held message beside its content, what a
//! person may do with it, and how a list of them is asked for. Masked
//! throughout.

use serde::{Deserialize, Serialize};

use super::{
    address::{Address, ReversePath},
    disposition::NextHop,
    facts::Direction,
    finding::Kind,
    level::Level,
    officer::KnownBy,
    protection::TlsRequirement,
    queue_id::QueueId,
    time::Timestamp,
};

/// A held message as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldEntry {
    pub id: QueueId,
    pub received_at: Timestamp,
    pub direction: Direction,
    pub sender: ReversePath,
    /// Who waits for a copy.
    pub recipients: Vec<Address>,
    /// Its Subject, what was found in it masked.
    pub subject: String,
    /// Octets as it will leave.
    pub size: u64,
    pub level: Level,
    pub rule: String,
    pub kinds: Vec<Kind>,
    /// ODS codes of the organisations it is from or for.
    pub organisations: Vec<String>,
    /// By when it is to be judged.
    pub due_at: Timestamp,
    /// When it goes back to its sender if nobody has judged it; never where a
    /// legal hold keeps it.
    pub expires_at: Option<Timestamp>,
    pub legal_hold: bool,
    /// What one person wants done and another must approve.
    pub proposal: Option<Proposal>,
    /// What its sender has asked for.
    pub requests: Vec<ReleaseRequest>,
}

/// What people need to judge a held message beside why it is held, and what
/// they have made of it so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    /// ODS codes of the organisations it is from or for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organisations: Vec<String>,
    /// Its Subject, what was found in the message masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Kept till then at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_to: Option<Timestamp>,
    /// Kept whatever its term says.
    pub legal_hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<ReleaseRequest>,
}

/// One pair of eyes has seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub act: HeldAct,
    pub by: String,
    #[serde(default)]
    pub known_by: KnownBy,
    pub at: Timestamp,
    pub reason: String,
}

/// The sender says that it must go, or that it was held in error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRequest {
    pub at: Timestamp,
    pub kind: RequestKind,
    /// In the sender's words, masked.
    pub justification: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// It holds what it holds, and must go all the same.
    Release,
    /// It does not hold what was found.
    FalsePositive,
}

/// What is done with held messages; each has a reason and stands in the audit
/// trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum HeldAct {
    /// On to its recipients: all who wait, or these.
    Release {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recipients: Vec<Address>,
        /// The least TLS that a person lets it go with, for a while.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exemption: Option<LesserTls>,
        /// Whether it should not have been held: `postern replay --reported`.
        #[serde(default)]
        false_positive: bool,
    },
    /// Back to its sender with the reason.
    Reject,
    /// Another way: to an encryption portal.
    Redirect {
        to: NextHop,
    },
    /// Kept longer, until then.
    Extend {
        until: Timestamp,
    },
    /// Kept whatever its term says.
    LegalHold,
    LiftLegalHold,
    /// Does what another has proposed then, and nothing that was proposed since.
    Approve {
        proposed_at: Timestamp,
    },
    /// Refuses what another has proposed, or takes back what one has oneself.
    Withdraw {
        proposed_at: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LesserTls {
    pub tls: TlsRequirement,
    pub seconds: u64,
}

impl HeldAct {
    /// A closed set, for metrics and the audit trail.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Release { .. } => "release",
            Self::Reject => "reject",
            Self::Redirect { .. } => "redirect",
            Self::Extend { .. } => "extend",
            Self::LegalHold => "legal-hold",
            Self::LiftLegalHold => "lift-legal-hold",
            Self::Approve { .. } => "approve",
            Self::Withdraw { .. } => "withdraw",
        }
    }
}

/// Which of the held messages are meant: all of what is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldFilter {
    /// In sender, recipients, masked subject, rule or id, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// This one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Received from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Received before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<HeldState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldState {
    /// Not judged in time.
    Overdue,
    /// One pair of eyes has seen it.
    Proposed,
    /// Its sender has asked.
    Requested,
    LegalHold,
}

/// A piece of a list, and how long the whole is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldPage {
    pub entries: Vec<HeldEntry>,
    pub total: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldOrder {
    /// What must be judged first.
    #[default]
    Due,
    Newest,
    Oldest,
    /// Most sensitive first.
    Level,
}

impl HeldEntry {
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }
}

impl HeldFilter {
    /// To go through many with.
    pub fn search(&self) -> HeldSearch<'_> {
        let small = |wanted: &Option<String>| wanted.as_ref().map(|one| one.trim().to_lowercase());
        HeldSearch {
            filter: self,
            text: small(&self.text),
            sender: small(&self.sender),
            recipient: small(&self.recipient),
        }
    }
}

/// A held message with what searches look at in small letters, which takes
/// longest and is made once.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub entry: HeldEntry,
    sender: String,
    /// Line by line.
    recipients: String,
    /// Subject, rule and id, line by line.
    words: String,
}

/// A filter with what it looks for in small letters.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldSearch<'a> {
    filter: &'a HeldFilter,
    text: Option<String>,
    sender: Option<String>,
    recipient: Option<String>,
}

impl From<HeldEntry> for Listed {
    fn from(entry: HeldEntry) -> Self {
        let recipients: Vec<String> = entry.recipients.iter().map(ToString::to_string).collect();
        let words = format!("{}\n{}\n{}", entry.subject, entry.rule, entry.id);
        Self {
            sender: entry.sender.to_string().to_lowercase(),
            recipients: recipients.join("\n").to_lowercase(),
            words: words.to_lowercase(),
            entry,
        }
    }
}

impl HeldSearch<'_> {
    pub fn matches(&self, listed: &Listed, now: Timestamp) -> bool {
        let Listed { entry, sender, recipients, words } = listed;
        let filter = self.filter;
        let state = || match filter.state {
            None => true,
            Some(HeldState::Overdue) => entry.is_overdue(now),
            Some(HeldState::Proposed) => entry.proposal.is_some(),
            Some(HeldState::Requested) => !entry.requests.is_empty(),
            Some(HeldState::LegalHold) => entry.legal_hold,
        };
        let stands_in = |wanted: &Option<String>, texts: &[&String]| match wanted {
            None => true,
            Some(wanted) => texts.iter().any(|text| text.contains(wanted)),
        };
        filter.level.is_none_or(|level| entry.level == level)
            && filter.direction.is_none_or(|direction| entry.direction == direction)
            && filter.since.is_none_or(|since| entry.received_at >= since)
            && filter.until.is_none_or(|until| entry.received_at < until)
            && state()
            && filter.kind.is_none_or(|kind| entry.kinds.contains(&kind))
            && filter.rule.as_ref().is_none_or(|rule| *rule == entry.rule)
            && filter.organisation.as_ref().is_none_or(|wanted| {
                entry.organisations.iter().any(|ods| ods.eq_ignore_ascii_case(wanted))
            })
            && stands_in(&self.sender, &[sender])
            && stands_in(&self.recipient, &[recipients])
            && stands_in(&self.text, &[words, sender, recipients])
    }
}

impl HeldOrder {
    pub fn sort(self, entries: &mut [&HeldEntry]) {
        match self {
            Self::Due => entries.sort_by_key(|entry| (entry.due_at, entry.id)),
            Self::Newest => entries.sort_by_key(|entry| std::cmp::Reverse(entry.id)),
            Self::Oldest => entries.sort_by_key(|entry| entry.id),
            Self::Level => {
                entries.sort_by_key(|entry| (std::cmp::Reverse(entry.level), entry.due_at));
            }
        }
    }
}
