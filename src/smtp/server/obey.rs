//! What the session does about each command (RFC 5321 section 4.1.1), and in
//! what order it takes them (section 4.1.4).

use super::{
    command::Command,
    complaint::Complaint,
    session::{Phase, Session, Step},
    settings::StartTls,
};
use crate::mail::SessionEnd;

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
            Command::XClient(argument) => return self.xclient(&argument),
            Command::XForward(argument) => self.xforward(&argument),
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
            _ if self.settings.start_tls == StartTls::NotOffered || self.speaks_for_another() => {
                Complaint::TlsNotOffered
            }
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
}

const HELP: &str = "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY";
