//! The port between sessions and the rest of the gateway.

use std::future::Future;

use crate::{
    mail::{Address, Envelope, Origin, Recipient, Submission},
    smtp::server::{Credentials, Refused, ScramVerifier},
    spool::Receipt,
};

/// What the gateway does with what a session brings.
///
/// The session waits for the answer, and its client with it: ten minutes is
/// all a client gives the end of content (RFC 5321 section 4.5.3.2.6). A call
/// may be cancelled by being dropped, when the grace of an orderly stop is
/// over; the client then gets no answer and will try again.
pub trait Reception: Send + Sync + 'static {
    /// Whether a message with this reverse-path and these requests may be
    /// brought at all; its recipients are not named yet.
    fn sender(
        &self,
        origin: &Origin,
        envelope: &Envelope,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Whether the message may be brought for one more recipient. On an
    /// outbound listener the client is known to be one of ours.
    fn recipient(
        &self,
        origin: &Origin,
        envelope: &Envelope,
        recipient: &Recipient,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// The identity the credentials prove.
    fn authenticate(
        &self,
        origin: &Origin,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<String, Refused>> + Send;

    /// What it takes to check a user's SCRAM proof. There is one for names
    /// that do not exist, too, the same each time: nobody can find out which
    /// do.
    fn verifier(&self, origin: &Origin, user: &str) -> ScramVerifier;

    /// Takes a message over, or says why not.
    fn message(&self, submission: Submission) -> impl Future<Output = Verdict> + Send;
}

#[derive(Debug)]
#[must_use]
pub enum Verdict {
    Accepted(Receipt),
    /// For some recipients, and these are not among them. Only LMTP can say
    /// so: elsewhere they must be told of in a report, and the message be
    /// `Accepted`.
    AcceptedExcept(Receipt, Vec<(Address, Refused)>),
    Refused(Refused),
}
