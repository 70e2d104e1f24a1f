//! The session: where it stands, what it does with a line, when it gives up.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    authentication::{AuthenticationQuestion, VerifierQuestion},
    command,
    complaint::{Complaint, Refused},
    questions::{ContentQuestion, FinishedMessage, RecipientQuestion, SenderQuestion, TlsUpgrade},
    sasl::{Claim, Exchange},
    scram::ClientFirst,
    settings::{Peer, Settings},
};
use crate::{
    mail::{Envelope, Origin, QueueId, Recipient, SessionEnd, TlsSession},
    smtp::{ContentReader, Framed, LineReader, Progress},
};

/// One client's session. See the module for how it is driven.
#[derive(Debug)]
pub struct Session {
    pub(super) settings: Arc<Settings>,
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    lines: LineReader,
    output: Vec<u8>,
    /// Replied to, but not yet told to the driver.
    refused: VecDeque<Refused>,
    /// Since when the client has been waited for; unset while it is not.
    waiting_since: Option<Instant>,
    tally: Tally,
    running: Running,
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
    Over(SessionEnd),
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) origin: Box<Origin>,
    pub(super) envelope: Envelope,
    pub(super) declared_size: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Incoming {
    transaction: Box<Transaction>,
    reader: ContentReader,
    started: Option<Instant>,
    /// Why it is read only to be dropped, where that is not its size.
    refused: Option<Refused>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    bad_commands: usize,
    idle_commands: usize,
    authentication_failures: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Running {
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
    Verifier(Box<Origin>, ClientFirst),
    Authenticate(Box<Origin>, Claim),
    Content(Box<Transaction>),
    Message(Box<Transaction>, Bytes),
    StartTls,
    Close(SessionEnd),
}

impl Session {
    pub fn new(settings: Arc<Settings>, peer: Peer) -> Self {
        Self {
            settings,
            peer,
            phase: Phase::Connected,
            lines: LineReader::default(),
            output: Vec::new(),
            refused: VecDeque::new(),
            waiting_since: None,
            tally: Tally::default(),
            running: Running::On,
        }
    }

    /// Goes on as far as it can. What it has no more use for is taken from
    /// the front of the input; the same octets give the same actions however
    /// they arrive.
    pub fn next(&mut self, input: &mut BytesMut, now: Instant) -> Action<'_> {
        match self.step(input, now) {
            Step::Read(wait) => Action::Read(wait),
            Step::Refused(refused) => Action::Refused(refused),
            Step::Mail(transaction) => Action::Mail(SenderQuestion { session: self, transaction }),
            Step::Recipient(transaction, recipient) => {
                Action::Recipient(RecipientQuestion { session: self, transaction, recipient })
            }
            Step::Verifier(origin, first) => {
                Action::Verifier(VerifierQuestion { session: self, origin, first })
            }
            Step::Authenticate(origin, claim) => {
                Action::Authenticate(AuthenticationQuestion { session: self, origin, claim })
            }
            Step::Content(transaction) => {
                Action::Content(ContentQuestion { session: self, transaction })
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

    /// No new transaction from here on; one that is under way may end.
    pub fn stop(&mut self) {
        self.running = Running::Stopping;
    }

    /// There is no memory for the rest of the content that is coming in: it
    /// is read to its end and refused.
    pub fn refuse_content(&mut self, input: &mut BytesMut, refused: Refused) {
        if let Phase::Content(incoming) = &mut self.phase {
            incoming.reader.discard(input);
            incoming.refused.get_or_insert(refused);
        }
    }

    pub(super) fn resume(&mut self, phase: Phase) {
        self.phase = phase;
        self.waiting_since = None;
    }

    pub(super) fn restart(&mut self, tls: TlsSession, certified: Option<String>) {
        self.peer.tls = Some(tls);
        self.peer.certified = certified;
        self.lines = LineReader::default();
        self.resume(Phase::Anonymous);
    }

    fn step(&mut self, input: &mut BytesMut, now: Instant) -> Step {
        loop {
            if let Some(refused) = self.refused.pop_front() {
                return Step::Refused(refused);
            }
            let step = match std::mem::take(&mut self.phase) {
                Phase::Connected => {
                    self.greet();
                    None
                }
                Phase::Over(end) => {
                    self.phase = Phase::Over(end);
                    Some(Step::Close(end))
                }
                Phase::Content(incoming) => self.content(incoming, input, now),
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

    fn greet(&mut self) {
        let greeting = format!("220 {} ESMTP Postern", self.settings.node);
        self.reply(&greeting);
        self.resume(Phase::Anonymous);
    }

    // Content.

    fn content(
        &mut self,
        mut incoming: Box<Incoming>,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Step> {
        let before = input.len();
        let size_before = incoming.reader.size();
        match incoming.reader.receive(input) {
            Progress::Incomplete => {
                if incoming.reader.size() != size_before || input.len() != before {
                    self.waiting_since = None;
                }
                let wait = self.content_wait(&mut incoming, now);
                if now >= wait.until {
                    self.give_up(&Complaint::ContentTimeout, SessionEnd::Timeout);
                    return None;
                }
                self.phase = Phase::Content(incoming);
                Some(Step::Read(wait))
            }
            Progress::Complete(content) => {
                self.tally.idle_commands = 0;
                Some(Step::Message(incoming.transaction, content))
            }
            Progress::Discarded => {
                self.refuse(incoming.refused.unwrap_or_else(|| Complaint::TooLarge.refused()));
                self.resume(Phase::Idle(incoming.transaction.origin));
                None
            }
            Progress::Stray(stray) => {
                self.give_up(&Complaint::StrayInContent(stray), SessionEnd::Refused);
                None
            }
        }
    }

    fn content_wait(&mut self, incoming: &mut Incoming, now: Instant) -> Wait {
        let timeouts = &self.settings.timeouts;
        let block_ends = *self.waiting_since.get_or_insert(now) + timeouts.content_block;
        let message_ends = *incoming.started.get_or_insert(now) + timeouts.message;
        Wait { until: block_ends.min(message_ends), expected: Expected::Content }
    }

    // Lines.

    fn line(&mut self, input: &mut BytesMut, now: Instant) -> Option<Step> {
        if self.running == Running::Stopping && !matches!(self.phase, Phase::Envelope(_)) {
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
            Framed::TooLong => {
                self.waiting_since = None;
                self.complain(&Complaint::LineTooLong);
                None
            }
            Framed::Stray(stray) => {
                self.give_up(&Complaint::StrayInCommand(stray), SessionEnd::Refused);
                None
            }
        }
    }

    fn wait(&mut self, now: Instant) -> Option<Step> {
        let until = *self.waiting_since.get_or_insert(now) + self.settings.timeouts.command;
        if now >= until {
            self.give_up(&Complaint::CommandTimeout, SessionEnd::Timeout);
            return None;
        }
        Some(Step::Read(Wait { until, expected: Expected::Command }))
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Authenticating(origin, exchange) => {
                let turn = command::printable(line).and_then(|text| exchange.respond(text));
                self.sasl_turn(origin, turn)
            }
            phase => {
                self.phase = phase;
                match command::parse(line, &self.settings.node) {
                    Ok(command) => self.obey(command),
                    Err(complaint) => {
                        self.complain(&complaint);
                        None
                    }
                }
            }
        }
    }

    // Replies.

    pub(super) fn reply(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    pub(super) fn reply_queued(&mut self, id: QueueId) {
        self.reply(&format!("250 2.0.0 queued as {id}"));
    }

    /// To a command that brings no message nearer: a client may send many of
    /// them, but not for ever.
    pub(super) fn idle_reply(&mut self, line: &str) {
        self.tally.idle_commands += 1;
        if self.tally.idle_commands > self.settings.limits.idle_commands {
            return self.give_up(&Complaint::TooManyIdleCommands, SessionEnd::Refused);
        }
        self.reply(line);
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        refused.reply.write_to(&mut self.output);
        self.refused.push_back(refused);
    }

    /// Refuses a command that should not have come, or not like this.
    pub(super) fn complain(&mut self, complaint: &Complaint) {
        self.tally.bad_commands += 1;
        if self.tally.bad_commands > self.settings.limits.bad_commands {
            return self.give_up(&Complaint::TooManyBadCommands, SessionEnd::Refused);
        }
        self.refuse(complaint.refused());
    }

    pub(super) fn count_authentication_failure(&mut self) {
        self.tally.authentication_failures += 1;
        if self.tally.authentication_failures >= self.settings.limits.authentication_failures {
            let complaint = Complaint::TooManyAuthenticationFailures;
            self.give_up(&complaint, SessionEnd::Refused);
        }
    }

    /// The last reply of this session.
    pub(super) fn give_up(&mut self, complaint: &Complaint, end: SessionEnd) {
        self.refuse(complaint.refused());
        self.phase = Phase::Over(end);
    }
}

impl Phase {
    pub(super) fn content(transaction: Box<Transaction>, limit: usize) -> Self {
        let reader = ContentReader::new(limit);
        Self::Content(Box::new(Incoming { transaction, reader, started: None, refused: None }))
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
