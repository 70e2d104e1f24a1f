//! What the session does about each command (RFC 5321 section 4.1.1), and in
//! what order it takes them (section 4.1.4).

use super::{
    command::{Command, Mail},
    complaint::Complaint,
    session::{Phase, Session, Step, Transaction},
    settings::{Relaying, Settings, StartTls},
};
use crate::mail::{
    AddressEncoding, Direction, Envelope, Origin, Protocol, Recipient, Requests, SessionEnd,
};

impl Session {
    pub(super) fn obey(&mut self, command: Command) -> Option<Step> {
        if let Err(complaint) = self.require_tls(&command) {
            self.complain(&complaint);
            return None;
        }
        match command {
            Command::Hello { protocol, name } => self.hello(protocol, name),
            Command::Mail(mail) => return self.mail(mail),
            Command::Recipient(recipient) => return self.recipient(recipient),
            Command::Data => return self.data(),
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
            // Its octets would be taken for commands.
            Command::Chunk => self.give_up(&Complaint::NotImplemented, SessionEnd::Refused),
        }
        None
    }

    /// RFC 3207 section 4 names what may be said before STARTTLS.
    fn require_tls(&self, command: &Command) -> Result<(), Complaint> {
        let required = self.settings.start_tls == StartTls::Required && self.peer.tls.is_none();
        let harmless = matches!(
            command,
            Command::Hello { .. } | Command::Noop | Command::Quit | Command::StartTls
        );
        if required && !harmless { Err(Complaint::TlsFirst) } else { Ok(()) }
    }

    /// Also ends a transaction (RFC 5321 section 4.1.4).
    fn hello(&mut self, protocol: Protocol, name: String) {
        let authenticated = match std::mem::take(&mut self.phase) {
            Phase::Idle(origin) => origin.authenticated,
            Phase::Envelope(transaction) => transaction.origin.authenticated,
            _ => None,
        };
        self.phase = Phase::Idle(Box::new(Origin {
            listener: self.settings.listener.clone(),
            direction: self.settings.direction,
            client: self.peer.address,
            helo: name,
            protocol,
            tls: self.peer.tls.clone(),
            authenticated,
            certified: self.peer.certified.clone(),
            forwarded: None,
        }));
        match protocol {
            Protocol::Smtp => {
                let greeting = format!("250 {}", self.settings.node);
                self.idle_reply(&greeting);
            }
            Protocol::Esmtp | Protocol::Lmtp => {
                let extensions = self.extensions();
                self.idle_reply(&extensions);
            }
        }
    }

    fn extensions(&self) -> String {
        let Settings { node, limits, start_tls, .. } = &*self.settings;
        let mut reply = format!(
            "250-{node}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n",
            limits.message
        );
        if self.peer.tls.is_none() && *start_tls != StartTls::NotOffered {
            reply.push_str("250-STARTTLS\r\n");
        }
        let mechanisms: Vec<_> =
            self.mechanisms().into_iter().map(|mechanism| mechanism.name()).collect();
        if !mechanisms.is_empty() {
            reply.push_str(&format!("250-AUTH {}\r\n", mechanisms.join(" ")));
        }
        reply.push_str("250 ENHANCEDSTATUSCODES");
        reply
    }

    fn mail(&mut self, mail: Mail) -> Option<Step> {
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
    fn recipient(&mut self, recipient: Recipient) -> Option<Step> {
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

    fn data(&mut self) -> Option<Step> {
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

    fn reset(&mut self) {
        self.phase = match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) => Phase::Idle(transaction.origin),
            phase => phase,
        };
        self.idle_reply("250 2.0.0 ok");
    }

    fn start_tls(&mut self) -> Option<Step> {
        let complaint = match &self.phase {
            _ if self.peer.tls.is_some() => Complaint::TlsAlready,
            _ if self.settings.start_tls == StartTls::NotOffered => Complaint::TlsNotOffered,
            Phase::Envelope(_) => Complaint::TransactionOpen,
            Phase::Idle(_) => {
                self.reply("220 2.0.0 ready for TLS");
                self.phase = Phase::Over(SessionEnd::TlsFailed);
                return Some(Step::StartTls);
            }
            _ => Complaint::HelloFirst,
        };
        self.complain(&complaint);
        None
    }
}

const HELP: &str = "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY";
