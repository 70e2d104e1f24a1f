//! A mail transaction from MAIL to the command that brings its content (RFC
//! 5321 section 3.3).

use super::{
    command::Mail,
    complaint::Complaint,
    session::{Phase, Session, Step},
    settings::Relaying,
};
use crate::mail::{AddressEncoding, Direction, Envelope, Origin, Recipient, Requests};

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) origin: Box<Origin>,
    pub(super) envelope: Envelope,
    pub(super) declared_size: Option<usize>,
}

impl Session {
    pub(super) fn mail(&mut self, mail: Mail) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Idle(origin)
                if mail.declared_size.is_some_and(|size| size > self.settings.limits.message) =>
            {
                self.phase = Phase::Idle(origin);
                self.refuse(Complaint::TooLarge.refused());
                None
            }
            Phase::Idle(origin) => {
                let envelope = Envelope {
                    reverse_path: mail.reverse_path,
                    recipients: Vec::new(),
                    body: mail.body,
                    encoding: AddressEncoding::Ascii,
                    requests: Requests::default(),
                };
                let declared_size = mail.declared_size;
                Some(Step::Mail(Box::new(Transaction { origin, envelope, declared_size })))
            }
            phase => {
                let open = matches!(phase, Phase::Envelope(_));
                self.phase = phase;
                self.complain(match open {
                    true => &Complaint::TransactionOpen,
                    false => &Complaint::HelloFirst,
                });
                None
            }
        }
    }

    /// Asks, unless it is clear already. A stranger who keeps trying is cut
    /// off; a list too long for one message is no offence.
    pub(super) fn recipient(&mut self, recipient: Recipient) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) => {
                let full = transaction.envelope.recipients.len() >= self.settings.limits.recipients;
                if self.may_relay(&transaction.origin) && !full {
                    return Some(Step::Recipient(transaction, recipient));
                }
                self.phase = Phase::Envelope(transaction);
                match full {
                    true => self.refuse(Complaint::TooManyRecipients.refused()),
                    false => self.complain(&Complaint::RelayDenied),
                }
                None
            }
            phase => {
                self.out_of_order(phase);
                None
            }
        }
    }

    /// Outbound is for our own; what inbound may bring is for others to say,
    /// recipient by recipient.
    fn may_relay(&self, origin: &Origin) -> bool {
        self.settings.direction == Direction::Inbound
            || self.peer.relaying == Relaying::Permitted
            || origin.authenticated.is_some()
            || origin.certified.is_some()
    }

    pub(super) fn data(&mut self) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) if !transaction.envelope.recipients.is_empty() => {
                Some(Step::Content(transaction))
            }
            Phase::Envelope(transaction) => {
                self.phase = Phase::Envelope(transaction);
                self.complain(&Complaint::NoRecipients);
                None
            }
            phase => {
                self.out_of_order(phase);
                None
            }
        }
    }

    pub(super) fn out_of_order(&mut self, phase: Phase) {
        let complaint = match phase {
            Phase::Idle(_) => Complaint::MailFirst,
            _ => Complaint::HelloFirst,
        };
        self.phase = phase;
        self.complain(&complaint);
    }

    pub(super) fn reset(&mut self) {
        self.phase = match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) => Phase::Idle(transaction.origin),
            phase => phase,
        };
        self.idle_reply("250 2.0.0 ok");
    }
}
