//! One message in a session: what has become of each recipient so far.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{extensions::Extensions, message::Message, session::Dialect};
use crate::mail::{Address, Failure, FailureReason, Handover, Outcome, Reply, Severity, Taker};

/// What a transaction came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// One for each recipient of the message, in their order.
    pub outcomes: Vec<(Address, Outcome)>,
    /// Where recipients with a transient outcome may be tried next.
    pub onward: Onward,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Nothing was handed over: another host may be tried at once.
    NextHost,
    /// The peer may have the message although its reply was lost: trying
    /// another host at once would very likely make two of it.
    Later,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) content: Bytes,
    mail: String,
    recipients: Vec<Recipient>,
    /// Who has the copies that are accepted.
    taker: Taker,
    onward: Onward,
}

#[derive(Debug)]
struct Recipient {
    address: Address,
    state: RecipientState,
}

#[derive(Debug)]
enum RecipientState {
    /// To be named with this command, or named and not answered.
    Named(String),
    Accepted,
    Settled(Outcome),
}

/// The command whose reply comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Mail,
    /// Of the recipient at this position.
    Recipient(usize),
    Data,
}

impl Transaction {
    /// The transaction as far as it can go without a word to the peer: an
    /// error if it is over already.
    pub(super) fn new(
        message: Message,
        peer: &Extensions,
        dialect: Dialect,
    ) -> Result<Self, Settlement> {
        let mail = message.mail_command(peer);
        let recipients = message.recipients.iter().map(|recipient| Recipient {
            address: recipient.address.clone(),
            state: match message.recipient_command(recipient, peer) {
                Ok(command) => RecipientState::Named(command),
                Err(failure) => RecipientState::Settled(Outcome::Permanent(failure)),
            },
        });
        let mut transaction = Self {
            recipients: recipients.collect(),
            mail: String::new(),
            content: message.content,
            taker: taker(peer, dialect),
            onward: Onward::NextHost,
        };
        match mail {
            Ok(mail) => transaction.mail = mail,
            Err(failure) => transaction.settle_rest(&Outcome::Permanent(failure)),
        }
        if transaction.is_settled() { Err(transaction.settlement()) } else { Ok(transaction) }
    }

    /// The command of a stage.
    pub(super) fn command(&self, stage: Stage) -> &str {
        match stage {
            Stage::Mail => &self.mail,
            Stage::Data => "DATA\r\n",
            Stage::Recipient(position) => match self.recipients.get(position) {
                Some(Recipient { state: RecipientState::Named(command), .. }) => command,
                _ => "",
            },
        }
    }

    /// Every command that will be said, in its order.
    pub(super) fn stages(&self) -> VecDeque<Stage> {
        let mut stages = VecDeque::with_capacity(self.recipients.len() + 2);
        stages.push_back(Stage::Mail);
        for (position, recipient) in self.recipients.iter().enumerate() {
            // Those who cannot be named to this peer are settled already.
            if matches!(recipient.state, RecipientState::Named(_)) {
                stages.push_back(Stage::Recipient(position));
            }
        }
        stages.push_back(Stage::Data);
        stages
    }

    /// Every command up to DATA at once (RFC 2920).
    pub(super) fn pipelined(&self) -> String {
        self.stages().into_iter().map(|stage| self.command(stage)).collect()
    }

    /// Takes the reply to RCPT for one recipient.
    pub(super) fn answer(&mut self, position: usize, reply: &Reply) {
        if let Some(Recipient { state: state @ RecipientState::Named(_), .. }) =
            self.recipients.get_mut(position)
        {
            *state = match reply.severity() {
                Severity::Positive => RecipientState::Accepted,
                _ => RecipientState::Settled(refused(reply)),
            };
        }
    }

    /// Takes the reply to the end of content for one recipient (LMTP).
    pub(super) fn conclude(&mut self, position: usize, reply: &Reply) {
        let taker = self.taker;
        if let Some(recipient) = self.recipients.get_mut(position) {
            recipient.state = RecipientState::Settled(concluded(reply, taker));
        }
    }

    /// Takes it for all who were accepted.
    pub(super) fn conclude_all(&mut self, reply: &Reply) {
        self.settle_rest(&concluded(reply, self.taker));
    }

    /// The same outcome for all who have none.
    pub(super) fn settle_rest(&mut self, outcome: &Outcome) {
        for recipient in &mut self.recipients {
            if !matches!(recipient.state, RecipientState::Settled(_)) {
                recipient.state = RecipientState::Settled(outcome.clone());
            }
        }
    }

    pub(super) fn refuse_rest(&mut self, reply: &Reply) {
        self.settle_rest(&refused(reply));
    }

    /// From here on the peer may have the message.
    pub(super) fn handed_over(&mut self) {
        self.onward = Onward::Later;
    }

    /// Positions of those who were accepted, in the order of their RCPT.
    pub(super) fn accepted(&self) -> impl Iterator<Item = usize> {
        let recipients = self.recipients.iter().enumerate();
        recipients.filter_map(|(position, recipient)| {
            matches!(recipient.state, RecipientState::Accepted).then_some(position)
        })
    }

    pub(super) fn has_accepted(&self) -> bool {
        self.accepted().next().is_some()
    }

    pub(super) fn is_settled(&self) -> bool {
        let mut recipients = self.recipients.iter();
        recipients.all(|recipient| matches!(recipient.state, RecipientState::Settled(_)))
    }

    /// Whoever has no outcome by now waits: nothing is lost by omission.
    pub(super) fn settlement(self) -> Settlement {
        let onward = self.onward;
        let outcomes = self.recipients.into_iter().map(|recipient| {
            let outcome = match recipient.state {
                RecipientState::Settled(outcome) => outcome,
                _ => refused(&Reply::plain(451, "the next hop has not answered")),
            };
            (recipient.address, outcome)
        });
        Settlement { outcomes: outcomes.collect(), onward }
    }
}

/// An LMTP server stores what it takes. One that offers DSN says so itself,
/// as any server does (RFC 3461 section 5.2.1).
fn taker(peer: &Extensions, dialect: Dialect) -> Taker {
    match dialect {
        Dialect::Lmtp if !peer.dsn() => Taker::Mailbox,
        _ => Taker::Relay { dsn: peer.dsn_promise(), deliver_by: peer.deliver_by_promise() },
    }
}

/// What a reply other than the hoped-for one means.
fn refused(reply: &Reply) -> Outcome {
    let failure = Failure { reason: FailureReason::Peer, reply: reply.clone() };
    match reply.severity() {
        Severity::Permanent => Outcome::Permanent(failure),
        _ => Outcome::Transient(failure),
    }
}

fn concluded(reply: &Reply, to: Taker) -> Outcome {
    match reply.severity() {
        Severity::Positive => Outcome::Delivered(Handover { reply: reply.clone(), to }),
        _ => refused(reply),
    }
}
