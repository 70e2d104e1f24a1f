//! One message on its way: the replies to MAIL, to each RCPT, to DATA, and to
//! the end of content (RFC 5321 section 3.3, pipelined as RFC 2920 says).

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    content::Stuffed,
    extensions::Extensions,
    failed::Failed,
    session::{Dialect, Session, State},
    transaction::{Stage, Transaction},
};
use crate::mail::{Reply, Severity};

impl Session {
    /// The reply to MAIL, to one RCPT, or to DATA.
    pub(super) fn envelope(
        &mut self,
        peer: Extensions,
        mut transaction: Transaction,
        mut stages: VecDeque<Stage>,
        reply: &Reply,
    ) {
        let answered = stages.pop_front();
        let severity = reply.severity();
        match answered {
            _ if reply.code == SERVICE_CLOSING => return self.close_on(transaction, reply),
            None | Some(Stage::Data) => return self.data(peer, transaction, reply),
            Some(_) if severity == Severity::Intermediate => {
                return self.fail_in(transaction, &Failed::OutOfTurn(reply.clone()));
            }
            Some(Stage::Mail) if severity != Severity::Positive => transaction.refuse_rest(reply),
            Some(Stage::Mail) => {}
            Some(Stage::Recipient(position)) => transaction.answer(position, reply),
        }
        if peer.pipelining() {
            // Every command is out, so every reply must be heard.
            self.state = State::Envelope(peer, transaction, stages);
            return;
        }
        let Some(next) = stages.front().copied() else { return self.abandon(peer, transaction) };
        let hopeless = next == Stage::Data && !transaction.has_accepted();
        if hopeless || transaction.is_settled() {
            return self.abandon(peer, transaction);
        }
        if !self.replies.is_empty() {
            return self.fail_in(transaction, &Failed::Unsolicited);
        }
        self.outbox.push(transaction.command(next).to_owned().into());
        self.state = State::Envelope(peer, transaction, stages);
    }

    fn data(&mut self, peer: Extensions, mut transaction: Transaction, reply: &Reply) {
        match reply.severity() {
            // What stands behind a 354 answers content that was not sent yet.
            Severity::Intermediate if !self.replies.is_empty() => {
                self.fail_in(transaction, &Failed::Unsolicited);
            }
            Severity::Intermediate if transaction.has_accepted() => {
                transaction.handed_over();
                let pieces = Stuffed::new(transaction.content.clone());
                self.state = State::Content(peer, transaction, pieces);
            }
            Severity::Intermediate => {
                self.outbox.push(Bytes::from_static(b".\r\n"));
                self.state = State::Nothing(peer, transaction);
            }
            Severity::Positive => self.fail_in(transaction, &Failed::OutOfTurn(reply.clone())),
            Severity::Transient | Severity::Permanent => {
                transaction.refuse_rest(reply);
                self.abandon(peer, transaction);
            }
        }
    }

    pub(super) fn content_is_out(&mut self) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Content(peer, transaction, _) => {
                let recipients = transaction.accepted().collect();
                self.state = State::End(peer, transaction, recipients);
            }
            other => self.state = other,
        }
    }

    /// The reply to the end of content: LMTP's speak of one recipient each.
    pub(super) fn end(
        &mut self,
        peer: Extensions,
        mut transaction: Transaction,
        mut recipients: VecDeque<usize>,
        reply: &Reply,
    ) {
        if reply.severity() == Severity::Intermediate {
            return self.fail_in(transaction, &Failed::OutOfTurn(reply.clone()));
        }
        if reply.code == SERVICE_CLOSING {
            return self.close_on(transaction, reply);
        }
        match (self.settings.dialect, recipients.pop_front()) {
            (Dialect::Lmtp, Some(position)) => transaction.conclude(position, reply),
            _ => transaction.conclude_all(reply),
        }
        if self.settings.dialect == Dialect::Lmtp && !recipients.is_empty() {
            self.state = State::End(peer, transaction, recipients);
            return;
        }
        self.settle(transaction);
        self.state = State::Ready(peer);
    }

    /// The transaction ends before content; the next one starts clean.
    fn abandon(&mut self, peer: Extensions, transaction: Transaction) {
        self.settle(transaction);
        self.outbox.push(Bytes::from_static(b"RSET\r\n"));
        self.state = State::Reset(peer);
    }
}

/// RFC 5321 section 3.8: may answer any command.
const SERVICE_CLOSING: u16 = 421;
