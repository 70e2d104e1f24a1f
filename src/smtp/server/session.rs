//! The session: where it stands, what it does with a line, when it gives up.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    authentication::{AuthenticationQuestion, VerifierQuestion},
    chunks::{Chunks, Dropping},
    command,
    complaint::{Complaint, Refused},
    forwarding::{Client, ClientQuestion, Guise},
    incoming::Incoming,
    questions::{ContentQuestion, FinishedMessage, RecipientQuestion, SenderQuestion, TlsUpgrade},
    replies::Tally,
    sasl::{Claim, Exchange},
    scram::ClientFirst,
    settings::{Peer, Settings},
    transaction::{Bringing, Transaction},
};
use crate::{
    mail::{Origin, Recipient, SessionEnd, Timestamp, TlsSession},
    smtp::{Framed, LineEnds, LineReader},
};

/// One client's session. See the module for how it is driven.
#[derive(Debug)]
pub struct Session {
    pub(super) settings: Arc<Settings>,
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    /// What a peer that speaks for others has said of its client.
    pub(super) guise: Option<Box<Guise>>,
    lines: LineReader,
    /// Commands and messages with bare line ends, since last asked about.
    pub(super) normalised: u64,
    pub(super) output: Vec<u8>,
    /// Replied to, but not yet told to the driver.
    pub(super) refused: VecDeque<Refused>,
    /// Since when the client has been waited for; unset while it is not.
    pub(super) waiting_since: Option<Instant>,
    pub(super) tally: Tally,
    /// When it was first called.
    began: Option<Instant>,
    age: Duration,
    pub(super) running: Running,
}

/// What the driver does next. All but `Refused` first want what the session
/// has to say sent: see `take_output`.
#[derive(Debug)]
pub enum Action<'s> {
    /// Wait for more input; call again with it, or when the time has come.
    Read(Wait),
    /// A refusal has been written to the output: count it.
    Refused(Refused),
    Mail(SenderQuestion<'s>),
    Recipient(RecipientQuestion<'s>),
    Client(ClientQuestion<'s>),
    Verifier(VerifierQuestion<'s>),
    Authenticate(AuthenticationQuestion<'s>),
    Content(ContentQuestion<'s>),
    Message(FinishedMessage<'s>),
    StartTls(TlsUpgrade<'s>),
    Close(SessionEnd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub until: Instant,
    pub expected: Expected,
    /// Octets of content that are not in the input any more but with the
    /// session: they need their memory still.
    pub held: usize,
}

/// What sort of input comes next: content comes in bulk, and stays in the
/// input until it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Command,
    Content,
}

/// Where the session stands, and what it knows there.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing has been said.
    Connected,
    /// Greeted, or fresh out of a TLS handshake: EHLO or HELO must come.
    Anonymous,
    /// Between transactions.
    Idle(Box<Origin>),
    /// AUTH has begun.
    Authenticating(Box<Origin>, Exchange),
    /// MAIL has been taken.
    Envelope(Box<Transaction>),
    /// DATA has been taken.
    Content(Box<Incoming>),
    /// BDAT has been taken, and its octets are coming.
    Chunk(Box<Chunks>),
    /// Between BDAT and BDAT.
    Chunked(Box<Chunks>),
    /// The octets of a BDAT that is refused are coming.
    Dropping(Box<Dropping>),
    Over(SessionEnd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    On,
    /// No new transaction is begun.
    Stopping,
}

/// An action that does not borrow the session yet.
pub(super) enum Step {
    Read(Wait),
    Refused(Refused),
    Mail(Box<Transaction>),
    Recipient(Box<Transaction>, Recipient),
    Client(Client),
    Verifier(Box<Origin>, ClientFirst),
    Authenticate(Box<Origin>, Claim),
    Content(Box<Transaction>, Bringing),
    Message(Box<Transaction>, Bytes),
    StartTls,
    Close(SessionEnd),
}

impl Session {
    pub fn new(settings: Arc<Settings>, peer: Peer) -> Self {
        let lines = LineReader::new(peer.line_ends);
        Self {
            settings,
            peer,
            phase: Phase::Connected,
            guise: None,
            lines,
            normalised: 0,
            output: Vec::new(),
            refused: VecDeque::new(),
            waiting_since: None,
            tally: Tally::default(),
            began: None,
            age: Duration::ZERO,
            running: Running::On,
        }
    }

    /// Goes on as far as it can. What it has no more use for is taken from
    /// the front of the input; the same octets give the same actions however
    /// they arrive.
    pub fn next(&mut self, input: &mut BytesMut, now: Instant) -> Action<'_> {
        self.age = now.saturating_duration_since(*self.began.get_or_insert(now));
        match self.step(input, now) {
            Step::Read(wait) => Action::Read(wait),
            Step::Refused(refused) => Action::Refused(refused),
            Step::Mail(transaction) => Action::Mail(SenderQuestion { session: self, transaction }),
            Step::Recipient(transaction, recipient) => {
                Action::Recipient(RecipientQuestion { session: self, transaction, recipient })
            }
            Step::Client(client) => Action::Client(ClientQuestion { session: self, client }),
            Step::Verifier(origin, first) => {
                Action::Verifier(VerifierQuestion { session: self, origin, first })
            }
            Step::Authenticate(origin, claim) => {
                Action::Authenticate(AuthenticationQuestion { session: self, origin, claim })
            }
            Step::Content(transaction, bringing) => {
                Action::Content(ContentQuestion { session: self, transaction, bringing })
            }
            Step::Message(transaction, content) => {
                Action::Message(FinishedMessage { session: self, transaction, content })
            }
            Step::StartTls => {
                // What an attacker put in after STARTTLS, in clear, must not
                // be taken for what the client says under TLS (RFC 3207
                // section 4.2, CVE-2011-0411).
                input.clear();
                Action::StartTls(TlsUpgrade { session: self })
            }
            Step::Close(end) => Action::Close(end),
        }
    }

    /// The replies since it was last called, to be sent in one piece.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many commands and messages have come with bare line ends, and have
    /// been borne with, since it was last called.
    pub fn take_normalised(&mut self) -> u64 {
        std::mem::take(&mut self.normalised)
    }

    /// No new transaction from here on; one that is under way may end.
    pub fn stop(&mut self) {
        self.running = Running::Stopping;
    }

    /// The time of day.
    pub(super) fn wall(&self) -> Timestamp {
        self.peer.connected + self.age
    }

    pub(super) fn resume(&mut self, phase: Phase) {
        self.phase = phase;
        self.waiting_since = None;
    }

    pub(super) fn restart(&mut self, tls: TlsSession, certified: Option<String>) {
        self.peer.tls = Some(tls);
        self.peer.certified = certified;
        self.guise = None;
        self.set_line_ends(self.peer.line_ends);
        self.resume(Phase::Anonymous);
    }

    pub(super) fn set_line_ends(&mut self, line_ends: LineEnds) {
        self.peer.line_ends = line_ends;
        self.lines = LineReader::new(line_ends);
    }

    fn step(&mut self, input: &mut BytesMut, now: Instant) -> Step {
        loop {
            if let Some(refused) = self.refused.pop_front() {
                return Step::Refused(refused);
            }
            let step = match std::mem::take(&mut self.phase) {
                Phase::Connected => self.await_greeting(input, now),
                Phase::Over(end) => {
                    self.phase = Phase::Over(end);
                    Some(Step::Close(end))
                }
                Phase::Content(incoming) => self.content(incoming, input, now),
                Phase::Chunk(chunks) => self.chunk_octets(chunks, input, now),
                Phase::Dropping(dropping) => self.dropped_octets(dropping, input, now),
                phase => {
                    self.phase = phase;
                    self.line(input, now)
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn line(&mut self, input: &mut BytesMut, now: Instant) -> Option<Step> {
        if self.running == Running::Stopping && self.phase.transaction().is_none() {
            self.give_up(&Complaint::Stopping, SessionEnd::Stopping);
            return None;
        }
        let limit = match self.phase {
            Phase::Authenticating(..) => SASL_LINE,
            _ => COMMAND_LINE,
        };
        match self.lines.receive(input, limit) {
            Framed::Incomplete => self.wait(now),
            Framed::Line(length) => {
                self.waiting_since = None;
                let step = self.take_line(input.get(..length).unwrap_or_default());
                input.advance(length);
                step
            }
            Framed::BareLine(length) => {
                self.waiting_since = None;
                self.normalised += 1;
                let text = input.split_to(length);
                self.take_line(&[text.get(..length - 1).unwrap_or_default(), b"\r\n"].concat())
            }
            Framed::TooLong(verb) => {
                self.waiting_since = None;
                match verb.eq_ignore_ascii_case(command::CHUNK) {
                    true => self.give_up(&Complaint::BadChunk, SessionEnd::Refused),
                    false => self.complain(&Complaint::LineTooLong),
                }
                None
            }
            Framed::Stray(stray) => {
                self.give_up(&Complaint::StrayInCommand(stray), SessionEnd::Refused);
                None
            }
        }
    }

    fn wait(&mut self, now: Instant) -> Option<Step> {
        let timeouts = &self.settings.timeouts;
        let command_ends = *self.waiting_since.get_or_insert(now) + timeouts.command;
        let held = self.phase.held();
        let message_ends = match self.phase.transaction() {
            Some(transaction) => *transaction.started.get_or_insert(now) + timeouts.message,
            None => command_ends,
        };
        let until = command_ends.min(message_ends);
        if now < until {
            return Some(Step::Read(Wait { until, expected: Expected::Command, held }));
        }
        let complaint = match message_ends < command_ends {
            true => Complaint::MessageDeadline,
            false => Complaint::CommandTimeout,
        };
        self.give_up(&complaint, SessionEnd::Timeout);
        None
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Step> {
        self.tally.commands += 1;
        if self.tally.commands > self.settings.limits.commands {
            self.too_many(&Complaint::TooManyCommands);
            return None;
        }
        match std::mem::take(&mut self.phase) {
            Phase::Authenticating(origin, exchange) => {
                let turn = command::printable(line).and_then(|text| exchange.respond(text));
                self.sasl_turn(origin, turn)
            }
            phase => {
                self.phase = phase;
                let offers = |extension| self.offers(extension);
                match command::parse(line, &self.settings.node, &offers) {
                    Ok(command) => self.obey(command),
                    // Where its octets end is not known.
                    Err(Complaint::BadChunk) => {
                        self.give_up(&Complaint::BadChunk, SessionEnd::Refused);
                        None
                    }
                    Err(complaint) => {
                        self.complain(&complaint);
                        None
                    }
                }
            }
        }
    }
}

impl Phase {
    /// The transaction that is open between commands.
    pub(super) fn transaction(&mut self) -> Option<&mut Transaction> {
        match self {
            Self::Envelope(transaction) => Some(transaction),
            Self::Chunked(chunks) => Some(&mut chunks.transaction),
            _ => None,
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Chunked(chunks) => chunks.held(),
            _ => 0,
        }
    }

    /// Who is there, once it has said so.
    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Idle(origin) => Some(origin),
            Self::Envelope(transaction) => Some(&transaction.origin),
            Self::Chunked(chunks) => Some(&chunks.transaction.origin),
            _ => None,
        }
    }

    pub(super) fn into_origin(self) -> Option<Box<Origin>> {
        match self {
            Self::Idle(origin) => Some(origin),
            Self::Envelope(transaction) => Some(transaction.origin),
            Self::Chunked(chunks) => Some(chunks.transaction.origin),
            _ => None,
        }
    }
}

/// Where a question leaves the session until it is answered.
impl Default for Phase {
    fn default() -> Self {
        Self::Over(SessionEnd::Failed)
    }
}

/// RFC 5321 section 4.5.3.1.4 has 512; extensions add to it.
const COMMAND_LINE: usize = 2_048;
/// RFC 4954 section 4.
const SASL_LINE: usize = 12_288;
