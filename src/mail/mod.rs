//! The words: values that every other room speaks in.
//!
//! Each type's parser is its constructor; nothing here does IO or asks the
//! clock. Wire forms live in `smtp`, file forms in `config` and `policy`.

mod address;
mod attachment;
mod attempt;
mod authentication;
mod decision;
mod deed;
mod destination;
mod disposition;
mod domain;
mod envelope;
mod event;
mod evidence;
mod facts;
mod field_names;
mod finding;
mod going_live;
mod level;
mod lookup;
mod message;
mod obligation;
mod officer;
mod percent;
mod protected;
mod protection;
mod quarantine;
mod queue_id;
mod reading;
mod record;
mod recorded;
mod reply;
mod requests;
mod spoof;
mod subject;
mod summary;
mod time;
mod tls;

pub use address::{Address, AddressError, ReversePath};
pub use attachment::AttachmentType;
pub use attempt::{Attempt, Failure, FailureReason, Handover, Outcome, Promise, Taker};
pub use authentication::{AuthenticationFacts, ChainSeal};
pub use decision::{
    CanarySide, Decision, DestinationClass, DestinationFacts, Mode, RuleMatch, RuleSeverity,
};
pub use deed::{Deed, DeedKind};
pub use destination::{Destination, Way};
pub use disposition::{Disposition, NextHop, NextHopError, Told};
pub use domain::{Domain, DomainError};
pub use envelope::{AddressEncoding, Body, Envelope, Recipient};
pub use event::{
    AuthenticationResult, Decided, DestinationChange, Event, NoticeKind, Observer, Refusal,
    SessionEnd,
};
pub use evidence::{
    CertificateVerdict, Evidence, PublishedPolicy, PublishedPolicyKind, Reuse, SeenCertificate,
    TlsFault, Voucher,
};
pub use facts::{Arrival, Direction, Facts, MessageFacts, SecureTag};
pub use field_names::{FieldNames, FieldNamesError};
pub use finding::{Finding, Kind, Masked, Opaque, OpaqueReason};
pub use going_live::{By, Person, PolicyRefusal, PolicyStep, Step};
pub use level::{Level, LevelError};
pub use lookup::{BlocklistAnswer, LookupAnswer, LookupSource, Passage};
pub use message::{
    Custody, DelayNotice, Exemption, Forwarded, Hold, Leave, Origin, Protocol, QueuedMessage,
    QueuedRecipient, RecipientState, Recourse, Submission, TlsNotice, Unmet, Urgency,
};
pub use obligation::{Choice, Disclaimer, Notice, Obligation, Wording};
pub use officer::{Actor, ActorDoor, KnownBy, Permission, Role, Scope};
pub use percent::NOT_UNRESERVED;
pub use protected::Protected;
pub use protection::{
    Ciphers, KeyPin, KeyPinError, MxName, Protection, TlsRequirement, TlsVersion, Trust,
};
pub use quarantine::{
    Case, HeldAct, HeldEntry, HeldFilter, HeldOrder, HeldPage, HeldSearch, HeldState, LesserTls,
    Listed, Proposal, ReleaseRequest, RequestKind,
};
pub use queue_id::{QueueId, QueueIdError};
pub use reading::{ReaderFault, ReaderOutcome};
pub use record::{
    Acceptance, Asked, Asker, CopyKind, ReportResult, ReportWay, Settled, StoredCopy,
};
pub use recorded::{Addition, RecordError, RecordedDecision, RecordedOutcome};
pub use reply::{EnhancedStatusCode, Reply, Severity};
pub use requests::{
    ByMode, ByTrace, DeliverBy, Notify, OriginalRecipient, Priority, PriorityError, Release,
    Requests, RequireTls, Returned,
};
pub use spoof::Spoof;
pub use subject::{SubjectHash, SubjectKey, SubjectKeyError};
pub use summary::{Line, Standing, Summary, TlsWait};
pub use time::{Timestamp, TimestampError};
pub use tls::TlsSession;
