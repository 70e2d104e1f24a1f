//! What a session cannot decide alone. Each question owns the transaction it
//! is about; answering it gives the transaction back to the session, and not
//! answering it leaves the session over.

use bytes::Bytes;

use super::{
    complaint::Refused,
    session::{Phase, Session},
    transaction::Transaction,
};
use crate::{
    mail::{Envelope, Origin, Recipient, Submission, TlsSession},
    spool::Receipt,
};

/// May a message from this sender, with these requests, be brought?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct SenderQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) transaction: Box<Transaction>,
}

/// May this recipient be served?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct RecipientQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) transaction: Box<Transaction>,
    pub(super) recipient: Recipient,
}

/// Is there memory for a message?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct ContentQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) transaction: Box<Transaction>,
}

/// A whole message: take the submission, then say what became of it.
#[derive(Debug)]
#[must_use = "a message without an answer ends the session"]
pub struct FinishedMessage<'s> {
    pub(super) session: &'s mut Session,
    pub(super) transaction: Box<Transaction>,
    pub(super) content: Bytes,
}

/// The reply to the end of content, not yet given.
#[derive(Debug)]
#[must_use = "a message without an answer ends the session"]
pub struct PendingReply<'s> {
    session: &'s mut Session,
    origin: Box<Origin>,
}

/// The client waits for the handshake; all it has sent so far is gone.
#[derive(Debug)]
#[must_use = "an upgrade that is not established ends the session"]
pub struct TlsUpgrade<'s> {
    pub(super) session: &'s mut Session,
}

impl SenderQuestion<'_> {
    pub fn origin(&self) -> &Origin {
        &self.transaction.origin
    }

    /// Without recipients.
    pub fn envelope(&self) -> &Envelope {
        &self.transaction.envelope
    }

    pub fn answer(self, verdict: Result<(), Refused>) {
        match verdict {
            Ok(()) => {
                self.session.reply("250 2.1.0 sender ok");
                self.session.resume(Phase::Envelope(self.transaction));
            }
            Err(refused) => {
                self.session.refuse(refused);
                self.session.resume(Phase::Idle(self.transaction.origin));
            }
        }
    }
}

impl RecipientQuestion<'_> {
    pub fn origin(&self) -> &Origin {
        &self.transaction.origin
    }

    /// With the recipients taken so far.
    pub fn envelope(&self) -> &Envelope {
        &self.transaction.envelope
    }

    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub fn answer(self, verdict: Result<(), Refused>) {
        let mut transaction = self.transaction;
        match verdict {
            Ok(()) => {
                // Once each, however often a client names it.
                let recipients = &mut transaction.envelope.recipients;
                if recipients.iter().all(|taken| taken.address != self.recipient.address) {
                    recipients.push(self.recipient);
                }
                self.session.reply("250 2.1.5 recipient ok");
            }
            Err(refused) => self.session.refuse(refused),
        }
        self.session.resume(Phase::Envelope(transaction));
    }
}

impl ContentQuestion<'_> {
    /// What the client said with SIZE; at most the limit.
    pub fn declared_size(&self) -> Option<usize> {
        self.transaction.declared_size
    }

    pub fn proceed(self) {
        self.session.reply("354 end with CRLF.CRLF");
        let limit = self.session.settings.limits.message;
        self.session.resume(Phase::content(self.transaction, limit));
    }

    /// The transaction stays open: the client may try DATA again.
    pub fn refuse(self, refused: Refused) {
        self.session.refuse(refused);
        self.session.resume(Phase::Envelope(self.transaction));
    }
}

impl<'s> FinishedMessage<'s> {
    pub fn hand_over(self) -> (Submission, PendingReply<'s>) {
        let Transaction { origin, envelope, .. } = *self.transaction;
        let submission =
            Submission { envelope, content: self.content, origin: Origin::clone(&origin) };
        (submission, PendingReply { session: self.session, origin })
    }
}

impl PendingReply<'_> {
    /// Law 1: this is the only way to a 250 after content.
    #[expect(clippy::needless_pass_by_value, reason = "one receipt, one 250: it is used up")]
    pub fn accepted(self, receipt: Receipt) {
        self.session.reply_queued(receipt.queue_id());
        self.session.resume(Phase::Idle(self.origin));
    }

    pub fn refused(self, refused: Refused) {
        self.session.refuse(refused);
        self.session.resume(Phase::Idle(self.origin));
    }
}

impl TlsUpgrade<'_> {
    /// What must be sent, in clear, before the handshake.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.session.take_output()
    }

    /// The session starts again, knowing nothing of what came before.
    /// `certified` is the sending system whose certificate it showed.
    pub fn established(self, tls: TlsSession, certified: Option<String>) {
        self.session.restart(tls, certified);
    }
}
