//! Deeds: what people do and look at, for the audit trail.

use std::net::IpAddr;

use super::{officer::ActorDoor, queue_id::QueueId};

/// Somebody did something, or wanted to.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    pub kind: DeedKind,
    /// As they are called; a name that was only claimed is not told, for
    /// people type passwords where names belong.
    pub by: &'a str,
    pub door: ActorDoor,
    /// Where they sit, if it is known.
    pub address: Option<IpAddr>,
    /// The message that it was about.
    pub about: Option<QueueId>,
    /// The reason they gave, or what was done; masked.
    pub words: Option<&'a str>,
}

/// A closed set, so that it can be a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeedKind {
    SignedIn,
    SignInFailed,
    LockedOut,
    SignedOut,
    /// Not allowed by their roles.
    Denied,
    /// Looked at a held message, masked.
    Viewed,
    /// And as it is.
    Revealed,
    Exported,
    /// Wants something done that another must approve.
    Proposed,
    Withdrawn,
    Extended,
    LegalHoldSet,
    LegalHoldLifted,
    /// A sender asks for the release of a message.
    ReleaseRequested,
    /// A sender says that a message was held in error.
    FalsePositiveReported,
    AuditSearched,
    AuditExported,
    AuditVerified,
    /// Looked for a person's messages by the keyed hash of an identifier.
    SubjectSearched,
    AccountChanged,
    /// Asked what would become of a message.
    Tried,
}

impl DeedKind {
    pub const ALL: [Self; 21] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::LockedOut,
        Self::SignedOut,
        Self::Denied,
        Self::Viewed,
        Self::Revealed,
        Self::Exported,
        Self::Proposed,
        Self::Withdrawn,
        Self::Extended,
        Self::LegalHoldSet,
        Self::LegalHoldLifted,
        Self::ReleaseRequested,
        Self::FalsePositiveReported,
        Self::AuditSearched,
        Self::AuditExported,
        Self::AuditVerified,
        Self::SubjectSearched,
        Self::AccountChanged,
        Self::Tried,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::LockedOut => "locked_out",
            Self::SignedOut => "signed_out",
            Self::Denied => "denied",
            Self::Viewed => "viewed",
            Self::Revealed => "revealed",
            Self::Exported => "exported",
            Self::Proposed => "proposed",
            Self::Withdrawn => "withdrawn",
            Self::Extended => "extended",
            Self::LegalHoldSet => "legal_hold_set",
            Self::LegalHoldLifted => "legal_hold_lifted",
            Self::ReleaseRequested => "release_requested",
            Self::FalsePositiveReported => "false_positive_reported",
            Self::AuditSearched => "audit_searched",
            Self::AuditExported => "audit_exported",
            Self::AuditVerified => "audit_verified",
            Self::SubjectSearched => "subject_searched",
            Self::AccountChanged => "account_changed",
            Self::Tried => "tried",
        }
    }
}
