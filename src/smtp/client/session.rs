//! The dialogue, from the greeting to QUIT, message after message: where it
//! stands, and how it ends. What is said on the way to the first MAIL is in
//! `opening`, what a message is made of in `mailing`.
//!
//! The driver asks [`Session::advance`] what to do, does it, and asks again. A
//! session serves one message after another ([`Action::Idle`]).

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    asking::{Answer, Asked},
    authentication::{Credentials, Exchange},
    content::Stuffed,
    extensions::Extensions,
    failed::{Failed, Lost},
    message::Message,
    replies::{Received, Replies},
    transaction::{Onward, Settlement, Stage, Transaction},
    wait::Wait,
};
use crate::mail::{Domain, Outcome, Reply, Severity};

/// One connection's dialogue with a next hop.
#[derive(Debug)]
pub struct Session {
    pub(super) settings: Settings,
    pub(super) replies: Replies,
    pub(super) outbox: Vec<Bytes>,
    pub(super) news: Option<Action>,
    pub(super) state: State,
    pub(super) introduction: Introduction,
}

/// How the peer has shown itself, for whoever wants to know.
#[derive(Clone, Debug, Default)]
pub struct Introduction {
    pub greeting: Option<Reply>,
    /// What it offered before TLS.
    pub in_clear: Option<Extensions>,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own name, for EHLO.
    pub name: Domain,
    pub dialect: Dialect,
    pub encryption: Encryption,
    /// Whom the peer must know before mail is said; empty where nobody asks.
    pub credentials: Vec<Credentials>,
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
    /// What [`Session::ask`] was answered.
    Answered(Answer),
    /// The session has failed with no message under way.
    Failed(Failed),
    Closed,
}

/// Each state owns what is known by then. What a state lacks cannot be used:
/// extensions heard in clear do not survive STARTTLS.
#[derive(Debug)]
pub(super) enum State {
    Greeting,
    /// EHLO or LHLO was said.
    Hello(Channel),
    /// HELO was said, after EHLO was not understood.
    OldHello(Channel),
    /// STARTTLS was said.
    StartTls(Extensions),
    Handshake,
    /// AUTH was said, or a response in its exchange.
    Authenticating(Extensions, Exchange),
    Ready(Extensions),
    /// The stages whose replies are still to come, in their order.
    Envelope(Extensions, Transaction, VecDeque<Stage>),
    Content(Extensions, Transaction, Stuffed),
    /// Content is out; the recipients still to be answered (LMTP: each).
    End(Extensions, Transaction, VecDeque<usize>),
    /// A pipelined DATA was granted although nobody was accepted: the empty
    /// message was sent (RFC 2920 section 3.1).
    Nothing(Extensions, Transaction),
    /// A recipient is asked about, for no message.
    Asking(Extensions, Asked),
    /// RSET was said.
    Reset(Extensions),
    Quit,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
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
            introduction: Introduction::default(),
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

    pub fn introduction(&self) -> &Introduction {
        &self.introduction
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
        match Transaction::new(message, &peer, self.settings.dialect) {
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
                Severity::Positive => {
                    self.introduction.greeting = Some(reply.clone());
                    self.say_hello(Channel::Clear);
                }
                _ => self.fail(Failed::Refused(reply.clone())),
            },
            State::Hello(channel) => self.hello(channel, received),
            State::OldHello(channel) => match reply.severity() {
                Severity::Positive => self.greeted(channel, Extensions::default()),
                _ => self.fail(Failed::Refused(reply.clone())),
            },
            State::StartTls(peer) => self.start_tls(peer, reply),
            State::Authenticating(peer, exchange) => self.authenticating(peer, exchange, reply),
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
            State::Asking(peer, asked) => self.answered(peer, asked, reply),
            State::Reset(peer) => match reply.severity() {
                Severity::Positive => self.state = State::Ready(peer),
                _ => self.state = State::Closed,
            },
            // The others wait for no reply; QUIT's does not matter.
            _ => self.state = State::Closed,
        }
    }

    pub(super) fn say(&mut self, command: impl Into<Bytes>, state: State) {
        self.state = state;
        if self.replies.is_empty() {
            self.outbox.push(command.into());
        } else {
            self.fail(Failed::Unsolicited);
        }
    }

    /// The peer has said that it closes the connection, and why.
    pub(super) fn close_on(&mut self, mut transaction: Transaction, reply: &Reply) {
        transaction.refuse_rest(reply);
        self.settle(transaction);
        self.state = State::Closed;
    }

    pub(super) fn settle(&mut self, transaction: Transaction) {
        self.news = Some(Action::Settled(transaction.settlement()));
    }

    fn settle_unsent(&mut self, message: Message, failed: &Failed) {
        let outcome = Outcome::Transient(failed.failure());
        let recipients = message.recipients.into_iter();
        let outcomes = recipients.map(|one| (one.address, outcome.clone())).collect();
        let settlement = Settlement { outcomes, onward: Onward::NextHost };
        self.news = Some(Action::Settled(settlement));
    }

    pub(super) fn fail_in(&mut self, mut transaction: Transaction, failed: &Failed) {
        transaction.settle_rest(&Outcome::Transient(failed.failure()));
        self.settle(transaction);
        self.state = State::Closed;
    }

    /// The session is over with no message under way.
    pub(super) fn fail(&mut self, failed: Failed) {
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
            State::Asking(_, Asked::Sender(_)) => Wait::Mail,
            State::Asking(_, Asked::Recipient) => Wait::Recipient,
            State::Content(..) => Wait::Block,
            State::End(..) | State::Nothing(..) => Wait::End,
            State::Quit | State::Closed => Wait::Quit,
            _ => Wait::Hello,
        }
    }
}

/// How many pieces of content are handed to the driver at once.
const PIECES: usize = 16;
