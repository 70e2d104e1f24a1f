//! What the session does about each command (RFC 5321 section 4.1.1), and in
//! what order it takes them (section 4.1.4).

use super::{
    command::Command,
    complaint::Complaint,
    sasl::{Mechanism, Turn},
    session::{Phase, Session, Step},
    settings::{Sasl, StartTls},
};
use crate::mail::{Origin, SessionEnd};

impl Session {
    pub(super) fn obey(&mut self, command: Command) -> Option<Step> {
        if let Err(complaint) = self.require_tls(&command) {
            self.complain(&complaint);
            return None;
        }
        match command {
            Command::Hello { protocol, name } => self.hello(protocol, name),
            Command::Mail(mail) => return self.mail(mail),
            Command::Recipient(recipient, written) => return self.recipient(recipient, written),
            Command::Data => return self.data(),
            Command::Chunk(chunk) => return self.chunk(chunk),
            Command::StartTls => return self.start_tls(),
            Command::Authenticate { mechanism, initial_response } => {
                return self.authenticate(&mechanism, initial_response.as_deref());
            }
            Command::Reset => self.reset(),
            Command::Noop => self.idle_reply("250 2.0.0 ok"),
            Command::Verify => self.idle_reply("252 2.1.5 not verified; send mail and see"),
            Command::Help => self.idle_reply(HELP),
            Command::Quit => {
                self.reply("221 2.0.0 goodbye");
                self.phase = Phase::Over(SessionEnd::Quit);
            }
        }
        None
    }

    /// RFC 3207 section 4 names what may be said before STARTTLS.
    fn require_tls(&self, command: &Command) -> Result<(), Complaint> {
        let harmless = matches!(
            command,
            Command::Hello { .. } | Command::Noop | Command::Quit | Command::StartTls
        );
        // The octets of a chunk must be read before it can be refused.
        let later = matches!(command, Command::Chunk(_));
        if self.tls_is_missing() && !harmless && !later { Err(Complaint::TlsFirst) } else { Ok(()) }
    }

    pub(super) fn tls_is_missing(&self) -> bool {
        self.settings.start_tls == StartTls::Required && self.peer.tls.is_none()
    }

    fn start_tls(&mut self) -> Option<Step> {
        let complaint = match &self.phase {
            _ if self.peer.tls.is_some() => Complaint::TlsAlready,
            _ if self.settings.start_tls == StartTls::NotOffered => Complaint::TlsNotOffered,
            Phase::Envelope(_) | Phase::Chunked(_) => Complaint::TransactionOpen,
            Phase::Idle(_) => {
                self.reply("220 2.0.0 ready for TLS");
                self.phase = Phase::Over(SessionEnd::TlsFailed);
                return Some(Step::StartTls);
            }
            _ => self.hello_first(),
        };
        self.complain(&complaint);
        None
    }

    fn authenticate(&mut self, mechanism: &str, response: Option<&str>) -> Option<Step> {
        match self.may_authenticate(mechanism) {
            Err(complaint) => {
                self.complain(&complaint);
                None
            }
            Ok(mechanism) => match std::mem::take(&mut self.phase) {
                Phase::Idle(origin) => self.sasl_turn(origin, mechanism.begin(response)),
                phase => {
                    self.out_of_order(phase);
                    None
                }
            },
        }
    }

    fn may_authenticate(&self, mechanism: &str) -> Result<Mechanism, Complaint> {
        if self.settings.sasl == Sasl::NotOffered {
            return Err(Complaint::SaslNotOffered);
        }
        if self.peer.tls.is_none() {
            return Err(Complaint::SaslNeedsTls);
        }
        match &self.phase {
            Phase::Idle(origin) if origin.authenticated.is_some() => Err(Complaint::SaslAlready),
            Phase::Envelope(_) | Phase::Chunked(_) => Err(Complaint::TransactionOpen),
            _ => Mechanism::named(mechanism).ok_or(Complaint::SaslMechanism),
        }
    }

    pub(super) fn sasl_turn(
        &mut self,
        origin: Box<Origin>,
        turn: Result<Turn, Complaint>,
    ) -> Option<Step> {
        match turn {
            Ok(Turn::Done(credentials)) => return Some(Step::Authenticate(origin, credentials)),
            Ok(Turn::Challenge(challenge, exchange)) => {
                self.reply(&format!("334 {challenge}"));
                self.phase = Phase::Authenticating(origin, exchange);
            }
            Err(complaint) => {
                self.phase = Phase::Idle(origin);
                self.complain(&complaint);
            }
        }
        None
    }
}

const HELP: &str = "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY";
