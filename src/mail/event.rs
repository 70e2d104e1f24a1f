//! Events: what the stages tell of themselves. `observe` turns them into
//! metrics, logs and audit lines; nothing in them names a patient.

use std::{net::IpAddr, time::Duration};

use super::{
    address::Address,
    attempt::{Attempt, FailureReason},
    decision::Decision,
    deed::Deed,
    disposition::NextHop,
    domain::Domain,
    facts::MessageFacts,
    finding::Finding,
    going_live::{PolicyRefusal, PolicyStep},
    lookup::{BlocklistAnswer, LookupAnswer, LookupSource, Passage},
    message::{Exemption, Forwarded},
    protection::TlsRequirement,
    queue_id::QueueId,
    reading::ReaderOutcome,
    record::{Acceptance, Asked, ReportResult, ReportWay, Settled},
    reply::Reply,
    subject::SubjectHash,
    tls::TlsSession,
};

/// Where events go. Called on the path of a message: it must not block.
pub trait Observer: Send + Sync {
    fn observe(&self, event: Event<'_>);
}

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    SessionOpened {
        listener: &'a str,
    },
    SessionClosed {
        listener: &'a str,
        client: IpAddr,
        reason: SessionEnd,
    },
    SessionSecured {
        listener: &'a str,
        tls: &'a TlsSession,
    },
    /// A claim to an identity, and what came of it.
    Authentication {
        listener: &'a str,
        client: IpAddr,
        /// Its IANA name: a closed set.
        mechanism: &'static str,
        result: AuthenticationResult,
        /// Who it is, where the claim was accepted. What others claim to be
        /// is told to nobody: people type passwords where names belong.
        identity: Option<&'a str>,
    },
    /// A reply of 4xx or 5xx to a command or to content.
    Refused {
        listener: &'a str,
        client: IpAddr,
        reason: Refusal,
        reply: &'a Reply,
    },
    /// Commands and messages of an old device, whose bare CR or LF was borne
    /// with.
    LineEndsNormalised {
        listener: &'a str,
        client: IpAddr,
        count: u64,
    },
    /// Whether a recipient of ours exists was looked up, or remembered.
    RecipientLookedUp {
        source: LookupSource,
        answer: LookupAnswer,
        /// Why the source could not be asked.
        cause: Option<&'a str>,
    },
    /// A DNS block list was asked about a client, or its answer remembered.
    BlocklistAsked {
        zone: &'a Domain,
        client: IpAddr,
        answer: BlocklistAnswer,
        /// Why it gave no answer.
        cause: Option<&'a str>,
    },
    /// A message has come, for the first time or again.
    Passed {
        listener: &'a str,
        client: IpAddr,
        passage: Passage,
    },
    /// A document was handed to a reader.
    DocumentRead {
        outcome: ReaderOutcome,
        took: Duration,
    },
    /// Every recipient of one accepted or refused message.
    Decided(Decided<'a>),
    /// Committed to the spool: a 250 may follow.
    Accepted(&'a Acceptance),
    Attempted {
        id: QueueId,
        /// The recipients' domain.
        domain: &'a Domain,
        requirement: TlsRequirement,
        asked: &'a Asked<'a>,
        attempt: &'a Attempt,
        took: Duration,
    },
    /// What attempts have said of a destination as a whole.
    DestinationChanged {
        domain: &'a Domain,
        change: DestinationChange,
        /// What the attempt came to, where it failed.
        cause: Option<&'a Reply>,
    },
    /// What an attempt, or a deadline, came to is in the spool.
    Settled(Settled<'a>),
    /// A report or notice about a message is in the spool.
    Noticed {
        about: QueueId,
        id: QueueId,
        to: &'a Address,
    },
    /// Out of the queue for good: returned to its sender.
    Bounced {
        id: QueueId,
        recipients: usize,
        reason: FailureReason,
    },
    /// A report or notice to a person is on its way into the spool.
    NoticeWritten {
        kind: NoticeKind,
    },
    /// Policy or a person sends what waits of a message another way.
    Redirected {
        id: QueueId,
        /// The message it was part of, where it is not the whole.
        part_of: Option<QueueId>,
        to: &'a NextHop,
        recipients: usize,
        by: &'a str,
        reason: &'a str,
    },
    /// A person lets one message go with less TLS than policy asks for, for a
    /// while.
    Exempted {
        id: QueueId,
        exemption: &'a Exemption,
    },
    /// A person released, refused or returned a message.
    Handled {
        id: QueueId,
        action: &'a str,
        by: &'a str,
        reason: Option<&'a str>,
    },
    /// What an act on a held message has come to; both from closed sets.
    HeldJudged {
        act: &'static str,
        result: &'static str,
    },
    /// A person did something else, or looked at something.
    Done(Deed<'a>),
    /// A domain was to be told of its TLS (RFC 8460).
    TlsReported {
        domain: &'a Domain,
        way: ReportWay,
        result: ReportResult,
        /// Why not.
        cause: Option<&'a str>,
    },
    /// It decides from here on.
    PolicyLoaded {
        version: &'a str,
        commit: Option<&'a str>,
    },
    /// The one before stays.
    PolicyRefused {
        reason: PolicyRefusal,
        error: &'a str,
    },
    /// A version has come nearer to deciding, or is out of it.
    PolicyStepped(&'a PolicyStep),
    SpoolFailed {
        /// `accept`, `record` or `read`.
        during: &'static str,
        error: &'a str,
    },
}

/// What a notice tells, and whom: a closed set, so that it can be a metric's
/// label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    Failed,
    Delayed,
    /// It waits for TLS.
    Waiting,
    WaitingOfficers,
    /// TLS could not be had, and policy has sent it another way.
    Diverted,
    Relayed,
    Delivered,
    Held,
    HeldOfficers,
    /// To officers: what is held is late, or about to go back, or was asked for.
    HeldTerms,
    /// To officers: a version waits for one of them, or was returned from.
    Policy,
}

impl NoticeKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Waiting => "waiting",
            Self::WaitingOfficers => "waiting_officers",
            Self::Diverted => "diverted",
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
            Self::Held => "held",
            Self::HeldOfficers => "held_officers",
            Self::HeldTerms => "held_terms",
            Self::Policy => "policy",
        }
    }
}

/// What was decided of one message, for every recipient.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    pub id: QueueId,
    pub listener: &'a str,
    pub client: IpAddr,
    /// Whom a named peer has it from, as it says.
    pub forwarded: Option<&'a Forwarded>,
    pub facts: &'a MessageFacts,
    pub findings: &'a [Finding],
    /// Of each finding that names one person: their keyed hash.
    pub subjects: &'a [Option<SubjectHash>],
    /// The version of the policy.
    pub policy: &'a str,
    /// What git called its files.
    pub commit: Option<&'a str>,
    pub decisions: &'a [(Address, Decision)],
    /// From content to decisions.
    pub took: Duration,
}

/// What happens to a destination: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DestinationChange {
    /// It has failed so often that it is only tried now and then.
    Died,
    /// It was tried, and is dead still.
    TrialFailed,
    /// It answers again.
    Revived,
}

impl DestinationChange {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::TrialFailed => "trial_failed",
            Self::Revived => "revived",
        }
    }
}

/// What came of a claim to an identity: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticationResult {
    Accepted,
    Refused,
    /// Not looked at: the client has failed too often.
    ShutOut,
    /// It could not be looked at just now.
    Unavailable,
}

impl AuthenticationResult {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::ShutOut => "shut_out",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why a session ended: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    Quit,
    ClientClosed,
    Timeout,
    TlsFailed,
    Refused,
    Stopping,
    Failed,
}

impl SessionEnd {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::ClientClosed => "client_closed",
            Self::Timeout => "timeout",
            Self::TlsFailed => "tls_failed",
            Self::Refused => "refused",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }
}

/// Why a command or content was refused: a closed set, so that it can be a
/// metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    Syntax,
    Sequence,
    RelayDenied,
    Authentication,
    /// A sender domain that is not the client's.
    Entitlement,
    UnknownRecipient,
    /// A DNS block list has the client.
    Blocklist,
    /// SMTPUTF8, where the next hop is known not to have it.
    Extension,
    /// Bare CR, bare LF or NUL.
    Framing,
    Policy,
    /// It has come through here too often.
    Loop,
    /// Its documents could not be read now.
    Readers,
    Spool,
    Stopping,
    // Limits, each by its own name.
    Sessions,
    ClientSessions,
    EarlyTalker,
    ShutOut,
    Commands,
    BadCommands,
    Messages,
    Recipients,
    Rate,
    Size,
    LineLength,
    Memory,
    Deadline,
}

impl Refusal {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Sequence => "sequence",
            Self::RelayDenied => "relay_denied",
            Self::Authentication => "authentication",
            Self::Entitlement => "entitlement",
            Self::UnknownRecipient => "unknown_recipient",
            Self::Blocklist => "blocklist",
            Self::Extension => "extension",
            Self::Framing => "framing",
            Self::Policy => "policy",
            Self::Loop => "loop",
            Self::Readers => "readers",
            Self::Spool => "spool",
            Self::Stopping => "stopping",
            Self::Sessions => "sessions",
            Self::ClientSessions => "client_sessions",
            Self::EarlyTalker => "early_talker",
            Self::ShutOut => "shut_out",
            Self::Commands => "commands",
            Self::BadCommands => "bad_commands",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::Rate => "rate",
            Self::Size => "size",
            Self::LineLength => "line_length",
            Self::Memory => "memory",
            Self::Deadline => "deadline",
        }
    }
}
