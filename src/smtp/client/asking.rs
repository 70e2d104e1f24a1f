//! A question without a message: would the peer take mail for this recipient?
//!
//! MAIL and RCPT as for a message, and then RSET. The answer is the peer's
//! reply to RCPT; a refused MAIL is no verdict on anybody.

use super::{
    extensions::Extensions,
    failed::Failed,
    session::{Action, Session, State},
};
use crate::mail::{Address, Reply, ReversePath, Severity};

/// Who is asked about, and on whose behalf.
#[derive(Clone, Debug)]
pub struct Question {
    pub reverse_path: ReversePath,
    pub recipient: Address,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The reply to RCPT.
    Recipient(Reply),
    /// It did not come to that: the peer does not want the sender.
    Sender(Reply),
    /// An address is not ASCII, and the peer does not offer SMTPUTF8.
    Unspeakable,
}

/// The command whose reply comes next.
#[derive(Debug)]
pub(super) enum Asked {
    /// MAIL; with the RCPT to say then.
    Sender(String),
    Recipient,
}

impl Session {
    /// Asks about a recipient. Only after [`Action::Idle`].
    pub fn ask(&mut self, question: &Question) {
        let State::Ready(peer) = self.state else { return };
        if !self.replies.is_empty() {
            return self.fail(Failed::Unsolicited);
        }
        let Question { reverse_path, recipient } = question;
        let sender = reverse_path.mailbox();
        let utf8 = recipient.needs_smtputf8() || sender.is_some_and(Address::needs_smtputf8);
        if utf8 && !peer.smtp_utf8() {
            self.news = Some(Action::Answered(Answer::Unspeakable));
            return;
        }
        let parameter = if utf8 { " SMTPUTF8" } else { "" };
        self.outbox.push(format!("MAIL FROM:<{reverse_path}>{parameter}\r\n").into());
        self.state = State::Asking(peer, Asked::Sender(format!("RCPT TO:<{recipient}>\r\n")));
    }

    /// What the peer offers, where mail may be said.
    pub fn extensions(&self) -> Option<Extensions> {
        match self.state {
            State::Ready(peer) => Some(peer),
            _ => None,
        }
    }

    pub(super) fn answered(&mut self, peer: Extensions, asked: Asked, reply: &Reply) {
        match (asked, reply.severity()) {
            _ if reply.code == SERVICE_CLOSING => self.fail(Failed::Refused(reply.clone())),
            (_, Severity::Intermediate) => self.fail(Failed::OutOfTurn(reply.clone())),
            (Asked::Sender(command), Severity::Positive) => {
                self.say(command, State::Asking(peer, Asked::Recipient));
            }
            (Asked::Sender(_), _) => self.conclude(peer, Answer::Sender(reply.clone())),
            (Asked::Recipient, _) => self.conclude(peer, Answer::Recipient(reply.clone())),
        }
    }

    fn conclude(&mut self, peer: Extensions, answer: Answer) {
        self.news = Some(Action::Answered(answer));
        self.outbox.push(bytes::Bytes::from_static(b"RSET\r\n"));
        self.state = State::Reset(peer);
    }
}

/// RFC 5321 section 3.8: may answer any command.
const SERVICE_CLOSING: u16 = 421;
