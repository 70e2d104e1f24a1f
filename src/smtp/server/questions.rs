//! What a session cannot decide alone. Each question owns the transaction it
//! is about; answering it gives the transaction back to the session, and not
//! answering it leaves the session over.

use bytes::Bytes;

use super::{
    complaint::Refused,
    session::{Phase, Session},
    settings::Dialect,
    transaction::{Bringing, Transaction},
};
use crate::{
    mail::{Address, Envelope, Origin, Recipient, Submission, TlsSession},
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
    pub(super) bringing: Bringing,
}

/// A whole message: take the submission, then say what became of it.
#[derive(Debug)]
#[must_use = "a message without an answer ends the session"]
pub struct FinishedMessage<'s> {
    pub(super) session: &'s mut Session,
    pub(super) transaction: Box<Transaction>,
    pub(super) content: Bytes,
}

/// The reply to the end of content, not yet given; over LMTP one for each
/// recipient.
#[derive(Debug)]
#[must_use = "a message without an answer ends the session"]
pub struct PendingReply<'s> {
    session: &'s mut Session,
    origin: Box<Origin>,
    replies: Replies,
}

#[derive(Debug)]
enum Replies {
    One,
    /// In the order of their RCPTs, as often as each was named (RFC 2033
    /// section 4.2).
    Each(Vec<Address>),
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
                match self.transaction.lowered {
                    // RFC 6710 section 10: the number comes first.
                    Some(priority) => {
                        let priority = priority.value();
                        self.session.reply(&format!("250 2.3.6 {priority} is its priority here"));
                    }
                    None => self.session.reply("250 2.1.0 sender ok"),
                }
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
                let named = |taken: &Recipient| taken.address == self.recipient.address;
                let index = recipients.iter().position(named).unwrap_or(recipients.len());
                if index == recipients.len() {
                    recipients.push(self.recipient);
                }
                transaction.taken.push(index);
                self.session.reply("250 2.1.5 recipient ok");
            }
            Err(refused) => self.session.refuse(refused),
        }
        self.session.resume(Phase::Envelope(transaction));
    }
}

impl ContentQuestion<'_> {
    /// What the client said with SIZE, or of the first chunk; at most the
    /// limit.
    pub fn declared_size(&self) -> Option<usize> {
        let first_chunk = match self.bringing {
            Bringing::Data => None,
            Bringing::Chunk(chunk) => usize::try_from(chunk.size).ok(),
        };
        self.transaction.declared_size.max(first_chunk)
    }

    pub fn proceed(self) {
        match self.bringing {
            Bringing::Data => {
                self.session.reply("354 end with CRLF.CRLF");
                let content = Phase::content(
                    self.transaction,
                    &self.session.settings.limits,
                    self.session.peer.line_ends,
                );
                self.session.resume(content);
            }
            Bringing::Chunk(chunk) => self.session.take_chunks(self.transaction, chunk),
        }
    }

    /// After DATA the transaction stays open, and the client may try it again;
    /// a refused chunk ends it.
    pub fn refuse(self, refused: Refused) {
        match self.bringing {
            Bringing::Data => {
                self.session.refuse(refused);
                self.session.resume(Phase::Envelope(self.transaction));
            }
            Bringing::Chunk(chunk) => {
                self.session.refuse_chunks(self.transaction, chunk, refused);
            }
        }
    }
}

impl<'s> FinishedMessage<'s> {
    pub fn hand_over(self) -> (Submission, PendingReply<'s>) {
        let Transaction { origin, envelope, taken, .. } = *self.transaction;
        let replies = match self.session.settings.dialect {
            Dialect::Smtp => Replies::One,
            Dialect::Lmtp => {
                let recipients = taken.iter().filter_map(|index| envelope.recipients.get(*index));
                Replies::Each(recipients.map(|recipient| recipient.address.clone()).collect())
            }
        };
        let submission =
            Submission { envelope, content: self.content, origin: Origin::clone(&origin) };
        (submission, PendingReply { session: self.session, origin, replies })
    }
}

impl PendingReply<'_> {
    /// Law 1: this and `accepted_except` are the only ways to a 250 after
    /// content.
    pub fn accepted(self, receipt: Receipt) {
        self.accepted_except(receipt, &[]);
    }

    /// Accepted for all but these. Over SMTP there is one reply, which can say
    /// that only where the protocol of the origin is LMTP: elsewhere whoever
    /// gave the receipt must tell the sender of them in a report.
    #[expect(clippy::needless_pass_by_value, reason = "one receipt, one 250: it is used up")]
    pub fn accepted_except(self, receipt: Receipt, refused: &[(Address, Refused)]) {
        let id = receipt.queue_id();
        match self.replies {
            Replies::One => self.session.reply_queued(id),
            Replies::Each(addresses) => {
                for address in addresses {
                    match refused.iter().find(|(other, _)| *other == address) {
                        Some((_, refused)) => self.session.refuse(refused.clone()),
                        None => self.session.reply_queued(id),
                    }
                }
            }
        }
        self.session.resume(Phase::Idle(self.origin));
    }

    pub fn refused(self, refused: Refused) {
        match self.replies {
            Replies::One => self.session.refuse(refused),
            Replies::Each(addresses) => {
                for _ in addresses {
                    self.session.refuse(refused.clone());
                }
            }
        }
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
