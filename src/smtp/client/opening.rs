//! What is said before any mail: greeting, EHLO, STARTTLS, EHLO
//! again, and AUTH where we have credentials
//! (RFC 5321 section 4.1.1.1, RFC 3207). Every way to `Ready`, where mail may
//! be said, begins here: law 2 stands or falls with it.

use super::{
    extensions::Extensions,
    failed::Failed,
    replies::Received,
    session::{Channel, Dialect, Encryption, Session, State},
};
use crate::mail::{Reply, Severity};

impl Session {
    pub(super) fn say_hello(&mut self, channel: Channel) {
        let verb = match self.settings.dialect {
            Dialect::Smtp => "EHLO",
            Dialect::Lmtp => "LHLO",
        };
        self.say(format!("{verb} {}\r\n", self.settings.name), State::Hello(channel));
    }

    pub(super) fn hello(&mut self, channel: Channel, received: &Received) {
        match (received.reply.severity(), self.settings.dialect) {
            (Severity::Positive, _) => {
                self.greeted(channel, Extensions::of(received.lines(), channel));
            }
            (Severity::Permanent, Dialect::Smtp) => {
                let command = format!("HELO {}\r\n", self.settings.name);
                self.say(command, State::OldHello(channel));
            }
            _ => self.fail(Failed::Refused(received.reply.clone())),
        }
    }

    pub(super) fn greeted(&mut self, channel: Channel, peer: Extensions) {
        if channel == Channel::Clear {
            self.introduction.in_clear = Some(peer);
        }
        match (channel, self.settings.encryption) {
            (Channel::Clear, Encryption::Required | Encryption::IfOffered) if peer.start_tls() => {
                self.say(&b"STARTTLS\r\n"[..], State::StartTls(peer));
            }
            (Channel::Clear, Encryption::Required) => self.fail(Failed::TlsNotOffered),
            _ => self.introduced(channel, peer),
        }
    }

    pub(super) fn start_tls(&mut self, peer: Extensions, reply: &Reply) {
        match (reply.severity(), self.settings.encryption) {
            (Severity::Positive, _) if self.replies.is_empty() => self.state = State::Handshake,
            (Severity::Positive, _) => self.fail(Failed::Injected),
            (_, Encryption::Required) => self.fail(Failed::TlsRefused(reply.clone())),
            _ => self.introduced(Channel::Clear, peer),
        }
    }
}
