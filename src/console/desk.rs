//! What the console asks of the gateway. `gateway` answers: the console knows
//! neither the spool nor the policies.

use std::{future::Future, net::IpAddr, pin::Pin};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    mail::{
        Actor, HeldAct, HeldEntry, HeldFilter, HeldOrder, HeldPage, Hold, QueueId, QueuedMessage,
        RequestKind, Timestamp,
    },
    quarantine::{MessageView, Sight},
};

/// An answer that may take a while: it reads the disk.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, DeskError>> + Send + 'a>>;

/// Held messages. It answers for what `who` may see and do, and tells the
/// audit trail of it before it answers: the console asks, and decides nothing.
pub trait QuarantineDesk: Send + Sync + 'static {
    fn list<'a>(&'a self, who: &'a Actor, wanted: &'a HeldQuery) -> Pending<'a, HeldPage>;

    /// What is known of one, beside its content.
    fn message<'a>(&'a self, who: &'a Actor, id: QueueId) -> Pending<'a, HeldMessage>;

    /// Revealed for whoever may; the console asks for that only where they
    /// have said why, and tells of it.
    fn view<'a>(&'a self, who: &'a Actor, id: QueueId, sight: Sight) -> Pending<'a, MessageView>;

    fn act<'a>(
        &'a self,
        who: &'a Actor,
        which: &'a Which,
        act: &'a HeldAct,
        reason: &'a str,
    ) -> Pending<'a, Acted>;

    /// The message and what is known of it in an archive that the passphrase
    /// opens (zip, AES-256).
    fn export<'a>(
        &'a self,
        who: &'a Actor,
        id: QueueId,
        passphrase: &'a str,
        reason: &'a str,
    ) -> Pending<'a, Bytes>;
}

/// Senders of held messages, who have no account: the link in their notice is
/// all that they show.
pub trait RequestDesk: Send + Sync + 'static {
    /// What the page behind a link says: no more than the notice did.
    fn page<'a>(&'a self, token: &'a str) -> Pending<'a, RequestPage>;

    /// Asks for a release, or says that it was held in error.
    fn ask<'a>(
        &'a self,
        token: &'a str,
        kind: RequestKind,
        justification: &'a str,
        address: Option<IpAddr>,
    ) -> Pending<'a, ()>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPage {
    pub reference: QueueId,
    pub received_at: Timestamp,
    /// How often more may be asked about it.
    pub left: usize,
}

/// A piece of the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldQuery {
    pub filter: HeldFilter,
    pub order: HeldOrder,
    pub offset: usize,
    /// At most [`HeldQuery::LONGEST`].
    pub limit: usize,
}

impl HeldQuery {
    pub const LONGEST: usize = 500;
}

#[derive(Clone, Debug, PartialEq)]
pub struct HeldMessage {
    pub entry: HeldEntry,
    pub hold: Hold,
    pub queued: QueuedMessage,
    /// What policy requires of an act on it: whether two people must agree.
    pub needs_approval: bool,
}

/// Which messages an act is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    These(Vec<QueueId>),
    /// All that the filter means at this moment.
    All(HeldFilter),
}

/// What an act has come to, message by message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// On which it was carried out.
    pub done: usize,
    /// For which another must approve it first.
    pub proposed: usize,
    /// On which it was not, and why; the first of them.
    pub refused: Vec<(QueueId, String)>,
    /// How many were refused in all.
    pub refusals: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// None that they may see: the same for what is not there.
    #[error("there is no such message in quarantine")]
    Unknown,
    #[error("your roles do not allow this")]
    Denied,
    /// It makes no sense, or must not be.
    #[error("{0}")]
    Refused(String),
    /// A fault of ours; the cause is in the log.
    #[error("it could not be done now: {0}")]
    Failed(String),
}
