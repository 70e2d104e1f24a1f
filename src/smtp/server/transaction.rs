//! A mail transaction from MAIL to the command that brings its content (RFC
//! 5321 section 3.3).

use std::time::Instant;

use super::{
    command::{Chunk, Mail, is_beyond},
    complaint::Complaint,
    hello::LEAST_BY_TIME,
    session::{Phase, Session, Step},
    settings::{Dialect, Relaying},
};
use crate::mail::{
    AddressEncoding, ByMode, DeliverBy, Direction, Envelope, Origin, Priority, Recipient, Release,
    Requests, ReversePath,
};

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) origin: Box<Origin>,
    pub(super) envelope: Envelope,
    /// What SIZE said.
    pub(super) declared_size: Option<usize>,
    /// For each RCPT that was taken, whom in the envelope it has named.
    pub(super) taken: Vec<usize>,
    /// What MT-PRIORITY has become, where that is not what it was.
    pub(super) lowered: Option<Priority>,
    /// Since when the client has been waited for to bring all of it.
    pub(super) started: Option<Instant>,
}

/// How content comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bringing {
    Data,
    Chunk(Chunk),
}

impl Session {
    pub(super) fn mail(&mut self, mail: Mail) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Idle(origin) => self.begin(origin, mail),
            phase => {
                let complaint = match phase {
                    Phase::Envelope(_) | Phase::Chunked(_) => Complaint::TransactionOpen,
                    _ => self.hello_first(),
                };
                self.phase = phase;
                self.complain(&complaint);
                None
            }
        }
    }

    /// Every MAIL counts, also one that is refused (RFC 9422 section 4.1).
    fn begin(&mut self, mut origin: Box<Origin>, mail: Mail) -> Option<Step> {
        self.tally.messages += 1;
        if self.tally.messages > self.settings.limits.messages {
            self.too_many(&Complaint::TooManyMessages);
            return None;
        }
        let Mail { reverse_path, parameters } = mail;
        let mut requests = parameters.requests;
        let asked = match parameters.size {
            _ if self.is_unanswerable(&reverse_path) => Err(Complaint::BadSender),
            Some(size) if size > self.settings.limits.message => Err(Complaint::TooLarge),
            _ => self.may_ask(&origin, &requests),
        };
        if let Err(complaint) = asked {
            self.phase = Phase::Idle(origin);
            self.refuse(complaint.refused());
            return None;
        }
        // For this transaction, and for no other after it.
        origin.forwarded = self.take_forwarded();
        let lowered = self.lower_priority(&origin, &mut requests);
        let (body, encoding) = (parameters.body, parameters.encoding);
        let envelope = Envelope { reverse_path, recipients: Vec::new(), body, encoding, requests };
        Some(Step::Mail(Box::new(Transaction {
            origin,
            envelope,
            declared_size: parameters.size,
            taken: Vec::new(),
            lowered,
            started: None,
        })))
    }

    fn may_ask(&self, origin: &Origin, requests: &Requests) -> Result<(), Complaint> {
        if let Some(DeliverBy { seconds, mode: ByMode::Return, .. }) = requests.deliver_by
            && seconds < LEAST_BY_TIME
        {
            return Err(Complaint::TooSoon);
        }
        let Some(release) = requests.release else { return Ok(()) };
        if !self.may_relay(origin) {
            return Err(Complaint::HoldDenied);
        }
        let now = self.wall();
        let furthest = self.settings.future_release.unwrap_or_default();
        match release {
            Release::After(duration) if duration > furthest => Err(Complaint::HeldTooLong),
            Release::At(moment) if moment > now + furthest => Err(Complaint::HeldTooLong),
            Release::At(moment) if moment <= now => Err(Complaint::ReleaseIsPast),
            _ => Ok(()),
        }
    }

    /// Going before others is for our own (RFC 6710 section 5.1); anybody may
    /// stand back.
    fn lower_priority(&self, origin: &Origin, requests: &mut Requests) -> Option<Priority> {
        let usual = Priority::default();
        if self.may_relay(origin) || requests.priority.is_none_or(|asked| asked <= usual) {
            return None;
        }
        requests.priority = Some(usual);
        Some(usual)
    }

    /// Asks, unless it is clear already. A stranger who keeps trying is cut
    /// off; a list too long for one message is no offence.
    pub(super) fn recipient(
        &mut self,
        recipient: Recipient,
        written: AddressEncoding,
    ) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) => {
                let full = transaction.taken.len() >= self.settings.limits.recipients;
                let complaint = match full {
                    _ if is_beyond(written, transaction.envelope.encoding) => {
                        Complaint::RecipientBeyondAscii
                    }
                    _ if !self.may_relay(&transaction.origin) => Complaint::RelayDenied,
                    true => Complaint::TooManyRecipients,
                    false => return Some(Step::Recipient(transaction, recipient)),
                };
                self.phase = Phase::Envelope(transaction);
                match complaint {
                    Complaint::TooManyRecipients => self.refuse(complaint.refused()),
                    _ => self.complain(&complaint),
                }
                None
            }
            phase => {
                self.out_of_order(phase);
                None
            }
        }
    }

    /// What is ours to send must be ours to report on. A stranger's is judged
    /// like all that strangers say (RFC 7208 section 4.3).
    fn is_unanswerable(&self, reverse_path: &ReversePath) -> bool {
        matches!(reverse_path, ReversePath::Unanswerable(_))
            && self.settings.direction == Direction::Outbound
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
                Some(Step::Content(transaction, Bringing::Data))
            }
            phase => {
                self.out_of_order(phase);
                None
            }
        }
    }

    pub(super) fn out_of_order(&mut self, phase: Phase) {
        let complaint = self.why_out_of_order(&phase);
        self.phase = phase;
        self.complain(&complaint);
    }

    /// What a command that brings a message nearer has come too early or too
    /// late for.
    pub(super) fn why_out_of_order(&self, phase: &Phase) -> Complaint {
        match phase {
            Phase::Idle(_) => Complaint::MailFirst,
            Phase::Chunked(_) => Complaint::ChunksBegun,
            // RFC 2033 section 4.2 has a code of its own for it.
            Phase::Envelope(_) => match self.settings.dialect {
                Dialect::Smtp => Complaint::NoRecipients,
                Dialect::Lmtp => Complaint::RecipientFirst,
            },
            _ => self.hello_first(),
        }
    }

    pub(super) fn hello_first(&self) -> Complaint {
        match self.settings.dialect {
            Dialect::Smtp => Complaint::HelloFirst,
            Dialect::Lmtp => Complaint::LhloFirst,
        }
    }

    pub(super) fn reset(&mut self) {
        self.take_forwarded();
        self.phase = match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) => Phase::Idle(transaction.origin),
            Phase::Chunked(chunks) => Phase::Idle(chunks.transaction.origin),
            phase => phase,
        };
        self.idle_reply("250 2.0.0 ok");
    }
}
