//! The words: values that every other room speaks in.
//!
//! Each type's parser is its constructor; nothing here does IO or asks the
//! clock. Wire forms live in `smtp`, file forms in `config` and `policy`.

mod address;
mod attempt;
mod decision;
mod disposition;
mod domain;
mod envelope;
mod event;
mod facts;
mod finding;
mod level;
mod lookup;
mod message;
mod queue_id;
mod reply;
mod requests;
mod time;
mod tls;

pub use address::{Address, AddressError, ReversePath};
pub use attempt::{
    Attempt, CertificateVerdict, Evidence, Failure, FailureReason, Handover, Outcome, Promise,
    Taker, Voucher,
};
pub use decision::{Decision, DestinationClass, DestinationFacts, Mode, RuleMatch};
pub use disposition::{
    Disclaimer, Disposition, MxName, NextHop, NextHopError, Obligation, Protection, TlsRequirement,
    Told,
};
pub use domain::{Domain, DomainError};
pub use envelope::{AddressEncoding, Body, Envelope, Recipient};
pub use event::{AuthenticationResult, Decided, Event, Observer, Refusal, SessionEnd};
pub use facts::{Arrival, AuthenticationFacts, Direction, Facts, MessageFacts, SecureTag};
pub use finding::{Finding, Kind, Masked, Opaque, OpaqueReason};
pub use level::{Level, LevelError};
pub use lookup::{BlocklistAnswer, LookupAnswer, LookupSource, Passage};
pub use message::{
    DelayNotice, Forwarded, Hold, Origin, Protocol, QueuedMessage, QueuedRecipient, RecipientState,
    Submission,
};
pub use queue_id::{QueueId, QueueIdError};
pub use reply::{EnhancedStatusCode, Reply, Severity};
pub use requests::{
    ByMode, ByTrace, DeliverBy, Notify, OriginalRecipient, Priority, PriorityError, Release,
    Requests, RequireTls, Returned,
};
pub use time::Timestamp;
pub use tls::TlsSession;
