//! The dialogue, from the greeting to QUIT, message after message.
//!
//! The driver asks [`Session::advance`] what to do, does it, and asks again. A
//! session serves one message after another ([`Action::Idle`]).

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    content::Stuffed,
    message::{Extensions, Message},
    replies::{Received, Replies},
    transaction::{Onward, Settlement, Stage, Transaction},
    wait::Wait,
};
use crate::mail::{Domain, EnhancedStatusCode, Failure, FailureReason, Outcome, Reply, Severity};

/// One connection's dialogue with a next hop.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    replies: Replies,
    outbox: Vec<Bytes>,
    news: Option<Action>,
    state: State,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own name, for EHLO.
    pub name: Domain,
    pub dialect: Dialect,
    pub encryption: Encryption,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    Smtp,
    /// A reply for each recipient after content (RFC 2033).
    Lmtp,
}

/// When STARTTLS is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    Never,
    IfOffered,
    /// No MAIL without it.
    Required,
}

/// What the driver must do now.
#[derive(Debug)]
pub enum Action {
    Send(Vec<Bytes>, Wait),
    /// Hand what comes in to [`Session::received`].
    Receive(Wait),
    /// Make the TLS handshake and call [`Session::secured`].
    Secure,
    /// Nothing is under way: [`Session::begin`] or [`Session::quit`].
    Idle,
    /// The message that was begun is over; ask on to see whether another can
    /// follow.
    Settled(Settlement),
    /// The session has failed with no message under way.
    Failed(Failed),
    Closed,
}

/// Why a session failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failed {
    /// The greeting or the reply to EHLO was no welcome.
    #[error("the next hop does not take mail from us: {0}")]
    Refused(Reply),
    #[error("TLS is required and the next hop does not offer STARTTLS")]
    TlsNotOffered,
    #[error("TLS is required and the next hop refused STARTTLS: {0}")]
    TlsRefused(Reply),
    #[error("something stood in clear between the reply to STARTTLS and the handshake")]
    Injected,
    #[error("the next hop said something that is no reply: {0}")]
    NoReply(String),
    #[error("the next hop gave a reply that answers nothing: {0}")]
    OutOfTurn(Reply),
    #[error("the next hop spoke before it was asked")]
    Unsolicited,
    #[error("{0}")]
    Lost(Lost),
}

/// How a connection came to its end before the dialogue did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("the next hop closed the connection")]
    Closed,
    #[error("the next hop did not answer in time")]
    TimedOut,
    #[error("the connection was lost: {0}")]
    Broken(String),
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
}

/// Each state owns what is known by then. What a state lacks cannot be used:
/// extensions heard in clear do not survive STARTTLS.
#[derive(Debug)]
enum State {
    Greeting,
    /// EHLO or LHLO was said.
    Hello(Channel),
    /// HELO was said, after EHLO was not understood.
    OldHello(Channel),
    /// STARTTLS was said.
    StartTls(Extensions),
    Handshake,
    Ready(Extensions),
    /// The stages whose replies are still to come, in their order.
    Envelope(Extensions, Transaction, VecDeque<Stage>),
    Content(Extensions, Transaction, Stuffed),
    /// Content is out; the recipients still to be answered (LMTP: each).
    End(Extensions, Transaction, VecDeque<usize>),
    /// A pipelined DATA was granted although nobody was accepted: the empty
    /// message was sent (RFC 2920 section 3.1).
    Nothing(Extensions, Transaction),
    /// RSET was said.
    Reset(Extensions),
    Quit,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Clear,
    Encrypted,
}

impl Session {
    /// For a connection just made.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            replies: Replies::default(),
            outbox: Vec::new(),
            news: None,
            state: State::Greeting,
        }
    }

    /// What to do now.
    pub fn advance(&mut self) -> Action {
        loop {
            if let Some(news) = self.news.take() {
                return news;
            }
            if !self.outbox.is_empty() {
                return Action::Send(std::mem::take(&mut self.outbox), self.wait());
            }
            match &mut self.state {
                State::Handshake => return Action::Secure,
                State::Ready(_) => return Action::Idle,
                State::Closed => return Action::Closed,
                State::Content(_, _, pieces) => {
                    let batch: Vec<Bytes> = pieces.by_ref().take(PIECES).collect();
                    if !batch.is_empty() {
                        return Action::Send(batch, Wait::Block);
                    }
                    self.content_is_out();
                }
                _ => match self.replies.take() {
                    Ok(Some(received)) => self.step(&received),
                    Ok(None) => return Action::Receive(self.wait()),
                    Err(error) => self.break_off(Failed::NoReply(error.to_string())),
                },
            }
        }
    }

    /// Octets from the peer.
    pub fn received(&mut self, octets: &[u8]) {
        self.replies.push(octets);
    }

    /// The handshake is made: everything said in clear is forgotten.
    pub fn secured(&mut self) {
        self.replies = Replies::default();
        self.say_hello(Channel::Encrypted);
    }

    /// Starts a message. Only after [`Action::Idle`]; otherwise the message
    /// settles as one that could not be sent.
    pub fn begin(&mut self, message: Message) {
        let State::Ready(peer) = self.state else {
            return self.settle_unsent(message, &Failed::Lost(Lost::Closed));
        };
        if !self.replies.is_empty() {
            // A 421 while idle, or a reply meant to answer what comes.
            self.settle_unsent(message, &Failed::Unsolicited);
            self.state = State::Closed;
            return;
        }
        match Transaction::new(message, peer) {
            Err(settlement) => self.news = Some(Action::Settled(settlement)),
            Ok(transaction) => {
                let commands = match peer.pipelining() {
                    true => transaction.pipelined(),
                    false => transaction.command(Stage::Mail).to_owned(),
                };
                self.outbox.push(commands.into());
                let stages = transaction.stages();
                self.state = State::Envelope(peer, transaction, stages);
            }
        }
    }

    /// Says goodbye. Only when no message is under way.
    pub fn quit(&mut self) {
        self.outbox.push(Bytes::from_static(b"QUIT\r\n"));
        self.state = State::Quit;
    }

    /// The connection is gone, or silent.
    pub fn lost(&mut self, how: Lost) {
        self.outbox.clear();
        let state = std::mem::replace(&mut self.state, State::Closed);
        match (state, self.replies.take()) {
            // It refused in the middle of content and hung up. A 2xx there
            // answers content it has not seen, and counts for nothing.
            (State::Content(_, transaction, _), Ok(Some(received)))
                if matches!(
                    received.reply.severity(),
                    Severity::Transient | Severity::Permanent
                ) =>
            {
                self.close_on(transaction, &received.reply);
            }
            (state, _) => {
                self.state = state;
                self.break_off(Failed::Lost(how));
            }
        }
    }

    /// Takes a reply. The state is consumed: a stale one cannot be used.
    fn step(&mut self, received: &Received) {
        let reply = &received.reply;
        let state = std::mem::replace(&mut self.state, State::Closed);
        match state {
            State::Greeting => match reply.severity() {
                Severity::Positive => self.say_hello(Channel::Clear),
                _ => self.fail(Failed::Refused(reply.clone())),
            },
            State::Hello(channel) => self.hello(channel, received),
            State::OldHello(channel) => match reply.severity() {
                Severity::Positive => self.greeted(channel, Extensions::default()),
                _ => self.fail(Failed::Refused(reply.clone())),
            },
            State::StartTls(peer) => self.start_tls(peer, reply),
            State::Envelope(peer, transaction, stages) => {
                self.envelope(peer, transaction, stages, reply);
            }
            State::End(peer, transaction, recipients) => {
                self.end(peer, transaction, recipients, reply);
            }
            State::Nothing(peer, transaction) => {
                self.settle(transaction);
                self.state = State::Ready(peer);
            }
            State::Reset(peer) => match reply.severity() {
                Severity::Positive => self.state = State::Ready(peer),
                _ => self.state = State::Closed,
            },
            // The others wait for no reply; QUIT's does not matter.
            _ => self.state = State::Closed,
        }
    }

    fn say(&mut self, command: impl Into<Bytes>, state: State) {
        self.state = state;
        if self.replies.is_empty() {
            self.outbox.push(command.into());
        } else {
            self.fail(Failed::Unsolicited);
        }
    }

    fn say_hello(&mut self, channel: Channel) {
        let verb = match self.settings.dialect {
            Dialect::Smtp => "EHLO",
            Dialect::Lmtp => "LHLO",
        };
        self.say(format!("{verb} {}\r\n", self.settings.name), State::Hello(channel));
    }

    fn hello(&mut self, channel: Channel, received: &Received) {
        match (received.reply.severity(), self.settings.dialect) {
            (Severity::Positive, _) => {
                let peer = received.extensions().map(|response| Extensions::of(&response));
                self.greeted(channel, peer.unwrap_or_default());
            }
            (Severity::Permanent, Dialect::Smtp) => {
                let command = format!("HELO {}\r\n", self.settings.name);
                self.say(command, State::OldHello(channel));
            }
            _ => self.fail(Failed::Refused(received.reply.clone())),
        }
    }

    /// The only way to `Ready`: law 2 stands here.
    fn greeted(&mut self, channel: Channel, peer: Extensions) {
        match (channel, self.settings.encryption) {
            (Channel::Clear, Encryption::Required | Encryption::IfOffered) if peer.start_tls() => {
                self.say(&b"STARTTLS\r\n"[..], State::StartTls(peer));
            }
            (Channel::Clear, Encryption::Required) => self.fail(Failed::TlsNotOffered),
            _ => self.state = State::Ready(peer),
        }
    }

    fn start_tls(&mut self, peer: Extensions, reply: &Reply) {
        match (reply.severity(), self.settings.encryption) {
            (Severity::Positive, _) if self.replies.is_empty() => self.state = State::Handshake,
            (Severity::Positive, _) => self.fail(Failed::Injected),
            (_, Encryption::Required) => self.fail(Failed::TlsRefused(reply.clone())),
            _ => self.state = State::Ready(peer),
        }
    }

    /// The reply to MAIL, to one RCPT, or to DATA.
    fn envelope(
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

    fn content_is_out(&mut self) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Content(peer, transaction, _) => {
                let recipients = transaction.accepted().collect();
                self.state = State::End(peer, transaction, recipients);
            }
            other => self.state = other,
        }
    }

    /// The reply to the end of content: LMTP's speak of one recipient each.
    fn end(
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

    /// The peer has said that it closes the connection, and why.
    fn close_on(&mut self, mut transaction: Transaction, reply: &Reply) {
        transaction.refuse_rest(reply);
        self.settle(transaction);
        self.state = State::Closed;
    }

    fn settle(&mut self, transaction: Transaction) {
        self.news = Some(Action::Settled(transaction.settlement()));
    }

    fn settle_unsent(&mut self, message: Message, failed: &Failed) {
        let outcome = Outcome::Transient(failed.failure());
        let recipients = message.recipients.into_iter();
        let outcomes = recipients.map(|address| (address, outcome.clone())).collect();
        let settlement = Settlement { outcomes, onward: Onward::NextHost };
        self.news = Some(Action::Settled(settlement));
    }

    fn fail_in(&mut self, mut transaction: Transaction, failed: &Failed) {
        transaction.settle_rest(&Outcome::Transient(failed.failure()));
        self.settle(transaction);
        self.state = State::Closed;
    }

    /// The session is over with no message under way.
    fn fail(&mut self, failed: Failed) {
        self.outbox.clear();
        self.state = State::Closed;
        self.news = Some(Action::Failed(failed));
    }

    /// The session is over in whatever state it was.
    fn break_off(&mut self, failed: Failed) {
        self.outbox.clear();
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Envelope(_, transaction, _)
            | State::Content(_, transaction, _)
            | State::End(_, transaction, _)
            | State::Nothing(_, transaction) => self.fail_in(transaction, &failed),
            // Everything has its outcome: nobody waits for these.
            State::Ready(_) | State::Reset(_) | State::Quit | State::Closed => {}
            _ => self.fail(failed),
        }
    }

    fn wait(&self) -> Wait {
        match &self.state {
            State::Greeting => Wait::Greeting,
            State::Envelope(_, _, stages) => match stages.front() {
                Some(Stage::Mail) => Wait::Mail,
                Some(Stage::Recipient(_)) => Wait::Recipient,
                Some(Stage::Data) | None => Wait::Data,
            },
            State::Content(..) => Wait::Block,
            State::End(..) | State::Nothing(..) => Wait::End,
            State::Quit | State::Closed => Wait::Quit,
            _ => Wait::Hello,
        }
    }
}

impl Failed {
    /// Whether it was TLS that failed: without it the session might have gone
    /// on.
    pub const fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::TlsNotOffered
                | Self::TlsRefused(_)
                | Self::Injected
                | Self::Lost(Lost::Handshake(_))
        )
    }

    /// As the outcome of a recipient: the peer's own reply where there is one.
    pub fn failure(&self) -> Failure {
        let ours =
            |reason, status| Failure { reason, reply: Reply::new(451, status, self.to_string()) };
        match self {
            Self::Refused(reply) => Failure { reason: FailureReason::Peer, reply: reply.clone() },
            failed if failed.is_tls() => ours(FailureReason::Tls, NO_ENCRYPTION),
            Self::Lost(_) => ours(FailureReason::Connection, BAD_CONNECTION),
            _ => ours(FailureReason::Connection, BAD_PROTOCOL),
        }
    }
}

/// RFC 5321 section 3.8: may answer any command.
const SERVICE_CLOSING: u16 = 421;
const BAD_CONNECTION: EnhancedStatusCode = EnhancedStatusCode(4, 4, 2);
const BAD_PROTOCOL: EnhancedStatusCode = EnhancedStatusCode(4, 5, 0);
const NO_ENCRYPTION: EnhancedStatusCode = EnhancedStatusCode(4, 7, 5);
/// How many pieces of content are handed to the driver at once.
const PIECES: usize = 16;
